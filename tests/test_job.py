"""What a job's context does by itself: keeping unreadable objects aside, fencing, publishing."""

from pathlib import Path

import pytest

from datafetch.errors import LeaseLost
from datafetch.job import Job, JobContext, Remarks
from datafetch.models.run import JobReport, RunOptions
from tests.stores import MemoryStore
from tests.support import make_context

KEY = "json/bookmarks/index-test.json"


class Ended:
    """The fence of a lease that was lost."""

    def check(self) -> None:
        raise LeaseLost("lost")


@pytest.fixture
def store() -> MemoryStore:
    """A store with one object that cannot be read."""
    made = MemoryStore()
    made.put(KEY, b"{broken")
    return made


def _copies(store: MemoryStore) -> list[bytes]:
    return [body for key, body in store.objects.items() if key.startswith(f"{KEY}.corrupt-")]


def test_an_unreadable_object_is_logged_and_copied(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is lost when the job writes over it, and somebody can look what it was."""
    context = make_context(None, store)
    context.keep_aside(store.get(KEY))
    assert _copies(store) == [b"{broken"]
    (record,) = caplog.records
    assert (record.message, vars(record)["key"]) == ("object_corrupt", KEY)
    (copy,) = [key for key in store.objects if ".corrupt-" in key]
    assert vars(record)["copy"] == copy
    (note,) = context.remarks.notes()
    assert f"{KEY} could not be read: it is kept as {copy}" in note


def test_a_dry_run_copies_nothing(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """It only says what it found."""
    context = make_context(None, store, options=RunOptions(dry_run=True))
    context.keep_aside(store.get(KEY))
    assert _copies(store) == []
    assert "without --dry-run" in context.remarks.notes()[0]
    assert [record.message for record in caplog.records] == ["object_corrupt"]


def test_a_private_key_stays_out_of_the_log(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The CSV of a private repository is named after it; its log line need not be."""
    context = make_context(None, store)
    context.keep_aside(store.get(KEY), known_as="a repository's CSV")
    assert vars(caplog.records[0])["key"] == "a repository's CSV"
    assert KEY not in str(vars(caplog.records[0]))
    (note,) = context.remarks.notes()
    assert note.startswith("a repository's CSV could not be read")
    assert KEY not in note


def test_of_many_unreadable_objects_the_first_are_named() -> None:
    """A store in which everything is broken does not fill the screen; nothing is told twice."""
    remarks = Remarks()
    for number in range(40):
        remarks.unreadable(f"object {number // 2} is broken")
        remarks.say("the list was rebuilt")
    assert remarks.notes() == (
        "the list was rebuilt",
        "object 0 is broken",
        "object 1 is broken",
        "object 2 is broken",
        "17 more stored objects could not be read either",
    )


def test_a_lost_lease_ends_the_writing_only(store: MemoryStore) -> None:
    """A context under another job's lease reads on, and writes nothing once that lease is lost."""
    context = make_context(None, store)
    fenced = context.under(Ended())
    assert fenced.store.get(KEY).body == b"{broken"
    with pytest.raises(LeaseLost):
        fenced.store.put(KEY, b"{}")
    with pytest.raises(LeaseLost):
        fenced.keep_aside(store.get(KEY))
    context.store.put(KEY, b"{}")
    assert store.objects[KEY] == b"{}"


def test_a_job_works_in_a_context_with_its_own_settings(tmp_path: Path) -> None:
    """The manager makes the context; the job says which settings belong in it."""

    def work(context: JobContext[str]) -> JobReport:
        return JobReport(notes=(context.settings,))

    assert Job("mine", work).run(lambda own: make_context(own, tmp_path)).notes == ("mine",)
