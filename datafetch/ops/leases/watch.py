"""When a lease ends that nobody renews, without comparing the clocks of two machines.

The store's own clock says how old the lock object is. Where the store does not tell it, the object
has to stay unchanged for the lease's time before our eyes. A run looks once and ends, so it never sees a whole lease time pass. What it saw is remembered in
the machine's folder for locks, and the next run goes on from there. No clock is compared with
another machine's: only this machine's own, which never goes back, with itself.
"""

import json
import math
from contextlib import suppress

from datafetch.clock import Clock
from datafetch.ops.leases.lock_object import LockObject
from datafetch.ops.leases.process import this_process
from datafetch.runtime.folder import RuntimeFolder
from datafetch.store.base import StoredObject

_LONG_AGO_S = 24 * 3600.0
"""A lease whose end was so long ago, by whatever clock it was written, is over."""


class Watch:
    """Remembers which version of a lock object this machine saw, and since when."""

    def __init__(self, machine: RuntimeFolder, clock: Clock) -> None:
        self._machine = machine
        self._clock = clock

    def left_s(self, name: str, stored: StoredObject, lock: LockObject) -> float:
        """Seconds until a lease ends unless it is renewed; negative when it has ended.

        Clocks of two machines are compared only when the store does not tell the object's age and
        the lease should have ended a day ago: somebody whose folder for locks does not outlast the
        run would never see its end otherwise.

        Args:
            name: as for `unchanged_s`.
            stored: the lock object as it was read.
            lock: what it says.

        Raises:
            ConfigurationError: there is no folder for locks.
        """
        # A server tells whole seconds: an age may be up to one too high.
        ttl_s = math.ceil(lock.ttl_ms / 1000)
        if stored.age_s is not None:
            return ttl_s - stored.age_s
        if self._clock.now() - lock.expires_at / 1000 > _LONG_AGO_S:
            return -1.0
        return ttl_s - self.unchanged_s(name, stored.etag)

    def unchanged_s(self, name: str, version: str) -> float:
        """Seconds since this machine first saw the object in this version; 0 when it is new.

        Call it only while the machine's lock of this `name` is held.

        Raises:
            ConfigurationError: there is no folder for locks.
        """
        path = self._machine.path() / f"{name}.seen"
        process, now = this_process(), self._clock.monotonic()
        # The clock of another machine, or of another start of this one, counts from elsewhere.
        start = (process.boot or process.host).partition("/")[0]
        with suppress(OSError, ValueError, TypeError):
            known, known_start, since = json.loads(path.read_bytes())
            if (known, known_start) == (version, start) and 0 <= since <= now:
                return float(now - since)
        with suppress(OSError):  # then the next look begins anew
            path.write_text(json.dumps([version, start, now]), encoding="ascii")
        return 0.0
