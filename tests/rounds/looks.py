"""What readers see at every moment of a round, kept until it is known what they should have seen."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

ROOT = "json/bookmarks/"
LOCKS = "json/datafetch/locks/"
WATCHED = (f"{ROOT}index-test.json", f"{ROOT}pages-test/", f"{ROOT}tags-test/", LOCKS)
"""What the keys begin with that are looked at."""

_PAGE = re.compile(rf"{ROOT}(?:pages-test|tags-test/(?P<tag>[^/]+))/page-(?P<number>\d+)\.json")

TagsById = Mapping[str, frozenset[str]]
"""The tags' slugs of each item of a list, by its id."""


def tags_by_id(master: bytes | None) -> TagsById:
    """The list as the master has it; nothing when there is none."""
    items = [] if master is None else json.loads(master)
    return {item["id"]: frozenset(tag["slug"] for tag in item["tags"]) for item in items}


class Looks:
    """The states that were seen of one store, each once."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.changes = 0
        """How many states were seen."""
        self._last: Mapping[str, object] = {}
        self._parsed: dict[tuple[str, object], Any] = {}
        self._tokens: dict[str, int] = {}
        self._seen: list[dict[str, frozenset[str]]] = []

    def see(self, versions: Mapping[str, object], read: Callable[[str], bytes]) -> bool:
        """Look at one state: the version of each object. Returns whether it is a new one.

        Only what is `WATCHED` is read, by `read`, when it was not seen in this version yet.
        """
        if versions == self._last:
            return False
        parsed = {}
        for key, version in versions.items():
            if not key.startswith(WATCHED):
                continue
            if (key, version) not in self._parsed:
                self._parsed[key, version] = self._read(key, read(key))
            parsed[key] = self._parsed[key, version]
        self._last = dict(versions)
        self.changes += 1
        self._see_tokens(parsed)
        self._see_lists(parsed)
        return True

    def knows(self, key: str, version: object) -> bool:
        """Whether an object was seen in this version."""
        return (key, version) in self._parsed

    def begin(self) -> None:
        """Forget what was seen of lists, for a new round."""
        self._seen = self._seen[-1:]

    def lacking(self, before: TagsById, after: TagsById) -> Iterator[str]:
        """What was missing at some moment, though it stands in the list before and after.

        A page that changes may show an item twice, but never lacks one.
        """
        both = {key: before[key] & after[key] for key in before.keys() & after.keys()}
        expected: dict[str, set[str]] = {"": set(both)}
        for key, tags in both.items():
            for tag in tags:
                expected.setdefault(tag, set()).add(key)
        for seen in list(self._seen):
            for tag, ids in expected.items():
                if lost := ids - seen.get(tag, frozenset()):
                    where = f"the pages of the tag {tag}" if tag else "the pages"
                    yield f"for a moment {where} had no {', '.join(sorted(lost))}"

    def _read(self, key: str, body: bytes) -> Any:
        try:
            value = json.loads(body)
        except ValueError:
            self.faults.append(f"{key} was seen half-written: {body[:60]!r}")
            return None
        return frozenset(item["id"] for item in value) if _PAGE.fullmatch(key) else value

    def _see_tokens(self, parsed: Mapping[str, Any]) -> None:
        for key, lock in parsed.items():
            if key.startswith(LOCKS) and lock is not None:
                if lock["token"] < self._tokens.get(key, 0):
                    self.faults.append(
                        f"the token of {key} fell from {self._tokens[key]} to {lock['token']}"
                    )
                self._tokens[key] = max(lock["token"], self._tokens.get(key, 0))

    def _see_lists(self, parsed: Mapping[str, Any]) -> None:
        lists: dict[str, frozenset[str]] = {}
        numbers = set()
        for key, value in parsed.items():
            found = _PAGE.fullmatch(key)
            if found is None or value is None:
                continue
            tag = found["tag"] or ""
            lists[tag] = lists.get(tag, frozenset()) | value
            if not tag:
                numbers.add(int(found["number"]))
        index = parsed.get(f"{ROOT}index-test.json")
        if index is not None:
            absent = set(range(1, index["totalPages"] + 1)) - numbers
            if absent:
                self.faults.append(f"the index named pages that were not there: {sorted(absent)}")
        if not self._seen or self._seen[-1] != lists:
            self._seen.append(lists)
