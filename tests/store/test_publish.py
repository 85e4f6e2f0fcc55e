"""The journalled, fenced publish."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest

from datafetch.errors import BaseMoved, LeaseLost, StoreConflict, StoreUnavailable
from datafetch.runtime.engine import Engine
from datafetch.store.base import Condition, ObjectInfo
from datafetch.store.fenced import FencedStore
from datafetch.store.keys import Keys
from datafetch.store.publish import (
    Journal,
    Publisher,
    PublishPlan,
    PublishResult,
    Write,
    etags_by_listing,
)
from tests.stores import Call, FaultyStore, Killed, MemoryStore, etag_of
from tests.support import FakeClock

KEYS = Keys("-test")
JOURNAL = KEYS.publish_journal("set")
PLAN = PublishPlan(
    dataset="set",
    commit=Write("commit", b"c1"),
    base_etag=None,
    content=[Write("a", b"a1"), Write("b", (b"b", b"1"))],
    chains=[[Write("p2", b"x"), Write("p1", b"y")], [Write("t1", b"z")]],
    master=Write("master", b"m1"),
)
ORDER = [JOURNAL, "a", "b", "p2", "p1", "t1", "master", "commit"]


@dataclass
class Counting:
    """A fence that falls after so many checks."""

    left: int = 1_000_000

    def check(self) -> None:
        """Raise once all are used up."""
        self.left -= 1
        if self.left < 0:
            raise LeaseLost


def publisher(store: FaultyStore, *, width: int = 1, fence: Counting | None = None) -> Publisher:
    """A publisher of run r1."""
    fenced = FencedStore(store, fence or Counting())
    return Publisher(fenced, KEYS, FakeClock(), Engine(width), "r1")


def again(result_of: PublishPlan, store: FaultyStore, **changes: object) -> PublishPlan:
    """The plan of a next run that knows every ETag."""
    etags = etags_by_listing(store.inner, [""])
    plan = replace(result_of, base_etag=etags["commit"], etags=etags)
    return replace(plan, **changes)  # type: ignore[arg-type]


def test_order_of_a_publish() -> None:
    """Journal, content, chains, master, commit last; then deletes, state, and the journal goes."""
    store = FaultyStore(MemoryStore())
    store.put("old", b"o")
    store.calls.clear()
    states: list[dict[str, str]] = []

    def state(etags: object, hashes: object) -> Write:
        assert isinstance(etags, dict)
        states.append(etags)
        return Write("state", b"s")

    result = publisher(store).publish(replace(PLAN, deletes=["old"], state=state))
    assert [call.key for call in store.calls if call.method != "get"] == [
        *ORDER,
        "old",
        "state",
        JOURNAL,
    ]
    assert store.calls[-1] == Call("delete", JOURNAL)
    assert result.written == tuple(ORDER[1:])
    assert result.deleted == ("old",)
    assert states[0]["b"] == etag_of(b"b1")
    assert dict(result.etags) == etags_by_listing(store.inner, ["a", "b", "c", "m", "p", "t"])


def test_journal_says_what_will_be_written() -> None:
    """The journal names run, base, and every object with its hash, before the first of them."""
    store = FaultyStore(MemoryStore(), fault=lambda call, _: "kill" if call.key == "a" else None)
    with pytest.raises(Killed):
        publisher(store).publish(replace(PLAN, deletes=["old"]))
    found = store.inner.get(JOURNAL)
    bodies = {"a": b"a1", "b": b"b1", "p2": b"x", "p1": b"y", "t1": b"z", "master": b"m1"}
    hashes = {key: hashlib.sha256(body).hexdigest() for key, body in bodies.items()}
    text = (
        '{"dataset":"set","runId":"r1","startedAt":1795507200000,"baseEtag":null,"commit":"commit",'
        f'"writes":{json.dumps(hashes, separators=(",", ":"))},"deletes":["old"]}}'
    )
    assert found.body.decode() == text
    assert publisher(store).open_journal("set") == Journal(found.etag, "r1", None, ("old",))


def test_equal_bytes_are_not_written() -> None:
    """What is stored already, by hash or by ETag, is left alone."""
    store = FaultyStore(MemoryStore())
    publisher(store).publish(PLAN)
    store.calls.clear()
    plan = again(PLAN, store, content=[Write("a", b"a1"), Write("b", b"b2")])
    result = publisher(store).publish(plan)
    assert result.written == ("b", "commit")
    assert set(result.equal) == {"a", "p1", "p2", "t1", "master"}
    remembered = again(plan, store, hashes=result.hashes, commit=Write("commit", b"c2"))
    store.calls.clear()
    assert publisher(store).publish(remembered).written == ("commit",)
    assert [call.key for call in store.calls] == [JOURNAL, "commit"]
    store.calls.clear()
    assert publisher(store).publish(again(remembered, store, hashes={})).written == ()
    assert store.count("put") == 0


def test_followers_are_written_with_what_they_follow() -> None:
    """What carries a time is left alone only when it and all before it are as remembered."""
    store = FaultyStore(MemoryStore())
    chain = [Write("page", b"p"), Write("index", b"time 1", follows=True)]
    plan = PublishPlan("set", Write("commit", b"1"), None, chains=[chain])
    first = publisher(store).publish(plan)
    later = [chain[0], Write("index", b"time 2", follows=True)]
    plan = again(plan, store, hashes=first.hashes, chains=[later], commit=Write("commit", b"2"))
    second = publisher(store).publish(plan)
    assert second.written == ("commit",)
    assert second.hashes["index"] == first.hashes["index"]
    changed = [Write("page", b"q"), later[1]]
    assert publisher(store).publish(again(plan, store, chains=[changed])).written == (
        "page",
        "index",
        "commit",
    )
    # By its ETag alone a page may be equal because a dead run wrote it, and not the index.
    forgotten = again(plan, store, chains=[[changed[0], chain[1]]], hashes={})
    result = publisher(store).publish(forgotten)
    assert "index" in result.written
    half = again(plan, store, chains=[changed], hashes={"page": result.hashes["page"]})
    assert "index" in publisher(store).publish(half).written


@pytest.mark.parametrize("victim", ["a", "p2", "master", "commit"])
def test_foreign_change_ends_the_publish(victim: str) -> None:
    """The first 412 ends a publish: what somebody else wrote meanwhile is not overwritten."""
    store = FaultyStore(MemoryStore())
    publisher(store).publish(PLAN)
    plan = again(
        PLAN,
        store,
        commit=Write("commit", b"c2"),
        content=[Write("a", b"a2")],
        chains=[[Write("p2", b"x2")]],
        master=Write("master", b"m2"),
    )
    store.inner.put(victim, b"theirs")
    with pytest.raises(BaseMoved):
        publisher(store).publish(plan)
    assert store.inner.get(victim).body == b"theirs"


def test_unknown_object_must_not_be_there() -> None:
    """Content without a known ETag is written only where nothing is."""
    store = FaultyStore(MemoryStore())
    store.inner.put("a", b"theirs")
    with pytest.raises(BaseMoved):
        publisher(store).publish(PLAN)
    assert store.inner.get("a").body == b"theirs"


def test_starts_over_once() -> None:
    """A run that lost its base starts over once, from the store's state, and then gives up."""
    store = FaultyStore(MemoryStore())
    store.inner.put("a", b"theirs")
    builds: list[int] = []

    def build(attempt: int) -> PublishPlan:
        builds.append(attempt)
        return replace(PLAN, etags=etags_by_listing(store.inner, [""]) if attempt else {})

    assert "a" in published(publisher(store), build).written
    assert builds == [0, 1]
    with pytest.raises(BaseMoved):
        published(publisher(store), lambda _: replace(PLAN, content=[Write("a", b"n")]))
    with pytest.raises(LeaseLost):
        published(publisher(store, fence=Counting(0)), build)


def test_lost_answers_are_successes() -> None:
    """A conditional PUT was stored, its answer lost, the retry met a 412, and it was taken for lost."""
    store = FaultyStore(
        MemoryStore(), fault=lambda call, _: "lost" if call.method == "put" else None
    )
    result = publisher(store).publish(PLAN)
    assert result.etags["commit"] == etag_of(b"c1")
    assert store.inner.get("commit").body == b"c1"


def published(one: Publisher, build: Callable[[int], PublishPlan]) -> PublishResult:
    """Publish, and start over once when the base moved."""
    return one.with_restart(lambda attempt: one.publish(build(attempt)))


def test_an_object_is_written_twice_on_the_condition_of_its_first_write() -> None:
    """Between the two writes of a page somebody else may write it, or an answer may be lost."""
    chain = [Write("p1", b"old new", interim=True), Write("p2", b"2"), Write("p1", b"new")]
    plan = PublishPlan("set", Write("commit", b"c2"), None, chains=[chain])
    lost = FaultyStore(MemoryStore(), fault=lambda call, _: "lost" if call.key == "p1" else None)
    assert publisher(lost).publish(plan).written == ("p2", "p1", "commit")
    assert lost.inner.get("p1").body == b"new"
    store = FaultyStore(MemoryStore())

    def meddle(call: Call) -> None:
        if call == Call("put", "p2"):
            store.inner.put("p1", b"of somebody else")

    store.before = meddle
    with pytest.raises(BaseMoved, match="p1"):
        publisher(store).publish(plan)
    assert store.inner.get("p1").body == b"of somebody else"


@pytest.mark.parametrize("left", range(10))
def test_fence_is_asked_before_each_write(left: int) -> None:
    """A process that slept past its lease writes nothing when it wakes."""
    store = FaultyStore(MemoryStore())
    with pytest.raises(LeaseLost):
        publisher(store, fence=Counting(left)).publish(replace(PLAN, deletes=["old"]))
    assert store.count("put", "delete") == left


@pytest.mark.parametrize("kind", ["fail", "gone", "kill"])
@pytest.mark.parametrize("at", range(12))
def test_next_publish_ends_what_was_begun(kind: str, at: int) -> None:
    """Killed at any request, the commit object names only what is there, and the next run ends it."""
    store = FaultyStore(MemoryStore())
    publisher(store).publish(PLAN)
    new = replace(
        PLAN,
        commit=Write("commit", b"c2"),
        content=[Write("a", b"a2"), Write("n", b"n2")],
        chains=[[Write("p1", b"y2"), Write("p2", b"x2")]],
        master=Write("master", b"m2"),
        deletes=["t1"],
    )
    store.calls.clear()
    store.fault = lambda _, number: kind if number == at else None
    with suppress(StoreUnavailable, Killed):
        publisher(store).publish(again(new, store))
    store.fault = None
    if store.inner.get("commit").body == b"c2":
        assert all(store.inner.get(write.key).body == write.sendable() for write in new.objects())
    two = publisher(store)
    two.open_journal("set")
    two.publish(again(new, store))
    left = {info.key: store.inner.get(info.key).body for info in store.inner.list("")}
    assert left == {
        "a": b"a2",
        "b": b"b1",
        "n": b"n2",
        "p1": b"y2",
        "p2": b"x2",
        "master": b"m2",
        "commit": b"c2",
    }


@pytest.mark.parametrize(
    "body",
    [
        *(b"not json", b"[]", b'{"runId":5}', b'{"runId":"r0"}', b"[" * 100_000, b""),
        b'{"dataset":"set","runId":"r9","startedAt":1,"baseEtag":null,"commit":"c","writes":{},'
        b'"deletes":[],"x":[' + b"{}," * 200_000 + b"{}]}",
    ],
    ids=len,
)
def test_foreign_journal_is_taken_over(body: bytes) -> None:
    """A journal that cannot be read tells of no run and no base; it is replaced and closed."""
    store = FaultyStore(MemoryStore())
    publisher(store).publish(PLAN)
    etag = store.inner.put(JOURNAL, body)
    second = publisher(store)
    assert second.open_journal("set") == Journal(etag, "", "")
    assert second.publish(again(PLAN, store)).written == ("commit",)
    assert publisher(store).open_journal("set") is None


def test_a_journal_can_be_left_to_another_process() -> None:
    """A commit object alone is then written beside the journal, which nobody asks for."""
    store = FaultyStore(MemoryStore())
    etag = store.inner.put(JOURNAL, b"of another")
    own = publisher(store)
    own.leave_journal("set")
    result = own.publish(PublishPlan("set", Write("commit", b"c1"), None))
    assert result.written == ("commit",)
    assert [call.key for call in store.calls] == ["commit"]
    assert store.inner.head(JOURNAL).etag == etag


def test_conflicts_are_tried_again() -> None:
    """409 says that another write is under way, not that this one lost."""
    inner = Conflicting(3)
    assert publisher(FaultyStore(inner)).publish(PLAN).written == tuple(ORDER[1:])


def test_a_conflict_is_tried_again_on_one_layer() -> None:
    """A conflict was retried on two layers: 16 PUTs of one object."""
    inner = Conflicting(100)
    with pytest.raises(StoreConflict):
        publisher(FaultyStore(inner)).publish(PLAN)
    assert 100 - inner.left == 4


class Conflicting(MemoryStore):
    """Answers the first writes of `a` with 409."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times

    def put_once(self, key: str, body: bytes, condition: Condition) -> str:
        if key == "a" and self.left:
            self.left -= 1
            raise StoreConflict(key=key)
        return super().put_once(key, body, condition)


@pytest.mark.parametrize("width", [1, 8])
def test_many_objects_in_parallel(width: int) -> None:
    """Parallel writes end before the next stage begins, and each ETag is known afterwards."""
    store = FaultyStore(MemoryStore())
    many = [Write(f"k{number}", b"%d" % number) for number in range(100)]
    result = publisher(store, width=width).publish(replace(PLAN, content=many))
    puts = store.keys("put")
    assert set(puts[1:101]) == {write.key for write in many}
    assert puts[-2:] == ["master", "commit"]
    assert all(
        result.etags[write.key] == etag_of(b"%d" % number) for number, write in enumerate(many)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"commit": Write("commit", b"c2")},
        {"content": [Write("a", b"a2")]},
        {"content": [Write("a", b"a2")], "commit": Write("commit", b"c2")},
        {"deletes": ["t1"]},
        {"deletes": ["t1"], "commit": Write("commit", b"c2")},
    ],
)
def test_a_preview_says_what_a_publish_then_does(changes: dict[str, object]) -> None:
    """A commit object is written with everything else, and alone when only it differs."""
    store = FaultyStore(MemoryStore())
    publisher(store).publish(PLAN)
    plan = again(PLAN, store, **changes)
    said = publisher(store).preview(plan)
    done = publisher(store).publish(plan)
    assert (said.written, said.equal, said.deleted) == (done.written, done.equal, done.deleted)


def test_preview_does_nothing() -> None:
    """A preview says what a publish would do and asks the store for nothing."""
    store = FaultyStore(MemoryStore())
    preview: Callable[[PublishPlan], object] = publisher(store).preview
    assert preview(PLAN)
    assert publisher(store).preview(PLAN).written == tuple(ORDER[1:])
    assert store.calls == []


# ------------------------------------------------------------- equal objects


def rewriting(store: FaultyStore, told: list[int], fence: Counting | None = None) -> Publisher:
    """A publisher that writes equal objects too."""
    fenced = FencedStore(store, fence or Counting())
    return Publisher(fenced, KEYS, FakeClock(), Engine(1), "r1", again=told.append)


def test_equal_objects_are_written_again_when_asked_for() -> None:
    """So that new headers reach them; each on the condition of its ETag, and it is no change."""
    store = FaultyStore(MemoryStore())
    publisher(store).publish(PLAN)
    store.put("kept", b"k1")
    store.calls.clear()
    plan, told = again(PLAN, store, kept=["kept", "gone"]), list[int]()
    result = rewriting(store, told).publish(plan)
    keys = ("a", "b", "commit", "kept", "master", "p1", "p2", "t1")
    assert (result.written, result.equal, result.again) == ((), (), keys)
    assert told == [8]
    puts = [call.key for call in store.calls if call.method == "put"]
    assert sorted(puts) == sorted(keys)
    assert puts[-1] == "commit"
    assert JOURNAL not in etags_by_listing(store.inner, [""])


def test_what_follows_is_written_again_as_it_is_stored() -> None:
    """An index whose time would differ keeps its time: nothing changed."""
    store = FaultyStore(MemoryStore())
    chain = [Write("page", b"p"), Write("index", b"time 1", follows=True)]
    plan = PublishPlan("set", Write("commit", b"1"), None, chains=[chain])
    first = publisher(store).publish(plan)
    later = [chain[0], Write("index", b"time 2", follows=True)]
    store.calls.clear()
    plan = again(plan, store, hashes=first.hashes, chains=[later])
    assert rewriting(store, []).publish(plan).again == ("commit", "index", "page")
    assert store.inner.get("index").body == b"time 1"
    assert Call("put", "index") in store.calls


def test_what_differs_counts_as_written_and_the_rest_as_again() -> None:
    """The state gets the ETags of both."""
    store = FaultyStore(MemoryStore())
    publisher(store).publish(PLAN)
    told: list[int] = []
    plan = again(PLAN, store, content=[Write("a", b"a2")])
    result = rewriting(store, told).publish(plan)
    assert result.written == ("a", "commit")
    assert result.again == ("master", "p1", "p2", "t1")
    assert dict(result.etags) == etags_by_listing(store.inner, [""])
    assert told == [4]


@pytest.mark.parametrize("left", range(9))
def test_an_interrupted_writing_of_equal_objects_leaves_nothing_to_end(left: int) -> None:
    """Wherever it ends, readers have what they had, and there is no journal."""
    store = FaultyStore(MemoryStore())
    publisher(store).publish(PLAN)
    assert isinstance(store.inner, MemoryStore)
    before = dict(store.inner.objects)
    plan = again(PLAN, store)
    with suppress(LeaseLost):
        rewriting(store, [], Counting(left)).publish(plan)
    assert store.inner.objects == before


def test_an_equal_object_that_somebody_changed_is_not_written_over() -> None:
    """The publish starts over from what is stored now."""
    store = FaultyStore(MemoryStore())
    publisher(store).publish(PLAN)
    plan = again(PLAN, store)
    store.put("p1", b"theirs")
    with pytest.raises(BaseMoved, match="p1"):
        rewriting(store, []).publish(plan)
    assert store.inner.get("p1").body == b"theirs"


def test_a_preview_counts_the_equal_objects_that_would_be_written() -> None:
    """Nothing is written by it."""
    store = FaultyStore(MemoryStore())
    publisher(store).publish(PLAN)
    plan = again(PLAN, store, kept=["kept"])
    store.calls.clear()
    seen = rewriting(store, []).preview(plan)
    assert (seen.written, seen.equal) == ((), ())
    assert seen.again == ("a", "b", "commit", "kept", "master", "p1", "p2", "t1")
    assert store.count("put") == 0


# -------------------------------------------------------------------- strays


def test_a_stray_that_cannot_be_removed_stays() -> None:
    """A server that refuses such a name ends no publish; one that refuses ours does."""
    refuses = FaultyStore(
        MemoryStore(), lambda call, _: "fail" if call == Call("delete", "tags//x") else None
    )
    result = publisher(refuses).publish(replace(PLAN, deletes=["tags//x", "old"]))
    assert result.deleted == ("tags//x", "old")
    assert JOURNAL not in etags_by_listing(refuses.inner, [""])
    refuses = FaultyStore(
        MemoryStore(), lambda call, _: "fail" if call == Call("delete", "old") else None
    )
    with pytest.raises(StoreUnavailable):
        publisher(refuses).publish(replace(PLAN, deletes=["old"]))


class FoldingStore(MemoryStore):
    """A disk that does not tell capitals from small letters, and shows names as they were made."""

    def _name(self, key: str) -> str:
        return next((name for name in self.objects if name.lower() == key.lower()), key)

    def head(self, key: str) -> ObjectInfo:
        return super().head(self._name(key))

    def put_once(self, key: str, body: bytes, condition: Condition) -> str:
        return super().put_once(self._name(key), body, condition)

    def delete(self, key: str) -> None:
        super().delete(self._name(key))


def test_a_live_object_is_not_removed_by_another_spelling_of_its_name() -> None:
    """On disks that ignore case a stale name may be that of a file that was just written."""
    memory = FoldingStore()
    memory.put("tags/AI/page-1.json", b"old")
    plan = PublishPlan(
        "set",
        Write("commit", b"1"),
        None,
        content=[Write("tags/ai/page-1.json", b"new")],
        etags={"tags/ai/page-1.json": etag_of(b"old")},
        deletes=["tags/AI/page-1.json"],
    )
    publisher(FaultyStore(memory)).publish(plan)
    assert memory.objects["tags/AI/page-1.json"] == b"new"


def test_a_stale_object_goes_although_a_live_one_has_nearly_its_name() -> None:
    """Stores that tell capitals from small letters hold two objects."""
    store = FaultyStore(MemoryStore())
    store.put("A", b"stale")
    publisher(store).publish(replace(PLAN, deletes=["A"]))
    assert "A" not in etags_by_listing(store.inner, [""])
    assert "a" in etags_by_listing(store.inner, [""])
