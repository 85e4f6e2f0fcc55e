"""The journalled, fenced publish of a dataset: content, master, commit object, then deletions.

How a job uses it:

1. It calls `publisher.open_journal("github")` at the start. When there is a journal, an earlier
   run died in the middle of a publish: the job distrusts what it remembers of the stored
   objects, takes their ETags from `etags_by_listing`, and publishes the whole dataset again.
2. It makes a `PublishPlan` of what it read: `base_etag` is the ETag of the commit object,
   `etags` those of the objects that will be replaced. An object without a known ETag must not
   exist yet.
3. It calls `publisher.with_restart(attempt)`, where `attempt(number)` makes the plan and
   publishes it. When somebody else changed the dataset meanwhile, `attempt` is called once more,
   and must then read the store's current state (ETags by one listing).

`Publisher.publish` says what happens in between.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from datafetch.clock import Clock, to_ms
from datafetch.errors import BaseMoved, ObjectNotFound, PreconditionFailed, StoreError
from datafetch.models.json_bounds import check_density
from datafetch.runtime.engine import Engine
from datafetch.store.again import write_again
from datafetch.store.base import IfAbsent, IfMatch, ObjectStore, encode_json
from datafetch.store.keys import Keys
from datafetch.store.output_limit import OutputLimit, check_object
from datafetch.store.paths import is_key
from datafetch.store.publish_plan import (
    Diff,
    PublishPlan,
    PublishResult,
    StateWriter,
    as_tasks,
    twins,
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
    """The journal of an unfinished publish, as found in the store.

    Attributes:
        etag: of the journal itself.
        run_id: of the run that began the publish; empty when the journal cannot be read.
        base_etag: of the commit object that the publish was to replace; None when there was
            none, empty when the journal cannot be read.
        deletes: keys of the objects that it was to remove.
    """

    etag: str
    run_id: str
    base_etag: str | None
    deletes: tuple[str, ...] = ()


class _StoredJournal(BaseModel):
    """The journal as it is stored.

    Attributes:
        started_at: epoch ms.
        commit: key of the commit object.
        writes: SHA-256 (hex) of each object that is written before the commit, by its key.
        deletes: keys of the objects that are removed after the commit.
    """

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)

    dataset: str
    run_id: str
    started_at: int
    base_etag: str | None
    commit: str
    writes: dict[str, str]
    deletes: list[str]


def etags_by_listing(store: ObjectStore, prefixes: Iterable[str]) -> dict[str, str]:
    """The ETag of every object under the prefixes, from the store itself.

    Raises:
        StoreError: the store did not answer.
    """
    return {info.key: info.etag for prefix in prefixes for info in store.list(prefix)}


class Publisher:
    """Publishes datasets on behalf of one run, so that readers never see half of one."""

    def __init__(
        self,
        store: ObjectStore,
        keys: Keys,
        clock: Clock,
        engine: Engine,
        run_id: str,
        *,
        again: Callable[[int], None] | None = None,
        limit: OutputLimit | None = None,
    ) -> None:
        """With `again`, equal objects are written too; it is told how many each publish wrote.

        With `limit`, a publish whose writes would pass it is refused before the first of them.
        """
        self._again = again
        self._limit = limit
        self._store = store
        self._keys = keys
        self._clock = clock
        self._engine = engine
        self._run_id = run_id
        self._journals: dict[str, Journal | None] = {}

    def open_journal(self, dataset: str) -> Journal | None:
        """Read the journal of an unfinished publish of this dataset; None when there is none.

        Raises:
            StoreError: the store did not say whether there is one.
        """
        try:
            found = self._store.get(self._keys.publish_journal(dataset))
            check_density(found.body)
            stored = _StoredJournal.model_validate_json(found.body, strict=True)
        except ObjectNotFound:
            journal = None
        except ValueError:  # pydantic's `ValidationError` is one
            journal = Journal(found.etag, run_id="", base_etag="")
        else:
            deletes = tuple(stored.deletes)
            journal = Journal(found.etag, stored.run_id, stored.base_etag, deletes)
        self._journals[dataset] = journal
        return journal

    def leave_journal(self, dataset: str) -> None:
        """Leave the dataset's journal alone: it belongs to the run for which this worker works.

        From now on this publisher may only write commit objects, without any content.
        """
        self._journals[dataset] = None

    def publish(self, plan: PublishPlan) -> PublishResult:
        """Write what differs, in an order in which readers see a whole dataset at every moment.

        First the journal, then content in parallel, chains, master and commit; then stale objects
        are removed, the dataset's state is written, and the journal is removed. When only the
        commit object differs, it is written without a journal; when nothing differs, neither is.
        The state, if the plan has one, is written in every case.

        A publisher with `again` writes equal objects too, on the same conditions. They need no
        journal: readers see the same bytes before and after, wherever a run ends.

        Raises:
            BaseMoved: somebody else changed the dataset since the plan's base was read.
            LeaseLost: this run may not write any more.
            OutputRefused: it would write more than the run may; nothing was written.
            StoreError: the store failed; the next run finds the journal and publishes again.
        """
        work, size = self._planned(plan)
        with self._limit.approved(size) if self._limit else nullcontext():
            return self._carry_out(plan, work)

    def preview(self, plan: PublishPlan) -> PublishResult:
        """What `publish` would write and remove; nothing is written.

        The result has the ETags of the plan, so what would be written has its old one or none.

        Raises:
            OutputRefused: `publish` would raise it.
        """
        work, size = self._planned(plan)
        if self._limit is not None:
            self._limit.check(size)
        committed = not (work.is_commit_alone and work.is_commit_equal)
        again = {*work.equal, *plan.kept} if self._again else set[str]()
        if committed:
            again.discard(plan.commit.key)
        return work.result(plan.etags, committed=committed, again=again)

    def with_restart(self, attempt: Callable[[int], _T]) -> _T:
        """Run `attempt(0)`; when it raises `BaseMoved`, start over once with `attempt(1)`.

        Raises:
            BaseMoved: the second attempt raised it too.
            LeaseLost: the run's lease has ended.
        """
        try:
            return attempt(0)
        except BaseMoved as moved:
            _LOG.warning("publish_starts_over", extra={"reason": str(moved)})
        self._journals.clear()
        return attempt(1)

    # ------------------------------------------------------------------ steps

    def _planned(self, plan: PublishPlan) -> tuple[Diff, int]:
        """What differs, and how many bytes will be written, without journal and state.

        With `again` that includes the plan's equal objects; `kept` and `idle` ones, which are read
        from the store only when they are written, it does not.

        Raises:
            OutputRefused: one of the objects would be too large to be read again.
        """
        work = Diff.of(plan)
        writes = [*work.plan.writes(), plan.commit, *(_same(plan, work) if self._again else ())]
        return work, sum(check_object(write.key, write.size()) for write in writes)

    def _carry_out(self, plan: PublishPlan, work: Diff) -> PublishResult:
        etags = dict(plan.etags)
        journalled = not (work.is_commit_alone and self._is_closed(plan.dataset))
        committed = journalled or not work.is_commit_equal
        if journalled:
            self._write_journal(work)
        again = self._write_equal(plan, work) if self._again else {}
        etags.update(again)
        for stage in work.plan.stages():
            for written in self._engine.map(partial(self._write_all, plan.etags), stage):
                etags.update(written)
        if committed or self._again:
            etags[plan.commit.key] = self._put(plan.commit, plan.base_etag)
            if not committed:
                again[plan.commit.key] = etags[plan.commit.key]
        live = twins(plan.deletes, work.hashes)
        for _ in self._engine.map(partial(self._remove, live), plan.deletes):
            pass
        result = work.result(etags, committed=committed, again=again)
        if plan.state is not None:
            state = plan.state(result.etags, result.hashes)
            # Needs no condition: the writes before it were fenced by theirs, and a state that is
            # lost or overwritten can be made again from the stored objects.
            self._store.put(state.key, state.sendable(), content_type=state.content_type)
        if journalled:
            self._store.delete(self._keys.publish_journal(plan.dataset))
            self._journals[plan.dataset] = None
        if self._again:
            self._again(len(again))
        return result

    def _is_closed(self, dataset: str) -> bool:
        """Whether the dataset has no journal; the store is asked the first time only."""
        if dataset not in self._journals:
            self.open_journal(dataset)
        return self._journals[dataset] is None

    def _write_journal(self, work: Diff) -> None:
        plan = work.plan
        known = None if self._is_closed(plan.dataset) else self._journals[plan.dataset]
        journal = _StoredJournal(
            dataset=plan.dataset,
            run_id=self._run_id,
            started_at=to_ms(self._clock.now()),
            base_etag=plan.base_etag,
            commit=plan.commit.key,
            writes={write.key: work.hashes[write.key] for write in plan.objects()},
            deletes=list(plan.deletes),
        )
        body = encode_json(journal.model_dump(by_alias=True))
        key = self._keys.publish_journal(plan.dataset)
        etag = self._put(Write(key, body), known.etag if known else None)
        self._journals[plan.dataset] = Journal(
            etag, self._run_id, plan.base_etag, tuple(plan.deletes)
        )

    def _write_equal(self, plan: PublishPlan, work: Diff) -> dict[str, str]:
        """Write the equal objects of a plan again, all but its commit; returns their new ETags."""
        etags: dict[str, str] = {}
        same = as_tasks(_same(plan, work))
        for written in self._engine.map(partial(self._write_all, plan.etags), same):
            etags.update(written)
        stored = (*sorted(work.idle), *plan.kept)
        rest = self._engine.map(self._write_stored, stored)
        return etags | {key: etag for key, etag in rest if etag is not None}

    def _write_stored(self, key: str) -> tuple[str, str | None]:
        return key, write_again(self._store, key)

    def _remove(self, live: Mapping[str, str], key: str) -> None:
        """Remove a stale object, unless it is a live one by another spelling of its name.

        `live` are the live objects whose keys differ from stale ones only in what some disks do
        not tell apart. What has a name that we would not write may stay where it is: a server
        may not take such a name.

        Raises:
            StoreError: an object of a name of ours could not be removed.
            LeaseLost: this run may not write any more.
        """
        try:
            if key in live and self._is_one_object(key, live[key]):
                return
            self._store.delete(key)
        except StoreError as error:
            if is_key(key):
                raise
            _LOG.info("stray_left", extra={"key": key, "error": str(error)})

    def _is_one_object(self, key: str, other: str) -> bool:
        """Whether the store shows the same object under both keys."""
        try:
            found, theirs = self._store.head(key), self._store.head(other)
        except ObjectNotFound:
            return False
        return (found.etag, found.last_modified) == (theirs.etag, theirs.last_modified)

    def _write_all(self, etags: Mapping[str, str], task: Sequence[Write]) -> dict[str, str]:
        """Write one object after the other, each if its ETag is as given; returns the new ETags.

        One that is written twice has to have the ETag of its first write the second time.
        """
        new: dict[str, str] = {}
        for write in task:
            new[write.key] = self._put(write, new.get(write.key, etags.get(write.key)))
        return new

    def _put(self, write: Write, etag: str | None) -> str:
        """Write an object if it still has this ETag (None: if it is missing); returns the new one."""
        try:
            return self._store.put(
                write.key,
                write.sendable(),
                content_type=write.content_type,
                cache_control=write.cache_control,
                condition=IfAbsent() if etag is None else IfMatch(etag),
            )
        except PreconditionFailed as failed:
            raise BaseMoved(f"{write.key} was changed by somebody else meanwhile") from failed


def _same(plan: PublishPlan, work: Diff) -> list[Write]:
    """The equal objects whose bytes the plan has, without its commit."""
    return [
        write for write in plan.objects() if write.key in work.equal and write.key not in work.idle
    ]
