"""What readers of a mirror see of its pages while a build replaces them, and when it ends there."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.build.rules.mirror_pages import MirrorPage, in_order
from datafetch.store.base import encode_json
from tests.bookmarks.world import NEWEST, World
from tests.build.world import KEYS, Build
from tests.fakes import karakeep
from tests.stores import MemoryStore

Ids = frozenset[str]

_watching: list[Callable[[Path], None]] = []


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "os.rename" and _watching:
        _watching[-1](Path(arguments[1]))


@contextmanager
def before_each_move(act: Callable[[Path], None]) -> Iterator[None]:
    """Call `act` with the new path before any file of this process takes its place."""
    if _on_event not in _hooked:
        sys.addaudithook(_on_event)  # it cannot be taken away again
        _hooked.append(_on_event)
    _watching.append(act)
    try:
        yield
    finally:
        _watching.pop()


_hooked: list[Any] = []


class Mirror:
    """A mirror of a list of bookmarks, whose pages are looked at before each move."""

    def __init__(self, folder: Path, count: int = 100) -> None:
        self.world = World.of(count, store=MemoryStore())
        self.world.run()
        self.build = Build(folder, self.world.store, self.world.clock)
        self.moments: list[Ids] = []
        self.pages: list[str] = []
        self.largest = 0

    def run(self, *, end_at: int | None = None) -> None:
        """Mirror what is stored; end before the n-th page takes its place."""
        self.moments, self.pages = [self.shown()], []

        def look(path: Path) -> None:
            self.moments.append(self.shown())
            if path.name.startswith("page-"):
                if len(self.pages) == end_at:
                    raise KeyboardInterrupt
                self.pages.append(path.stem.removeprefix("page-"))

        with before_each_move(look):
            self.build.prefetch(mirror=True).bookmarks()
        self.moments.append(self.shown())

    def shown(self) -> Ids:
        """The ids on all pages."""
        pages = [json.loads(path.read_bytes()) for path in self._paths()]
        self.largest = max([self.largest, *map(len, pages)])
        return frozenset(item["id"] for page in pages for item in page)

    def _paths(self) -> list[Path]:
        return list((self.build.output / KEYS.bookmark_page(1)).parent.glob("page-*.json"))

    def cross(self) -> None:
        """A bookmark is saved again and jumps up, one comes, some go."""
        self.world.app.resave("b090", NEWEST + timedelta(hours=1))
        made = NEWEST + timedelta(hours=2)
        self.world.app.add(karakeep.link("new", "https://new.example.com/", made))
        self.world.app.remove("b001", "b093")
        self.world.run()

    def assert_nobody_was_away(self) -> None:
        """What the pages showed at first and show now, they showed at each moment between."""
        staying = self.moments[0] & self.shown()
        for moment in self.moments:
            assert moment >= staying

    def assert_whole(self) -> None:
        """Each page is, byte for byte, as it is stored, and there is no other."""
        wanted = {
            info.key: self.build.store.get(info.key).body
            for info in self.build.store.list(KEYS.bookmark_pages_prefix())
        }
        root = self.build.output
        assert {str(path.relative_to(root)): path.read_bytes() for path in self._paths()} == wanted
        assert not [path for path in root.rglob(".datafetch-*") if "mirror" not in path.name]


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    """A hundred bookmarks on five pages, mirrored once."""
    made = Mirror(tmp_path / "mirror")
    made.run()
    return made


def test_readers_of_a_mirror_find_every_bookmark_between_two_moves(mirror: Mirror) -> None:
    """Pages were moved in the order of their numbers: who slides down was on none meanwhile."""
    mirror.cross()
    mirror.largest = 0
    mirror.run()
    mirror.assert_nobody_was_away()
    mirror.assert_whole()
    assert len(mirror.pages) == len(set(mirror.pages)) + 1
    assert mirror.largest > 24


def test_a_page_that_is_moved_twice_counts_once(mirror: Mirror) -> None:
    """The result says how many files differ; a dry run says the same before."""
    mirror.world.app.resave("b090", NEWEST + timedelta(hours=1))
    mirror.world.run()
    dry = mirror.build.prefetch(mirror=True, dry_run=True).bookmarks()
    report = mirror.build.prefetch(mirror=True).bookmarks()
    # Pages 1 to 4, the list, its mapping and its index; page 5 is as it was.
    assert (dry.processed, dry.changed) == (report.processed, report.changed) == (8, 7)
    assert mirror.build.prefetch(mirror=True).bookmarks().changed == 0


def test_wherever_a_mirror_ends_nobody_is_away_and_the_next_one_heals(tmp_path: Path) -> None:
    """A build that is killed between two moves leaves new pages beside old ones."""
    for at in range(20):
        mirror = Mirror(tmp_path / str(at), 60)
        mirror.run()
        mirror.world.app.resave("b050", NEWEST + timedelta(hours=1))
        mirror.world.app.resave("b020", NEWEST + timedelta(hours=2))
        mirror.world.app.remove("b040", "b003")
        mirror.world.run()
        try:
            mirror.run(end_at=at)
            ended = False
        except KeyboardInterrupt:
            ended = True
        mirror.assert_nobody_was_away()
        mirror.run()
        mirror.assert_nobody_was_away()
        mirror.assert_whole()
        if not ended:
            return
    raise AssertionError("the mirror did not end")


def test_a_page_that_a_mirror_left_between_its_two_moves_is_removed_with_the_others(
    tmp_path: Path,
) -> None:
    """The record knows what a page has for a moment: it is ours when the list has it no longer."""
    mirror = Mirror(tmp_path / "mirror", 60)
    mirror.run()
    # Page 2 gives to page 3, and page 3 to page 2, which is moved twice.
    mirror.world.app.resave("b055", NEWEST - timedelta(hours=30, minutes=1))
    mirror.world.app.resave("b030", NEWEST - timedelta(hours=55, minutes=1))
    mirror.world.run()
    with pytest.raises(KeyboardInterrupt):
        mirror.run(end_at=1)
    assert mirror.pages == ["2"]
    mirror.world.app.remove(*mirror.world.app.ids()[10:])
    mirror.world.run(allow_shrink=True)
    mirror.run()
    mirror.assert_whole()


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"id": "a"}', b'["a", 1, {}, {"id": 7}]', b"\xff", b"[" * 100_000]
)
def test_a_page_of_the_mirror_that_is_none_shows_nobody(body: bytes) -> None:
    """Somebody has edited it: it is written over like any other."""
    page = MirrorPage("page-1", encode_json([{"id": "a"}]), [{"id": "a"}])
    writes = list(in_order([page], {"page-1": body}.get))
    assert [(write.key, write.body, write.interim) for write in writes] == [
        ("page-1", page.body, False)
    ]


def paged(ids: list[str]) -> list[MirrorPage]:
    """Pages of three."""
    made = []
    for number, start in enumerate(range(0, len(ids), 3), 1):
        items = [{"id": item} for item in ids[start : start + 3]]
        made.append(MirrorPage(f"page-{number}", encode_json(items), items))
    return made


@given(
    st.lists(st.integers(0, 30).map(str), unique=True),
    st.lists(st.integers(0, 30).map(str), unique=True),
)
def test_whatever_the_mirror_has_nobody_is_away(old: list[str], new: list[str]) -> None:
    """Also a mirror that nobody renewed for a year, with hardly a page as it was."""
    there = {page.key: page.body for page in paged(old)}
    staying = set(old) & set(new)
    for write in in_order(paged(new), dict(there).get):
        there[write.key] = write.body
        shown = {item["id"] for body in there.values() for item in json.loads(body)}
        assert shown >= staying
    wanted = {page.key: page.body for page in paged(new)}
    assert {key: there[key] for key in wanted} == wanted
