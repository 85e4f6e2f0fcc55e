"""Says for the refresh endpoints whether a run of a job is under way, wherever that is."""

import asyncio

from datafetch.models.run import JobName
from datafetch.ops.overview import JobView
from datafetch.web.site import Site


class Progress:
    """Says whether a run of a job is under way, here or in another process."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def view(self, job: JobName, within_s: float) -> JobView | None:
        """How the job is; None when the store did not say it in time."""
        try:
            async with asyncio.timeout(within_s):
                snapshot = await self._site.board.soon()
        except TimeoutError:
            return None
        if snapshot.overview is None:
            return None
        return next(view for view in snapshot.overview.jobs if view.job is job)

    def is_under_way(self, job: JobName, view: JobView | None) -> bool:
        """Whether a run of it is under way, as far as is known."""
        return self._site.runs.is_running(job) or (view is not None and view.freshness.is_running)
