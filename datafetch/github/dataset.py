"""Reads and writes the GitHub dataset: remembered repositories, the list of CSVs and aggregates."""

import hashlib
from collections.abc import Collection, Iterable
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
from datafetch.github.model import ANSWERED, RememberedRepository, Status
from datafetch.job import AnyContext
from datafetch.models.problems import first_problem
from datafetch.models.shard import Shard
from datafetch.ops.record import Record

VERSION = 1

_NAME = "github"

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

    Only a run that has the dataset's lease may write the dataset's state. A run of one share of the
    repositories has no such lease at first: it keeps what it changed in a record of its own, until
    that is laid into the dataset.

    Attributes:
        shard: the share whose own record is saved; None for the dataset's state itself.
        stored: ETags of the CSVs that exist, by name.
        aggregates: the stored aggregates, by key.
        years, repositories, begun: see `GitHubState`.
        adopted: identities of the repositories whose CSVs an earlier run of the share wrote before
            it died.
    """

    context: AnyContext
    state: Record[GitHubState]
    shard: Shard | None = None
    stored: dict[str, str] = field(default_factory=dict)
    aggregates: dict[str, StoredAggregate] = field(default_factory=dict)
    years: dict[int, int] = field(default_factory=dict)
    repositories: dict[str, RememberedRepository] = field(default_factory=dict)
    begun: dict[str, str | None] = field(default_factory=dict)
    adopted: set[str] = field(default_factory=set)
    _base: dict[str, RememberedRepository] = field(default_factory=dict)

    @classmethod
    def load(cls, context: AnyContext, shard: Shard | None = None) -> "GitHubDataset":
        """Read the state, the aggregates and the list of CSVs; for a share also its own record.

        Raises:
            StoreError: the store did not answer.
        """
        keys = context.keys
        record = _record(context, keys.dataset(_NAME))
        state = record.load()
        dataset = cls(
            context,
            record,
            years=dict(state.years),
            repositories=dict(state.repositories),
            _base=state.repositories,
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
        if shard is not None:
            dataset._become_share(shard)
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
        state = self._state() if self.shard is None else self._state_of_share()
        try:
            self.state.change(lambda _stored: state, tries=1)
        except PreconditionFailed as failed:
            raise BaseMoved("what is remembered of GitHub was changed by somebody else") from failed

    def lay_in(self, share: "GitHubDataset", *, asked: Collection[str]) -> None:
        """Take over a share's records of its repositories.

        `asked` are the identities of the repositories for which the share has just asked GitHub:
        their records are taken over in any case, as are those that it `adopted`. Other records are
        taken over when their answer is newer than the one here.
        """
        self._put(share.changed(), {*asked, *share.adopted})

    def changed(self) -> list[RememberedRepository]:
        """The records of repositories that have changed since the dataset was read."""
        return [
            known
            for csv, known in self.repositories.items()
            if self.shard is None or self.shard.has(known.repository.identity)
            if self._base.get(csv) != known
        ]

    def forget(self) -> None:
        """Remove the share's own record, once all of it is in the dataset.

        Raises:
            StoreError, LeaseLost: it could not be removed.
        """
        assert self.shard is not None
        if self.state.is_stored and not self.state.is_corrupt:
            self.context.store.delete(self.context.keys.share_of_dataset(_NAME, self.shard))

    # ----------------------------------------------------------------- inside

    def _state(self) -> GitHubState:
        return GitHubState(
            years=dict(sorted(self.years.items())),
            repositories=dict(sorted(self.repositories.items())),
            begun=dict(self.begun),
        )

    def _state_of_share(self) -> GitHubState:
        kept = {known.csv: known for known in self.changed()}
        # Also unchanged ones: by their ETags a later run sees which CSVs are new.
        kept |= {csv: self.repositories[csv] for csv in self.begun if csv in self.repositories}
        return GitHubState(repositories=dict(sorted(kept.items())), begun=dict(self.begun))

    def _become_share(self, shard: Shard) -> None:
        """Add what an earlier run of this share found and did not lay into the dataset."""
        self.shard = shard
        self.state = _record(self.context, self.context.keys.share_of_dataset(_NAME, shard))
        left = self.state.load()
        by_csv = dict(self.repositories)
        self._put(left.repositories.values())
        for csv, pushed_at in left.begun.items():
            known, etag, here = left.repositories.get(csv), self.stored.get(csv), by_csv.get(csv)
            is_answered = here is not None and here.etag == etag and here.status in ANSWERED
            if known is not None and etag not in (None, known.etag) and not is_answered:
                identity = known.repository.identity
                self._put([_complete(known, etag, pushed_at)], {identity})
                self.adopted.add(identity)

    def _put(
        self, records: Iterable[RememberedRepository], always: Collection[str] = frozenset()
    ) -> None:
        """Put records in place of those of the same repositories, also where these were renamed.

        A record is put when its identity is in `always`, when its answer is newer than that of the
        record here, or when there is none here.
        """
        here = {known.repository.identity: known for known in self.repositories.values()}
        for record in records:
            identity = record.repository.identity
            mine = here.get(identity)
            if mine is not None:
                is_newer = (mine.asked_at or 0) < (record.asked_at or 0)
                if not is_newer and identity not in always:
                    continue
                del self.repositories[mine.csv]
            self.repositories[record.csv] = here[identity] = record

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
                self.repositories[csv] = _complete(known, etag, pushed_at)


def _complete(
    known: RememberedRepository, etag: str | None, pushed_at: str | None
) -> RememberedRepository:
    """The record of a repository whose CSV has what GitHub answered after that push."""
    return replace(
        known,
        status=Status.COMPLETE,
        pushed_at=pushed_at,
        etag=etag,
        validator=None,
        weeks=None,
    )


def _record(context: AnyContext, key: str) -> Record[GitHubState]:
    return Record(context.store, context.keys, context.clock, key, _STATE, empty=GitHubState())
