"""Checks keys, and says in which file a folder store keeps each object, never outside its folder.

There are two checks. `check_key` is for what we write: such a key can name an object in every
store. `check_found` and `path_of_found` are for what we find: other tools have named it, and it is
read and removed under its own name.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from datafetch.errors import StoreError
from datafetch.store.base import CSV_TYPE, JSON_TYPE
from datafetch.store.names import file_name, is_suspect, segment_of

RESERVED = ".datafetch-"
"""What the names of the store's own files start with: its lock, and files being written."""

IGNORE_FILE = ".gitignore"
"""The store's own file at the top of its folder, by which git leaves the folder alone."""

_MAX_KEY_BYTES = 1024  # Amazon S3 user guide, "Naming Amazon S3 objects"
_MAX_NAME_BYTES = 255  # NAME_MAX of all common file systems
_PIECE_BYTES = 240
_CONTINUED = "~+"
"""A segment that is too long for a file name becomes nested folders whose names end with this."""

_FORBIDDEN = re.compile(r"[\\\0\ud800-\udfff]")
"""Surrogates are no text; Python puts them into a file name that is not UTF-8."""

_NO_TEXT = re.compile(r"[\0\ud800-\udfff]")
_DOTS = frozenset({".", ".."})

_CONTENT_TYPES = {
    ".avif": "image/avif",
    ".csv": CSV_TYPE,
    ".gif": "image/gif",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": JSON_TYPE,
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webp": "image/webp",
}
"""By the extension of the key, since a folder stores no content types."""


def check_key(key: str) -> list[str]:
    """Split a key into its segments.

    Raises:
        StoreError: it cannot name an object in every store. It is empty, absolute, longer than
            S3 allows, or has an empty segment, `.`, `..`, a backslash, NUL, or a name that this
            store keeps for itself.
    """
    segments = _checked(key, key.split("/"))
    if len(key.encode()) > _MAX_KEY_BYTES:
        raise StoreError(f"the key is longer than {_MAX_KEY_BYTES} bytes: {key[:80]}…", key=key)
    return segments


def is_key(key: str) -> bool:
    """Whether we could write an object under this key (see `check_key`)."""
    try:
        check_key(key)
    except StoreError:
        return False
    return True


def check_found(key: str) -> None:
    """Make sure that a server can be asked for an object by this key, whoever has named it so.

    Empty segments, backslashes and control characters are allowed, which `check_key` refuses.

    Raises:
        StoreError: it has a segment `.` or `..`, which whatever stands between us and the server
            may take out of an address (RFC 3986, 6.2.2.3), so that another object would be meant;
            or it ends with a slash, as the empty objects do by which consoles show a folder; or it
            is no text.
    """
    if not key or key.endswith("/") or _NO_TEXT.search(key) or _DOTS & {*key.split("/")}:
        raise _no_key(key)


def is_found(key: str) -> bool:
    """Whether an object with this key is listed: it can be asked for (see `check_found`)."""
    try:
        check_found(key)
    except StoreError:
        return False
    return True


def check_prefix(prefix: str) -> list[str]:
    """Split a prefix into its segments, without what follows its last slash.

    Raises:
        StoreError: no key can start with it.
    """
    return _checked(prefix, prefix.split("/")[:-1])


def folder_of(root: Path, segments: list[str]) -> Path:
    """The folder of the objects whose keys start with these segments."""
    names = map(file_name, segments) if is_suspect("/".join(segments)) else segments
    return root.joinpath(*(piece for name in names for piece in _names(name)))


def old_folder_of(root: Path, segments: list[str]) -> Path | None:
    """Where earlier versions kept those objects, which wrote every name as it is.

    None where that is the same folder (see `names`).
    """
    if not is_suspect("/".join(segments)):
        return None
    old = root.joinpath(*(piece for segment in segments for piece in _names(segment)))
    return None if old == folder_of(root, segments) else old


def old_path_of(root: Path, key: str) -> Path | None:
    """The file in which an earlier version, or another tool, keeps an object: its name as it is.

    It may not be there. None where today's version writes the same name.
    """
    return old_folder_of(root, key.split("/")) if is_suspect(key) else None


def path_of(root: Path, key: str) -> Path:
    """The file of an object.

    A segment that Windows takes for no name is written in another way (see `names`). One that is
    longer than a file name may be is split: all but its last part are nested folders whose names
    end in `~+`. So tags that are long in UTF-8 can be stored and listed.

    Raises:
        StoreError: `key` is not valid (see `check_key`).
    """
    return folder_of(root, check_key(key))


def path_of_found(root: Path, key: str) -> Path:
    """The file of an object that is read or removed; other tools may have named it.

    Raises:
        StoreError: no file of the folder can have this key: it has an empty segment, `.` or `..`,
            is no text, or has a name that this store keeps for itself.
    """
    segments = key.split("/")
    if "" in segments or not is_found(key) or any(map(_is_own, segments)) or key == IGNORE_FILE:
        raise _no_key(key)
    return folder_of(root, segments)


def is_its_place(root: Path, key: str, path: Path) -> bool:
    """Whether `path` is the file that is read for `key`.

    It is not when somebody else has made a folder whose name ends in `~+`: the store takes that
    for a part of a long name (see `path_of`), and would look for `key` elsewhere. A file under
    the name that an earlier version gave it counts until it is written again.
    """
    if _CONTINUED not in str(path) and not is_suspect(key):
        return True
    place = folder_of(root, key.split("/"))
    return place == path or (old_path_of(root, key) == path and not os.path.lexists(place))


def _is_own(name: str) -> bool:
    """Whether it is the name of one of the store's own files."""
    return name.startswith(RESERVED)


class _Start(NamedTuple):
    """What all keys of a folder's objects start with.

    Attributes:
        base: whole segments, each with its slash.
        part: what is known of the next segment, as it is stored: the folder is a piece of its name.
    """

    base: str
    part: str = ""

    def may_lead_to(self, prefix: str) -> bool:
        """Whether a key with this start can have the prefix."""
        if "~" in self.part:  # written in another way, perhaps, which only the whole name tells
            return self.base.startswith(prefix) or prefix.startswith(self.base)
        start = self.base + self.part
        return start.startswith(prefix) or prefix.startswith(start)

    def folder(self, name: str) -> "_Start":
        """The start of the keys in a folder of this name that is in the folder."""
        if name.endswith(_CONTINUED):
            return _Start(self.base, self.part + name.removesuffix(_CONTINUED))
        return _Start(f"{self.file(name)}/")

    def file(self, name: str) -> str:
        """The key of a file of this name that is in the folder."""
        return self.base + segment_of(self.part + name)

    def has_object(self, name: str) -> bool:
        """Whether an entry of the folder may be or hold an object, by its name.

        The store's own files, and names that are not UTF-8, are left alone.
        """
        is_ignore_file = name == IGNORE_FILE and self == _Start("")
        return not (_is_own(name) or is_ignore_file or _NO_TEXT.search(name))


def content_type_of(key: str) -> str:
    """The content type of an object, by the extension of its key."""
    return _CONTENT_TYPES.get(Path(key).suffix.lower(), "application/octet-stream")


def walk(root: Path, folder: Path, base: str, prefix: str) -> Iterator[tuple[str, Path]]:
    """Key and file of each object in a folder (whose keys all start with `base`) with the prefix.

    Links to folders are not followed, nor links to files outside the store's folder `root`: what
    is stale is removed, and must not be somebody else's. Pipes and sockets are no objects.
    """
    waiting = [(folder, _Start(base))]
    while waiting:
        at, start = waiting.pop()
        try:
            entries = os.scandir(at)
        except FileNotFoundError:
            continue
        with entries:
            for entry in entries:
                if not start.has_object(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if (below := start.folder(entry.name)).may_lead_to(prefix):
                        waiting.append((Path(entry.path), below))
                elif (key := start.file(entry.name)).startswith(prefix) and _is_file(root, entry):
                    yield key, Path(entry.path)


def _is_file(root: Path, entry: "os.DirEntry[str]") -> bool:
    return entry.is_file() and not (entry.is_symlink() and leads_out(root, entry.path))


def leads_out(root: Path, path: str | Path) -> bool:
    """Whether a link leads to something that is not in the store's folder `root`."""
    return not Path(os.path.realpath(path)).is_relative_to(root)


def _checked(whole: str, segments: list[str]) -> list[str]:
    for segment in segments:
        if (
            segment == ""
            or segment in _DOTS
            or whole == IGNORE_FILE
            or _is_own(segment)
            or segment.endswith(_CONTINUED)
            or _FORBIDDEN.search(segment)
        ):
            raise _no_key(whole)
    return segments


def _no_key(key: str) -> StoreError:
    return StoreError(f"not the key of an object: {key[:200]!r}", key=key)


def _names(segment: str) -> Iterator[str]:
    encoded = segment.encode()
    while len(encoded) > _MAX_NAME_BYTES:
        piece = encoded[:_PIECE_BYTES].decode(errors="ignore")  # not in the middle of a character
        yield piece + _CONTINUED
        encoded = encoded[len(piece.encode()) :]
    yield encoded.decode()
