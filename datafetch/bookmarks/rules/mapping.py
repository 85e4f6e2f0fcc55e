"""Reads the slug mapping: who has which slug, and which slugs nobody has any more."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from datafetch.models.json import JsonObject, is_safe_segment


def slug_owners(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Whose each slug is."""
    pairs = ((item.get("slug"), item["id"]) for item in items)
    return {slug: one for slug, one in pairs if isinstance(slug, str) and slug}


def take_slugs(items: Iterable[JsonObject], mapping: Mapping[str, Any]) -> None:
    """Give each item the slug that the mapping says: that is what addresses resolve by."""
    slugs = dict(_entries(mapping))
    for item in items:
        if item["id"] in slugs:
            item["slug"] = slugs[item["id"]]


def left_slugs(items: Iterable[JsonObject], mapping: Mapping[str, Any]) -> dict[str, str]:
    """The mapping's slugs that no item has, and whose they are: links to them may be out there.

    An entry of `slugs` counts more than one that is in `reverseMap` only.
    """
    had = set(slug_owners(items))
    reverse = mapping.get("reverseMap")
    pairs = reverse.items() if isinstance(reverse, dict) else ()
    left = {slug: one for slug, one in pairs if isinstance(one, str) and slug not in had}
    named = {slug: one for one, slug in _entries(mapping) if slug not in had}
    # Who comes back gets the slug that is named last.
    return {slug: one for slug, one in left.items() if slug not in named} | named


def mapped_ids(mapping: Mapping[str, Any]) -> frozenset[str]:
    """The ids that the mapping names and that can name an object."""
    return frozenset(one for one, _ in _entries(mapping) if is_safe_segment(one))


def _entries(mapping: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Id and slug of each entry of `slugs` that has one."""
    for bookmark_id, entry in mapping.get("slugs", {}).items():
        slug = entry.get("slug") if isinstance(entry, dict) else None
        if isinstance(slug, str) and slug:
            yield bookmark_id, slug


def shard_agrees(body: bytes, key: str, owners: Mapping[str, str]) -> bool:
    """Whether every slug of a shard belongs to whom the mapping says.

    A shard is one entry `{id, slug}` named by its slug, or a map of slugs to ids or entries.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict):
        return False
    name = key.rpartition("/")[2].removesuffix(".json")
    entries: Iterable[tuple[Any, Any]] = value.items()
    if "id" in value:
        entries = [(value.get("slug") or name, value["id"])]
    return all(
        owners.get(slug) == (entry.get("id") if isinstance(entry, dict) else entry)
        for slug, entry in entries
    )
