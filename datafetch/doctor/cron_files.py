"""Which files of the system's crontabs a cron daemon leaves unread, and why.

Sources: cron(8) of Debian (names as of run-parts, owner, mode, the newline at the end), and cronie's
`database.c` (owner and mode).
"""

import re
from pathlib import Path

from datafetch.doctor.cron_daemons import DEBIANS, CronDaemon

MEND_FILE = (
    "The file has to be root's, with the mode 0644 and a name such as /etc/cron.d/datafetch."
)
_FOLDER = "cron.d"
_NAME_FOR_DEBIAN = re.compile(r"[A-Za-z0-9_-]+")
_OTHERS_MAY_WRITE = 0o022


def why_ignored(path: Path, text: str, daemon: CronDaemon | None) -> str:
    """Why this daemon does not read a crontab of the system; empty when nothing speaks against it."""
    if daemon is None or daemon.name not in (DEBIANS, "cronie"):
        return ""
    if daemon.name == DEBIANS:
        if path.parent.name == _FOLDER and not _NAME_FOR_DEBIAN.fullmatch(path.name):
            return (
                f"{DEBIANS} reads no file whose name has other signs than letters, digits, _ and -"
            )
        if not text.endswith("\n"):
            return f"its last line does not end, and {DEBIANS} then reads none of it"
    try:
        found = path.stat()
    except OSError:
        return ""
    if found.st_mode & _OTHERS_MAY_WRITE:
        return f"others than its owner may write to it, and {daemon.name} then does not read it"
    return ""
