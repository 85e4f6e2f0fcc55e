"""Programs whose clock is wrong, by libfaketime, which shows all of a process another time."""

from pathlib import Path

from tests.programs import fail_if_needed

LIBRARIES = (
    Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"),
    Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"),
    Path("/usr/lib/faketime/libfaketime.so.1"),
    Path("/usr/local/lib/faketime/libfaketime.so.1"),
)
"""Where Debian and Ubuntu have the library of their package libfaketime, and others have it."""


def fake_clock() -> Path | None:
    """The library; None where it is not installed, unless a test must have it: then it fails."""
    library = next((path for path in LIBRARIES if path.is_file()), None)
    if library is None:
        fail_if_needed("faketime", "its library is not where it is looked for")
    return library


def wrong_clock(ahead_s: float) -> dict[str, str]:
    """The variables that set a program's clock so many seconds ahead; none without the library.

    Files keep the times that the disk gives them, as those of a disk that machines share, and
    what is measured by the monotonic clock stays.
    """
    library = fake_clock()
    if not ahead_s or library is None:
        return {}
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{ahead_s:+.0f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
