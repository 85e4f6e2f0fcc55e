"""What readers saw in between: pages that lacked an item for a moment are named."""

import json
from typing import Any

from tests.rounds.looks import Looks

INDEX = "json/bookmarks/index-test.json"
FIRST, SECOND = (f"json/bookmarks/pages-test/page-{number}.json" for number in (1, 2))
TAGGED = "json/bookmarks/tags-test/ai/page-1.json"
LOCK = "json/datafetch/locks/logos-test.json"
A, B, C = ({"id": name} for name in "abc")
NONE: frozenset[str] = frozenset()


def seen(*states: dict[str, Any]) -> Looks:
    """The looks at these states, one after the other."""
    looks = Looks()
    for state in states:
        bodies = {key: json.dumps(value).encode() for key, value in state.items()}
        looks.see({key: body.decode() for key, body in bodies.items()}, bodies.__getitem__)
    return looks


def test_an_item_that_slides_from_page_to_page_is_missed() -> None:
    """Written giving page first, it stood on no page between two writes."""
    before, after = dict.fromkeys("abc", NONE), dict.fromkeys("bc", NONE)
    states = [{FIRST: [A, B], SECOND: [C]}, {FIRST: [B, C], SECOND: []}]
    well = seen(states[0], {FIRST: [B, C], SECOND: [C]}, states[1])
    badly = seen(states[0], {FIRST: [A, B], SECOND: []}, states[1])
    assert [*well.lacking(before, after)] == []
    assert [*badly.lacking(before, after)] == ["for a moment the pages had no c"]


def test_a_tag_page_is_a_page() -> None:
    """What has a tag before and after has it in between."""
    before = {"a": frozenset({"ai"}), "b": frozenset({"ai"})}
    states = ({FIRST: [A, B], TAGGED: [A, B]}, {FIRST: [A, B], TAGGED: [B]})
    assert [*seen(*states).lacking(before, before)] == [
        "for a moment the pages of the tag ai had no a"
    ]
    assert [*seen(*states).lacking(before, before | {"a": NONE})] == []


def test_a_new_round_begins_with_the_last_state() -> None:
    """What was seen before is judged by the lists of that time only."""
    looks = seen({FIRST: [A]}, {FIRST: [A, B]})
    looks.begin()
    assert [*looks.lacking({"b": NONE}, {"b": NONE})] == []


def test_what_no_reader_may_see_is_told_at_once() -> None:
    """Half an object, an index whose pages are not there yet, a token that falls."""
    looks = seen(
        {INDEX: {"totalPages": 2}, FIRST: [A], LOCK: {"token": 7}},
        {INDEX: {"totalPages": 1}, FIRST: [A], LOCK: {"token": 6}},
    )
    looks.see({FIRST: "half"}, lambda _key: b'[{"id"')
    assert [fault.partition(":")[0] for fault in looks.faults] == [
        "the index named pages that were not there",
        f"the token of {LOCK} fell from 7 to 6",
        f"{FIRST} was seen half-written",
    ]


def test_the_same_state_is_one_look() -> None:
    """Moments are counted by states that differ."""
    looks = seen({FIRST: [A]}, {FIRST: [A]}, {FIRST: [A, B]})
    assert looks.changes == 2
