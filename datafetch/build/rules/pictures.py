"""Reads which pictures the manifests name, and checks that a file is the picture that is named."""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple, NoReturn
from urllib.parse import parse_qs

from datafetch.build.rules.checks import parse
from datafetch.errors import CorruptObject, Inconsistent
from datafetch.logos.model import Logo

LOGOS_HINT = "Run `datafetch logos --force`, and try again."
OPENGRAPH_HINT = "Run `datafetch refresh-opengraph --force`, and try again."
FOLDER = "images/"
"""What the key of every picture starts with."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\:]")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[0-9a-f]{8}")


class Picture(NamedTuple):
    """A picture that a manifest names.

    Attributes:
        entry: how the manifest names it, for messages.
        digest: what the SHA-256 (hex) of its bytes starts with; empty when nobody said.
        size: bytes, None when nobody said.
    """

    key: str
    entry: str
    digest: str
    size: int | None = None

    def is_known(self, size: int, sha256: str) -> bool:
        """Whether bytes of this size and SHA-256 certainly are this picture."""
        same_size = self.size is None or self.size == size
        return same_size and self.digest != "" and sha256.startswith(self.digest)


def read_logos(key: str, body: bytes) -> list[Picture]:
    """The pictures of the logo manifest, each once.

    Raises:
        CorruptObject: it is not a logo manifest, or names a key that is no picture's.
    """
    value = parse(key, body, LOGOS_HINT)
    if not isinstance(value, dict):
        _corrupt(key, "it is not an object", LOGOS_HINT)
    pictures: list[Picture] = []
    for domain, entry in value.items():
        try:
            logo = Logo.from_json(entry)
        except CorruptObject as error:
            _corrupt(key, f"{domain!a}: {error}", LOGOS_HINT)
        if not is_picture_key(logo.key) or not _SHA256.fullmatch(logo.sha256):
            _corrupt(key, f"{domain!a} names no picture", LOGOS_HINT)
        pictures.append(Picture(logo.key, domain, logo.sha256, logo.size))
    return _each_once(pictures)


def read_opengraph(key: str, body: bytes, key_of: Callable[[str], str | None]) -> list[Picture]:
    """The pictures of the OpenGraph manifest, each once; `key_of` turns a public URL into a key.

    Raises:
        CorruptObject: it is not an OpenGraph manifest, or names a key that is no picture's.
        Inconsistent: a URL is not below the public base URL.
    """
    value = parse(key, body, OPENGRAPH_HINT)
    if not isinstance(value, list) or not all(isinstance(url, str) for url in value):
        _corrupt(key, "it is not a list of URLs", OPENGRAPH_HINT)
    pictures: list[Picture] = []
    for url in value:
        found = key_of(url)
        shown = url.partition("?")[0]
        if found is None:
            raise Inconsistent(
                f"{key} names {shown}, which is not below the public base URL",
                hint="Set S3_CDN_URL to what it was when the pictures were stored, "
                "or run `datafetch refresh-opengraph --force`.",
            )
        if not is_picture_key(found):
            _corrupt(key, f"{shown!a} names no picture", OPENGRAPH_HINT)
        pictures.append(Picture(found, shown, _version_of(url)))
    return _each_once(pictures)


def is_picture_key(key: str) -> bool:
    """Whether a key names a picture and, as a path, cannot lead out of the folder of pictures."""
    segments = key.split("/")
    inside = key.startswith(FOLDER) and len(segments) > 1
    plain = all(segment and not segment.startswith(".") for segment in segments)
    return inside and plain and _UNSAFE.search(key) is None and key.isprintable()


def _version_of(url: str) -> str:
    """The `v` of a URL's query when it is one that we make; empty otherwise."""
    query = url.partition("#")[0].partition("?")[2]
    found = parse_qs(query).get("v", [""])[-1]
    return found if _VERSION.fullmatch(found) else ""


def _each_once(pictures: Iterable[Picture]) -> list[Picture]:
    return list({picture.key: picture for picture in pictures}.values())


def _corrupt(key: str, reason: str, hint: str) -> NoReturn:
    raise CorruptObject(f"{key} cannot be used: {reason}", key=key, hint=hint)
