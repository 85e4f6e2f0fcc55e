"""The endpoints that refresh data, and tell how fresh it is.

What callers get is what the site's own endpoints answered; more has been added, nothing renamed.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from datafetch.errors import DatafetchError
from datafetch.models.run import JobName
from datafetch.web.refresh.answers import (
    HURRY_S,
    LONGEST_S,
    said,
    started,
    store_is_down,
    success,
)
from datafetch.web.refresh.bookmarks import BookmarkRefresh
from datafetch.web.refresh.doors import WrongTries, no_secret, not_started
from datafetch.web.refresh.facts import job_facts, unknown_job_facts
from datafetch.web.refresh.github import GitHubRefresh
from datafetch.web.refresh.progress import Progress
from datafetch.web.site import Site


def routes(site: Site, *, github_wait_s: float = 55.0) -> list[BaseRoute]:
    """The refresh endpoints; a refresh of GitHub's data is waited for `github_wait_s` seconds."""
    tries = WrongTries(site.clock)
    progress = Progress(site)
    bookmarks = BookmarkRefresh(site, tries, progress)
    github = GitHubRefresh(site, wait_s=github_wait_s)
    logos = JobRefresh(site, tries, progress, JobName.LOGOS, "Logo")
    opengraph = JobRefresh(site, tries, progress, JobName.OPENGRAPH, "OpenGraph")
    of_github = JobRefresh(site, tries, progress, JobName.GITHUB, "GitHub activity")

    async def refresh_github(request: Request) -> Response:
        if request.method == "POST":
            return await github.post(request)
        return await of_github.get(request)

    return [
        _route("/api/bookmarks/refresh", bookmarks.answer),
        _route("/api/github-activity/refresh", refresh_github),
        _route("/api/logos/refresh", logos.answer),
        _route("/api/opengraph/refresh", opengraph.answer),
    ]


def _route(path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    return Route(path, answer, methods=["GET", "POST"])


class JobRefresh:
    """The refresh endpoint of a job that only those with the cron secret may start."""

    def __init__(
        self, site: Site, tries: WrongTries, progress: Progress, job: JobName, title: str
    ) -> None:
        """`title` is what messages call its data."""
        self._site = site
        self._tries = tries
        self._progress = progress
        self._job = job
        self._title = title

    async def answer(self, request: Request) -> Response:
        """Answer a request of either method."""
        return await (self._post(request) if request.method == "POST" else self.get(request))

    async def get(self, _request: Request) -> Response:
        """How fresh the data is, and how the newest runs went."""
        view = await self._progress.view(self._job, LONGEST_S)
        if view is None:
            return store_is_down(f"Failed to check {self._title} refresh status")
        return success(
            None,
            {
                **job_facts(view, view.facts.runs),
                "refreshInProgress": self._progress.is_under_way(self._job, view),
            },
        )

    async def _post(self, request: Request) -> Response:
        if not self._site.keyring.cron:
            return no_secret("BOOKMARK_CRON_REFRESH_SECRET")
        if not self._site.keyring.is_cron(request.scope):
            return self._tries.answer(request.scope)
        view = await self._progress.view(self._job, HURRY_S)
        was_under_way = self._progress.is_under_way(self._job, view)
        try:
            asked = self._site.runs.ask(self._job, asked_by="cron secret")
        except DatafetchError as error:
            return not_started(error, f"Failed to refresh {self._title} data")
        facts = unknown_job_facts() if view is None else job_facts(view, view.facts.runs)
        kept = ("lastFetchedAt", "lastFetchedAtTs", "changeDetected")
        return success(
            said(asked, self._title, is_elsewhere=was_under_way),
            {
                **started(asked, was_under_way=was_under_way),
                **{name: facts[name] for name in kept},
            },
        )
