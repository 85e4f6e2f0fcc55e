"""What Prometheus is shown of runs."""

import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.run import Operation, RunResult, RunStatus
from datafetch.ops.job_health import JobHealth
from datafetch.ops.metrics import (
    Measured,
    exposition,
    merged,
    push_of,
    read_exposition,
    values_of,
    write_textfile,
)
from tests.programs import program

HEALTH = JobHealth(0, 0, 2_000_500, 1_500_250, 7)
RESULT = RunResult(
    Operation.BOOKMARKS,
    RunStatus.SUCCEEDED,
    "run-1",
    items_processed=12,
    items_changed=3,
    items_skipped=2,
    items_failed=1,
    duration_s=1.2345,
    upstreams={
        "karakeep": {"requests": 5, "bytes": 9, "retries": 1, "status_200": 3, "status_500": 1}
    },
)
WHOLE = """\
datafetch_last_success_timestamp_seconds{job="bookmarks"} 1500.25
datafetch_last_run_timestamp_seconds{job="bookmarks"} 2000.5
datafetch_run_duration_seconds{job="bookmarks"} 1.234
datafetch_items{job="bookmarks",outcome="changed"} 3.0
datafetch_items{job="bookmarks",outcome="failed"} 1.0
datafetch_items{job="bookmarks",outcome="processed"} 12.0
datafetch_items{job="bookmarks",outcome="skipped"} 2.0
datafetch_dead_letters{job="bookmarks"} 7.0
datafetch_breaker_open{host="a.example"} 1.0
datafetch_requests{status="200",upstream="karakeep"} 3.0
datafetch_requests{status="500",upstream="karakeep"} 1.0
datafetch_requests{status="none",upstream="karakeep"} 1.0
"""


def measured(
    job: str = "bookmarks",
    *,
    health: JobHealth | None = HEALTH,
    hosts: tuple[str, ...] = ("a.example",),
    result: RunResult = RESULT,
) -> Measured:
    """A run of a job that ended at second 3000."""
    return Measured(job, result, 3000.0, health, hosts)


def samples(path: Path) -> str:
    """The textfile without its comments."""
    lines = path.read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


def test_the_series_are_those_of_the_readme(tmp_path: Path) -> None:
    """Alerts that were pasted go by these names, labels and units."""
    assert write_textfile(tmp_path / "d.prom", measured()) == ""
    assert samples(tmp_path / "d.prom") == WHOLE


def test_a_run_keeps_the_series_of_the_other_jobs(tmp_path: Path) -> None:
    """Each job writes the same file; a breaker that has closed is gone."""
    path = tmp_path / "d.prom"
    write_textfile(path, measured())
    other = RunResult(Operation.LOGOS, RunStatus.UNCHANGED, "run-2")
    write_textfile(path, measured("logos", hosts=(), result=other))
    text = samples(path)
    ours = [line for line in WHOLE.splitlines() if "breaker" not in line]
    assert set(ours) <= set(text.splitlines())
    assert 'datafetch_dead_letters{job="logos"} 7.0' in text
    assert "datafetch_breaker_open" not in text


def test_a_run_without_records_keeps_the_last_success(tmp_path: Path) -> None:
    """With the store away the time of the last success vanished, and the alert on it fell silent."""
    path = tmp_path / "d.prom"
    write_textfile(path, measured())
    failed = RunResult(Operation.BOOKMARKS, RunStatus.FAILED, "run-2", exit_code=1)
    write_textfile(path, measured(health=None, result=failed))
    text = samples(path)
    assert 'datafetch_last_success_timestamp_seconds{job="bookmarks"} 1500.25' in text
    assert 'datafetch_dead_letters{job="bookmarks"} 7.0' in text
    assert 'datafetch_last_run_timestamp_seconds{job="bookmarks"} 3000.0' in text


def test_a_job_that_never_succeeded_has_zero(tmp_path: Path) -> None:
    """Without a series no alert compares anything."""
    never = JobHealth(0, 1, 2_000_500, None, 0)
    write_textfile(tmp_path / "d.prom", measured(health=never))
    assert 'success_timestamp_seconds{job="bookmarks"} 0.0' in samples(tmp_path / "d.prom")


@pytest.mark.parametrize(
    "broken",
    [b"{{{", b"\xff\xfe", b'datafetch_items{job="x"} 1\n', b"a b c d e\n", b'x{y="'],
    ids=str,
)
def test_a_broken_file_is_made_anew(tmp_path: Path, broken: bytes) -> None:
    """Half a file, or one of an older form, neither stops a run nor stays."""
    path = tmp_path / "d.prom"
    path.write_bytes(broken)
    assert write_textfile(path, measured())
    assert samples(path) == WHOLE


def test_series_of_others_stay(tmp_path: Path) -> None:
    """A path of another program's file was emptied by one run."""
    path = tmp_path / "d.prom"
    path.write_text("# HELP other_total Things.\n# TYPE other_total counter\nother_total 5.0\n")
    assert write_textfile(path, measured()) == ""
    assert "other_total 5.0\n" in samples(path)


def test_others_may_read_the_file_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    """node_exporter runs as another user, and collects all that ends in .prom."""
    path = tmp_path / "d.prom"
    write_textfile(path, measured())
    write_textfile(path, measured())
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [found.name for found in tmp_path.glob("*.prom")] == ["d.prom"]
    assert not list(tmp_path.glob(".*tmp"))


def test_jobs_side_by_side_lose_nothing(tmp_path: Path) -> None:
    """Of four jobs that end at one moment each has its series."""
    path = tmp_path / "d.prom"
    jobs = [f"job{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda job: write_textfile(path, measured(job)), jobs))
    text = samples(path)
    assert all(f'datafetch_dead_letters{{job="{job}"}} 7.0' in text for job in jobs)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """It is told, and made by nobody."""
    with pytest.raises(OSError, match="No such file"):
        write_textfile(tmp_path / "nowhere" / "d.prom", measured())


def test_a_push_takes_the_place_of_the_jobs_series() -> None:
    """PUT drops a breaker that has closed; without records POST keeps the last success."""
    known, unknown = push_of(measured()), push_of(measured(health=None))
    assert (known.path, known.put, unknown.put) == ("/metrics/job/bookmarks", True, False)
    assert b"last_success" in known.body
    assert b"last_success" not in unknown.body


names = st.text(max_size=8).map(lambda text: text.encode(errors="replace").decode())


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), names, st.integers(0, 9)), max_size=6))
def test_what_is_written_is_read_again(runs: list[tuple[str, str, int]]) -> None:
    """Whatever a host or an upstream is called, the file stays whole, and the last run counts."""
    known = values_of(measured())
    for job, name, number in runs:
        result = RunResult(
            Operation.LOGOS, RunStatus.FAILED, "r", upstreams={name: {"status_200": number}}
        )
        new = values_of(measured(job, hosts=(name,), result=result))
        known = merged(known, new)
        again, others = read_exposition(exposition(known).decode())
        assert (again, others) == ({key: rows for key, rows in known.items() if rows}, [])
        assert known["datafetch_requests"][name, "200"] == number


def test_promtool_has_nothing_to_say(tmp_path: Path) -> None:
    """Names and helps follow Prometheus' own rules."""
    done = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=exposition(values_of(measured())),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
