"""What commands that run no job ask of the store: settings, store and keys, and a stop that is heard."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from datafetch.cli.console import configure_logging, default_format, warn_of_unknown
from datafetch.cli.options import GlobalOptions
from datafetch.cli.signals import signals
from datafetch.clock import CancelToken, Clock, SystemClock
from datafetch.environment import load_settings
from datafetch.errors import ConfigurationError
from datafetch.models.store_place import WebPlace
from datafetch.runtime.supervise import StoppedLate, Stopping, supervise
from datafetch.settings import Settings
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys
from datafetch.store_factory import checked_where_needed, make_store

T = TypeVar("T")

_GRACE_S = 1.0
"""Seconds for a request under way to end after a signal; then its answer is not waited for."""

_HASTY_S, _HASTY_RETRIES = 3.0, 1


@dataclass(frozen=True, slots=True)
class AtStore:
    """The store of a command that runs no job, and the clock by which it goes."""

    settings: Settings
    store: ObjectStore
    keys: Keys
    clock: Clock
    cancel: CancelToken

    def ask(self, work: Callable[[], T]) -> T:
        """See `asked`."""
        return asked(work, self.cancel)


def at_store(options: GlobalOptions, *, hasty: bool = False, as_server: bool = False) -> AtStore:
    """Begin to log, read the settings, and make the store, which is not asked yet.

    A `hasty` store is for commands whose answer a person waits for: its calls fail after 3 seconds
    without a byte, and are repeated once. `as_server` is for a command whose log is all it prints.

    Raises:
        ConfigurationError: settings are missing or invalid, or the store cannot be written.
    """
    settings, cancel = begun(options, _check, as_server=as_server)
    clock = SystemClock(cancel)
    bare = (
        make_store(settings, clock, timeout_s=_HASTY_S, max_retries=_HASTY_RETRIES)
        if hasty
        else make_store(settings, clock)
    )
    store = checked_where_needed(settings, bare)
    return AtStore(settings, store, Keys(settings.env.suffix), clock, cancel)


def begun(
    options: GlobalOptions, check: Callable[[Settings], None], *, as_server: bool = False
) -> tuple[Settings, CancelToken]:
    """Begin to log and to hear signals, and read the settings, which have to pass the check.

    Raises:
        ConfigurationError: settings are missing or invalid, or the check refuses them.
    """
    cancel = CancelToken()
    configure_logging(
        options.log_format or default_format(),
        options.verbosity,
        options.log_file,
        as_server=as_server,
    )
    signals.listen(cancel, lambda: None)
    settings = load_settings(options.settings_file, check)
    warn_of_unknown(settings.unknown)
    return settings, cancel


def _check(settings: Settings) -> None:
    if isinstance(settings.place, WebPlace):
        problem = (
            "DATAFETCH_STORE: a store on the web is read-only, for prefetch-build; this needs "
            "s3://BUCKET or file:PATH"
        )
        raise ConfigurationError([problem])


def asked(work: Callable[[], T], cancel: CancelToken) -> T:
    """Ask the store for something, and return the answer; a signal ends the wait for it.

    Raises:
        Cancelled: a signal came first.
    """
    try:
        return supervise(work, cancel, Stopping(at_once=lambda: None, grace_s=_GRACE_S))
    except StoppedLate:
        raise cancel.reason from None
