"""Which names count as domains, how they are written, and where they are found in records."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.logos.rules import domains
from datafetch.logos.rules.domains import (
    bookmark_domain,
    domain_texts,
    domains_of,
    normalise,
    registrable,
)

LONGEST = ".".join(["a" * 49] * 5 + ["com"])
"""A name of 253 characters."""


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("example.com", "example.com"),
        ("  WWW.Example.COM. ", "example.com"),
        ("https://www.example.com:8443/a?b#c", "example.com"),
        ("http://user:secret@news.example.com/", "news.example.com"),
        ("//cdn.example.com/x.png", "cdn.example.com"),
        ("example.com:8080", "example.com"),
        ("example.com/path", "example.com"),
        ("bücher.example.de", "xn--bcher-kva.example.de"),
        ("https://BÜCHER.example.de/", "xn--bcher-kva.example.de"),
        ("xn--bcher-kva.example.de", "xn--bcher-kva.example.de"),
        ("my_site.example.com", "my_site.example.com"),
        ("www.com", "www.com"),
        ("163.com", "163.com"),
        ("https://news.163.com/", "news.163.com"),
        ("a" * 63 + ".com", "a" * 63 + ".com"),
        (LONGEST, LONGEST),
    ],
)
def test_one_spelling_for_each_domain(text: str, domain: str) -> None:
    """Case, `www.`, port, path, credentials and script do not make another domain of one."""
    assert normalise(text) == domain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n/a",
        "localhost",
        "http://localhost:3000",
        "intranet",
        "printer.local",
        "router.home.arpa",
        "wiki.corp",
        "hidden.onion",
        "192.168.1.1",
        "http://8.8.8.8/",
        "http://127.1/",
        "http://1.2.3.0x7f/",
        "http://[::1]/",
        "[2001:db8::1]:443",
        "http://[broken/",
        "mailto:me@example.com",
        "ftp://example.com",
        "javascript:alert(1)",
        "two words.com",
        "-dash.example.com",
        "example..com",
        "a" * 64 + ".com",
        f"b{LONGEST}",
        "☃☃☃..com",
    ],
)
def test_what_has_no_public_name_is_no_domain(text: str) -> None:
    """Addresses, single labels, private names and texts that are no domain are left out."""
    assert normalise(text) is None


@given(st.text(max_size=80))
def test_a_normalised_domain_stays_as_it_is(text: str) -> None:
    """No text raises, and what comes out is its own normal form."""
    domain = normalise(text)
    if domain is not None:
        assert normalise(domain) in (domain, domain.removeprefix("www."))
        assert domain == domain.lower()
        assert domain.isascii()


@pytest.mark.parametrize(
    ("domain", "above"),
    [
        ("shop.example.co.uk", "example.co.uk"),
        ("a.b.example.com", "example.com"),
        ("example.com", None),
        ("me.github.io", None),
        ("blog.me.github.io", "me.github.io"),
        ("github.io", None),
    ],
)
def test_the_registrable_domain_follows_the_public_suffix_list(
    domain: str, above: str | None
) -> None:
    """`shop.example.co.uk` belongs to `example.co.uk`, not to `co.uk`; a host of a shared suffix to nobody else."""
    assert registrable(domain) == above


def test_records_name_domains_in_known_fields_only() -> None:
    """A record's tags or names are not taken for domains, however much they look like one."""
    record = {
        "name": "Node.js",
        "tags": ["vue.js", "socket.io"],
        "Website": "https://example.com",
        "offices": [{"city": "Berlin", "homepage": "https://berlin.example.org/de"}],
        "urls": ["https://a.example.net", "https://b.example.net"],
        "url": None,
    }
    assert list(domain_texts(record)) == [
        "https://example.com",
        "https://berlin.example.org/de",
        "https://a.example.net",
        "https://b.example.net",
    ]


def test_bare_texts_count_in_lists() -> None:
    """A list of domains may be nested in lists, and a text may stand alone."""
    assert list(domain_texts(["a.com", ["b.com", {"domain": "c.com"}]])) == [
        "a.com",
        "b.com",
        "c.com",
    ]
    assert list(domain_texts("a.com")) == ["a.com"]


def test_domains_keep_their_order_and_come_once() -> None:
    """A domain that several records name is asked for once."""
    records = [{"url": "https://b.example.com/1"}, "a.example.com", {"domain": "B.example.com"}]
    assert list(domains_of(records)) == ["b.example.com", "a.example.com"]


@pytest.mark.parametrize(
    ("item", "domain"),
    [
        ({"domain": "example.com", "url": "https://other.example.org"}, "example.com"),
        ({"domain": "", "url": "https://www.example.org/x"}, "example.org"),
        ({"domain": None, "url": "https://10.0.0.1/x"}, None),
        ({"id": "a note"}, None),
        ("not an item", None),
    ],
)
def test_a_bookmark_has_its_domain_or_that_of_its_url(item: object, domain: str | None) -> None:
    """Notes and files without a URL have none; that is no error."""
    assert bookmark_domain(item) == domain


def test_the_suffixes_are_read_once_by_many_threads() -> None:
    """Threads that ask at once wait for one list: each made its own, which cost seconds and megabytes."""
    domains._load_suffixes.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        lists = [*pool.map(lambda _: domains._suffixes(), range(4))]
    assert all(suffixes is lists[0] for suffixes in lists)


@pytest.mark.parametrize("name", ["notlocal.com", "mylan.com", "localhost.example.com", "corp.io"])
def test_private_names_are_compared_by_whole_labels(name: str) -> None:
    """Hosts were tested by `endsWith("x.com")`: `netflix.com` matched. `mylan.com` is not in `lan`."""
    assert normalise(name) == name
    assert normalise(f"{name}.lan") is None
