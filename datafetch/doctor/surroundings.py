"""This machine as the schedule sees it: its files, its zone, the user's own crontab."""

import os
import shutil
import sys
from pathlib import Path

from datafetch.doctor.paths import home_folder
from datafetch.doctor.schedule_check import Surroundings
from datafetch.runtime.answers_of_programs import answer_of

_PROGRAM = "datafetch"
_LONGEST_S = 5.0
_ZONES = "zoneinfo/"


def this_machine() -> Surroundings:
    """The machine on which this runs."""
    root = Path("/")
    return Surroundings(
        root=root,
        home=home_folder(),
        program=_called(),
        zone=zone_of(root),
        user=_user(),
        own_crontab=_own_crontab,
    )


def zone_of(root: Path) -> str:
    """The name of the system's time zone, by `/etc/localtime` or `/etc/timezone`; empty when unknown."""
    local = root / "etc/localtime"
    if local.is_symlink():
        target = os.path.realpath(local)
        if _ZONES in target:
            return target.rpartition(_ZONES)[2]
    try:
        return (root / "etc/timezone").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "" if local.exists() else "UTC"  # localtime(5): without the file it is UTC


def _own_crontab() -> str | None:
    """What `crontab -l` prints; None when the user has none, or there is no such program."""
    answer = answer_of(("crontab", "-l"), _LONGEST_S)
    return answer.output if answer is not None and answer.code == 0 else None


def _user() -> str:
    """The user's name; the number where it has none, as in containers."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _called() -> Path:
    """The `datafetch` that was called: not what a link there leads to, as of pipx."""
    called = Path(sys.argv[0])
    if called.name == _PROGRAM and called.is_file():
        return called.absolute()
    beside = Path(sys.executable).absolute().parent / _PROGRAM  # `python -m datafetch`
    found = None if beside.is_file() else shutil.which(_PROGRAM)
    return Path(found).absolute() if found else beside
