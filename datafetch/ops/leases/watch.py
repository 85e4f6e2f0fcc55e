"""How long a lock object has been unchanged, for stores that do not tell its age.

A run looks once and ends, so it never sees a whole lease time pass. What it saw is remembered in
the machine's folder for locks, and the next run goes on from there. No clock is compared with
another machine's: only this machine's own, which never goes back, with itself.
"""

import json
from contextlib import suppress

from datafetch.clock import Clock
from datafetch.ops.leases.process import this_process
from datafetch.runtime.folder import RuntimeFolder


class Watch:
    """Remembers which version of a lock object this machine saw, and since when."""

    def __init__(self, machine: RuntimeFolder, clock: Clock) -> None:
        self._machine = machine
        self._clock = clock

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
