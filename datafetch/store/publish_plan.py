"""What a publish takes and gives, and what of it really has to be done."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TypeVar

from datafetch.store.writes import Write, etag_says_equal

_T = TypeVar("_T")

BATCH = 16
"""Writes in one task: starting a task costs as much as a small write to a folder."""


StateWriter = Callable[[Mapping[str, str], Mapping[str, str]], Write]
"""Makes the dataset's state object from the ETags and the hashes of all its objects."""


@dataclass(frozen=True, slots=True)
class PublishPlan:
    """What a publish writes and removes.

    Attributes:
        dataset: its name, for the journal (`bookmarks`, `github`, `logos`, `opengraph`).
        commit: written last of all, on the condition that it still is what the run read.
        base_etag: ETag of the commit object that the run read; None when there was none.
        content: written first, in parallel.
        chains: then these, side by side, each in its own order (pages: highest first when
            the list grew, lowest first when it shrank).
        master: written after all content, before the commit object.
        deletes: removed after the commit.
        etags: ETag of each object as of the last publish, where known: replaced content is
            written on that condition; an object that is not listed must not exist.
        hashes: SHA-256 (hex) of each object's bytes as of the last publish, where known:
            equal bytes are not written. Without a hash, an ETag that is the MD5 or
            SHA-256 of the new bytes says the same.
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
    state: StateWriter | None = None

    def objects(self) -> Iterator[Write]:
        """All objects but the commit, in the order of their stages."""
        yield from self.content
        yield from chain.from_iterable(self.chains)
        if self.master is not None:
            yield self.master


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What a publish did: keys written, left alone as equal, removed.

    `etags` and `hashes` are those of all objects as they are now, the commit's included.
    """

    written: tuple[str, ...]
    equal: tuple[str, ...]
    deleted: tuple[str, ...]
    etags: Mapping[str, str]
    hashes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Diff:
    """The part of a plan that has to be done."""

    content: tuple[Write, ...]
    chains: tuple[tuple[Write, ...], ...]
    master: Write | None
    equal: frozenset[str]
    hashes: dict[str, str]
    nothing_but_commit: bool

    @classmethod
    def of(cls, plan: PublishPlan) -> "Diff":
        """Compare every object of the plan with what is known of the stored one; pure."""
        hashes = {write.key: write.sha256() for write in plan.objects()}
        hashes[plan.commit.key] = plan.commit.sha256()
        etags = {**plan.etags, plan.commit.key: plan.base_etag}
        equal = {
            write.key
            for write in chain(plan.objects(), (plan.commit,))
            if _is_equal(etags.get(write.key), plan.hashes.get(write.key), write, hashes[write.key])
        }
        for follower in _idle_followers(plan, hashes):
            equal.add(follower)
            hashes[follower] = plan.hashes[follower]
        content = tuple(write for write in plan.content if write.key not in equal)
        chains = tuple(
            left
            for one in plan.chains
            if (left := tuple(write for write in one if write.key not in equal))
        )
        master = plan.master if plan.master and plan.master.key not in equal else None
        idle = not (content or chains or master or plan.deletes)
        return cls(content, chains, master, frozenset(equal), hashes, idle)

    def writes(self) -> Iterator[Write]:
        """All objects to be written but the commit, in the order of their stages."""
        yield from self.content
        yield from chain.from_iterable(self.chains)
        if self.master is not None:
            yield self.master

    def content_batches(self, etags: Mapping[str, str]) -> Iterator[list[tuple[Write, str | None]]]:
        """The parallel content with each object's ETag, in tasks."""
        return batches(((write, etags.get(write.key)) for write in self.content), BATCH)

    def chain_tasks(self, etags: Mapping[str, str]) -> Iterator[list[tuple[Write, str | None]]]:
        """The chains with each object's ETag, a task each."""
        return ([(write, etags.get(write.key)) for write in one] for one in self.chains)


def _idle_followers(plan: PublishPlan, hashes: Mapping[str, str]) -> list[str]:
    """Objects that are as the last publish left them, as is their whole chain before them.

    Only what is remembered counts: that a page's bytes are right does not say that what
    follows it was written too; a publish may have died between them.
    """
    return [
        write.key
        for one in plan.chains
        for at, write in enumerate(one)
        if write.follows
        and write.key in plan.hashes
        and all(plan.hashes.get(before.key) == hashes[before.key] for before in one[:at])
    ]


def _is_equal(etag: str | None, known: str | None, write: Write, sha256: str) -> bool:
    if etag is None:
        return False
    return known == sha256 if known is not None else etag_says_equal(etag, write, sha256)


def result_of(
    plan: PublishPlan, work: Diff, etags: dict[str, str], *, committed: bool
) -> PublishResult:
    """The result of a plan that was carried out; `etags` are those that its writes gave.

    Beside other writes an equal commit is written all the same: it is what fences them.
    """
    hashes = {**plan.hashes, **work.hashes}
    for key in plan.deletes:
        etags.pop(key, None)
        hashes.pop(key, None)
    written = tuple(write.key for write in work.writes())
    return PublishResult(
        (*written, plan.commit.key) if committed else written,
        tuple(sorted(work.equal - {plan.commit.key} if committed else work.equal)),
        tuple(plan.deletes),
        etags,
        hashes,
    )


def batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """The items in lists of at most `size`."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
