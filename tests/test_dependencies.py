"""What the package may be installed with: no version that is known to be unsafe."""

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]


class FirstSafe(NamedTuple):
    """The first version of a library without a known hole, and what was wrong with those before."""

    version: str
    reason: str


FIRST_SAFE = {
    "cryptography": FirstSafe(
        "50.0.0",
        "keys could be found out: CVE-2026-26007 (until 46.0.4), CVE-2026-69247 (until 49); names "
        "were not checked: CVE-2026-34073 (46.0.5)",
    ),
    "distributed": FirstSafe(
        "2026.1.0", "its dashboard could be made to run code: CVE-2026-23528, GHSA-c336-7962-wfj2"
    ),
    "filelock": FirstSafe(
        "4.2.1",
        "a planted link or file at a lock's path was emptied: CVE-2025-68146 (until 3.20.1), "
        "CVE-2026-22701 (3.20.3), CVE-2026-112909 (4.2.1)",
    ),
    "h11": FirstSafe("0.16.0", "a chunked answer could smuggle another one: CVE-2025-43859"),
    "httpcore2": FirstSafe("2.10.0", "no TLS through SOCKS proxies: GHSA-7mj9-2mp8-4m2p"),
    "httpx2": FirstSafe(
        "2.12.0",
        "a small compressed answer filled the memory: GHSA-8xx6-hgc6-gc2m; headers could be "
        "injected: GHSA-h4x7-gw46-3wm6, GHSA-pf96-p4fj-6566 (2.11.0)",
    ),
    "idna": FirstSafe("3.15", "a long host took minutes to encode: CVE-2026-45409"),
    "jinja2": FirstSafe("3.1.6", "templates could leave the sandbox: CVE-2025-27516"),
    "pillow": FirstSafe(
        "13.0.0",
        "pictures could write beyond their memory or start a program: CVE-2026-59199 and others "
        "(until 12.3.0), CVE-2026-112397, CVE-2026-112900 (13.0.0)",
    ),
    "pygments": FirstSafe("2.20.0", "text could freeze a highlighter: CVE-2026-4539"),
    "python-dotenv": FirstSafe("1.2.2", "a link was written through: CVE-2026-28684"),
    "starlette": FirstSafe(
        "1.3.1",
        "a made-up Host got past checks of paths: CVE-2026-48710 (until 1.0.1); limits of forms "
        "were not kept (1.3.1)",
    ),
    "tornado": FirstSafe(
        "6.5.9",
        "one request could stop the event loop or fill the memory: GHSA-mpf4-983q-p7j4, "
        "GHSA-8423-8fgw-73vq (until 6.5.7), and what its release notes tell (6.5.8)",
    ),
    "urllib3": FirstSafe(
        "2.8.0",
        "answers that never ended or filled the memory: CVE-2026-44432 (until 2.7.0), "
        "CVE-2026-97688, CVE-2026-97689; a proxy's TLS settings were ignored: CVE-2026-97687",
    ),
}
"""By the library's name. Libraries that come with others are here too, for the lock file."""

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = PYPROJECT["project"]
DECLARED = [
    Requirement(text)
    for texts in (
        PYPROJECT["build-system"]["requires"],
        PROJECT["dependencies"],
        *PROJECT.get("optional-dependencies", {}).values(),
        *PYPROJECT["dependency-groups"].values(),
    )
    for text in texts
]
LOCKED = [
    (canonicalize_name(name), Version(version))
    for name, version in re.findall(
        r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;]+)",
        (ROOT / "requirements.lock").read_text(),
        re.MULTILINE,
    )
]


def floor(requirement: Requirement) -> Version:
    """The lowest version that a requirement allows."""
    [least] = [part.version for part in requirement.specifier if part.operator == ">="]
    return Version(least)


@pytest.mark.parametrize("requirement", DECLARED, ids=lambda requirement: requirement.name)
def test_no_floor_admits_a_known_hole(requirement: Requirement) -> None:
    """Whoever has an older library already keeps it, unless the package asks for a safe one."""
    least = floor(requirement)
    safe = FIRST_SAFE.get(canonicalize_name(requirement.name))
    assert safe is None or least >= Version(safe.version), safe


@pytest.mark.parametrize(("name", "version"), LOCKED, ids=[name for name, _ in LOCKED])
def test_what_is_locked_has_no_known_hole(name: str, version: Version) -> None:
    """Libraries of libraries are held by the lock file alone."""
    safe = FIRST_SAFE.get(name)
    assert safe is None or version >= Version(safe.version), safe


@pytest.mark.parametrize("requirement", DECLARED, ids=lambda requirement: requirement.name)
def test_the_lock_file_has_what_is_declared(requirement: Requirement) -> None:
    """A floor that was raised without the lock file would be found by users only."""
    locked = [version for name, version in LOCKED if name == canonicalize_name(requirement.name)]
    assert locked
    assert all(requirement.specifier.contains(version) for version in locked)


def test_the_readme_says_of_each_library_why_it_is_here() -> None:
    """Whoever installs the package sees what comes with it; three libraries stood nowhere."""
    table = (ROOT / "README.md").read_text().partition("## Libraries")[2].partition("## ")[0]
    rows = re.findall(r"^\| ([a-z][\w, -]*) \|", table, re.MULTILINE)
    named = {name for row in rows for name in row.split(", ")} - {"library"}
    extras = [text for texts in PROJECT["optional-dependencies"].values() for text in texts]
    assert named == {Requirement(text).name for text in [*PROJECT["dependencies"], *extras]}
