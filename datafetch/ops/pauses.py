"""Jobs on pause: their scheduled runs do nothing for a time, and are not caught up afterwards.

All jobs share one object. A pause that is over stays in it, since the slots before its end are not
run any more; the next pause of the job takes its place.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from datafetch.clock import Clock, to_ms
from datafetch.models.run import JobName
from datafetch.models.stored_times import EndMs, NearestMs
from datafetch.ops.record import Record
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys


@dataclass(frozen=True, slots=True)
class Pause:
    """One job's pause, as stored; times are epoch milliseconds.

    Attributes:
        paused_at: when it began.
        until: when it ends; None for not before it is ended.
        reason: why, in the user's words; empty when none was given.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(alias_generator=to_camel)

    paused_at: NearestMs
    until: EndMs = None
    reason: str = ""

    def is_over(self, now: float) -> bool:
        """Whether it has ended; `now` is in epoch seconds."""
        return self.until is not None and self.until <= to_ms(now)


_ADAPTER: TypeAdapter[dict[str, Pause]] = TypeAdapter(dict[str, Pause])


class Pauses:
    """The pauses of all jobs, as they were when they were loaded or changed last."""

    def __init__(self, record: Record[dict[str, Pause]]) -> None:
        """`record` has been read."""
        self._record = record

    @classmethod
    def load(cls, store: ObjectStore, keys: Keys, clock: Clock) -> "Pauses":
        """Read the pauses, by one request.

        Raises:
            StoreError: the store did not answer.
        """
        record = Record(store, keys, clock, keys.pauses(), _ADAPTER, empty=dict[str, Pause]())
        record.load()
        return cls(record)

    @property
    def broken(self) -> str:
        """What to tell users when the stored object could not be read; empty when it could."""
        return self._record.broken

    def of(self, job: JobName, now: float) -> Pause | None:
        """The pause of a job; None when it is not on pause. `now` is in epoch seconds."""
        pause = self._record.value.get(job)
        return None if pause is None or pause.is_over(now) else pause

    def resumed_at(self, job: JobName, now: float) -> float | None:
        """When the job's last pause ended, in epoch seconds: no slot before it is run any more.

        None when there was no pause, or when it goes on.
        """
        pause = self._record.value.get(job)
        if pause is None or pause.until is None or not pause.is_over(now):
            return None
        return pause.until / 1000

    def set(
        self, job: JobName, now: float, *, until: float | None = None, reason: str = ""
    ) -> Pause:
        """Put a job on pause from now on; a pause that goes on gets this end and reason.

        Times are in epoch seconds; without `until` the pause ends when it is removed.

        Raises:
            PreconditionFailed: others have changed the pauses at the same time, again and again.
            StoreError: the store did not answer.
        """
        end = None if until is None else to_ms(until)

        def paused(pauses: dict[str, Pause]) -> dict[str, Pause]:
            known = pauses.get(job)
            goes_on = known is not None and not known.is_over(now)
            began = known.paused_at if known is not None and goes_on else to_ms(now)
            return {**pauses, job.value: Pause(began, end, reason)}

        self._record.change(paused)
        return self._record.value[job]

    def remove(self, job: JobName, now: float) -> Pause | None:
        """End a job's pause now; returns it as it was, None when the job was not on pause.

        Raises:
            PreconditionFailed: others have changed the pauses at the same time, again and again.
            StoreError: the store did not answer.
        """
        ended: list[Pause] = []

        def resumed(pauses: dict[str, Pause]) -> dict[str, Pause]:
            known = pauses.get(job)
            ended.clear()
            if known is None or known.is_over(now):
                return pauses
            ended.append(known)
            return {**pauses, job.value: replace(known, until=to_ms(now))}

        self._record.change(resumed)
        return ended[0] if ended else None
