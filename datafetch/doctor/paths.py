"""Paths of this machine that the user who asks may not be allowed to see."""

import os
from pathlib import Path


def is_seen(path: Path) -> bool:
    """Whether it is there and may be seen; `Path.exists` raises where a folder above is closed."""
    return os.path.exists(path)  # noqa: PTH110 - the only one that never raises


def nearest(path: Path) -> Path:
    """The path itself or, when that cannot be seen, the innermost folder above it that can."""
    return next((each for each in (path, *path.parents) if is_seen(each)), Path(path.anchor))


def home_folder() -> Path | None:
    """The user's own folder; None in containers whose user has neither a name nor `HOME`."""
    try:
        return Path.home()
    except RuntimeError:
        return None
