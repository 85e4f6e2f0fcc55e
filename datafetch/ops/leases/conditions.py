"""Settles, before a lease is taken, how conditions are sent to the store's server."""

from pydantic import ValidationError

from datafetch.errors import ObjectNotFound, UnsafeStore
from datafetch.logs import bound_logger
from datafetch.ops.leases.lock_object import ADAPTER, Conditional
from datafetch.store.base import EtagForm, ObjectStore, ServerStore
from datafetch.store.checked import CheckedStore
from datafetch.store.keys import Keys
from datafetch.store.probe import Lack, probe

_log = bound_logger()


class Conditions:
    """What is known of the conditional writes of the store's server.

    A server is probed once for each lock object, which then keeps what was found. What one lock
    object says, or one probe found, holds for the whole process. A folder is never probed: its
    conditions are our own code.

    Attributes:
        known: None until `settle` was called, and for a folder.
    """

    def __init__(self, store: ObjectStore, *, keeps_machines_apart: bool = False) -> None:
        """A `CheckedStore` may also be used without its server's conditions, other stores not.

        `keeps_machines_apart` is whether the leases, and not only locks of this machine, keep the
        runs of several machines from writing at the same time.
        """
        self._keeps_machines_apart = keeps_machines_apart
        self._checked = store if isinstance(store, CheckedStore) else None
        # The server itself is asked: its answers must not be those of our own checks.
        asked = self._checked.server if self._checked is not None else store
        self._server = asked if isinstance(asked, ServerStore) else None
        self._lack: Lack | None = None
        self.known: Conditional | None = None

    @property
    def may_err(self) -> bool:
        """Whether conditions are the matter of a server, which may err, and not our own code."""
        return self._server is not None

    @property
    def note(self) -> str:
        """What the user of a run must be told; empty when there is nothing to tell."""
        if self._checked is None or not self._checked.checks:
            return ""
        note = (
            "the publish is checked, not atomic: the conditional writes of "
            f"{self._checked.name} cannot be relied on"
        )
        return (
            note if self._keeps_machines_apart else f"{note}, so run datafetch on this machine only"
        )

    def settle(self, stored: Conditional | None) -> None:
        """Have conditions sent as is known to work; the server is probed when nothing is known.

        Args:
            stored: what the lock object says.

        Raises:
            UnsafeStore: the server's conditions cannot be relied on.
            StoreError: the server did not answer.
        """
        if self.known is None and stored is not None and self._is_of_use(stored):
            self.known = stored
        if self.known is None:
            self.probe()
        else:
            self._apply(self.known)

    def probe(self) -> None:
        """Probe the server, whatever is known, and have conditions sent as it wants them.

        Raises:
            UnsafeStore: the server's conditions cannot be relied on.
            StoreError: the server did not answer.
        """
        if self._server is None:
            return
        found = probe(self._server)
        endpoint = self._server.endpoint
        _log.info("conditions_probed", extra={"endpoint": endpoint, "found": found.value})
        if isinstance(found, EtagForm):
            self._lack, self.known = None, Conditional(found.value, endpoint)
        else:
            self._lack, self.known = found, Conditional("none", endpoint)
        self._apply(self.known)

    def _is_of_use(self, stored: Conditional) -> bool:
        """Whether what a lock object says can be used here, so that nothing has to be probed.

        It has to be about this server. That conditions cannot be relied on (`none`) only counts
        for a `CheckedStore`, which does without them.
        """
        if self._server is None or stored.endpoint != self._server.endpoint:
            return False
        return stored.form != "none" or self._checked is not None

    def _apply(self, known: Conditional) -> None:
        assert self._server is not None, "a folder's conditions are our own"
        if known.form != "none":
            self._server.etag_form = EtagForm(known.form)
        elif self._checked is None:
            lack = self._lack or Lack.IGNORED
            raise UnsafeStore([f"{self._server.name} at {self._server.endpoint} {lack.value}"])
        if self._checked is not None:
            self._checked.checks = known.form == "none"


def settle_without_lease(store: ObjectStore, keys: Keys, job: str) -> None:
    """Settle how conditions are sent, for a write that needs no lease, such as that of a pause.

    What the lock object of a job says is believed; where there is none, the server is probed.

    Raises:
        UnsafeStore: the server's conditions cannot be relied on.
        StoreError: the server did not answer.
    """
    conditions = Conditions(store)
    if not conditions.may_err:
        return
    try:
        stored = ADAPTER.validate_json(store.get(keys.lock(job)).body).conditional
    except (ObjectNotFound, ValidationError):
        stored = None
    conditions.settle(stored)
