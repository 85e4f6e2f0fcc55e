"""Checks keys, and says in which file a folder store keeps each object, never outside its folder."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from datafetch.errors import StoreError
from datafetch.store.base import JSON_TYPE

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

_CONTENT_TYPES = {
    ".avif": "image/avif",
    ".csv": "text/csv",
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


def check_prefix(prefix: str) -> list[str]:
    """Split a prefix into its segments, without what follows its last slash.

    Raises:
        StoreError: no key can start with it.
    """
    return _checked(prefix, prefix.split("/")[:-1])


def folder_of(root: Path, segments: list[str]) -> Path:
    """The folder of the objects whose keys start with these segments."""
    return root.joinpath(*(name for segment in segments for name in _names(segment)))


def path_of(root: Path, key: str) -> Path:
    """The file of an object.

    A segment that is longer than a file name may be is split: all but its last part are nested
    folders whose names end in `~+`. So tags that are long in UTF-8 can be stored and listed.

    Raises:
        StoreError: `key` is not valid (see `check_key`).
    """
    return folder_of(root, check_key(key))


def _key_below(base: str, name: str, *, is_folder: bool) -> str | None:
    """`base` and the name: the key of a file, or for a folder what all keys in it start with.

    None for a name that belongs to no object: the store's own files, and invalid names.
    """
    is_own = name.startswith(RESERVED) or (base == "" and name == IGNORE_FILE)
    if is_own or _FORBIDDEN.search(name):
        return None
    if not is_folder:
        return base + name
    return base + name.removesuffix(_CONTINUED) if name.endswith(_CONTINUED) else f"{base}{name}/"


def content_type_of(key: str) -> str:
    """The content type of an object, by the extension of its key."""
    return _CONTENT_TYPES.get(Path(key).suffix.lower(), "application/octet-stream")


def walk(folder: Path, base: str, prefix: str) -> Iterator[tuple[str, Path]]:
    """Key and file of each object in a folder (whose keys all start with `base`) with the prefix."""
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            is_folder = entry.is_dir()
            key = _key_below(base, entry.name, is_folder=is_folder)
            if key is None:
                continue
            if not is_folder and key.startswith(prefix):
                if entry.is_file():  # a pipe or a socket is no object
                    yield key, Path(entry.path)
            elif is_folder and (key.startswith(prefix) or prefix.startswith(key)):
                yield from walk(Path(entry.path), key, prefix)


def _checked(whole: str, segments: list[str]) -> list[str]:
    for segment in segments:
        if (
            segment in ("", ".", "..")
            or whole == IGNORE_FILE
            or segment.startswith(RESERVED)
            or segment.endswith(_CONTINUED)
            or _FORBIDDEN.search(segment)
        ):
            raise StoreError(f"not the key of an object: {whole[:200]!r}", key=whole)
    return segments


def _names(segment: str) -> Iterator[str]:
    encoded = segment.encode()
    while len(encoded) > _MAX_NAME_BYTES:
        piece = encoded[:_PIECE_BYTES].decode(errors="ignore")  # not in the middle of a character
        yield piece + _CONTINUED
        encoded = encoded[len(piece.encode()) :]
    yield encoded.decode()
