"""Characters of pages: what declares them, and what is done when that is not true."""

import codecs

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datafetch.pages.charset import decode_page

UTF8 = "text/html; charset=utf-8"


@given(st.binary(max_size=200), st.text(max_size=40))
@example(b'<meta charset="idna">', "text/html")
@example(b"\xff\xfe\x00", "charset=utf-16")
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_some_text(body: bytes, content_type: str) -> None:
    """No bytes under no header fail to decode."""
    decode_page(body, content_type).encode()


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_a_byte_order_mark_is_believed_first(mark: bytes, codec: str) -> None:
    """A page that begins with a mark is what the mark says, and the mark is not part of it."""
    page = "<meta charset=gbk>Grüße"
    assert decode_page(mark + page.encode(codec), "text/html; charset=koi8-r") == page


@pytest.mark.parametrize(
    ("body", "header", "text"),
    [
        (b"\xf7<meta charset=windows-1252>", "text/html; charset=koi8-r", "В"),
        (b"\xf7<meta charset=koi8-r>", "text/html; charset=nonsense", "В"),
        (b"\xf7<meta charset=koi8-r>", "text/html", "В"),
        (b"\xf7<meta charset=rot13><meta charset=koi8-r>", "", "В"),
        (b"\xf7<?xml encoding='koi8-r'?>", "", "÷"),
    ],
)
def test_the_header_counts_before_the_page(body: bytes, header: str, text: str) -> None:
    """Of two declarations the header's is believed, and what browsers do not know is none."""
    assert decode_page(body, header)[0] == text


@pytest.mark.parametrize("label", ["utf-16", "utf-16be", "unicode"])
def test_a_header_that_is_wrong_by_two_bytes(label: str) -> None:
    """A page of ASCII or UTF-8 whose header says UTF-16 became Chinese; what is UTF-16 is read as such."""
    header = f"text/html; charset={label}"
    assert decode_page("<title>Grüße</title>".encode(), header) == "<title>Grüße</title>"
    assert decode_page(b"\xf7<meta charset=koi8-r>", header)[0] == "В"
    codec = "utf-16-be" if label == "utf-16be" else "utf-16-le"
    for title in ("<title>话</title>", "<title>plain</title>"):
        assert decode_page(title.encode(codec), header) == title


@pytest.mark.parametrize(
    "header", ["text/html; charset=shift_jis", "text/html; charset=latin1", UTF8, ""]
)
def test_bytes_that_are_utf8_are_that_whatever_was_declared(header: str) -> None:
    """Servers declare their default for all pages; by accident hardly any text is valid UTF-8."""
    assert decode_page("Grüße, Привет, 日本".encode(), header) == "Grüße, Привет, 日本"
    assert decode_page("日本".encode()[:-1], header) == "日"
    assert decode_page("<meta charset=gbk>Größe".encode(), header)[18:] == "Größe"


@pytest.mark.parametrize("header", [UTF8, ""])
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Grüße \ufffd Köln".encode(), "Grüße \ufffd Köln"),
        ("\ufffd".encode() * 9 + "ü".encode(), "\ufffd" * 9 + "ü"),
        ("Grüße, Köln".encode() + b"\xff", "Grüße, Köln\ufffd"),
        ("ü".encode() + b"\xff.", "ü\ufffd."),
        (b'<meta content="It\xe2\x80">', '<meta content="It\ufffd">'),
        (b"\xf0\x9f\x98<\xf0\x9f<\xe3\x81<", "\ufffd<\ufffd<\ufffd<"),
        ("日本".encode()[:-1] + b'">' + "日本".encode(), '日\ufffd">日本'),
        ("<meta charset=gbk>日本日本".encode() + b"\xff", None),
    ],
)
def test_a_fault_is_no_other_encoding(body: bytes, text: str | None, header: str) -> None:
    """A page in UTF-8 that says U+FFFD, or whose text was cut in a character, is in UTF-8."""
    if text is not None:
        assert decode_page(body, header) == text
    elif header:
        assert decode_page(body, header)[18:] == "日本日本\ufffd"


@pytest.mark.parametrize(
    ("body", "header", "text"),
    [
        (b"<meta charset=koi8-r>\xf0\xd2\xc9\xd7\xc5\xd4", UTF8, "Привет"),
        (b"<meta charset=utf-8><html lang=ru>\xcf\xf0\xe8\xe2\xe5\xf2", UTF8, "Привет"),
        (b"<meta charset=utf-8>Gr\xfc\xdfe", "", "Grüße"),
        (b"Gr\xfc\xdfe", UTF8, "Grüße"),
        (b"Gr\xfc\xdfe \xc3\xbc \xe9", UTF8, "Grüße Ã¼ é"),
    ],
)
def test_what_is_mostly_not_utf8_is_not(body: bytes, header: str, text: str) -> None:
    """Where more than half is broken, the page's tag counts, then a guess, then windows-1252."""
    assert decode_page(body, header).endswith(text)


@pytest.mark.parametrize(
    ("body", "header", "text"),
    [
        (b"Gr\xfc\xdfe", "text/html; charset=iso-8859-1", "Grüße"),
        (b"\xcf\xf0\xe8\xe2\xe5\xf2", "text/html; charset=windows-1251", "Привет"),
        (b"\xb1\x81 x", "text/html; charset=shift_jis", "ｱ\ufffd x"),
        (b"\x1b$BF|K\\\x1b(B", "text/html; charset=iso-2022-jp", "日本"),
        (b"\x1b$BF|K\\\x1b(B", UTF8, "\x1b$BF|K\\\x1b(B"),
        (b"<meta charset=iso-2022-jp>\x1b$BF|K\\", "", "日本"),
        (b"\xc6\xfc\xcb\xdc\xc6", "text/html; charset=euc-jp", "日本\ufffd"),
        (b"<title>x", "text/html; charset=iso-2022-kr", "\ufffd"),
        (b"\xff<title>x", "text/html; charset=hz-gb-2312", "\ufffd"),
        (b"\x80", "text/html; charset=x-user-defined", "\uf780"),
        (b"<meta charset=x-user-defined>\x80", "", "€"),
    ],
)
def test_what_was_declared_holds(body: bytes, header: str, text: str) -> None:
    """An encoding that was declared is the page's, even where a byte does not fit."""
    assert decode_page(body, header).endswith(text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"plain", "plain"),
        (b"", ""),
        (b"Gr\xfc\xdfe \x80", "Grüße €"),
        (b"\x1b$BF|K\\\x1b(B", "日本"),
        ("<html lang=ko>한국 뉴스".encode("cp949"), "<html lang=ko>한국 뉴스"),
    ],
)
def test_nothing_is_declared(body: bytes, text: str) -> None:
    """A page that declares nothing is UTF-8 or what its bytes look like, and last windows-1252."""
    assert decode_page(body, "text/html") == text


READ_OTHERWISE = {
    "bytes that are UTF-8, declared as another encoding": (
        "ü".encode(),
        "text/html; charset=latin1",
        "ü",
    ),
    "ASCII, declared as UTF-16": (b"ab", "text/html; charset=utf-16", "ab"),
    "single quotes in the header": (b"\xf7", "text/html; charset='koi8-r'", "В"),
    "blanks in the header": (b"\xf7", "text/html; charset = koi8-r", "В"),
    "bytes that are not UTF-8, declared as UTF-8": (b"\xfc", "text/html; charset=utf-8", "ü"),
    "a declaration after the first 1024 bytes": (
        b"\xf7" + b" " * 2000 + b"<meta charset=koi8-r>",
        "",
        "В",
    ),
}
"""What is read otherwise than browsers read it, on purpose: each time the page's author meant what
is read here, and a browser shows him what he did not mean. Nobody sees our pages before they are
stored, so there is nobody to notice and to mend the declaration.
"""


@pytest.mark.parametrize(
    ("body", "header", "text"), READ_OTHERWISE.values(), ids=READ_OTHERWISE.keys()
)
def test_what_is_read_otherwise_than_by_browsers(body: bytes, header: str, text: str) -> None:
    """The list of what is read otherwise on purpose is true."""
    assert decode_page(body, header).startswith(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit", [b"\xff", b"\xe2\x80", b"\xc3\xbc\xff", b"\xf0\x9f\x98\xf0", b"\x1b$", b"\xe9 "]
)
def test_hostile_bytes_cost_linear_time(unit: bytes) -> None:
    """Half a megabyte of bytes that fit no encoding is read at once."""
    for header in ("", UTF8):
        decode_page(unit * (512 * 1024 // len(unit)), header)
