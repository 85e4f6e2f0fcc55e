"""Every setting: its names, its range, its default.

`Settings` holds every name of the README's table; `job_groups.py` hands each job its own group.
Secrets are `SecretStr`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
)

from datafetch.cron import OFF, Schedule
from datafetch.models.cluster_place import ClusterPlace, read_cluster_place
from datafetch.models.headers import read_header_lines
from datafetch.models.lock_place import LockPlace, read_lock
from datafetch.models.places import Environment
from datafetch.models.setting_problems import UnknownSetting
from datafetch.models.setting_values import (
    DAY_S,
    WEEK_MS,
    Count,
    LeaseMillis,
    Millis,
    Positive,
    Ratio,
    Seconds,
    TimeLimit,
    acl_name,
    bearer_token,
    bearer_tokens,
    bookmark_server,
    environment_name,
    flag_of_ci,
    github_api,
    header_lines,
    header_value,
    host_names,
    known_addressing,
    known_client,
    known_cluster,
    known_lock,
    listed,
    message_urls,
    metrics_path,
    ping_address,
    proxy_addresses,
    push_address,
    region_name,
    repositories,
    request_text,
    secret_address,
    unless_none,
    web_address,
)
from datafetch.models.shard import MOST_SHARES, Shard
from datafetch.models.store_place import (
    Addressing,
    BucketPlace,
    FolderPlace,
    StorePlace,
    read_bucket,
    read_place,
)
from datafetch.urls import has_password

_DEFAULT_PLACE = FolderPlace("./.datafetch")

_TIME_LIMITS_S = {"bookmarks": 3600.0, "github": 7200.0, "logos": 21_600.0, "opengraph": 21_600.0}
"""Seconds that a run of each job may take when `DATAFETCH_TIMEOUT_SECONDS` does not say it."""


_CRON_FIELDS = {job: f"{job}_cron" for job in _TIME_LIMITS_S}
"""The field of each job's schedule."""


def _env(*names: str) -> object:
    return Field(validation_alias=AliasChoices(*names))


def _readable_place(value: str) -> str:
    read_place(value)
    return value


def _absolute_path(value: str) -> str:
    # Runs that start in two folders would not see each other's locks.
    if not Path(value).is_absolute():
        raise ValueError("should be an absolute path, such as /run/user/1000")
    return value


def _cron(value: str) -> str:
    if value.lower() == OFF:
        return OFF
    try:
        Schedule.parse(value)
    except ValueError as error:
        raise ValueError(f"{error}; {OFF} for no schedule") from error
    return value


class Settings(BaseModel):
    """Every setting; `ENV_NAMES` has the names of each in the environment."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    # where objects live
    store: Annotated[str | None, unless_none(_readable_place), _env("DATAFETCH_STORE")] = None
    environment: Annotated[
        Environment | None,
        BeforeValidator(environment_name),
        _env("DATAFETCH_ENV", "DEPLOYMENT_ENV", "NODE_ENV"),
    ] = None
    s3_bucket: Annotated[str | None, unless_none(read_bucket), _env("S3_BUCKET")] = None
    s3_server_url: Annotated[str | None, unless_none(web_address), _env("S3_SERVER_URL")] = None
    s3_access_key_id: Annotated[
        SecretStr | None, unless_none(request_text), _env("S3_ACCESS_KEY_ID")
    ] = None
    s3_secret_access_key: Annotated[
        SecretStr | None, unless_none(request_text), _env("S3_SECRET_ACCESS_KEY")
    ] = None
    s3_session_token: Annotated[
        SecretStr | None, unless_none(request_text), _env("S3_SESSION_TOKEN")
    ] = None
    s3_region: Annotated[str | None, unless_none(region_name), _env("S3_REGION", "AWS_REGION")] = (
        None
    )
    aws_region: Annotated[str | None, unless_none(region_name), _env("AWS_REGION")] = None
    s3_addressing: Annotated[
        Addressing | None, BeforeValidator(known_addressing), _env("S3_ADDRESSING")
    ] = None
    s3_object_acl: Annotated[str | None, unless_none(acl_name), _env("S3_OBJECT_ACL")] = None
    cdn_url: Annotated[
        str | None,
        unless_none(web_address),
        _env("S3_CDN_URL", "NEXT_PUBLIC_S3_CDN_URL", "S3_PUBLIC_CDN_URL"),
    ] = None

    # bookmarks
    bookmarks_api_url: Annotated[
        str | None, unless_none(bookmark_server), _env("BOOKMARKS_API_URL")
    ] = None
    bookmarks_list_id: Annotated[str | None, _env("BOOKMARKS_LIST_ID")] = None
    bookmark_bearer_token: Annotated[
        SecretStr | None, unless_none(bearer_token), _env("BOOKMARK_BEARER_TOKEN")
    ] = None
    bookmarks_max_items: Annotated[Positive, _env("BOOKMARKS_MAX_ITEMS")] = 200_000
    bookmarks_full_sync_max_items: Annotated[Positive, _env("BOOKMARKS_FULL_SYNC_MAX_ITEMS")] = 2000
    bookmarks_full_sync_hours: Annotated[Seconds, _env("BOOKMARKS_FULL_SYNC_HOURS")] = 24.0
    bookmarks_include_unlinked: Annotated[bool, _env("BOOKMARKS_INCLUDE_UNLINKED")] = False
    bookmarks_include_sublists: Annotated[bool, _env("BOOKMARKS_INCLUDE_SUBLISTS")] = False
    bookmarks_headers: Annotated[
        SecretStr | None, unless_none(header_lines), _env("BOOKMARKS_HEADERS")
    ] = None
    min_bookmarks_threshold: Annotated[Count, _env("MIN_BOOKMARKS_THRESHOLD")] = 10
    tags_enabled: Annotated[bool, _env("ENABLE_TAG_PERSISTENCE", "ENABLE_TAG_CACHING")] = True
    max_tags: Annotated[Count | None, _env("MAX_TAGS_TO_PERSIST", "MAX_TAGS_TO_CACHE")] = None

    # github
    github_token: Annotated[
        SecretStr | None,
        unless_none(bearer_token),
        _env("GITHUB_ACCESS_TOKEN_COMMIT_GRAPH", "GITHUB_API_TOKEN", "GITHUB_TOKEN"),
    ] = None
    github_repo_owner: Annotated[str | None, _env("GITHUB_REPO_OWNER")] = None
    github_exclude: Annotated[str | None, unless_none(repositories), _env("GITHUB_EXCLUDE")] = None
    github_api_url: Annotated[str, AfterValidator(github_api), _env("GITHUB_API_URL")] = (
        "https://api.github.com"
    )
    github_actions: Annotated[bool, BeforeValidator(flag_of_ci), _env("GITHUB_ACTIONS")] = False
    github_stats_max_attempts: Annotated[Positive, _env("GITHUB_STATS_PENDING_MAX_ATTEMPTS")] = 4
    github_stats_delay_ms: Annotated[Millis, _env("GITHUB_STATS_PENDING_DELAY_MS")] = 10_000

    # logos and pages
    logo_batch_size: Annotated[Positive, _env("LOGO_BATCH_SIZE")] = 10
    logo_batch_delay_ms: Annotated[Millis, _env("LOGO_BATCH_DELAY_MS")] = 500
    logo_domain_files: Annotated[str | None, _env("LOGO_DOMAIN_FILES")] = None
    logo_max_age_days: Annotated[Positive, _env("LOGO_MAX_AGE_DAYS")] = 30
    og_fetch_timeout_ms: Annotated[Positive, Field(le=WEEK_MS), _env("OG_FETCH_TIMEOUT_MS")] = (
        15_000
    )
    og_max_retries: Annotated[Count, _env("OG_MAX_RETRIES")] = 2
    og_retry_delay_ms: Annotated[Millis, _env("OG_RETRY_DELAY_MS")] = 1000

    # schedules
    bookmarks_cron: Annotated[str, AfterValidator(_cron), _env("S3_BOOKMARKS_CRON")] = "0 */2 * * *"
    github_cron: Annotated[str, AfterValidator(_cron), _env("S3_GITHUB_CRON")] = "0 0 * * *"
    logos_cron: Annotated[str, AfterValidator(_cron), _env("S3_LOGOS_CRON")] = "0 1 * * 0"
    opengraph_cron: Annotated[str, AfterValidator(_cron), _env("S3_OPENGRAPH_CRON")] = OFF
    jitter_seconds: Annotated[Seconds, Field(le=DAY_S), _env("DATAFETCH_JITTER_SECONDS")] = 0.0

    # every run
    lock: Annotated[str, AfterValidator(known_lock), _env("DATAFETCH_LOCK")] = "store"
    runtime_dir: Annotated[
        str | None, unless_none(_absolute_path), _env("DATAFETCH_RUNTIME_DIR")
    ] = None
    s3_client: Annotated[
        Literal["boto3"], BeforeValidator(known_client), _env("DATAFETCH_S3_CLIENT")
    ] = "boto3"
    cluster: Annotated[str | None, unless_none(known_cluster), _env("DATAFETCH_CLUSTER")] = None
    cluster_insecure: Annotated[bool, _env("DATAFETCH_CLUSTER_INSECURE")] = False
    concurrency: Annotated[int, Field(gt=0, le=256), _env("DATAFETCH_CONCURRENCY")] = 16
    retry_max_seconds: Annotated[Seconds, _env("DATAFETCH_RETRY_MAX_SECONDS")] = 60.0
    breaker_failures: Annotated[Positive, _env("DATAFETCH_BREAKER_FAILURES")] = 3
    breaker_cooldown_seconds: Annotated[Seconds, _env("DATAFETCH_BREAKER_COOLDOWN_SECONDS")] = 60.0
    max_shrink_ratio: Annotated[Ratio, _env("DATAFETCH_MAX_SHRINK_RATIO")] = 0.2
    max_failure_ratio: Annotated[Ratio, _env("DATAFETCH_MAX_FAILURE_RATIO")] = 0.5
    max_output_mb: Annotated[Positive, _env("DATAFETCH_MAX_OUTPUT_MB")] = 20_000
    timeout_seconds: Annotated[TimeLimit | None, _env("DATAFETCH_TIMEOUT_SECONDS")] = None
    user_agent: Annotated[str | None, unless_none(header_value), _env("DATAFETCH_USER_AGENT")] = (
        None
    )
    allow_hosts: Annotated[str | None, unless_none(host_names), _env("DATAFETCH_ALLOW_HOSTS")] = (
        None
    )
    bookmarks_lock_ttl_ms: Annotated[
        LeaseMillis, _env("BOOKMARKS_LOCK_TTL_MS", "DATAFETCH_LOCK_TTL_MS")
    ] = 300_000
    lock_ttl_ms: Annotated[LeaseMillis, _env("DATAFETCH_LOCK_TTL_MS")] = 300_000
    shards: Annotated[int | None, Field(gt=0, le=MOST_SHARES), _env("DATAFETCH_SHARDS")] = None
    completion_index: Annotated[Count | None, _env("JOB_COMPLETION_INDEX")] = None
    array_index: Annotated[Count | None, _env("AWS_BATCH_JOB_ARRAY_INDEX")] = None
    # who is told of runs
    ping_url: Annotated[SecretStr | None, unless_none(ping_address), _env("DATAFETCH_PING_URL")] = (
        None
    )
    notify: Annotated[SecretStr | None, unless_none(message_urls), _env("DATAFETCH_NOTIFY")] = None
    notify_after: Annotated[Positive, _env("DATAFETCH_NOTIFY_AFTER")] = 1
    change_url: Annotated[
        SecretStr | None, unless_none(secret_address), _env("DATAFETCH_CHANGE_URL")
    ] = None
    change_secret: Annotated[SecretStr | None, _env("DATAFETCH_CHANGE_SECRET")] = None
    site_url: Annotated[
        str | None, unless_none(web_address), _env("API_BASE_URL", "NEXT_PUBLIC_SITE_URL")
    ] = None
    bookmark_refresh_secret: Annotated[
        SecretStr | None, unless_none(bearer_tokens), _env("BOOKMARK_CRON_REFRESH_SECRET")
    ] = None
    github_refresh_secret: Annotated[
        SecretStr | None, unless_none(bearer_tokens), _env("GITHUB_CRON_REFRESH_SECRET")
    ] = None
    metrics_file: Annotated[
        str | None, unless_none(metrics_path), _env("DATAFETCH_METRICS_FILE")
    ] = None
    pushgateway: Annotated[
        SecretStr | None, unless_none(push_address), _env("DATAFETCH_PUSHGATEWAY")
    ] = None
    # who may ask the web server
    endpoint_secret: Annotated[
        SecretStr | None, unless_none(bearer_tokens), _env("GITHUB_REFRESH_SECRET")
    ] = None
    metrics_token: Annotated[
        SecretStr | None, unless_none(bearer_tokens), _env("DATAFETCH_METRICS_TOKEN")
    ] = None
    trusted_proxies: Annotated[
        str | None, unless_none(proxy_addresses), _env("DATAFETCH_TRUSTED_PROXIES")
    ] = None
    logo_on_demand_max: Annotated[Count, _env("LOGO_ON_DEMAND_MAX")] = 5000
    test_limit: Annotated[Positive | None, _env("S3_TEST_LIMIT")] = None
    dry_run: Annotated[bool, _env("DRY_RUN")] = False
    ci: Annotated[bool, BeforeValidator(flag_of_ci), _env("CI")] = False

    unknown: tuple[UnknownSetting, ...] = ()
    """Names that were found beside the settings and look like one; nothing reads their values."""

    names_used: Mapping[str, str] = Field(default_factory=dict)
    """The name under which each field was set, for messages about its value."""

    places_used: Mapping[str, str] = Field(default_factory=dict)
    """Where each name was set that counts, in words such as `in .env, line 3`."""

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """What `repr` and `str` show: an address with a password is masked like other secrets."""
        for name, value in super().__repr_args__():
            hidden = isinstance(value, str) and has_password(value)
            yield name, SecretStr(value) if hidden else value

    def name_of(self, field: str) -> str:
        """The variable that set this field; when that is not known, the last of its names."""
        return self.names_used.get(field, ENV_NAMES[field][-1])

    # --------------------------------------------------------------- derived

    @property
    def place(self) -> StorePlace:
        """Where objects live."""
        if self.store:
            return read_place(self.store)
        return BucketPlace(self.s3_bucket) if self.s3_bucket else _DEFAULT_PLACE

    @property
    def lock_place(self) -> LockPlace:
        """Where locks live."""
        return read_lock(self.lock)

    @property
    def cluster_place(self) -> ClusterPlace | None:
        """Where batches of items are worked on; None for threads of this process.

        Raises:
            ValueError: it is a place that `misfits` refuses.
        """
        return read_cluster_place(self.cluster, self.cluster_insecure) if self.cluster else None

    @property
    def store_is_default(self) -> bool:
        """Whether no setting says where objects live, so that the default folder is used."""
        return self.store is None and self.s3_bucket is None

    @property
    def env(self) -> Environment:
        """The environment; development when it is not set, which `misfits` allows for a folder only."""
        return self.environment or Environment.DEVELOPMENT

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Intranet hosts that URLs from data may name."""
        return frozenset(listed(self.allow_hosts))

    @property
    def runtime_folder(self) -> Path | None:
        """Where the folder for the locks of this machine is made; None when it is not set."""
        return Path(self.runtime_dir) if self.runtime_dir else None

    @property
    def bookmarks_header_fields(self) -> tuple[tuple[str, SecretStr], ...]:
        """Name and value of each header for the proxy before the bookmark server."""
        lines = self.bookmarks_headers.get_secret_value() if self.bookmarks_headers else ""
        return tuple((name, SecretStr(value)) for name, value in read_header_lines(lines))

    @property
    def share(self) -> Shard | None:
        """The share that runs here, of each job that has shares; None when the settings name none.

        Kubernetes numbers the pods of an Indexed Job from 0
        (https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode), AWS Batch
        the children of an array (https://docs.aws.amazon.com/batch/latest/userguide/array_index_example.html).
        """
        index = self.array_index if self.completion_index is None else self.completion_index
        if self.shards is None or index is None:
            return None
        return Shard(index + 1, self.shards)

    def lock_ttl_s(self, job: str) -> float:
        """Lease time of a job, or of a share of one, in seconds."""
        millis = self.bookmarks_lock_ttl_ms if job == "bookmarks" else self.lock_ttl_ms
        return millis / 1000

    def time_limit_s(self, job: str) -> float:
        """Seconds after which a run of a job is stopped."""
        return _TIME_LIMITS_S[job] if self.timeout_seconds is None else self.timeout_seconds

    def schedule_of(self, job: str) -> Schedule | None:
        """When a job is to run by itself; None when its schedule is off."""
        expression = getattr(self, _CRON_FIELDS[job])
        return None if expression == OFF else Schedule.parse(expression)

    def cron_name_of(self, job: str) -> str:
        """The variable that holds the schedule of a job."""
        return self.name_of(_CRON_FIELDS[job])


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
