"""Which versions run here: datafetch, Python, the libraries that talk to others, the system."""

import platform
from collections.abc import Iterator
from importlib import metadata

from datafetch import __version__
from datafetch.doctor.findings import Finding, Group, ok

_LIBRARIES = ("boto3", "httpx2", "pydantic", "pillow", "filelock", "typer")


class VersionsCheck:
    """Tells versions; reads what the packages say of themselves, and loads none of them."""

    name = "versions"
    group = Group.MACHINE
    limit_s = 10.0

    def look(self) -> Iterator[Finding]:
        """A line for the program and its machine, and one for the libraries."""
        yield ok(
            "versions",
            f"datafetch {__version__}, Python {platform.python_version()}, "
            f"{platform.platform(terse=True)} on {platform.machine()}",
        )
        yield ok("libraries", ", ".join(f"{name} {version_of(name)}" for name in _LIBRARIES))


def version_of(name: str) -> str:
    """The version of an installed package; `unknown` when it says none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"  # packed into one file, without what packages say of themselves
