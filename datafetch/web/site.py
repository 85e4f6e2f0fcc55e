"""What all endpoints are made of."""

from dataclasses import dataclass

from datafetch.clock import CancelToken, Clock
from datafetch.settings import Settings
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys
from datafetch.store.public_urls import PublicUrls
from datafetch.web.auth import Keyring
from datafetch.web.board import StatusBoard
from datafetch.web.counters import Counters
from datafetch.web.logos.tiers import LogoTiers
from datafetch.web.page.sessions import Sessions
from datafetch.web.runs.background import BackgroundRuns


@dataclass(frozen=True, slots=True)
class Site:
    """What all endpoints are made of.

    Attributes:
        cancel: the server is asked to stop.
        store: for reading; its calls fail after three seconds without a byte.
        urls: the public URLs of objects.
        keyring: who may ask for what.
        sessions: who has logged in to the status page.
        board: how all jobs are.
        runs: the jobs that run in the background.
        logos: which logo a domain has.
        counters: what `/metrics` tells of the server itself.
    """

    settings: Settings
    clock: Clock
    cancel: CancelToken
    store: ObjectStore
    keys: Keys
    urls: PublicUrls
    keyring: Keyring
    sessions: Sessions
    board: StatusBoard
    runs: BackgroundRuns
    counters: Counters
    logos: LogoTiers
