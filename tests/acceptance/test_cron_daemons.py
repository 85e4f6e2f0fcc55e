"""Crontabs of ours under real cron daemons, started side by side so that all cost one minute together."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.bookmarks.world import link
from tests.cron_daemons import KINDS, Daemon, Kind, hear_all, refuse_or_skip, side_by_side, usable
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.processes import ROOT

pytestmark = pytest.mark.cron_daemon

MINUTE_S = 60


def site(folder: Path, url: str) -> Path:
    """A site's folder with its settings, and the program in `bin`."""
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / "datafetch"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m datafetch "$@"\n')
    program.chmod(0o755)
    (folder / ".env").write_text(
        f"DATAFETCH_STORE=file:./store\nDATAFETCH_RUNTIME_DIR={folder}\nBOOKMARKS_API_URL={url}\n"
        f"BOOKMARKS_LIST_ID={LIST_ID}\nBOOKMARK_BEARER_TOKEN={TOKEN}\n"
        "S3_BOOKMARKS_CRON=* * * * *\nS3_LOGOS_CRON=off\n"
    )
    return folder


def hours() -> tuple[str, str, str]:
    """A zone far from this machine's, and the hours in which the next minutes are, there and here."""
    told = subprocess.run(["date", "+%z"], env={}, capture_output=True, text=True, check=True)
    sign, here = (-1 if told.stdout[0] == "-" else 1), told.stdout.strip()
    offset = timedelta(hours=sign * int(here[1:3]), minutes=sign * int(here[3:5]))
    # POSIX's form of a zone, which needs no database: what it names is 14 hours ahead of UTC.
    zone, ahead = ("FAR-14", timedelta(hours=14))
    if offset >= timedelta(hours=10):
        zone, ahead = ("FAR+11", timedelta(hours=-11))
    now = datetime.now(UTC)
    soon = [now + timedelta(minutes=minutes) for minutes in range(4)]
    there, local = (
        ",".join(sorted({f"{moment + shift:%-H}" for moment in soon})) for shift in (ahead, offset)
    )
    return zone, there, local


def crontab(daemon: Daemon, home: Path) -> str:
    """The slot fired twice, a command that PATH finds, and a zone for the lines below it."""
    zone, there, local = hours()
    program = home / "bin" / "datafetch"
    return f"""\
SHELL=/bin/sh
PATH={home}/bin:/usr/local/bin:/usr/bin:/bin
* * * * * cd {home} && {program} bookmarks --scheduled --json >>job 2>>log; {daemon.report("job")}
* * * * * cd {home} && {program} run-due --json >>due 2>>log; {daemon.report("due")}
* * * * * command -v datafetch >/dev/null && {daemon.report("path")}
* * * * * {daemon.report("minute")}
CRON_TZ={zone}
* {there} * * * {daemon.report("zone")}
* {local} * * * {daemon.report("machine")}
"""


def has_told(daemon: Daemon) -> bool:
    """Whether all lines that this daemon is to run have run."""
    hour = "zone" if daemon.kind.reads_zone else "machine"
    path = {"path"} if daemon.kind.reads_path else set()
    return daemon.said >= {"job", "due", "minute", hour, *path}


@pytest.mark.parametrize("kind", KINDS, ids=[kind.package for kind in KINDS])
def test_the_daemon_can_be_tried(kind: Kind) -> None:
    """Which daemons the test below has tried is seen by name, and that none is left out in CI."""
    refuse_or_skip(kind)


@pytest.mark.timeout(3 * MINUTE_S)
def test_each_daemon_runs_each_slot_once(tmp_path: Path) -> None:
    """A slot that a crontab fires twice runs once; `CRON_TZ` and `PATH` are read as the guide says."""
    if not usable():
        pytest.skip("no cron daemon can run here")
    app = KarakeepApp(link(number) for number in range(3))
    with app.served() as server, side_by_side(tmp_path / "daemons") as daemons:
        homes = {d.kind.package: site(tmp_path / d.kind.package, server.url) for d in daemons}
        for daemon in daemons:
            daemon.start(crontab(daemon, homes[daemon.kind.package]))
        hear_all(daemons, has_told, 2 * MINUTE_S)
    for daemon in daemons:
        name, home = daemon.kind.package, homes[daemon.kind.package]
        log = (home / "log").read_text()
        ours = home / "store/json/datafetch"
        runs = json.loads((ours / "history/bookmarks-dev.json").read_text())
        slots = json.loads((ours / "jobs/bookmarks-dev.json").read_text())["slots"]
        done = [slot for slot in slots.values() if slot["state"] == "done"]
        assert len(runs) == len(done) == len({slot["runId"] for slot in done}), (name, log)
        assert [run["success"] for run in runs] == [True] * len(runs), (name, log)
        assert not daemon.said & ({"machine"} if daemon.kind.reads_zone else {"zone"}), name
        assert ("path" in daemon.said) == daemon.kind.reads_path, name
