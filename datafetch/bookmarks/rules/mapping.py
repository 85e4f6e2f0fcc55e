"""Reads the slug mapping: which bookmark has which slug, and which no bookmark has now."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from datafetch.bookmarks.model import CamelCase, StoredBookmark
from datafetch.models.json import is_safe_segment
from datafetch.models.json_bounds import check_density


@dataclass(frozen=True, slots=True)
class SlugMapping(CamelCase):
    """The slug mapping as it is stored; old systems left fields out, and wrote odd entries.

    Attributes:
        slugs: for each bookmark, by id, an object with its `slug`.
        reverse_map: the id of the bookmark that has a slug, by slug.
        checksum: of its pairs of id and slug; older mappings have that of the list.
    """

    slugs: dict[str, object]
    reverse_map: object = None
    checksum: object = None

    def by_id(self) -> dict[str, str]:
        """The slug of each bookmark that has one, by id."""
        entries = ((key, entry) for key, entry in self.slugs.items() if isinstance(entry, dict))
        pairs = ((key, entry.get("slug")) for key, entry in entries)
        return {key: slug for key, slug in pairs if isinstance(slug, str) and slug}

    def ids(self) -> frozenset[str]:
        """The ids of the bookmarks that have a slug, as far as they can be part of a key."""
        return frozenset(key for key in self.by_id() if is_safe_segment(key))


def slug_owners(items: Iterable[StoredBookmark]) -> dict[str, str]:
    """The id of the bookmark that has a slug, by slug."""
    return {item.slug: item.id for item in items if item.slug}


def take_slugs(items: Iterable[StoredBookmark], mapping: SlugMapping) -> list[StoredBookmark]:
    """The items with the slugs of the mapping, by which the site resolves its addresses."""
    slugs = mapping.by_id()
    return [
        item.with_fields({"slug": slugs[item.id]}) if item.id in slugs else item for item in items
    ]


def left_slugs(items: Iterable[StoredBookmark], mapping: SlugMapping) -> dict[str, str]:
    """The mapping's slugs that no item has, with their owners: links to them may be out there.

    Where `slugs` and `reverseMap` name two owners of a slug, `slugs` counts.
    """
    had = slug_owners(items)
    reverse = mapping.reverse_map if isinstance(mapping.reverse_map, dict) else {}
    left = {slug: key for slug, key in reverse.items() if isinstance(key, str) and slug not in had}
    named = {slug: key for key, slug in mapping.by_id().items() if slug not in had}
    # An owner that comes back gets the last of its slugs here, so those of `slugs` stand last.
    return {slug: key for slug, key in left.items() if slug not in named} | named


def shard_agrees(body: bytes, key: str, owners: Mapping[str, str]) -> bool:
    """Whether `owners` gives each slug of an old system's shard to the same bookmark as the shard.

    A shard is one entry `{id, slug}` named by its slug, or a map of slugs to ids or entries.
    """
    try:
        check_density(body)
        shard: object = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(shard, dict):
        return False
    if "id" in shard:
        name = key.rpartition("/")[2].removesuffix(".json")
        shard = {str(shard.get("slug") or name): shard}
    return all(
        owners.get(slug) == (entry.get("id") if isinstance(entry, dict) else entry)
        for slug, entry in shard.items()
    )
