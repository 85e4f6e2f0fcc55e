"""Reads which domains get a logo: those of the stored bookmarks, then those of the user's files.

The files that `LOGO_DOMAIN_FILES` names are JSON, CSV or text.
"""

import csv
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from datafetch.errors import ConfigurationError, CorruptObject, ObjectNotFound, UsageError
from datafetch.job import JobContext
from datafetch.logos.rules.domains import FIELDS, bookmark_domain, domains_of, normalise
from datafetch.models.job_settings import LogoSettings
from datafetch.models.json import read_json
from datafetch.net.base import MIB
from datafetch.regular_files import open_regular
from datafetch.store.json_stream import members


@dataclass(frozen=True, slots=True)
class Scope:
    """The domains of a run, each once, and whether a list of bookmarks that may add some is missing."""

    domains: list[str]
    no_bookmarks: bool = False


def domains_in_scope(context: JobContext[LogoSettings]) -> Scope:
    """The domains named by the user, or else all that are known; each once.

    Raises:
        UsageError: a name that the user gave is no domain.
        ConfigurationError: a file of domains is missing or cannot be read.
        CorruptObject: the stored bookmarks cannot be read.
        StoreError: the store did not answer.
    """
    if context.options.only:
        return Scope(list(dict.fromkeys(_domain_or_error(name) for name in context.options.only)))
    settings = context.settings
    files = read_domain_files(settings.domain_files, FIELDS)
    domains: dict[str, None] = {}
    try:
        domains.update(dict.fromkeys(_bookmark_domains(context)))
        no_bookmarks = False
    except ObjectNotFound:
        context.log.info("no_bookmarks_stored")
        no_bookmarks = True
    domains.update(dict.fromkeys(domains_of(files)))
    return Scope(list(domains), no_bookmarks)


def _domain_or_error(name: str) -> str:
    domain = normalise(name)
    if domain is None:
        raise UsageError(f"{name} is not a public domain", hint="Give it like example.com.")
    return domain


def _bookmark_domains(context: JobContext[LogoSettings]) -> Iterator[str]:
    """The domains of the stored list of bookmarks, read item by item.

    The slug mapping has the addresses too, and is smaller, but it may be left from another list,
    which only reading the list would show.

    Raises:
        ObjectNotFound: none is stored.
    """
    with context.store.open(context.keys.bookmarks()) as found:
        try:
            for _, item in members(found.chunks()):
                domain = bookmark_domain(item)
                if domain is not None:
                    yield domain
        except ValueError as error:
            raise CorruptObject(
                f"{found.info.key} cannot be read: {error}",
                key=found.info.key,
                hint="Run `datafetch bookmarks`, which repairs it, and try again.",
            ) from error


_LARGEST = 64 * MIB
"""Bytes of one file; each domain of it costs requests, and such a file names a million."""

SETTING = "LOGO_DOMAIN_FILES"


def read_domain_files(paths: Sequence[str], columns: Collection[str]) -> Iterator[object]:
    """The values of all files, in their order and unchecked: records, lists and texts.

    All files are read once before the first value is yielded, so that a broken one is found before
    anything is done. `columns`: names of the CSV columns that may hold a domain, in lower case.

    Raises:
        ConfigurationError: files are missing or cannot be read; each is named.
    """
    problems: list[str] = []
    for path in paths:
        try:
            for _ in read_domain_file(path, columns):
                pass
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return (value for path in paths for value in read_domain_file(path, columns))


def read_domain_file(path: str, columns: Collection[str]) -> Iterator[object]:
    """The values of one file, by its extension: `.json`, `.csv`, else text with a domain a line.

    Empty lines and lines that start with `#` are left out of a text.

    Raises:
        ConfigurationError: it is missing or cannot be read.
    """
    kind = Path(path).suffix.lower()
    try:
        with TextIOWrapper(open_regular(path), encoding="utf-8-sig", newline="") as lines:
            if os.fstat(lines.fileno()).st_size > _LARGEST:
                raise _problem(path, f"is larger than {_LARGEST // MIB} MiB")
            if kind == ".json":
                yield _json(path, lines.read())
            elif kind == ".csv":
                yield from _rows(path, lines, columns)
            else:
                yield from _lines(lines)
    except FileNotFoundError as error:
        where = "" if Path(path).is_absolute() else f" in {Path.cwd()}, the working folder"
        raise _problem(path, f"there is no such file{where}") from error
    except OSError as error:
        raise _problem(path, error.strerror or "cannot be read") from error
    except UnicodeDecodeError as error:
        raise _problem(path, "is not UTF-8") from error
    except (RecursionError, csv.Error) as error:
        raise _problem(path, f"cannot be read: {error}") from error


def _json(path: str, text: str) -> object:
    try:
        return read_json(text)
    except ValueError as error:
        raise _problem(path, f"is not JSON: {error}") from error


def _rows(path: str, lines: Iterable[str], columns: Collection[str]) -> Iterator[object]:
    """The rows of a CSV: records by column name, or lists when it has one column and no header."""
    rows = (row for row in csv.reader(lines) if any(cell.strip() for cell in row))
    first = next(rows, None)
    if first is None:
        return
    header = [cell.strip().lower() for cell in first]
    if any(name in columns for name in header):
        for row in rows:
            yield dict(zip(header, row, strict=False))
        return
    if len(first) > 1:
        raise _problem(path, f"has no column named {', '.join(sorted(columns))}")
    yield first
    yield from rows


def _lines(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        text = line.strip()
        if text and not text.startswith("#"):
            yield text


def _problem(path: str, what: str) -> ConfigurationError:
    return ConfigurationError([f"{SETTING}: {path}: {what}"])
