"""Reads the objects of a dataset as one publish left them; never those of two publishes mixed."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from datafetch.clock import Clock
from datafetch.errors import (
    CorruptObject,
    DatafetchError,
    Inconsistent,
    NotShown,
    ObjectNotFound,
    StoreDenied,
    StoreError,
)
from datafetch.models.places import Environment
from datafetch.store.base import ObjectStore, StoredObject
from datafetch.store.keys import Keys

_PAUSES_S = (2.0, 8.0)
"""Waits before the second and the third reading: a slow build is better than a failed one."""

_UNSEEN = "unseen"
"""Stands for the journal's ETag where the store does not show whether there is one."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Dataset:
    """A stored dataset from which build files are made.

    Attributes:
        name: its name in the journal's key.
        title: its name in messages.
        commit: key of its commit object.
        command: the command that fetches it.
        repair: the command that stores all of it anew.
        in_one: whether the commit object alone is the dataset, as a manifest is. A reading that
            succeeded then counts, even when a run published in the meantime.
    """

    name: str
    title: str
    commit: str
    command: str
    repair: str
    in_one: bool = False


@dataclass(frozen=True, slots=True)
class _Marks:
    """What differs after a publish.

    Attributes:
        journal: its ETag; None when there is none, `_UNSEEN` when that cannot be known.
        commit: ETag and time of the commit object; None when there is none.
    """

    journal: str | None
    commit: tuple[str, datetime | None] | None

    @property
    def may_be_published(self) -> bool:
        """Whether a run may be publishing the dataset, so that reading again can help."""
        return self.journal is not None and (self.journal != _UNSEEN or self.commit is not None)


@dataclass(frozen=True, slots=True)
class SettledReader:
    """Reads a dataset from the store, and reads it again when a run published it meanwhile."""

    store: ObjectStore
    keys: Keys
    clock: Clock
    log: logging.LoggerAdapter[logging.Logger]

    def read(self, dataset: Dataset, use: Callable[[StoredObject], _T]) -> _T:
        """Hand the commit object to `use`, which reads and checks the rest; return its result.

        `use` is called again, up to three times in all, when the commit object or the journal
        changed meanwhile, or when it failed while there was a journal, or could be one that the
        store does not show. A journal that does not change is no reason to refuse a dataset that
        `use` accepts: its run may have died.

        Raises:
            Inconsistent: the objects do not agree, or are being published right now.
            ObjectNotFound, CorruptObject: an object is missing or broken, and there is no journal.
            StoreError: the store did not answer.
        """
        for pause_s in (*_PAUSES_S, None):
            before = self._marks(dataset)
            failure: DatafetchError | None = None
            try:
                result = use(self.get(dataset, dataset.commit))
            except (ObjectNotFound, Inconsistent, CorruptObject) as error:
                failure = error
            if failure is None and dataset.in_one:
                return result
            moved = self._marks(dataset) != before
            if failure is None and not moved:
                return result
            if failure is not None and not moved and not before.may_be_published:
                raise _advised(
                    failure, f"Run `{dataset.repair}`, which stores it anew, and try again."
                )
            if pause_s is not None:
                self.log.info(
                    "prefetch_reads_again",
                    extra={"dataset": dataset.name, "moved": moved, "reason": str(failure or "")},
                )
                self.clock.sleep(pause_s)
        if failure is not None and before.journal == _UNSEEN:
            raise _advised(
                failure,
                "A run may be storing it right now, or a cache shows older objects beside newer "
                f"ones: try again in some minutes. If it stays, run `{dataset.repair}`.",
            )
        message = f"{dataset.title} is being published right now"
        raise Inconsistent(
            f"{message}, or a publish died half-way: {failure}" if failure else message,
            hint=f"Try again in a minute; if it stays, run `{dataset.command}`, "
            "which ends a publish.",
        ) from failure

    def get(self, dataset: Dataset, key: str) -> StoredObject:
        """An object of the dataset.

        Raises:
            ObjectNotFound: the store lacks it; the message names the key and what to run.
        """
        try:
            return self.store.get(key)
        except ObjectNotFound as error:
            first = key == dataset.commit
            advice = f"run `{dataset.command}` first" if first else f"run `{dataset.repair}`"
            elsewhere = self._of_another_environment(key) if first else ""
            hint = " ".join(part for part in (elsewhere, error.hint) if part)
            raise ObjectNotFound(
                f"{key} is not in {self.store.name}: {advice}",
                key=key,
                hint=hint or "If it was stored for another environment, set DATAFETCH_ENV.",
            ) from error

    def _of_another_environment(self, key: str) -> str:
        """What to set when another environment has the object that is missing here; else empty."""
        start = key.removesuffix(f"{self.keys.suffix}.json")
        for environment in Environment:
            other = f"{start}{environment.suffix}.json"
            if other == key:
                continue
            try:
                self.store.head(other)
            except StoreError:
                continue
            return f"{other} is there: to build from it, set DATAFETCH_ENV={environment.value}."
        return ""

    def _marks(self, dataset: Dataset) -> _Marks:
        # The journal is read first. A publish that ends between the two reads wrote the commit
        # object before it removed the journal, so the second read shows the change.
        return _Marks(self._journal(dataset), self._head(dataset.commit))

    def _journal(self, dataset: Dataset) -> str | None:
        try:
            return self.store.head(self.keys.publish_journal(dataset.name)).etag
        except (NotShown, StoreDenied):  # state is its owner's alone, who may be another user
            return _UNSEEN
        except ObjectNotFound:
            return None

    def _head(self, key: str) -> tuple[str, datetime | None] | None:
        try:
            info = self.store.head(key)
        except ObjectNotFound:
            return None
        # Equal bytes that were written again have the same ETag.
        return info.etag, info.last_modified


def _advised(failure: DatafetchError, hint: str) -> DatafetchError:
    """The failure, with the hint unless it brings one of its own."""
    if failure.hint == type(failure).hint:
        failure.hint = hint
    return failure
