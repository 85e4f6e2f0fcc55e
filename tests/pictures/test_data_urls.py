"""`data:` URLs: what they hold is what browsers see in them, within bounds, or an error of ours."""

import base64
import io
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.pictures.data_urls import is_data_url, read_data_url
from datafetch.pictures.images import inspect
from datafetch.upstream_errors import Malformed, Refused, TooLarge
from tests.fakes.pictures import picture

ICON = picture("png", 32)
DRAWING = picture("svg", 32)


def in_base64(data: bytes, media_type: str = "image/png") -> str:
    """The bytes as a page carries them."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("url", "media_type", "body"),
    [
        (in_base64(ICON), "image/png", ICON),
        (in_base64(ICON).rstrip("="), "image/png", ICON),
        (f"data:image/svg+xml,{quote(DRAWING)}", "image/svg+xml", DRAWING),
        ("data:image/svg+xml;utf8,%3Csvg/%3E", "image/svg+xml", b"<svg/>"),
        ("data:image/svg+xml,<svg fill='%23fff'/>", "image/svg+xml", b"<svg fill='#fff'/>"),
        ("data:image/svg+xml,<svg fill='#fff'/>", "image/svg+xml", b"<svg fill='"),
        (" \n dA\tta:image/png;base64,QU\nJD ", "image/png", b"ABC"),
        ("data:IMAGE/PNG;charset=x; base64,QUJD", "image/png", b"ABC"),
        ("data:image/png;base64;x,QUJD", "image/png", b"QUJD"),
        ("data:image/png;BASE64,Q%55%4A%44", "image/png", b"ABC"),
        ("data:image/png;base64,QQ==", "image/png", b"A"),
        ("data:image/png;base64,QUI", "image/png", b"AB"),
        ("data:image/png;base64,Q U J D", "image/png", b"ABC"),
        ("data:image/png;base64,", "image/png", b""),
        ("data:,x,y%2", "text/plain", b"x,y%2"),
        ("data:;base64,QUJD", "text/plain", b"ABC"),
        ("data:nonsense,é\ud800", "text/plain", b"\xc3\xa9\xef\xbf\xbd"),
    ],
)
def test_a_data_url_is_read_as_browsers_do(url: str, media_type: str, body: bytes) -> None:
    """Base64 forgives blanks and missing padding, `#` begins a fragment, the type has defaults."""
    assert is_data_url(url)
    found = read_data_url(url)
    assert (found.media_type, found.body) == (media_type, body)


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64,Q",
        "data:image/png;base64,QUJDR",
        "data:image/png;base64,QQ=",
        "data:image/png;base64,QQ===",
        "data:image/png;base64,Q=Q=",
        "data:image/png;base64,QU-_",
        "data:image/png;base64,QU\u00e9D",
        "data:image/png;base64",
        "data:",
        "https://example.com/,x",
        "",
    ],
)
def test_what_browsers_do_not_show_is_malformed(url: str) -> None:
    """Broken base64, a URL without its comma and one of another scheme hold no picture."""
    with pytest.raises(Malformed):
        read_data_url(url)


@pytest.mark.parametrize("url", ["database:x,y", "/data:,x", "xdata:,", "https://data:1/"])
def test_other_addresses_are_no_data_urls(url: str) -> None:
    """Whatever only looks like it is left to the reader of web addresses."""
    assert not is_data_url(url)


def test_what_a_data_url_holds_is_bounded() -> None:
    """A page cannot fill the memory with an icon: 512 KiB pass, one byte more is refused."""
    assert len(read_data_url(in_base64(bytes(524_288))).body) == 524_288
    assert len(read_data_url("data:," + "%00" * 524_288).body) == 524_288
    for text in (in_base64(bytes(524_289)), "data:," + "x" * 524_289, "data:," + "%" * 9_000_000):
        with pytest.raises(TooLarge, match="524288 bytes"):
            read_data_url(text)
    with pytest.raises(TooLarge, match="holds more than 3 bytes"):
        read_data_url("data:,xxxx", limit=3)


def test_the_bytes_are_checked_as_those_of_a_download() -> None:
    """The stated type decides nothing: a page is no picture, and a script makes an SVG unsafe."""
    assert inspect(io.BytesIO(read_data_url(in_base64(ICON, "text/html")).body)).format == "png"
    with pytest.raises(Malformed):
        inspect(io.BytesIO(read_data_url(in_base64(b"<html></html>")).body))
    script = "<svg xmlns='http://www.w3.org/2000/svg'><script>x()</script></svg>"
    with pytest.raises(Refused):
        inspect(io.BytesIO(read_data_url(f"data:image/png,{quote(script)}").body))


@given(st.text(alphabet="data:;,base64%=+/# \tAZ9é", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever a page carries raises our errors only."""
    try:
        read_data_url("data:" + text)
    except Malformed:
        return
