"""scripts/patterns: finds every pattern of a package, and tells the slow ones from the others."""

import re
import sys
from pathlib import Path

import pytest

from scripts.patterns.attacks import suspected
from scripts.patterns.collect import NotCollected, collect_module
from scripts.patterns.growth import slow_on
from scripts.patterns.matcher import TooManySteps, model_of, steps
from scripts.patterns.run import main

SLOW = [
    (r"(a+)+$", "match"),
    (r"(?:a|a)*$", "match"),
    (r"(a|ab|b)*c", "match"),
    (r"(.*,){3}x", "match"),
    (r"a*a*b", "match"),
    (r"\d*\.?\d+x", "match"),
    (r"[+-]?\d*\.?\d+(?:e[+-]?\d+)?([a-z]*)", "fullmatch"),
    (r"(\w+\s?)*$", "match"),
    (r"^\s+|\s+$", "search"),
    (r"\s*\|", "search"),
    (r"<meta[^>]+charset\s*=\s*x", "search"),
    (r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", "search"),
    (r"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", "search"),
    (r"\s*\+?(\d*\.?\d+(?:e[+-]?\d+)?)\s*(px|pt)?\s*", "fullmatch"),
    (r"[a-z0-9_-]*(?:token|key)[a-z0-9_-]*\s*=", "search"),
    (r"a(?=.*b)", "search"),
    (r"(?:x?){200,}y", "match"),
    (r"a.*?b.*?c", "search"),
    (r"((?:[^,]+,?)+)!", "match"),
    (rb"<a[^>]*x", "search"),
    (r"(?i)K+\u212a+!", "match"),
    (r"(?>a*)a*b|a*a*c", "match"),
    (r"a{0,100}a{0,100}b", "search"),
]
"""Each is slow on some text, when it is used so."""

NOT_SUSPECTED = (r"(?:x?){200,}y", r"a{0,100}a{0,100}b")
"""One has more parts than the search for suspicions goes through; the other has no endless repeat."""

LINEAR = [
    (r"(a+)+", "match"),
    (r"a*+a*+b", "match"),
    (r"(?>a+)b", "match"),
    (r"\s*\|", "match"),
    (r"(?<!\s)\s++\|", "search"),
    (r"[a-z]{1,127}=", "search"),
    (r"\d+\.\d+", "fullmatch"),
    (r"(?:[a-z]+-)*[a-z]+", "fullmatch"),
    (r"[\t ]*+(?:x|y)", "scan"),
    (r"^<!--.*-->\n", "match"),
    (r"", "search"),
    (rb"[\x80-\xff]+", "search"),
]
"""No text makes them slow, when they are used so."""


@pytest.mark.parametrize(("pattern", "use"), SLOW)
def test_slow_patterns_are_told(pattern, use):
    """For each way to be slow there is a text among those that are tried."""
    assert slow_on(pattern, 0, use) is not None


@pytest.mark.parametrize(
    ("pattern", "use"), [case for case in SLOW if case[0] not in NOT_SUSPECTED]
)
def test_slow_patterns_are_suspected_unseen(pattern, use):
    """The words that make a pattern slow follow from its form; trying them confirms it."""
    assert slow_on(pattern, 0, use, suspected) is not None


@pytest.mark.parametrize(("pattern", "use"), LINEAR)
def test_linear_patterns_pass(pattern, use):
    """A pattern that is named slow without being so would have to be written worse."""
    assert slow_on(pattern, 0, use) is None


def test_steps_are_counted():
    """Each character that is looked at counts; the count ends at the limit."""
    model = model_of("a*b")
    assert steps(model, "a" * 100, "match") in range(100, 400)
    assert steps(model, "a" * 100, "search") in range(5000, 20000)
    with pytest.raises(TooManySteps):
        steps(model, "a" * 100, "search", limit=1000)


MODULE = """
import re
from functools import cache

_PLAIN = re.compile(r"plain+", re.IGNORECASE)
_PLAIN.fullmatch("")
_MATCHED = re.compile("matched")
list(map(_MATCHED.match, ()))
_SCANNED = re.compile(b"scanned")
_SCANNED.match(b"", 3)
_HANDED = re.compile("handed on")
list(map(print, ()), *[_HANDED][:0])
_BY_NAME = {name: re.compile(f"<{name}>") for name in ("one", "two")}
_BY_NAME["one"].match("")
_PART = "part"


class Reader:
    _IN_A_CLASS = re.compile("in a class")


@cache
def _made():
    return re.compile("|".join(sorted({"b", "a"})))


def read(text):
    _made().fullmatch(text)
    return re.sub(rf"\\\\s+{_PART}", "", text), re.match("x", text, re.DOTALL)


def field(**given):
    return given


field(pattern="^y$")
"""


def collected(folder: Path, source: str, monkeypatch) -> dict[str | bytes, tuple[int, set[str]]]:
    """Flags and uses of the patterns in a module with that source."""
    package = folder / "tried_package"
    package.mkdir()
    (package / "module.py").write_text(source)
    monkeypatch.syspath_prepend(folder)
    try:
        found = collect_module(package / "module.py", package)
    finally:
        for name in ("tried_package", "tried_package.module"):
            sys.modules.pop(name, None)
    return {one.pattern: (one.flags, set(one.uses)) for one in found}


def test_every_kind_of_pattern_is_found(tmp_path, monkeypatch):
    """A pattern is tried the day it is written, wherever it stands, and in the way it is used."""
    assert collected(tmp_path, MODULE, monkeypatch) == {
        "plain+": (re.IGNORECASE, {"fullmatch"}),
        "matched": (0, {"match"}),
        b"scanned": (0, {"scan"}),
        "handed on": (0, {"search"}),
        "<one>": (0, {"match"}),
        "<two>": (0, {"match"}),
        "in a class": (0, {"search"}),
        "a|b": (0, {"fullmatch"}),
        r"\\s+part": (0, {"search"}),
        "x": (re.DOTALL, {"match"}),
        "^y$": (0, {"search"}),
    }


def test_the_check_names_the_slow_pattern(tmp_path, monkeypatch, capsys):
    """Who runs the check reads which pattern is slow, where it stands, and on which text."""
    package = tmp_path / "checked_package"
    package.mkdir()
    (package / "module.py").write_text("import re\n_SLOW = re.compile(r'\\s+$')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert main(package) == 1
    assert "checked_package/module.py:2: search" in capsys.readouterr().out
    (package / "module.py").write_text("import re\n_FAST = re.compile(r'\\S+')\n")
    sys.modules.pop("checked_package.module")
    assert main(package) == 0
    sys.modules.pop("checked_package.module")


@pytest.mark.parametrize(
    "source",
    [
        "import re as r\nx = r.compile('a')",
        "from re import compile\nx = compile('a')",
        "import regex",
        "import re\ndef f(part):\n    return re.match(part + 'x', part)",
        "import re\ndef f(part):\n    found = re.compile(part)\n    return found",
        "import re\nre.compile('a')",
        "import re\ndef f(text, id):\n    return re.match(f'{id}+', text)",
        "import re\nid_ = 'a'\ndef f(text):\n    id_ = text\n    return re.match(id_, text)",
        "import re\nfind = re.search\nfind('a+$', '')",
    ],
)
def test_a_pattern_that_cannot_be_found_is_refused(tmp_path, monkeypatch, source):
    """What is hidden from the search fails, instead of going untried."""
    with pytest.raises(NotCollected, match=r"tried_package/module\.py:\d"):
        collected(tmp_path, source, monkeypatch)
