"""Redirects: what goes on to the next hop and what stays behind."""

from typing import Any

import pytest

from datafetch.net.base import Request
from datafetch.net.hops import Hop, first_hop, next_hop
from datafetch.net.options import NetOptions
from datafetch.upstream_errors import Refused

TRUSTED = NetOptions("agent", trusted_origins=frozenset({("http", "10.0.0.5", 3000)}))
NONE = NetOptions("agent")
SECRETS = {"Authorization": "Bearer x", "Cookie": "a=b", "Accept": "text/html"}


def start(url: str = "https://a.example/x", options: NetOptions = NONE, **fields: Any) -> Hop:
    """A first hop with credentials."""
    fields.setdefault("trust", "settings")
    return first_hop(Request(url=url, upstream="site", headers=SECRETS, **fields), options)


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("/other?page=2", True),
        ("https://a.example:443/other", True),
        ("https://b.example/", False),
        ("http://a.example/", False),
        ("https://a.example:8443/", False),
        ("https://x.a.example/", False),
        ("//b.example/", False),
    ],
)
def test_credentials_stay_with_their_origin(location: str, kept: Any) -> None:
    """A token goes to the origin it belongs to, by exact scheme, host and port; the rest follows."""
    hop = next_hop(start(), 302, location, NONE)
    assert ("authorization" in hop.headers, "cookie" in hop.headers) == (kept, kept)
    assert hop.headers["accept"] == "text/html"


@pytest.mark.parametrize(
    ("location", "kept"),
    [("/other", True), ("https://b.example/", False), ("http://a.example/x", False)],
)
def test_private_headers_stay_with_their_origin_whatever_their_names(
    location: str, *, kept: bool
) -> None:
    """What a proxy before the user's server wants is sent to that origin, through any number of hops, and to no other."""
    private = {"CF-Access-Client-Id": "id", "X-Anything": "x"}
    first = start(private_headers=private)
    assert (first.headers["cf-access-client-id"], first.headers["x-anything"]) == ("id", "x")
    hop = next_hop(next_hop(first, 302, "/between", NONE), 302, location, NONE)
    assert {"cf-access-client-id", "x-anything"} <= set(hop.headers) or not kept
    assert kept or not {"cf-access-client-id", "x-anything"} & set(hop.headers)
    back = next_hop(hop, 302, "https://a.example/", NONE)
    assert ("x-anything" in back.headers) is kept
    shown = Request("https://a.example", "settings", "site", private_headers={"X": "hidden"})
    assert "hidden" not in repr(shown)


def test_credentials_do_not_come_back() -> None:
    """Once a request has left its origin, a redirect back to it is another's wish, without token."""
    away = next_hop(start(), 302, "https://b.example/", NONE)
    back = next_hop(away, 302, "https://a.example/delete", NONE)
    assert back.url.name == "a.example"
    assert "authorization" not in back.headers


@pytest.mark.parametrize(
    ("status", "kept"), [(301, False), (302, False), (303, False), (307, True), (308, True)]
)
def test_bodies_follow_the_standard(status: int, *, kept: bool) -> None:
    """A POST that is answered by 301–303 becomes a GET; 307 and 308 repeat it with its body."""
    hop = next_hop(start(json_body={"a": 1}), status, "/next", NONE)
    assert hop.body == (b'{"a":1}' if kept else None)
    assert ("content-type" in hop.headers) is kept


def test_half_of_a_surrogate_pair_goes_out_as_javascript_writes_it() -> None:
    """A cursor that holds one came back to GitHub, and ended the run in a traceback."""
    assert start(json_body={"after": "\ud800x"}).body == '{"after":"\ufffdx"}'.encode()


def test_the_users_own_origin_may_be_private() -> None:
    """The first hop to an origin of the settings is not looked at; staying there is fine."""
    hop = start("http://10.0.0.5:3000/api", TRUSTED)
    assert hop.trusted
    assert next_hop(hop, 302, "/api/v1", TRUSTED).trusted


@pytest.mark.parametrize(
    "url", ["http://10.0.0.5:3001/", "https://10.0.0.5:3000/", "http://10.0.0.6:3000/"]
)
def test_trust_is_exact(url: str) -> None:
    """Another port, scheme or host is not the user's origin."""
    with pytest.raises(Refused):
        start(url, TRUSTED)


def test_data_is_never_trusted() -> None:
    """A bookmark that names the user's own private server does not reach it."""
    with pytest.raises(Refused):
        start("http://10.0.0.5:3000/", TRUSTED, trust="data")


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.9/",
        "http://127.1/",
        "http://[::1]/",
        "file:///etc/passwd",
        "http://[",
        "http://localhost/",
    ],
)
def test_redirects_are_hostile(location: str) -> None:
    """Private addresses behind redirects were fetched: each hop is guarded."""
    for hop in (start(), start("http://10.0.0.5:3000/", TRUSTED)):
        with pytest.raises(Refused):
            next_hop(hop, 302, location, TRUSTED)


def test_trust_ends_with_the_first_foreign_hop() -> None:
    """A stranger cannot send a request back into the private server it came from."""
    away = next_hop(start("http://10.0.0.5:3000/", TRUSTED), 302, "https://b.example/", TRUSTED)
    assert not away.trusted
    with pytest.raises(Refused):
        next_hop(away, 302, "http://10.0.0.5:3000/admin", TRUSTED)


@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("put", [False, True])
def test_a_method_that_is_kept_refuses_what_would_change_it(status: int, *, put: bool) -> None:
    """A GET in the place of a POST told the site nothing, and was answered with 200."""
    hop = start(body=b"", put=put, keeps_method=True)
    with pytest.raises(Refused, match=f"redirects the {hop.method} with {status}") as caught:
        next_hop(hop, status, "/next", NONE)
    assert "setting" in caught.value.hint
    assert next_hop(start(keeps_method=True), status, "/next", NONE).method == "GET"


@pytest.mark.parametrize("status", [307, 308])
def test_a_put_stays_a_put(status: int) -> None:
    """An empty body is one, too: its headers and its method go along."""
    first = start(body=b"", put=True, keeps_method=True, hides_path=True)
    hop = next_hop(first, status, "/next", NONE)
    assert (hop.method, hop.body, hop.keeps_method, hop.hides_path) == ("PUT", b"", True, True)
