"""The settings that each job gets; jobs do not see the whole `Settings`."""

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class TagPages:
    """Which tags get pages of their own.

    Attributes:
        enabled: whether any tag does.
        maximum: how many tags at most, those with the most bookmarks first; None for all.
    """

    enabled: bool
    maximum: int | None


@dataclass(frozen=True, slots=True)
class BookmarksSettings:
    """What the bookmark job needs; times in the unit of the name.

    Attributes:
        max_items: how many items a list may have; a longer one is refused.
        include_unlinked: whether items without a web address are published too.
        include_sublists: whether what stands in lists below the list counts too.
        headers: name and value of each header for the proxy before the server.
    """

    api_url: str
    list_id: str
    token: SecretStr
    max_items: int
    full_sync_max_items: int
    full_sync_hours: float
    min_threshold: int
    max_shrink_ratio: float
    tags: TagPages
    retry_max_s: float
    include_unlinked: bool = False
    include_sublists: bool = False
    headers: tuple[tuple[str, SecretStr], ...] = ()


@dataclass(frozen=True, slots=True)
class GitHubSettings:
    """What the GitHub job needs.

    Attributes:
        exclude: repositories that count nowhere: `owner/name` or `owner/*`, in lower case.
        token_name: the variable that holds the token, for messages.
        in_workflow: whether this is a step of a workflow of GitHub Actions.
    """

    token: SecretStr
    owner: str
    api_url: str
    stats_max_attempts: int
    stats_delay_s: float
    max_shrink_ratio: float
    retry_max_s: float
    token_name: str
    in_workflow: bool
    exclude: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LogoSettings:
    """What the logo job needs."""

    batch_size: int
    batch_delay_s: float
    domain_files: tuple[str, ...]
    max_age_days: int
    retry_max_s: float


@dataclass(frozen=True, slots=True)
class OpenGraphSettings:
    """What the OpenGraph job needs.

    Attributes:
        tags: for publishing the bookmarks that it enriched.
        karakeep: for assets of the bookmark server; None when that is not set up.
    """

    timeout_s: float
    max_retries: int
    retry_delay_s: float
    retry_max_s: float
    tags: TagPages
    karakeep: BookmarksSettings | None
