"""The request of a build: which files it wants, where, and under which names."""

from dataclasses import dataclass
from pathlib import Path

from datafetch.models.run import Operation


@dataclass(frozen=True, slots=True)
class PrefetchRequest:
    """Which files a build wants, and where.

    Attributes:
        folder: the folder that files are written to; made when it is not there.
        mirror: whether the folder is to be a copy of the store: each object under its own key,
            the pages of the bookmarks too, and what an earlier build wrote and the store no
            longer has is removed. Otherwise the files have names without environment.
        full: also write the manifests of logos and OpenGraph, and their pictures.
        max_age_s: refuse bookmarks and GitHub activity that were fetched longer ago. The
            manifests have no such time: a run that changes nothing does not write them.
        dry_run: check everything, write nothing.
        after_jobs: whether the jobs that store the objects ran before, in the same command. In a
            dry run they stored nothing, so that objects may be missing that the build would find.
    """

    folder: Path
    full: bool = False
    max_age_s: float | None = None
    dry_run: bool = False
    mirror: bool = False
    after_jobs: bool = False

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations that write these files, in their order."""
        base = (Operation.BOOKMARKS_PREFETCH, Operation.GITHUB_PREFETCH)
        more = (Operation.LOGOS_PREFETCH, Operation.OPENGRAPH_PREFETCH)
        return base + more if self.full else base
