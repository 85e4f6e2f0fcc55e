"""scripts/check --servers: what a server holds is told apart, and one that is not here is skipped by name."""

import sys
from contextlib import closing
from pathlib import Path

import pytest

from scripts.servers.holds import Holds, what_holds
from scripts.servers.known import CannotRun, KnownServer, started
from scripts.servers.run import Verdict, table
from tests.contract.support import open_s3
from tests.fakes.s3 import S3Fake
from tests.fakes.s3_dialects import Dialect


@pytest.mark.parametrize(
    ("dialect", "holds"),
    [
        ("quoted", Holds("yes", "yes", "yes", "yes", "yes", "yes", "yes")),
        ("unquoted", Holds("yes", "refused", "yes", "yes", "yes", "yes", "yes")),
        ("ignoring", Holds("ignored", "ignored", "ignored", "yes", "yes", "yes", "yes")),
        ("unsupported", Holds("unknown", "unknown", "unknown", "yes", "yes", "yes", "yes")),
        ("unsupported-400", Holds("unknown", "unknown", "unknown", "yes", "yes", "yes", "yes")),
        ("thin", Holds("yes", "yes", "yes", "yes", "yes", "no", "yes")),
    ],
)
def test_each_dialect_is_told_apart(s3_fake: S3Fake, dialect: Dialect, holds: Holds) -> None:
    """A table that calls an ignored condition a kept one would be worse than none."""
    s3_fake.app.dialect = dialect
    with closing(open_s3(s3_fake)) as store, closing(open_s3(s3_fake, acl="public-read")) as other:
        assert what_holds(store, other) == holds


def server(program: str, *arguments: str, needs: tuple[str, ...] | None = None) -> KnownServer:
    """A server that is started so."""
    return KnownServer(program, "pip install it", arguments, needs=needs)


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (server("no-such-program-of-ours"), "not found; pip install it"),
        (server(sys.executable, needs=("-c", "raise SystemExit(1)")), "too old; pip install it"),
        (server(sys.executable, "-c", "raise SystemExit(3)"), "ended at once with exit code 3"),
    ],
)
def test_a_server_that_cannot_run_says_why(known: KnownServer, why: str, tmp_path: Path) -> None:
    """Not every machine has every server; none of them stops the others."""
    folder = tmp_path / "store"
    folder.mkdir()
    with pytest.raises(CannotRun, match=why), started(known, folder):
        pass


def test_a_server_runs_until_the_block_ends(tmp_path: Path) -> None:
    """It is given its port and its folder, and is gone afterwards."""
    folder = tmp_path / "store"
    folder.mkdir()
    known = server(sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}")
    with started(known, folder) as url:
        assert url.startswith("http://127.0.0.1:")


def test_the_table_names_what_failed() -> None:
    """One line for each server, and below it the tests that it does not pass."""
    holds = Holds("yes", "refused", "yes", "yes", "yes", "no", "unknown")
    lines = table([Verdict("some-server", "1.2", holds, 60, ("test_a", "test_b"))]).splitlines()
    assert lines[0].startswith("| server | version | create | quoted | unquoted |")
    assert lines[2] == (
        "| some-server | 1.2 | yes | refused | yes | yes | yes | no | unknown | 60 | 2 |"
    )
    assert lines[3:] == ["some-server: test_a", "some-server: test_b"]
