"""Encodings by html5lib's tests and the tables of the Encoding Standard, through what reads a page.

Nothing in them is read otherwise than browsers read it. What is read otherwise on purpose is in
none of them: bytes that are valid UTF-8 are UTF-8 whatever was declared.
"""

import json
from collections.abc import Iterator

import pytest

from datafetch.pages.charset import decode_page
from tests.suites import NO_SUITES, SUITES, has_suites

ENCODING = SUITES / "encoding"

pytestmark = pytest.mark.skipif(not has_suites, reason=NO_SUITES)

PROBES = {
    "utf-8": "é".encode(),
    "windows-1252": "Élève à l’école: déjà une fête, ça coûte 5 €".encode("cp1252"),
    "iso-8859-2": b"\xb1\xe6",
    "euc-jp": b"\xc6\xfc",
}
"""Bytes that show which encoding a page was read in, laid before it."""

SHOWN = {
    "utf-8": "é",
    "windows-1252": "Élève à l’école: déjà une fête, ça coûte 5 €",
    "iso-8859-2": "ąć",
    "euc-jp": "日",
}


def declarations() -> Iterator[tuple[bytes, str]]:
    """Each page of html5lib's tests, and the encoding that it declares."""
    for path in sorted((ENCODING / "html5lib").glob("*.dat")):
        for case in path.read_bytes().split(b"#data\n")[1:]:
            page, _, rest = case.partition(b"\n#encoding\n")
            yield page, rest.split(b"\n")[0].decode().lower()


def test_declarations_are_found_where_browsers_find_them() -> None:
    """A bogus first declaration hid the second; one in a comment or a wrong attribute counted.

    Where browsers take windows-1252 for want of a declaration, the bytes are judged: these few
    do not say enough, so they are windows-1252 as well.
    """
    wrong, tried = [], 0
    for page, encoding in declarations():
        tried += 1
        found = decode_page(PROBES[encoding] + b"\n" + page, "text/html")
        if not found.startswith(SHOWN[encoding] + "\n"):
            wrong.append((page[:300], encoding, found[:60]))
    assert wrong == []
    assert tried > 60


def test_labels_are_those_of_the_web() -> None:
    """Labels of Python instead of the web's: each of the Standard's 228 is known by a page's header."""
    groups = json.loads((ENCODING / "encodings.json").read_text())
    tried, wrong = 0, []
    for entry in (entry for group in groups for entry in group["encodings"]):
        shown = _single_byte(entry["name"])
        for label in entry["labels"]:
            tried += 1
            if shown is not None:
                body, text = shown
                found = decode_page(b"<p>" + body, f"text/html; charset={label}")
                if found != "<p>" + text:
                    wrong.append((label, found, text))
    assert wrong == []
    assert tried == 228


def _single_byte(name: str) -> tuple[bytes, str] | None:
    """Bytes that this encoding alone reads as the text; None for those tried by their tables."""
    samples = {
        "UTF-8": ("é–".encode(), "é–"),
        "IBM866": (b"\x8f\xe0\xa8\xf0", "ПриЁ"),
        "ISO-8859-2": (b"\xb1\xe6\xf1", "ąćń"),
        "ISO-8859-5": (b"\xbf\xe0\xd8", "При"),
        "ISO-8859-7": (b"\xc5\xeb\xeb\xdc", "Ελλά"),
        "ISO-8859-15": (b"5\xa4 \xb4", "5€ Ž"),
        "KOI8-R": (b"\xf0\xd2\xc9\xa3", "Приё"),
        "KOI8-U": (b"\xf0\xd2\xc9\xa4", "Приє"),
        "macintosh": (b"\x8e\xd1\xdb", "é—€"),
        "windows-874": (b"\xa1\xd2\x85", "กา…"),
        "windows-1250": (b"\x8a\xe8\x9e", "Ščž"),
        "windows-1251": (b"\xcf\xf0\xe8\xb8", "Приё"),
        "windows-1252": (b"\xe9\x80 \x93", "é€ “"),
        "windows-1253": (b"\xc5\xeb\xeb\xdc\x80", "Ελλά€"),
        "windows-1254": (b"\xdd\xfe\x93", "İş“"),
        "windows-1255": (b"\xf9\xec\xe5\xed", "שלום"),
        "windows-1256": (b"\xe3\xd1\xcd\xc8\xc7", "مرحبا"),
        "windows-1257": (b"\xe0\xf0\xfe", "ąšž"),
        "windows-1258": (b"\xd5\xfd\xfe", "Ơư₫"),
        "x-mac-cyrillic": (b"\x8f\xf0\xff", "Пр€"),
    }
    return samples.get(name)


def pairs(name: str) -> Iterator[tuple[int, str]]:
    """Pointer and character of each line of an index."""
    for line in (ENCODING / f"index-{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            pointer, code, *_ = line.split()
            yield int(pointer), chr(int(code, 16))


def big5() -> Iterator[tuple[bytes, str]]:
    """Bytes and text of each pair of the table of Big5 (Encoding Standard, 12.1.1)."""
    two = {1133: "Ê̄", 1135: "Ê̌", 1164: "ê̄", 1166: "ê̌"}
    for pointer, character in [*pairs("big5"), *two.items()]:
        trail = pointer % 157
        lead = pointer // 157 + 0x81
        yield bytes([lead, trail + (0x40 if trail < 0x3F else 0x62)]), character


def euc_kr() -> Iterator[tuple[bytes, str]]:
    """The same of EUC-KR (13.1.1)."""
    for pointer, character in pairs("euc-kr"):
        yield bytes([pointer // 190 + 0x81, pointer % 190 + 0x41]), character


def gb18030() -> Iterator[tuple[bytes, str]]:
    """The same of GB18030's pairs (10.2.1)."""
    for pointer, character in pairs("gb18030"):
        trail = pointer % 190
        lead = pointer // 190 + 0x81
        yield bytes([lead, trail + (0x40 if trail < 0x3F else 0x41)]), character


def gb18030_ranges() -> Iterator[tuple[bytes, str]]:
    """The first of each of GB18030's ranges of four bytes (10.2.1)."""
    for pointer, character in pairs("gb18030-ranges"):
        first, rest = divmod(pointer, 12600)
        second, rest = divmod(rest, 1260)
        third, fourth = divmod(rest, 10)
        yield bytes([first + 0x81, second + 0x30, third + 0x81, fourth + 0x30]), character


def euc_jp() -> Iterator[tuple[bytes, str]]:
    """The same of EUC-JP (11.1.1); the index goes on beyond what two bytes can say."""
    for pointer, character in pairs("jis0208"):
        if pointer < 94 * 94:
            yield bytes([pointer // 94 + 0xA1, pointer % 94 + 0xA1]), character
    for pointer, character in pairs("jis0212"):
        yield bytes([0x8F, pointer // 94 + 0xA1, pointer % 94 + 0xA1]), character


def shift_jis() -> Iterator[tuple[bytes, str]]:
    """The same of Shift_JIS (11.3.1)."""
    for pointer, character in pairs("jis0208"):
        lead, trail = divmod(pointer, 188)
        first = lead + (0x81 if lead < 0x1F else 0xC1)
        yield bytes([first, trail + (0x40 if trail < 0x3F else 0x41)]), character


TABLES = {
    "big5": big5,
    "euc-kr": euc_kr,
    "gb18030": gb18030,
    "gbk": gb18030,
    "gb18030 of four bytes": gb18030_ranges,
    "euc-jp": euc_jp,
    "shift_jis": shift_jis,
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_those_of_the_web(name: str) -> None:
    """Tables of Python instead of the web's lost `① ㈱ ㎝ ～ €`: each character of each index is read."""
    table = list(TABLES[name]())
    label = name.partition(" ")[0]
    body = b"".join(sequence + b"\n" for sequence, _ in table)
    lines = decode_page(body, f"text/html; charset={label}").split("\n")[:-1]
    assert len(lines) == len(table)
    wrong = [
        (sequence.hex(), text, found)
        for (sequence, text), found in zip(table, lines, strict=True)
        if found != text
    ]
    assert wrong == []


def test_katakana_of_half_the_width() -> None:
    """EUC-JP, Shift_JIS and ISO-2022-JP have these letters, each in its own way."""
    letters = [chr(code) for code in range(0xFF61, 0xFFA0)]
    numbers = [ord(letter) - 0xFF61 + 0xA1 for letter in letters]
    text = "".join(letters)
    euc = b"".join(bytes([0x8E, number]) for number in numbers)
    assert decode_page(euc, "text/html; charset=euc-jp") == text
    assert decode_page(bytes(numbers), "text/html; charset=shift_jis") == text
    seven = b"\x1b(I" + bytes(number - 0x80 for number in numbers) + b"\x1b(B"
    # What browsers write back is of full width; what they read is what stands there.
    assert decode_page(seven, "text/html; charset=iso-2022-jp") == text


def test_iso_2022_jp_by_the_table() -> None:
    """Old mailing lists: each pair of the table, after the sign that begins two bytes each."""
    table = [(p, c) for p, c in pairs("jis0208") if p < 94 * 94]
    body = b"".join(
        b"\x1b$B" + bytes([p // 94 + 0x21, p % 94 + 0x21]) + b"\x1b(B\n" for p, _ in table
    )
    lines = decode_page(body, "text/html; charset=iso-2022-jp").split("\n")[:-1]
    assert [line for line, (_, text) in zip(lines, table, strict=True) if line != text] == []
