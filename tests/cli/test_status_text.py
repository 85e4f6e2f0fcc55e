"""What `datafetch status` draws: every scene as a file in tests/data/status, at 80 and at 160 columns.

After a change of the words: `python -m tests.cli.test_status_text` writes the files anew.
"""

import re
from pathlib import Path

import pytest

from datafetch.cli.paper import Paper
from datafetch.cli.status_text import status_lines
from tests.ops.overviews import SCENES, all_fine, corrupt, failing

FOLDER = Path(__file__).parent.parent / "data" / "status"
ESCAPE = re.compile(r"\x1b\[[\d;]*m")


def drawn(scene: str, columns: int) -> str:
    """The text of a scene on a terminal of so many columns."""
    return "\n".join(status_lines(SCENES[scene](), Paper(columns))) + "\n"


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_looks_as_it_did(scene, columns):
    """Whoever reads the text knows it again; a change of it is a change of a file."""
    assert drawn(scene, columns) == (FOLDER / f"{scene}-{columns}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("scene", SCENES)
def test_no_line_is_wider_than_the_terminal(scene, columns):
    """Nothing is wrapped by the terminal itself."""
    assert [line for line in drawn(scene, columns).splitlines() if len(line) > columns] == []


@pytest.mark.parametrize("scene", SCENES)
def test_colours_change_no_word(scene):
    """Without colours the same words say the same."""
    plain = status_lines(SCENES[scene](), Paper(80))
    coloured = status_lines(SCENES[scene](), Paper(80, colour=True))
    assert [ESCAPE.sub("", line) for line in coloured] == plain
    assert coloured != plain


def test_a_pipe_gets_one_line_for_each_thing():
    """Without a width nothing is continued on a next line: `grep` finds whole sentences."""
    lines = status_lines(failing(), Paper())
    assert any("newest https://blog.example/article: no answer in time" in line for line in lines)
    assert lines[0].startswith("bookmarks: failing since 06:05 PST (6 h ago), 4 runs; last good ")


def test_foreign_words_steer_no_terminal():
    """What stands in records is shown with its control characters escaped, and without secrets."""
    from dataclasses import replace

    overview = replace(corrupt(), notes=("a\x1b[2Jb token=hunter2hunter2",))
    text = "\n".join(status_lines(overview, Paper()))
    assert "\x1b" not in text
    assert "hunter2" not in text
    assert "a\\x1b[2Jb" in text


def test_nothing_is_to_be_typed_when_all_is_well():
    """A good answer ends with itself."""
    assert not any(line.startswith("type ") for line in status_lines(all_fine(), Paper()))


def _write() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for scene in SCENES:
        for columns in (80, 160):
            path = FOLDER / f"{scene}-{columns}.txt"
            path.write_text(drawn(scene, columns), encoding="utf-8")


if __name__ == "__main__":
    _write()
