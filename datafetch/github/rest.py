"""GitHub's `stats/contributors`: the owner's weeks of lines in one repository."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from datafetch.errors import Malformed
from datafetch.github.link import Link
from datafetch.github.model import (
    NoStatistics,
    OwnerAbsent,
    OwnerWeeks,
    Repository,
    SameStatistics,
    StatisticsAnswer,
    StillComputing,
    Week,
)
from datafetch.net.base import MIB, Answer, Request, Validators

_LIMIT = 64 * MIB
"""A hundred contributors with twenty years of weeks are about 8 MiB."""

_COMPUTING = 202
_EMPTY = 204


class Statistics:
    """Asks for the statistics of repositories; safe to use from several threads."""

    def __init__(self, link: Link, owner: str) -> None:
        self._link = link
        self._base = link.api_url.rstrip("/")
        self._owner = owner.casefold()

    def of(self, repository: Repository, validator: str | None = None) -> StatisticsAnswer:
        """What GitHub says of the owner's work in a repository.

        Source: docs.github.com/rest/metrics/statistics#get-all-contributor-commit-activity.

        Raises:
            RateLimited: the budget is used up.
            Missing: there is no such repository, or the token may not see it.
            Malformed: the answer is not as documented.
            UpstreamError: as `HttpClient` says.
        """
        owner, name = quote(repository.owner, safe=""), quote(repository.name, safe="")
        request = Request(
            f"{self._base}/repos/{owner}/{name}/stats/contributors",
            trust="settings",
            upstream="github-rest",
            headers={
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            limit=_LIMIT,
            validators=Validators(etag=validator) if validator else None,
            retry=self._link.retry,
        )
        return self._link.send(request, self._read)

    def _read(self, answer: Answer) -> StatisticsAnswer:
        if answer.not_modified:
            return SameStatistics()
        if answer.status == _COMPUTING:
            return StillComputing()
        if answer.status == _EMPTY or not answer.body.strip():
            return NoStatistics()
        contributors = answer.json()
        if not isinstance(contributors, list):
            raise Malformed("the statistics are not a list of contributors", url=answer.url)
        if not contributors:
            return NoStatistics()
        try:
            for contributor in contributors:
                if self._is_owner(contributor):
                    weeks = sorted(_week(week) for week in contributor["weeks"])
                    return OwnerWeeks(tuple(weeks), answer.validators.etag)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Malformed("the statistics are not as documented", url=answer.url) from error
        return OwnerAbsent()

    def _is_owner(self, contributor: Mapping[str, Any]) -> bool:
        # The author of commits whose address belongs to nobody is null.
        author = contributor.get("author") or {}
        return str(author.get("login") or "").casefold() == self._owner


def _week(value: Mapping[str, Any]) -> Week:
    return Week(int(value["w"]), int(value["a"]), int(value["d"]), int(value["c"]))
