"""Every regular expression of the package does linear work, whatever text it is given.

A pattern that goes back over the text again and again freezes the process: Python's interpreter is
held while it matches, so that no signal, no deadline and no renewal of a lease gets through. Work
is counted in the steps of a model of the matcher (`scripts/patterns`), since time says little on a
busy machine; that the model goes the way of the real matcher is a test of its own.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from scripts.patterns.attacks import attacks
from scripts.patterns.collect import Found, collect_module
from scripts.patterns.growth import slow_on
from scripts.patterns.matcher import end_of_match, model_of

PACKAGE = Path(__file__).parent.parent / "datafetch"
MENTIONS = ("import re", "from re ", "pattern=")
MODULES = [
    path.relative_to(PACKAGE).as_posix()
    for path in sorted(PACKAGE.rglob("*.py"))
    if any(word in path.read_text(encoding="utf-8") for word in MENTIONS)
]
COMPARED = 3
"""How often the repeated part of a text stands in it on which model and matcher are compared."""


def found_in(module: str) -> list[Found]:
    """The patterns of a module of the package."""
    return collect_module(PACKAGE / module, PACKAGE)


def test_the_patterns_are_found():
    """A search that finds nothing would prove nothing."""
    places = {found.place.partition(":")[0] for found in found_in("redaction.py")}
    assert places == {"datafetch/redaction.py"}
    assert len(found_in("redaction.py")) >= 5
    assert len(MODULES) > 40


@pytest.mark.parametrize("module", MODULES)
def test_patterns_are_linear(module):
    """Four times the text, made of the pattern itself, takes about four times the steps."""
    for found in found_in(module):
        for use in sorted(found.uses):
            slow = slow_on(found.pattern, found.flags, use)
            assert slow is None, f"{found.place}: {use} of {found.pattern!r} is slow on {slow}"


@pytest.mark.parametrize("module", MODULES)
def test_the_model_matches_as_python_does(module):
    """What the model finds or not, and where it ends, is what `re` finds: so its steps mean something."""
    for found in found_in(module):
        model = model_of(found.pattern, found.flags)
        real: re.Pattern[Any] = re.compile(found.pattern, found.flags)
        for attack in attacks(model, "search"):
            text = attack.text(COMPARED)
            given = text.encode("latin-1") if isinstance(found.pattern, bytes) else text
            match = real.match(given)
            assert end_of_match(model, text) == (match and match.end()), (found.place, text)
