"""Entities and comments by html5lib's tests, which are those of browsers."""

import re
from typing import Any

import pytest

from datafetch.pages.head import scan
from tests.suites import NO_HTML5LIB, has_html5lib, html5lib_tests

URL = "https://site.example.com/"

pytestmark = pytest.mark.skipif(not has_html5lib, reason=NO_HTML5LIB)

UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0d-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]|[\U0001fffe-\U0010ffff]"
)


def only(case: dict[str, Any], kind: str) -> list[Any] | None:
    """The one token of a kind that a case gives; None when it gives anything else."""
    tokens = case["output"]
    return tokens[0] if len(tokens) == 1 and tokens[0][0] == kind else None


def in_text(states: object) -> bool:
    """Whether a case holds for the text of a title, too."""
    return states is None or (isinstance(states, list) and "RCDATA state" in states)


ENTITIES = ("entities", "namedEntities", "numericEntities")


@pytest.mark.parametrize("file", ENTITIES)
def test_entities_in_titles(file: str) -> None:
    """Entities decoded once too often or once too little: a title holds what browsers show.

    Read otherwise on purpose: characters that nobody can see (controls, and what is no character)
    may be dropped where browsers keep them; texts are cleaned of them anyway.
    """
    wrong, tried = [], 0
    for case in html5lib_tests(file):
        token = only(case, "Character")
        if token is None or not in_text(case.get("initialStates")) or case.get("doubleEscaped"):
            continue
        tried += 1
        found = scan(f"<title>{case['input']}</title>").head(URL).title
        if UNSEEN.sub("", found) != UNSEEN.sub("", token[1]):
            wrong.append((case["input"], token[1], found))
    assert wrong == []
    assert tried > {"entities": 10, "namedEntities": 4000, "numericEntities": 200}[file]


def test_entities_in_attributes() -> None:
    """An ampersand of an address is no entity only since letters follow it that look like one."""
    wrong, tried = [], 0
    for case in html5lib_tests("entities"):
        token = only(case, "StartTag")
        if token is None or "a" not in token[2]:
            continue
        tried += 1
        tag = case["input"].replace("<h a=", "<meta name=x content=", 1)
        found = [content for _, content in scan(tag).head(URL).metas]
        if found != [token[2]["a"]]:
            wrong.append((case["input"], token[2]["a"], found))
    assert wrong == []
    assert tried >= 9


@pytest.mark.parametrize("file", ["test1", "test2", "test3", "test4", "domjs"])
def test_comments_end_where_browsers_end_them(file: str) -> None:
    """A title after a comment was lost, or one inside it was shown, where its end is written oddly."""
    wrong = []
    for case in html5lib_tests(file):
        token = only(case, "Comment")
        codes = [error["code"] for error in case.get("errors", [])]
        if token is None or case.get("initialStates") or case.get("doubleEscaped"):
            continue
        if "eof-in-comment" in codes or not case["input"].endswith(">"):
            continue
        if scan(f"{case['input']}<title>T</title>").head(URL).title != "T":
            wrong.append(case["input"])
    assert wrong == []
