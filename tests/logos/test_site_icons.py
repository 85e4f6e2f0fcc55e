"""The icons that pages name, as pages write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.logos.site_icons import icon_links

PAGE = "https://example.com/en/start"


def urls(head: str) -> list[str]:
    """The addresses of the icons of a page with this head."""
    return [link.url for link in icon_links(head.encode(), PAGE)]


def test_the_largest_promise_comes_first() -> None:
    """Sizes decide, a drawing before all, a touch icon counts as 180 when it says nothing."""
    assert urls(
        '<link rel="icon" href="/16.png" sizes="16x16">'
        '<link rel="ICON" href="/multi.ico" sizes="16x16 32X32 48x48">'
        '<link rel="apple-touch-icon" href="/touch.png">'
        '<link rel="icon" href="/192.png" sizes="192x192" type="image/png">'
        '<link rel="icon" href="/drawing.svg" type="image/svg+xml">'
        '<link rel="shortcut icon" href="/plain.ico">'
    ) == [
        "https://example.com/drawing.svg",
        "https://example.com/192.png",
        "https://example.com/touch.png",
        "https://example.com/multi.ico",
        "https://example.com/plain.ico",
        "https://example.com/16.png",
    ]


def test_addresses_are_resolved_as_browsers_do() -> None:
    """Relative, protocol-relative and based addresses name the right host."""
    assert urls('<link rel=icon href="icon.png#x">') == ["https://example.com/en/icon.png"]
    assert urls("<link rel=icon href=//cdn.example.net/i.png>") == ["https://cdn.example.net/i.png"]
    assert urls('<base href="/static/"><link rel="icon" href="i.png">') == [
        "https://example.com/static/i.png"
    ]


def test_what_is_no_icon_is_left_out() -> None:
    """Masks, data addresses, other schemes and other links are not logos; each address comes once."""
    assert urls(
        '<link rel="mask-icon" href="/mask.svg"><link rel="stylesheet" href="/x.css">'
        '<link rel="icon" href="data:image/png;base64,AAAA"><link rel="icon" href="">'
        '<link rel="icon" href="javascript:alert(1)"><link rel="icon" href="http://[bad/">'
        '<link rel="icon" href="/a.png"><link rel="apple-touch-icon" href="/a.png">'
    ) == ["https://example.com/a.png"]


@pytest.mark.parametrize("unit", ["<div>", "<p><b a={}>"], ids=["nested", "formatting"])
def test_a_page_that_chokes_parsers_is_read_all_the_same(unit: str) -> None:
    """Half a megabyte of open elements took a parser 27 seconds, or all memory: its icon is found at once."""
    link = "<link rel=icon href=/i.png>"
    count = 512 * 1024 // len(unit)
    head = link + "".join(unit.format(number) for number in range(count))
    assert urls(head) == ["https://example.com/i.png"]
    assert urls(head[len(link) :] + link) == ["https://example.com/i.png"]


def test_what_is_not_in_the_page_is_no_icon() -> None:
    """Links in comments, scripts and templates are texts of the page, not its icons."""
    assert urls(
        "<!-- <link rel=icon href=/a.png> --><script>'<link rel=icon href=/b.png>'</script>"
        "<title><link rel=icon href=/c.png></title><link rel=icon href=/d.png>"
    ) == ["https://example.com/d.png"]


@given(st.binary(max_size=400) | st.text(alphabet="<>/='\" linkrelhrefbaseicon:", max_size=200))
def test_no_page_raises(html: bytes | str) -> None:
    """Whatever a page holds, the answer is a list."""
    body = html.encode() if isinstance(html, str) else html
    assert isinstance(icon_links(body, PAGE), list)
