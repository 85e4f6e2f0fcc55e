"""Which keys are keys, and where a folder keeps them; a key never leads out of its folder."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from datafetch.errors import StoreError
from datafetch.store.base import JSON_TYPE

RESERVED = ".datafetch-"
"""What the names of a folder's own files start with: its lock, files that are being written."""

_MAX_KEY_BYTES = 1024  # Amazon S3 user guide, "Naming Amazon S3 objects"
_MAX_NAME_BYTES = 255  # NAME_MAX of all common file systems
_PIECE_BYTES = 240
_CONTINUED = "~+"
_FORBIDDEN = re.compile(r"[\\\0]")

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
"""A folder keeps no content types: the name's end says it."""


def check_key(key: str) -> list[str]:
    """The segments of a key.

    Raises:
        StoreError: it cannot name an object in every store: empty, absolute, longer than S3
            allows, with an empty segment, `.`, `..`, a backslash or NUL.
    """
    segments = _checked(key, key.split("/"))
    if len(key.encode()) > _MAX_KEY_BYTES:
        raise StoreError(f"the key is longer than {_MAX_KEY_BYTES} bytes: {key[:80]}…", key=key)
    return segments


def check_prefix(prefix: str) -> list[str]:
    """The whole segments of a prefix; what follows its last slash is not one of them.

    Raises:
        StoreError: no key can start with it.
    """
    return _checked(prefix, prefix.split("/")[:-1])


def folder_of(root: Path, segments: list[str]) -> Path:
    """Where a folder keeps the objects whose keys start with these segments."""
    return root.joinpath(*(name for segment in segments for name in _names(segment)))


def path_of(root: Path, key: str) -> Path:
    """Where a folder keeps the object.

    A segment that is longer than a file name may be becomes nested folders whose names end
    in `~+`, so that long tags in other scripts have a place and are still listed.

    Raises:
        StoreError: it is no key.
    """
    return folder_of(root, check_key(key))


def key_below(base: str, name: str, *, is_folder: bool) -> str | None:
    """The key (of a folder: what its keys start with) of a name in the folder of `base`.

    None for what is no object: files of the folder's own, names that cannot be keys.
    """
    if name.startswith(RESERVED) or _FORBIDDEN.search(name) or not _is_text(name):
        return None
    if not is_folder:
        return base + name
    return base + name.removesuffix(_CONTINUED) if name.endswith(_CONTINUED) else f"{base}{name}/"


def content_type_of(key: str) -> str:
    """The type of an object in a folder."""
    return _CONTENT_TYPES.get(Path(key).suffix.lower(), "application/octet-stream")


def walk(folder: Path, base: str, prefix: str) -> Iterator[tuple[str, Path]]:
    """Keys and files below a folder whose keys start with `base`; those with the prefix."""
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            is_folder = entry.is_dir()
            key = key_below(base, entry.name, is_folder=is_folder)
            if key is None:
                continue
            if not is_folder and key.startswith(prefix):
                yield key, Path(entry.path)
            elif is_folder and (key.startswith(prefix) or prefix.startswith(key)):
                yield from walk(Path(entry.path), key, prefix)


def _checked(whole: str, segments: list[str]) -> list[str]:
    for segment in segments:
        if (
            segment in ("", ".", "..")
            or segment.startswith(RESERVED)
            or segment.endswith(_CONTINUED)
            or _FORBIDDEN.search(segment)
            or not _is_text(segment)
        ):
            raise StoreError(f"not the key of an object: {whole[:200]!r}", key=whole)
    return segments


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # half a surrogate pair, or a file name that is not UTF-8
        return False
    return True


def _names(segment: str) -> Iterator[str]:
    encoded = segment.encode()
    while len(encoded) > _MAX_NAME_BYTES:
        piece = encoded[:_PIECE_BYTES].decode(errors="ignore")  # not in the middle of a character
        yield piece + _CONTINUED
        encoded = encoded[len(piece.encode()) :]
    yield encoded.decode()
