"""Reads and writes the GitHub dataset: what is remembered of each repository, its CSVs, the aggregates."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from datafetch.errors import (
    BaseMoved,
    CorruptObject,
    ObjectNotFound,
    PreconditionFailed,
    StoreError,
)
from datafetch.github.model import RememberedRepository, Repository, Status, Week
from datafetch.github.rules.csv import decode_weeks, encode_weeks, format_csv, parse_csv
from datafetch.github.rules.roster import Entry
from datafetch.job import AnyContext
from datafetch.store.base import IfAbsent, IfMatch, encode_json

VERSION = 1
CSV_TYPE = "text/csv; charset=utf-8"


@dataclass(frozen=True, slots=True)
class StoredAggregate:
    """A stored aggregate; `value` is None when it could not be read."""

    value: Any
    etag: str
    sha256: str


@dataclass
class GitHubDataset:
    """What the store has when a run begins, and what the run makes of it.

    Attributes:
        records: what is remembered of each repository, by CSV name.
        stored: ETags of the CSVs that exist, by name.
        years: contributions of each year as last read.
        begun: the repositories that a run is about to ask, with their last push, until it ends.
            When a run finds it, the one before died: a CSV that is not the remembered one was
            written by that run, is complete as of that push, and need not be asked for.
    """

    context: AnyContext
    records: dict[str, RememberedRepository] = field(default_factory=dict)
    stored: dict[str, str] = field(default_factory=dict)
    years: dict[int, int] = field(default_factory=dict)
    begun: dict[str, str | None] = field(default_factory=dict)
    aggregates: dict[str, StoredAggregate] = field(default_factory=dict)
    _saved: bytes | None = None

    @classmethod
    def load(cls, context: AnyContext) -> "GitHubDataset":
        """Read state, aggregates and the list of CSVs.

        Raises:
            StoreError: the store did not answer.
        """
        dataset = cls(context)
        keys = context.keys
        dataset._load_state()
        prefix = keys.github_csv_prefix()
        for info in context.store.list(prefix):
            name = info.key.removeprefix(prefix)
            if name.endswith(".csv"):
                dataset.stored[name.removesuffix(".csv")] = info.etag
        for key in (
            keys.github_activity(),
            keys.github_summary(),
            keys.github_summary_all_time(),
            keys.github_weekly(),
        ):
            dataset._load_aggregate(key)
        dataset._adopt()
        return dataset

    def value(self, key: str) -> Any:
        """A stored aggregate, None when there is none."""
        found = self.aggregates.get(key)
        return found.value if found else None

    def save(self) -> None:
        """Write the state, unless it is what is stored.

        Raises:
            StoreError, LeaseLost: it could not be written.
        """
        body = encode_json(self._to_json())
        if body == self._saved:
            return
        self.context.store.put(self.context.keys.dataset("github"), body)
        self._saved = body

    def read_csv(self, entry: Entry) -> tuple[Week, ...] | None:
        """The weeks of a stored CSV; one that cannot be read is kept aside and counts as none.

        Raises:
            StoreError: the store did not answer.
        """
        assert entry.stored is not None
        key = self.context.keys.github_csv(entry.stored)
        try:
            found = self.context.store.get(key)
            return parse_csv(found.body)
        except ObjectNotFound:
            return None
        except ValueError:
            self.context.keep_aside(found, known_as=entry.repository.label)
            return None
        except StoreError as error:
            raise nameless(error, self.context.keys.github_csv_prefix()) from None

    def write_csv(self, entry: Entry, weeks: tuple[Week, ...]) -> str:
        """Write the CSV of a repository and return its ETag.

        Raises:
            BaseMoved: somebody else wrote it since this run began.
            StoreError, LeaseLost: it could not be written.
        """
        key, body = self.context.keys.github_csv(entry.csv), format_csv(weeks)
        own = entry.etag if entry.stored == entry.csv else None
        condition = IfMatch(own) if own else IfAbsent()
        try:
            return self.context.store.put(key, body, content_type=CSV_TYPE, condition=condition)
        except PreconditionFailed as failed:
            label = entry.repository.label
            raise BaseMoved(
                f"the CSV of {label} was changed by somebody else meanwhile"
            ) from failed
        except StoreError as error:
            raise nameless(error, self.context.keys.github_csv_prefix()) from None

    # ----------------------------------------------------------------- inside

    def _load_state(self) -> None:
        key = self.context.keys.dataset("github")
        try:
            found = self.context.store.get(key)
        except ObjectNotFound:
            return
        try:
            value = found.json()
            records = {
                str(name): _record(name, record) for name, record in value["repositories"].items()
            }
            years = {int(year): int(count) for year, count in value["years"].items()}
            begun = dict(value.get("begun") or {})
        except (CorruptObject, AttributeError, KeyError, TypeError, ValueError):
            self.context.keep_aside(found)
            return
        self.records, self.years, self.begun = records, years, begun
        self._saved = found.body

    def _load_aggregate(self, key: str) -> None:
        try:
            found = self.context.store.get(key)
        except ObjectNotFound:
            return
        value = None
        try:
            value = found.json()
        except CorruptObject:
            self.context.keep_aside(found)
        digest = hashlib.sha256(found.body).hexdigest()
        self.aggregates[key] = StoredAggregate(value, found.etag, digest)

    def _adopt(self) -> None:
        for name, pushed_at in self.begun.items():
            record, etag = self.records.get(name), self.stored.get(name)
            if record is not None and etag is not None and record.etag != etag:
                self.records[name] = replace(
                    record,
                    status=Status.COMPLETE,
                    pushed_at=pushed_at,
                    etag=etag,
                    validator=None,
                    weeks=None,
                )
        self.begun = {}

    def _to_json(self) -> dict[str, Any]:
        value: dict[str, Any] = {
            "version": VERSION,
            "years": {str(year): count for year, count in sorted(self.years.items())},
            "repositories": {
                name: _to_json(record) for name, record in sorted(self.records.items())
            },
        }
        if self.begun:
            value["begun"] = self.begun
        return value


def _to_json(record: RememberedRepository) -> dict[str, Any]:
    repository = record.repository
    return {
        "id": repository.id,
        "repository": repository.full_name,
        "private": repository.private,
        "lastPush": repository.pushed_at,
        "status": record.status.value,
        "pushedAt": record.pushed_at,
        "etag": record.etag,
        "validator": record.validator,
        "askedAt": record.asked_at,
        "weeks": None if record.weeks is None else encode_weeks(record.weeks),
    }


def _record(name: str, value: Mapping[str, Any]) -> RememberedRepository:
    weeks = value["weeks"]
    return RememberedRepository(
        repository=Repository(
            id=str(value["id"]),
            full_name=str(value["repository"]),
            private=bool(value["private"]),
            pushed_at=value["lastPush"],
        ),
        csv=name,
        status=Status(value["status"]),
        pushed_at=value["pushedAt"],
        etag=value["etag"],
        validator=value["validator"],
        asked_at=value["askedAt"],
        weeks=None if weeks is None else decode_weeks(weeks),
    )


def nameless(error: StoreError, csv_prefix: str) -> StoreError:
    """The same error; of a CSV, without the key, which has the name of a repository."""
    if not error.key.startswith(csv_prefix):
        return error
    return type(error)("the store failed for a repository's CSV", hint=error.hint)
