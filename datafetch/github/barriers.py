"""Why GitHub keeps a repository from the token, and what the user can do about it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from datafetch.github.model import Barrier
from datafetch.models.text import one_line
from datafetch.redaction import redact
from datafetch.upstream_errors import Denied

CLASSIC_SCOPES = ("repo", "read:user")
FINE_GRAINED_PERMISSIONS = ("Metadata", "Contents")

PERMISSIONS = (
    f"A classic token needs the scopes {' and '.join(CLASSIC_SCOPES)}; a fine-grained one the"
    f" repository permissions {' and '.join(FINE_GRAINED_PERMISSIONS)} (read) for every repository"
    " that should count."
)
"""What a token must be allowed (docs.github.com/rest/authentication/permissions-required-for-
fine-grained-personal-access-tokens, docs.github.com/apps/oauth-apps, "Scopes for OAuth apps")."""

_MOST_WORDS = 300


_HINTS: Mapping[Barrier, str] = {
    Barrier.SAML: (
        "Authorise the token for the organization's single sign-on: Configure SSO beside it at"
        " https://github.com/settings/tokens."
    ),
    Barrier.RULES: "Ask an owner of the organization.",
    Barrier.BLOCKED: "Only GitHub can lift this; GITHUB_EXCLUDE leaves the repository out.",
    Barrier.FAULT: "The next run tries again.",
}

_RULES: Mapping[str, str] = {
    "ip allow list": (
        "Run it from an address that the organization allows, or ask its owners to allow this"
        " machine's."
    ),
    "(classic)": (
        "The organization takes no classic tokens: make a fine-grained one whose resource owner is"
        " that organization."
    ),
    "lifetime": "Make a token with a shorter lifetime: the organization limits it.",
}
"""What to do about an organization's rule, by words of the message about it."""

_SIGNS: Mapping[str, Barrier] = {
    "saml enforcement": Barrier.SAML,
    "saml single sign-on": Barrier.SAML,
    "saml sso": Barrier.SAML,
    "ip allow list": Barrier.RULES,
    "access restrictions": Barrier.RULES,
    "forbids access": Barrier.RULES,
    "access blocked": Barrier.BLOCKED,
    "dmca": Barrier.BLOCKED,
}
"""Words by which GitHub's messages tell one reason from another: all are of the type FORBIDDEN or
the status 403. They decide what the user is told, never whether a request is sent again."""


class HiddenError(Denied):
    """GitHub keeps this repository from the token.

    Attributes:
        barrier: why.
    """

    def __init__(
        self, barrier: Barrier, message: str = "", *, url: str = "", status: int | None = None
    ) -> None:
        self.barrier = barrier
        super().__init__(message, url=url, status=status, hint=hint_for(barrier, message))


def hint_for(barrier: Barrier, message: str = "", rights: str = PERMISSIONS) -> str:
    """What the user can do about a barrier.

    Args:
        barrier: why GitHub keeps something from the token.
        message: GitHub's own words, which tell one rule of an organization from another.
        rights: what to say when the token lacks a right.
    """
    if barrier is Barrier.RIGHTS:
        return rights
    text = message.lower()
    rule = next((said for sign, said in _RULES.items() if sign in text), None)
    return rule if rule and barrier is Barrier.RULES else _HINTS[barrier]


def barrier_in(message: str) -> Barrier | None:
    """The barrier that GitHub's message speaks of; None when it speaks of none."""
    text = message.lower()
    return next((barrier for sign, barrier in _SIGNS.items() if sign in text), None)


def words_of(message: str) -> str:
    """GitHub's own words for an error of ours: in one line, printable, and not too long."""
    return one_line(redact(message), _MOST_WORDS)


@dataclass
class HiddenRepositories:
    """The repositories that GitHub named or counted, but did not show.

    Attributes:
        named: the barrier of each repository whose full name is known.
        listed: how many without a name there were in the list of recent repositories.
        in_window: the most without a name in any one window of time. Windows are not added up,
            since the same repository is in many of them.
    """

    named: dict[str, Barrier] = field(default_factory=dict)
    listed: Counter[Barrier] = field(default_factory=Counter)
    in_window: Counter[Barrier] = field(default_factory=Counter)

    def add_window(self, unnamed: Counter[Barrier]) -> None:
        """Note how many repositories without a name one window has."""
        self.in_window |= unnamed

    def unnamed(self, barrier: Barrier) -> int:
        """How many repositories without a name there are at least, beside those with one.

        The list and the windows have the same repositories, and one that is unnamed in the list
        may have its name from a window.
        """
        named = sum(found is barrier for found in self.named.values())
        return max(0, self.listed[barrier] - named, self.in_window[barrier] - named)
