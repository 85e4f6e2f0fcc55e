"""The server of `datafetch serve`: one process, an event loop on a thread of its own, runs beside it."""

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from socket import socket

import uvicorn

from datafetch.clock import CancelToken, Clock, SystemClock
from datafetch.errors import Unexpected
from datafetch.job_groups import is_configured
from datafetch.logs import bound_logger
from datafetch.models.run import JobName
from datafetch.models.setting_values import listed
from datafetch.ops.overview import Overview, look
from datafetch.runtime.memory import release_collector, spare_memory
from datafetch.runtime.supervise import STOP_S
from datafetch.settings import Settings
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys
from datafetch.store.public_urls import PublicUrls
from datafetch.web.app import make_app
from datafetch.web.auth import Keyring
from datafetch.web.board import StatusBoard
from datafetch.web.counters import Counters
from datafetch.web.logos.tiers import LogoTiers
from datafetch.web.page.sessions import Sessions
from datafetch.web.protocol import TimedProtocol
from datafetch.web.room import Room, room_for
from datafetch.web.runs.background import BackgroundRuns
from datafetch.web.site import Site

_FILES = 8192
"""Open files that the system is asked for: each connection is one, and often only 1,024 are allowed."""

_LARGEST_HEADERS = 16 * 1024
"""Bytes of a request's first line and headers together."""

_IDLE_S = 5
"""Seconds after which a connection without a request is closed."""

_ENDING_S = 1
"""Seconds in which answers under way may end when the server stops."""

_LOOK_S = 0.2
"""Seconds between two looks whether the event loop has ended."""

_EVERYBODY_SEES = (
    "everybody who reaches this server sees how the jobs are, with hosts and errors: set "
    "DATAFETCH_METRICS_TOKEN, or listen at 127.0.0.1"
)
_NOBODY_REFRESHES = (
    "without BOOKMARK_CRON_REFRESH_SECRET no webhook can have everything read anew, and no dead "
    "letter is retried from the status page: make one with `openssl rand -hex 32`"
)
"""These warnings are whole sentences in the JSON log, too: people read it first, in the journal."""

_GUESSED = (
    "{}: a secret of fewer than 16 characters can be guessed: make one with `openssl rand -hex 32`"
)
_SHORTEST = 16

_log = bound_logger()


def serve(
    settings: Settings, store: ObjectStore, sockets: Sequence[socket], cancel: CancelToken
) -> None:
    """Answer requests at these sockets until `cancel` is cancelled; then end all runs, and return.

    `store` is read for the endpoints; runs make their own.

    Raises:
        Unexpected: the server ended by itself.
    """
    room = room_for(_files())
    spare_memory()
    site = make_site(settings, store, SystemClock(cancel), cancel)
    server = uvicorn.Server(_configured(settings, site, room))
    # Python's garbage collector is off since the program began: objects in cycles would never be freed.
    release_collector()
    ended: list[BaseException] = []

    def run() -> None:
        try:
            server.run(sockets=list(sockets))
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, whatever it is
            ended.append(error)

    loop = threading.Thread(target=run, name="web-server", daemon=True)
    loop.start()
    for address in addresses(sockets):
        _log.info("serve_listening", extra={"url": address, "store": store.name})
    _warn_of_open_doors(settings, sockets)
    while loop.is_alive() and not cancel.wait(_LOOK_S):
        pass
    server.should_exit = True
    site.runs.stop(cancel.reason)
    # Only after the runs have ended: one of the logo job may have had the lock.
    site.logos.close(STOP_S)
    loop.join(_ENDING_S + 1)
    if not cancel.cancelled:
        raise Unexpected.of(ended[0] if ended else RuntimeError("the web server has ended"))
    _log.info("serve_stopped")


def make_site(settings: Settings, store: ObjectStore, clock: Clock, cancel: CancelToken) -> Site:
    """Everything that the endpoints are made of."""
    keys = Keys(settings.env.suffix)
    schedules = {job: settings.schedule_of(job) for job in JobName}
    configured = [job for job in JobName if is_configured(settings, job)]

    def look_at_store() -> Overview:
        cooldown_s = settings.breaker_cooldown_seconds
        return look(store, keys, clock, schedules, configured, cooldown_s)

    board = StatusBoard(look_at_store, clock)
    runs = BackgroundRuns(settings, clock)
    runs.on_change(board.expire)
    keyring = Keyring.of(settings)
    sessions = Sessions(keyring.cron | keyring.metrics, clock)
    keyring.has_session = sessions.is_open
    urls = PublicUrls(settings.cdn_url, store.url, settings.allowed_hosts)
    return Site(
        settings=settings,
        clock=clock,
        cancel=cancel,
        store=store,
        keys=keys,
        urls=urls,
        keyring=keyring,
        sessions=sessions,
        board=board,
        runs=runs,
        counters=Counters(),
        logos=LogoTiers(settings, clock, cancel, store, keys, urls),
    )


def addresses(sockets: Sequence[socket]) -> list[str]:
    """The URLs at which the sockets listen."""
    found = []
    for each in sockets:
        host, port = each.getsockname()[:2]
        found.append(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    return found


def _configured(settings: Settings, site: Site, room: Room) -> uvicorn.Config:
    # uvicorn's warnings of requests that it cannot read would fill the log; our errors are not in it.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    proxies = listed(settings.trusted_proxies)
    return uvicorn.Config(
        make_app(site),
        http=TimedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        limit_concurrency=room.connections,
        backlog=room.backlog,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_ENDING_S,
        h11_max_incomplete_event_size=_LARGEST_HEADERS,
    )


def _files() -> int:
    """How many files this process may open, after asking for as many as are wanted."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return _FILES if soft == resource.RLIM_INFINITY else soft


def _warn_of_open_doors(settings: Settings, sockets: Sequence[socket]) -> None:
    if settings.metrics_token is None and not all(map(_is_loopback, sockets)):
        _log.warning("serve_open", extra={"note": _EVERYBODY_SEES})
    if settings.bookmark_refresh_secret is None:
        _log.warning("serve_without_secret", extra={"note": _NOBODY_REFRESHES})
    if short := short_secrets(settings):
        _log.warning("serve_short_secret", extra={"note": _GUESSED.format(", ".join(short))})


def short_secrets(settings: Settings) -> list[str]:
    """The names of the settings that hold a secret so short that somebody may guess it."""
    fields = (
        "bookmark_refresh_secret",
        "github_refresh_secret",
        "endpoint_secret",
        "metrics_token",
    )
    return [
        settings.name_of(field)
        for field in fields
        for value in (getattr(settings, field),)
        if value is not None
        and any(len(each.strip()) < _SHORTEST for each in value.get_secret_value().split(","))
    ]


def _is_loopback(listening: socket) -> bool:
    return ip_address(listening.getsockname()[0]).is_loopback
