"""Characters of pages: what declares them, and what is done when that is not true."""

import codecs
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datafetch.pages.charset import declared, decode_page


@given(st.binary(max_size=200), st.text(max_size=40))
@example(b'<meta charset="idna">', "text/html")
@example(b"\xff\xfe\x00", "charset=utf-16")
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_some_text(body: bytes, content_type: str) -> None:
    """No bytes under no header fail to decode."""
    decode_page(body, content_type).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    ("header", "page", "expected"),
    [
        ("text/html; charset=windows-1251", b"<meta charset=utf-8>", "cp1251"),
        ("text/html; Charset = 'Latin1'", b"", "cp1252"),
        ("text/html; charset=nonsense", b"<meta charset=koi8-r>", "koi8-r"),
        ("text/html", b'<meta http-equiv=x content="text/html; charset=big5">', "big5hkscs"),
        ("text/html", b'<?xml version="1.0" encoding="iso-8859-2"?>', "iso8859-2"),
        ("text/html", b"<!-- <meta charset=koi8-r> --><meta charset=utf-8>", "utf-8"),
        ("text/html", b"<!-- <meta charset=koi8-r>", None),
        ("text/html", b"<!--><meta charset=koi8-r>-->", None),
        ("text/html", b"<meta charset=utf-16>", "utf-8"),
        ("text/html", b"<meta charset=rot13>", None),
        ("text/html", b" " * 16_363 + b"<meta charset=koi8-r>", "koi8-r"),
        ("text/html", b" " * 16_384 + b"<meta charset=koi8-r>", None),
        ("text/html", b"", None),
    ],
)
def test_declarations(header: str, page: bytes, expected: Any) -> None:
    """The header is believed before the page, and only labels that the web knows count."""
    assert declared(page, header) == expected


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
    assert decode_page(mark + "Grüße".encode(codec), "text/html; charset=koi8-r") == "Grüße"


@pytest.mark.parametrize("label", ["utf-16", "utf-16be", "unicode"])
def test_a_header_that_is_wrong_by_two_bytes(label: str) -> None:
    """A page of ASCII or UTF-8 whose header says UTF-16 became Chinese; what is UTF-16 is read as such."""
    header = f"text/html; charset={label}"
    assert decode_page("<title>Grüße</title>".encode(), header) == "<title>Grüße</title>"
    codec = "utf-16-be" if label == "utf-16be" else "utf-16-le"
    assert decode_page("<title>话</title>".encode(codec), header) == "<title>话</title>"


@pytest.mark.parametrize(
    ("body", "header", "text"),
    [
        ("Grüße".encode(), "", "Grüße"),
        ("Grüße".encode("cp1252"), "", "Grüße"),
        ("Grüße".encode("cp1252"), "charset=utf-8", "Grüße"),
        ("Grüße".encode(), "charset=iso-8859-1", "Grüße"),
        ("Grüße".encode("cp1252"), "charset=iso-8859-1", "Grüße"),
        ("Привет".encode("cp1251"), "charset=windows-1251", "Привет"),
        ("Привет".encode(), "charset=shift_jis", "Привет"),
        ("ｱ".encode("cp932") + b"\x81 x", "charset=shift_jis", "ｱ\ufffd x"),
        ("日本".encode("iso2022_jp"), "charset=iso-2022-jp", "日本"),
        (b"\x1b$(Qx", "charset=iso-2022-jp", "\x1b$(Qx"),
        ("Grüße, Köln".encode() + b"\xff", "", "Grüße, Köln\ufffd"),
        ("日本".encode()[:-1], "", "日"),
        ("日本".encode("euc_jp")[:-1], "charset=euc-jp", "日\ufffd"),
    ],
)
def test_a_page_is_read_as_what_it_can_be(body: bytes, header: str, text: str) -> None:
    """Valid UTF-8 is UTF-8 whatever was declared; what cannot be what was declared is read better."""
    assert decode_page(body, header) == text
