"""The job commands: each parses its options, runs requests through the manager, and exits."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from datafetch.cli import completion
from datafetch.cli.dead_letters import dead_letters
from datafetch.cli.doctor import doctor
from datafetch.cli.examples import epilog_of
from datafetch.cli.guides import show_guide
from datafetch.cli.help import HelpCommand, help_text
from datafetch.cli.history import history
from datafetch.cli.names import job_name
from datafetch.cli.options import (
    JobOptions,
    Missing,
    OlderThan,
    ShareOption,
    with_options,
)
from datafetch.cli.schedule import schedule
from datafetch.cli.scheduled import pause, resume, run_due
from datafetch.cli.serve import serve
from datafetch.cli.status import status
from datafetch.cli.values import (
    backup_number,
    domain_name,
    parse_age,
    repository,
    target_folder,
    web_address,
)
from datafetch.cli.worker import worker
from datafetch.errors import UsageError
from datafetch.models.run import JobName, RunOptions

ALL_JOBS = (JobName.BOOKMARKS, JobName.OPENGRAPH, JobName.GITHUB, JobName.LOGOS)
"""In the order in which they build on each other."""

_GENERATED = Path("generated")

OutputFolder = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        parser=target_folder,
        metavar="FOLDER",
        help=f"Folder that the files are written to (default: {_GENERATED}).",
    ),
]
MirrorFolder = Annotated[
    Path | None,
    typer.Option(
        "--mirror",
        parser=target_folder,
        metavar="FOLDER",
        help="Instead of --output: folder that becomes a copy of the store, each object under "
        "its own key.",
    ),
]
Full = Annotated[
    bool,
    typer.Option("--full", help="Also the logo and OpenGraph manifests and their pictures."),
]
MaxAge = Annotated[
    float | None,
    typer.Option(
        "--max-age",
        parser=parse_age,
        autocompletion=completion.ages,
        metavar="AGE",
        help="Fail when stored data is older than this, such as 12h or 3d.",
    ),
]


def _run(options: JobOptions, *jobs: JobName, own: RunOptions = RunOptions()) -> None:
    from datafetch.cli.session import Session

    with Session(options) as session:
        session.run_jobs(jobs, own)


@with_options(job=True)
def bookmarks(
    options: JobOptions,
    *,
    restore: Annotated[
        int | None,
        typer.Option(
            "--restore",
            parser=backup_number,
            autocompletion=completion.backups,
            metavar="[N]",
            help="Publish the N-th newest backup, 1 to 5, instead of syncing (default: 1, the "
            "newest).",
        ),
    ] = None,
) -> None:
    """Sync the bookmark list into the store.

    Reads the list from the bookmark server, and writes what has changed. Needs
    BOOKMARKS_API_URL, BOOKMARKS_LIST_ID and BOOKMARK_BEARER_TOKEN.
    """
    _run(options, JobName.BOOKMARKS, own=RunOptions(restore=restore))


@with_options(job=True)
def github(
    options: JobOptions,
    *,
    repo: Annotated[
        list[str] | None,
        typer.Option(
            "--repo",
            parser=repository,
            autocompletion=completion.repositories,
            metavar="OWNER/NAME",
            help="Force this repository's statistics only, then rebuild the sums; repeatable.",
        ),
    ] = None,
    shard: ShareOption = None,
) -> None:
    """Refresh GitHub activity: calendar, statistics of every repository, summaries.

    Repositories that were not pushed to since the last run are not asked for again. Needs
    GITHUB_TOKEN and GITHUB_REPO_OWNER.
    """
    _run(options, JobName.GITHUB, own=RunOptions(only=tuple(repo or ()), shard=shard))


@with_options(job=True)
def logos(
    options: JobOptions,
    *,
    domain: Annotated[
        list[str] | None,
        typer.Option(
            "--domain",
            parser=domain_name,
            autocompletion=completion.domains,
            metavar="DOMAIN",
            help="Only this domain, such as example.com; repeatable.",
        ),
    ] = None,
    missing: Missing = False,
    older_than: OlderThan = None,
    shard: ShareOption = None,
) -> None:
    """Fetch the logo of every known domain that has none yet or whose logo is due.

    Known are the domains of the stored bookmarks, and those in LOGO_DOMAIN_FILES. A logo is due
    after LOGO_MAX_AGE_DAYS, 30 by default.
    """
    own = RunOptions(
        only=tuple(domain or ()), missing=missing, older_than_s=older_than, shard=shard
    )
    _run(options, JobName.LOGOS, own=own)


@with_options(job=True)
def refresh_opengraph(
    options: JobOptions,
    *,
    url: Annotated[
        list[str] | None,
        typer.Option(
            "--url",
            parser=web_address,
            autocompletion=completion.pages,
            metavar="URL",
            help="Only the page of this bookmark; repeatable.",
        ),
    ] = None,
    missing: Missing = False,
    older_than: OlderThan = None,
    shard: ShareOption = None,
) -> None:
    """Backfill OpenGraph metadata and pictures of the stored bookmarks.

    Visits the pages that have no metadata yet or whose metadata is older than a day, and lays
    what it finds into the bookmarks: run datafetch bookmarks first.
    """
    own = RunOptions(only=tuple(url or ()), missing=missing, older_than_s=older_than, shard=shard)
    _run(options, JobName.OPENGRAPH, own=own)


@with_options(job=True)
def update(
    options: JobOptions,
    *,
    jobs: Annotated[
        list[JobName] | None,
        typer.Argument(
            parser=job_name,
            autocompletion=completion.jobs,
            metavar="JOB",
            help="What to run, in this order: bookmarks, opengraph, github, logos (default: all).",
        ),
    ] = None,
) -> None:
    """Run the named jobs one after the other; all of them when none is named.

    One that fails does not stop the next. The jobs are those of the commands bookmarks,
    refresh-opengraph (opengraph), github and logos.
    """
    _run(options, *(jobs or ALL_JOBS))


@with_options(job=True, but=("scheduled",))
def prefetch_dev(
    options: JobOptions,
    *,
    output: OutputFolder = None,
    full: Full = False,
) -> None:
    """Fetch everything from all sources, then write the files that a build needs.

    Runs bookmarks, refresh-opengraph, github and logos in this order, then does what
    prefetch-build does. Needs the settings of bookmarks and github.
    """
    from datafetch.build.request import PrefetchRequest
    from datafetch.cli.session import Session

    request = PrefetchRequest(output or _GENERATED, full=full, after_jobs=True)
    with Session(options) as session:
        session.run_jobs(ALL_JOBS, then=request.operations)
        session.run_prefetch(request)


@with_options(job=False)
def prefetch_build(
    options: JobOptions,
    *,
    output: OutputFolder = None,
    mirror: MirrorFolder = None,
    full: Full = False,
    max_age: MaxAge = None,
) -> None:
    """Check what the store holds and write the files that a build needs.

    No upstream is asked, nothing is written to the store, and credentials that may only read are
    enough.
    """
    from datafetch.build.request import PrefetchRequest
    from datafetch.cli.session import Session

    if mirror is not None and output is not None:
        raise UsageError(
            "--mirror takes the place of --output",
            hint="Give one of them. Try 'datafetch prefetch-build --help'.",
        )
    request = PrefetchRequest(
        mirror or output or _GENERATED,
        full=full,
        max_age_s=max_age,
        mirror=mirror is not None,
    )
    with Session(options, build=True) as session:
        session.run_prefetch(request)


def show_help(
    context: typer.Context,
    command: Annotated[
        str | None,
        typer.Argument(
            autocompletion=completion.commands,
            metavar="COMMAND",
            help="The command whose page is shown (default: the program's page).",
        ),
    ] = None,
) -> None:
    """Show this program's help, or that of a command."""
    typer.echo(help_text(context.find_root(), command), color=context.find_root().color)


_FETCH = "Fetch what is new into the store"
_BUILD = "Write the files of a site's build"
_TIMES = "Run jobs at their times"
_LOOK = "See how things are"
_HELP = "Help"

_COMMANDS: tuple[tuple[Callable[..., None], str, str], ...] = (
    (bookmarks, _FETCH, "Sync the bookmark list"),
    (github, _FETCH, "Refresh GitHub activity and repository statistics"),
    (logos, _FETCH, "Fetch the logos that are missing or due"),
    (refresh_opengraph, _FETCH, "Refresh titles and pictures of bookmarked pages"),
    (update, _FETCH, "Run several of these jobs, or all"),
    (prefetch_build, _BUILD, "Write them from the store, without asking upstreams"),
    (prefetch_dev, _BUILD, "Run all jobs, then write them"),
    (schedule, _TIMES, "Show when jobs run; print a crontab, timers or CronJobs"),
    (run_due, _TIMES, "Start the jobs that are due, side by side"),
    (pause, _TIMES, "Let scheduled runs of a job do nothing for a time"),
    (resume, _TIMES, "End a pause"),
    (worker, _TIMES, "Work for a Dask scheduler, on one of several machines"),
    (status, _LOOK, "Say whether a job is stale or failing, and what waits"),
    (history, _LOOK, "Show past runs, and all that is known of one"),
    (dead_letters, _LOOK, "Show what failed and waits; try it again, or drop it"),
    (doctor, _LOOK, "Check settings, store, servers and schedule; say what to do"),
    (serve, _LOOK, "Answer requests: refreshes, logos, metrics, a status page"),
    (show_guide, _HELP, "Show a guide: cron, stores, coming from the old system"),
    (show_help, _HELP, "Show this page, or that of a command"),
)
"""Each command, the group that it stands in, and its summary in the list of commands."""


NAMES = tuple(
    command.__name__.removeprefix("show_").replace("_", "-") for command, _, _ in _COMMANDS
)
"""The names of all commands, in the order of the list."""


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for name, (command, group, summary) in zip(NAMES, _COMMANDS, strict=True):
        app.command(
            name,
            cls=HelpCommand,
            short_help=summary,
            epilog=epilog_of(name),
            rich_help_panel=group,
        )(command)
