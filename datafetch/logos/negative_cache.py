"""The negative cache during one run: the domains that have no logo."""

from typing import Annotated

from pydantic import TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from datafetch.clock import to_ms
from datafetch.job import AnyContext
from datafetch.logos.model import NoLogoRecord
from datafetch.logos.rules.choice import after_no_logo, newest
from datafetch.models.own_result import Order, OwnResult, stays
from datafetch.ops.record import Record

_TRIES = 3

Records = dict[str, NoLogoRecord | None]
"""Records by domain. None is a broken record if stored, and one to remove among the changes."""


def _none_when_broken(value: object, validate: ValidatorFunctionWrapHandler) -> NoLogoRecord | None:
    try:
        record: NoLogoRecord | None = validate(value)
    except ValidationError:
        return None
    return record


NEGATIVE_CACHE: TypeAdapter[Records] = TypeAdapter(
    dict[str, Annotated[NoLogoRecord | None, WrapValidator(_none_when_broken)]]
)
"""Reads and writes the stored object."""


class NegativeCache:
    """The records of domains without a logo: read once, changed in memory, saved once."""

    def __init__(self, context: AnyContext, *, keep: bool = True) -> None:
        """`keep` says whether `load` keeps a copy of an object with broken records aside."""
        self._keep = keep
        self._context = context
        self._key = context.keys.logo_failed_domains()
        self._record = Record(
            context.store, context.keys, context.clock, self._key, NEGATIVE_CACHE, empty={}
        )
        self._changes: Records = {}

    def load(self) -> None:
        """Read what is stored.

        A broken record counts as none; a copy of the object is then kept aside, if `keep` is set.
        An object that cannot be read at all is kept aside on save.

        Raises:
            StoreError: the store did not answer.
        """
        if None in self._record.load().values() and self._keep:
            self._context.keep_aside(self._context.store.get(self._key))

    def get(self, domain: str) -> NoLogoRecord | None:
        """What is known of a domain."""
        known = self._changes if domain in self._changes else self._record.value
        return known.get(domain)

    def add(self, domain: str, reason: str) -> None:
        """Note that every provider answered, and none has a logo."""
        now = to_ms(self._context.clock.now())
        self._changes[domain] = after_no_logo(
            self.get(domain), domain=domain, reason=reason, now_ms=now
        )

    def drop(self, domain: str) -> None:
        """Note that the domain has a logo."""
        if self.get(domain) is not None:
            self._changes[domain] = None

    def note(self, domain: str, record: NoLogoRecord) -> None:
        """Set the record of a domain; it was made in another process."""
        self._changes[domain] = record

    @property
    def is_to_be_saved(self) -> bool:
        """Whether there are changes that are not stored."""
        return bool(self._changes)

    def bring_into(self, stored: "NegativeCache") -> None:
        """Lay a share's changes into `stored`, which was read under the lease of the dataset.

        When another run has set a record of a domain meanwhile, the later of the two stays.
        """
        for domain, record in self._changes.items():
            theirs = stored.get(domain)
            if record is None:
                stored.drop(domain)
            else:
                own = OwnResult(self._record.value.get(domain), record)
                stored.note(domain, stays(own, theirs, _order))

    def note_saved(self) -> None:
        """Note that the changes are stored, by way of `bring_into`."""
        self._changes.clear()

    def save(self) -> None:
        """Apply the changes to what is stored, even if somebody else has changed it meanwhile.

        Raises:
            LeaseLost: this run may not write any more.
            StoreError: it could not be written.
        """
        if self._changes:
            self._record.change(self._changed, tries=_TRIES)
            self._changes.clear()

    def _changed(self, stored: Records) -> Records:
        merged = {**stored, **self._changes}
        return dict(newest({name: record for name, record in merged.items() if record is not None}))


def _order(record: NoLogoRecord) -> Order:
    """Sorts the records of one domain by time."""
    return record.last_attempt, record.attempts, record.reason
