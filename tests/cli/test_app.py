"""The application: the help that the README shows, the version, and the option without a value."""

import re
from pathlib import Path

import pytest

from datafetch.cli.app import with_bare_restore
from tests.processes import datafetch


def test_the_version_is_printed(tmp_path):
    """`--version` answers without any setting."""
    done = datafetch("--version", cwd=tmp_path)
    assert re.fullmatch(r"datafetch \d+\.\d+\.\d+\n", done.out)


@pytest.mark.parametrize(
    ("given", "expanded"),
    [
        (["bookmarks", "--restore"], ["bookmarks", "--restore", "1"]),
        (["bookmarks", "--restore", "--json"], ["bookmarks", "--restore", "1", "--json"]),
        (["bookmarks", "--restore", "3"], ["bookmarks", "--restore", "3"]),
    ],
)
def test_a_bare_restore_means_the_newest_backup(given, expanded):
    """`--restore` may stand without its number."""
    assert with_bare_restore(given) == expanded


def test_the_readmes_help_is_the_commands_help(tmp_path):
    """The README's help block cannot go stale."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    block = readme.split("<!-- help:begin -->")[1].split("<!-- help:end -->")[0]
    shown = datafetch("--help", cwd=tmp_path, COLUMNS="100").out
    assert shown.replace("python -m datafetch", "datafetch").strip() in block
