"""Orders to go to another page, as browsers read them (HTML Standard, 4.2.5.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.pages.refresh import Refresh, read_refresh

PAGE = "https://site.example.com/old/page?a=1"
NEXT = "https://site.example.com/next"


@pytest.mark.parametrize(
    ("value", "delay_s", "url"),
    [
        ("0; url=/next", 0, NEXT),
        ("0;URL='/next'", 0, NEXT),
        ('5;url="/next"', 5, NEXT),
        ('5;url="/next', 5, NEXT),
        ('5;url="/next" rest', 5, NEXT),
        ("  3 , Url = /next", 3, NEXT),
        ("3\t/next", 3, NEXT),
        ("3;/next", 3, NEXT),
        ("3;'/next'", 3, NEXT),
        ("3;;/next", 3, "https://site.example.com/old/;/next"),
        ("3.99;url=/next", 3, NEXT),
        ("3.1.4;url=/next", 3, NEXT),
        (".5;url=/next", 0, NEXT),
        ("007; url=/next", 7, NEXT),
        ("0; url=next", 0, "https://site.example.com/old/next"),
        ("0; url=?b=2", 0, "https://site.example.com/old/page?b=2"),
        ("0; url=//other.example.org/x#y", 0, "https://other.example.org/x#y"),
        ("0; url=", 0, PAGE),
        ("0; u=/next", 0, "https://site.example.com/old/u=/next"),
        ("0; ur", 0, "https://site.example.com/old/ur"),
        ("0; url /next", 0, "https://site.example.com/old/url%20/next"),
        ("0; uri=/next", 0, "https://site.example.com/old/uri=/next"),
        ("30", 30, PAGE),
        ("30;", 30, PAGE),
        ("30 , ", 30, PAGE),
        ("9" * 5000, 999_999_999, PAGE),
        ("0" * 5000 + "1;url=/next", 1, NEXT),
    ],
)
def test_an_order_is_read_as_browsers_do(value, delay_s, url):
    """A page goes where a browser would take its reader, and after as many seconds."""
    assert read_refresh(value, PAGE) == Refresh(delay_s, url)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "url=/next",
        "soon; url=/next",
        "-1; url=/next",
        "+1; url=/next",
        "5url=/next",
        "5: url=/next",
        "\x0b5; url=/next",
        "٣; url=/next",
        "0; url=javascript:alert(1)",
        "0; url=data:text/html,x",
        "0; url=http://[bad/",
        "0; url=" + "a" * 8200,
    ],
)
def test_what_browsers_ignore_is_no_order(value):
    """A page with an order that no browser obeys, or that does not lead to the web, stays the page."""
    assert read_refresh(value, PAGE) is None


def test_an_address_is_relative_to_the_base():
    """A page's `<base>` counts for an address; an order without one opens the page itself again."""
    base = "https://cdn.example.net/b/"
    assert read_refresh("0;url=next", PAGE, base) == Refresh(0, "https://cdn.example.net/b/next")
    assert read_refresh("0", PAGE, base) == Refresh(0, PAGE)


@given(st.text(max_size=60) | st.text(alphabet="0.;,url= '\"/:x", max_size=40))
def test_any_text_is_an_order_or_none(value):
    """Nothing that a page or a header can say raises, and every order leads to the web."""
    found = read_refresh(value, PAGE)
    assert found is None or found.url.startswith(("http://", "https://"))
