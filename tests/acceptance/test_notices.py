"""Whole runs as processes, and what those who are told of them hear."""

import json
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bookmarks.world import link
from tests.fakes.base import FakeServer
from tests.fakes.faults import held, reply
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.fakes.monitors import (
    PING_KEY,
    CronitorApp,
    GatusApp,
    HealthchecksApp,
    KumaApp,
    ListenerApp,
    is_signed,
)
from tests.processes import ROOT, Finished, clean_environment, command_line, datafetch

ELSEWHERE = {
    "owner": "somebody",
    "host": "another-machine",
    "pid": 7,
    "runId": "r",
    "acquiredAt": 1,
    "expiresAt": 9_999_999_999_999,
    "ttlMs": 999_999_999,
    "token": 3,
}


class Site:
    """A folder store, a bookmark server with 12 bookmarks, and a listener for all that is told."""

    def __init__(self, folder: Path, karakeep: KarakeepApp, url: str) -> None:
        self.folder = folder
        self.karakeep = karakeep
        self.settings = {
            "DATAFETCH_STORE": "file:./store",
            "BOOKMARKS_API_URL": url,
            "BOOKMARKS_LIST_ID": LIST_ID,
            "BOOKMARK_BEARER_TOKEN": TOKEN,
            "DATAFETCH_RETRY_MAX_SECONDS": "0",
        }

    def run(self, *options: str, job: str = "bookmarks", **more: str) -> Finished:
        """Run the job to its end."""
        arguments = (job, "--json", "--log-format", "json", *options)
        return datafetch(*arguments, cwd=self.folder, **{**self.settings, **more})

    def start(self, *options: str, **more: str) -> subprocess.Popen[str]:
        """Begin to run the job."""
        return subprocess.Popen(
            command_line("bookmarks", "--json", "--log-format", "json", *options),
            cwd=self.folder,
            env=clean_environment(**self.settings, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lock(self) -> None:
        """Let another machine have the lock."""
        path = self.folder / "store/json/datafetch/locks/bookmarks-dev.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(ELSEWHERE))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site whose jobs have not run yet."""
    app = KarakeepApp(link(number) for number in range(12))
    with app.served() as server:
        yield Site(tmp_path, app, server.url)


@pytest.fixture
def listener() -> Iterator[tuple[ListenerApp, str]]:
    """One who takes everything, and its address."""
    app = ListenerApp()
    with app.served() as server:
        yield app, server.url


def events(log: str) -> list[dict[str, Any]]:
    """The events of a log in JSON."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def named(log: str, *names: str) -> list[dict[str, Any]]:
    """The events of these names."""
    return [event for event in events(log) if event["event"] in names]


TROUBLE = (
    *("ping_failed", "site_not_told", "change_not_told", "message_not_sent", "notice_failed"),
    *("metrics_not_written", "metrics_not_pushed", "notices_left", "metrics_file_broken"),
)

# ------------------------------------------------------------------- heartbeats


def healthchecks(server: FakeServer) -> str:
    """The setting that leads there."""
    return f"{server.url}/{PING_KEY}/site-{{job}}?create=1"


def test_healthchecks_hears_the_start_and_the_end(site: Site) -> None:
    """A `rid` that was no UUID had every ping refused; both ends of a run now have the same one."""
    app = HealthchecksApp()
    with app.served() as server:
        done = site.run(DATAFETCH_PING_URL=healthchecks(server))
        site.karakeep.inject(reply(500))
        failed = site.run(DATAFETCH_PING_URL=healthchecks(server))
    assert (done.code, failed.code) == (0, 1)
    assert app.actions == ["start", "success", "start", "fail"]
    assert {slug for slug, _, _, _ in app.pings} == {"site-bookmarks"}
    rids = [rid for _, _, rid, _ in app.pings]
    assert (rids[0], rids[2]) == (rids[1], rids[3])
    assert rids[0] != rids[2]
    (_, success, _, fail) = (body.decode() for _, _, _, body in app.pings)
    assert "run_started" in success
    assert success.splitlines()[-1].split()[3] == "run_finished"
    assert "status 500" in fail.splitlines()[-1]
    assert named(done.err + failed.err, *TROUBLE) == []


@pytest.mark.parametrize(("limit", "longest"), [(300, 300), (0, 0), (None, 10_000)])
def test_the_log_is_as_long_as_the_server_takes(
    site: Site, limit: int | None, longest: int
) -> None:
    """The end of the log counts: what was cut off was the error."""
    app = HealthchecksApp(body_limit=limit)
    for number in range(100):
        site.karakeep.add(link(100 + number))
        site.karakeep.malform(f"b{100 + number:03d}", tags="x" * 300)
    with app.served() as server:
        site.run(DATAFETCH_PING_URL=healthchecks(server), DATAFETCH_MAX_FAILURE_RATIO="1")
    (body,) = [request.body for request in app.log.all(f"/{PING_KEY}/site-bookmarks?")]
    assert len(body) <= longest
    if longest >= 10_000:
        assert len(body) > 9_000
        assert b"run_finished" in body


def test_a_quiet_run_sends_its_log_all_the_same(site: Site) -> None:
    """Cron runs jobs with --quiet: their monitor showed an empty log."""
    app = HealthchecksApp()
    with app.served() as server:
        done = site.run("--quiet", DATAFETCH_PING_URL=healthchecks(server))
    (_, success) = (body.decode() for _, _, _, body in app.pings)
    assert "run_started" in success
    assert "run_finished" in success
    assert (done.code, done.err) == (0, "")


def test_a_run_that_is_locked_out_is_told_as_a_log(site: Site) -> None:
    """It is neither a success nor a failure, and no start that never ends."""
    app = HealthchecksApp()
    site.lock()
    with app.served() as server:
        assert site.run(DATAFETCH_PING_URL=healthchecks(server)).code == 75
    assert app.actions == ["log"]
    ((_, _, _, body),) = app.pings
    assert re.fullmatch(rb"\S+ \S+ warning locked error=.*\n", body)


def test_dry_runs_and_builds_tell_nobody(site: Site, listener: tuple[ListenerApp, str]) -> None:
    """A monitor that hears of them would not notice that the real runs have stopped."""
    app, url = listener
    everybody = {
        "DATAFETCH_PING_URL": f"{url}/ping",
        "DATAFETCH_CHANGE_URL": f"{url}/hook",
        "API_BASE_URL": url,
        "BOOKMARK_CRON_REFRESH_SECRET": "cron-secret-1",
        "DATAFETCH_PUSHGATEWAY": url,
        "DATAFETCH_METRICS_FILE": "./d.prom",
    }
    assert site.run("--dry-run", **everybody).code == 0
    assert site.run().code == 0
    built = datafetch("prefetch-build", cwd=site.folder, **site.settings, **everybody)
    assert built.out
    assert app.log.all() == []
    assert not (site.folder / "d.prom").exists()


def test_a_slot_that_was_run_tells_nobody(site: Site, listener: tuple[ListenerApp, str]) -> None:
    """Cron fires on every machine; the one that finds the slot done is silent."""
    app, url = listener
    ping = {"DATAFETCH_PING_URL": f"{url}/ping"}
    first = site.run("--scheduled", **ping)
    assert (first.code, app.log.count()) == (0, 2)
    second = site.run("--scheduled", **ping)
    assert (second.result("bookmarks")["status"], app.log.count()) == ("unchanged", 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_tells_that_it_failed(site: Site, number: int) -> None:
    """A deployment that kills the run left a start without an end."""
    gate, app = threading.Event(), HealthchecksApp()
    site.karakeep.inject(held(gate))
    with app.served() as server:
        process = site.start(DATAFETCH_PING_URL=healthchecks(server))
        site.karakeep.log.wait_for(1)
        app.log.wait_for(1, "/start")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        gate.set()
    assert process.returncode == 128 + number, err
    assert app.actions == ["start", "fail"]
    assert json.loads(out)[0]["status"] == "cancelled"


def test_a_monitor_that_never_answers_neither_fails_nor_holds_the_lock(site: Site) -> None:
    """A slow monitor costs its own limit, after the lock is free and the records are written."""
    gate, app = threading.Event(), ListenerApp()
    app.inject(held(gate))
    with app.served() as server:
        process = site.start(DATAFETCH_PING_URL=f"{server.url}/s3cret-hc1")
        app.log.wait_for(2, timeout_s=60)
        lock = json.loads(
            (site.folder / "store/json/datafetch/locks/bookmarks-dev.json").read_text()
        )
        state = json.loads(
            (site.folder / "store/json/datafetch/jobs/bookmarks-dev.json").read_text()
        )
        assert (lock["owner"], state["status"]) == (None, "completed")
        out, err = process.communicate(timeout=60)
        gate.set()
    assert process.returncode == 0
    assert json.loads(out)[0]["status"] == "succeeded"
    assert "s3cret-hc1" not in err
    assert named(err, *TROUBLE)


@pytest.mark.parametrize(
    ("status", "said"),
    [(404, "status 404"), (429, "status 429"), (302, "redirects the POST with 302")],
)
def test_a_ping_that_is_refused_is_a_warning_without_its_address(
    site: Site, listener: tuple[ListenerApp, str], status: int, said: str
) -> None:
    """The URL is a password: the log has the host, and why."""
    app, url = listener
    app.inject(reply(status, "no /uuid-9f8e7d", {"Location": "/elsewhere", "Retry-After": "900"}))
    done = site.run("-v", DATAFETCH_PING_URL=f"{url}/uuid-9f8e7d")
    assert done.code == 0
    warnings = named(done.err, "ping_failed")
    assert [warning["ping"] for warning in warnings] == ["start", "success"]
    assert all(said in warning["error"] for warning in warnings)
    assert all(warning["host"] == url.removeprefix("http://") for warning in warnings)
    assert "9f8e7d" not in done.out + done.err
    assert app.log.count("/elsewhere") == 0


def test_a_monitor_that_is_not_there_is_a_warning(site: Site) -> None:
    """Nothing listens; the run goes on as ever."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = site.run(DATAFETCH_PING_URL=f"http://127.0.0.1:{port}/x")
    assert done.code == 0
    assert len(named(done.err, "ping_failed")) == 2


def test_uptime_kuma_gets_a_push(site: Site) -> None:
    """GET only: it answers a POST with 404."""
    app = KumaApp()
    query = "status={status}&msg={message}&ping={duration_ms}"
    with app.served() as server:
        url = f"{server.url}/api/push/{KumaApp.TOKEN}?{query}"
        good = site.run(DATAFETCH_PING_URL=url)
        site.karakeep.inject(reply(500))
        bad = site.run(DATAFETCH_PING_URL=url)
    assert (good.code, bad.code) == (0, 1)
    assert [beat["status"] for beat in app.beats] == ["up", "down"]
    assert app.beats[0]["msg"] == "succeeded"
    assert app.beats[1]["msg"].startswith("failed ")
    assert named(good.err + bad.err, *TROUBLE) == []


def test_gatus_gets_a_post_with_its_token(site: Site) -> None:
    """The token before the `@` is a bearer header."""
    app = GatusApp()
    with app.served() as server:
        place = server.url.removeprefix("http://")
        url = (
            f"POST http://{GatusApp.TOKEN}@{place}/api/v1/endpoints/core_site-{{job}}/external"
            "?success={success}&error={message}&duration={duration_ms}ms"
        )
        good = site.run(DATAFETCH_PING_URL=url)
        site.karakeep.inject(reply(500))
        bad = site.run(DATAFETCH_PING_URL=url)
    assert [(found["key"], found["success"]) for found in app.results] == [
        ("core_site-bookmarks", "true"),
        ("core_site-bookmarks", "false"),
    ]
    assert named(good.err + bad.err, *TROUBLE) == []


def test_cronitor_joins_start_and_end(site: Site) -> None:
    """Run and complete of one run have the same series, so that it measures the time."""
    app = CronitorApp()
    with app.served() as server:
        url = f"{server.url}/p/{CronitorApp.KEY}/site-{{job}}?state={{state}}&series={{rid}}"
        site.run(DATAFETCH_PING_URL=url)
        site.lock()
        site.run(DATAFETCH_PING_URL=url)
    assert [event["state"] for event in app.events] == ["run", "complete"]
    assert len({event["series"] for event in app.events}) == 1


# ---------------------------------------------------------------- after a change


def test_a_change_is_told_once_and_signed(site: Site, listener: tuple[ListenerApp, str]) -> None:
    """The site reads anew, and the URL gets the very result; a run without a change is silent."""
    app, url = listener
    told = {
        "API_BASE_URL": f"{url}/base",
        "BOOKMARK_CRON_REFRESH_SECRET": "cron-secret-1,cron-secret-2",
        "DATAFETCH_CHANGE_URL": url.replace("://", "://h00k-t0ken@") + "/hook",
        "DATAFETCH_CHANGE_SECRET": "sign-with-this",
    }
    done = site.run(**told)
    (revalidated,) = app.log.all("/base/api/revalidate/bookmarks")
    assert revalidated.method == "POST"
    assert revalidated.headers["authorization"] == "Bearer cron-secret-1"
    (hook,) = app.log.all("/hook")
    assert hook.json() == done.result("bookmarks")
    assert is_signed(hook, "sign-with-this")
    assert hook.headers["authorization"] == "Bearer h00k-t0ken"
    app.log.clear()
    assert site.run(**told).result("bookmarks")["status"] == "unchanged"
    assert site.run("--force", **told).code == 0
    assert app.log.all() == []


def test_a_site_that_does_not_listen_is_a_note(
    site: Site, listener: tuple[ListenerApp, str]
) -> None:
    """The run has succeeded; its result says that visitors see old data."""
    app, url = listener
    app.inject(reply(401, "who is cron-secret-1?"))
    done = site.run(
        API_BASE_URL=url,
        BOOKMARK_CRON_REFRESH_SECRET="cron-secret-1",
        DATAFETCH_CHANGE_URL=f"{url}/hook-5ecret",
    )
    result = done.result("bookmarks")
    assert (done.code, result["status"]) == (0, "succeeded")
    (note,) = [note for note in result["notes"] if "old data" in note]
    assert "status 401" in note
    assert [event["event"] for event in named(done.err, *TROUBLE)].count("site_not_told") == 1
    assert len(named(done.err, "change_not_told")) == 1
    assert "hook-5ecret" not in done.out + done.err
    assert "cron-secret-1" not in done.out + done.err


# ------------------------------------------------------------- people, Prometheus


def test_people_hear_of_turns_only(site: Site, listener: tuple[ListenerApp, str]) -> None:
    """One message when it begins to fail, one when it works again, over processes."""
    app, url = listener
    told = {"DATAFETCH_NOTIFY": f"{url.replace('http://', 'json://')}/chat-5ecret"}
    site.run(**told)
    rule = reply(500)
    site.karakeep.inject(rule, times=2)
    runs = [site.run(**told) for _ in range(4)]
    assert [run.code for run in runs] == [1, 1, 0, 0]
    messages = [request.json() for request in app.log.all()]
    assert [message["title"] for message in messages] == [
        "datafetch: bookmarks fails",
        "datafetch: bookmarks works again",
    ]
    assert "status 500" in messages[0]["message"]
    assert "after 2 runs that failed" in messages[1]["message"]
    assert named("".join(run.err for run in runs), *TROUBLE) == []


def test_people_hear_of_runs_that_were_all_killed(
    site: Site, listener: tuple[ListenerApp, str]
) -> None:
    """Where memory is short no run lives to its end: the next one tells of it when it begins."""
    app, url = listener
    told = {"DATAFETCH_NOTIFY": f"{url.replace('http://', 'json://')}/chat-5ecret"}
    gate = threading.Event()
    site.karakeep.inject(held(gate), times=2)
    for number in (1, 2):
        process = site.start(**told)
        site.karakeep.log.wait_for(number)
        app.log.wait_for(number - 1)
        process.kill()
        process.communicate(timeout=60)
    gate.set()
    site.karakeep.inject(reply(500), times=1)
    runs = [site.run(**told), site.run(**told)]
    assert [run.code for run in runs] == [1, 0]
    messages = [request.json() for request in app.log.all()]
    assert [message["title"] for message in messages] == [
        "datafetch: bookmarks fails",
        "datafetch: bookmarks works again",
    ]
    assert "it ended without notice; process " in messages[0]["message"]
    assert "after 3 runs that failed" in messages[1]["message"]


def test_a_message_that_nobody_takes_is_a_warning_without_its_address(
    site: Site, listener: tuple[ListenerApp, str]
) -> None:
    """Apprise's own log has whole addresses; ours has none."""
    app, url = listener
    app.inject(reply(500, "chat-5ecret"))
    site.karakeep.inject(reply(500))
    done = site.run("-v", DATAFETCH_NOTIFY=f"{url.replace('http://', 'json://')}/chat-5ecret")
    assert done.code == 1
    assert len(named(done.err, "message_not_sent")) == 1
    assert "5ecret" not in done.out + done.err


@pytest.mark.parametrize("value", ["nosuch://x-5ecret", "json://", "mailto://x-5ecret"])
def test_an_address_that_apprise_does_not_know_is_78(site: Site, value: str) -> None:
    """It is said before anything is fetched, without the address."""
    done = site.run(DATAFETCH_NOTIFY=value)
    assert done.code == 78
    assert "DATAFETCH_NOTIFY" in done.err
    assert "5ecret" not in done.out + done.err
    assert site.karakeep.log.all() == []


def test_prometheus_is_pushed_and_written(site: Site, listener: tuple[ListenerApp, str]) -> None:
    """The same series in the file and at the gateway, under the job's group."""
    app, url = listener
    place = url.removeprefix("http://")
    done = site.run(
        DATAFETCH_METRICS_FILE="./d.prom", DATAFETCH_PUSHGATEWAY=f"http://me:pAss-1@{place}/push/"
    )
    (pushed,) = app.log.all()
    assert (pushed.method, pushed.path) == ("PUT", "/push/metrics/job/bookmarks")
    assert pushed.headers["authorization"] == "Basic bWU6cEFzcy0x"
    assert pushed.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert (site.folder / "d.prom").read_bytes() == pushed.body
    assert named(done.err, *TROUBLE) == []


def test_a_stop_leaves_the_series_as_they_were(
    site: Site, listener: tuple[ListenerApp, str]
) -> None:
    """Alerts would call a deployment a failure."""
    app, url = listener
    told = {"DATAFETCH_METRICS_FILE": "./d.prom", "DATAFETCH_PUSHGATEWAY": url}
    site.run(**told)
    before, gate = (site.folder / "d.prom").read_bytes(), threading.Event()
    app.log.clear()
    site.karakeep.log.clear()
    site.karakeep.inject(held(gate))
    process = site.start(**told)
    site.karakeep.log.wait_for(1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    gate.set()
    assert process.returncode == 143
    assert (site.folder / "d.prom").read_bytes() == before
    assert app.log.all() == []


def test_metrics_that_cannot_be_kept_are_a_warning(
    site: Site, listener: tuple[ListenerApp, str]
) -> None:
    """No folder, a gateway that says no, a file of rubbish: each is told, and the run is well."""
    app, url = listener
    app.inject(reply(400, "bad"))
    done = site.run(DATAFETCH_METRICS_FILE="./nowhere/d.prom", DATAFETCH_PUSHGATEWAY=url)
    assert done.code == 0
    assert {event["event"] for event in named(done.err, *TROUBLE)} == {
        "metrics_not_written",
        "metrics_not_pushed",
    }
    (site.folder / "d.prom").write_text("{{{")
    again = site.run(DATAFETCH_METRICS_FILE="./d.prom")
    assert [event["event"] for event in named(again.err, *TROUBLE)] == ["metrics_file_broken"]


def test_without_the_extra_it_is_said_what_to_install(site: Site, tmp_path: Path) -> None:
    """A message that could never be sent is a wrong setting, said before anything is fetched."""
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "apprise.py").write_text("raise ModuleNotFoundError('apprise')\n")
    done = site.run(
        DATAFETCH_NOTIFY="json://127.0.0.1/x-5ecret",
        PYTHONPATH=f"{tmp_path / 'without'}:{ROOT}",
    )
    assert done.code == 78
    assert "pip install 'datafetch[notify]'" in done.err
    assert "5ecret" not in done.out + done.err
    assert site.karakeep.log.all() == []
