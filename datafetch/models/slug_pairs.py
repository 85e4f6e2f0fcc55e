"""The pairs of id and slug by which the slug mapping and the list of bookmarks belong together.

Whoever reads both (builds, logos) compares these pairs, and the two counts, never the checksums:
those of older mappings are made in another way.
"""

import hashlib
from collections.abc import Iterable, Mapping

from datafetch.models.json import encode_json


def slug_pairs(entries: Iterable[object]) -> dict[str, str] | None:
    """The slug of each bookmark, by id, from the items of a list or the entries of a mapping.

    A list and a mapping belong together when these are equal. None when an entry has no id or no
    slug, or when an id or a slug comes twice: then nothing belongs to them.
    """
    slugs: dict[str, str] = {}
    taken: set[str] = set()
    for entry in entries:
        found = entry if isinstance(entry, Mapping) else {}
        bookmark_id, slug = found.get("id"), found.get("slug")
        if not (isinstance(bookmark_id, str) and isinstance(slug, str) and bookmark_id and slug):
            return None
        if bookmark_id in slugs or slug in taken:
            return None
        slugs[bookmark_id] = slug
        taken.add(slug)
    return slugs


def pairs_checksum(slugs: Mapping[str, str]) -> str:
    """The `checksum` of a slug mapping: the MD5, in hex, of the JSON array of its pairs.

    `slugs` has the slug of each bookmark, by id. The pairs `[id,slug]` are sorted by id, by code
    units as JavaScript's `sort` does, so that no locale decides; letters beyond ASCII stand as
    they are. MD5 is what readers demand; nobody is kept out by it.
    """
    pairs = encode_json([[bookmark_id, slugs[bookmark_id]] for bookmark_id in sorted(slugs)])
    return hashlib.md5(pairs, usedforsecurity=False).hexdigest()
