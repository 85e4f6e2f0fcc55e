"""The map of the code, `datafetch/README.md`: what it names is there, and what is there it names."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "datafetch"
MAP = (PACKAGE / "README.md").read_text(encoding="utf-8")
UNNAMED = {"__init__.py", "__main__.py", "README.md", "py.typed", "__pycache__"}


def section(title: str) -> str:
    """What stands under a heading of the map."""
    return MAP.partition(f"\n## {title}")[2].partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines[1:]]


def rooms() -> list[list[str]]:
    """The names of each room, or of rooms that share a line, and what the map says of them."""
    return rows("Rooms")


def places() -> list[list[str]]:
    """What is to be changed, and where."""
    return rows("Where do I change")


def paths(text: str) -> list[str]:
    """The files and folders that a text names."""
    quoted = re.findall(r"`([^`\s]+)`", text)
    return [name for name in quoted if "/" in name or name.endswith((".py", ".toml", ".md"))]


def found(path: str, folders: Iterable[Path]) -> list[Path]:
    """What a path stands for in one of the folders; `…/rules/` is that of any room."""
    return [place for folder in folders for place in folder.glob(path.replace("…", "*"))]


def test_the_tables_are_there():
    """A table under another heading would leave the other tests nothing to look at."""
    assert rooms()
    assert places()
    assert [what for what, where in places() if not paths(where)] == []


@pytest.mark.parametrize(("names", "text"), rooms(), ids=lambda value: value[:20])
def test_the_files_of_a_room_are_there(names, text):
    """Whoever opens a room finds in it what the map says."""
    folders = [
        room for name in paths(names) if name.endswith("/") for room in found(name, [PACKAGE])
    ] or [PACKAGE]
    for path in paths(text):
        # A file's name alone is that of one in the room; a longer path may lead to another room.
        assert found(path, [*folders, PACKAGE] if "/" in path else folders), path


def test_every_other_path_is_there():
    """The map never sends anyone to a file that has moved."""
    elsewhere = MAP
    for row in rooms():
        elsewhere = elsewhere.replace(" | ".join(row), "")
    assert [path for path in paths(elsewhere) if not found(path, [PACKAGE, ROOT])] == []


def test_every_name_in_a_place_is_defined_there():
    """A constant or function that the table names stands in the file that it names."""
    checked = 0
    for _, where in places():
        for path, name in re.findall(r"`([a-z_/]+\.py)`, (?:the )?`([A-Za-z_…]+)`", where):
            text = (PACKAGE / path).read_text(encoding="utf-8")
            assert re.search(rf"^(?:def |class )?{name.rstrip('…')}\w*\b", text, re.MULTILINE), name
            checked += 1
    assert checked >= 5


def test_the_map_has_every_room_and_no_other():
    """A new module or folder of the package gets its line in the table of rooms."""
    there = {
        entry.name + ("/" if entry.is_dir() else "")
        for entry in PACKAGE.iterdir()
        # A folder that git emptied can still hold the interpreter's cache.
        if entry.name not in UNNAMED and (entry.is_file() or any(entry.rglob("*.[pm][yd]")))
    }
    named = {name for names, _ in rooms() for name in paths(names)}
    assert {name for name in named if "…" not in name} == there
    assert [name for name in named if not found(name, [PACKAGE])] == []


def test_the_picture_has_every_room_and_no_other():
    """A room is drawn by its name; `job.py` as the `JobContext` that passes between two rooms."""
    lines = re.findall(r"^   (\w.*?)(?:   |$)", section("One picture"), re.MULTILINE)
    drawn = {name for line in lines for name in line.split(" · ")}
    named = {name for names, _ in rooms() for name in paths(names) if "…" not in name}
    assert drawn == {name.removesuffix("/").removesuffix(".py") for name in named} - {"job"}
