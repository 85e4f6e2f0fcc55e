"""What the folder store does with single files: find them, check links and conditions, make folders."""

import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path

from datafetch.errors import PreconditionFailed
from datafetch.regular_files import open_regular
from datafetch.store.base import Condition, IfAbsent
from datafetch.store.durability import sync
from datafetch.store.paths import IGNORE_FILE, leads_out, old_path_of, path_of_found


def place_of(root: Path, key: str) -> Path:
    """The file of an object: under an earlier version's name where only that is there.

    Raises:
        StoreError: no file of the folder can have this key (see `path_of_found`).
    """
    path = path_of_found(root, key)
    old = old_place_of(root, key)
    return path if old is None or os.path.lexists(path) else old


def old_place_of(root: Path, key: str) -> Path | None:
    """The file that an earlier version wrote under a name that is written in another way today."""
    old = old_path_of(root, key)
    if old is None or not os.path.lexists(old):
        return None
    with suppress(OSError):  # a folder on its way is a link, which is not followed
        check_folder(root, old.parent)
        return old
    return None


def remove_file(path: Path) -> bool:
    """Remove a file; return whether it was there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def check_folder(root: Path, folder: Path) -> None:
    """Make sure that no folder between the store's folder `root` and `folder` is a link.

    Listings do not follow links to folders, so that nothing outside is removed, or removed by its
    second name. What is read and written there would therefore never agree with what is listed.

    Raises:
        OSError: `folder`, or one that it is in, is a link (ELOOP).
    """
    while folder != root and folder.is_relative_to(root):
        if folder.is_symlink():
            raise OSError(errno.ELOOP, "links to folders are not followed", str(folder))
        folder = folder.parent


def check_link(root: Path, path: Path) -> None:
    """Make sure that a file is no link to a file outside the store's folder `root`.

    Raises:
        OSError: it is one (ELOOP). One that leads nowhere is as good as no file.
    """
    if path.is_symlink() and leads_out(root, path) and path.exists():
        raise OSError(errno.ELOOP, "links out of the store are not followed", str(path))


def check_condition(condition: Condition, key: str, path: Path) -> None:
    """Compare the stored file with the condition; the caller holds the store's lock.

    A folder store loses no answers. So when the condition fails somebody else wrote the file,
    even if its content is the same, and it is not read back as in `put_conditionally`.

    Raises:
        PreconditionFailed: the condition does not hold.
    """
    if condition is None:
        return
    try:
        with open_regular(path) as file:
            stored = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        if isinstance(condition, IfAbsent):
            return
        raise PreconditionFailed(f"{key} is no longer there", key=key) from None
    if isinstance(condition, IfAbsent):
        raise PreconditionFailed(f"{key} is there already", key=key)
    if stored != condition.etag:
        raise PreconditionFailed(f"{key} was changed by somebody else", key=key)


def make_folder(folder: Path, root: Path, *, durable: bool) -> None:
    """Make the folder and those above it; with `durable` the new entries are flushed to disk.

    When `root`, the store's own folder, is made, git is told to leave it alone.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent, root, durable=durable)
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        if folder == root:
            _hide_from_git(folder)
    if durable:
        sync(folder.parent)


def _hide_from_git(folder: Path) -> None:
    """Write a `.gitignore` that ignores the whole folder, itself included, if there is none.

    So the objects of a store in a site's repository are not committed with it (gitignore(5)).
    Without it the store works as well, so nothing fails for its sake.
    """
    with suppress(OSError), (folder / IGNORE_FILE).open("x") as file:
        file.write("*\n")
