"""What the type checker must refuse: each line below is an error to mypy, and mypy itself sees that.

A `type: ignore` that is not needed is an error under `warn_unused_ignores`: the day one of these
mistakes passes, `mypy` fails. Nothing here runs.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datafetch.bookmarks.job import sync_bookmarks
    from datafetch.github.job import refresh_github
    from datafetch.job import Job, JobContext
    from datafetch.logos.job import fetch_logos
    from datafetch.models.job_settings import (
        BookmarksSettings,
        GitHubSettings,
        LogoSettings,
        OpenGraphSettings,
    )
    from datafetch.models.run import RunOptions
    from datafetch.opengraph.job import refresh_opengraph

    def misspelt(context: JobContext[BookmarksSettings]) -> str:
        """A setting that the job does not have."""
        return context.settings.lst_idd  # type: ignore[attr-defined, no-any-return]

    def mistaken(
        bookmarks: BookmarksSettings,
        github: GitHubSettings,
        logos: LogoSettings,
        opengraph: OpenGraphSettings,
    ) -> None:
        """Every job with the settings of another."""
        Job(github, sync_bookmarks)  # type: ignore[arg-type]
        Job(logos, refresh_github)  # type: ignore[arg-type]
        Job(opengraph, fetch_logos)  # type: ignore[arg-type]
        Job(bookmarks, refresh_opengraph)  # type: ignore[arg-type]

    RunOptions(older_thn_s=1.0)  # type: ignore[call-arg]


def test_the_type_checker_reads_this_file():
    """It is among the files that mypy checks with unused ignores as errors (`mypy` in scripts/check)."""
    import tomllib
    from pathlib import Path

    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    mypy = tomllib.loads(text)["tool"]["mypy"]
    assert mypy["strict"]
    assert "tests" in mypy["packages"]
