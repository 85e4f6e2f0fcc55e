"""scripts/audit: known holes are told, and a source that knows nothing is not taken for good news."""

import json
from collections.abc import Mapping

import pytest

from scripts.auditing.answer import read_answer, verdict


def report(*libraries: Mapping[str, object]) -> str:
    """What pip-audit prints."""
    return json.dumps({"dependencies": libraries, "fixes": []})


def library(name: str, *holes: dict[str, object]) -> dict[str, object]:
    """A library that the source knows."""
    return {"name": name, "version": "1.0", "vulns": list(holes)}


def hole(name: str, *fixed_in: str) -> dict[str, object]:
    """A hole as a source tells it."""
    return {"id": name, "fix_versions": list(fixed_in), "aliases": [], "description": "…"}


SKIPPED = {"name": "b", "skip_reason": "Dependency not found and could not be audited: b (1.0)"}


@pytest.mark.parametrize(
    ("printed", "code", "said"),
    [
        (report(library("a")), 0, ["Advisories: 1 libraries, 0 known holes."]),
        (
            report(library("a", hole("PYSEC-1", "1.1", "2.0")), library("c")),
            1,
            ["a 1.0: PYSEC-1, fixed in 1.1, 2.0", "Advisories: 2 libraries, 1 known holes."],
        ),
        (
            report(library("a", hole("GHSA-1"))),
            0,
            ["a 1.0: GHSA-1, not fixed yet", "Advisories: 1 libraries, 1 known holes."],
        ),
        (
            report(library("a"), SKIPPED),
            0,
            ["Not looked up: b", "Advisories: 1 libraries, 0 known holes."],
        ),
    ],
)
def test_a_hole_that_a_newer_version_has_not_fails_the_check(
    printed: str, code: int, said: list[str]
) -> None:
    """What nobody can mend yet is told and stops nobody; what was not looked up is named."""
    assert verdict(read_answer(printed)) == (code, said)


@pytest.mark.parametrize("printed", ["", "Traceback …", "[]", report(), report(SKIPPED, SKIPPED)])
def test_no_answer_is_not_taken_for_no_holes(printed: str) -> None:
    """An index without advisories knew no library, and pip-audit found no holes in them."""
    assert read_answer(printed) is None
    assert verdict(None) == (0, ["Advisories: not checked, since no source of them answered."])
