"""What is said when the bookmark server, or a proxy before it, gives no answer that can be used."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from datafetch import redaction
from datafetch.bookmarks.karakeep import BookmarkApi
from datafetch.bookmarks.refusals import explained, read_json
from datafetch.net.base import Answer, HttpClient
from datafetch.upstream_errors import (
    BreakerOpen,
    CannotConnect,
    Denied,
    Malformed,
    Missing,
    RateLimited,
    Refused,
    Rejected,
    TooLarge,
    TransientError,
    UpstreamError,
)
from tests.bookmarks.world import NEWEST
from tests.fakes.base import FakeServer
from tests.fakes.faults import dropped, redirect, reply
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp, link
from tests.fakes.message import Response
from tests.job_settings import bookmarks_settings
from tests.support import make_http

BASE = "http://k.example.com/api/v1"
PATH = "/lists/l1/bookmarks"
HTML = {"Content-Type": "text/html; charset=utf-8"}
LOGIN = "<!doctype html><title>Sign in</title>"


@pytest.fixture
def http() -> Iterator[HttpClient]:
    """A real client."""
    client = make_http()
    yield client
    client.close()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A server with one bookmark."""
    with FakeServer(KarakeepApp([link("b1", "https://e.com/", NEWEST)])) as served:
        yield served


def api(http: HttpClient, server: FakeServer, **changes: Any) -> BookmarkApi:
    """The API of a served app."""
    found = replace(bookmarks_settings(server.url), retry_max_s=0.0, **changes)
    return BookmarkApi(http, found)


def failure(api: BookmarkApi) -> UpstreamError:
    """How reading the list fails."""
    with pytest.raises(UpstreamError) as caught:
        list(api.pages())
    return caught.value


def test_wrong_token_is_said_in_the_words_of_the_server(
    http: HttpClient, server: FakeServer
) -> None:
    """A 401 said nothing of what the server had said, nor what a key has to be allowed."""
    error = failure(api(http, server, token=SecretStr("wrong-token")))
    assert isinstance(error, Denied)
    assert "does not accept the token (status 401: Unauthorized)" in str(error)
    assert "User Settings > API Keys" in error.hint
    for word in ("BOOKMARK_BEARER_TOKEN", "lists:read", "bookmarks:read", "assets:read"):
        assert word in error.hint


def test_missing_scope_is_said_in_the_words_of_the_server(
    http: HttpClient, server: FakeServer
) -> None:
    """A 403 said "does not accept the token" when the key lacked one of its scopes."""
    assert isinstance(server.app, KarakeepApp)
    server.app.scopes.clear()
    error = failure(api(http, server))
    assert "(status 403: The API key lacks the scope bookmarks:read)" in str(error)
    for word in ("lists:read", "bookmarks:read", "assets:read"):
        assert word in error.hint
    assert "bookmarks:read is needed" in str(error)
    with pytest.raises(Denied, match=r"lacks the scope lists:read\): lists:read is needed"):
        api(http, server).lists_of("b1")
    with pytest.raises(Denied, match="lists:read is needed"):
        api(http, server).list_info()
    with pytest.raises(Denied, match="lists:read is needed"):
        api(http, server).lists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"code":"FORBIDDEN","message":"No scope"}', ": No scope)"),
        ('{"error":"invalid key"}', ": invalid key)"),
        ('{"error":{"message":"deep"}}', ": deep)"),
        ('{"message":{"x":1},"error":"y"}', "(status 403)"),
        ('{"message":["x"]}', "(status 403)"),
        ('{"message":7}', "(status 403)"),
        ('"a text"', ": a text)"),
        ("plain  words\r\n\x1b[31m\u202etwice", ": plain words [31m twice)"),
        ("", "(status 403)"),
        ("null", "(status 403)"),
        ("[" * 5000, ": " + "[" * 199 + "…)"),
        ("x" * 5000, ": " + "x" * 199 + "…)"),
        ("\x00\xff", "(status 403: \xff)"),
    ],
)
def test_words_are_short_and_plain(
    http: HttpClient, server: FakeServer, body: str, said: str
) -> None:
    """Whatever a server sends as its reason is one short line that a terminal can show."""
    server.app.inject(reply(403, body))
    assert said in str(failure(api(http, server)))


def test_words_hold_no_secret(
    http: HttpClient, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that repeats the token in its answer does not bring it into the log."""
    monkeypatch.setattr(redaction, "_secrets", {TOKEN})
    server.app.inject(reply(403, f'{{"message":"key {TOKEN} may not"}}'))
    error = failure(api(http, server))
    assert "key *** may not" in str(error)
    assert TOKEN not in str(error) + error.hint


def test_words_without_a_declared_length_are_read(http: HttpClient, server: FakeServer) -> None:
    """Proxies send errors in chunks, of which nobody knows the length before."""
    server.app.inject(
        lambda _request, _answer: Response(403, {}, chunks=[b'{"message":', b'"no"}'])
    )
    assert "(status 403: no)" in str(failure(api(http, server)))


def test_redirect_to_another_origin_says_which_address_to_set(
    http: HttpClient, server: FakeServer
) -> None:
    """`http` behind a redirect to https ended in "does not accept the token": the token is not sent along."""
    with FakeServer(KarakeepApp()) as other:
        path = f"/api/v1/lists/{LIST_ID}/bookmarks"
        server.app.inject(redirect(f"{other.url}{path}?limit=100", 301))
        error = failure(api(http, server))
        assert isinstance(error, Denied)
        assert f"no token is sent there: use {other.url}" in str(error)
        assert error.hint.startswith(f"Set BOOKMARKS_API_URL to {other.url},")
        assert "authorization" not in other.app.log.all()[0].headers


@pytest.mark.parametrize(
    ("came", "use"),
    [
        (f"https://k.example.com/api/v1{PATH}", "https://k.example.com"),
        (f"https://www.k.example.com/sub/api/v1{PATH}", "https://www.k.example.com/sub"),
        (f"https://k.example.com/api/v2{PATH}", "https://k.example.com/api/v2"),
        ("https://k.example.com:8443/", "https://k.example.com:8443"),
    ],
)
@pytest.mark.parametrize("kind", [Denied, Refused, TransientError, Missing])
def test_address_to_set_is_made_of_the_redirect(
    came: str, use: str, kind: type[UpstreamError]
) -> None:
    """Whatever became of the request after the redirect, the address that needs none is named."""
    error = explained(kind("its reason", url=came, status=401), BASE, PATH)
    assert f"use {use}" in str(error)
    assert f"Set BOOKMARKS_API_URL to {use}," in error.hint
    assert ("(its reason)" in str(error)) == (kind in (Refused, TransientError))
    assert isinstance(error, Denied if kind is Missing else kind)


@pytest.mark.parametrize("kind", [Denied, Missing])
def test_redirect_to_a_log_in_page_names_the_proxy(kind: type[UpstreamError]) -> None:
    """A redirect to another host's log-in is the work of a proxy, which wants headers of its own."""
    error = explained(kind("", url="https://auth.example.org/login", status=401), BASE, PATH)
    assert f"{BASE}{PATH} redirects to https://auth.example.org/login: a proxy asks" in str(error)
    assert "BOOKMARKS_HEADERS" in error.hint


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(200, LOGIN, HTML), 'answered 200 with a web page titled "Sign in" (text/html)'),
        (reply(200, f"\n {LOGIN}"), 'answered 200 with a web page titled "Sign in" (text/plain)'),
        (reply(200, "{}", HTML), "answered 200 with a web page (text/html)"),
        (reply(403, LOGIN, HTML), 'answered 403 with a web page titled "Sign in"'),
        (reply(401, LOGIN, HTML), 'answered 401 with a web page titled "Sign in"'),
        (reply(404, LOGIN, HTML), 'answered 404 with a web page titled "Sign in"'),
        (reply(400, LOGIN, HTML), 'answered 400 with a web page titled "Sign in"'),
    ],
    ids=["page", "untyped", "typed", "forbidden", "unauthorised", "missing", "bad"],
)
def test_web_page_is_told_with_status_and_title(
    http: HttpClient, server: FakeServer, answer: Any, said: str
) -> None:
    """The words "the answer is not JSON" said neither who had answered nor what; a page names both ways out."""
    server.app.inject(answer)
    error = failure(api(http, server))
    assert not isinstance(error, Missing)
    assert f"{server.url}/api/v1/lists/{LIST_ID}/bookmarks {said}" in str(error)
    assert "not JSON" in str(error)
    assert "BOOKMARKS_HEADERS" in error.hint
    assert "is BOOKMARKS_API_URL the address of Karakeep itself?" in str(error) + error.hint


def test_page_of_the_server_itself_names_the_address_without_a_path(
    http: HttpClient, server: FakeServer
) -> None:
    """The dashboard's address was given: Karakeep's own page comes, and the origin is what to set."""
    server.app.inject(reply(200, "<!DOCTYPE html><title>Karakeep</title>", HTML))
    base = f"{server.url}/dashboard/api/v1"
    error = failure(BookmarkApi(http, replace(bookmarks_settings(server.url), api_url=base)))
    assert isinstance(error, Malformed)
    assert "Karakeep" in str(error)
    assert f"Set BOOKMARKS_API_URL to {server.url}," in error.hint


def test_page_of_the_server_at_the_right_address_does_not_ask_for_that_address_again(
    http: HttpClient, server: FakeServer
) -> None:
    """An old server, or a proxy that passes no API on: to set what is set already helped nobody."""
    server.app.inject(reply(404, "<!DOCTYPE html><title>Karakeep</title>", HTML))
    error = failure(api(http, server))
    assert "a page of Karakeep, not its API" in str(error)
    assert "Set BOOKMARKS_API_URL" not in error.hint
    assert f"{server.url}/api/v1/lists" in error.hint


def test_a_connection_that_breaks_in_plain_http_may_want_https(
    http: HttpClient, server: FakeServer
) -> None:
    """Some ports of https hang up without a word; "the next run tries again" led to the same error."""
    server.app.inject(dropped())
    assert "https://" in failure(api(http, server)).hint
    secure = "https://k.example.com/api/v1"
    error = explained(TransientError("it broke", url=secure + PATH), secure, PATH)
    assert "https://" not in error.hint


def test_title_is_short_and_plain(http: HttpClient, server: FakeServer) -> None:
    """A hostile page's title moves no cursor and fills no screen."""
    page = "<title>Log\x1b[2J\r\nin " + "x" * 5000 + "</title>"
    server.app.inject(reply(200, page, HTML))
    error = failure(api(http, server))
    assert "Log [2J in xxx" in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(200, ""), "answered 200 with an empty body"),
        (reply(204, ""), "answered 204 with an empty body"),
        (reply(200, "hello\nthere"), 'a text that begins "hello there" (text/plain), not JSON'),
        (reply(200, "[]"), "answered 200 with JSON that is no object"),
    ],
)
def test_answers_of_something_else_ask_for_the_address(
    http: HttpClient, server: FakeServer, answer: Any, said: str
) -> None:
    """Another server at that address is named as such: nothing, a text, other JSON."""
    server.app.inject(answer)
    error = failure(api(http, server))
    assert said in str(error)
    assert "is BOOKMARKS_API_URL the address of Karakeep itself?" in str(error)
    assert "BOOKMARKS_API_URL" in error.hint


def test_log_in_page_after_redirects_is_named(http: HttpClient, server: FakeServer) -> None:
    """A proxy that sends elsewhere for the log-in, with 200 at the end, is told from the server."""
    server.app.inject(redirect("/signin"), "/lists")
    server.app.inject(reply(200, LOGIN), "/signin")
    assert f"redirects to {server.url}/signin, which answered 200" in str(
        failure(api(http, server))
    )
    with FakeServer(KarakeepApp()) as other:
        other.app.inject(reply(200, LOGIN))
        server.app.heal()
        server.app.inject(redirect(f"{other.url}/cdn-cgi/access/login?kid=1"))
        error = failure(api(http, server))
        assert isinstance(error, Malformed)
        assert f"redirects to {other.url}/cdn-cgi/access/login: a proxy asks" in str(error)


def test_headers_for_the_proxy_stay_with_the_server(http: HttpClient, server: FakeServer) -> None:
    """What Cloudflare Access or Authelia want is sent to the configured origin, never elsewhere."""
    headers = (("CF-Access-Client-Id", SecretStr("id-1")), ("X-Pass", SecretStr("pass-1")))
    with FakeServer(KarakeepApp()) as other:
        server.app.inject(redirect("/moved"), lambda request: request.path.endswith("/bookmarks"))
        server.app.inject(redirect(f"{other.url}/away"), "/moved")
        failure(api(http, server, headers=headers))
        first, moved = server.app.log.all()
        [away] = other.app.log.all()
    for request in (first, moved):
        assert request.headers["cf-access-client-id"] == "id-1"
        assert request.headers["x-pass"] == "pass-1"
    assert not {"cf-access-client-id", "x-pass", "authorization"} & set(away.headers)


def test_failures_of_the_server_itself_keep_their_words() -> None:
    """What a proxy has no part in is said as it was, with what to do next."""
    down = explained(TransientError("down", url=f"{BASE}{PATH}", status=503), BASE, PATH)
    assert str(down) == "down"
    assert "BOOKMARKS_API_URL" in down.hint
    loop = explained(Refused("more than 5 redirects", url=BASE + PATH), BASE, PATH)
    assert "BOOKMARKS_HEADERS" in loop.hint
    away = "https://k.example.com/"
    for error in (BreakerOpen("open", url=away), RateLimited("wait", url=away), Missing("none")):
        assert explained(error, BASE, PATH) is error
        assert error.hint in ("", "The next run tries again.")


def test_what_is_not_the_servers_keeps_its_own_hint() -> None:
    """A proxy of the environment, a certificate and a limit of ours were blamed on the setting."""
    proxy = TransientError("HTTPS_PROXY (p:1): refused", url=BASE + PATH, hint="Check HTTPS_PROXY.")
    proxy.by_proxy = True
    blocked = CannotConnect("HTTPS_PROXY (p:1): 403", url=BASE + PATH, hint="Name it in NO_PROXY.")
    large = TooLarge("too large", url=BASE + PATH)
    for error in (proxy, blocked, large):
        said = error.hint
        assert explained(error, BASE, PATH).hint == said


@pytest.mark.parametrize("body", [b"[]", b"7", b"null", b"", b"{", b"\xff"])
def test_answers_that_are_no_object_are_malformed(body: bytes) -> None:
    """A 200 with a body that is not JSON."""
    with pytest.raises(Malformed):
        read_json(Answer(200, BASE + PATH, {}, body), BASE, PATH)


def test_an_asset_needs_its_own_scope() -> None:
    """A key without assets:read was told to have "the scopes", of which two were there."""
    error = explained(Denied("no", url=f"{BASE}/assets/a1", status=403), BASE, "/assets/a1")
    assert "assets:read is needed" in str(error)
    assert "needs the scope assets:read" in error.hint


def test_failed_connection_names_setting_and_host(http: HttpClient) -> None:
    """Nothing listens there, or the name does not exist: the setting to check is named."""
    with FakeServer(KarakeepApp()) as gone:
        host = gone.url.partition("//")[2]
    for url in (f"http://{host}", "http://no-such-host.invalid"):
        found = replace(bookmarks_settings(url), retry_max_s=0.0)
        error = failure(BookmarkApi(http, found))
        assert isinstance(error, TransientError)
        assert "BOOKMARKS_API_URL" in error.hint
        assert url.partition("//")[2] in error.hint


@pytest.mark.parametrize(
    "answer",
    [
        reply(400, "Client sent an HTTP request to an HTTPS server.\n"),
        reply(400, "<title>400 The plain HTTP request was sent to HTTPS port</title>", HTML),
    ],
    ids=["Go", "nginx"],
)
def test_http_at_a_port_of_https_names_the_address(
    http: HttpClient, server: FakeServer, answer: Any
) -> None:
    """`http://` at a port that speaks https: the same address with https:// is what to set."""
    server.app.inject(answer)
    hint = f"Set BOOKMARKS_API_URL to {server.url.replace('http:', 'https:')}."
    assert failure(api(http, server)).hint == hint


def test_answer_that_is_not_http_may_be_https() -> None:
    """Most servers answer plain http at a port of https with an alert of TLS, which is no HTTP."""
    error = explained(Malformed("the answer is not HTTP", url=BASE + PATH), BASE, PATH)
    assert "https://k.example.com" in error.hint
    secure = "https://k.example.com/api/v1"
    error = explained(Malformed("the answer is not HTTP", url=secure + PATH), secure, PATH)
    assert "speaks https" not in error.hint


def test_refused_request_keeps_the_words_of_the_server(
    http: HttpClient, server: FakeServer
) -> None:
    """A 4xx that is none of the known ones said its number only."""
    server.app.inject(reply(422, '{"message":"limit must be a number"}'))
    error = failure(api(http, server))
    assert isinstance(error, Rejected)
    assert "(status 422: limit must be a number)" in str(error)
    assert "BOOKMARKS_API_URL" in error.hint
