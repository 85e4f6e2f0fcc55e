"""What the readers of logos, previews and their metadata demand."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from tests.readers.shapes import (
    Filled,
    Host,
    Milliseconds,
    Shape,
    WebAddress,
    hash8,
    host_of,
    key_below,
    read,
)
from tests.readers.site import Site

_IN_KEYS = {"google": "google", "duckduckgo": "ddg", "direct": "direct", "clearbit": "clearbit"}
"""How each source is called in the key of a logo."""

_MAGIC = {
    "png": rb"\x89PNG\r\n\x1a\n",
    "jpg": rb"\xff\xd8\xff",
    "gif": rb"GIF8[79]a",
    "webp": rb"RIFF....WEBP",
    "ico": rb"\x00\x00\x01\x00",
    "svg": rb"\s*(\xef\xbb\xbf)?<(svg|\?xml)",
    "avif": rb"....ftyp(avif|avis)",
}


class Logo(Shape):
    cdn_url: WebAddress
    original_source: Literal["google", "duckduckgo", "direct", "clearbit", "unknown"]
    inverted_cdn_url: WebAddress = ""


class Failed(Shape):
    item: Filled
    attempts: Annotated[int, Field(gt=0)]
    last_attempt: Milliseconds
    permanent_failure: bool = False
    reason: str = ""


class Metadata(Shape):
    url: WebAddress
    final_url: WebAddress | None = None
    title: str | None = None
    description: str | None = None
    image_url: WebAddress | None
    site_name: str | None = None
    locale: str | None = None
    timestamp: Milliseconds
    source: Literal["external", "fallback", "cache", "s3"]
    error: str = ""


def refusals(objects: Mapping[str, bytes], site: Site) -> Iterator[str]:
    """What the readers of pictures refuse."""
    told: list[str] = []
    manifests, suffix = "json/image-data/", site.suffix
    logo_manifest = f"{manifests}logos/manifest{suffix}.json"
    preview_manifest = f"{manifests}opengraph/manifest{suffix}.json"
    logos, _ = read(objects, logo_manifest, dict[Host, Logo], told)
    previews, _ = read(objects, preview_manifest, list[WebAddress], told)
    read(objects, f"{manifests}blog/manifest{suffix}.json", list[WebAddress], told)
    failed = f"json/rate-limit/logo-failed-domains{suffix}.json"
    if failed in objects:
        read(objects, failed, dict[str, Failed], told)
    yield from told
    for domain, logo in (logos or {}).items():
        yield from (f"{logo_manifest}: {domain}: {f}" for f in _logo(domain, logo, objects, site))
    for url in previews or []:
        if key_below(url, site.cdn) not in objects:
            yield f"{preview_manifest}: {url} leads to no picture"
    yield from _previews(objects, previews or [], site)
    yield from _metadata(objects)
    yield from _bytes(objects)


def _logo(domain: str, logo: Logo, objects: Mapping[str, bytes], site: Site) -> Iterator[str]:
    key = key_below(logo.cdn_url, site.cdn)
    if key is None or key not in objects:
        yield f"{logo.cdn_url} leads to no picture"
        return
    if logo.inverted_cdn_url and key_below(logo.inverted_cdn_url, site.cdn) not in objects:
        yield f"{logo.inverted_cdn_url} leads to no picture"
    source = _IN_KEYS.get(logo.original_source, logo.original_source)
    stem = f"images/logos/{domain.replace('.', '_')}_{source}_{hash8(domain)}."
    if not key.startswith(stem) and key not in site.earlier_pictures:
        yield f"is looked for at {stem}…, and is at {key}"
    if key not in site.earlier_pictures and not logo.cdn_url.endswith(_version(objects[key])):
        yield "its address does not end in ?v= and the hash of the picture"


def _previews(objects: Mapping[str, bytes], previews: list[str], site: Site) -> Iterator[str]:
    """Pictures of bookmarks are looked for by the bookmark's own address and its id."""
    key = f"json/bookmarks/bookmarks{site.suffix}.json"
    listed = {key_below(url, site.cdn) for url in previews}
    items: list[dict[str, Any]] = json.loads(objects.get(key) or b"[]")
    for item in items:
        image = str(item.get("ogImage"))
        found = key_below(image, site.cdn)
        if found is None:
            continue
        if found not in objects:
            yield f"{key}: {item['id']}: {image} leads to no picture"
        elif found not in site.earlier_pictures and _version(objects[found]) not in image:
            yield f"{key}: {item['id']}: {image} has not the hash of the picture"
        if found not in listed:
            yield f"{key}: {item['id']}: {image} is not in the manifest"
        address = str(item.get("url"))
        name = host_of(address).strip("[]").replace(".", "-").replace(":", "-")
        stem = f"images/opengraph/{name}-{hash8(address + ':' + str(item['id']))}."
        if not found.startswith(stem) and found not in site.earlier_pictures:
            yield f"{key}: {item['id']}: is looked for at {stem}…, and is at {found}"


def _version(picture: bytes) -> str:
    """What an address ends in, so that caches see a new picture under the same key."""
    return f"?v={hashlib.sha256(picture).hexdigest()[:8]}"


def _metadata(objects: Mapping[str, bytes]) -> Iterator[str]:
    told: list[str] = []
    for key in objects:
        if key.startswith("json/opengraph/metadata/"):
            found, _ = read(objects, key, Metadata, told)
            if found is not None and hashlib.sha256(found.url.encode()).hexdigest() not in key:
                told.append(f"{key}: is not named by its url")
            if found is not None and "#" in found.url:
                told.append(f"{key}: its url has a fragment")
    yield from told


def _bytes(objects: Mapping[str, bytes]) -> Iterator[str]:
    for key, body in objects.items():
        kind = key.rpartition(".")[2].replace("jpeg", "jpg")
        magic = _MAGIC.get(kind) if key.startswith("images/") else None
        if magic is not None and not re.match(magic, body, re.DOTALL):
            yield f"{key}: its bytes are not what its name says"
