"""Every setting: its names, its range, its default.

`Settings` holds every name of the README's table; `for_bookmarks` and the other `for_…` give a job
its own group, and say which names are missing. Secrets are `SecretStr`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, field_validator

from datafetch.errors import ConfigurationError
from datafetch.models.headers import fits_value, read_header_lines
from datafetch.models.job_settings import (
    BookmarksSettings,
    GitHubSettings,
    LogoSettings,
    OpenGraphSettings,
    TagPages,
)
from datafetch.models.places import Environment, api_base
from datafetch.models.store_place import (
    AMAZON,
    Addressing,
    BucketPlace,
    FolderPlace,
    StorePlace,
    WebPlace,
    fits_host,
    read_bucket,
    read_place,
)
from datafetch.urls import dns_name, has_password, parse, plainly_written, read_host

_DEFAULT_PLACE = FolderPlace("./.datafetch")

_ENVIRONMENT_ALIASES = {"prod": "production", "dev": "development", "testing": "test"}

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_WEEK_MS = 7 * 86_400_000
"""More than any wait makes sense, and less than sockets (24 days) and dates (year 9999) can take."""

Millis = Annotated[int, Field(ge=0, le=_WEEK_MS)]


_REPOSITORY = re.compile(r"[a-z0-9_-]+/(\*|(?!\.{1,2}$)[a-z0-9_.-]+)")
"""A repository, or with `*` all of an owner's, in lower case."""


def _listed(value: str | None) -> list[str]:
    """The entries of a list, in lower case; commas and white space separate them."""
    return [entry.lower() for entry in re.split(r"[,\s]+", value or "") if entry]


def _env(*names: str) -> object:
    return Field(validation_alias=AliasChoices(*names))


class Settings(BaseModel):
    """Every setting; `ENV_NAMES` has the names of each in the environment."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    # where objects live
    store: Annotated[str | None, _env("DATAFETCH_STORE")] = None
    environment: Annotated[
        Environment | None, _env("DATAFETCH_ENV", "DEPLOYMENT_ENV", "NODE_ENV")
    ] = None
    s3_bucket: Annotated[str | None, _env("S3_BUCKET")] = None
    s3_server_url: Annotated[str | None, _env("S3_SERVER_URL")] = None
    s3_access_key_id: Annotated[SecretStr | None, _env("S3_ACCESS_KEY_ID")] = None
    s3_secret_access_key: Annotated[SecretStr | None, _env("S3_SECRET_ACCESS_KEY")] = None
    s3_session_token: Annotated[SecretStr | None, _env("S3_SESSION_TOKEN")] = None
    s3_region: Annotated[str, _env("S3_REGION", "AWS_REGION")] = "us-east-1"
    s3_addressing: Annotated[Addressing | None, _env("S3_ADDRESSING")] = None
    s3_object_acl: Annotated[str | None, _env("S3_OBJECT_ACL")] = None
    cdn_url: Annotated[
        str | None, _env("S3_CDN_URL", "NEXT_PUBLIC_S3_CDN_URL", "S3_PUBLIC_CDN_URL")
    ] = None

    # bookmarks
    bookmarks_api_url: Annotated[str | None, _env("BOOKMARKS_API_URL")] = None
    bookmarks_list_id: Annotated[str | None, _env("BOOKMARKS_LIST_ID")] = None
    bookmark_bearer_token: Annotated[SecretStr | None, _env("BOOKMARK_BEARER_TOKEN")] = None
    bookmarks_full_sync_max_items: Annotated[Positive, _env("BOOKMARKS_FULL_SYNC_MAX_ITEMS")] = 2000
    bookmarks_full_sync_hours: Annotated[Seconds, _env("BOOKMARKS_FULL_SYNC_HOURS")] = 24.0
    bookmarks_include_sublists: Annotated[bool, _env("BOOKMARKS_INCLUDE_SUBLISTS")] = False
    bookmarks_headers: Annotated[SecretStr | None, _env("BOOKMARKS_HEADERS")] = None
    min_bookmarks_threshold: Annotated[Count, _env("MIN_BOOKMARKS_THRESHOLD")] = 10
    tags_enabled: Annotated[bool, _env("ENABLE_TAG_PERSISTENCE", "ENABLE_TAG_CACHING")] = True
    max_tags: Annotated[Count | None, _env("MAX_TAGS_TO_PERSIST", "MAX_TAGS_TO_CACHE")] = None

    # github
    github_token: Annotated[
        SecretStr | None,
        _env("GITHUB_ACCESS_TOKEN_COMMIT_GRAPH", "GITHUB_API_TOKEN", "GITHUB_TOKEN"),
    ] = None
    github_repo_owner: Annotated[str | None, _env("GITHUB_REPO_OWNER")] = None
    github_exclude: Annotated[str | None, _env("GITHUB_EXCLUDE")] = None
    github_api_url: Annotated[str, _env("GITHUB_API_URL")] = "https://api.github.com"
    github_stats_max_attempts: Annotated[Positive, _env("GITHUB_STATS_PENDING_MAX_ATTEMPTS")] = 4
    github_stats_delay_ms: Annotated[Millis, _env("GITHUB_STATS_PENDING_DELAY_MS")] = 10_000

    # logos and pages
    logo_batch_size: Annotated[Positive, _env("LOGO_BATCH_SIZE")] = 10
    logo_batch_delay_ms: Annotated[Millis, _env("LOGO_BATCH_DELAY_MS")] = 500
    logo_domain_files: Annotated[str | None, _env("LOGO_DOMAIN_FILES")] = None
    logo_max_age_days: Annotated[Positive, _env("LOGO_MAX_AGE_DAYS")] = 30
    og_fetch_timeout_ms: Annotated[int, Field(gt=0, le=_WEEK_MS), _env("OG_FETCH_TIMEOUT_MS")] = (
        15_000
    )
    og_max_retries: Annotated[Count, _env("OG_MAX_RETRIES")] = 2
    og_retry_delay_ms: Annotated[Millis, _env("OG_RETRY_DELAY_MS")] = 1000

    # every run
    lock: Annotated[Literal["store", "file"], _env("DATAFETCH_LOCK")] = "store"
    runtime_dir: Annotated[str | None, _env("DATAFETCH_RUNTIME_DIR")] = None
    s3_client: Annotated[Literal["boto3"], _env("DATAFETCH_S3_CLIENT")] = "boto3"
    concurrency: Annotated[int, Field(gt=0, le=256), _env("DATAFETCH_CONCURRENCY")] = 16
    retry_max_seconds: Annotated[Seconds, _env("DATAFETCH_RETRY_MAX_SECONDS")] = 60.0
    breaker_failures: Annotated[Positive, _env("DATAFETCH_BREAKER_FAILURES")] = 3
    breaker_cooldown_seconds: Annotated[Seconds, _env("DATAFETCH_BREAKER_COOLDOWN_SECONDS")] = 60.0
    max_shrink_ratio: Annotated[Ratio, _env("DATAFETCH_MAX_SHRINK_RATIO")] = 0.2
    max_failure_ratio: Annotated[Ratio, _env("DATAFETCH_MAX_FAILURE_RATIO")] = 0.5
    user_agent: Annotated[str | None, _env("DATAFETCH_USER_AGENT")] = None
    allow_hosts: Annotated[str | None, _env("DATAFETCH_ALLOW_HOSTS")] = None
    bookmarks_lock_ttl_ms: Annotated[
        int,
        Field(ge=100, le=_WEEK_MS),
        _env("BOOKMARKS_LOCK_TTL_MS", "DATAFETCH_LOCK_TTL_MS"),
    ] = 300_000
    lock_ttl_ms: Annotated[int, Field(ge=100, le=_WEEK_MS), _env("DATAFETCH_LOCK_TTL_MS")] = 300_000
    test_limit: Annotated[Positive | None, _env("S3_TEST_LIMIT")] = None
    dry_run: Annotated[bool, _env("DRY_RUN")] = False
    ci: Annotated[bool, _env("CI")] = False

    @field_validator("environment", mode="before")
    @classmethod
    def _known_environment(cls, value: object) -> str | None:
        if value is None:
            return None
        text = str(value).lower()
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

    @field_validator("github_exclude")
    @classmethod
    def _repositories(cls, value: str | None) -> str | None:
        wrong = [entry for entry in _listed(value) if not _REPOSITORY.fullmatch(entry)]
        if wrong:
            named = ", ".join(ascii(entry[:60]) for entry in wrong[:3])
            raise ValueError(f"should be OWNER/NAME or OWNER/*, which {named} is not")
        return value

    @field_validator("allow_hosts")
    @classmethod
    def _host_names(cls, value: str | None) -> str | None:
        hosts = map(read_host, _listed(value))
        if any(host is None or dns_name(host) is None for host in hosts):
            raise ValueError("should be host names or addresses, separated by commas")
        return value

    @field_validator("store")
    @classmethod
    def _known_store(cls, value: str | None) -> str | None:
        if value is not None:
            read_place(value)
        return value

    @field_validator("s3_bucket")
    @classmethod
    def _bucket_alone(cls, value: str | None) -> str | None:
        return None if value is None else read_bucket(value)

    @field_validator("s3_addressing", mode="before")
    @classmethod
    def _known_addressing(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator(
        "s3_region",
        "s3_object_acl",
        "s3_access_key_id",
        "s3_secret_access_key",
        "s3_session_token",
    )
    @classmethod
    def _fits_a_request(cls, value: SecretStr | str | None) -> SecretStr | str | None:
        # Each is sent in a header or signed for one: with a letter too many the server refuses
        # every request, and says something else.
        text = value.get_secret_value() if isinstance(value, SecretStr) else value or ""
        if re.search(r"\s", text):
            raise ValueError("has white space inside")
        if re.fullmatch(r"[!-~]*", text) is None:
            raise ValueError("has characters beyond printable ASCII")
        return value

    @field_validator("runtime_dir")
    @classmethod
    def _absolute_path(cls, value: str | None) -> str | None:
        # Runs that start in two folders would not see each other's locks.
        if value is None or Path(value).is_absolute():
            return value
        raise ValueError("should be an absolute path")

    @field_validator("bookmark_bearer_token", "github_token")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        # RFC 6750, 2.1: a bearer token has no spaces and no letters beyond ASCII
        if value is None or re.fullmatch(r"[!-~]+", value.get_secret_value()):
            return value
        raise ValueError("a token has no spaces, line ends or letters beyond ASCII")

    @field_validator("user_agent")
    @classmethod
    def _fits_the_header(cls, value: str | None) -> str | None:
        if value is None or fits_value(value):
            return value
        raise ValueError("has line ends or characters beyond printable ASCII")

    @field_validator("lock", mode="before")
    @classmethod
    def _known_lock(cls, value: object) -> str:
        text = str(value).strip()
        if text.startswith(("dynamodb://", "redis://", "rediss://")):  # may hold a password
            raise ValueError("this version knows store and file only, not yet DynamoDB or Redis")
        if text not in ("store", "file"):
            raise ValueError("should be store or file")
        return text

    @field_validator("bookmarks_headers")
    @classmethod
    def _header_lines(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            read_header_lines(value.get_secret_value())
        return value

    @field_validator("ci", mode="before")
    @classmethod
    def _any_ci(cls, value: object) -> bool:
        # Build services set CI to `true`, `1` or their own name.
        return str(value).lower() not in ("0", "false", "no", "off")

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """What `repr` and `str` show: an address with a password is masked like other secrets."""
        for name, value in super().__repr_args__():
            hidden = isinstance(value, str) and has_password(value)
            yield name, SecretStr(value) if hidden else value

    # --------------------------------------------------------------- derived

    @property
    def place(self) -> StorePlace:
        """Where objects live."""
        if self.store:
            return read_place(self.store)
        return BucketPlace(self.s3_bucket) if self.s3_bucket else _DEFAULT_PLACE

    @property
    def store_is_default(self) -> bool:
        """Whether no setting says where objects live, so that the default folder is used."""
        return self.store is None and self.s3_bucket is None

    @property
    def env(self) -> Environment:
        """The environment; development when it is not set, which `problems` refuses but for a folder."""
        return self.environment or Environment.DEVELOPMENT

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Intranet hosts that URLs from data may name."""
        return frozenset(_listed(self.allow_hosts))

    @property
    def runtime_folder(self) -> Path | None:
        """Where the folder for the locks of this machine is made; None when it is not set."""
        return Path(self.runtime_dir) if self.runtime_dir else None

    @property
    def bookmarks_header_fields(self) -> tuple[tuple[str, SecretStr], ...]:
        """Name and value of each header for the proxy before the bookmark server."""
        lines = self.bookmarks_headers.get_secret_value() if self.bookmarks_headers else ""
        return tuple((name, SecretStr(value)) for name, value in read_header_lines(lines))

    def lock_ttl_s(self, job: str) -> float:
        """Lease time of a job, in seconds."""
        millis = self.bookmarks_lock_ttl_ms if job == "bookmarks" else self.lock_ttl_ms
        return millis / 1000

    def problems(self) -> list[str]:
        """Settings that do not fit together, whichever job runs: a sentence for each problem."""
        found = []
        place = self.place
        if not isinstance(place, FolderPlace) and self.environment is None:
            kind = "a store on the web" if isinstance(place, WebPlace) else "an S3 store"
            found.append(f"DATAFETCH_ENV is missing: {kind} needs production, development or test")
        if self.s3_addressing == "virtual" and not self._bucket_fits_host():
            found.append(
                "S3_ADDRESSING: the bucket's name cannot stand in front of the server's host; set path"
            )
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            found.append("S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY: set both or none")
        if self.test_limit is not None and self.env is Environment.PRODUCTION:
            found.append("S3_TEST_LIMIT is refused in production: it would cut the dataset")
        return found

    def _bucket_fits_host(self) -> bool:
        place = self.place
        if not isinstance(place, BucketPlace):
            return True
        return fits_host(place.bucket, self.s3_server_url or AMAZON)

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
            include_sublists=self.bookmarks_include_sublists,
            headers=self.bookmarks_header_fields,
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
            exclude=frozenset(_listed(self.github_exclude)),
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
        """The OpenGraph job's own settings, and those of the bookmark server if they are set."""
        known = self.bookmarks_api_url and self.bookmarks_list_id and self.bookmark_bearer_token
        return OpenGraphSettings(
            timeout_s=self.og_fetch_timeout_ms / 1000,
            max_retries=self.og_max_retries,
            retry_delay_s=self.og_retry_delay_ms / 1000,
            retry_max_s=self.retry_max_seconds,
            tags=TagPages(self.tags_enabled, self.max_tags),
            karakeep=self.for_bookmarks() if known else None,
        )


ENV_NAMES: dict[str, tuple[str, ...]] = {
    name: tuple(str(choice) for choice in field.validation_alias.choices)
    for name, field in Settings.model_fields.items()
    if isinstance(field.validation_alias, AliasChoices)
}
"""The environment's names for each field; of those that are set, the first one counts."""


def _names_of(*types: type) -> frozenset[str]:
    """The names of the fields that have one of these types, or one of them or None."""
    return frozenset(
        name
        for field, names in ENV_NAMES.items()
        for annotation in (Settings.model_fields[field].annotation,)
        if not {annotation, *get_args(annotation)}.isdisjoint(types)
        for name in names
    )


SECRET_NAMES = _names_of(SecretStr)
"""The names of secrets."""

FILE_NAMES = _names_of(SecretStr, str)
"""The names whose value may stand in a file: secrets, and texts, which may hold a password."""


def _require(**names: tuple[object, str]) -> None:
    missing = [f"{name} is missing: {what}" for name, (value, what) in names.items() if not value]
    if missing:
        raise ConfigurationError(missing)
