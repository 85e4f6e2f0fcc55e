"""Makes the real parts from the settings; everyone else receives objects.

Heavy libraries are imported here, inside the functions that need them.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from datafetch import __version__
from datafetch.clock import CancelToken, Clock, ClockSkew, stopped_by
from datafetch.errors import ConfigurationError
from datafetch.job import Job
from datafetch.job_groups import bookmarks_group, github_group, logo_group, opengraph_group
from datafetch.models.job_settings import (
    BookmarksSettings,
    GitHubSettings,
    LogoSettings,
    OpenGraphSettings,
)
from datafetch.models.places import origins
from datafetch.models.run import JobName
from datafetch.models.store_place import WebPlace
from datafetch.net.base import HostGate, HttpClient
from datafetch.notice_group import notice_addresses, notice_group
from datafetch.ops.breakers import BreakerBook
from datafetch.ops.lease import LeaseBackend
from datafetch.ops.notices import Notices
from datafetch.runtime.batches import WorkerCalls
from datafetch.runtime.breaker import BreakerPolicy
from datafetch.runtime.engine import Engine
from datafetch.settings import Settings
from datafetch.store.base import Cuttable, ObjectStore
from datafetch.store.cutting import cuttable_of
from datafetch.store.keys import Keys
from datafetch.store.public_urls import PublicUrls
from datafetch.store_factory import checked_where_needed, credentials_of, make_store
from datafetch.worker_settings import charge_of

if TYPE_CHECKING:
    from datafetch.ops.leases.account import Account
    from datafetch.ops.messages import Messenger

AnyJob = Job[BookmarksSettings] | Job[GitHubSettings] | Job[LogoSettings] | Job[OpenGraphSettings]

WORKER = "datafetch.batch_run"
"""The module whose functions worker processes call."""

PROJECT_URL = "https://github.com/datafetch/datafetch"


@dataclass(frozen=True)
class Parts:
    """The parts that the manager works with; tests put other ones in their place.

    What a job waits with (`http`, `engine`, `clock`) ends when `cancel` is cancelled; the store, the
    leases and the breakers go on until `command` is.

    Attributes:
        cancel: asks the job under way to stop.
        command: asks the whole command to stop; `cancel` is its child.
        cuttable: the store behind `store`, and the service that keeps leases, if their calls can be
            cut off; None where neither's can, as for a folder and a store that is read through
            `http`.
        notices: tells others of each run.
    """

    store: ObjectStore
    keys: Keys
    urls: PublicUrls
    http: HttpClient
    breakers: BreakerBook
    engine: Engine
    leases: LeaseBackend
    clock: Clock
    cancel: CancelToken
    command: CancelToken
    skew: ClockSkew
    notices: Notices
    cuttable: Cuttable | None = None


def make_parts(settings: Settings, clock: Clock, cancel: CancelToken) -> Parts:
    """Make all parts that the settings ask for; `cancel` asks the whole command to stop.

    Raises:
        ConfigurationError: the store cannot be made from the settings.
    """
    skew = ClockSkew()
    of_job = cancel.child()
    job_clock = stopped_by(clock, of_job)
    http = partial(make_http, settings, job_clock, of_job, skew=skew)
    web = http() if isinstance(settings.place, WebPlace) else None
    # What the store waits between two attempts is short, and must not keep a run that is stopped
    # from storing how it ended.
    store = make_store(settings, stopped_by(clock, CancelToken()), web, skew)
    bare = store
    store = checked_where_needed(settings, store)
    keys = Keys(settings.env.suffix)
    leases = make_leases(settings, store, keys, clock, skew)
    policy = BreakerPolicy(settings.breaker_failures, settings.breaker_cooldown_seconds)
    breakers = BreakerBook(store, keys, clock, policy)
    return Parts(
        store=store,
        keys=keys,
        urls=PublicUrls(settings.cdn_url, store.url, settings.allowed_hosts),
        # A web store needs a client before there are breakers, which are read from a store.
        http=web or http(breakers),
        breakers=breakers,
        engine=make_engine(settings, clock, of_job),
        leases=leases,
        clock=job_clock,
        cancel=of_job,
        command=cancel,
        skew=skew,
        notices=make_notices(settings, clock, cancel),
        cuttable=cuttable_of(bare, leases),
    )


def after_stop(settings: Settings, parts: Parts) -> Parts:
    """The parts for the next job of a command, when the one before was stopped and the command not.

    Whatever is left of the stopped job keeps the old parts, and so stays stopped.

    Raises:
        ConfigurationError: as `make_parts`.
    """
    if parts.cuttable is not None and parts.cuttable.is_over:
        return make_parts(settings, stopped_by(parts.clock, parts.command), parts.command)
    cancel = parts.command.child()
    clock = stopped_by(parts.clock, cancel)
    return replace(
        parts,
        http=make_http(settings, clock, cancel, parts.breakers, skew=parts.skew),
        engine=make_engine(settings, parts.clock, cancel),
        clock=clock,
        cancel=cancel,
    )


def make_engine(settings: Settings, clock: Clock, cancel: CancelToken) -> Engine:
    """What works on many items: threads, or the cluster that `DATAFETCH_CLUSTER` names.

    The engine connects to the cluster when a job first hands it items.
    """
    place = settings.cluster_place
    if place is None:
        return Engine(settings.concurrency, cancel)
    from datafetch.runtime.engine_cluster import ClusterEngine

    calls = WorkerCalls(
        begin=f"{WORKER}:begin",
        perform=f"{WORKER}:perform",
        pulse=f"{WORKER}:pulse",
        charge=charge_of(settings),
        version=__version__,
    )
    return ClusterEngine(settings.concurrency, cancel, stopped_by(clock, cancel), place, calls)


def make_notices(settings: Settings, clock: Clock, command: CancelToken) -> Notices:
    """Make the part that tells others of runs. It works on after `command` is cancelled.

    Raises:
        ConfigurationError: Apprise is not installed, or does not take an address.
    """
    forever = CancelToken()
    own_clock = stopped_by(clock, forever)
    return Notices(
        notice_group(settings, _messenger(settings)),
        lambda: make_http(settings, own_clock, forever, own_servers=[*notice_addresses(settings)]),
        own_clock,
        command,
    )


def _messenger(settings: Settings) -> "Messenger | None":
    if settings.notify is None:
        return None
    try:
        from datafetch.ops.messages import Messenger
    except ModuleNotFoundError as error:
        problem = "DATAFETCH_NOTIFY needs Apprise: pip install 'datafetch[notify]'"
        raise ConfigurationError([problem]) from error
    return Messenger(settings.notify.get_secret_value())


def make_leases(
    settings: Settings,
    store: ObjectStore,
    keys: Keys,
    clock: Clock,
    skew: ClockSkew | None = None,
) -> LeaseBackend:
    """The leases that `DATAFETCH_LOCK` names; no service is asked yet.

    A service outside the store tells `skew` the times in its answers.
    """
    from datafetch.ops.leases.kinds import leases_at

    return leases_at(
        settings.lock_place,
        store,
        keys,
        clock,
        settings.lock_ttl_s,
        settings.runtime_folder,
        account=account_of(settings, store),
        skew=skew or ClockSkew(),
    )


def account_of(settings: Settings, store: ObjectStore) -> "Account":
    """The account (credentials, region, address) with which a table of locks is asked."""
    from datafetch.ops.leases.account import Account
    from datafetch.store.checked import CheckedStore

    server = store.server.endpoint if isinstance(store, CheckedStore) else settings.s3_server_url
    return Account(
        credentials=credentials_of(settings),
        region=settings.s3_region,
        server=server,
        table_region=settings.aws_region,
        region_setting=settings.name_of("s3_region"),
    )


def make_http(
    settings: Settings,
    clock: Clock,
    cancel: CancelToken,
    gate: HostGate | None = None,
    *,
    skew: ClockSkew | None = None,
    own_servers: Collection[str | None] = (),
) -> HttpClient:
    """The guarded HTTP client; it connects to nothing before the first request.

    `own_servers` are addresses of the user's own servers beyond those that jobs ask over HTTP.

    Raises:
        ConfigurationError: a variable that names a proxy has a wrong form.
    """
    from datafetch.net.client import GuardedClient
    from datafetch.net.options import NetOptions

    place = settings.place
    own_store = place.base if isinstance(place, WebPlace) else None
    options = NetOptions(
        user_agent=settings.user_agent or f"datafetch/{__version__} (+{PROJECT_URL})",
        width=settings.concurrency,
        trusted_origins=origins(
            settings.bookmarks_api_url, settings.github_api_url, own_store, *own_servers
        ),
        allow_hosts=settings.allowed_hosts,
    )
    rng = random.Random()  # noqa: S311 - jitter
    return GuardedClient(options, clock=clock, cancel=cancel, rng=rng, gate=gate, skew=skew)


def make_job(settings: Settings, name: JobName) -> AnyJob:
    """The job of that name with its settings; the libraries that its work needs are loaded.

    Raises:
        ConfigurationError: settings that the job needs are missing.
    """
    match name:
        case JobName.BOOKMARKS:
            from datafetch.bookmarks.job import sync_bookmarks

            return Job(bookmarks_group(settings), sync_bookmarks)
        case JobName.GITHUB:
            from datafetch.github.job import refresh_github

            return Job(github_group(settings), refresh_github)
        case JobName.LOGOS:
            from datafetch.logos.job import fetch_logos
            from datafetch.pictures.images import load_decoders

            load_decoders()
            return Job(logo_group(settings), fetch_logos)
        case JobName.OPENGRAPH:
            from datafetch.opengraph.job import refresh_opengraph

            return Job(opengraph_group(settings), refresh_opengraph)
