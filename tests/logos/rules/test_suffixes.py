"""Registrable domains by the public suffix list's own tests."""

import pytest

from datafetch.logos.rules.domains import normalise, registrable
from tests.suites import NO_SUITES, SUITES, has_suites

PRIVATE = {
    "example.example": "names that RFC 2606 keeps for examples have no logos",
    "b.example.example": "the same",
    "a.b.example.example": "the same",
}
"""What is read otherwise on purpose, and why."""


def cases() -> list[tuple[str, str | None]]:
    """Each domain of the suite, and the one that somebody registered."""
    lines = (SUITES / "suffix" / "tests.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines if line and not line.startswith("//")]
    return [(text, None if above == "null" else above) for text, above in pairs if text != "null"]


@pytest.mark.skipif(not has_suites, reason=NO_SUITES)
def test_registrable_domains_are_those_of_the_list() -> None:
    """A logo is looked for at the domain that somebody registered, in every script, by the list.

    `registrable` gives the one above a domain: none for the registered one itself, nor for a
    public suffix.
    """
    wrong = {}
    tried = cases()
    for text, above in tried:
        domain = normalise(text)
        expected = None if above is None else normalise(above)
        found = None if domain is None else registrable(domain)
        if found != (None if expected == domain else expected):
            wrong[text] = (expected, found)
    assert set(wrong) - set(PRIVATE) == set(), wrong
    assert len(tried) > 70


@pytest.mark.skipif(not has_suites, reason=NO_SUITES)
def test_the_list_of_differences_is_true() -> None:
    """What is said to be read otherwise is: a list that nobody checks grows stale."""
    assert {text for text, _ in cases() if text in PRIVATE and normalise(text) is None} == set(
        PRIVATE
    )
