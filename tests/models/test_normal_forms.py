"""Normal forms of Unicode: those of the standard library, without its quadratic case."""

import ast
import unicodedata
from itertools import groupby
from pathlib import Path

import pytest

from datafetch.models.normal_forms import in_form

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
PACKAGE = Path(__file__).parents[2] / "datafetch"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "text",
    [
        "Zürich",
        "e\u0301" * 2000,
        "\u1100\u1161\u11a8" * 1000,
        "\ufdfa" * 1001,
        "a" + "\u0316\u0301" * 15 + "b" * 1000,
        "か\uff9e" * 1000,
    ],
)
def test_words_are_in_the_form_of_the_standard(form, text):
    """What people write, however long, is normalised as everybody normalises it."""
    assert in_form(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("marks", ["\u0315\u0327", "\u0344", "\uff9e\u0327", "\u0327\uff9f"])
def test_marks_are_not_heaped(form, marks):
    """The work grows with the square of the marks in a row, so there are only so many of them."""
    made = in_form(form, "a" + marks * 20_000 + "b")
    heaps = [
        len(list(group))
        for is_mark, group in groupby(made, lambda letter: unicodedata.combining(letter) > 0)
        if is_mark
    ]
    assert max(heaps, default=0) <= 60
    assert made.startswith(unicodedata.normalize(form, "a" + marks)[0])
    assert made.endswith("b")


def test_nothing_else_normalises():
    """A text of a stranger's goes past the limit nowhere."""
    callers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr == "normalize")
        or (isinstance(node, ast.ImportFrom) and node.module == "unicodedata")
    }
    assert callers == {"models/normal_forms.py"}
