"""Hands each job its own group of settings, and says which names are missing."""

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec

from datafetch.errors import ConfigurationError
from datafetch.models.job_settings import (
    BookmarksSettings,
    GitHubSettings,
    LogoSettings,
    OpenGraphSettings,
    TagPages,
)
from datafetch.models.places import api_base
from datafetch.models.run import JobName
from datafetch.models.setting_problems import Missing
from datafetch.models.setting_values import listed
from datafetch.models.store_place import WebPlace
from datafetch.settings import ENV_NAMES, Settings

_OF_BOOKMARKS = {
    "bookmarks_api_url": "base URL of the bookmark server, such as https://karakeep.example.com",
    "bookmarks_list_id": "id of the list, whose page in the browser is /dashboard/lists/ID",
    "bookmark_bearer_token": "API key of the bookmark server, which is made there under Settings, API Keys",
}
_OF_GITHUB = {
    "github_token": "a token that may read the owner's repositories, from "
    "https://github.com/settings/tokens",
    "github_repo_owner": "login whose activity is fetched",
}
"""The fields without which a job cannot start, and what each is."""

SPREAD = frozenset({JobName.GITHUB, JobName.LOGOS, JobName.OPENGRAPH})
"""The jobs that hand items to a cluster."""

_NEEDED = {JobName.BOOKMARKS: _OF_BOOKMARKS, JobName.GITHUB: _OF_GITHUB}


def is_configured(settings: Settings, job: JobName) -> bool:
    """Whether any setting that a job needs is set; False means that nobody wants this job here.

    A job that needs none is always configured. With some of them set and some missing the job is
    configured, and its group cannot be made.
    """
    needed = _NEEDED.get(job)
    return needed is None or any(getattr(settings, field) for field in needed)


def names_needed(job: JobName) -> tuple[str, ...]:
    """The settings without which a job cannot start, each by the name that everybody knows."""
    return tuple(ENV_NAMES[field][-1] for field in _NEEDED.get(job, {}))


def is_any_configured(settings: Settings) -> bool:
    """Whether any setting is set that says which jobs are wanted.

    False where nothing is set up yet, such as a machine that only prepares another one's files.
    """
    is_wanted = any(is_configured(settings, job) for job in _NEEDED)
    return is_wanted or bool(settings.logo_domain_files)


def bookmarks_group(settings: Settings) -> BookmarksSettings:
    """The bookmark job's own settings.

    Raises:
        ConfigurationError: names are missing.
    """
    url, list_id = settings.bookmarks_api_url, settings.bookmarks_list_id
    token = settings.bookmark_bearer_token
    if not (url and list_id and token):
        raise _missing(settings, _OF_BOOKMARKS)
    return BookmarksSettings(
        api_url=api_base(url),
        list_id=list_id,
        token=token,
        max_items=settings.bookmarks_max_items,
        full_sync_max_items=settings.bookmarks_full_sync_max_items,
        full_sync_hours=settings.bookmarks_full_sync_hours,
        min_threshold=settings.min_bookmarks_threshold,
        max_shrink_ratio=settings.max_shrink_ratio,
        tags=_tag_pages(settings),
        retry_max_s=settings.retry_max_seconds,
        include_unlinked=settings.bookmarks_include_unlinked,
        include_sublists=settings.bookmarks_include_sublists,
        headers=settings.bookmarks_header_fields,
    )


def github_group(settings: Settings) -> GitHubSettings:
    """The GitHub job's own settings.

    Raises:
        ConfigurationError: names are missing.
    """
    token, owner = settings.github_token, settings.github_repo_owner
    if not (token and owner):
        raise _missing(settings, _OF_GITHUB)
    return GitHubSettings(
        token=token,
        owner=owner,
        token_name=settings.name_of("github_token"),
        in_workflow=settings.github_actions,
        exclude=frozenset(listed(settings.github_exclude)),
        api_url=settings.github_api_url,
        stats_max_attempts=settings.github_stats_max_attempts,
        stats_delay_s=settings.github_stats_delay_ms / 1000,
        max_shrink_ratio=settings.max_shrink_ratio,
        retry_max_s=settings.retry_max_seconds,
    )


def logo_group(settings: Settings) -> LogoSettings:
    """The logo job's own settings."""
    names = (part.strip() for part in (settings.logo_domain_files or "").split(","))
    return LogoSettings(
        batch_size=settings.logo_batch_size,
        batch_delay_s=settings.logo_batch_delay_ms / 1000,
        domain_files=tuple(name for name in names if name),
        max_age_days=settings.logo_max_age_days,
        retry_max_s=settings.retry_max_seconds,
    )


def opengraph_group(settings: Settings) -> OpenGraphSettings:
    """The OpenGraph job's own settings, and those of the bookmark server if they are set."""
    known = (
        settings.bookmarks_api_url and settings.bookmarks_list_id and settings.bookmark_bearer_token
    )
    return OpenGraphSettings(
        timeout_s=settings.og_fetch_timeout_ms / 1000,
        max_retries=settings.og_max_retries,
        retry_delay_s=settings.og_retry_delay_ms / 1000,
        retry_max_s=settings.retry_max_seconds,
        tags=_tag_pages(settings),
        karakeep=bookmarks_group(settings) if known else None,
    )


def _tag_pages(settings: Settings) -> TagPages:
    # 0 means all, as it did before datafetch: pages of no tag are what `tags_enabled` is for.
    return TagPages(settings.tags_enabled, settings.max_tags or None)


def _missing(settings: Settings, needed: Mapping[str, str]) -> ConfigurationError:
    """The error for those of the needed fields that have no value."""
    return ConfigurationError(
        [
            # Of several names of one setting the last is the one that everybody knows.
            Missing(ENV_NAMES[field], what, label=ENV_NAMES[field][-1])
            for field, what in needed.items()
            if not getattr(settings, field)
        ]
    )


def check_jobs(settings: Settings, names: list[JobName], *, scheduled: bool = False) -> None:
    """Check the settings of several jobs; with `scheduled`, also those that a cron's runs need.

    Raises:
        ConfigurationError: settings are missing, or the store cannot be written; it names the
            problems of all the jobs.
    """
    groups: dict[JobName, Callable[[Settings], object]] = {
        JobName.BOOKMARKS: bookmarks_group,
        JobName.GITHUB: github_group,
        JobName.LOGOS: logo_group,
        JobName.OPENGRAPH: opengraph_group,
    }
    problems: list[str] = []
    if settings.cluster is not None and not SPREAD.isdisjoint(names):
        problems.extend(dask_problems())
    if names and isinstance(settings.place, WebPlace):
        problems.append(
            "DATAFETCH_STORE: a store on the web is read-only, for prefetch-build; "
            "jobs need s3://BUCKET or file:PATH"
        )
    if scheduled:
        problems.extend(_schedule_problems(settings, names))
    for name in names:
        try:
            groups[name](settings)
        except ConfigurationError as error:
            problems.extend(problem for problem in error.problems if problem not in problems)
    if problems:
        raise ConfigurationError(problems)


def dask_problems() -> Iterator[str]:
    """What is missing for a cluster: its libraries, which are not loaded to find that out."""
    if find_spec("distributed") is None or find_spec("cryptography") is None:
        yield "DATAFETCH_CLUSTER needs Dask: pip install 'datafetch[distributed]'"


def _schedule_problems(settings: Settings, names: list[JobName]) -> list[str]:
    """Why these jobs cannot be run by a schedule: they have none, or the store is the default one.

    A cron without its environment would succeed into that folder for weeks.
    """
    problems: list[str] = [
        f"{settings.cron_name_of(name)} is off, so {name.value} has no slots for --scheduled: set "
        "it to when the job is to run, such as `0 3 * * *`"
        for name in names
        if settings.schedule_of(name) is None
    ]
    if settings.store_is_default:
        places = ("DATAFETCH_STORE", "S3_BUCKET")
        what = "for scheduled runs it must be said where objects live"
        problems.append(Missing(places, what, label=" or ".join(places)))
    return problems
