"""Reads files of domains: JSON, CSV or text, as plain data."""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from datafetch.errors import ConfigurationError

SETTING = "LOGO_DOMAIN_FILES"


def read_domain_files(paths: Sequence[str], fields: Collection[str]) -> Iterator[Any]:
    """The values of all files, in their order: records, lists and texts, as they stand there.

    All files are looked at before the first value is given, so that a wrong one is found
    before anything is done. `fields`: the columns of a CSV that count, in lower case.

    Raises:
        ConfigurationError: files are missing or cannot be read; each is named.
    """
    problems: list[str] = []
    for path in paths:
        try:
            for _ in read_domain_file(path, fields):
                pass
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return (value for path in paths for value in read_domain_file(path, fields))


def read_domain_file(path: str, fields: Collection[str]) -> Iterator[Any]:
    """The values of one file, by its extension: `.json`, `.csv`, else a text with one domain a line.

    Empty lines and lines that start with `#` are left out of a text.

    Raises:
        ConfigurationError: it is missing or cannot be read.
    """
    kind = Path(path).suffix.lower()
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as lines:
            if kind == ".json":
                yield json.load(lines)
            elif kind == ".csv":
                yield from _rows(path, lines, fields)
            else:
                yield from _lines(lines)
    except OSError as error:
        raise _problem(path, error.strerror or "cannot be read") from error
    except UnicodeDecodeError as error:
        raise _problem(path, "is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise _problem(path, f"is not JSON: {error}") from error
    except (RecursionError, csv.Error) as error:
        raise _problem(path, f"cannot be read: {error}") from error


def _rows(path: str, lines: Iterable[str], fields: Collection[str]) -> Iterator[Any]:
    """Records of the columns that count; a file of one column needs no header."""
    rows = (row for row in csv.reader(lines) if any(cell.strip() for cell in row))
    first = next(rows, None)
    if first is None:
        return
    header = [cell.strip().lower() for cell in first]
    if any(name in fields for name in header):
        for row in rows:
            yield dict(zip(header, row, strict=False))
        return
    if len(first) > 1:
        raise _problem(path, f"has no column named {', '.join(sorted(fields))}")
    yield first
    yield from rows


def _lines(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        text = line.strip()
        if text and not text.startswith("#"):
            yield text


def _problem(path: str, what: str) -> ConfigurationError:
    return ConfigurationError([f"{SETTING}: {path}: {what}"])
