"""Slugs beyond those of the stored items: what the mapping says, and what is not used again."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from datafetch.bookmarks.objects import ObjectReader, parsed
from datafetch.bookmarks.state import DATASET
from datafetch.job import JobContext
from datafetch.models.json import JsonObject, is_safe_segment
from datafetch.store.base import encode_json
from datafetch.store.keys import Keys

_RETIRED = f"{DATASET}-retired"
_FIELD = "retiredSlugs"


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


def read_retired(objects: ObjectReader, keys: Keys) -> dict[str, str]:
    """Freed slugs from the copy that is kept beside the dataset's state.

    Raises:
        StoreError: the store did not answer.
    """
    found = objects.get(keys.dataset(_RETIRED))
    value = parsed(found, dict)
    slugs = value.get(_FIELD) if value is not None else None
    if found is not None and not isinstance(slugs, dict):
        objects.keep_aside(found)
        return {}
    return {slug: one for slug, one in (slugs or {}).items() if isinstance(one, str)}


def keep_retired(context: JobContext, known: Mapping[str, str], retired: Mapping[str, str]) -> None:
    """Keep a copy of the freed slugs where the loss of the dataset's state does not reach.

    It is written before the publish that frees them; one too many does no harm, since a slug
    that somebody has is his.

    Raises:
        StoreError: it could not be written.
        LeaseLost: this run may not write any more.
    """
    if known.items() >= retired.items():
        return
    context.fence.check()
    context.store.put(context.keys.dataset(_RETIRED), encode_json({_FIELD: retired}))


def _entries(mapping: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Id and slug of each entry of `slugs` that has one."""
    for bookmark_id, entry in mapping.get("slugs", {}).items():
        slug = entry.get("slug") if isinstance(entry, dict) else None
        if isinstance(slug, str) and slug:
            yield bookmark_id, slug
