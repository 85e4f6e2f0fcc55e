"""GitHub's `stats/contributors`: the owner's weeks of lines in one repository."""

from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from pydantic import TypeAdapter

from datafetch.github.answers import read_as
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
from datafetch.models.json_bounds import JsonBounds
from datafetch.net.base import MIB, Answer, Request, Validators
from datafetch.upstream_errors import TransientError

_LIMIT = 64 * MIB
_BOUNDS = JsonBounds(values=1_000_000)
"""Of an answer; a hundred contributors, which are the most that GitHub names, with twenty years of
weeks are about 8 MiB and 520,000 values."""

_COMPUTING = 202
_EMPTY = 204


@dataclass(frozen=True, slots=True)
class _Author:
    login: str | None = None


@dataclass(frozen=True, slots=True)
class _Contributor:
    """One entry of the answer.

    Attributes:
        author: None for commits whose address belongs to no account.
        weeks: not validated; only the owner's are needed.
    """

    author: _Author | None = None
    weeks: object = None


_CONTRIBUTORS = TypeAdapter(tuple[_Contributor, ...])
_WEEKS = TypeAdapter(tuple[Week, ...])


class Statistics:
    """Asks for the statistics of repositories; safe to use from several threads.

    Attributes:
        budget: how many requests GitHub still allows.
    """

    def __init__(self, link: Link, owner: str) -> None:
        self._link = link
        self._base = link.api_url.rstrip("/")
        self._owner = owner.casefold()
        self.budget = link.budget

    def of(self, repository: Repository, validator: str | None = None) -> StatisticsAnswer:
        """Ask for the owner's weeks in a repository.

        `validator` is that of an earlier answer: GitHub may then say that nothing has changed.
        Source: docs.github.com/rest/metrics/statistics#get-all-contributor-commit-activity.

        Raises:
            RateLimited: the budget is used up.
            Missing: there is no such repository, or the token may not see it.
            Malformed: the answer is not as documented.
            HiddenError: GitHub keeps the repository from the token, and says why.
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
        return self._link.send(request, partial(self._read, validator))

    def _read(self, validator: str | None, answer: Answer) -> StatisticsAnswer:
        if answer.not_modified:
            if validator is None:  # so GitHub could not compare the statistics with anything
                raise TransientError("GitHub answered 304 unasked", status=304)
            return SameStatistics(validator)
        if answer.status == _COMPUTING:
            return StillComputing()
        if answer.status == _EMPTY or not answer.body.strip():
            return NoStatistics()
        contributors = read_as(
            _CONTRIBUTORS, answer.json(_BOUNDS), "list of contributors", url=answer.url
        )
        if not contributors:
            return NoStatistics()
        for contributor in contributors:
            if self._is_owner(contributor.author):
                weeks = read_as(_WEEKS, contributor.weeks, "list of weeks", url=answer.url)
                return OwnerWeeks(tuple(sorted(weeks)), answer.validators.etag)
        return OwnerAbsent()

    def _is_owner(self, author: _Author | None) -> bool:
        login = author.login if author else None
        return login is not None and login.casefold() == self._owner
