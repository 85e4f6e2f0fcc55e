"""Files of certificates: what is wrong with one is said before a library meets it."""

import os
from pathlib import Path

import pytest
import trustme

from datafetch.ca_files import file_problem, folder_problem

NAME = "AWS_CA_BUNDLE"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no file {path}"),
        (b" \n", "{path} is empty"),
        (b"\0\1 no text", "{path} holds no certificates (PEM)"),
    ],
)
def test_a_file_without_certificates_is_named(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    """Variable and file stand in the sentence, whichever library would have read it."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    problem = file_problem({NAME: str(path)}, NAME)
    assert problem is not None
    assert problem.startswith(f"{NAME}: {said.format(path=path)}")


@pytest.mark.timeout(20)
def test_what_never_ends_is_not_read(tmp_path: Path) -> None:
    """A pipe in the place of the file, or of one in the folder, hung the run before its first word."""
    os.mkfifo(tmp_path / "ca.pem")
    os.mkfifo(tmp_path / "12345678.0")
    (tmp_path / "large.pem").write_bytes(b"-----BEGIN \n" + b" " * 16 * 1024 * 1024)
    for value, said in (
        (tmp_path / "ca.pem", "cannot be read: it is no file but a pipe"),
        ("/dev/zero", "cannot be read: it is no file but a device"),
        (tmp_path / "large.pem", "is larger than 16 MiB, and has to hold certificates (PEM)"),
    ):
        assert file_problem({NAME: str(value)}, NAME) == f"{NAME}: {value} {said}"
    assert folder_problem({NAME: str(tmp_path)}, NAME) == (
        f"{NAME}: {tmp_path / '12345678.0'} is no file, and has to be one of certificates (PEM)"
    )


def test_a_path_that_no_system_takes_is_no_traceback() -> None:
    """A variable may hold anything."""
    for value in ("a\0b", "x" * 5000):
        assert (file_problem({NAME: value}, NAME) or "").startswith(f"{NAME}: ")
        assert (folder_problem({NAME: value}, NAME) or "").startswith(f"{NAME}: ")


def test_what_is_right_or_not_set_has_no_problem(tmp_path: Path) -> None:
    """Most machines set none of the variables."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    assert file_problem({NAME: str(tmp_path / "ca.pem")}, NAME) is None
    for environment in ({}, {NAME: ""}):
        assert file_problem(environment, NAME) is None
        assert folder_problem(environment, NAME) is None
