"""What the folder store does with single files: look for links, check conditions, make folders."""

import errno
import hashlib
from contextlib import suppress
from pathlib import Path

from datafetch.errors import PreconditionFailed
from datafetch.regular_files import open_regular
from datafetch.store.base import Condition, IfAbsent
from datafetch.store.durability import sync
from datafetch.store.paths import IGNORE_FILE, leads_out


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
