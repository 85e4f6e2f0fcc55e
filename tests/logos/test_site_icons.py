"""The icons that pages name, as pages write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.logos.site_icons import icon_links, icons_to_try

PAGE = "https://example.com/en/start"


def urls(head: str) -> list[str]:
    """The addresses of the icons of a page with this head."""
    return [link.url for link in icon_links(head, PAGE)]


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


@pytest.mark.parametrize("base", ["", "javascript:void 0", "data:,"])
def test_the_first_base_counts_even_when_it_leads_nowhere(base: str) -> None:
    """Of two bases browsers take the first: when it is no web address, the page's own counts."""
    head = f'<base target=_top><base href="{base}"><base href="/static/"><link rel=icon href=i.png>'
    assert urls(head) == ["https://example.com/en/i.png"]


def test_what_is_no_icon_is_left_out() -> None:
    """Masks, other schemes and other links are not logos; each address comes once."""
    assert urls(
        '<link rel="mask-icon" href="/mask.svg"><link rel="stylesheet" href="/x.css">'
        '<link rel="icon" href="">'
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


@given(st.text(max_size=400) | st.text(alphabet="<>/='\" linkrelhrefbaseicon:", max_size=200))
def test_no_page_raises(html: str) -> None:
    """Whatever a page holds, the answer is a list."""
    assert isinstance(icon_links(html, PAGE), list)


def to_try(head: str, *asked: str, page: str = PAGE) -> list[str]:
    """The addresses that are tried for a page with this head, when these were asked before."""
    return list(icons_to_try(head, page, asked))


def test_an_icon_that_stands_in_the_page_is_handed_on() -> None:
    """Small sites write their icon into the page; a drawing is known by its type."""
    bitmap, drawing = "data:image/png;base64,AAAA", "DATA:image/svg+xml,<svg/>"
    named = f'<link rel="icon" href="{bitmap}"><link rel="icon" href="{drawing}">'
    assert urls(named) == [drawing, bitmap]


def test_the_usual_places_of_the_page_are_tried_too() -> None:
    """A touch icon is guessed to be larger than what has no size; none is asked for twice."""
    head = "<link rel=icon href=/small.png><link rel=icon href=/l.png sizes=192x192>"
    origin = "https://example.com"
    places = ["/l.png", "/apple-touch-icon.png", "/small.png", "/favicon.ico"]
    assert to_try(head) == [origin + place for place in places]
    asked = f"{origin}/apple-touch-icon.png"
    assert to_try(head, asked) == [origin + place for place in places if place != places[1]]
    named = (
        "<link rel=icon href=/favicon.ico><link rel=apple-touch-icon href=/apple-touch-icon.png>"
    )
    assert to_try(named) == to_try("") == [origin + places[1], origin + places[3]]


def test_few_icons_of_a_page_are_tried() -> None:
    """Pages name dozens: the four largest of either kind are enough."""
    links = "".join(
        f"<link rel=icon href=/{number}.png sizes={number}x{number}>" for number in range(20, 40)
    )
    inline = "".join(f'<link rel=icon href="data:,{number}">' for number in range(20))
    tried = to_try(links + inline)
    assert [url.rpartition("/")[2] for url in tried if url.endswith(".png")] == [
        "apple-touch-icon.png",
        "39.png",
        "38.png",
        "37.png",
        "36.png",
    ]
    assert [url for url in tried if url.startswith("data:")] == [f"data:,{n}" for n in range(4)]
