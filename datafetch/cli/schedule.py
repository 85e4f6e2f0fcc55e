"""The command that shows when jobs run, and prints the files by which other schedulers start them."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from datafetch.cli.options import JobOptions, with_options
from datafetch.cli.streams import painted, show, uses_colour, width_of
from datafetch.cli.values import site_folder
from datafetch.errors import UsageError
from datafetch.models.run import SHARED_JOBS, JobName

if TYPE_CHECKING:
    from datafetch.cli.at_store import AtStore
    from datafetch.cli.schedule_plan import Plan
    from datafetch.cli.schedule_table import JobTimes
    from datafetch.models.shard import Shard
    from datafetch.ops.pauses import Pause
    from datafetch.ops.state import JobState
    from datafetch.settings import Settings

_PROGRAM = "datafetch"
_NEXT_RUNS = 3
_BOLD = "1"
_JITTER = "DATAFETCH_JITTER_SECONDS"
_HINT = "Try 'datafetch schedule --help'."

_Kind = Literal["--crontab", "--systemd", "--kubernetes"]


@with_options(job=False, dry_run=False)
def schedule(
    options: JobOptions,
    *,
    crontab: Annotated[
        bool, typer.Option("--crontab", help="Print a crontab in place of the table.")
    ] = False,
    systemd: Annotated[
        bool,
        typer.Option("--systemd", help="Print timers and services of systemd."),
    ] = False,
    kubernetes: Annotated[
        bool, typer.Option("--kubernetes", help="Print CronJob manifests of Kubernetes.")
    ] = False,
    prefix: Annotated[
        Path | None,
        typer.Option(
            "--prefix",
            parser=site_folder,
            metavar="FOLDER",
            help="For --crontab and --systemd: the folder in which the jobs run (default: the "
            "working folder), whose .env is read. One that is not on this machine has datafetch in "
            "its .venv/bin, and settings like those of the working folder.",
        ),
    ] = None,
) -> None:
    """Show each job's schedule, where it comes from, its last run, and the next three.

    Schedules are read in Pacific time, whatever the machine's zone. They are set by
    S3_BOOKMARKS_CRON, S3_GITHUB_CRON, S3_LOGOS_CRON and S3_OPENGRAPH_CRON; off means none.

    Files for other schedulers leave out a job of whose required settings none is set; they have all
    jobs where none is set of any job.
    """
    asked: dict[_Kind, bool] = {
        "--crontab": crontab,
        "--systemd": systemd,
        "--kubernetes": kubernetes,
    }
    kinds = [kind for kind, is_asked in asked.items() if is_asked]
    _check(kinds, prefix, as_json=options.json)
    if not kinds:
        _show_times(options)
        return
    plan = _plan(_settings(options, prefix), kinds[0], prefix, options.env_file)
    show(_written(plan, kinds[0]))


def _check(kinds: list[_Kind], prefix: Path | None, *, as_json: bool) -> None:
    if len(kinds) > 1:
        raise UsageError(f"{' and '.join(kinds)} exclude each other", hint=_HINT)
    if kinds and as_json:
        raise UsageError(f"--json is for the table, not for {kinds[0]}", hint=_HINT)
    if prefix is not None and kinds not in (["--crontab"], ["--systemd"]):
        raise UsageError("--prefix goes with --crontab or --systemd", hint=_HINT)


def _settings(options: JobOptions, prefix: Path | None) -> "Settings":
    """The settings that the jobs will read: those of the prefix when it is on this machine."""
    from datafetch.cli.console import configure_logging, default_format, warn_of_unknown
    from datafetch.environment import load_settings

    configure_logging(options.log_format or default_format(), options.verbosity, options.log_file)
    file = options.settings_file
    if options.env_file is None and prefix is not None and prefix.is_dir():
        file = prefix / file
    settings = load_settings(file)
    warn_of_unknown(settings.unknown)
    return settings


def _written(plan: "Plan", kind: _Kind) -> str:
    match kind:
        case "--crontab":
            from datafetch.cli.schedule_crontab import crontab

            return crontab(plan)
        case "--systemd":
            from datafetch.cli.schedule_systemd import unit_files

            return unit_files(plan)
        case "--kubernetes":
            from datafetch.cli.schedule_kubernetes import manifests

            return manifests(plan)


# ------------------------------------------------------------------ the table


def _show_times(options: JobOptions) -> None:
    from datafetch.cli.at_store import at_store

    place = at_store(options)
    rows = place.ask(lambda: _times(place))
    if options.json:
        import json

        show(json.dumps([row.to_json() for row in rows]))
        return
    from datafetch.cli.schedule_table import table

    heading, *lines = table(rows, width_of(sys.stdout))
    show("\n".join([painted(heading, _BOLD) if uses_colour(sys.stdout) else heading, *lines]))


def _times(place: "AtStore") -> "list[JobTimes]":
    """What is known of each job's times; one object of the store is read a job, and the pauses.

    Raises:
        StoreError: the store did not answer.
    """
    from datafetch.cli.schedule_plan import COMMANDS
    from datafetch.ops.pauses import Pauses
    from datafetch.ops.state import state_record
    from datafetch.store.readonly import ReadOnlyStore

    store, keys, clock = ReadOnlyStore(place.store), place.keys, place.clock
    now = clock.now()
    pauses = Pauses.load(store, keys, clock)

    def share_of(job: JobName) -> "Shard | None":
        return place.settings.share if job in SHARED_JOBS else None

    return [
        _job_times(
            place.settings,
            job,
            state_record(store, keys, job, clock, share_of(job)).load(),
            pauses.of(job, now),
            now,
        )
        for job in COMMANDS
    ]


def _job_times(
    settings: "Settings", job: JobName, state: "JobState | None", pause: "Pause | None", now: float
) -> "JobTimes":
    from datafetch.cli.schedule_table import JobPause, JobTimes, LastRun
    from datafetch.job_groups import is_configured

    until = pause.until / 1000 if pause and pause.until is not None else None
    schedule = settings.schedule_of(job)
    name = settings.cron_name_of(job)
    configured = is_configured(settings, job)
    runs: list[datetime] = []
    if configured and schedule is not None and (pause is None or until is not None):
        runs = schedule.next_slots(_moment(max(now, until or 0)), _NEXT_RUNS)
    last = None
    if state is not None:
        ended = state.completed_at
        last = LastRun(
            _moment(state.started_at / 1000),
            _moment(ended / 1000) if ended is not None else None,
            state.status,
        )
    return JobTimes(
        job=job.value,
        is_configured=configured,
        schedule=schedule,
        setting=name,
        place=settings.places_used.get(name, ""),
        last_run=last,
        next_runs=runs,
        pause=JobPause(_moment(until) if until else None, pause.reason) if pause else None,
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# ------------------------------------------------------------ other schedulers


def _plan(settings: "Settings", kind: _Kind, prefix: Path | None, env_file: Path | None) -> "Plan":
    from datafetch.cli.schedule_plan import Plan, job_commands

    folder = prefix or Path.cwd()
    is_here = folder.is_dir()
    typed = [_PROGRAM, "schedule", kind]
    typed += ["--prefix", str(prefix)] if prefix else []
    typed += ["--env-file", str(env_file)] if env_file else []
    file = env_file.absolute() if env_file else None
    jobs = job_commands(settings)
    plan = Plan(
        made_by=shlex.join(typed),
        jobs=jobs,
        folder=folder,
        programs=_own_folder() if is_here else folder / ".venv" / "bin",
        env_file=file if file != folder / ".env" else None,
        variables=_set_in_environment([*(job.setting for job in jobs), _JITTER]),
        user=_owner(folder) if is_here else "site",
        group=_group(folder) if is_here else "site",
        run_due_apart=kind != "--crontab",
        writable=_writable(settings, folder),
    )
    _check_paths(plan, kind)
    return plan


def _own_folder() -> Path:
    """The folder of the `datafetch` that was called: not what a link there leads to, as of pipx."""
    called = Path(sys.argv[0])
    if called.name == _PROGRAM and called.is_file():
        return called.absolute().parent
    beside = Path(sys.executable).absolute().parent  # `python -m datafetch`
    found = None if (beside / _PROGRAM).is_file() else shutil.which(_PROGRAM)
    return Path(found).absolute().parent if found else beside


def _set_in_environment(names: list[str]) -> Mapping[str, str]:
    """The settings that a scheduler would not have, as they stand in this process's environment."""
    values = {name: os.environ.get(name, "").strip() for name in names}
    return {name: " ".join(value.split()) for name, value in values.items() if value}


def _owner(folder: Path) -> str:
    import pwd

    number = folder.stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(folder: Path) -> str:
    import grp

    number = folder.stat().st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _writable(settings: "Settings", folder: Path) -> tuple[Path, ...]:
    """The folders beside the working folder that runs write to."""
    from datafetch.models.store_place import FolderPlace

    places = [settings.runtime_folder] if settings.runtime_folder else []
    if isinstance(settings.place, FolderPlace):
        places.append(folder / Path(settings.place.path).expanduser())
    apart = [Path(os.path.normpath(place)) for place in places]
    return tuple(place for place in apart if not place.is_relative_to(folder))


def _check_paths(plan: "Plan", kind: _Kind) -> None:
    """Refuse paths that cannot be written where they have to stand.

    Raises:
        UsageError: there is one.
    """
    on_machine = () if kind == "--kubernetes" else (plan.folder, plan.programs, *plan.writable)
    for path in filter(None, (plan.env_file, *on_machine)):
        if not str(path).isprintable():
            raise UsageError(f"{str(path)!r} has letters that no {kind[2:]} can hold", hint=_HINT)
    if kind == "--crontab" and re.search(r":|^\s|\s$", str(plan.programs)):
        raise UsageError(
            f"{str(plan.programs)!r} cannot stand in PATH",
            hint="Install datafetch in a folder without colons.",
        )
