"""The command meets something else in the place of a file: it ends at once, and says what to do."""

import os
from pathlib import Path

import pytest

from tests.processes import Finished, datafetch

S3 = {"S3_BUCKET": "site", "S3_ACCESS_KEY_ID": "key", "S3_SECRET_ACCESS_KEY": "secret"}


def logos(tmp_path: Path, *options: str, **variables: str) -> Finished:
    """A run of one job; a pipe that it waits for would keep it until the test fails."""
    return datafetch(*options, "logos", cwd=tmp_path, DATAFETCH_ENV="test", **variables)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"LOGO_DOMAIN_FILES": "pipe"}, "LOGO_DOMAIN_FILES"),
        ({"SSL_CERT_FILE": "pipe", "LOGO_DOMAIN_FILES": "domains.txt"}, "SSL_CERT_FILE"),
        ({"AWS_CA_BUNDLE": "pipe", **S3}, "AWS_CA_BUNDLE"),
        ({"AWS_SHARED_CREDENTIALS_FILE": "pipe", **S3}, "AWS_SHARED_CREDENTIALS_FILE"),
        ({"GITHUB_TOKEN_FILE": "pipe"}, "GITHUB_TOKEN_FILE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_pipe_in_the_place_of_a_file_is_told_by_its_setting(
    tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    """A pipe in the place of a file hung the run; nothing is stored but how it ended."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "domains.txt").write_text("example.com\n")
    done = logos(tmp_path, **variables)
    assert done.code == 78
    assert f"{said}: " in done.err
    assert "pipe" in done.err


def test_a_pipe_as_env_file_says_what_to_type_instead(tmp_path: Path) -> None:
    """`--env-file <(command)` is wrong usage; a `.env` that is a pipe is a wrong setting."""
    os.mkfifo(tmp_path / ".env")
    done = logos(tmp_path, "--env-file", ".env")
    assert (done.code, "set -a; source <(command); set +a" in done.err) == (2, True)
    done = logos(tmp_path)
    assert (done.code, ".env is a pipe; it has to be a file" in done.err) == (78, True)


def test_a_folder_for_locks_that_others_may_enter_is_refused_until_it_is_closed(
    tmp_path: Path,
) -> None:
    """Exit 78 with the command that mends it, nothing stored; the next run succeeds."""
    folder = tmp_path / f"datafetch-{os.geteuid()}"
    folder.mkdir()
    folder.chmod(0o755)
    done = logos(tmp_path, DATAFETCH_RUNTIME_DIR=str(tmp_path))
    assert (done.code, f"chmod 700 {folder}" in done.err) == (78, True)
    assert not (tmp_path / ".datafetch").exists()
    folder.chmod(0o700)
    assert logos(tmp_path, DATAFETCH_RUNTIME_DIR=str(tmp_path)).code == 0


def test_files_and_folders_behind_links_are_taken(tmp_path: Path) -> None:
    """A linked .env, domains of another repository, secrets as Kubernetes mounts them, a linked store."""
    other, secrets = tmp_path / "other", tmp_path / "secrets"
    for folder in (other / "store", secrets / "..2026_11_24", tmp_path / "site"):
        folder.mkdir(parents=True)
    (other / "domains.txt").write_text("# none yet\n")
    (other / "site.env").write_text(
        "LOGO_DOMAIN_FILES=domains.txt\nDATAFETCH_STORE=file:store\n"
        f"GITHUB_TOKEN_FILE={secrets / 'token'}\n"
    )
    (secrets / "..2026_11_24/token").write_text("a-token-in-a-file")
    (secrets / "..data").symlink_to("..2026_11_24")
    (secrets / "token").symlink_to("..data/token")
    (tmp_path / "site/.env").symlink_to("../other/site.env")
    (tmp_path / "site/domains.txt").symlink_to("../other/domains.txt")
    (tmp_path / "site/store").symlink_to("../other/store")
    assert logos(tmp_path / "site").code == 0
    assert (other / "store/json/datafetch/jobs/logos-test.json").is_file()
