"""The plan and the result of a publish, and the part of a plan that is not stored yet."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from datafetch.models.normal_forms import in_form
from datafetch.store.writes import Write, etag_says_equal

_TASK_WRITES = 16
"""Writes in one task. Starting a task costs as much as a small write to a folder."""

StateWriter = Callable[[Mapping[str, str], Mapping[str, str]], Write]
"""Makes the dataset's state object from the ETags and the hashes of all its objects."""


@dataclass(frozen=True, slots=True)
class PublishPlan:
    """What a publish writes and removes.

    Attributes:
        dataset: its name, for the journal (`bookmarks`, `github`, `logos`, `opengraph`).
        commit: written last of all, on the condition that its ETag still is `base_etag`.
        base_etag: ETag of the commit object that the run read; None when there was none.
        content: written first, in parallel.
        chains: written after the content; chains run in parallel, each in its own order. An object
            may be written twice in its chain, first as an interim one (`Write.interim`).
        master: written after content and chains, before the commit object.
        deletes: keys of the objects that are removed after the commit.
        etags: ETag of each object as of the last publish, where known. An object is replaced only
            if it still has this ETag; one without an ETag here must not exist yet.
        hashes: SHA-256 (hex) of each object's bytes as of the last publish, where known.
            Equal bytes are not written. Without a hash, an ETag that is the MD5 or
            SHA-256 of the new bytes proves that they are equal.
        kept: keys of stored objects of the dataset that are not to be changed, though a new one
            would say something else, such as another time. Only a publish that writes equal
            objects too writes their stored bytes again.
        state: makes the object that remembers ETags and hashes for the next run; written
            after the commit, while the journal is still open.
    """

    dataset: str
    commit: Write
    base_etag: str | None
    content: Sequence[Write] = ()
    chains: Sequence[Sequence[Write]] = ()
    master: Write | None = None
    deletes: Sequence[str] = ()
    etags: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    kept: Sequence[str] = ()
    state: StateWriter | None = None

    def stages(self) -> Iterator[Iterable[Sequence[Write]]]:
        """The writes before the commit, as stages of tasks; a stage ends before the next begins.

        The tasks of a stage run in parallel, the writes of a task one after the other.
        """
        yield as_tasks(self.content)
        yield self.chains
        yield () if self.master is None else ((self.master,),)

    def objects(self) -> Iterator[Write]:
        """All objects but the commit as they will be stored, in the order of their stages."""
        return (write for write in self.writes() if not write.interim)

    def writes(self) -> Iterator[Write]:
        """All writes but that of the commit, interim ones too, in the order of their stages."""
        for stage in self.stages():
            yield from chain.from_iterable(stage)


def as_tasks(writes: Sequence[Write]) -> Iterator[Sequence[Write]]:
    """The writes in tasks that can run in parallel."""
    starts = range(0, len(writes), _TASK_WRITES)
    return (writes[start : start + _TASK_WRITES] for start in starts)


@dataclass(frozen=True, slots=True)
class PublishResult:
    """The keys that a publish wrote, left alone because the bytes were equal, and removed.

    `again` are those whose equal bytes were written again, which changes nothing for readers.
    `etags` and `hashes` are those of all objects after the publish, the commit's included.
    """

    written: tuple[str, ...]
    equal: tuple[str, ...]
    again: tuple[str, ...]
    deleted: tuple[str, ...]
    etags: Mapping[str, str]
    hashes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Diff:
    """The part of a plan that has to be done.

    Attributes:
        plan: the plan without the objects that are stored already; its commit is always there.
        equal: keys of the objects that are stored already; the commit's may be among them.
        idle: those of `equal` whose planned bytes are not the stored ones (see `Write.follows`).
        hashes: SHA-256 (hex) of every object of the whole plan.
    """

    plan: PublishPlan
    equal: frozenset[str]
    idle: frozenset[str]
    hashes: Mapping[str, str]

    @classmethod
    def of(cls, plan: PublishPlan) -> "Diff":
        """Compare the objects of the plan with its `hashes` and `etags`; asks no store."""
        objects = (*plan.objects(), plan.commit)
        hashes = {write.key: write.sha256() for write in objects}
        etags = {**plan.etags, plan.commit.key: plan.base_etag}
        equal = {
            write.key
            for write in objects
            if _is_equal(etags.get(write.key), plan.hashes.get(write.key), write, hashes[write.key])
        }
        idle = _idle_followers(plan, hashes)
        for follower in idle:
            equal.add(follower)
            hashes[follower] = plan.hashes[follower]

        def different(writes: Sequence[Write]) -> tuple[Write, ...]:
            return tuple(write for write in writes if write.key not in equal)

        rest = replace(
            plan,
            content=different(plan.content),
            chains=tuple(filter(None, map(different, plan.chains))),
            master=plan.master if plan.master and plan.master.key not in equal else None,
        )
        return cls(rest, frozenset(equal), frozenset(idle), hashes)

    @property
    def is_commit_equal(self) -> bool:
        """Whether the commit object is stored already."""
        return self.plan.commit.key in self.equal

    @property
    def is_commit_alone(self) -> bool:
        """Whether only the commit object may have to be written, and nothing to be removed."""
        return not self.plan.deletes and next(self.plan.objects(), None) is None

    def result(
        self, etags: Mapping[str, str], *, committed: bool, again: Collection[str] = ()
    ) -> PublishResult:
        """The result of a publish that has been done; `etags` are those of all objects after it.

        `committed`: whether the commit object was written. Together with other writes it is
        written even when it is equal, because its condition is what fences them. `again`: keys
        whose equal bytes were written again.
        """
        plan, equal = self.plan, self.equal.difference(again)
        written = [write.key for write in plan.objects()]
        if committed:
            written.append(plan.commit.key)
            equal -= {plan.commit.key}
        known_etags, known_hashes = {**etags}, {**plan.hashes, **self.hashes}
        for key in plan.deletes:
            known_etags.pop(key, None)
            known_hashes.pop(key, None)
        return PublishResult(
            tuple(written),
            tuple(sorted(equal)),
            tuple(sorted(again)),
            tuple(plan.deletes),
            known_etags,
            known_hashes,
        )


def twins(deletes: Iterable[str], live: Iterable[str]) -> dict[str, str]:
    """Those of `deletes` whose key some disks take for that of a live object, with its key.

    Disks of macOS and Windows ignore case, and older ones change the Unicode form of names.
    """
    folded = {_folded(key): key for key in deletes}
    return {folded[name]: key for key in live if (name := _folded(key)) in folded} if folded else {}


def _folded(key: str) -> str:
    return key if key.isascii() and key.islower() else in_form("NFC", key.casefold())


def _idle_followers(plan: PublishPlan, hashes: Mapping[str, str]) -> list[str]:
    """Keys of the objects with `follows` that need no write (see `Write.follows`).

    Only remembered hashes count, and no ETags: a page that is stored as planned does not prove
    that the object after it was written too; a publish may have died between them.
    """
    return [
        write.key
        for writes in plan.chains
        for place, write in enumerate(writes)
        if write.follows
        and write.key in plan.hashes
        and all(plan.hashes.get(before.key) == hashes[before.key] for before in writes[:place])
    ]


def _is_equal(etag: str | None, known: str | None, write: Write, sha256: str) -> bool:
    if etag is None:
        return False
    return known == sha256 if known is not None else etag_says_equal(etag, write, sha256)
