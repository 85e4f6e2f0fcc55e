"""The schedule: which cron daemon or timers start the jobs, and whether they say what the settings do."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datafetch.clock import PACIFIC
from datafetch.doctor.cron_daemons import CronDaemon, find_daemon, has_systemd, in_container
from datafetch.doctor.cron_files import MEND_FILE, why_ignored
from datafetch.doctor.cron_programs import Finder, Untold
from datafetch.doctor.crontab_lines import RUN_DUE, CronLine, read_crontab, same_times
from datafetch.doctor.findings import Finding, Group, fail, ok, skipped, warn
from datafetch.doctor.timers import find_timers, timers_found
from datafetch.models.run import JobName
from datafetch.models.text import one_line
from datafetch.regular_files import open_regular

_AGAIN = "`datafetch schedule --crontab` prints the lines for your settings."
_USUAL_PATH = "/usr/bin:/bin"
"""Where cron looks without a PATH in the crontab (crontab(5))."""

_PACIFIC_NAMES = frozenset({PACIFIC, "US/Pacific"})
"""Names of the Pacific zone: the second is an old name of the first (tzdata, `backward`)."""

_SPOOLS = ("var/spool/cron/crontabs", "var/spool/cron", "etc/crontabs")
"""Where Debian's cron, cronie and busybox keep the users' crontabs; only root may read them."""

_MOST_OF_A_CRONTAB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Surroundings:
    """This machine, as the schedule sees it; tests have one of their own.

    Attributes:
        root: the root folder of the file system.
        home: the user's own folder; None when it has none.
        program: the `datafetch` that was called.
        zone: the name of the machine's own time zone; empty when it is not known.
        user: the name of the user who asks.
        own_crontab: what `crontab -l` prints; None when there is none, or no such program.
    """

    root: Path
    home: Path | None
    program: Path
    zone: str
    user: str
    own_crontab: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job's schedule (five fields; None when it is off) and the setting that holds it."""

    job: JobName
    expression: str | None
    setting: str


@dataclass(frozen=True, slots=True)
class _Table:
    """A crontab: its name for people, the lines in it that start datafetch, and whose it is.

    `owner` is empty for those of the system, whose lines name a user each. `ignored` says why a
    cron daemon does not read it; it is empty when nothing speaks against it.
    """

    label: str
    lines: list[CronLine]
    owner: str
    ignored: str = ""


class ScheduleCheck:
    """Compares what starts jobs on this machine with the settings. No other machine is asked."""

    name = "schedule"
    group = Group.SCHEDULE
    limit_s = 15.0

    def __init__(self, wanted: Sequence[Wanted], around: Surroundings) -> None:
        """`wanted` are the jobs that are configured."""
        self._wanted = {job.job: job for job in wanted}
        self._around = around

    def look(self) -> Iterator[Finding]:
        """The daemon, the crontabs with each line that starts datafetch, and the timers."""
        root = self._around.root
        daemon = find_daemon(root)
        timers = find_timers(root, self._around.home)
        found = [table for table in self._tables(daemon) if table.lines]
        yield self._daemon(daemon, found)
        yield from timers_found(timers, root)
        if not found:
            if daemon is not None and not timers:
                yield self._nothing_starts()
            return
        for table in found:
            if table.ignored:
                yield fail("crontab", f"{table.label} starts nothing: {table.ignored}", MEND_FILE)
                continue
            yield ok("crontab", f"{table.label}: {_counted(table.lines)}")
            for line in table.lines:
                yield from self._line(table, line, daemon)
        lines = [line for table in found if not table.ignored for line in table.lines]
        yield from self._net(lines, [timer.name for timer in timers])

    # ------------------------------------------------------------------ steps

    def _daemon(self, daemon: CronDaemon | None, tables: Sequence[_Table]) -> Finding:
        check, root = "cron daemon", self._around.root
        if tables and (daemon is None or not daemon.runs):
            known = (
                "was found" if daemon is None else f"is seen to run ({daemon.name} is installed)"
            )
            return warn(
                check,
                f"{tables[0].label} has lines for datafetch, and no cron daemon {known}",
                "Install one and start it, such as cronie; else nothing starts the jobs.",
            )
        if daemon is None:
            if in_container(root):
                return skipped(check, "a container has none: what starts it starts the jobs")
            if has_systemd(root):
                return ok(check, "none; `datafetch schedule --systemd` prints timers")
            return skipped(check, "there is none, so something else has to start the jobs")
        state = "runs" if daemon.runs else "is installed; no process of it was seen"
        said = {True: "reads CRON_TZ", False: "ignores CRON_TZ", None: "may not read CRON_TZ"}
        return ok(check, f"{daemon.name} {state}, and {said[daemon.reads_zone]}")

    def _tables(self, daemon: CronDaemon | None) -> list[_Table]:
        root = self._around.root
        users = [path for place in _SPOOLS for path in _files(root / place)]
        of_system = [root / "etc/crontab", *_files(root / "etc/cron.d")]
        tables = []
        if self._around.user not in {path.name for path in users}:
            own = self._around.own_crontab()
            if own is not None:
                lines = read_crontab(own, has_user=False)
                tables.append(_Table("crontab -l", lines, self._around.user))
        for path in (*users, *of_system):
            text = _text(path)
            if text is not None:
                label = one_line(f"/{path.relative_to(root)}", 80)
                is_system = path in of_system
                lines = read_crontab(text, has_user=is_system)
                owner = "" if is_system else path.name
                ignored = why_ignored(path, text, daemon) if is_system else ""
                tables.append(_Table(label, lines, owner, ignored))
        return tables

    def _nothing_starts(self) -> Finding:
        return warn(
            "crontab", "no line of a crontab starts datafetch, as far as it may be read", _AGAIN
        )

    def _line(self, table: _Table, line: CronLine, daemon: CronDaemon | None) -> Iterator[Finding]:
        where = f"{table.label}, line {line.number}"
        yield from self._program(where, table.owner or line.user, line, daemon)
        for job in line.jobs:
            check = f"cron line {job.value}"
            wanted = self._wanted.get(job)
            if wanted is None:
                yield warn(
                    check,
                    f"{where}: the job is not configured here",
                    "Set what it needs in the settings that the line reads, or remove the line.",
                )
                continue
            problems = list(self._compared(line, wanted, daemon))
            if problems:
                yield warn(check, f"{where}: {'; '.join(problems)}", _AGAIN)
            else:
                yield ok(check, f"{where}: {line.expression}, as {wanted.setting} has it")
        is_kept = line.keeps_output or "--log-file" in line.arguments
        if line.variables.get("MAILTO") == "" and not is_kept:
            yield warn(
                "MAILTO",
                f"{where}: is empty, so that nobody is told of a failure",
                "Name somebody in MAILTO, or keep a log with --log-file.",
            )

    def _compared(self, line: CronLine, wanted: Wanted, daemon: CronDaemon | None) -> Iterator[str]:
        if wanted.expression is None:
            yield f"{wanted.setting} is off"
        elif not same_times(wanted.expression, line.expression):
            shown = one_line(line.expression, 60) or "@reboot"
            yield f"it says {shown}, {wanted.setting} says {wanted.expression}"
        if not line.is_scheduled:
            yield "--scheduled is missing, so that a slot may run twice"
        zone = line.variables.get("CRON_TZ")
        if self._around.zone in _PACIFIC_NAMES and (zone is None or zone in _PACIFIC_NAMES):
            return
        if daemon is not None and daemon.reads_zone is False:
            yield (
                f"{daemon.name} ignores CRON_TZ and takes the machine's zone "
                f"({self._around.zone or 'unknown'}): leave only the line of run-due"
            )
        elif zone not in _PACIFIC_NAMES:
            said = f"is {one_line(zone, 40)}" if zone else "is missing above it"
            yield f"CRON_TZ {said}, and has to be {PACIFIC}"

    def _program(
        self, where: str, owner: str, line: CronLine, daemon: CronDaemon | None
    ) -> Iterator[Finding]:
        check = "cron's datafetch"
        home = self._around.home if owner == self._around.user else None
        path = line.variables.get("PATH", _USUAL_PATH)
        if daemon is not None and not daemon.reads_path:
            path = _USUAL_PATH
        try:
            found = Finder(self._around.root, home).find(line, path)
        except Untold as reason:
            yield skipped(check, f"{where}: {one_line(str(reason), 160)}")
            return
        if found is None:
            yield fail(
                check,
                f"{where}: {one_line(line.program, 80)} is not there; looked in "
                f"{one_line(path, 160)}",
                f"Write {self._around.program} in the line"
                + (
                    f", or {self._around.program.parent} in PATH above it."
                    if daemon is None or daemon.reads_path
                    else "."
                ),
            )
        elif _real(found) != _real(self._around.program) and line.program.endswith("datafetch"):
            yield warn(
                check,
                f"{where}: starts {found}, and this is {self._around.program}",
                "Two installations may differ in version and settings: keep one of them.",
            )

    def _net(self, lines: Sequence[CronLine], timers: Sequence[str]) -> Iterator[Finding]:
        if any(RUN_DUE in name for name in timers) or any(
            line.command == RUN_DUE for line in lines
        ):
            yield ok(RUN_DUE, "is there, the net under all schedules")
            return
        yield warn(RUN_DUE, "no line starts it, so that a missed run is not made good", _AGAIN)
        started = {job for line in lines for job in line.jobs}
        for job, wanted in self._wanted.items():
            if wanted.expression is not None and job not in started:
                yield warn(
                    f"cron line {job.value}",
                    f"no line starts it, and {wanted.setting} says {wanted.expression}",
                    _AGAIN,
                )


def _counted(lines: Sequence[CronLine]) -> str:
    return f"{len(lines)} line{' starts' if len(lines) == 1 else 's start'} datafetch"


def _files(folder: Path) -> list[Path]:
    """The files of a folder, sorted; none when it is not there, or may not be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return []


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path


def _text(path: Path) -> str | None:
    """A crontab's text; None when it is not there, or may not be read."""
    try:
        with open_regular(path) as file:
            return file.read(_MOST_OF_A_CRONTAB).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
