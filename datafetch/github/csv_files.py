"""Reads and writes the CSVs of repositories: one object each, safe from several processes at once."""

from datafetch.errors import BaseMoved, ObjectNotFound, PreconditionFailed, StoreError
from datafetch.github.model import Week
from datafetch.github.rules.csv import format_csv, parse_csv
from datafetch.github.rules.roster import Entry
from datafetch.job import AnyContext
from datafetch.store.base import CSV_TYPE, IfAbsent, IfMatch


def read_csv(context: AnyContext, entry: Entry) -> tuple[Week, ...] | None:
    """The weeks of a stored CSV; None when it is gone, or broken (then a copy is kept aside).

    Raises:
        StoreError: the store did not answer.
    """
    assert entry.stored is not None
    key = context.keys.github_csv(entry.stored)
    try:
        found = context.store.get(key)
        return parse_csv(found.body)
    except ObjectNotFound:
        return None
    except ValueError:
        context.keep_aside(found, known_as=f"the CSV of {entry.repository.label}")
        return None
    except StoreError as error:
        raise nameless(error, context.keys.github_csv_prefix()) from None


def write_csv(context: AnyContext, entry: Entry, weeks: tuple[Week, ...]) -> str:
    """Write the CSV of a repository and return its ETag.

    A CSV that is stored with just these weeks is left as it is: a process that was lost before it
    could tell may have written it.

    Raises:
        BaseMoved: somebody else wrote it since this run began.
        StoreError, LeaseLost: it could not be written.
    """
    key, body = context.keys.github_csv(entry.csv), format_csv(weeks)
    known_etag = entry.etag if entry.stored == entry.csv else None
    condition = IfMatch(known_etag) if known_etag else IfAbsent()
    try:
        return context.store.put(key, body, content_type=CSV_TYPE, condition=condition)
    except PreconditionFailed as failed:
        if (etag := _same(context, key, body)) is not None:
            return etag
        label = entry.repository.label
        raise BaseMoved(f"the CSV of {label} was changed by somebody else meanwhile") from failed
    except StoreError as error:
        raise nameless(error, context.keys.github_csv_prefix()) from None


def write_csv_again(context: AnyContext, entry: Entry) -> str | None:
    """With --force, write the stored CSV of a repository again as it is (`write_again`).

    The systems before datafetch stored CSVs for everyone to read, though their names are those
    of private repositories too; this takes that back.

    Returns:
        Its new ETag; None when it was not written.

    Raises:
        StoreError, LeaseLost: it could not be written.
    """
    try:
        return context.write_again(context.keys.github_csv(entry.csv))
    except StoreError as error:
        raise nameless(error, context.keys.github_csv_prefix()) from None


def _same(context: AnyContext, key: str, body: bytes) -> str | None:
    """The ETag of a stored CSV with these bytes; None when it has others, or is not there."""
    try:
        found = context.store.get(key)
    except ObjectNotFound:
        return None
    except StoreError as error:
        raise nameless(error, context.keys.github_csv_prefix()) from None
    return found.etag if found.body == body else None


def nameless(error: StoreError, csv_prefix: str) -> StoreError:
    """The error, without its key if that is a CSV's, because it contains a repository's name."""
    if not error.key.startswith(csv_prefix):
        return error
    return type(error)("the store failed for a repository's CSV", hint=error.hint)
