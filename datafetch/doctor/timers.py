"""The systemd timers that `datafetch schedule --systemd` prints: which exist, and are enabled."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from datafetch.doctor.findings import Finding, ok, warn
from datafetch.models.text import one_line

_TIMERS = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_USERS_TIMERS = ".config/systemd/user"


def find_timers(root: Path, home: Path | None) -> list[Path]:
    """The existing timers of those that `datafetch schedule --systemd` prints."""
    folders = [root / place for place in _TIMERS]
    if home is not None:
        folders.append(home / _USERS_TIMERS)
    return sorted(path for folder in folders for path in folder.glob("datafetch-*.timer"))


def timers_found(timers: Sequence[Path], root: Path) -> Iterator[Finding]:
    """A line with the names of the timers, and one with those that nobody has enabled."""
    if not timers:
        return
    yield ok("systemd timers", ", ".join(dict.fromkeys(one_line(path.name, 80) for path in timers)))
    idle = [path.name for path in timers if not _is_enabled(path, root)]
    if idle:
        names = " ".join(dict.fromkeys(one_line(name, 80) for name in idle))
        yield warn(
            "idle timers",
            f"{names}: not enabled, so that they start nothing after a boot",
            f"systemctl enable --now {names}",
        )


def _is_enabled(timer: Path, root: Path) -> bool:
    """Whether the timer is started together with the others (systemctl(1), `enable`)."""
    links = [
        folder / "timers.target.wants" / timer.name
        for folder in (timer.parent, root / "etc/systemd/system")
    ]
    return any(link.is_symlink() or link.exists() for link in links)
