"""Whoever reads a URL reads the same host: guard, redirects, client, domains, slugs, icons, names."""

from collections.abc import Callable

import httpx2
import pytest

from datafetch.bookmarks.rules.slugs import base_slug, host_of
from datafetch.logos.rules.domains import normalise
from datafetch.logos.site_icons import icon_links
from datafetch.models.places import origins
from datafetch.net.base import Request
from datafetch.net.guard import canonical_host, parse_url
from datafetch.net.hops import first_hop, next_hop
from datafetch.net.options import NetOptions
from datafetch.store.public_urls import PublicUrls
from datafetch.upstream_errors import Refused
from datafetch.urls import host_name, page_address, parse

# As it is written, and what it is to browsers: `https://☃.net/` was three different things, and
# the slug of `straße.de` was that of `strasse.de`, which is somebody else's.
HOSTS = {
    "☃.net": "xn--n3h.net",
    "straße.de": "xn--strae-oqa.de",
    "STRASSE.de": "strasse.de",
    "xn--strae-oqa.de": "xn--strae-oqa.de",
    "XN--N3H.net": "xn--n3h.net",
    "XN--a.com": "xn--a.com",
    "BÜCHER.de": "xn--bcher-kva.de",
    "bu\u0308cher.de": "xn--bcher-kva.de",
    "例え.jp": "xn--r8jz45g.jp",
    "EXAMPLE.com.": "example.com",
    "%65xample.com": "example.com",
    "exa%6D%70le%2Ecom": "example.com",
    "example。com": "example.com",
    "ｅｘａｍｐｌｅ．ｃｏｍ": "example.com",
    "exam\u00adple.com": "example.com",
    "exam\u200bple.com": "example.com",
    "a_b.example.com": "a_b.example.com",
    "0x7f.1": "127.0.0.1",
    "0177.0.0.01": "127.0.0.1",
    "２１３０７０６４３３": "127.0.0.1",
    "[::ffff:1.2.3.4]": "::ffff:102:304",
    "[2001:DB8:0::1]": "2001:db8::1",
}

# What no browser takes for a host.
NO_HOSTS = [
    *("xn--a.ß", "exa mple.com", "a%00b.com", "example.com%2f.evil.net", "a^b.com"),
    *("1.2.3.4.5", "256.1.1.1", "[::1", "[::1%25lo]", "\u00ad", "example.com:99999", "%ff.com"),
    *("\ud83d.com", "a\u200db.com", "ex\uff0fample.com"),
]


def sent_to(url: str) -> str:
    """Where the client sends a request that the guard has let pass."""
    return httpx2.URL(parse_url(url).href).raw_host.decode()


def redirected_to(location: str, allowed: str) -> str:
    """The host to which a redirect leads; `allowed` may be private."""
    options = NetOptions("agent", allow_hosts=frozenset({allowed}))
    hop = first_hop(Request(url="https://a.example/", trust="data", upstream="site"), options)
    return next_hop(hop, 302, location, options).url.name


def icon_host(host: str) -> str | None:
    """The host of an icon that a page names there."""
    html = f'<link rel="icon" href="//{host}/i.png">'.encode("utf-8", "surrogatepass")
    links = icon_links(html.decode(errors="replace"), "https://example.org/")
    return host_name(links[0].url) if links else None


def trusted(host: str) -> str | None:
    """The host that the guard trusts when the settings name it."""
    return next((name for _, name, _ in origins(f"https://{host}/api")), None)


def own_image(host: str) -> str | None:
    """The host under whose name a picture of a CDN there is known as our own."""
    urls = PublicUrls(f"https://{host}", lambda key: f"/{key}")
    page = page_address(f"https://{host}/images/a.png")
    key = page and urls.key_of(page)
    return host_name(page or "") if key == "images/a.png" else None


READERS: dict[str, Callable[[str], str | None]] = {
    "guard": lambda host: parse_url(f"https://{host}/x").name,
    "allowed hosts": canonical_host,
    "client": lambda host: sent_to(f"https://{host}/x"),
    "redirect": lambda host: redirected_to(f"https://{host}/x", HOSTS.get(host, "")),
    "relative redirect": lambda host: redirected_to(f"//{host}/x", HOSTS.get(host, "")),
    "trusted origin": trusted,
    "slug's host": lambda host: host_of(f"https://{host}/x") or None,
    "site icon": icon_host,
    "own image": own_image,
    "page": lambda host: host_name(page_address(f"https://{host}/x") or "") or None,
}


def read(reader: str, host: str) -> str | None:
    """What a reader makes of a host; None when it refuses it."""
    try:
        found = READERS[reader](host)
    except Refused:
        return None
    return None if found is None else found.strip("[]")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("host", "meant"), HOSTS.items(), ids=[ascii(host) for host in HOSTS])
def test_all_readers_see_the_host_that_browsers_see(reader, host, meant):
    """What the guard checks is what the client asks, and what everything is named after."""
    assert read(reader, host) == meant


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("host", NO_HOSTS, ids=ascii)
def test_no_reader_sees_a_host_where_browsers_see_none(reader, host):
    """A host that only some of them can read is a hole between them."""
    assert read(reader, host) is None


@pytest.mark.parametrize(("host", "meant"), HOSTS.items(), ids=[ascii(host) for host in HOSTS])
def test_a_logos_domain_is_the_host_of_its_site(host, meant):
    """A bare name and an address are one domain; numbers are none."""
    expected = None if ":" in meant or meant[-1].isdigit() else meant
    assert normalise(host) == expected
    assert normalise(f"https://{host}:8443/x") == expected


@pytest.mark.parametrize("host", NO_HOSTS, ids=ascii)
def test_what_is_no_host_is_no_logos_domain(host):
    """Nobody is asked for the logo of a site that cannot be reached."""
    assert normalise(host) is None


@pytest.mark.parametrize(("host", "meant"), HOSTS.items(), ids=[ascii(host) for host in HOSTS])
def test_a_new_slug_begins_with_the_host(host, meant):
    """However an address was typed, its slug is that of the host that it leads to."""
    slug = base_slug(f"https://{host}/x", None, "id")
    assert slug == base_slug(f"https://{f'[{meant}]' if ':' in meant else meant}/x", None, "id")


def test_a_letter_of_its_own_is_no_other_domains_slug():
    """`straße.de` and `strasse.de` are two owners' domains."""
    assert base_slug("https://straße.de/", None, "id") == "xn-strae-oqa-de"
    assert base_slug("https://strasse.de/", None, "id") == "strasse-de"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("\\dir\\x", "https://a.example/dir/x"),
        ("dir\\x", "https://a.example/posts/dir/x"),
        ("https:/host/x", "https://a.example/host/x"),
        ("http:/host.example/x", "http://host.example/x"),
        ("?", "https://a.example/posts/one?"),
        ("#", "https://a.example/posts/one?q=1"),
        ("", "https://a.example/posts/one?q=1"),
        ("\\\\b.example\\x", "https://b.example/x"),
        (" /x\t/y ", "https://a.example/x/y"),
        ("../%2e%2e/x", "https://a.example/x"),
        ("/ü", "https://a.example/%C3%BC"),
        ("/\ud83d", "https://a.example/%EF%BF%BD"),
    ],
)
def test_redirects_and_icons_are_joined_as_browsers_do(location, url):
    """A redirect or an icon led to another place than the one that visitors see."""
    start = "https://a.example/posts/one?q=1"
    options = NetOptions("agent")
    hop = first_hop(Request(url=start, trust="data", upstream="site"), options)
    assert next_hop(hop, 302, location, options).url.href == url
    page = f'<link rel="icon" href="{location}">'.encode("utf-8", "surrogatepass")
    found = [link.url for link in icon_links(page.decode(errors="replace"), start)]
    # The parser of pages has made three U+FFFD of half a surrogate pair's bytes.
    expected = url if "\ud83d" not in location else f"{url}{url[-9:] * 2}"
    assert found == ([] if location == "" else [expected])


def test_a_url_that_is_sent_is_read_again_as_it_is():
    """The client is given what the guard has read, so that nobody has to read it once more."""
    for host in HOSTS:
        sent = parse_url(f"https://{host}:8443/ü?q='#x")
        again = parse(sent.href)
        assert again is not None
        assert (again.href, again.origin) == (sent.href, sent.origin)
