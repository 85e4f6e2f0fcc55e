"""Root folders of made-up systems: processes, daemons and crontabs where the real ones are."""

from pathlib import Path

from datafetch.doctor.schedule_check import Surroundings

CRONIE = b"\x7fELF cronie 1.7.2 CRON_TZ"
DEBIAN = b"\x7fELF Vixie Cron MAILTO"


def put(root: Path, path: str, content: bytes | str = b"", mode: int = 0o644) -> Path:
    """A file of the system."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    return file


def start(root: Path, name: str, number: int = 77, words: bytes = b"") -> None:
    """A process."""
    put(root, f"proc/{number}/comm", f"{name}\n")
    put(root, f"proc/{number}/cmdline", words)


def with_cronie(root: Path) -> None:
    """A system whose cron reads CRON_TZ."""
    put(root, "usr/sbin/crond", CRONIE, 0o755)
    start(root, "crond")


def with_debians(root: Path) -> None:
    """A system whose cron ignores it."""
    put(root, "etc/debian_version", "12.11\n")
    put(root, "usr/sbin/cron", DEBIAN, 0o755)
    start(root, "cron")


def around(root: Path, crontab: str | None = None, zone: str = "Etc/UTC") -> Surroundings:
    """The system as the schedule sees it, with datafetch in /opt/site."""
    put(root, "opt/site/.venv/bin/datafetch", "", 0o755)
    return Surroundings(
        root=root,
        home=root / "home/site",
        program=Path("/opt/site/.venv/bin/datafetch"),
        zone=zone,
        user="site",
        own_crontab=lambda: crontab,
    )
