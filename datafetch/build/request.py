"""The request of a build: which files it wants, and where."""

from dataclasses import dataclass
from pathlib import Path

from datafetch.models.run import Operation


@dataclass(frozen=True, slots=True)
class PrefetchRequest:
    """Which files a build wants, and where.

    Attributes:
        output: the folder that files are written to; made when it is not there.
        full: also write the manifests of logos and OpenGraph, and their pictures.
        max_age_s: refuse bookmarks and GitHub activity that were fetched longer ago. The
            manifests have no such time: a run that changes nothing does not write them.
        dry_run: check everything, write nothing.
    """

    output: Path
    full: bool = False
    max_age_s: float | None = None
    dry_run: bool = False

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations that write these files, in their order."""
        base = (Operation.BOOKMARKS_PREFETCH, Operation.GITHUB_PREFETCH)
        more = (Operation.LOGOS_PREFETCH, Operation.OPENGRAPH_PREFETCH)
        return base + more if self.full else base
