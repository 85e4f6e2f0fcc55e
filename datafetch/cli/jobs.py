"""The job commands: each parses its options, runs requests through the manager, and exits."""

from pathlib import Path
from typing import Annotated

import typer

from datafetch.cli.options import (
    JobOptions,
    Missing,
    OlderThan,
    parse_age,
    text_like,
    with_options,
)
from datafetch.models.run import JobName, RunOptions

ALL_JOBS = (JobName.BOOKMARKS, JobName.OPENGRAPH, JobName.GITHUB, JobName.LOGOS)
"""In the order in which they build on each other."""

_GENERATED = Path("generated")

OutputFolder = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help=f"Folder that the files are written to; {_GENERATED} when none is named.",
    ),
]
MirrorFolder = Annotated[
    Path | None,
    typer.Option(
        "--mirror",
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
        metavar="AGE",
        help="Fail when stored data is older, such as 3d.",
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
            min=1,
            max=5,
            metavar="N",
            help="Publish the N-th newest backup (1 is the newest) instead of syncing.",
        ),
    ] = None,
) -> None:
    """Sync the bookmark list into the store."""
    _run(options, JobName.BOOKMARKS, own=RunOptions(restore=restore))


@with_options(job=True)
def github(
    options: JobOptions,
    *,
    repo: Annotated[
        list[str] | None,
        typer.Option(
            "--repo",
            parser=text_like(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", ": write OWNER/NAME"),
            metavar="OWNER/NAME",
            help="Force this repository's statistics only, then rebuild the sums; repeatable.",
        ),
    ] = None,
) -> None:
    """Refresh GitHub activity: calendar, statistics of every repository, summaries."""
    _run(options, JobName.GITHUB, own=RunOptions(only=tuple(repo or ())))


@with_options(job=True)
def logos(
    options: JobOptions,
    *,
    domain: Annotated[
        list[str] | None,
        typer.Option(
            "--domain",
            parser=text_like(r"[^\s/@]+\.[^\s/@]+", " is no domain"),
            metavar="DOMAIN",
            help="Only this domain; repeatable.",
        ),
    ] = None,
    missing: Missing = False,
    older_than: OlderThan = None,
) -> None:
    """Fetch the logo of every known domain that has none yet or whose logo is due."""
    own = RunOptions(only=tuple(domain or ()), missing=missing, older_than_s=older_than)
    _run(options, JobName.LOGOS, own=own)


@with_options(job=True)
def refresh_opengraph(
    options: JobOptions,
    *,
    url: Annotated[
        list[str] | None,
        typer.Option(
            "--url",
            parser=text_like(r"https?://[^\s/].*", " is no web address"),
            metavar="URL",
            help="Only this page; repeatable.",
        ),
    ] = None,
    missing: Missing = False,
    older_than: OlderThan = None,
) -> None:
    """Backfill OpenGraph metadata and pictures of the stored bookmarks."""
    own = RunOptions(only=tuple(url or ()), missing=missing, older_than_s=older_than)
    _run(options, JobName.OPENGRAPH, own=own)


@with_options(job=True)
def update(
    options: JobOptions,
    *,
    jobs: Annotated[
        list[JobName] | None, typer.Argument(metavar="[JOB]...", help="Jobs, in this order.")
    ] = None,
) -> None:
    """Run the named jobs one after the other; all of them when none is named."""
    _run(options, *(jobs or ALL_JOBS))


@with_options(job=True)
def prefetch_dev(
    options: JobOptions,
    *,
    output: OutputFolder = None,
    full: Full = False,
) -> None:
    """Fetch everything from all sources, then write the files that a build needs."""
    from datafetch.build.request import PrefetchRequest
    from datafetch.cli.session import Session

    with Session(options) as session:
        session.run_jobs(ALL_JOBS)
        session.run_prefetch(PrefetchRequest(output or _GENERATED, full=full, after_jobs=True))


@with_options(job=False)
def prefetch_build(
    options: JobOptions,
    *,
    output: OutputFolder = None,
    mirror: MirrorFolder = None,
    full: Full = False,
    max_age: MaxAge = None,
) -> None:
    """Check what the store holds and write the files that a build needs; no upstream is asked."""
    from datafetch.build.request import PrefetchRequest
    from datafetch.cli.session import Session

    if mirror is not None and output is not None:
        raise typer.BadParameter("--mirror takes the place of --output: give one of them")
    request = PrefetchRequest(
        mirror or output or _GENERATED,
        full=full,
        max_age_s=max_age,
        mirror=mirror is not None,
    )
    with Session(options, build=True) as session:
        session.run_prefetch(request)


def register(app: typer.Typer) -> None:
    """Add the job commands to the application."""
    for command in (
        bookmarks,
        github,
        logos,
        refresh_opengraph,
        prefetch_build,
        prefetch_dev,
        update,
    ):
        app.command(command.__name__.replace("_", "-"))(command)
