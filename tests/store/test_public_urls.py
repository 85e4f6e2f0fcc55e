"""The URLs of stored objects, and the way back from a URL to its object."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.addresses import OwnHosts
from datafetch.store.public_urls import PublicUrls

CDN = PublicUrls("https://cdn.example.com/site/", lambda key: f"https://own.example.net/b/{key}")
BARE = PublicUrls(None, lambda key: f"https://own.example.net/b/{key}")
FOLDER = PublicUrls("", lambda key: f"/{key}")


def test_a_public_url_is_the_cdns_or_the_objects_own() -> None:
    """Without a CDN the object's own URL serves; a version comes last."""
    assert CDN.for_key("images/a.png") == "https://cdn.example.com/site/images/a.png"
    assert CDN.for_key("images/a.png", "12345678").endswith("/images/a.png?v=12345678")
    assert BARE.for_key("images/a.png") == "https://own.example.net/b/images/a.png"
    assert FOLDER.for_key("images/a.png", "12345678") == "/images/a.png?v=12345678"
    assert (CDN.has_cdn, BARE.has_cdn, FOLDER.has_cdn) == (True, False, False)


@pytest.mark.parametrize("urls", [CDN, BARE, FOLDER])
@given(
    name=st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1),
    version=st.none() | st.just("0a1b2c3d"),
)
def test_our_own_urls_lead_back_to_their_keys(
    urls: PublicUrls, name: str, version: str | None
) -> None:
    """A stored URL is recognised as ours, with its version or without."""
    key = f"images/logos/{name}.png"
    assert urls.key_of(urls.for_key(key, version)) == key


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com.evil.net/site/images/a.png",
        "https://cdn.example.com@evil.net/site/images/a.png",
        "https://evil.net/https://cdn.example.com/site/images/a.png",
        "https://cdn.example.com/sitemap/images/a.png",
        "https://cdn.example.com/images/a.png",
        "https://cdn.example.com:8443/site/images/a.png",
        "https://cdn.example.com/site/../images/a.png",
        "https://cdn.example.com/site/",
        "https://cdn.example.com/site",
        "https://own.example.net/b/images/a.png",
        "ftp://cdn.example.com/site/images/a.png",
        "https://cdn.example.com:port/site/images/a.png",
        "https://[cdn/site/images/a.png",
        "/site/images/a.png",
        "//evil.net/site/images/a.png",
        "/\\cdn.example.com/site/images/a.png",
        "",
    ],
)
def test_a_url_that_only_looks_like_ours_is_not(url: str) -> None:
    """A prefix test was true for longer host names: hosts and paths are compared as parsed."""
    assert CDN.key_of(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://CDN.example.com/site/images/a.png",
        "https://cdn.example.com:443/site/images/a.png",
        "https://cdn.example.com/site/images/a.png?v=1&w=2",
        "https://cdn.example.com/site/images/a.png#top",
        "//cdn.example.com/site/images/a.png",
        "https://%63dn.example。com/site/images/a.png",
    ],
)
def test_a_url_of_ours_in_another_spelling_is_ours(url: str) -> None:
    """Case of the host, the scheme's own port and the query say nothing about the object."""
    assert CDN.key_of(url) == "images/a.png"


def test_an_empty_cdn_setting_claims_no_urls() -> None:
    """A prefix test was true when the setting was empty: then only the store's own are ours."""
    assert PublicUrls("", BARE.for_key).key_of("https://anywhere.example/images/a.png") is None
    assert FOLDER.key_of("https://anywhere.example/images/a.png") is None
    assert FOLDER.key_of("/images/a.png") == "images/a.png"


@pytest.mark.parametrize(
    ("base", "url", "key"),
    [
        ("https://cdn.example.com", "http://cdn.example.com/images/a.png", "images/a.png"),
        ("https://cdn.example.com", "https://cdn.example.com:443/images/a.png", "images/a.png"),
        ("https://cdn.example.com", "https://cdn.example.com:8443/images/a.png", None),
        (None, "file:///images/a.png", None),
        (None, "/images/a.png", "images/a.png"),
    ],
)
def test_scheme_and_its_own_port_make_no_other_url(base, url, key):
    """URLs are compared by host and path; a port counts only when it is not the scheme's own."""
    assert PublicUrls(base, lambda name: f"/{name}").key_of(url) == key


def test_the_users_own_hosts_are_where_visitors_load_pictures() -> None:
    """With a CDN nobody loads pictures from the store, which may be in a private network."""
    store = "http://minio:9000/bucket/"

    def hosts(cdn: str | None) -> OwnHosts:
        return PublicUrls(cdn, lambda key: store + key, ["nas.lan"]).own_hosts

    names = frozenset({"nas.lan"})
    assert hosts(None) == OwnHosts(names, frozenset({"minio:9000"}))
    assert hosts("http://localhost:9000/bucket") == OwnHosts(names, frozenset({"localhost:9000"}))
    assert FOLDER.own_hosts == OwnHosts()
