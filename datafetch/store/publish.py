"""The journalled, fenced publish of a dataset: content, master, commit object last, then tidying.

How a job uses it:

1. `journal = publisher.open_journal("github")` at the start. When there is one, an earlier
   run died in the middle of a publish: the job distrusts what it remembers of the stored
   objects, takes their ETags from `etags_by_listing`, and publishes the whole dataset again.
2. Build a `PublishPlan` from what was read: `base_etag` is the ETag of the commit object,
   `etags` those of the objects that will be replaced. An object without a known ETag must not
   exist yet.
3. `publisher.with_restart(attempt)`: `attempt(number)` builds the plan and publishes it; it is
   called again, once, when somebody else changed the dataset meanwhile, and must then read the
   store's current state (ETags by one listing).

What happens in between is said at `Publisher.publish`.
"""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from datafetch.clock import Clock, to_ms
from datafetch.errors import BaseMoved, ObjectNotFound, PreconditionFailed
from datafetch.runtime.engine import Engine
from datafetch.store.base import (
    Condition,
    IfAbsent,
    IfMatch,
    ObjectStore,
    StoredObject,
    encode_json,
)
from datafetch.store.keys import Keys
from datafetch.store.publish_plan import (
    BATCH,
    Diff,
    PublishPlan,
    PublishResult,
    StateWriter,
    batches,
    result_of,
)
from datafetch.store.writes import Spooled, Write

__all__ = [
    "Journal",
    "PublishPlan",
    "PublishResult",
    "Publisher",
    "Spooled",
    "StateWriter",
    "Write",
    "etags_by_listing",
]

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Journal:
    """An open publish found in the store; `run_id` is empty when it could not be read.

    Attributes:
        base_etag: of the commit object that it started from; None when there was none.
    """

    etag: str
    run_id: str
    base_etag: str | None


def etags_by_listing(store: ObjectStore, prefixes: Iterable[str]) -> dict[str, str]:
    """The ETag of every object under the prefixes, from the store itself.

    Raises:
        StoreError: the store did not answer.
    """
    return {info.key: info.etag for prefix in prefixes for info in store.list(prefix)}


class Publisher:
    """Publishes datasets on behalf of one run, as the contract's safety 5 to 7 say."""

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        clock: Clock,
        engine: Engine,
        run_id: str,
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._engine = engine
        self._run_id = run_id
        self._journals: dict[str, Journal | None] = {}

    def open_journal(self, dataset: str) -> Journal | None:
        """The publish of this dataset that somebody began and did not end, if there is one.

        Raises:
            StoreError: the store did not say.
        """
        try:
            found = self._store.get(self._keys.publish_journal(dataset))
        except ObjectNotFound:
            journal = None
        else:
            journal = _journal(found)
        self._journals[dataset] = journal
        return journal

    def publish(self, plan: PublishPlan) -> PublishResult:
        """Write what differs, in the order that keeps readers whole at every moment.

        Journal; content in parallel; chains; master; commit; then deletes, the dataset's
        state, and the journal goes. When only the
        commit object differs it alone is written, and no journal; when nothing differs,
        nothing is. (The state is written in every case, when the plan has one.)

        Raises:
            BaseMoved: somebody else changed the dataset since the plan's base was read.
            LeaseLost: this run may not write any more.
            StoreError: the store failed; the next run finds the journal and does it again.
        """
        work = Diff.of(plan)
        etags = dict(plan.etags)
        if work.nothing_but_commit and self._closed(plan.dataset):
            if differs := plan.commit.key not in work.equal:
                etags[plan.commit.key] = self._commit(plan)
            result = result_of(plan, work, etags, committed=differs)
            self._write_state(plan, result)
            return result
        self._write_journal(plan, work)
        for done in self._engine.map(self._write_all, work.content_batches(plan.etags)):
            etags.update(done)
        for done in self._engine.map(self._write_all, work.chain_tasks(plan.etags)):
            etags.update(done)
        if work.master is not None:
            etags.update(self._write_all([(work.master, etags.get(work.master.key))]))
        etags[plan.commit.key] = self._commit(plan)
        for _ in self._engine.map(self._delete_all, batches(plan.deletes, BATCH)):
            pass
        result = result_of(plan, work, etags, committed=True)
        self._write_state(plan, result)
        self._remove_journal(plan.dataset)
        return result

    @staticmethod
    def preview(plan: PublishPlan) -> PublishResult:
        """What `publish` would do, without doing it."""
        work = Diff.of(plan)
        committed = not (work.nothing_but_commit and plan.commit.key in work.equal)
        return result_of(plan, work, dict(plan.etags), committed=committed)

    def with_restart(self, attempt: Callable[[int], _T]) -> _T:
        """Run `attempt(0)`; when the base moved meanwhile, start over once with `attempt(1)`.

        Raises:
            BaseMoved: it moved twice.
            LeaseLost: the base moved and this run's lease is over.
        """
        try:
            return attempt(0)
        except BaseMoved as moved:
            _LOG.warning("publish_starts_over", extra={"reason": str(moved)})
        self._journals.clear()
        return attempt(1)

    # ------------------------------------------------------------------ steps

    def _closed(self, dataset: str) -> bool:
        if dataset not in self._journals:
            self.open_journal(dataset)
        return self._journals[dataset] is None

    def _write_journal(self, plan: PublishPlan, work: Diff) -> None:
        known = None if self._closed(plan.dataset) else self._journals[plan.dataset]
        body = encode_json(
            {
                "dataset": plan.dataset,
                "runId": self._run_id,
                "startedAt": to_ms(self._clock.now()),
                "baseEtag": plan.base_etag,
                "commit": plan.commit.key,
                "writes": {write.key: work.hashes[write.key] for write in work.writes()},
                "deletes": list(plan.deletes),
            }
        )
        key = self._keys.publish_journal(plan.dataset)
        etag = self._put(Write(key, body), known.etag if known else None)
        self._journals[plan.dataset] = Journal(etag, self._run_id, plan.base_etag)

    def _remove_journal(self, dataset: str) -> None:
        self._store.delete(self._keys.publish_journal(dataset))
        self._journals[dataset] = None

    def _write_all(self, batch: Sequence[tuple[Write, str | None]]) -> list[tuple[str, str]]:
        return [(write.key, self._put(write, etag)) for write, etag in batch]

    def _commit(self, plan: PublishPlan) -> str:
        return self._put(plan.commit, plan.base_etag)

    def _delete_all(self, batch: Sequence[str]) -> None:
        for key in batch:
            self._store.delete(key)

    def _write_state(self, plan: PublishPlan, result: PublishResult) -> None:
        if plan.state is None:
            return
        write = plan.state(result.etags, result.hashes)
        # No condition: the journal, which is ours, guards it, and nothing else is lost with it.
        self._store.put(write.key, write.joined(), content_type=write.content_type)

    def _put(self, write: Write, etag: str | None) -> str:
        """Write one object on its condition, and return its ETag."""
        try:
            return self._send(write, IfAbsent() if etag is None else IfMatch(etag))
        except PreconditionFailed as failed:
            raise BaseMoved(f"{write.key} was changed by somebody else meanwhile") from failed

    def _send(self, write: Write, condition: Condition) -> str:
        return self._store.put(
            write.key,
            write.sendable(),
            content_type=write.content_type,
            cache_control=write.cache_control,
            condition=condition,
        )


def _journal(found: StoredObject) -> Journal:
    try:
        value = json.loads(found.body)
    except (ValueError, RecursionError):
        value = None
    fields = value if isinstance(value, dict) else {}
    run_id, base = fields.get("runId"), fields.get("baseEtag", "")
    return Journal(
        found.etag,
        run_id if isinstance(run_id, str) else "",
        base if base is None or isinstance(base, str) else "",
    )
