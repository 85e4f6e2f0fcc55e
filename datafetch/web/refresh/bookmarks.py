"""The endpoint that refreshes the bookmarks: for cron and webhooks with the secret, and for visitors."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from datafetch.bookmarks.state import INDEX, StoredIndex
from datafetch.errors import DatafetchError, StoreError
from datafetch.logs import bound_logger
from datafetch.models.run import JobName, RunOptions
from datafetch.ops.overview import JobView
from datafetch.ops.record import seen
from datafetch.web.answers import too_many
from datafetch.web.rates import RateLimit, client_of
from datafetch.web.refresh.answers import (
    HURRY_S,
    LONGEST_S,
    said,
    started,
    store_is_down,
    success,
)
from datafetch.web.refresh.doors import WrongTries, not_started
from datafetch.web.refresh.facts import bookmark_facts, is_fresh
from datafetch.web.refresh.progress import Progress
from datafetch.web.shared_read import SharedRead
from datafetch.web.site import Site

_PUBLIC_ASKS, _PUBLIC_PER_S = 5, 60.0
"""How often a visitor may ask for the bookmarks, and in how many seconds."""

_INDEX_FRESH_S = 1.0

_FAILED = "Failed to refresh bookmarks"

_log = bound_logger()


class BookmarkRefresh:
    """`/api/bookmarks/refresh`: for cron and webhooks with the secret, and for visitors without."""

    def __init__(self, site: Site, tries: WrongTries, progress: Progress) -> None:
        self._site = site
        self._tries = tries
        self._progress = progress
        self._public = RateLimit(site.clock, most=_PUBLIC_ASKS, per_s=_PUBLIC_PER_S)
        self._index = SharedRead(self._read_index, site.clock, fresh_s=_INDEX_FRESH_S)
        site.runs.on_change(self._index.expire)

    async def answer(self, request: Request) -> Response:
        """Answer a request of either method."""
        if request.method != "POST":
            return await self._get()
        if self._site.keyring.is_cron(request.scope):
            return await self._post_with_secret()
        if self._site.keyring.has_credentials(request.scope):
            return self._tries.answer(request.scope)
        return await self._post_of_visitor(request)

    async def _get(self) -> Response:
        try:
            index, view = await self._facts(LONGEST_S)
        except StoreError as error:
            return store_is_down("Failed to check bookmark refresh status", error)
        if index is None:
            return store_is_down("Failed to check bookmark refresh status")
        return success(
            None,
            {
                "needsRefresh": not is_fresh(index.last_fetched_at, self._site.clock.now()),
                **bookmark_facts(index),
                "refreshInProgress": self._progress.is_under_way(JobName.BOOKMARKS, view),
            },
        )

    async def _post_with_secret(self) -> Response:
        try:
            index, view = await self._facts(HURRY_S)
        except StoreError as error:
            # The run has a store of its own, which tries for longer.
            _log.warning("refresh_without_index", extra={"error": str(error)})
            index, view = None, None
        return self._start(RunOptions(full=True), "cron secret", index, view)

    async def _post_of_visitor(self, request: Request) -> Response:
        rate = self._public.take(client_of(request.scope))
        if not rate.allowed:
            return too_many(rate)
        try:
            index, view = await self._facts(LONGEST_S)
        except StoreError as error:
            return store_is_down(_FAILED, error)
        if index is None:
            return store_is_down(_FAILED)
        if is_fresh(index.last_fetched_at, self._site.clock.now()):
            return success(
                "Bookmarks are already up to date",
                {
                    "refreshed": False,
                    **bookmark_facts(index),
                    "refreshInProgress": self._progress.is_under_way(JobName.BOOKMARKS, view),
                },
            )
        return self._start(RunOptions(), "a visitor", index, view)

    def _start(
        self, options: RunOptions, asked_by: str, index: StoredIndex | None, view: JobView | None
    ) -> Response:
        was_under_way = self._progress.is_under_way(JobName.BOOKMARKS, view)
        try:
            asked = self._site.runs.ask(JobName.BOOKMARKS, options, asked_by=asked_by)
        except DatafetchError as error:
            return not_started(error, _FAILED)
        facts = bookmark_facts(index if index is not None else StoredIndex())
        known = facts.pop("bookmarksCount")
        by_cron = " (triggered by cron job)" if options.full else ""
        return success(
            f"{said(asked, 'Bookmark', is_elsewhere=was_under_way)}{by_cron}",
            {
                **started(asked, was_under_way=was_under_way),
                "previousCount": None if index is None else known,
                **facts,
            },
        )

    async def _facts(self, within_s: float) -> tuple[StoredIndex | None, JobView | None]:
        index, view = await asyncio.gather(
            self._index.value(within_s), self._progress.view(JobName.BOOKMARKS, within_s)
        )
        return index, view

    def _read_index(self) -> StoredIndex:
        # One that cannot be read counts as none: the run that follows makes it anew.
        key = self._site.keys.bookmarks_index()
        return seen(self._site.store, key, INDEX, empty=StoredIndex()).value
