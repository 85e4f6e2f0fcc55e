"""The servers that are asked: who answers, what the keys may do, and what is left."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from datafetch.clock import SystemClock
from datafetch.doctor.addresses_check import LogoServiceCheck
from datafetch.doctor.anonymous import Anonymous
from datafetch.doctor.bookmark_server import BookmarkServerCheck
from datafetch.doctor.examination import Check
from datafetch.doctor.findings import Finding, Form
from datafetch.doctor.github_check import GitHubCheck
from datafetch.doctor.hurried import HurriedClient
from tests.fakes.base import Answer, App, FakeServer, Request, Response
from tests.fakes.faults import dropped, held, reply
from tests.fakes.github import GitHubApp
from tests.fakes.karakeep import LIST_ID, KarakeepApp, asset
from tests.job_settings import bookmarks_settings, github_settings
from tests.support import START, FakeClock, make_http


def found_by(check: Check) -> dict[str, Finding]:
    """What is found, by name."""
    return {finding.check: finding for finding in check.look()}


def states(found: dict[str, Finding]) -> dict[str, str]:
    """How each is."""
    return {
        name: "skip" if one.form is Form.SKIPPED else one.status.value
        for name, one in found.items()
    }


NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)

# ------------------------------------------------------------ bookmark server


@pytest.fixture
def karakeep() -> Iterator[FakeServer]:
    """A list with a bookmark that has a picture."""
    app = KarakeepApp([asset("b1", "a1", NOVEMBER)])
    app.put_asset("a1", b"\xff\xd8" + b"1" * 6000)
    app.name(LIST_ID, "Reading")
    with app.served() as server:
        yield server


def bookmarks(server: FakeServer) -> dict[str, Finding]:
    """What is found at the bookmark server."""
    http = HurriedClient(make_http(), 5.0)
    return found_by(BookmarkServerCheck(http, bookmarks_settings(f"{server.url}/api/v1")))


def karakeep_app(server: FakeServer) -> KarakeepApp:
    """The app behind the server."""
    assert isinstance(server.app, KarakeepApp)
    return server.app


def test_a_bookmark_server_that_is_well(karakeep):
    """The list, its kind, the scopes, and the lists that the key can read, by name and id."""
    found = bookmarks(karakeep)
    assert states(found) == {
        "bookmark server": "ok",
        "bookmark list": "ok",
        "lists": "ok",
        "list type": "ok",
        "assets:read": "ok",
    }
    assert found["lists"].detail == f'the key can read 1 list: "Reading" ({LIST_ID})'
    assert found["list type"].detail == "manual"


def test_a_smart_list_is_told(karakeep):
    """Deletions are found in another way there."""
    karakeep_app(karakeep).make_smart()
    assert "smart" in bookmarks(karakeep)["list type"].detail


def test_a_list_that_is_not_there_names_those_that_are(karakeep):
    """The id to set is in the report."""
    app = karakeep_app(karakeep)
    app.name("other", "Other")
    app.drop_list(LIST_ID)
    found = bookmarks(karakeep)
    assert found["bookmark list"].status == "fail"
    assert '"Other" (other)' in found["lists"].detail
    assert found["BOOKMARKS_LIST_ID"].status == "fail"


@pytest.mark.parametrize(
    ("scope", "check", "status"),
    [("lists:read", "lists", "warn"), ("assets:read", "assets:read", "warn")],
)
def test_a_missing_scope_is_named(karakeep, scope, check, status):
    """A key without one of the three works half."""
    karakeep_app(karakeep).scopes.discard(scope)
    found = bookmarks(karakeep)
    assert (found[check].status, scope in found[check].detail + found[check].hint) == (status, True)


def test_a_key_that_is_refused_fails(karakeep):
    """What to do is what the job says."""
    karakeep_app(karakeep).token = "ak2_0000000000000000_another0"
    found = bookmarks(karakeep)
    assert states(found) == {"bookmark list": "fail"}  # and nothing of scopes, which it has not
    assert "BOOKMARK_BEARER_TOKEN" in found["bookmark list"].hint + found["bookmark list"].detail


def test_a_key_without_bookmarks_still_names_the_lists(karakeep):
    """The server is there; only the scope is missing."""
    karakeep_app(karakeep).scopes.discard("bookmarks:read")
    found = states(bookmarks(karakeep))
    assert (found["bookmark list"], found["lists"]) == ("fail", "ok")
    assert "bookmark server" not in found


def test_another_server_is_not_said_to_answer():
    """One that has no such pages is no bookmark server, and says so once."""
    app = KarakeepApp()
    app.inject(reply(404, "not found"))
    with app.served() as server:
        found = bookmarks(server)
    assert states(found) == {"bookmark list": "fail"}
    assert "BOOKMARKS_API_URL" in found["bookmark list"].detail


def test_an_empty_list_is_warned_of():
    """A run would refuse it."""
    with KarakeepApp().served() as server:
        assert bookmarks(server)["bookmark list"].status == "warn"


@pytest.mark.parametrize("fault", [dropped(), reply(502), reply(200, "<html>log in</html>")])
def test_a_server_that_does_not_answer_as_one_fails_in_one_line(karakeep, fault):
    """Each request is sent once: nobody waits for six tries."""
    app = karakeep_app(karakeep)
    app.inject(fault)
    assert states(bookmarks(karakeep)) == {"bookmark server": "fail"}
    assert app.log.count() == 1


def test_foreign_names_are_one_short_line(karakeep):
    """A list's name is somebody else's text."""
    karakeep_app(karakeep).name(LIST_ID, "a\x1b[2J\nb" * 50)
    assert bookmarks(karakeep)["lists"].detail.isprintable()


# --------------------------------------------------------------------- GitHub


def github(server: FakeServer, time: float | None = None) -> dict[str, Finding]:
    """What is found at GitHub."""
    clock = SystemClock() if time is None else FakeClock(time)
    http = HurriedClient(make_http(), 5.0)
    return found_by(GitHubCheck(http, github_settings(server.url), clock))


def test_a_token_that_is_well():
    """The owner, and what is left of both limits; asking for them costs nothing."""
    app = GitHubApp(clock=lambda: START)
    app.core.spend(1000)
    with app.served() as server:
        found = github(server, START)
    assert set(states(found).values()) == {"ok"}
    assert found["GitHub REST limit"].detail == "4000 of 5000 left until 09:00 UTC"
    assert "fine-grained" in found["GitHub scopes"].detail
    assert app.core.used == 1001


def with_headers(**headers: str) -> FakeServer:
    """GitHub with more headers in its answers."""
    app = GitHubApp()
    added = {name.replace("_", "-"): value for name, value in headers.items()}

    def act(request: Request, answer: Answer) -> Response:
        given = answer(request)
        return given.changed(headers={**given.headers, **added})

    app.inject(act)
    return FakeServer(app)


@pytest.mark.parametrize(
    ("scopes", "status"), [("repo, read:user", "ok"), ("public_repo", "warn"), ("", "warn")]
)
def test_the_scopes_of_a_classic_token_are_told(scopes, status):
    """Without repo private repositories count nowhere."""
    with with_headers(X_OAuth_Scopes=scopes) as server:
        assert github(server)["GitHub scopes"].status == status


@pytest.mark.parametrize(("days", "status"), [(3, "warn"), (60, "ok")])
def test_a_token_that_ends_soon_is_warned_of(days, status):
    """It is made anew in time, and not when the site has been old for a week."""
    end = datetime.fromtimestamp(START + days * 86_400, UTC)
    with with_headers(
        GitHub_Authentication_Token_Expiration=f"{end:%Y-%m-%d %H:%M:%S} UTC"
    ) as server:
        found = github(server, START)["GitHub token"]
    assert (found.status, f"{end:%Y-%m-%d}" in found.detail) == (status, True)


@pytest.mark.parametrize(
    "end", ["2026-13-45 00:00:00 UTC", "9999-12-31 23:59:59 -1400", "2026-01-01 00:00:00 +9999"]
)
def test_an_end_that_is_no_day_is_left_out(end):
    """What comes after it is told all the same."""
    with with_headers(GitHub_Authentication_Token_Expiration=end) as server:
        found = github(server)
    assert set(states(found).values()) == {"ok"}
    assert "GITHUB_REPO_OWNER" in found
    assert "GitHub token" not in found


@pytest.mark.parametrize("reset", ["1e300", "-1", "1e18"])
def test_limits_without_a_time_are_told_without_one(reset):
    """No number of a server ends the look."""
    app = GitHubApp()
    limits = f'{{"resources":{{"core":{{"limit":5000,"remaining":9,"reset":{reset}}}}}}}'
    app.inject(reply(200, limits), "/rate_limit")
    with app.served() as server:
        found = github(server)
    assert found["GitHub REST limit"].detail == "9 of 5000 left until it is reset"
    assert found["GITHUB_REPO_OWNER"].status == "ok"


def test_little_that_is_left_is_warned_of():
    """A run would stop half-way."""
    app = GitHubApp()
    app.graphql.exhaust()
    with app.served() as server:
        found = github(server)
    assert found["GitHub GraphQL limit"].status == "warn"
    assert found["GitHub REST limit"].status == "ok"


def test_a_token_that_is_refused_fails_in_one_line():
    """The variable that holds it is named, its value is not."""
    app = GitHubApp(token="ghp_somebodyelses00000000")
    with app.served() as server:
        found = github(server)
    assert states(found) == {"GitHub": "fail"}
    assert "GITHUB_TOKEN" in found["GitHub"].detail + found["GitHub"].hint
    assert "github_pat" not in str(found)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (reply(404, "{}"), "fail"),
        (reply(200, '{"login":"acme","type":"Organization"}'), "warn"),
        (reply(200, "[]"), "fail"),
    ],
)
def test_an_owner_that_cannot_be_counted_is_told(answer, status):
    """A slip in the login gave an empty calendar."""
    app = GitHubApp()
    app.inject(answer, "/users/")
    with app.served() as server:
        assert github(server)["GITHUB_REPO_OWNER"].status == status


def test_enterprise_without_limits_is_no_fault():
    """There `/rate_limit` answers 404."""
    app = GitHubApp()
    app.inject(reply(404, '{"message":"Rate limiting is not enabled."}'), "/rate_limit")
    with app.served() as server:
        assert states(github(server)) == {"GitHub": "ok", "GITHUB_REPO_OWNER": "ok"}


def test_another_server_does_not_accept_a_token():
    """It answers 404 to everything: neither token nor login are to blame."""
    app = GitHubApp()
    app.inject(reply(404, "not found"))
    with app.served() as server:
        found = github(server)
    assert states(found) == {"GitHub": "fail"}
    assert "GITHUB_API_URL" in found["GitHub"].hint


# ------------------------------------------------------------- logo services


class Icons(App):
    """A service of logos."""

    def answer(self, request: Request) -> Response:
        del request
        return Response(200, {"Content-Type": "image/png"}, b"1" * 10_000)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (None, "ok"),
        (reply(404), "ok"),
        (reply(503), "warn"),
        (reply(403), "warn"),
        (dropped(), "warn"),
    ],
)
def test_a_service_of_logos_answers_or_is_warned_of(fault, status):
    """Without it logos come from elsewhere, so it never fails."""
    app = Icons()
    if fault is not None:
        app.inject(fault)
    with app.served() as server:
        anonymous = Anonymous(HurriedClient(make_http(), 5.0))
        check = LogoServiceCheck("google", f"{server.url}/{{domain}}", anonymous)
        assert states(found_by(check)) == {"logos from google": status}


def test_a_service_that_hangs_is_left_after_its_time():
    """The client's own limit ends it."""
    app, never = Icons(), threading.Event()
    app.inject(held(never))
    with app.served() as server:
        anonymous = Anonymous(HurriedClient(make_http(SystemClock()), 0.2))
        check = LogoServiceCheck("google", f"{server.url}/{{domain}}", anonymous)
        assert states(found_by(check)) == {"logos from google": "warn"}
        never.set()
