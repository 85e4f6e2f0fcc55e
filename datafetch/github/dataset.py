"""Reads and writes the GitHub dataset: remembered repositories, the list of CSVs and aggregates."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapSerializer,
    WrapValidator,
)

from datafetch.errors import BaseMoved, CorruptObject, ObjectNotFound, PreconditionFailed
from datafetch.github.model import RememberedRepository, Status
from datafetch.job import AnyContext
from datafetch.models.problems import first_problem
from datafetch.ops.record import Record

VERSION = 1

T = TypeVar("T")


def _without_names(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    """Validate a mapping by CSV name; its errors do not quote keys, which may be private."""
    try:
        return validate(value)
    except ValidationError as error:
        raise ValueError(first_problem(error, skip=1)) from None


_ByCsvName = Annotated[dict[str, T], WrapValidator(_without_names)]


def _with_csv_names(
    repositories: dict[str, RememberedRepository],
) -> dict[str, RememberedRepository]:
    return {csv: replace(known, csv=csv) for csv, known in repositories.items()}


@dataclass(frozen=True, slots=True)
class GitHubState:
    """What is remembered between runs, as it is stored.

    Attributes:
        years: contributions of each year, as last read.
        repositories: by the name of the stored CSV, or of the one that it will get.
        begun: CSV names of the repositories that a run is asking GitHub for, each with the time of
            its last push. It is emptied when all were asked; what a run finds here when it begins
            was left by a run that was cut short.
    """

    version: int = VERSION
    years: dict[int, int] = field(default_factory=dict)
    repositories: Annotated[_ByCsvName[RememberedRepository], AfterValidator(_with_csv_names)] = (
        field(default_factory=dict)
    )
    begun: _ByCsvName[str | None] = field(default_factory=dict)


def _without_empty_begun(
    state: GitHubState, serialize: SerializerFunctionWrapHandler
) -> dict[str, object]:
    value: dict[str, object] = serialize(state)
    if not state.begun:
        del value["begun"]
    return value


_STATE: TypeAdapter[GitHubState] = TypeAdapter(
    Annotated[GitHubState, WrapSerializer(_without_empty_begun)]
)


@dataclass(frozen=True, slots=True)
class StoredAggregate:
    """An aggregate as it is stored; another program may have written it.

    Attributes:
        value: its JSON, not validated; None when it is not JSON.
        sha256: of its bytes.
    """

    value: object
    etag: str
    sha256: str


@dataclass
class GitHubDataset:
    """The dataset in memory: read when a run begins, changed by it, and saved.

    Attributes:
        stored: ETags of the CSVs that exist, by name.
        aggregates: the stored aggregates, by key.
        years, repositories, begun: see `GitHubState`.
    """

    context: AnyContext
    state: Record[GitHubState]
    stored: dict[str, str] = field(default_factory=dict)
    aggregates: dict[str, StoredAggregate] = field(default_factory=dict)
    years: dict[int, int] = field(default_factory=dict)
    repositories: dict[str, RememberedRepository] = field(default_factory=dict)
    begun: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def load(cls, context: AnyContext) -> "GitHubDataset":
        """Read the state, the aggregates and the list of CSVs.

        Raises:
            StoreError: the store did not answer.
        """
        keys = context.keys
        record = Record(
            context.store,
            keys,
            context.clock,
            keys.dataset("github"),
            _STATE,
            empty=GitHubState(),
        )
        state = record.load()
        dataset = cls(
            context, record, years=dict(state.years), repositories=dict(state.repositories)
        )
        prefix = keys.github_csv_prefix()
        for info in context.store.list(prefix):
            name = info.key.removeprefix(prefix)
            # Other tools leave folders of theirs here, and files like `._owner_repo.csv`.
            if name.endswith(".csv") and "/" not in name and not name.startswith("."):
                dataset.stored[name.removesuffix(".csv")] = info.etag
        for key in (
            keys.github_activity(),
            keys.github_summary(),
            keys.github_summary_all_time(),
            keys.github_weekly(),
        ):
            dataset._load_aggregate(key)
        dataset._adopt(state.begun)
        return dataset

    def value(self, key: str) -> object:
        """The JSON of a stored aggregate; None when there is none that can be read."""
        found = self.aggregates.get(key)
        return found.value if found else None

    def save(self) -> None:
        """Write the state when it differs from the stored one.

        Raises:
            BaseMoved: somebody else wrote it since this run read or wrote it.
            StoreError, LeaseLost: it could not be written.
        """
        state = GitHubState(
            years=dict(sorted(self.years.items())),
            repositories=dict(sorted(self.repositories.items())),
            begun=dict(self.begun),
        )
        try:
            self.state.change(lambda _stored: state, tries=1)
        except PreconditionFailed as failed:
            raise BaseMoved("what is remembered of GitHub was changed by somebody else") from failed

    # ----------------------------------------------------------------- inside

    def _load_aggregate(self, key: str) -> None:
        try:
            found = self.context.store.get(key)
        except ObjectNotFound:
            return
        value: object = None
        try:
            value = found.json()
        except CorruptObject:
            self.context.keep_aside(found)
        digest = hashlib.sha256(found.body).hexdigest()
        self.aggregates[key] = StoredAggregate(value, found.etag, digest)

    def _adopt(self, begun: dict[str, str | None]) -> None:
        """Take over the CSVs that an earlier run wrote before it died.

        `begun` has the repositories that the run was asking for, with their last push. When the
        ETag of such a CSV is not the remembered one, the run wrote it: the CSV is complete as of
        that push, and GitHub need not be asked again.
        """
        for csv, pushed_at in begun.items():
            known, etag = self.repositories.get(csv), self.stored.get(csv)
            if known is not None and etag is not None and known.etag != etag:
                self.repositories[csv] = replace(
                    known,
                    status=Status.COMPLETE,
                    pushed_at=pushed_at,
                    etag=etag,
                    validator=None,
                    weeks=None,
                )
