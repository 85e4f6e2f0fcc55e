"""URLs as browsers write them; the pairs are what the URL Standard's own algorithm gives."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafetch.urls import (
    clean_address,
    has_password,
    host_name,
    host_of,
    normalise_url,
    page_address,
    parse,
    passwords_in,
    plainly_written,
    publishable,
    read_host,
    resolve,
    url_hash,
    without_query,
    written_path,
)

SUITE = Path(__file__).parents[2] / "shared" / "suites" / "url"

with_the_suite = pytest.mark.skipif(
    not SUITE.exists(), reason="the URL tests of web-platform-tests are not here"
)


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of one of the suite's files, without the comments between them."""
    found = json.loads((SUITE / name).read_text())
    return [case for case in found if isinstance(case, dict)]


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
    "\\dir\\x": "https://example.com/dir/x",
    "dir\\x": "https://example.com/posts/dir/x",
    "https:/host/b": "https://example.com/host/b",
    "http:/host/b": "http://host/b",
    "?": "https://example.com/posts/one?",
    "#": "https://example.com/posts/one?x=1#",
    "?#": "https://example.com/posts/one?#",
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


def test_pages_are_named_without_user_and_password():
    """A password in a bookmark's address is in no name, and in nothing that is stored of the page."""
    for login in ("user:pass@", "user@", ":pass@", "u%40x:p@ss@"):
        assert page_address(f"https://{login}a.example/x?y=@z") == "https://a.example/x?y=@z"
        assert clean_address(f"https://{login}a.example/x#y") == "https://a.example/x#y"
    assert page_address("https://a.example/@x") == "https://a.example/@x"
    for text in ("/x", "javascript:x", "https://", 5, None):
        assert clean_address(text) is None


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


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://user@EXAMPLE.com.:8443/x", "example.com"),
        ("http://[2001:DB8::1]/", "2001:db8::1"),
        ("https://☃.net/", "xn--n3h.net"),
        ("ftp://Files.example/x", "files.example"),
        ("gemini://Straße.de:1965/", "xn--strae-oqa.de"),
        ("gemini://0x7f.1/", "127.0.0.1"),
        ("https://example.com/" + "a" * 9000, "example.com"),
        ("https://a\ud800b/", ""),
        ("https://exa mple.com/", ""),
        ("file:///etc/hosts", ""),
        ("mailto:me@example.com", ""),
        ("example.com", ""),
    ],
)
def test_a_host_has_one_name_whatever_the_scheme(url, name):
    """Bookmarks may have any scheme: the host is read as browsers read those of the web."""
    assert host_name(url) == name


@pytest.mark.parametrize(
    "text", ["", "a/b", "a?b", "a#b", "u@a", "a:80", "a b", "a\tb", "[::1", "::1", "a\\b", "%2f"]
)
def test_a_host_is_nothing_more_than_a_host(text):
    """What ends a host in a URL does not end it where a host alone is asked for."""
    assert read_host(text) is None


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("https://example.com", True),
        ("HTTP://example.com:80?x", True),
        ("https://[::1]/", True),
        ("https:example.com", False),
        ("https:///example.com", False),
        ("https:\\\\example.com", False),
        ("https://good.com\\@evil.net/", False),
        ("https://user@example.com/", False),
        ("https://exa\tmple.com/", False),
        ("ftp://example.com/", False),
        (" https://example.com/", False),
    ],
)
def test_a_plain_url_is_read_alike_by_everybody(text, plain):
    """Spellings that only browsers understand are the ones in which others see another host."""
    assert plainly_written(text) is plain


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://example.com/a b/../ü?x#y", "/a b/../ü"),
        ("https://example.com?x=/y", ""),
        ("https:\\\\example.com\\a", "\\a"),
        ("https:example.com/a", "/a"),
        ("https://a:b@[::1]:80/a:b@c", "/a:b@c"),
        ("", ""),
    ],
)
def test_a_path_can_be_had_as_it_was_written(url, path):
    """Slugs were made of paths as they stand in bookmarks, and stay."""
    assert written_path(url) == path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.com/\ud83d", "https://example.com/%EF%BF%BD"),
        ("https://example.com/\ud83d\ude00", "https://example.com/%F0%9F%98%80"),
        ("https://example.com/?\udc00#\udc00", "https://example.com/?%EF%BF%BD#%EF%BF%BD"),
        ("https://\ud83d.example/", None),
        ("\ud83d", None),
    ],
)
def test_half_a_surrogate_pair_is_a_character_like_others(text, expected):
    """JavaScript cuts emoji in two; UTF-8 has no bytes for the halves, browsers write U+FFFD."""
    assert normalise_url(text) == expected
    assert resolve(text, "nothing\ud83d") == expected


def test_a_reference_with_half_a_surrogate_pair_is_resolved():
    """A page may name its picture by such a text, and be itself found under one."""
    found = resolve("\ud83d.png", "https://example.com/\ud83d/a")
    assert found == "https://example.com/%EF%BF%BD/%EF%BF%BD.png"


@with_the_suite
def test_web_addresses_are_those_of_browsers():
    """What browsers agreed on, of addresses and of joins: each case of http and https."""
    wrong, tried = [], 0
    for case in cases("urltestdata.json"):
        base = parse(case["base"]) if case["base"] else None
        expected = None if case.get("failure") else case["href"]
        of_the_web = expected is None or expected.startswith(("http://", "https://"))
        if not of_the_web or (case["base"] and base is None):
            continue
        tried += 1
        found = parse(case["input"], base)
        if (None if found is None else found.href) != expected:
            wrong.append((case["input"], case["base"], expected, found))
        elif found is not None:
            port = "" if found.port is None else str(found.port)
            parts = (found.host, port, found.path)
            if parts != (case["hostname"], case["port"], case["pathname"]):
                wrong.append((case["input"], case["base"], expected, found))
    assert wrong == []
    assert tried > 450


@with_the_suite
@pytest.mark.parametrize("file", ["toascii.json", "IdnaTestV2.json"])
def test_hosts_are_those_of_browsers(file):
    """Host names in every script, and what is none though it looks like one."""
    # No host at all: the empty text is one for the algorithm, and for no web address.
    tried = [case for case in cases(file) if case["input"]]
    wrong = [case for case in tried if read_host(case["input"]) != case["output"]]
    assert wrong == []
    assert len(tried) > 80


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


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("redis://:pw@r.example/0", {"pw", ":pw", ":pw@", "redis://:pw@r.example/0"}),
        (
            "http://u:a%2Fb@p.example",
            {"a%2Fb", "a/b", "u:a/b", "u:a%2Fb@", "http://u:a%2Fb@p.example"},
        ),
        ("x://u:a@b:c@h", {"a@b:c", "u:a@b:c", "u:a@b:c@", "x://u:a@b:c@h"}),
        (
            "POST x://u:1@h,x://v:2@h/",
            {"1", "u:1", "u:1@", "2", "v:2", "v:2@", "x://u:1@h,x://v:2@h/"},
        ),
        ("https://user@h.example", set()),
        ("https://h.example:8080/@user:x@y", set()),
        ("https://h.example/?x:y@z#x:y@z", set()),
        ("mailto:me@h.example // a: b@c", set()),
    ],
)
def test_passwords_in_addresses_are_found(text, masked):
    """Whatever the scheme: the password as written and as meant, with its user, and what it stands in."""
    assert set(passwords_in(text)) == masked
    assert has_password(text) == bool(masked)


@pytest.mark.parametrize(
    ("value", "published"),
    [
        ("https://example.com", "https://example.com"),
        ("https://bücher.de/ü b?x#y", "https://bücher.de/ü b?x#y"),
        ("HTTPS://Example.com/A", "https://example.com/A"),
        (" https://example.com/ ", "https://example.com/"),
        ("https:example.com", "https://example.com/"),
        ("https:\\\\example.com\\a", "https://example.com/a"),
        ("https://exa\nmple.com/\ta", "https://example.com/a"),
        ("https://example.com/\u2028a", "https://example.com/%E2%80%A8a"),
        ("https://a.example/\ud83d", "https://a.example/\ufffd"),
        ("https://user:pass@a.example/x#y", "https://a.example/x#y"),
        ("https://token@a.example", "https://a.example/"),
        ("http:user:p/w@a.example/", None),
        ("https:user:pass@a.example/@z", "https://a.example/@z"),
        *((text, None) for text in ("javascript:alert(1)", "JavaScript://e.com/%0aalert(1)")),
        *(
            (text, None)
            for text in ("data:text/html,x", "vbscript:x", "ftp://e.com/", "mailto:a@e.com")
        ),
        *(
            (text, None)
            for text in ("/x", "//example.com/", "example.com", "", "https://", "https://[")
        ),
        *((value, None) for value in (None, 7, ["https://example.com"])),
    ],
)
def test_only_absolute_web_addresses_are_published(value: object, published: str | None) -> None:
    """A note's `javascript:` address was published as a bookmark's URL; good ones stay as they are written."""
    assert publishable(value) == published
