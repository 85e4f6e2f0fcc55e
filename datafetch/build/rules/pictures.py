"""Reads which pictures the manifests name, and tells whether a file is such a picture."""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import parse_qs

from pydantic import TypeAdapter, ValidationError

from datafetch.build.rules.stored import read_as, unusable
from datafetch.errors import CorruptObject, Inconsistent
from datafetch.logos.model import Logo
from datafetch.logos.rules.entries import OldLogo, read_entry
from datafetch.models.problems import first_problem

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\:]")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[0-9a-f]{8}")

_ENTRIES = TypeAdapter(dict[str, object])
_LOGOS = TypeAdapter(dict[str, Logo])
_URLS = TypeAdapter(list[str])


class ManifestPicture(NamedTuple):
    """A picture that a manifest names.

    Attributes:
        entry: the domain or URL by which the manifest names it, for messages.
        digest: the SHA-256 (hex) of its bytes, or the first digits of that; empty if not known.
        size: in bytes; None when not known.
        may_be_missing: whether it need not be in the store: the old site's manifest does not tell
            whether it is.
    """

    key: str
    entry: str
    digest: str
    size: int | None = None
    may_be_missing: bool = False

    def is_known(self, size: int, sha256: str) -> bool:
        """Whether bytes of this size and SHA-256 certainly are this picture."""
        same_size = self.size is None or self.size == size
        return same_size and self.digest != "" and sha256.startswith(self.digest)


def read_logos(key: str, body: bytes, *, folder: str) -> list[ManifestPicture]:
    """The pictures of the logo manifest, each once; all keys of pictures start with `folder`.

    Raises:
        CorruptObject: it is not a logo manifest, or names a key that cannot be a picture's.
    """
    pictures: list[ManifestPicture] = []
    old: list[ManifestPicture] = []
    for domain, value in read_as(_ENTRIES, key, body).items():
        try:
            entry = read_entry(value)
        except CorruptObject as error:
            raise unusable(key, _problem_of(domain, value)) from error
        if isinstance(entry, OldLogo):
            if entry.key is not None:
                old.append(ManifestPicture(entry.key, domain, "", may_be_missing=True))
            continue
        if not is_picture_key(entry.key, folder) or not _SHA256.fullmatch(entry.sha256):
            raise unusable(key, f"{domain!a} names no picture")
        pictures.append(ManifestPicture(entry.key, domain, entry.sha256, entry.size))
    # Of two entries that name one picture, the one that describes it counts.
    return _each_once([*old, *pictures])


def _problem_of(domain: str, value: object) -> str:
    """What is wrong with an entry of the logo manifest."""
    try:
        _LOGOS.validate_python({domain: value})
    except ValidationError as error:
        return first_problem(error)
    return f"{domain!a} names no picture"


def read_opengraph(
    key: str, body: bytes, *, key_of: Callable[[str], str | None], folder: str
) -> list[ManifestPicture]:
    """The pictures of the OpenGraph manifest, each once; all keys of pictures start with `folder`.

    `key_of` turns a public URL into a key, and any other URL into None.

    Raises:
        CorruptObject: it is not an OpenGraph manifest, or names a key that cannot be a picture's.
        Inconsistent: a URL is not below the public base URL.
    """
    pictures: list[ManifestPicture] = []
    for url in read_as(_URLS, key, body):
        found = key_of(url)
        shown = url.partition("?")[0]
        if found is None:
            raise Inconsistent(
                f"{key} names {shown}, which is not below the public base URL",
                hint="Set S3_CDN_URL to what it was when the pictures were stored, "
                "or run `datafetch refresh-opengraph --force`.",
            )
        if not is_picture_key(found, folder):
            raise unusable(key, f"{shown!a} names no picture")
        pictures.append(ManifestPicture(found, shown, _version_of(url)))
    return _each_once(pictures)


def is_picture_key(key: str, folder: str) -> bool:
    """Whether a key names a picture and, as a path, cannot lead out of the folder of pictures."""
    segments = key.split("/")
    plain = all(segment and not segment.startswith(".") for segment in segments)
    return key.startswith(folder) and plain and _UNSAFE.search(key) is None and key.isprintable()


def _version_of(url: str) -> str:
    """The `v` of a URL's query when it has eight hex digits, as in our URLs; otherwise empty."""
    query = url.partition("#")[0].partition("?")[2]
    found = parse_qs(query).get("v", [""])[-1]
    return found if _VERSION.fullmatch(found) else ""


def _each_once(pictures: Iterable[ManifestPicture]) -> list[ManifestPicture]:
    return list({picture.key: picture for picture in pictures}.values())
