"""The web's encodings: their labels, and the characters that browsers read."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafetch.pages.encodings import decode, encoding_of

SUITE = Path(__file__).parents[3] / "shared" / "suites" / "encoding"
with_the_suite = pytest.mark.skipif(
    not SUITE.exists(), reason="the tables of the Encoding Standard are not here"
)

NAMES = [
    "utf-8",
    "ibm866",
    "iso-8859-2",
    "iso-8859-3",
    "iso-8859-4",
    "iso-8859-5",
    "iso-8859-6",
    "iso-8859-7",
    "iso-8859-8",
    "iso-8859-8-i",
    "iso-8859-10",
    "iso-8859-13",
    "iso-8859-14",
    "iso-8859-15",
    "iso-8859-16",
    "koi8-r",
    "koi8-u",
    "macintosh",
    "windows-874",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "x-mac-cyrillic",
    "gbk",
    "gb18030",
    "big5",
    "euc-jp",
    "iso-2022-jp",
    "shift_jis",
    "euc-kr",
    "replacement",
    "utf-16be",
    "utf-16le",
    "x-user-defined",
]


@pytest.mark.parametrize(
    ("label", "encoding"),
    [
        ("UTF-8", "utf-8"),
        (" utf8\n", "utf-8"),
        ("unicode", "utf-16le"),
        ("unicodefffe", "utf-16be"),
        ("latin1", "windows-1252"),
        ("us-ascii", "windows-1252"),
        ("iso-8859-9", "windows-1254"),
        ("iso-8859-11", "windows-874"),
        ("gb2312", "gbk"),
        ("ks_c_5601-1987", "euc-kr"),
        ("ms932", "shift_jis"),
        ("iso-2022-kr", "replacement"),
        ("hz-gb-2312", "replacement"),
        ("utf-7", None),
        ("rot13", None),
        ("idna", None),
        ("utf 8", None),
        ("\u212aoi8-r", None),
        ("\ud800", None),
        ("", None),
    ],
)
def test_labels(label, encoding):
    """Only the labels of the web count, in any case, and some mean more than they say."""
    assert encoding_of(label) == encoding


@with_the_suite
def test_all_labels_of_the_standard():
    """Each of the Standard's 228 labels stands for its encoding."""
    groups = json.loads((SUITE / "encodings.json").read_text())
    labels = {
        label: entry["name"].lower()
        for group in groups
        for entry in group["encodings"]
        for label in entry["labels"]
    }
    assert {label: encoding_of(label) for label in labels} == labels
    assert len(labels) == 228
    assert set(labels.values()) == set(NAMES)


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("windows-1252", b"\x80\x81\x9d\xa0\xff", "€\x81\x9d\xa0ÿ"),
        ("windows-1253", b"\x9f\xaa\xd2\xff\xe1", "\x9f\ufffd\ufffd\ufffdα"),
        ("windows-1255", b"\xca\xd9\xe0", "\u05ba\ufffdא"),
        ("windows-874", b"\x81\xa1\xdb", "\x81ก\ufffd"),
        ("koi8-u", b"\xae\xbe\xa4", "ўЎє"),
        ("macintosh", b"\xdb\xf0", "€\uf8ff"),
        ("iso-8859-8-i", b"\xe0\xff", "א\ufffd"),
        ("x-mac-cyrillic", b"\xa2\xff", "Ґ€"),
        ("x-user-defined", b"a\x80\xff", "a\uf780\uf7ff"),
        ("replacement", b"<title>x", "\ufffd"),
        ("replacement", b"", ""),
        ("utf-8", b"a\xff\xe4\xb8z", "a\ufffd\ufffdz"),
        ("utf-16le", b"a\x00\x00\xd8b\x00", "a\ufffdb"),
        ("utf-16be", b"\x00a\x4e", "a\ufffd"),
    ],
)
def test_single_bytes_and_unicode(encoding, body, text):
    """A byte without a character is a control or a fault, as in browsers, and nothing fails."""
    assert decode(body, encoding) == text


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("shift_jis", b"\x87\x40\x87\x8a\x87\x70\x81\x60\x81\x7c", "①㈱㎝～－"),
        ("shift_jis", b"\x81\x60\x81\x7c\x83\x5c\x7e\\\x80", "～－ソ~\\\x80"),
        ("shift_jis", b"\xb1\xa0\xfd\xf0\x40", "ｱ\ufffd\ufffd\ue000"),
        ("euc-jp", b"\xad\xa1\xad\xea\xad\xd1\xa1\xc1\xa1\xdd", "①㈱㎝～－"),
        ("euc-jp", b"\x8e\xb1\x8f\xb0\xa1\x8f\xa2\xb7\xfc\xf1", "ｱ丂～ⅰ"),
        ("iso-2022-jp", b"\x1b$B\x2d\x21\x2d\x6a\x21\x41\x1b(B~\\", "①㈱～~\\"),
        ("iso-2022-jp", b"\x1b$@\x46\x7c\x1b(J\\~\x1b(I1\x1b(Bz", "日¥‾ｱz"),
        ("big5", b"\xa1\x45\xa1\x4e\xa2\x41\xa3\xe1\xf9\xd6", "‧﹑∕€碁"),
        ("big5", b"\x87\x7a\x87\xdf\x88\x62\xa3\xc0\x8e\x69", "㡵鿋\u00ca\u0304␀箸"),
        ("gbk", b"\x80\xa2\xa1\xa8\xbc\xa6\xd9\xfe\x50", "€ⅰḿ︐⺁"),
        ("gb18030", b"\x81\x35\xf4\x37\x90\x30\x81\x30\xa3\xa0", "\ue7c7\U00010000\u3000"),
        ("euc-kr", b"\xb0\xa1\x81\x41\xa2\xe6", "가갂€"),
    ],
)
def test_characters_that_python_has_otherwise(encoding, body, text):
    """Signs such as `①`, `㈱`, `～` and `€` are read as browsers read them."""
    assert decode(body, encoding) == text


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("shift_jis", b'\x81"x', '\ufffd"x'),
        ("shift_jis", b"\x81\xfdx", "\ufffdx"),
        ("euc-jp", b'\xa4"x\x8fz\x8f\xb0"x', '\ufffd"x\ufffdz\ufffd"x'),
        ("euc-jp", b"\x80\xa4\xa2\xa4\xffx", "\ufffdあ\ufffdx"),
        ("big5", b'\xa4"x\xa4\x80x\xff\x80', '\ufffd"x\ufffdx\ufffd\ufffd'),
        ("euc-kr", b'\xb0"x\xb0\x80x\x80', '\ufffd"x\ufffdx\ufffd'),
        ("gbk", b'\xb0"x\xb0\x7fx\xff', '\ufffd"x\ufffd\x7fx\ufffd'),
        ("gb18030", b"\x810<\x810\x81<\x84\x31\xa5\x30x", "\ufffd0<\ufffd0\ufffd<\ufffdx"),
        ("iso-2022-jp", b"\x80\x0e\x1b$x\x1b(Bz", "\ufffd\ufffd\ufffd$xz"),
        ("iso-2022-jp", b"\x1b$B\x46\n\x46\x1b(B<", "\ufffd\ufffd<"),
        ("iso-2022-jp", b"\x1b$B\x46\x1b\x46\x7c", "\ufffd\ufffd日"),
        ("iso-2022-jp", b"\x1b$B\x1b(Bx\x1b(I\x60", "\ufffdx\ufffd"),
    ],
)
def test_a_fault_swallows_no_markup(encoding, body, text):
    """After bytes that are no character an ASCII byte is read as itself: a quote stays a quote."""
    assert decode(body, encoding) == text


def index(name: str) -> dict[int, str]:
    """A table of the Standard: characters by their numbers (pointers)."""
    lines = (SUITE / f"index-{name}.txt").read_text().split("\n")
    rows = [line.split("\t") for line in lines if line.strip() and not line.startswith("#")]
    return {int(row[0]): chr(int(row[1], 16)) for row in rows}


def pairs(leads: range, *trails: range) -> Iterator[bytes]:
    """Pairs of bytes in the order of the Standard's pointers."""
    for lead in leads:
        for part in trails:
            for trail in part:
                yield bytes([lead, trail])


def shift_jis_pairs() -> Iterator[bytes]:
    """The pairs of Shift_JIS in the order of the pointers of JIS X 0208."""
    trails = (range(0x40, 0x7F), range(0x80, 0xFD))
    yield from pairs(range(0x81, 0xA0), *trails)
    yield from pairs(range(0xE0, 0xFD), *trails)


EUC = (range(0xA1, 0xFF), range(0xA1, 0xFF))
WHOLE = (range(0x81, 0xFF), range(0x40, 0x7F), range(0x80, 0xFF))


@with_the_suite
@pytest.mark.parametrize(
    ("encoding", "table", "prefix", "tokens"),
    [
        ("euc-jp", "jis0208", b"", lambda: pairs(*EUC)),
        ("euc-jp", "jis0212", b"\x8f", lambda: pairs(*EUC)),
        ("euc-kr", "euc-kr", b"", lambda: pairs(range(0x81, 0xFF), range(0x41, 0xFF))),
        ("gbk", "gb18030", b"", lambda: pairs(*WHOLE)),
        ("big5", "big5", b"", lambda: pairs(WHOLE[0], WHOLE[1], range(0xA1, 0xFF))),
        ("shift_jis", "jis0208", b"", shift_jis_pairs),
    ],
    ids=["euc-jp", "jis-x-0212", "euc-kr", "gbk", "big5", "shift_jis"],
)
def test_every_character_of_the_standard(encoding, table, prefix, tokens):
    """Each pair of bytes is the character of the Standard's table, or a fault."""
    characters = index(table)
    if encoding == "shift_jis":
        characters |= {8836 + number: chr(0xE000 + number) for number in range(1880)}
    if encoding == "big5":
        # Four pairs are two characters each; the table has no place for them.
        characters |= {1133: "Ê\u0304", 1135: "Ê\u030c", 1164: "ê\u0304", 1166: "ê\u030c"}
    wrong = []
    for pointer, token in enumerate(tokens()):
        again = chr(token[-1]) if token[-1] < 0x80 else ""
        expected = characters.get(pointer, "\ufffd" + again)
        found = decode(prefix + token, encoding)
        if found != expected:
            wrong.append((token, expected, found))
    assert wrong == []


@with_the_suite
def test_every_character_of_iso_2022_jp():
    """Japanese mail's encoding has the same characters, and katakana of half a width."""
    for pointer, character in index("jis0208").items():
        if pointer < 94 * 94:
            pair = bytes([0x21 + pointer // 94, 0x21 + pointer % 94])
            assert decode(b"\x1b$B" + pair, "iso-2022-jp") == character
    katakana = decode(b"\x1b(I" + bytes(range(0x21, 0x60)), "iso-2022-jp")
    assert katakana == "".join(map(chr, range(0xFF61, 0xFFA0)))
    assert len(katakana) == len(index("iso-2022-jp-katakana"))


@with_the_suite
def test_every_character_of_four_bytes():
    """Whatever GB 18030 writes in four bytes is the Standard's character, or one fault."""
    ranges = sorted((pointer, ord(first)) for pointer, first in index("gb18030-ranges").items())
    starts = [*ranges, (1_237_576, 0)]
    wrong = []
    for (start, first), (end, _) in itertools.pairwise(starts):
        for pointer in {start, (start + end) // 2, end - 1}:
            outside = 39_419 < pointer < 189_000
            expected = "\ufffd" if outside else chr(first + pointer - start)
            if decode(four(pointer), "gb18030") != expected:
                wrong.append((pointer, expected))
    assert wrong == []
    assert decode(four(7457), "gb18030") == "\ue7c7"
    assert decode(four(1_237_576), "gb18030") == "\ufffd"


def four(pointer: int) -> bytes:
    """The four bytes of a pointer into the ranges of GB 18030."""
    rest, fourth = divmod(pointer, 10)
    rest, third = divmod(rest, 126)
    first, second = divmod(rest, 10)
    return bytes([0x81 + first, 0x30 + second, 0x81 + third, 0x30 + fourth])


@with_the_suite
def test_every_byte_of_windows_1252():
    """The encoding that pages are read in last is the Standard's, byte by byte."""
    characters = index("windows-1252")
    assert decode(bytes(range(0x80, 0x100)), "windows-1252") == "".join(
        characters[number] for number in range(0x80)
    )


@given(st.sampled_from(NAMES), st.binary(max_size=60))
@settings(deadline=None)
def test_any_bytes_are_some_text(encoding, body):
    """No bytes fail to decode, and ASCII before the first other byte stays what it is."""
    text = decode(body, encoding)
    text.encode()
    if encoding not in ("replacement", "utf-16le", "utf-16be", "iso-2022-jp"):
        plain = len(body) - len(body.lstrip(bytes(range(0x80))))
        assert text[:plain].encode() == body[:plain]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("encoding", NAMES)
def test_hostile_bytes_cost_linear_time(encoding):
    """Half a megabyte of faults is read in the time of half a megabyte of text."""
    for unit in (b"\x81", b"\xff", b"\x8f\xa1", b"\x810", b"\x1b$B\x1b(B", b"\x1b$B"):
        decode(unit * (512 * 1024 // len(unit)), encoding)
