"""SVG pictures: those that neither run nor fetch anything pass, with their size."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.pictures.svg import looks_like_svg, svg_size
from datafetch.upstream_errors import Malformed, Refused, TooLarge
from tests.pictures.test_images import look

NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def svg(inside: str = "", attributes: str = 'width="20" height="10"', before: str = "") -> bytes:
    """A picture around some content."""
    return f"{before}<svg {NS} {attributes}>{inside}</svg>".encode()


@pytest.mark.parametrize(
    "inside",
    [
        '<rect width="3" height="3" fill="#fff"/>',
        '<style>.a{fill:url(#g);stroke:red}</style><path class="a" d="M0 0"/>',
        '<defs><linearGradient id="g"/></defs><rect fill="url(#g)" style="fill: url( \'#g\' )"/>',
        '<use href="#g"/><use xlink:href="#g"/>',
        '<image href="data:image/png;base64,iVBORw0KGgo="/>',
        "<title>on&amp;off: javascript is fun</title><desc>see http://example.com</desc>",
        '<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" rdf:about=""/></metadata>',
        '<animate attributeName="opacity" values="0;1" dur="1s"/>',
        "<!-- a comment -->",
    ],
)
def test_harmless_pictures_pass(inside: str) -> None:
    """Gradients, styles, references within the file, embedded raster and metadata are fine."""
    assert svg_size(svg(inside)) == (20, 10)


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<script xlink:href="#x"/>',
        '<SCRIPT xmlns="">alert(1)</SCRIPT>',
        '<x:script xmlns:x="http://www.w3.org/2000/svg">1</x:script>',
        '<rect onclick="alert(1)"/>',
        '<rect ONLOAD="alert(1)"/>',
        "<foreignObject><p/></foreignObject>",
        '<p xmlns="http://www.w3.org/1999/xhtml"/>',
        '<iframe src="#"/>',
        '<a href="javascript:alert(1)"><rect/></a>',
        '<a href="java&#10;script:alert(1)"><rect/></a>',
        '<a href=" JaVaScript:alert(1)"><rect/></a>',
        '<a xlink:href="https://example.com/"><rect/></a>',
        '<use href="other.svg#x"/>',
        '<use href="//evil.example/x.svg#x"/>',
        '<image href="https://evil.example/track.png"/>',
        '<image href="data:text/html,x"/>',
        '<image href="data:image/svg+xml,x"/>',
        '<image href="file:///etc/passwd"/>',
        '<rect fill="url(https://evil.example/x)"/>',
        '<rect style="background: URL( &quot;//evil.example/x&quot; )"/>',
        "<style>@import 'https://evil.example/x.css';</style>",
        "<style>@IMPORT url(#a);</style>",
        "<style>a{background:url(https://evil.example/x)}</style>",
        "<style>a{background:u\\72l(https://evil.example/x)}</style>",
        "<style>a{background:image-set('https://evil.example/x' 1x)}</style>",
        "<style>@font-face{font-family:x;src:url(#x)}</style>",
        "<style><![CDATA[a{background:url(x.png)}]]></style>",
        "<style>a{background:<b/>url(x.png)}</style>",
        '<set attributeName="href" to="javascript:alert(1)"/>',
        '<animate attributeName="xlink:href" values="#a;#b"/>',
        '<set attributeName="onclick" to="x"/>',
        '<g xml:base="https://evil.example/"/>',
        '<?xml-stylesheet href="https://evil.example/x.css"?>',
    ],
)
def test_active_pictures_are_refused(inside: str) -> None:
    """No scripts, no handlers, no foreign content, and nothing that leads out of the file."""
    with pytest.raises(Refused):
        svg_size(svg(inside))
    with pytest.raises(Refused):
        look(svg(inside))


@pytest.mark.parametrize(
    "before",
    [
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">',
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<?xml-stylesheet type="text/css" href="https://evil.example/x.css"?>',
    ],
)
def test_document_types_and_sheets_are_refused(before: str) -> None:
    """Entities read files and explode; a style sheet of another place fetches."""
    with pytest.raises(Refused):
        look(svg(before=before))


@pytest.mark.parametrize(
    "data",
    [
        b"<svg",
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b"<svg/>",
        b"<?xml version='1.0'?><rss><svg xmlns='http://www.w3.org/2000/svg'/></rss>",
        b"<svg xmlns='http://www.w3.org/2000/svg'>&undefined;</svg>",
        b"<?xml version='1.0' encoding='no-such'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='0' height='5'/>",
    ],
)
def test_what_is_no_svg_is_malformed(data: Any) -> None:
    """Cut short, of another kind, or without a size: no picture."""
    with pytest.raises(Malformed):
        look(data)


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="20" height="10"', (20, 10)),
        ('width="20px" height="10.4PX"', (20, 10)),
        ('width="1in" height="72pt"', (96, 96)),
        ('width="100%" height="100%" viewBox="0 0 64 32"', (64, 32)),
        ('viewBox="0,0,64.2,32"', (64, 32)),
        ('width="128" viewBox="0 0 64 32"', (128, 64)),
        ('height="16" viewBox="0 0 64 32"', (32, 16)),
        ('viewBox="0 0 0 0"', (300, 150)),
        ('viewBox="nan nan nan nan"', (300, 150)),
        ("", (300, 150)),
        ('width="0.2" height="0.2"', (1, 1)),
    ],
)
def test_the_size_is_read_as_browsers_do(attributes: str, size: tuple[int, int]) -> None:
    """Lengths with units, or the view box, or what browsers take when nothing is said."""
    assert svg_size(svg(attributes=attributes)) == size


@pytest.mark.parametrize("attributes", ['width="1e999" height="1"', 'width="1" height="9999999"'])
def test_a_size_beyond_reason_is_refused(attributes: str) -> None:
    """Numbers that are no sizes do not get through."""
    with pytest.raises(Malformed):
        svg_size(svg(attributes=attributes))


def test_other_encodings_hide_nothing() -> None:
    """The same rules hold when the file is UTF-16."""
    text = f'<?xml version="1.0" encoding="utf-16"?><svg {NS}><script/></svg>'
    with pytest.raises(Refused):
        svg_size(text.encode("utf-16"))
    assert not looks_like_svg(text.encode("utf-16"))


def test_a_large_svg_is_refused_unread() -> None:
    """A vector logo has no megabytes."""
    with pytest.raises(TooLarge):
        look(svg("<!-- " + "x" * (1 << 20) + " -->"))


def test_deep_nesting_is_no_crash() -> None:
    """Many thousand levels end as any other file does."""
    depth = 100_000
    assert svg_size(svg("<g>" * depth + "</g>" * depth)) == (20, 10)


@given(st.text(alphabet="<>/='\" :;()#&-!?[]abhrefonsvgscript\\@\n", max_size=200))
def test_any_markup_is_judged(text: str) -> None:
    """Whatever stands inside, the file passes or is refused by our errors."""
    try:
        svg_size(svg(text))
    except (Refused, Malformed):
        return
