"""Runs that died, datasets that moved, objects that broke."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from datafetch.errors import BaseMoved, LeaseLost, StoreUnavailable
from datafetch.github.dataset import GitHubDataset
from datafetch.github.model import RememberedRepository, Repository, Status, Week
from datafetch.github.rules.csv import compact
from datafetch.models.run import JobReport
from datafetch.store.base import FilePart
from datafetch.store.local import LocalStore
from tests.github.world import Expected, Recorder, World, push, totals
from tests.support import make_context


@dataclass
class Trap:
    """A fence that does something when it is asked for the n-th time."""

    after: int
    spring: Callable[[], None]

    def check(self) -> None:
        """Count, and spring once."""
        self.after -= 1
        if self.after == 0:
            self.spring()


def lose() -> None:
    """The lease is over."""
    raise LeaseLost


@pytest.mark.parametrize("writes", [1, 2, 3, 4, 5, 6, 8])
def test_a_run_that_died_asks_only_for_what_is_missing(small: World, writes: int) -> None:
    """Whatever the write before which a run ends, the next run keeps every CSV that was stored."""
    with pytest.raises(LeaseLost):
        small.run(fence=Trap(writes, lose), width=1)
    have = {name for name in ("tools", "web-app", "data") if small.csv(f"octo-dev_{name}").exists()}
    small.app.log.clear()
    report = small.run()
    assert {name.split("/")[1] for name in small.asked()} == {"tools", "web-app", "data"} - have
    assert report.failed == 0
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


def test_strays_among_the_csvs_are_no_repositories(small: World) -> None:
    """Other tools leave `._owner_repo.csv`, and folders of theirs: they are left alone."""
    small.run()
    sums = small.json("github_stats_summary_all_time")
    strays = ["._octo-dev_tools", "old/octo-dev_gone", "sub/._x"]
    for name in strays:
        small.csv(name).parent.mkdir(exist_ok=True)
        small.csv(name).write_bytes(b"1,1,1,1\n")
    report = small.run()
    assert (report.failed, report.change_detected) == (0, False)
    assert small.json("github_stats_summary_all_time") == sums
    assert all(small.csv(name).read_bytes() == b"1,1,1,1\n" for name in strays)
    dataset = GitHubDataset.load(small.context())
    assert sorted(dataset.stored) == ["octo-dev_data", "octo-dev_tools", "octo-dev_web-app"]


def test_a_dataset_that_moved_is_started_over_once(small: World) -> None:
    """Somebody else published meanwhile: the run starts over from the store's current state."""
    small.run()
    push(small)
    activity = small.folder / "json/github-activity/activity_data-test.json"
    stranger = json.dumps(small.json("activity_data"), indent=1)
    small.app.log.clear()
    report: JobReport = small.run(fence=Trap(4, lambda: _overwrite(activity, stranger)), width=1)
    assert len(small.asked()) == 1
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)
    assert report.failed == 0


def test_a_csv_that_somebody_else_wrote_meanwhile_is_not_overwritten_blindly(small: World) -> None:
    """A replaced CSV is written on the condition that it still is the one that was read."""
    small.run()
    push(small)
    csv = small.csv("octo-dev_tools")
    seen: list[str] = []

    def spring() -> None:
        seen.append("sprung")
        _overwrite(csv, "1700352000,1,1,1\n")

    small.app.log.clear()
    small.run(fence=Trap(2, spring), width=1)
    assert seen
    assert len(small.asked()) == 2, "the run started over from what is stored now"
    assert totals(small)[:2] == Expected(small.activity).lines(trailing=False)


def test_a_dataset_that_keeps_moving_is_left_alone(small: World) -> None:
    """The second time somebody else wins, the run ends with an error and what it had is kept."""
    small.run()
    push(small)
    activity = small.folder / "json/github-activity/activity_data-test.json"
    count = iter(range(1000))
    trap = Trap(-1, lose)

    def check() -> None:
        _overwrite(activity, json.dumps({"stranger": next(count)}))

    trap.check = check  # type: ignore[method-assign]
    with pytest.raises(BaseMoved):
        small.run(fence=trap, width=1)
    assert "stranger" in activity.read_text()


def _overwrite(path: Path, text: str) -> None:
    path.write_text(text)


def test_the_stored_csv_is_the_truth(small: World) -> None:
    """A CSV that somebody changed is read again and its repository asked again."""
    small.run()
    csv = small.csv("octo-dev_tools")
    csv.write_text("1700352000,1,1,1\n")
    small.app.log.clear()
    report = small.run()
    assert small.asked() == ["octo-dev/tools"]
    assert report.changed == 1
    assert totals(small)[:2] == Expected(small.activity).lines(trailing=False)


@pytest.mark.parametrize(
    "key",
    [
        "json/datafetch/datasets/github-test.json",
        "json/github-activity/activity_data-test.json",
        "json/github-activity/github_stats_summary_all_time-test.json",
        "json/github-activity/aggregated_weekly_activity-test.json",
        "json/github-activity/repo_raw_weekly_stats-test/octo-dev_tools.csv",
    ],
)
def test_a_corrupt_object_is_kept_aside_and_built_anew(small: World, key: str) -> None:
    """A corrupt object in the store crashed the run, or was taken as empty."""
    small.run()
    before = totals(small)
    path = small.folder / key
    path.write_bytes(b"{half an obj")
    small.run()
    assert totals(small) == before
    assert path.read_bytes() != b"{half an obj"
    assert [p.read_bytes() for p in path.parent.glob("*.corrupt-*Z")] == [b"{half an obj"]
    assert small.json("aggregated_weekly_activity") == Expected(small.activity).weekly()


def test_a_corrupt_csv_is_told_as_that_of_its_repository(
    small: World, caplog: pytest.LogCaptureFixture
) -> None:
    """`octo-dev/tools could not be read` sounded as if GitHub had refused the repository."""
    small.run()
    small.csv("octo-dev_tools").write_bytes(b"{half an obj")
    small.run()
    (record,) = [record for record in caplog.records if record.getMessage() == "object_corrupt"]
    assert vars(record)["key"] == "the CSV of octo-dev/tools"


def test_a_deleted_repository_whose_csv_breaks_takes_no_lines_away(small: World) -> None:
    """What can no longer be asked for nor read makes the data incomplete: the complete sums stay."""
    small.run()
    before = totals(small)
    deleted = small.activity.repositories.pop(0)
    small.activity.other_contributions.update(deleted.commits)
    small.csv("octo-dev_tools").write_bytes(b"{half an obj")
    report = small.run()
    assert totals(small) == before
    assert any("stay as they were" in note for note in report.notes)


def test_lost_state_costs_requests_not_data(small: World) -> None:
    """Without what is remembered everything is asked for again, and no figure changes."""
    small.run()
    before = totals(small)
    (small.folder / "json/datafetch/datasets/github-test.json").unlink()
    small.app.log.clear()
    report = small.run()
    assert len(small.asked()) == 3
    assert (report.changed, report.change_detected) == (0, False)
    assert totals(small) == before


class FailingStore(LocalStore):
    """A folder that takes everything but changes of CSVs."""

    def put(self, key: str, body: bytes | FilePart, **more: Any) -> str:
        """Write, unless it is a CSV."""
        self._refuse(key)
        return super().put(key, body, **more)

    def delete(self, key: str) -> None:
        """Remove, unless it is a CSV."""
        self._refuse(key)
        super().delete(key)

    @staticmethod
    def _refuse(key: str) -> None:
        if key.endswith(".csv"):
            raise StoreUnavailable(f"{key}: the disk is full", key=key)


@pytest.mark.parametrize("renamed", [False, True], ids=["written", "removed"])
def test_a_store_that_fails_does_not_tell_names(small: World, renamed: bool) -> None:
    """The key of a CSV has its repository's name, which an error would carry into logs and results."""
    small.run()
    if renamed:
        # Both CSVs exist, as after a run that died between writing the new one and removing the old.
        repository = small.activity.repositories[0]
        repository.former_names, repository.name = ("octo-dev/tools",), "instruments"
        small.csv("octo-dev_instruments").write_bytes(small.csv("octo-dev_tools").read_bytes())
    else:
        push(small)
    with pytest.raises(StoreUnavailable) as caught:
        small.run(store=FailingStore(small.folder))
    assert "tools" not in str(caught.value)
    assert caught.value.key == ""
    small.run()
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


STATE = "json/datafetch/datasets/github-test.json"
TOOLS = Repository("R_1", "octo-dev/tools", private=False, pushed_at="2026-01-01T00:00:00Z")


def test_the_state_has_these_bytes(tmp_path: Path) -> None:
    """States of earlier versions are read, and an equal one is not written again."""
    context = make_context(None, tmp_path)
    dataset = GitHubDataset.load(context)
    known = RememberedRepository.of(TOOLS, "octo-dev_tools")
    weeks = compact([Week(0, 1, 2, 3), Week(604_800, 0, 0, 0)])
    gap = compact([Week(0, 1, 2, 3), Week(1_209_600, 4, 5, 6)])
    dataset.repositories = {
        "z": replace(known, csv="z", weeks=gap),
        "octo-dev_tools": replace(
            known, status=Status.COMPLETE, etag="e", validator="v", asked_at=7, weeks=weeks
        ),
    }
    dataset.years = {2026: 5, 2025: 3}
    dataset.begun = {"z": None}
    dataset.save()
    repository = (
        '"id":"R_1","repository":"octo-dev/tools","private":false,"lastPush":"2026-01-01T00:00:00Z"'
    )
    text = (
        '{"version":1,"years":{"2025":3,"2026":5},"repositories":{'
        f'"octo-dev_tools":{{{repository},"status":"complete","pushedAt":null,"etag":"e",'
        '"validator":"v","askedAt":7,"weeks":{"from":0,"rows":[[1,2,3],0]}},'
        f'"z":{{{repository},"status":"new","pushedAt":null,"etag":null,"validator":null,'
        '"askedAt":null,"weeks":{"rows":[[0,1,2,3],[1209600,4,5,6]]}}},"begun":{"z":null}}'
    )
    assert (tmp_path / STATE).read_text() == text
    loaded = GitHubDataset.load(context)
    assert loaded.repositories == dataset.repositories
    assert (loaded.years, loaded.begun) == (dataset.years, {})
    loaded.save()
    assert "begun" not in json.loads((tmp_path / STATE).read_text())


def test_an_equal_state_is_not_written(tmp_path: Path) -> None:
    """An unchanged run costs no write of the state."""
    store = Recorder(tmp_path)
    context = make_context(None, store)
    for _ in range(2):
        dataset = GitHubDataset.load(context)
        dataset.years = {2026: 5}
        dataset.save()
        dataset.save()
    assert store.puts == [STATE]


def test_a_state_that_somebody_else_wrote_is_not_written_over(tmp_path: Path) -> None:
    """Whoever wrote it knows of other CSVs: the run has to start over from that."""
    context = make_context(None, tmp_path)
    first, second = GitHubDataset.load(context), GitHubDataset.load(context)
    first.years = {2026: 5}
    first.save()
    second.years = {2026: 6}
    with pytest.raises(BaseMoved):
        second.save()
    assert GitHubDataset.load(context).years == {2026: 5}


def test_a_run_whose_state_moved_starts_over_from_it(small: World) -> None:
    """The second attempt reads the state that the other run wrote, and ends well."""
    small.run()
    push(small)
    state = small.folder / STATE
    report = small.run(fence=Trap(2, lambda: _overwrite(state, state.read_text() + " ")), width=1)
    assert report.failed == 0
    assert totals(small) == (*Expected(small.activity).lines(trailing=False), True)


@pytest.mark.parametrize(
    "broken",
    [
        {"years": [], "repositories": {}},
        {"years": {}, "repositories": {"octo_hush": {"repository": "octo/hush"}}},
        {"years": {}, "repositories": {"octo_hush": 1}},
        {"years": {}, "repositories": {"octo_hush": {"weeks": {"rows": [["hush"]]}}}},
        {"years": {}, "repositories": {}, "begun": {"octo_hush": 1}},
    ],
)
def test_a_state_that_cannot_be_read_is_said_without_names(
    tmp_path: Path, broken: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The keys of the state are names of CSVs, which may be those of private repositories."""
    path = tmp_path / STATE
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(broken))
    dataset = GitHubDataset.load(make_context(None, tmp_path))
    assert (dataset.repositories, dataset.years) == ({}, {})
    (record,) = [record for record in caplog.records if record.getMessage() == "object_corrupt"]
    assert STATE in str(vars(record))
    assert "hush" not in str(vars(record))
    dataset.save()
    assert [kept.read_text() for kept in path.parent.glob("*.corrupt-*Z")] == [json.dumps(broken)]


def test_csvs_of_a_run_that_died_are_remembered_as_complete(tmp_path: Path) -> None:
    """It had said whom it would ask: their new CSVs are as of that push, and only theirs."""
    context = make_context(None, tmp_path)
    dataset = GitHubDataset.load(context)
    for name in ("asked", "other", "unwritten"):
        dataset.repositories[name] = RememberedRepository.of(TOOLS, name)
    etags = {
        name: context.store.put(context.keys.github_csv(name), b"0,1,2,3\n")
        for name in ("asked", "kept", "other")
    }
    known = RememberedRepository.of(TOOLS, "kept")
    dataset.repositories["kept"] = replace(known, etag=etags["kept"])
    dataset.begun = {"asked": "2026-02-02T00:00:00Z", "kept": None, "unwritten": None}
    dataset.save()
    loaded = GitHubDataset.load(context)
    assert loaded.stored == etags
    asked = loaded.repositories["asked"]
    assert (asked.status, asked.pushed_at, asked.etag) == (
        Status.COMPLETE,
        "2026-02-02T00:00:00Z",
        etags["asked"],
    )
    others = [loaded.repositories[name] for name in ("kept", "other", "unwritten")]
    assert [repository.status for repository in others] == [Status.NEW] * 3
