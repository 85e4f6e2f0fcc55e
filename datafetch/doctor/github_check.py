"""GitHub: whether it answers, what the token may do and until when, who the owner is, what is left.

Sources: docs.github.com/rest/rate-limit (asking for it costs nothing), .../apps/oauth-apps/
building-oauth-apps/scopes-for-oauth-apps (`X-OAuth-Scopes`), .../rest/authentication/
authenticating-to-the-rest-api (`GitHub-Authentication-Token-Expiration`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from pydantic import TypeAdapter

from datafetch.clock import Clock, utc_text
from datafetch.doctor.findings import Finding, Group, fail, failed_with, ok, warn
from datafetch.github.answers import read_as
from datafetch.github.budget import Budget
from datafetch.github.link import Link
from datafetch.github.refusals import TokenFacts
from datafetch.models.job_settings import GitHubSettings
from datafetch.models.text import one_line
from datafetch.net.base import NO_RETRY, Answer, HttpClient, Request
from datafetch.net.guard import authority
from datafetch.upstream_errors import Missing, UpstreamError

_SCOPES = "x-oauth-scopes"
_EXPIRY = "github-authentication-token-expiration"
_EXPIRY_FORM = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}) (UTC|[+-]\d{4})"
)
_SOON_S = 14 * 86_400.0
_FEW = 200
"""Requests left below which the doctor warns: a first run of some hundred repositories needs more."""

_LONGEST_WAIT_S = 86_400.0
"""GitHub's limits are reset each hour: a reset further away than this is not believed."""

_MOST_SHOWN = 120


@dataclass(frozen=True, slots=True)
class _Rate:
    limit: int
    remaining: int
    reset: float


@dataclass(frozen=True, slots=True)
class _Resources:
    core: _Rate | None = None
    graphql: _Rate | None = None


@dataclass(frozen=True, slots=True)
class _Limits:
    resources: _Resources


@dataclass(frozen=True, slots=True)
class _Owner:
    login: str
    type: str = "User"


_LIMITS = TypeAdapter(_Limits)
_OWNER = TypeAdapter(_Owner)


class GitHubCheck:
    """Asks GitHub for the rate limit and the owner, with the token."""

    name = "GitHub"
    group = Group.UPSTREAMS
    limit_s = 20.0

    def __init__(self, http: HttpClient, settings: GitHubSettings, clock: Clock) -> None:
        """The settings are those of the job."""
        token = settings.token.get_secret_value()
        self._facts = TokenFacts.of(token, settings.token_name, in_workflow=settings.in_workflow)
        self._settings = settings
        self._clock = clock
        self._base = settings.api_url.rstrip("/")
        self._link = Link(
            http=http,
            clock=clock,
            budget=Budget("REST", clock, patience_s=0.0),
            token=settings.token,
            api_url=settings.api_url,
            retry=NO_RETRY,
            facts=self._facts,
        )

    def look(self) -> Iterator[Finding]:
        """The token, its end, what is left, and the owner."""
        try:
            answer = self._ask("/rate_limit")
        except Missing as error:
            refused = self._without_limits(error)
            if refused is not None:
                yield refused
                return
            answer = None
        except UpstreamError as error:
            yield failed_with(self.name, error)
            return
        yield ok(self.name, f"{authority(self._base)} accepts the token of {self._facts.name}")
        if answer is not None:
            yield self._scopes(answer.headers)
            yield from self._expiry(answer.headers)
            yield from self._limits(answer)
        yield self._owner()

    def _without_limits(self, error: Missing) -> Finding | None:
        """What is wrong when the server tells no limits; None for GitHub Enterprise without limits.

        A server that is no GitHub answers 404 to everything.
        """
        try:
            self._ask(self._owner_path())
        except Missing:
            return fail(
                self.name,
                f"{error}; /users/{self._settings.owner} is not there either",
                "Check GITHUB_API_URL (on GitHub Enterprise it ends in /api/v3), and the login in "
                "GITHUB_REPO_OWNER.",
            )
        except UpstreamError as other:
            return failed_with(self.name, other)
        return None

    def _owner_path(self) -> str:
        return f"/users/{quote(self._settings.owner, safe='')}"

    def _ask(self, path: str) -> Answer:
        request = Request(
            f"{self._base}{path}",
            trust="settings",
            upstream="github-rest",
            headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
        )
        return self._link.send(request, lambda answer: answer)

    def _scopes(self, headers: Mapping[str, str]) -> Finding:
        check = "GitHub scopes"
        told = headers.get(_SCOPES)
        if told is None:
            return ok(
                check,
                "not told, as of a fine-grained token: it has what was chosen when it was made "
                "(Contents and Metadata, read)",
            )
        scopes = {scope.strip() for scope in told.split(",")} - {""}
        shown = one_line(", ".join(sorted(scopes)) or "none", _MOST_SHOWN)
        if "repo" in scopes:
            return ok(check, shown)
        return warn(
            check,
            f"{shown}: without repo, private repositories count nowhere",
            "Give the token the scopes repo and read:user, if they are to count.",
        )

    def _expiry(self, headers: Mapping[str, str]) -> Iterator[Finding]:
        check = "GitHub token"
        found = _EXPIRY_FORM.fullmatch(headers.get(_EXPIRY, ""))
        if found is None:
            return
        zone = "+0000" if found[2] == "UTC" else found[2]
        try:
            moment = datetime.strptime(f"{found[1]} {zone}", "%Y-%m-%d %H:%M:%S %z")
            said = f"ends on {moment.astimezone(UTC):%Y-%m-%d}"
        except (ValueError, OverflowError):
            return  # no such day
        end, now = moment.timestamp(), self._clock.now()
        hint = f"Make a new one in time, and set {self._facts.name}."
        yield warn(check, said, hint) if end - now < _SOON_S else ok(check, said)

    def _limits(self, answer: Answer) -> Iterator[Finding]:
        try:
            found = read_as(_LIMITS, answer.json(), "rate limit", url=answer.url).resources
        except UpstreamError as error:
            yield failed_with("GitHub rate limit", error)
            return
        for kind, rate in (("REST", found.core), ("GraphQL", found.graphql)):
            if rate is None:
                continue
            now = self._clock.now()
            is_soon = now < rate.reset < now + _LONGEST_WAIT_S
            until = utc_text(rate.reset, now) if is_soon else "it is reset"
            said = f"{rate.remaining} of {rate.limit} left until {until}"
            check = f"GitHub {kind} limit"
            few = rate.remaining < min(_FEW, rate.limit)
            hint = f"A run may stop half-way, and goes on by itself after {until}."
            yield warn(check, said, hint) if few else ok(check, said)

    def _owner(self) -> Finding:
        check, owner = "GITHUB_REPO_OWNER", self._settings.owner
        try:
            answer = self._ask(self._owner_path())
            found = read_as(_OWNER, answer.json(), "user", url=answer.url)
        except Missing:
            return fail(check, f"GitHub knows nobody of the name {owner}", "Set it to your login.")
        except UpstreamError as error:
            return failed_with(check, error)
        if found.type == "Organization":
            return warn(
                check,
                f"{found.login} is an organization, which has no contributions of its own",
                "Set it to the login of a person.",
            )
        return ok(check, f"{one_line(found.login, _MOST_SHOWN)} is known")
