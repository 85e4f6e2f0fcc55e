"""What runs share: the service that keeps their locks, the pauses, and the servers' clocks."""

from collections.abc import Callable, Iterator

from datafetch.clock import Clock, ClockSkew, utc_text
from datafetch.doctor.findings import Finding, Group, fail, ok, skipped
from datafetch.errors import StoreError
from datafetch.models.run import JobName
from datafetch.models.text import one_line
from datafetch.ops.pauses import Pauses
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys

_MOST_OF_A_REASON = 80


class LockServiceCheck:
    """Asks the service that `DATAFETCH_LOCK` names whether it answers; takes no lock."""

    name = "lock service"
    group = Group.STORE
    limit_s = 20.0

    def __init__(self, label: str, reach: Callable[[], None]) -> None:
        """`label` is what people call the service; `reach` asks it, and raises when it does not answer."""
        self._label = label
        self._reach = reach

    def look(self) -> Iterator[Finding]:
        """Whether it answers."""
        self._reach()
        yield ok(self.name, f"{self._label} answers")


class PausesCheck:
    """Names the jobs on pause."""

    name = "pauses"
    group = Group.SCHEDULE
    limit_s = 20.0

    def __init__(self, store: ObjectStore, keys: Keys, clock: Clock) -> None:
        """Make the check; nothing is asked yet."""
        self._store = store
        self._keys = keys
        self._clock = clock

    def look(self) -> Iterator[Finding]:
        """A line that names them all, with what ends each."""
        try:
            pauses = Pauses.load(self._store, self._keys, self._clock)
        except StoreError as error:
            yield skipped(self.name, f"the store does not tell ({one_line(str(error), 120)})")
            return
        now = self._clock.now()
        on_pause = []
        for job in JobName:
            pause = pauses.of(job, now)
            if pause is not None:
                until = "until it is resumed"
                if pause.until is not None:
                    until = f"until {utc_text(pause.until / 1000, now)}"
                reason = one_line(pause.reason, _MOST_OF_A_REASON)
                on_pause.append(f"{job.value} {until}{f' ({reason})' if reason else ''}")
        yield ok(self.name, "; ".join(on_pause) or "no job is on pause")


def clock_finding(skew: ClockSkew) -> Finding:
    """How far this machine's clock is from those of the servers that were asked."""
    if not skew.is_told:
        return skipped("clock", "no server has told the time")
    found = skew.found()
    if found is None:
        return ok("clock", "agrees with those of the servers that were asked")
    return fail(
        "clock",
        str(found),
        "Requests to S3 are refused when clocks are 15 minutes apart, and schedules run at wrong "
        "times.",
    )
