"""Which domains and companies bookmarks and files name."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.logos.known_domains import KnownDomains, companies_of, company_key
from datafetch.logs import bound_logger
from datafetch.store.base import encode_json
from datafetch.store.local import LocalStore
from tests.logos.world import KEYS
from tests.stores import Call, FaultyStore
from tests.support import FakeClock

SOON_S = 20.0
A, B, C = "a.example.com", "b.example.org", "c.example.net"
LEAVES = st.none() | st.text(max_size=20) | st.sampled_from([A, f"https://{B}/"])
NAMES = st.sampled_from(["name", "website", "domain", "url", "items"])
RECORDS = st.recursive(
    LEAVES, lambda part: st.lists(part, max_size=3) | st.dictionaries(NAMES, part, max_size=3)
)


class Known:
    """Known domains of a folder and some files, and how often the store was asked."""

    def __init__(self, folder: Path, *files: str) -> None:
        self.clock = FakeClock()
        self.store = FaultyStore(LocalStore(folder / "store", self.clock))
        self.known = KnownDomains(self.store, KEYS, self.clock, files, bound_logger())

    def bookmark(self, *domains: str) -> None:
        """Store bookmarks of these domains."""
        items = [{"id": domain, "url": f"https://{domain}/x"} for domain in domains]
        self.store.inner.put(KEYS.bookmarks(), encode_json(items))


def test_bookmarks_are_read_when_they_changed(tmp_path: Path) -> None:
    """The list may be long: it is read once, and again when it is another."""
    known = Known(tmp_path)
    assert not known.known.knows(A)
    known.bookmark(A)
    assert not known.known.knows(A)
    known.clock.advance(61)
    assert known.known.knows(A)
    known.clock.advance(61)
    assert known.known.knows(A)
    assert known.store.keys("get") == [KEYS.bookmarks()]


@pytest.mark.parametrize("broken", [b"{", b"[1,", b"7", b"\xff"])
def test_broken_bookmarks_name_nothing_new(tmp_path: Path, broken: bytes) -> None:
    """What was read before goes on to count."""
    known = Known(tmp_path)
    known.bookmark(A)
    assert known.known.knows(A)
    known.store.inner.put(KEYS.bookmarks(), broken)
    known.clock.advance(61)
    assert known.known.knows(A)
    assert not known.known.knows(B)


def test_a_store_that_fails_is_no_error(tmp_path: Path) -> None:
    """The domain then counts as a stranger's, of which fewer are stored."""
    known = Known(tmp_path)
    known.store.fault = lambda _call, _number: "fail"
    assert not known.known.knows(A)


def test_a_hanging_store_keeps_nobody_from_a_company(tmp_path: Path) -> None:
    """The files are beside it, and are read without it."""
    file = tmp_path / "companies.json"
    file.write_text(json.dumps([{"name": "One", "website": A}]))
    known, gate, hangs = Known(tmp_path, str(file)), threading.Event(), threading.Event()

    def hang(_call: Call) -> None:
        hangs.set()
        assert gate.wait(SOON_S)

    known.store.before = hang
    with ThreadPoolExecutor(2) as pool:
        pool.submit(known.known.knows, B)
        assert hangs.wait(SOON_S)
        asked = pool.submit(known.known.of_company, "one")
        try:
            assert asked.result(5.0) == A
        finally:
            gate.set()


def test_files_are_read_when_they_changed(tmp_path: Path) -> None:
    """JSON, CSV and text; one that is missing or broken costs itself only."""
    (tmp_path / "a.json").write_text(json.dumps([{"name": "Ä Corp", "website": A}]))
    (tmp_path / "b.csv").write_text(f"Name,Domain\nBee  Ltd,{B}\n")
    (tmp_path / "c.txt").write_text(f"{C}\n")
    (tmp_path / "broken.json").write_text("{")
    names = ("a.json", "broken.json", "missing.json", "b.csv", "c.txt")
    known = Known(tmp_path, *(str(tmp_path / name) for name in names))
    assert all(known.known.knows(domain) for domain in (A, B, C))
    assert known.known.of_company("ä  CORP") == A
    assert known.known.of_company("beeltd") == B
    assert known.known.of_company("nobody") is None
    (tmp_path / "c.txt").write_text("d.example.com\n")
    known.clock.advance(61)
    assert known.known.knows("d.example.com")
    assert not known.known.knows(C)


def test_the_name_and_the_domain_stand_in_one_record() -> None:
    """A person's name is not the name of the company that the person works for."""
    people = [{"name": "Ada", "employer": {"name": "Engines", "website": A}}, {"name": "Bob"}]
    assert companies_of(people) == {"engines": A}
    assert companies_of([{"NAME": "x", "Website": A}, {"name": "X", "url": B}]) == {"x": A}
    assert companies_of([{"name": "", "website": A}, {"name": 7, "website": B}]) == {}


@given(RECORDS)
def test_any_data_is_searched(data: object) -> None:
    """Whatever a file holds: the keys are as names are compared, and each has a domain."""
    for key, domain in companies_of([data]).items():
        assert key == company_key(key)
        assert domain in (A, B) or "." in domain
