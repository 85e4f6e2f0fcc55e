"""URLs as browsers write them; the pairs are what the URL Standard's own algorithm gives."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafetch.urls import (
    host_of,
    normalise_url,
    page_address,
    parse,
    resolve,
    url_hash,
    without_query,
)

SAME = {
    "HTTP://EXAMPLE.com": "http://example.com/",
    "https://example.com:443/a": "https://example.com/a",
    "http://example.com:443/": "http://example.com:443/",
    "https://example.com:00080/": "https://example.com:80/",
    "  https://exa\tmple.com/\n": "https://example.com/",
    "https:example.com": "https://example.com/",
    "https:///example.com/a": "https://example.com/a",
    "https:\\\\example.com\\a\\b": "https://example.com/a/b",
    "https://example.com/a/./b/../c": "https://example.com/a/c",
    "https://example.com/a/%2E%2e/b/%2e": "https://example.com/b/",
    "https://example.com/../..": "https://example.com/",
    "https://example.com/a//b": "https://example.com/a//b",
    "https://example.com/ü {x}^`": "https://example.com/%C3%BC%20%7Bx%7D%5E%60",
    "https://example.com/%zz%41": "https://example.com/%zz%41",
    "https://example.com/?q='a b'&ü=<\">{}": "https://example.com/?q=%27a%20b%27&%C3%BC=%3C%22%3E{}",
    "https://example.com?": "https://example.com/?",
    "https://example.com/#a b`ü": "https://example.com/#a%20b%60%C3%BC",
    "https://user:pa ss@example.com/": "https://user:pa%20ss@example.com/",
    "https://a@b@example.com/": "https://a%40b@example.com/",
    "https://@example.com/": "https://example.com/",
    "https://bücher.example/": "https://xn--bcher-kva.example/",
    "https://BÜCHER.example/": "https://xn--bcher-kva.example/",
    "https://faß.example/": "https://xn--fa-hia.example/",
    "https://例え.jp/": "https://xn--r8jz45g.jp/",
    "https://💩.la/": "https://xn--ls8h.la/",
    "https://a_b.example.com/": "https://a_b.example.com/",
    "https://ex%41mple.com/": "https://example.com/",
    "https://example。com/": "https://example.com/",
    "https://0x7f.1/": "https://127.0.0.1/",
    "https://2130706433/": "https://127.0.0.1/",
    "https://0177.0.0.01/": "https://127.0.0.1/",
    "https://[2001:DB8:0:0::1]/": "https://[2001:db8::1]/",
    "https://[::ffff:1.2.3.4]:8443/": "https://[::ffff:102:304]:8443/",
    "https://example.com./": "https://example.com./",
    "https://example.com/\ud800": "https://example.com/%EF%BF%BD",
}

NONE = [
    "",
    "example.com",
    "/a",
    "ftp://example.com/",
    "javascript:alert(1)",
    "data:text/html,x",
    "mailto:a@example.com",
    "https://",
    "https://exa mple.com/",
    "https://example.com:99999/",
    "https://example.com:8a/",
    "https://a%00b.com/",
    "https://256.256.256.256/",
    "https://1.2.3.4.5/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://a^b/",
    "https://example.com/" + "a" * 9000,
]


@pytest.mark.parametrize(("text", "expected"), SAME.items())
def test_as_browsers_write_them(text, expected):
    """One page has one name, however its address was typed."""
    assert normalise_url(text) == expected


@pytest.mark.parametrize("text", NONE)
def test_no_web_addresses(text):
    """What is no web address has no name, and is never asked for."""
    assert normalise_url(text) is None


RELATIVE = {
    "b.png": "https://example.com/posts/b.png",
    "": "https://example.com/posts/one?x=1",
    "?y": "https://example.com/posts/one?y",
    "#f": "https://example.com/posts/one?x=1#f",
    "/b": "https://example.com/b",
    "//cdn.example.net/b": "https://cdn.example.net/b",
    "\\\\cdn.example.net\\b": "https://cdn.example.net/b",
    "\\b": "https://example.com/b",
    "../../../b": "https://example.com/b",
    "./": "https://example.com/posts/",
    "https:b": "https://example.com/posts/b",
    "http:b": "http://b/",
    "http://other.example/": "http://other.example/",
    "a:b": None,
    ":b": "https://example.com/posts/:b",
}


@pytest.mark.parametrize(("text", "expected"), RELATIVE.items())
def test_relative_addresses(text, expected):
    """Relative image URLs were resolved against the wrong host: they go by the page's own."""
    assert resolve(text, "https://example.com/posts/one?x=1#here") == expected


def test_pages_are_named_with_their_query_and_without_their_fragment():
    """URLs without their query made all pages of a video site share one record."""
    first, second = (page_address(f"https://www.example.com/watch?v={x}#t=5") for x in "ab")
    assert first is not None
    assert second is not None
    assert first == "https://www.example.com/watch?v=a"
    assert url_hash(first) != url_hash(second)
    assert url_hash(first) == hashlib.sha256(first.encode()).hexdigest()
    assert without_query(first) == without_query(second) == "https://www.example.com/watch"


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://www.example.co.uk:8443/", "www.example.co.uk"),
        ("http://[2001:db8::1]/", "2001-db8--1"),
        ("https://user@bücher.example/", "xn--bcher-kva.example"),
        ("nothing", ""),
    ],
)
def test_hosts_as_parts_of_names(address, host):
    """A picture's name begins with the host, whatever form that has."""
    assert host_of(address) == host


_TEXT = st.text(st.sampled_from("ab.:/\\?#@[]%2eE0x1 ü。\u00ad{}'\"\ud800\x00"), max_size=30)


@given(_TEXT, _TEXT)
@settings(max_examples=300, deadline=None)
def test_written_once_is_written_for_good(host, tail):
    """No text raises, and what was written as browsers do stays as it is: names are stable."""
    first = normalise_url(f"https://{host}/{tail}")
    if first is not None:
        assert first.isascii()
        assert normalise_url(first) == first
        assert parse(first, parse("https://base.example/x")) == parse(first)
