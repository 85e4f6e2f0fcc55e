"""Compares what runs leave in two stores: every object and every byte, but for times and what is named by runs."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_OF_TIMES = re.compile(r"(?:At|AtPacific|Modified|generated|timestamp|etag)$", re.IGNORECASE)
"""Names of values that are times, or made of bytes that hold times."""

_MS = range(1_700_000_000_000, 2_100_000_000_000)
"""Milliseconds since 1970, from 2023 to 2036."""

_ISO = re.compile(r"20\d\d-\d\d-\d\dT\d\d[:-]\d\d[:-]\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_RUN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_HASH = re.compile(r'^"?(?:[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64})"?$')
"""A hash of what is compared itself, as our own records have it."""

_OF_RUNS = re.compile(r"^json/datafetch/(?:backup|locks|jobs|history|shards|probe|breakers)/")
"""Objects that tell of runs, and of which there are others after other runs."""

Contents = Mapping[str, bytes]
"""The bytes of each object, by its key."""


def in_folder(store: Path) -> Contents:
    """What a store in a folder holds; a time in a key is left out."""
    return {
        _ISO.sub("TIME", path.relative_to(store).as_posix()): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def differences(one: Contents, two: Contents, most: int = 20) -> list[str]:
    """In which objects two stores differ, and where in them; empty when they are alike.

    Times count as equal, and so do ids of runs, ETags, and the records of runs: locks, states of
    jobs, history, backups. JSON is compared by its values, and anything else byte by byte; the order of keys
    counts in what others read, and does not in our own records.
    """
    found = []
    for key in sorted(set(one) | set(two)):
        if _OF_RUNS.match(key):
            continue
        if key not in one or key not in two:
            found.append(f"{key}: only in the {'second' if key in two else 'first'}")
        elif one[key] != two[key]:
            own = key.startswith("json/datafetch/")
            found += [f"{key}{where}" for where in _in_bodies(one[key], two[key], own)]
        if len(found) >= most:
            return found[:most]
    return found


def _in_bodies(one: bytes, two: bytes, own: bool) -> Iterator[str]:
    try:
        # With sorted keys, values are made of the same bytes whatever their order was.
        first, second = (
            json.loads(json.dumps(json.loads(body), sort_keys=own)) for body in (one, two)
        )
    except ValueError:
        yield ": other bytes"
        return
    yield from _in_values(first, second, "", own)


def _in_values(one: object, two: object, where: str, own: bool) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(two, dict):
        if list(one) != list(two):
            parted = [*(f"-{key}" for key in one if key not in two)][:3]
            parted += [*(f"+{key}" for key in two if key not in one)][:3]
            yield f"{where}: other keys {' '.join(parted) or 'in order'}"
            return
        for key in one:
            if not _OF_TIMES.search(key):
                yield from _in_values(one[key], two[key], f"{where}.{key}", own)
            elif (one[key] is None) != (two[key] is None):
                yield f"{where}.{key}: {one[key]!r} and {two[key]!r}"
    elif isinstance(one, list) and isinstance(two, list):
        if len(one) != len(two):
            yield f"{where}: {len(one)} and {len(two)} values"
            return
        for place, (first, second) in enumerate(zip(one, two, strict=True)):
            yield from _in_values(first, second, f"{where}[{place}]", own)
    elif _plain(one, own) != _plain(two, own):
        yield f"{where}: {str(one)[:60]!r} and {str(two)[:60]!r}"


def _plain(value: object, own: bool) -> object:
    """A value without its time and its run, and in our own records without the hash of such values."""
    if isinstance(value, int) and not isinstance(value, bool) and value in _MS:
        return "a time"
    if isinstance(value, str):
        if own and _HASH.match(value):
            return "a hash"
        return _RUN.sub("a run", _ISO.sub("a time", value))
    return value
