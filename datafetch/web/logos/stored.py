"""The store tier of logos: what the manifest in memory says of a domain, and pictures of the store."""

from hashlib import sha256

from datafetch.clock import Clock, to_ms
from datafetch.errors import DatafetchError, ObjectNotFound
from datafetch.logos.index import LogoIndex
from datafetch.logos.model import Logo
from datafetch.logos.providers import PICTURE_LIMIT
from datafetch.logos.rules.choice import is_due, is_waiting
from datafetch.logos.rules.entries import Entry
from datafetch.logs import EventLogger
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys
from datafetch.store.public_urls import PublicUrls
from datafetch.urls import parse, resolve
from datafetch.web.logos.cache import LogoAnswer, LogoAt, LogoPicture, LogoUnknown, NoLogoKnown

_SOON_S = 5

_ANY_BASE = "https://datafetch.invalid/"
"""What addresses resolve against that need no base."""

_PICTURES = frozenset(
    (
        "image/avif",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/svg+xml",
        "image/vnd.microsoft.icon",
        "image/webp",
        "image/x-icon",
    )
)
"""Types with which a stored object is sent as a picture."""


class StoredLogos:
    """What the store has for domains. Thread-safe; what blocks says so."""

    def __init__(
        self, store: ObjectStore, keys: Keys, urls: PublicUrls, clock: Clock, log: EventLogger
    ) -> None:
        """`store` is read only, and answers soon or fails."""
        self._store = store
        self._keys = keys
        self._urls = urls
        self._clock = clock
        self._log = log
        self.index = LogoIndex(store, keys, urls, clock, log)

    def at_hand(self, domain: str) -> LogoAnswer | None:
        """The answer by the manifest and the negative cache in memory. Does not block.

        None when they say nothing, or name a picture that only this server can show.
        """
        entry = self.index.entry(domain)
        if entry is not None:
            url = self.url_of(entry)
            return None if url is None else LogoAt(url)
        record = self.index.record(domain)
        return NoLogoKnown() if is_waiting(record, to_ms(self._clock.now())) else None

    def picture(self, domain: str) -> LogoPicture | None:
        """The picture that the manifest names for a domain; None when it is gone. Blocks.

        Raises:
            StoreError: the store did not answer.
        """
        entry = self.index.entry(domain)
        return None if entry is None else self._picture_of(entry)

    def usable(self, domain: str, *, at_cdn: bool = False) -> Entry | None:
        """The domain's entry; None when only this server could show it, and its picture is gone. Blocks.

        With `at_cdn`, the picture is looked at also when visitors load it from elsewhere.

        Raises:
            StoreError: the store did not answer.
        """
        entry = self.index.entry(domain)
        if entry is None or entry.key is None:
            return entry
        if self.url_of(entry) is not None and not at_cdn:
            return entry
        return None if self._picture_of(entry) is None else entry

    def is_due(self, domain: str, max_age_days: int) -> bool:
        """Whether the logo is at least so old and only visitors asked for it. Does not block.

        Logos of known domains are kept fresh by the job.
        """
        entry = self.index.entry(domain)
        if not isinstance(entry, Logo) or not entry.is_on_demand:
            return False
        return is_due(entry, max_age_days, to_ms(self._clock.now()))

    def answer_of(self, entry: Entry, picture: LogoPicture | None = None) -> LogoAnswer:
        """What is answered for an entry; blocks when its picture is not given and has to be read."""
        url = self.url_of(entry)
        if url is not None:
            return LogoAt(url)
        try:
            return picture or self._picture_of(entry) or NoLogoKnown()
        except DatafetchError as error:
            self._log.warning("picture_not_read", extra={"error": str(error)})
            return LogoUnknown(503, "The store does not answer", _SOON_S)

    def stale(self, entry: Entry) -> LogoAnswer | None:
        """The answer for an entry that could not be refreshed; None when there is none. May block."""
        match self.answer_of(entry):
            case LogoAt(url):
                return LogoAt(url, is_stale=True)
            case LogoPicture(body, content_type, version):
                return LogoPicture(body, content_type, version, is_stale=True)
            case _:
                return None

    def url_of(self, entry: Entry) -> str | None:
        """Where visitors load the logo; None when nobody but this server can show it."""
        if isinstance(entry, Logo):
            url = self._urls.for_key(entry.key, version=entry.version)
        else:
            url = entry.url or ""
        # What a manifest holds may be no URL, or one with characters that no header can have.
        return resolve(url, _ANY_BASE) if parse(url) is not None else None

    def _picture_of(self, entry: Entry) -> LogoPicture | None:
        """The stored picture; None when it is gone, or is no picture."""
        key = entry.key
        if key is None or not key.startswith(self._keys.logo_images_prefix()):
            return None  # A manifest that names other objects must not open them to visitors.
        try:
            if self._store.head(key).size > PICTURE_LIMIT:
                return None
            found = self._store.get(key)
        except ObjectNotFound:
            return None
        declared = entry.content_type if isinstance(entry, Logo) else found.info.content_type
        content_type = (declared or "").partition(";")[0].strip().lower()
        if content_type not in _PICTURES:
            return None
        return LogoPicture(found.body, content_type, sha256(found.body).hexdigest()[:8])
