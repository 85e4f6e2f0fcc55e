"""The map of the code, `datafetch/README.md`: what it names is there, and what is there it names."""

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "datafetch"
MAP = (PACKAGE / "README.md").read_text(encoding="utf-8")
UNNAMED = {"__init__.py", "__main__.py", "README.md", "py.typed", "__pycache__"}


def section(title: str) -> str:
    """What stands under a heading of the map."""
    return MAP.partition(f"\n## {title}")[2].partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines[1:]]


def rooms() -> list[tuple[str, list[str]]]:
    """Each room that is a folder, with the files that the map puts into it."""
    found = []
    for names, text in rows("Rooms"):
        folders = re.findall(r"`([a-z_]+)/`", names)
        if len(folders) == 1:
            found.append((folders[0], re.findall(r"`([a-z0-9_]+\.py)`", text)))
    return found


def places() -> list[tuple[str, str]]:
    """What is to be changed, and each file or folder that the map sends one to."""
    return [
        (what, path)
        for what, where in rows("Where do I change")
        for path in re.findall(r"`([a-z_/]+(?:\.py|/))`", where)
    ]


@pytest.mark.parametrize(("room", "files"), rooms(), ids=lambda value: str(value)[:20])
def test_the_files_of_a_room_are_there(room, files):
    """Whoever opens a room finds in it what the map says."""
    for name in files:
        assert (PACKAGE / room / name).is_file(), f"{room}/{name}"


@pytest.mark.parametrize(("what", "path"), places())
def test_every_place_is_there(what, path):
    """The table of places to change never sends anyone to a file that has moved."""
    assert (PACKAGE / path).exists()


def test_every_name_in_a_place_is_defined_there():
    """A constant or function that the table names stands in the file that it names."""
    checked = 0
    for _, where in rows("Where do I change"):
        for path, name in re.findall(r"`([a-z_/]+\.py)`, (?:the )?`([A-Za-z_…]+)`", where):
            text = (PACKAGE / path).read_text(encoding="utf-8")
            assert re.search(rf"^(?:def |class )?{name.rstrip('…')}\w*\b", text, re.MULTILINE), name
            checked += 1
    assert checked >= 5


def test_every_room_is_on_the_map():
    """A new module or folder of the package gets its line in the map."""
    there = {
        entry.name + ("/" if entry.is_dir() else "")
        for entry in PACKAGE.iterdir()
        if entry.name not in UNNAMED
    }
    named = set(re.findall(r"`([a-z_]+(?:\.py|/))`", MAP))
    named |= {f"{name}.py" for name in re.findall(r"[a-z]+", section("One picture"))}
    assert there <= named, there - named
