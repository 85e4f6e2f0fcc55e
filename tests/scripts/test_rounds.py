"""scripts/rounds: what it plays, and how it says to play it again."""

import importlib.machinery
import importlib.util
import shlex
import sys
from types import ModuleType

import pytest

from tests.processes import ROOT


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as a module."""
    sys.path.insert(0, str(ROOT / "scripts"))
    loader = importlib.machinery.SourceFileLoader("rounds_script", str(ROOT / "scripts/rounds"))
    spec = importlib.util.spec_from_loader("rounds_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    sys.path.remove(str(ROOT / "scripts"))
    return module


def played(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> list[tuple[str, int, range]]:
    """The games of a command."""
    monkeypatch.setattr(sys, "argv", ["rounds", *arguments])
    return list(script.games(script.parse()))


def test_hundreds_are_games_of_fifteen(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders and buckets take turns, and each game of a store has another seed."""
    assert played(script, monkeypatch, "--seed", "4", "--count", "40") == [
        ("folder", 4, range(15)),
        ("bucket", 4, range(15)),
        ("folder", 5, range(10)),
    ]


def test_a_round_that_went_wrong_can_be_played_again(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that is printed plays the same game up to that round."""
    words = shlex.split(script.again("bucket", 7, range(5, 20), 9))
    assert words[0] == "scripts/rounds"
    assert played(script, monkeypatch, *words[1:]) == [("bucket", 7, range(5, 10))]


@pytest.mark.parametrize("wrong", [["--count", "0"], ["--first", "-1"], ["--store", "tape"]])
def test_nonsense_is_wrong_usage(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, wrong: list[str]
) -> None:
    """Nothing is played by mistake."""
    with pytest.raises(SystemExit) as refused:
        played(script, monkeypatch, *wrong)
    assert refused.value.code == 2
