"""Programs of this machine that tests start, each by the name that `scripts/test-programs` gives it.

A test whose program is missing is skipped, and says which. Where `NEEDS_PROGRAMS` names the program,
as in CI, which installs them all, it fails instead: no test is left out there without being seen.
"""

import os
import shutil
from typing import NoReturn

import pytest

NEEDS = "NEEDS_PROGRAMS"
"""The variable that holds the names of all that must not be missing, with spaces between them."""

_OTHER_NAMES = {"chromium": ("chromium-browser", "google-chrome")}

_FOLDERS_OF_SERVICES = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Most users' PATH does not name these."""


def program(name: str) -> str:
    """The program's path; the test is skipped where it is missing, or fails when it must not be."""
    found = find(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def find(name: str) -> str | None:
    """The program's path; None where it is missing, unless it must not be: then the test fails."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_FOLDERS_OF_SERVICES])
    for one in (name, *_OTHER_NAMES.get(name, ())):
        found: str | None = shutil.which(one, path=path)
        if found is not None:
            return found
    fail_if_needed(name, "it is not installed")
    return None


def skip(name: str, reason: str) -> NoReturn:
    """Skip a test whose program is there and cannot do its work here; fail when it has to."""
    fail_if_needed(name, reason)
    pytest.skip(f"{name}: {reason}")


def fail_if_needed(name: str, reason: str) -> None:
    """Fail the test when `NEEDS_PROGRAMS` names the program, which is missing for this reason."""
    if name in os.environ.get(NEEDS, "").split():
        pytest.fail(f"{name}: {reason}, and {NEEDS} names it")
