"""Says what it means, and what to do, when GitHub refuses the token or something else answers.

Sources: docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api,
docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from datafetch.github.barriers import PERMISSIONS, barrier_in, hint_for, words_of
from datafetch.github.model import Barrier
from datafetch.net.base import Answer
from datafetch.net.excerpts import excerpt
from datafetch.net.guard import public_url
from datafetch.upstream_errors import Denied, Malformed, UpstreamError
from datafetch.urls import parse

_GITHUB = "https://api.github.com"

_INSTALLATION = "ghs_"
"""How tokens of GitHub Apps begin; the one that a workflow is given is such a token."""

_FINE_GRAINED = "github_pat_"

_TOKEN = re.compile(r"(gh[a-z]_|github_pat_|v1\.)\S+|[0-9a-f]{40}|eyJ\S+")
"""How GitHub's tokens look; those made before April 2021 have no prefix
(github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats)."""

_SCOPES, _WANTED_SCOPES = "x-oauth-scopes", "x-accepted-oauth-scopes"
_WANTED_PERMISSIONS = "x-accepted-github-permissions"


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What messages say of the token, which never is its value.

    Attributes:
        name: the variable that holds it.
        fine_grained: whether it is a fine-grained one: it then has one owner's repositories only.
        of_workflow: whether it is the one that GitHub Actions gives to a workflow.
        like_a_token: whether it looks like a token of GitHub's.
    """

    name: str
    fine_grained: bool = False
    of_workflow: bool = False
    like_a_token: bool = True

    @classmethod
    def of(cls, token: str, name: str, *, in_workflow: bool) -> "TokenFacts":
        """The facts about a token; `in_workflow` is whether this is a step of a workflow."""
        return cls(
            name,
            fine_grained=token.startswith(_FINE_GRAINED),
            of_workflow=in_workflow and token.startswith(_INSTALLATION),
            like_a_token=_TOKEN.fullmatch(token) is not None,
        )

    @property
    def workflow_note(self) -> str:
        """What the workflow's own token does not see, and what to do; empty for other tokens."""
        if not self.of_workflow:
            return ""
        return (
            f"{self.name} holds the workflow's own token, which sees public repositories and the"
            " workflow's own only: store a personal access token as a secret of the repository,"
            " and pass it as GITHUB_ACCESS_TOKEN_COMMIT_GRAPH"
        )

    @property
    def advice(self) -> str:
        """What a token must be allowed, and what this one cannot have."""
        if self.of_workflow:
            return f"{self.workflow_note}. {PERMISSIONS}"
        if self.fine_grained:
            return (
                f"{self.name} holds a fine-grained token, which is for the repositories of one"
                f" owner. {PERMISSIONS}"
            )
        return PERMISSIONS


def not_accepted(answer: Answer, words: str, token: TokenFacts, api_url: str) -> Denied:
    """The error for a 401: GitHub does not know the token, or not any more."""
    why = "It may have expired, been revoked, or belong to another GitHub"
    if not token.like_a_token:
        why = "It does not look like a token of GitHub's (ghp_…, github_pat_…)"
    return Denied(
        f"GitHub does not accept the token in {token.name}{_colon(words)}",
        status=answer.status,
        hint=f"{why}: make one at {_web_site(api_url)}/settings/tokens. {token.advice}",
    )


def not_allowed(text: str, answer: Answer, words: str, token: TokenFacts) -> Denied:
    """The error for a 403 that is about neither a limit nor one repository only.

    Args:
        text: says what was asked, and GitHub's status.
        answer: its headers say which rights the token has, and which it needs.
        words: GitHub's own.
        token: the one that was sent.
    """
    return Denied(
        f"{text}{_colon(words)}{rights_in(answer.headers)}",
        url=answer.url,
        status=answer.status,
        hint=hint_for(barrier_in(words) or Barrier.RIGHTS, words, token.advice),
    )


def rights_in(headers: Mapping[str, str]) -> str:
    """What the token has and what it needs, as GitHub's headers have it, in brackets; or nothing."""
    said = []
    has, wanted = headers.get(_SCOPES), words_of(headers.get(_WANTED_SCOPES, ""))
    if has is not None:
        said.append(f"the token has {_scopes(has)}")
    if wanted:
        said.append(f"GitHub wants {_scopes(wanted)}")
    permissions = words_of(headers.get(_WANTED_PERMISSIONS, ""))
    if permissions:
        said.append(f"GitHub wants the permissions {permissions}")
    return f" ({', '.join(said)})" if said else ""


def is_page(answer: Answer) -> bool:
    """Whether a web page came, which GitHub's API never sends but when it fails (502, 504)."""
    kind = answer.headers.get("content-type", "").lower()
    return kind.startswith("text/html") or answer.body.lstrip()[:1] == b"<"


def body_of(answer: Answer) -> str:
    """What the body is, in a few words: `a web page titled "Sign in" (text/html)`."""
    return str(excerpt(answer.body, answer.headers.get("content-type", "")))


def other_place(
    api_url: str, asked: str, came: str, status: int | None, what: str
) -> UpstreamError:
    """The error when what answers at `GITHUB_API_URL` is not GitHub's API.

    Args:
        api_url: the setting.
        asked: the URL that was asked.
        came: the URL that answered: another one after redirects.
        status: of the answer.
        what: came in place of the API's answer, such as `a web page`; empty when only the status
            is known.
    """
    moved = _moved(api_url, asked, came)
    if moved is not None:
        text = f"GITHUB_API_URL={api_url} redirects to {_origin(came)}, where no token is sent"
        hint = f"Set GITHUB_API_URL={moved} if that is your server; else a proxy asks for a log-in."
    else:
        said = ", ".join(part for part in (f"status {status}" if status else "", what) if part)
        text = f"GITHUB_API_URL={api_url} does not answer as GitHub's API ({said})"
        hint = (
            f"GitHub Enterprise has it at {_enterprise(api_url)}; for github.com leave"
            " GITHUB_API_URL out. A log-in page of a proxy looks like this, too."
        )
        if (parse(api_url) or asked) == parse(_GITHUB):
            hint = "A proxy between here and GitHub answers: check HTTPS_PROXY, or try later."
    return Malformed(text, url=public_url(came), status=status, hint=hint)


def left(asked: str, came: str) -> bool:
    """Whether a redirect led to another origin, to which no token is sent."""
    wanted, found = parse(asked), parse(came)
    return wanted is not None and found is not None and wanted.origin != found.origin


def _moved(api_url: str, asked: str, came: str) -> str | None:
    """The setting with which there is no redirect; None when none led away."""
    base, found = parse(api_url), parse(came)
    if base is None or found is None or not left(asked, came):
        return None
    return f"{_origin(came)}{base.path.rstrip('/')}"


def _origin(url: str) -> str:
    found = parse(url)
    assert found is not None
    return f"{found.scheme}://{found.host}" + ("" if found.port is None else f":{found.port}")


def _enterprise(api_url: str) -> str:
    base = parse(api_url)
    host = None if base is None or base.name == "api.github.com" else _origin(api_url)
    return f"{host or 'https://HOST'}/api/v3"


def _web_site(api_url: str) -> str:
    """Where users of this GitHub make tokens."""
    base = parse(api_url)
    if base is None or api_url == _GITHUB:
        return "https://github.com"
    return _origin(api_url).replace("://api.", "://", 1)


def _scopes(text: str) -> str:
    listed = words_of(text)
    return f"the scopes {listed}" if listed else "no scopes"


def _colon(words: str) -> str:
    return f": {words}" if words else ""
