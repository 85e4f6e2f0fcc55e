"""The negative cache of the logos during one run: domains that have none."""

from datafetch.clock import to_ms
from datafetch.errors import CorruptObject, ObjectNotFound, PreconditionFailed
from datafetch.job import AnyContext
from datafetch.logos.model import NoLogoRecord
from datafetch.logos.rules.choice import after_no_logo, newest
from datafetch.store.base import IfAbsent, IfMatch, StoredObject, encode_json

_TRIES = 3


class NoLogoRecords:
    """What is known of domains without a logo; changes are merged into what is stored."""

    def __init__(self, context: AnyContext) -> None:
        self._context = context
        self._key = context.keys.logo_failed_domains()
        self._etag: str | None = None
        self._records: dict[str, NoLogoRecord] = {}
        self._changes: dict[str, NoLogoRecord | None] = {}

    def load(self) -> None:
        """Read what is stored; what cannot be read is kept aside.

        Raises:
            StoreError: the store did not answer.
        """
        broken = self._read()
        if broken is not None:
            self._context.keep_aside(broken)

    def get(self, domain: str) -> NoLogoRecord | None:
        """What is known of a domain."""
        return self._records.get(domain)

    def add(self, domain: str, reason: str) -> None:
        """Every provider answered, and none has a logo."""
        now = to_ms(self._context.clock.now())
        record = after_no_logo(self.get(domain), domain=domain, reason=reason, now_ms=now)
        self._records[domain] = self._changes[domain] = record

    def drop(self, domain: str) -> None:
        """The domain has a logo."""
        if self._records.pop(domain, None) is not None:
            self._changes[domain] = None

    def save(self) -> None:
        """Store the changes, over what somebody else may have stored meanwhile.

        Raises:
            LeaseLost: this run may not write any more.
            StoreError: it could not be written.
        """
        for tries in range(1, _TRIES + 1):
            if not self._changes:
                return
            kept = newest(self._records)
            body = encode_json({domain: record.to_json() for domain, record in kept.items()})
            condition = IfMatch(self._etag) if self._etag else IfAbsent()
            try:
                self._etag = self._context.store.put(self._key, body, condition=condition)
            except PreconditionFailed:
                if tries == _TRIES:
                    raise
                self._read()
                self._apply()
            else:
                self._changes.clear()

    def _apply(self) -> None:
        """Make the changes again; those that are stored already, by a lost answer, are none."""
        for domain, record in list(self._changes.items()):
            if self._records.get(domain) == record:
                del self._changes[domain]
            elif record is None:
                del self._records[domain]
            else:
                self._records[domain] = record

    def _read(self) -> StoredObject | None:
        """Read the stored records; returns the object when some of it cannot be read."""
        self._records, self._etag = {}, None
        try:
            found = self._context.store.get(self._key)
        except ObjectNotFound:
            return None
        self._etag = found.etag
        try:
            value = found.json()
        except CorruptObject:
            return found
        if not isinstance(value, dict):
            return found
        broken = False
        for domain, entry in value.items():
            try:
                self._records[domain] = NoLogoRecord.from_json(entry)
            except CorruptObject:
                broken = True
        return found if broken else None
