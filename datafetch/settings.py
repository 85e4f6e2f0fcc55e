"""Every setting: its names, its range, its default.

`Settings` holds every name of the README's table; `for_bookmarks` and its like hand each
job its own group and say which names it misses. Secrets are `SecretStr`.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from datafetch.errors import ConfigurationError
from datafetch.models.job_settings import (
    BookmarksSettings,
    GitHubSettings,
    LogoSettings,
    OpenGraphSettings,
    TagPages,
)
from datafetch.models.places import Environment, api_base
from datafetch.urls import parse, plainly_written

DEFAULT_STORE = "file:./.datafetch"

_ENVIRONMENT_ALIASES = {"prod": "production", "dev": "development", "testing": "test"}

Positive = Annotated[int, Field(gt=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Millis = Annotated[int, Field(ge=0)]


def _named(*names: str, default: Any = None) -> Any:
    return Field(default=default, validation_alias=AliasChoices(*names))


class Settings(BaseSettings):
    """Every setting, by the first of its names in lower case."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=False,
        hide_input_in_errors=True,
    )

    # where objects live
    store: str | None = _named("DATAFETCH_STORE")
    environment: Environment | None = _named("DATAFETCH_ENV", "DEPLOYMENT_ENV", "NODE_ENV")
    s3_bucket: str | None = _named("S3_BUCKET")
    s3_server_url: str | None = _named("S3_SERVER_URL")
    s3_access_key_id: SecretStr | None = _named("S3_ACCESS_KEY_ID")
    s3_secret_access_key: SecretStr | None = _named("S3_SECRET_ACCESS_KEY")
    s3_session_token: SecretStr | None = _named("S3_SESSION_TOKEN")
    s3_region: str = _named("S3_REGION", "AWS_REGION", default="us-east-1")
    s3_object_acl: str | None = _named("S3_OBJECT_ACL")
    cdn_url: str | None = _named("S3_CDN_URL", "NEXT_PUBLIC_S3_CDN_URL", "S3_PUBLIC_CDN_URL")

    # bookmarks
    bookmarks_api_url: str | None = _named("BOOKMARKS_API_URL")
    bookmarks_list_id: str | None = _named("BOOKMARKS_LIST_ID")
    bookmark_bearer_token: SecretStr | None = _named("BOOKMARK_BEARER_TOKEN")
    bookmarks_full_sync_max_items: Positive = _named("BOOKMARKS_FULL_SYNC_MAX_ITEMS", default=2000)
    bookmarks_full_sync_hours: Seconds = _named("BOOKMARKS_FULL_SYNC_HOURS", default=24.0)
    min_bookmarks_threshold: Millis = _named("MIN_BOOKMARKS_THRESHOLD", default=10)
    tags_enabled: bool = _named("ENABLE_TAG_PERSISTENCE", "ENABLE_TAG_CACHING", default=True)
    max_tags: Millis | None = _named("MAX_TAGS_TO_PERSIST", "MAX_TAGS_TO_CACHE")

    # github
    github_token: SecretStr | None = _named(
        "GITHUB_ACCESS_TOKEN_COMMIT_GRAPH", "GITHUB_API_TOKEN", "GITHUB_TOKEN"
    )
    github_repo_owner: str | None = _named("GITHUB_REPO_OWNER")
    github_api_url: str = _named("GITHUB_API_URL", default="https://api.github.com")
    github_stats_max_attempts: Positive = _named("GITHUB_STATS_PENDING_MAX_ATTEMPTS", default=4)
    github_stats_delay_ms: Millis = _named("GITHUB_STATS_PENDING_DELAY_MS", default=10_000)

    # logos and pages
    logo_batch_size: Positive = _named("LOGO_BATCH_SIZE", default=10)
    logo_batch_delay_ms: Millis = _named("LOGO_BATCH_DELAY_MS", default=500)
    logo_domain_files: str | None = _named("LOGO_DOMAIN_FILES")
    logo_max_age_days: Positive = _named("LOGO_MAX_AGE_DAYS", default=30)
    og_fetch_timeout_ms: Positive = _named("OG_FETCH_TIMEOUT_MS", default=15_000)
    og_max_retries: Millis = _named("OG_MAX_RETRIES", default=2)
    og_retry_delay_ms: Millis = _named("OG_RETRY_DELAY_MS", default=1000)

    # every run
    lock: Literal["store"] = _named("DATAFETCH_LOCK", default="store")
    s3_client: Literal["boto3"] = _named("DATAFETCH_S3_CLIENT", default="boto3")
    concurrency: Annotated[int, Field(gt=0, le=256)] = _named("DATAFETCH_CONCURRENCY", default=16)
    retry_max_seconds: Seconds = _named("DATAFETCH_RETRY_MAX_SECONDS", default=60.0)
    breaker_failures: Positive = _named("DATAFETCH_BREAKER_FAILURES", default=3)
    breaker_cooldown_seconds: Seconds = _named("DATAFETCH_BREAKER_COOLDOWN_SECONDS", default=60.0)
    max_shrink_ratio: Ratio = _named("DATAFETCH_MAX_SHRINK_RATIO", default=0.2)
    max_failure_ratio: Ratio = _named("DATAFETCH_MAX_FAILURE_RATIO", default=0.5)
    user_agent: str | None = _named("DATAFETCH_USER_AGENT")
    allow_hosts: str | None = _named("DATAFETCH_ALLOW_HOSTS")
    bookmarks_lock_ttl_ms: Annotated[int, Field(ge=100)] = _named(
        "BOOKMARKS_LOCK_TTL_MS", "DATAFETCH_LOCK_TTL_MS", default=300_000
    )
    lock_ttl_ms: Annotated[int, Field(ge=100)] = _named("DATAFETCH_LOCK_TTL_MS", default=300_000)
    test_limit: Positive | None = _named("S3_TEST_LIMIT")
    dry_run: bool = _named("DRY_RUN", default=False)
    ci: bool = _named("CI", default=False)

    @field_validator("environment", mode="before")
    @classmethod
    def _known_environment(cls, value: Any) -> Any:
        if value is None:
            return None
        text = str(value).strip().lower()
        return _ENVIRONMENT_ALIASES.get(text, text)

    @field_validator("bookmarks_api_url", "github_api_url", "s3_server_url", "cdn_url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        url = parse(value.strip()) if plainly_written(value.strip()) else None
        if url is None or url.port == 0:
            raise ValueError("should be a URL that starts with http:// or https://, without a user")
        return value.strip().rstrip("/")

    @field_validator("store")
    @classmethod
    def _known_store(cls, value: str | None) -> str | None:
        if value is None or re.match(r"s3://[^/]+/?$|file:(///|(?!//)).", value):
            return value
        raise ValueError("should be s3://BUCKET, file:PATH or file:///ABSOLUTE/PATH")

    @field_validator("bookmark_bearer_token", "github_token")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        # RFC 6750, 2.1: a bearer token has no spaces and no letters beyond ASCII
        if value is None or re.fullmatch(r"[!-~]+", value.get_secret_value()):
            return value
        raise ValueError("a token has no spaces, line ends or letters beyond ASCII")

    @field_validator("ci", mode="before")
    @classmethod
    def _any_ci(cls, value: Any) -> bool:
        # Build services set CI to `true`, `1` or their own name.
        return str(value).strip().lower() not in ("", "0", "false", "no", "off")

    # --------------------------------------------------------------- derived

    @property
    def store_url(self) -> str:
        """Where objects live: `s3://…` or `file:…`."""
        if self.store:
            return self.store.rstrip("/") if self.store.startswith("s3://") else self.store
        return f"s3://{self.s3_bucket}" if self.s3_bucket else DEFAULT_STORE

    @property
    def store_is_default(self) -> bool:
        """Whether nobody said where objects live, so that the default folder is used."""
        return self.store is None and self.s3_bucket is None

    @property
    def env(self) -> Environment:
        """The environment; development for a folder when nobody said."""
        return self.environment or Environment.DEVELOPMENT

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Intranet hosts that URLs from data may name."""
        names = re.split(r"[,\s]+", self.allow_hosts or "")
        return frozenset(name.lower() for name in names if name)

    def lock_ttl_s(self, job: str) -> float:
        """Lease time of a job, in seconds."""
        millis = self.bookmarks_lock_ttl_ms if job == "bookmarks" else self.lock_ttl_ms
        return millis / 1000

    def problems(self) -> list[str]:
        """What is wrong whichever job runs."""
        found = []
        if self.store_url.startswith("s3://") and self.environment is None:
            found.append(
                "DATAFETCH_ENV is missing: an S3 store needs production, development or test"
            )
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            found.append("S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY: set both or none")
        if self.test_limit is not None and self.env is Environment.PRODUCTION:
            found.append("S3_TEST_LIMIT is refused in production: it would cut the dataset")
        return found

    # ------------------------------------------------------------ job groups

    def for_bookmarks(self) -> BookmarksSettings:
        """The bookmark job's own settings.

        Raises:
            ConfigurationError: names are missing.
        """
        _require(
            BOOKMARKS_API_URL=(self.bookmarks_api_url, "base URL of the bookmark server"),
            BOOKMARKS_LIST_ID=(self.bookmarks_list_id, "id of the list"),
            BOOKMARK_BEARER_TOKEN=(self.bookmark_bearer_token, "API key of the bookmark server"),
        )
        assert self.bookmarks_api_url
        assert self.bookmarks_list_id
        assert self.bookmark_bearer_token
        return BookmarksSettings(
            api_url=api_base(self.bookmarks_api_url),
            list_id=self.bookmarks_list_id,
            token=self.bookmark_bearer_token,
            full_sync_max_items=self.bookmarks_full_sync_max_items,
            full_sync_hours=self.bookmarks_full_sync_hours,
            min_threshold=self.min_bookmarks_threshold,
            max_shrink_ratio=self.max_shrink_ratio,
            tags=TagPages(self.tags_enabled, self.max_tags),
            retry_max_s=self.retry_max_seconds,
        )

    def for_github(self) -> GitHubSettings:
        """The GitHub job's own settings.

        Raises:
            ConfigurationError: names are missing.
        """
        _require(
            GITHUB_TOKEN=(self.github_token, "a token that may read the owner's repositories"),
            GITHUB_REPO_OWNER=(self.github_repo_owner, "login whose activity is fetched"),
        )
        assert self.github_token
        assert self.github_repo_owner
        return GitHubSettings(
            token=self.github_token,
            owner=self.github_repo_owner,
            api_url=self.github_api_url,
            stats_max_attempts=self.github_stats_max_attempts,
            stats_delay_s=self.github_stats_delay_ms / 1000,
            max_shrink_ratio=self.max_shrink_ratio,
            retry_max_s=self.retry_max_seconds,
        )

    def for_logos(self) -> LogoSettings:
        """The logo job's own settings."""
        names = (part.strip() for part in (self.logo_domain_files or "").split(","))
        return LogoSettings(
            batch_size=self.logo_batch_size,
            batch_delay_s=self.logo_batch_delay_ms / 1000,
            domain_files=tuple(name for name in names if name),
            max_age_days=self.logo_max_age_days,
            retry_max_s=self.retry_max_seconds,
        )

    def for_opengraph(self) -> OpenGraphSettings:
        """The OpenGraph job's own settings; the bookmark server's too when it is set."""
        known = self.bookmarks_api_url and self.bookmarks_list_id and self.bookmark_bearer_token
        return OpenGraphSettings(
            timeout_s=self.og_fetch_timeout_ms / 1000,
            max_retries=self.og_max_retries,
            retry_delay_s=self.og_retry_delay_ms / 1000,
            max_shrink_ratio=self.max_shrink_ratio,
            retry_max_s=self.retry_max_seconds,
            min_threshold=self.min_bookmarks_threshold,
            tags=TagPages(self.tags_enabled, self.max_tags),
            karakeep=self.for_bookmarks() if known else None,
        )


ENV_NAMES: dict[str, tuple[str, ...]] = {
    name: tuple(str(choice) for choice in field.validation_alias.choices)
    for name, field in Settings.model_fields.items()
    if isinstance(field.validation_alias, AliasChoices)
}
"""For each field the names that set it, the first that is set wins."""


def _require(**names: tuple[Any, str]) -> None:
    missing = [f"{name} is missing: {what}" for name, (value, what) in names.items() if not value]
    if missing:
        raise ConfigurationError(missing)
