"""What of a publish has to be done, decided without a store."""

import hashlib
from dataclasses import replace

import pytest

from datafetch.store.publish_plan import Diff, PublishPlan
from datafetch.store.writes import Write


def hash_of(body: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(body).hexdigest()


COMMIT = Write("commit", b"c")
PLAN = PublishPlan(
    "set",
    COMMIT,
    "e-commit",
    content=[Write("a", b"a"), Write("b", b"b")],
    chains=[[Write("p2", b"2"), Write("p1", b"1")], [Write("t", b"t")]],
    master=Write("master", b"m"),
)
KEYS = ["a", "b", "p2", "p1", "t", "master"]
STORED = replace(
    PLAN,
    etags={key: f"e-{key}" for key in KEYS},
    hashes={
        **{
            write.key: hash_of(b"".join([write.body]))
            for write in PLAN.objects()
            if isinstance(write.body, bytes)
        },
        "commit": hash_of(b"c"),
    },
)


def todo(plan: PublishPlan) -> list[str]:
    """Keys of the objects that are to be written before the commit, in order."""
    return [write.key for write in Diff.of(plan).plan.objects()]


def test_all_of_a_first_publish_is_done_in_order() -> None:
    """Content first, then the chains, then the master."""
    first = replace(PLAN, base_etag=None)
    assert todo(first) == KEYS
    assert Diff.of(first).equal == frozenset()


def test_of_an_equal_dataset_nothing_is_left() -> None:
    """What is stored with the same hash is not written, the commit included."""
    work = Diff.of(STORED)
    assert (todo(STORED), work.is_commit_alone, work.is_commit_equal) == ([], True, True)
    assert work.equal == {*KEYS, "commit"}
    assert work.plan.chains == ()


def test_an_object_without_an_etag_is_not_known_to_be_there() -> None:
    """A remembered hash of an object that was not listed proves nothing."""
    assert todo(replace(STORED, etags={**STORED.etags, "a": ""} | {"b": "e-b"})) == []
    gone = {key: etag for key, etag in STORED.etags.items() if key != "a"}
    assert todo(replace(STORED, etags=gone)) == ["a"]


def test_without_a_hash_the_etag_may_say_that_bytes_are_equal() -> None:
    """The MD5 of S3 does, an ETag of another form does not."""
    etags = {**STORED.etags, "a": f'"{hashlib.md5(b"a", usedforsecurity=False).hexdigest()}"'}
    assert todo(replace(STORED, etags=etags, hashes={})) == KEYS[1:]


def test_a_hash_that_differs_is_believed_before_the_etag() -> None:
    """An ETag may be the MD5 of other bytes that were encrypted by the server."""
    etags = {**STORED.etags, "a": f'"{hashlib.md5(b"a", usedforsecurity=False).hexdigest()}"'}
    assert todo(replace(STORED, etags=etags, hashes={**STORED.hashes, "a": "0" * 64})) == ["a"]


@pytest.mark.parametrize("changes", [{"deletes": ["old"]}, {"content": [Write("a", b"new")]}])
def test_a_commit_is_not_alone_beside_other_work(changes: dict[str, object]) -> None:
    """Then a journal is needed, and the commit object is written even when it is equal."""
    work = Diff.of(replace(STORED, **changes))  # type: ignore[arg-type]
    assert not work.is_commit_alone
    result = work.result({**STORED.etags, "commit": "new"}, committed=True)
    assert result.written[-1] == "commit"
    assert "commit" not in result.equal


def test_a_follower_stays_with_what_it_follows() -> None:
    """An index that only carries another time keeps its stored bytes, and their hash."""
    chain = [Write("page", b"p"), Write("index", b"time 2", follows=True)]
    stored = {"page": hash_of(b"p"), "index": hash_of(b"time 1")}
    plan = PublishPlan(
        "set", COMMIT, "e", chains=[chain], etags={"page": "1", "index": "2"}, hashes=stored
    )
    work = Diff.of(plan)
    assert work.equal >= {"page", "index"}
    assert work.hashes["index"] == hash_of(b"time 1")
    changed = replace(plan, chains=[[Write("page", b"q"), chain[1]]])
    assert todo(changed) == ["page", "index"]
    assert todo(replace(plan, hashes={"page": hash_of(b"p")})) == ["index"]


def test_an_object_that_is_written_twice_is_one_object() -> None:
    """What is written between counts for the limit of bytes only, and not where it ends as it is."""
    chain = [Write("page", b"old and new", interim=True), Write("t", b"t"), Write("page", b"new")]
    plan = PublishPlan("set", COMMIT, "e", chains=[chain], etags={"page": "1"})
    work = Diff.of(plan)
    assert [write.body for write in work.plan.writes()] == [b"old and new", b"t", b"new"]
    assert [write.body for write in work.plan.objects()] == [b"t", b"new"]
    assert work.hashes["page"] == hash_of(b"new")
    result = work.result({"page": "2", "t": "3"}, committed=True)
    assert result.written == ("t", "page", "commit")
    equal = Diff.of(replace(plan, hashes={"page": hash_of(b"new")}))
    assert [write.key for write in equal.plan.writes()] == ["t"]


def test_large_content_is_done_in_tasks_and_small_stages_in_one() -> None:
    """Starting a task costs as much as a small write: sixteen go together."""
    plan = replace(PLAN, content=[Write(f"k{number}", b"") for number in range(33)])
    content, chains, master = plan.stages()
    assert [len(task) for task in content] == [16, 16, 1]
    assert [[write.key for write in task] for task in chains] == [["p2", "p1"], ["t"]]
    assert [[write.key for write in task] for task in master] == [["master"]]


def test_a_result_tells_of_all_objects_but_the_removed() -> None:
    """What the next run remembers has no entry for what is not there any more."""
    plan = replace(STORED, deletes=["b"], content=[Write("a", b"new")])
    result = Diff.of(plan).result({**plan.etags, "a": "new", "commit": "new"}, committed=True)
    assert result.written == ("a", "commit")
    assert result.equal == ("master", "p1", "p2", "t")
    assert result.deleted == ("b",)
    assert set(result.etags) == {"a", "commit", "master", "p1", "p2", "t"}
    assert result.hashes == {
        **{k: v for k, v in STORED.hashes.items() if k != "b"},
        "a": hash_of(b"new"),
    }
