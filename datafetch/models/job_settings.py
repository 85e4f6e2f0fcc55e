"""Each job's own settings; the whole `Settings` stays with the manager and the command line."""

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class TagPages:
    """Which tags get pages of their own.

    Attributes:
        enabled: whether any does.
        maximum: at most so many, those with the most bookmarks first; None for all.
    """

    enabled: bool = True
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class BookmarksSettings:
    """What the bookmark job needs; times in the unit of the name."""

    api_url: str
    list_id: str
    token: SecretStr
    full_sync_max_items: int = 2000
    full_sync_hours: float = 24.0
    min_threshold: int = 10
    max_shrink_ratio: float = 0.2
    tags: TagPages = TagPages()
    retry_max_s: float = 60.0


@dataclass(frozen=True, slots=True)
class GitHubSettings:
    """What the GitHub job needs."""

    token: SecretStr
    owner: str
    api_url: str = "https://api.github.com"
    stats_max_attempts: int = 4
    stats_delay_s: float = 10.0
    max_shrink_ratio: float = 0.2
    retry_max_s: float = 60.0


@dataclass(frozen=True, slots=True)
class LogoSettings:
    """What the logo job needs."""

    batch_size: int = 10
    batch_delay_s: float = 0.5
    domain_files: tuple[str, ...] = ()
    max_age_days: int = 30
    retry_max_s: float = 60.0


@dataclass(frozen=True, slots=True)
class OpenGraphSettings:
    """What the OpenGraph job needs; the tag settings are for republishing bookmarks."""

    timeout_s: float = 15.0
    max_retries: int = 2
    retry_delay_s: float = 1.0
    max_shrink_ratio: float = 0.2
    retry_max_s: float = 60.0
    min_threshold: int = 10
    tags: TagPages = TagPages()
    karakeep: BookmarksSettings | None = None


JobSettings = BookmarksSettings | GitHubSettings | LogoSettings | OpenGraphSettings
