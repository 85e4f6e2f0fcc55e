"""Which replaced pictures may be removed: those that no environment's manifest names."""

from collections.abc import Iterable

from datafetch.errors import CorruptObject, ObjectNotFound
from datafetch.job import AnyContext
from datafetch.logos.rules.entries import read_entry
from datafetch.store.json_stream import fields
from datafetch.store.keys import SUFFIXES, Keys


def removable(
    context: AnyContext, replaced: Iterable[str], named: Iterable[str | None]
) -> set[str]:
    """The keys among `replaced` that neither `named` nor another environment's manifest has.

    Raises:
        StoreError: the store did not answer.
    """
    keys = set(replaced)
    if not keys:
        return keys
    keys.difference_update(key for key in named if key is not None)
    for suffix in SUFFIXES:
        if suffix != context.keys.suffix:
            keys -= _named_by(context, Keys(suffix).logo_manifest(), keys)
    return keys


def _named_by(context: AnyContext, manifest: str, replaced: set[str]) -> set[str]:
    """The keys that another environment's manifest names.

    When it cannot be read, all replaced keys are returned, so that no picture is removed.
    """
    try:
        with context.store.open(manifest) as found:
            keys = {_key_of(entry) for _, entry in fields(found.chunks())}
    except ObjectNotFound:
        return set()
    except (ValueError, CorruptObject):
        return set(replaced)
    return {key for key in keys if key is not None}


def _key_of(value: object) -> str | None:
    """The key that an entry names, also when other fields are missing; None when it names none.

    Raises:
        CorruptObject: the value is no entry.
    """
    key = value.get("key") if isinstance(value, dict) else None
    return key if isinstance(key, str) else read_entry(value).key
