"""Trying dead letters again: from a session's forms, and by the cron secret."""

import re
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from datafetch.errors import Cancelled
from datafetch.models.run import JobName
from datafetch.ops.letter_choice import groups
from datafetch.web.app import make_app
from datafetch.web.page.letter_list import group_key
from datafetch.web.page.notices import address_after, notice_of
from tests.ops.overviews import failing
from tests.stores import FaultyStore
from tests.web.page.scenes import CRON, TOKEN, Scene, letter, shown, some_letters
from tests.web.page.test_sessions import FORM, logged_in, send
from tests.web.support import Answer, Server, bearer, served_here

LETTERS = some_letters()
LINKS = [one for one in LETTERS if one.job == "opengraph"]
SLOW = next(one for one in groups(LINKS) if one.host == "slow.example")
SECRET = {"BOOKMARK_CRON_REFRESH_SECRET": CRON}


@pytest.fixture
def scene() -> Scene:
    """A site with some letters."""
    return Scene(failing(), some_letters())


def token_of(server: Server, cookie: str) -> str:
    """What forms of this session bring."""
    found = re.search(r'name="csrf" value="(\w+)"', server.get("/", cookie=cookie).text)
    assert found is not None
    return found[1]


def noticed(server: Server, answer: Answer, cookie: str) -> str:
    """What the page says after the form was sent."""
    assert answer.status == 303
    place = urlsplit(answer.headers["location"])
    assert (place.netloc, place.path, place.fragment) == ("", "/", "notice")
    page = server.get(f"/?{place.query}", cookie=cookie).text
    found = re.search(r'id="notice" role="status".*?<span>(.*?)</span>', page, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("fields", "items"),
    [
        ({"id": LINKS[0].id}, {LINKS[0].item}),
        ({"group": group_key(JobName.OPENGRAPH, SLOW)}, {one.item for one in SLOW.letters}),
        ({"all": "1"}, {one.item for one in LINKS}),
    ],
)
def test_a_form_starts_a_run_for_what_it_means(scene, fields, items):
    """One letter, those of a host and error, or all of a job; the page says so."""
    with shown(scene, **SECRET) as server:
        cookie = logged_in(server)
        csrf = token_of(server, cookie)
        answer = send(server, "/dead-letters/retry", cookie, csrf=csrf, job="opengraph", **fields)
        said = noticed(server, answer, cookie)
        assert said.startswith(f"{len(items)} item{'s' if len(items) > 1 else ''} of opengraph")
        (request,) = scene.await_runs(1)
        assert (request.job, set(request.options.only)) == (JobName.OPENGRAPH, items)


def test_a_password_that_a_proxy_asks_for_makes_no_program_of_a_browser(scene):
    """Proxies send its `Authorization: Basic` on; the session counts, as everywhere on the page."""
    with shown(scene, **SECRET) as server:
        cookie = logged_in(server)
        fields = {"csrf": token_of(server, cookie), "job": "opengraph", "id": LINKS[0].id}
        headers = {"authorization": "Basic bWU6c2VjcmV0"}
        answer = send(server, "/dead-letters/retry", cookie, headers, **fields)
        assert noticed(server, answer, cookie).startswith("1 item of opengraph is tried again")


def test_a_second_click_does_no_harm(scene):
    """It is answered as the first one, and no run does anything else."""
    with shown(scene, **SECRET) as server:
        cookie = logged_in(server)
        fields = {"csrf": token_of(server, cookie), "job": "opengraph", "id": LINKS[0].id}
        for _ in range(2):
            answer = send(server, "/dead-letters/retry", cookie, {}, **fields)
            assert noticed(server, answer, cookie).startswith("1 item of opengraph is tried again")
        assert {run.options.only for run in scene.await_runs(1)} == {(LINKS[0].item,)}


def test_programs_bring_the_cron_secret(scene):
    """They are answered in JSON; another secret is refused, whatever else they bring."""
    with shown(scene, **SECRET, DATAFETCH_METRICS_TOKEN=TOKEN) as server:
        body = urlencode({"job": "opengraph", "id": LINKS[0].id}).encode()
        answer = server.post("/dead-letters/retry", body, **FORM, **bearer(CRON))
        assert answer.status == 202
        assert answer.json["data"] == {"job": "opengraph", "items": 1, "state": "started"}
        cookie = logged_in(server)
        for secret in (TOKEN, "wrong"):
            refused = server.post(
                "/dead-letters/retry", body, **FORM, **bearer(secret), cookie=cookie
            )
            assert refused.status == 401
        assert len(scene.await_runs(1)) == 1


@pytest.mark.parametrize(
    "what", ["no token", "wrong token", "cross-site", "no session", "may only see"]
)
def test_forms_of_others_are_refused(scene, what):
    """Nothing is started without a session that may act, its token, and a page of this site."""
    with shown(scene, **SECRET, DATAFETCH_METRICS_TOKEN=TOKEN) as server:
        cookie = logged_in(server, TOKEN if what == "may only see" else CRON)
        fields = {"csrf": token_of(server, cookie), "job": "opengraph", "all": "1"}
        headers = {"sec-fetch-site": "cross-site"} if what == "cross-site" else {}
        if what == "no token":
            del fields["csrf"]
        if what == "wrong token":
            fields["csrf"] = "0" * 64
        if what == "no session":
            cookie = ""
        answer = send(server, "/dead-letters/retry", cookie, headers, **fields)
        assert answer.status == 403
        assert 'action="/login"' in answer.text
        assert scene.asked == []


@pytest.mark.parametrize("fields", [{}, {"job": "opengraph"}, {"job": "nothing", "all": "1"}])
def test_what_is_no_choice_is_refused(scene, fields):
    """A form without a job or without letters starts nothing."""
    with shown(scene, **SECRET) as server:
        body = urlencode(fields).encode()
        answer = server.post("/dead-letters/retry", body, **FORM, **bearer(CRON))
        assert (answer.status, answer.json["code"]) == (400, "BAD_REQUEST")
        assert all(job.value in answer.json["error"] for job in JobName)
        assert scene.asked == []


@pytest.mark.parametrize("identity", ["", "ffffffffffff", "0", "<b>"])
def test_letters_that_are_gone_are_said(scene, identity):
    """Somebody else was faster, or the run has mended it: a sentence, not an error page."""
    with shown(scene, **SECRET) as server:
        cookie = logged_in(server)
        fields = {"csrf": token_of(server, cookie), "job": "opengraph", "id": identity}
        answer = send(server, "/dead-letters/retry", cookie, {}, **fields)
        assert noticed(server, answer, cookie).startswith(
            "There is no such dead letter of opengraph"
        )
        body = urlencode({"job": "opengraph", "id": identity}).encode()
        assert server.post("/dead-letters/retry", body, **FORM, **bearer(CRON)).status == 404
        assert scene.asked == []


def test_a_job_without_its_settings_is_said(scene):
    """GitHub's job has no token here: the page names the command that says more."""
    scene.letters.append(letter(JobName.GITHUB, "me/site", "answered 202"))
    with shown(scene, **SECRET) as server:
        cookie = logged_in(server)
        fields = {"csrf": token_of(server, cookie), "job": "github", "all": "1"}
        answer = send(server, "/dead-letters/retry", cookie, {}, **fields)
        assert "datafetch doctor" in noticed(server, answer, cookie)


def test_a_server_that_stops_starts_nothing(scene):
    """It says so, and nothing is lost: the letter stays."""
    scene.put_letters(scene.letters)
    site = scene.site(**SECRET)
    site.runs.stop(Cancelled("the server stops"))
    with served_here(make_app(site)) as server:
        body = urlencode({"job": "opengraph", "all": "1"}).encode()
        answer = server.post("/dead-letters/retry", body, **FORM, **bearer(CRON))
        assert (answer.status, answer.json["code"]) == (503, "RETRY_STOPPING")


def test_a_store_that_does_not_answer_is_said(scene):
    """Nothing is started, and nothing breaks."""
    scene.put_letters(scene.letters)
    broken = FaultyStore(
        scene.store, lambda call, _: "fail" if "dead-letters" in call.key else None
    )
    site = replace(scene.site(**SECRET), store=broken)
    with served_here(make_app(site)) as server:
        body = urlencode({"job": "opengraph", "all": "1"}).encode()
        answer = server.post("/dead-letters/retry", body, **FORM, **bearer(CRON))
        assert (answer.status, answer.json["code"]) == (503, "RETRY_UNREAD")
        page = server.get("/")
        assert page.status == 200
        assert "the dead letters cannot be read" in page.text


def test_notices_are_only_those_that_there_are():
    """No address makes the page say what somebody likes."""
    for job in JobName:
        for name in (
            "started",
            "joined",
            "next",
            "gone",
            "unsettled",
            "unread",
            "stopping",
            "failed",
        ):
            query = parse_qs(urlsplit(address_after(name, job, 3)).query)
            found = notice_of({key: values[0] for key, values in query.items()})
            assert found is not None
            assert "{" not in found.text
    good = {"notice": "started", "job": "logos", "count": "3"}
    for wrong in (
        {"notice": "x"},
        {"job": "<b>"},
        {"count": "-1"},
        {"count": "9" * 50},
        {"count": "٣"},
    ):
        assert notice_of({**good, **wrong}) is None
    assert notice_of({}) is None
