"""Makes the real parts from the settings; everyone else receives objects.

Heavy libraries are imported here, inside the functions that need them.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from datafetch import __version__
from datafetch.clock import CancelToken, Clock
from datafetch.errors import ConfigurationError
from datafetch.job import Job
from datafetch.models.job_settings import (
    BookmarksSettings,
    GitHubSettings,
    LogoSettings,
    OpenGraphSettings,
)
from datafetch.models.places import origins
from datafetch.models.run import JobName
from datafetch.net.base import HostGate, HttpClient
from datafetch.ops.breakers import BreakerBook
from datafetch.ops.lease import LeaseBackend
from datafetch.runtime.breaker import BreakerPolicy
from datafetch.runtime.engine import Engine
from datafetch.settings import Settings
from datafetch.store.base import ObjectStore, ServerStore
from datafetch.store.keys import Keys, PublicUrls

AnyJob = Job[BookmarksSettings] | Job[GitHubSettings] | Job[LogoSettings] | Job[OpenGraphSettings]

PROJECT_URL = "https://github.com/datafetch/datafetch"

_BESIDE_ITEMS = 8
"""Connections to the store beyond one for each parallel item: to renew the lease, to save results,
to read several objects at once, and for the eight writes at once of the probe."""


@dataclass(frozen=True)
class Parts:
    """The parts that the manager works with; tests put other ones in their place."""

    store: ObjectStore
    keys: Keys
    urls: PublicUrls
    http: HttpClient
    breakers: BreakerBook
    engine: Engine
    leases: LeaseBackend
    clock: Clock
    cancel: CancelToken


def make_parts(settings: Settings, clock: Clock, cancel: CancelToken) -> Parts:
    """Make all parts that the settings ask for.

    Raises:
        ConfigurationError: the store cannot be made from the settings.
    """
    store = make_store(settings, clock)
    if settings.lock == "file" and isinstance(store, ServerStore):
        from datafetch.runtime.folder import RuntimeFolder
        from datafetch.store.checked import CheckedStore

        store = CheckedStore(store, RuntimeFolder(settings.runtime_folder))
    keys = Keys(settings.env.suffix)
    policy = BreakerPolicy(settings.breaker_failures, settings.breaker_cooldown_seconds)
    breakers = BreakerBook(store, keys, clock, policy)
    return Parts(
        store=store,
        keys=keys,
        urls=PublicUrls(settings.cdn_url, store.url),
        http=make_http(settings, clock, cancel, breakers),
        breakers=breakers,
        engine=Engine(settings.concurrency, cancel),
        leases=make_leases(settings, store, keys, clock),
        clock=clock,
        cancel=cancel,
    )


def make_store(settings: Settings, clock: Clock) -> ObjectStore:
    """The store that `DATAFETCH_STORE` names."""
    scheme, _, rest = settings.store_url.partition(":")
    if scheme == "file":
        from datafetch.store.local import LocalStore

        try:
            return LocalStore(Path(rest.removeprefix("//")).expanduser(), clock)
        except (RuntimeError, ValueError, OSError) as error:  # `~nobody`, NUL, links in a circle
            raise ConfigurationError([f"DATAFETCH_STORE: {rest}: {error}"]) from error
    from datafetch.store.s3 import S3Store

    access, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    token = settings.s3_session_token
    return S3Store(
        bucket=rest.strip("/"),
        endpoint=settings.s3_server_url,
        region=settings.s3_region,
        access_key=access.get_secret_value() if access else None,
        secret_key=secret.get_secret_value() if secret else None,
        session_token=token.get_secret_value() if token else None,
        acl=settings.s3_object_acl,
        width=settings.concurrency + _BESIDE_ITEMS,
        clock=clock,
    )


def make_leases(settings: Settings, store: ObjectStore, keys: Keys, clock: Clock) -> LeaseBackend:
    """The leases that `DATAFETCH_LOCK` names."""
    if settings.lock == "file":
        from datafetch.ops.leases.file import FileLeases

        return FileLeases(store, keys, clock, settings.lock_ttl_s, settings.runtime_folder)
    from datafetch.ops.leases.store import StoreLeases

    return StoreLeases(store, keys, clock, settings.lock_ttl_s, settings.runtime_folder)


def make_http(
    settings: Settings, clock: Clock, cancel: CancelToken, gate: HostGate | None = None
) -> HttpClient:
    """The guarded HTTP client; it connects to nothing before the first request."""
    from datafetch.net.client import GuardedClient
    from datafetch.net.options import NetOptions

    options = NetOptions(
        user_agent=settings.user_agent or f"datafetch/{__version__} (+{PROJECT_URL})",
        width=settings.concurrency,
        trusted_origins=origins(settings.bookmarks_api_url, settings.github_api_url),
        allow_hosts=settings.allowed_hosts,
    )
    rng = random.Random()  # noqa: S311 - jitter
    return GuardedClient(options, clock=clock, cancel=cancel, rng=rng, gate=gate)


def make_job(settings: Settings, name: JobName) -> AnyJob:
    """The job of that name with its settings; the libraries that its work needs are loaded.

    Raises:
        ConfigurationError: settings that the job needs are missing.
    """
    match name:
        case JobName.BOOKMARKS:
            from datafetch.bookmarks.job import sync_bookmarks

            return Job(settings.for_bookmarks(), sync_bookmarks)
        case JobName.GITHUB:
            from datafetch.github.job import refresh_github

            return Job(settings.for_github(), refresh_github)
        case JobName.LOGOS:
            from datafetch.logos.job import fetch_logos
            from datafetch.pictures.images import load_decoders

            load_decoders()
            return Job(settings.for_logos(), fetch_logos)
        case JobName.OPENGRAPH:
            from datafetch.opengraph.job import refresh_opengraph

            return Job(settings.for_opengraph(), refresh_opengraph)


def check_jobs(settings: Settings, names: list[JobName]) -> None:
    """Check the settings of several jobs.

    Raises:
        ConfigurationError: settings are missing; it names those of all the jobs.
    """
    makers: dict[JobName, Callable[[], object]] = {
        JobName.BOOKMARKS: settings.for_bookmarks,
        JobName.GITHUB: settings.for_github,
        JobName.LOGOS: settings.for_logos,
        JobName.OPENGRAPH: settings.for_opengraph,
    }
    problems: list[str] = []
    for name in names:
        try:
            makers[name]()
        except ConfigurationError as error:
            problems.extend(problem for problem in error.problems if problem not in problems)
    if problems:
        raise ConfigurationError(problems)
