"""The search for hostile inputs finds what breaks its law, keeps it, and says so by its exit code."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from datafetch.upstream_errors import Malformed
from scripts.fuzzing.search import search, tried
from tests.fuzz.mutations import Edit, Kind, edited
from tests.fuzz.target import Shape, Target
from tests.processes import ROOT


def _refusing(data: bytes) -> None:
    raise Malformed(f"{len(data)} bytes")


def _surprised(data: bytes) -> None:
    if b"Z" in data:
        raise KeyError(data[:1])


def _slow(data: bytes) -> None:
    """Spend twice what an input may cost, on long ones only."""
    until = time.process_time() + (2 * len(data) / 200_000 if len(data) > 15_000 else 0)
    while time.process_time() < until:
        pass


@pytest.mark.parametrize(
    ("run", "breaches"),
    [(_refusing, 0), (_surprised, 1), (_slow, 1)],
    ids=["ours", "other", "slow"],
)
def test_what_breaks_the_law_is_kept(tmp_path: Path, capsys, run, breaches: int) -> None:
    """Errors of ours are an answer; any other error, and too much CPU time, are a breach."""
    target = Target("made-up", run, (b"a",), (Shape(b"<", b"Z", b">"),))
    found = search(target, seconds=0, seed=1, keep=tmp_path / "kept")
    assert found == breaches
    said = capsys.readouterr().out
    assert "made-up" in said
    assert ("BREACH made-up" in said) is bool(breaches)
    kept = [*(tmp_path / "kept").iterdir()] if breaches else []
    assert [tried(target, path.read_bytes()) for path in kept] == [1] * breaches


def test_edits_fit_every_input() -> None:
    """Numbers of an edit may be any, so that hypothesis can shrink them."""
    for kind in Kind:
        for data in (b"", b"a", b"abc" * 50):
            assert isinstance(edited(data, [Edit(kind, 2**24, 77, 99)], [b"xyz"]), bytes)
    assert edited(b"abc", [Edit(Kind.REMOVE, 1, 0, 0)], []) == b"ac"
    assert edited(b"abc", [Edit(Kind.SPLICE, 1, 1, 0)], [b"xyz"]) == b"ayz"


def test_shapes_have_the_length_that_is_asked_for() -> None:
    """A piece with its number in it differs each time, and no shape is longer than the reader takes."""
    assert Shape(b"[", b"1,", b"]").text(8) == b"[1,1,1,]"
    text = Shape(b"{", b'"a#N#":1,', b"}").text(60)
    assert text.startswith(b'{"a0":1,"a1":1,')
    assert len(text) <= 60


def test_the_script_names_its_targets_and_refuses_others(tmp_path: Path) -> None:
    """A typing error must not look like a search that found nothing."""
    script = [sys.executable, str(ROOT / "scripts" / "fuzz"), "--keep", str(tmp_path)]
    listed = subprocess.run([*script, "--list"], capture_output=True, text=True, check=True)
    assert {"page", "drawing", "bookmarks", "env-file"} <= {*listed.stdout.split()}
    wrong = subprocess.run(
        [*script, "--target", "pages"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 64
    assert "no such target: pages" in wrong.stderr
    fine = subprocess.run(
        [*script, "--target", "refresh", "--seconds", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert fine.returncode == 0, fine.stdout
    assert fine.stdout.startswith("refresh")
