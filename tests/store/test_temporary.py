"""Temporary files of the folder store: filled and stamped."""

from pathlib import Path

from datafetch.store.temporary import fill, temporary_in, time_in
from tests.support import unprivileged_folder

HOUR_S = 3600
LEFT = ".datafetch-0123456789abcdef"


def test_the_time_of_a_folder_is_its_file_systems(tmp_path: Path) -> None:
    """A lease was judged by the clock of whoever wrote it; nothing is left behind by looking."""
    folder = tmp_path / "folder"
    folder.mkdir()
    path = temporary_in(folder)
    made_at = fill(path, [b"x"], durable=False).made_at
    path.unlink()
    time = time_in(folder)
    assert time is not None
    assert 0 <= time - made_at < 60
    assert [*folder.iterdir()] == []


def test_the_time_of_a_folder_that_is_read_only_is_not_known() -> None:
    """Who may not write there has no clock to go by, and does not guess."""
    with unprivileged_folder() as folder:
        folder.chmod(0o500)
        assert time_in(folder) is None
