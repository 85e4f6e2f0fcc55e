"""Logging in to the status page: who gets in, what the cookie is, and how a session ends."""

import re
from collections.abc import Mapping
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafetch.web.auth import Secrets
from datafetch.web.page.sessions import LASTS_S, Role, Sessions, is_from_here
from tests.ops.overviews import all_fine
from tests.support import FakeClock
from tests.web.page.scenes import CRON, TOKEN, Scene, shown, some_letters
from tests.web.support import Answer, Server

FORM = {"content-type": "application/x-www-form-urlencoded"}
PLAIN: dict[str, object] = {"type": "http", "scheme": "http", "headers": []}


def secrets(*texts: str) -> Secrets:
    """Secrets with these texts."""
    from pydantic import SecretStr

    return Secrets.of(SecretStr(",".join(texts)))


def sessions(*texts: str, clock: FakeClock | None = None) -> Sessions:
    """Sessions under these secrets."""
    return Sessions(secrets(*texts), clock or FakeClock())


def with_cookie(set_cookie: str, scheme: str = "http") -> dict[str, object]:
    """The scope of a request that brings the cookie back."""
    pair = set_cookie.partition(";")[0].encode()
    return {**PLAIN, "scheme": scheme, "headers": [(b"cookie", b"a=b; " + pair)]}


def send(
    server: Server, path: str, cookie: str = "", headers: Mapping[str, str] = FORM, **fields: str
) -> Answer:
    """Send a form, with a cookie."""
    sent = {**FORM, **headers, **({"cookie": cookie} if cookie else {})}
    return server.ask(path, "POST", urlencode(fields).encode(), sent)


def logged_in(server: Server, secret: str = CRON) -> str:
    """The cookie of a session that this secret opens."""
    answer = send(server, "/login", secret=secret)
    assert answer.status == 303
    return answer.headers["set-cookie"].partition(";")[0]


def test_a_session_is_known_again_until_it_ends():
    """For twelve hours, and not a second longer."""
    clock = FakeClock()
    made = sessions(CRON, clock=clock)
    scope = with_cookie(made.opened(Role.ACT, PLAIN))
    found = made.of(scope)
    assert found is not None
    assert found.may_act
    clock.advance(LASTS_S - 1)
    assert made.of(scope) == found
    clock.advance(1)
    assert made.of(scope) is None


@pytest.mark.parametrize("now", [(CRON, "another"), ("another",), ()])
def test_a_changed_secret_ends_all_sessions(now):
    """Whoever takes a secret away, or adds one, throws everybody out."""
    scope = with_cookie(sessions(CRON).opened(Role.ACT, PLAIN))
    assert sessions(CRON).of(scope) is not None
    assert sessions(*now).of(scope) is None


ONE = sessions(CRON)
"""To make its key takes longer than an example may."""


@given(st.data())
@settings(deadline=None)
def test_a_changed_cookie_opens_nothing(data):
    """Neither another role nor a later end can be made of a cookie, nor anything else."""
    made = ONE
    value = made.opened(Role.SEE, PLAIN).partition(";")[0]
    at = data.draw(st.integers(len("datafetch_session="), len(value) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=";,"))
    forged = value[:at] + other + value[at + 1 :]
    found = made.of(with_cookie(forged))
    assert (found is not None) is (forged == value)
    assert made.of(with_cookie(value.replace("=see.", "=act."))) is None


def test_a_form_token_is_of_one_session():
    """The token of another session, or none, is refused."""
    made = sessions(CRON)
    first, second = (made.of(with_cookie(made.opened(Role.ACT, PLAIN))) for _ in range(2))
    assert first is not None
    assert second is not None
    assert made.has_token(first, made.form_token(first))
    assert not made.has_token(first, made.form_token(second))
    assert not made.has_token(first, "")


def test_the_cookie_over_https_is_bound_to_the_host():
    """`__Host-` and Secure where the scheme is https, and only there; never for scripts."""
    made = sessions(CRON)
    plain = made.opened(Role.ACT, PLAIN)
    secure = made.opened(Role.ACT, {**PLAIN, "scheme": "https"})
    assert plain.endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict")
    assert secure.startswith("__Host-datafetch_session=act.")
    assert secure.endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure")
    assert made.of(with_cookie(secure, "https")) is not None
    assert made.of(with_cookie(plain, "https")) is None
    assert CRON not in plain + secure


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://proxy.test", "host": "inner"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site", "origin": "http://a.test", "host": "a.test"}, False),
        ({"origin": "http://a.test:8080", "host": "a.test:8080"}, True),
        ({"origin": "http://a.test:8081", "host": "a.test:8080"}, False),
        ({"origin": "null", "host": "a.test"}, False),
        ({"origin": "http://[", "host": "a.test"}, False),
        ({"origin": "", "host": ""}, False),
        ({"host": "a.test"}, True),
    ],
)
def test_where_a_form_comes_from(headers, expected):
    """What the browser says of the page that sent it; programs say nothing."""
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert is_from_here({**PLAIN, "headers": pairs}) is expected


def test_the_cron_secret_lets_act_and_the_token_lets_see():
    """Both open a closed page; only the cron secret shows the buttons."""
    variables = {"BOOKMARK_CRON_REFRESH_SECRET": CRON, "DATAFETCH_METRICS_TOKEN": TOKEN}
    with shown(Scene(all_fine(), some_letters()), **variables) as server:
        for secret, may_act in ((CRON, True), (TOKEN, False)):
            page = server.get("/", cookie=logged_in(server, secret))
            assert page.status == 200
            assert ("Try all again" in page.text) is may_act
            assert server.get("/api/status", cookie=logged_in(server, secret)).status == 200


def test_a_closed_page_shows_nothing_but_the_form():
    """No job, host, error or sentence is in it."""
    with shown(Scene(all_fine(), some_letters()), DATAFETCH_METRICS_TOKEN=TOKEN) as server:
        for path in ("/", "/?show=failing", "/?notice=started&job=logos&count=3"):
            page = server.get(path, host="evil.test")
            assert page.status == 401
            assert 'action="/login"' in page.text
            assert not re.search(r"bookmarks|slow\.example|fresh|PST", page.text)
        assert server.get("/api/events").status == 401


def test_wrong_secrets_are_refused_and_then_slowed_down():
    """Ten tries a minute; what was typed is nowhere in the answer."""
    with shown(Scene(all_fine()), BOOKMARK_CRON_REFRESH_SECRET=CRON) as server:
        for _ in range(10):
            answer = send(server, "/login", secret="wrong-secret-typed")
            assert answer.status == 401
            assert "wrong-secret-typed" not in answer.text
            assert "set-cookie" not in answer.headers
        answer = send(server, "/login", secret="wrong-secret-typed")
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) in range(1, 61)


def test_a_stranger_does_not_lock_out_who_has_the_secret():
    """Behind a proxy that nobody has named both have one address."""
    with shown(Scene(all_fine()), BOOKMARK_CRON_REFRESH_SECRET=CRON) as server:
        while send(server, "/login", secret="wrong-secret-typed").status != 429:
            pass
        assert send(server, "/login", secret=CRON).status == 303


def test_the_way_after_logging_in_is_always_the_page():
    """No field and no address says where to go."""
    with shown(Scene(all_fine()), BOOKMARK_CRON_REFRESH_SECRET=CRON) as server:
        fields = {"secret": CRON, "next": "https://evil.test/", "url": "//evil.test"}
        answer = send(server, "/login?next=https://evil.test/", "", {}, **fields)
        assert (answer.status, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "https://evil.test"}, 403),
        ({"content-type": "text/plain"}, 400),
        ({"content-type": "multipart/form-data; boundary=x"}, 400),
    ],
)
def test_log_ins_of_other_sites_are_refused(headers, status):
    """Nobody is logged in by a form that is not ours."""
    with shown(Scene(all_fine()), BOOKMARK_CRON_REFRESH_SECRET=CRON) as server:
        answer = send(server, "/login", headers=headers, secret=CRON)
        assert answer.status == status
        assert "set-cookie" not in answer.headers


def test_logging_out_takes_the_cookie_away():
    """Only a form of the session's own does so."""
    with shown(Scene(all_fine()), BOOKMARK_CRON_REFRESH_SECRET=CRON) as server:
        cookie = logged_in(server)
        token = re.search(r'name="csrf" value="(\w+)"', server.get("/", cookie=cookie).text)
        assert token is not None
        assert send(server, "/logout", cookie).status == 403
        answer = send(server, "/logout", cookie, csrf=token[1])
        assert (answer.status, answer.headers["location"]) == (303, "/")
        assert "Max-Age=0" in answer.headers["set-cookie"]


def test_without_a_secret_nobody_logs_in():
    """Also not with an empty one; the page says which settings it needs."""
    with shown(Scene(all_fine())) as server:
        assert "BOOKMARK_CRON_REFRESH_SECRET" in server.get("/login").text
        assert send(server, "/login", secret="").status == 401
        assert 'href="/login"' not in server.get("/").text


def test_files_are_named_by_their_content():
    """A page's files are found, may be kept for ever, and have no other names."""
    with shown(Scene(all_fine())) as server:
        page = server.get("/")
        assert page.headers["cache-control"] == "no-store"
        found = re.findall(r'"(/static/[^"]+)"', page.text)
        assert len(found) == 3
        for path in found:
            answer = server.get(path)
            assert answer.status == 200
            assert "immutable" in answer.headers["cache-control"]
            assert re.search(r"-[0-9a-f]{10}\.(css|js|svg)$", path)
        for path in ("/static/page.css", "/static/..%2fsite.py", "/static/"):
            assert server.get(path).status == 404
