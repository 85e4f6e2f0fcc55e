"""The manifest of the logos during one run: read, changed in memory, published as work goes on."""

import json
import tempfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO, cast

from datafetch.addresses import for_visitors
from datafetch.errors import CorruptObject, ObjectNotFound
from datafetch.job import AnyContext
from datafetch.logos.listed import ListedPictures
from datafetch.logos.model import ON_DEMAND, Logo
from datafetch.logos.removable import removable
from datafetch.logos.rules.entries import Entry, entry_text, packed, read_entry, shown, unpacked
from datafetch.models.own_result import OwnResult
from datafetch.models.shard import Shard
from datafetch.runtime.engine import together
from datafetch.store.blog_manifest import make_blog_manifest
from datafetch.store.json_stream import fields
from datafetch.store.publish import PublishPlan, PublishResult, Spooled, Write

DATASET = "logos"

SAVE_EVERY = 200
_SAVE_SHARE = 5
SAVE_PAUSE_S = 5.0
"""When the manifest is saved during the work.

After 200 changes, or when a fifth of the logos have changed if that is more, but not within
5 s of the last time: a save takes longer the more logos there are, and the workers wait for it.
"""

_IN_MEMORY = 64 * 1024
"""A manifest of more bytes is written to a temporary file while it is saved, not to memory."""


class LogoManifest:
    """The entries of all domains, packed (see `rules/entries.py`), and the unsaved changes.

    Attributes:
        claimed: the domains that were claimed; see `claim`.
    """

    def __init__(self, context: AnyContext, part: Shard | None = None) -> None:
        """With a `part` it holds that share's entries only, and cannot be saved itself."""
        self._part = part
        self._context = context
        self._publisher = context.publisher()
        self._key = context.keys.logo_manifest()
        self._etag: str | None = None
        self._entries: dict[str, bytes] = {}
        self._unsaved: dict[str, bytes | None] = {}
        """For each domain with unsaved changes its entry before them; None when it had none."""
        self._replaced: set[str] = set()
        self._pictures: ListedPictures | None = None
        self._unfinished = False
        self._broken = False
        self._outdated = False
        """Whether an entry is not as readers want it: see `_is_outdated`."""
        self.claimed: Collection[str] = ()
        self._saved_at = context.clock.monotonic()

    def load(self) -> None:
        """Read what is stored.

        Of a broken manifest the readable entries are used. A copy of it is kept aside, unless this
        object holds a part. When the manifest is missing or broken, or its last publish did not end,
        the stored pictures are listed as well.

        Raises:
            StoreError: the store did not answer.
        """
        journal, self._broken = together(lambda: self._publisher.open_journal(DATASET), self._read)
        self._unfinished = journal is not None
        if self._broken and self._part is None:
            self._context.keep_aside(self._context.store.get(self._key))
        if self._broken or self._etag is None or self._unfinished:
            self._pictures = ListedPictures(self._context)
        if journal is not None:
            # The run that died may not have removed the pictures that it replaced. No other picture
            # is removed because no entry names it: a share may be about to name it.
            self._replaced.update(journal.deletes)

    def get(self, domain: str) -> Entry | None:
        """The entry of a domain."""
        held = self._entries.get(domain)
        return None if held is None else self._unpacked(domain, held)

    def picture_of(self, domain: str) -> str | None:
        """Key of a listed picture for a domain without an entry; None when there is none."""
        if self._pictures is None or domain in self._entries:
            return None
        return next(self._pictures.of(domain), None)

    def put(self, domain: str, logo: Logo) -> None:
        """Note a logo; the picture that it replaces is removed after the manifest is stored.

        Fields of the entry that datafetch does not make stay. So do pictures of the old site, whose
        other objects may name them too.
        """
        before = self.get(domain)
        if before is not None:
            logo = replace(logo, others=before.others)
        if isinstance(before, Logo) and before.key != logo.key:
            self._replaced.add(before.key)
        self._replaced.discard(logo.key)
        self._change(domain, logo)

    def on_demand_count(self) -> int:
        """How many logos belong to domains that only visitors asked for."""
        return sum(1 for _ in self._on_demand())

    def claim(self, domains: Collection[str]) -> None:
        """Note that the job knows these domains: their logos lose the mark `ON_DEMAND`."""
        self.claimed = set(domains)
        for domain, logo in [*self._on_demand()]:
            if domain in self.claimed:
                self._change(domain, logo.claimed())

    def _change(self, domain: str, logo: Logo) -> None:
        self._unsaved.setdefault(domain, self._entries.get(domain))
        self._entries[domain] = self._packed(domain, logo)

    def _on_demand(self) -> Iterator[tuple[str, Logo]]:
        # The search for the word spares unpacking every logo.
        for domain, held in self._entries.items():
            entry = self._unpacked(domain, held) if ON_DEMAND.encode() in held else None
            if isinstance(entry, Logo) and entry.is_on_demand:
                yield domain, entry

    # ----------------------------------------------------------------- shares

    @property
    def etag(self) -> str | None:
        """ETag of the stored manifest as it was read or written last; None when there is none."""
        return self._etag

    @property
    def unsaved(self) -> int:
        """How many entries have changed since the last save."""
        return len(self._unsaved)

    @property
    def fifth(self) -> int:
        """A fifth of the number of entries; see `SAVE_EVERY`."""
        return len(self._entries) // _SAVE_SHARE

    @property
    def is_to_be_saved(self) -> bool:
        """Whether `save` writes the manifest: it changed, is missing or broken, or --force is set."""
        changed = self._unsaved or self._unfinished or self._replaced or self._outdated
        return bool(changed or self._broken or self._etag is None or self._context.options.force)

    def own_results(self) -> Iterator[tuple[str, OwnResult[Entry]]]:
        """The entries that have changed since the last save, by domain."""
        for domain, before in self._unsaved.items():
            known = None if before is None else self._unpacked(domain, before)
            yield domain, OwnResult(known, self._unpacked(domain, self._entries[domain]))

    def drop_picture(self, key: str) -> None:
        """Remove a picture at the next save, unless an entry names it then."""
        self._replaced.add(key)

    def note_saved(self, elsewhere: "LogoManifest") -> None:
        """Note that all changes are saved: they are in `elsewhere`, which was saved in this one's place."""
        self._etag = elsewhere.etag
        self._unsaved.clear()
        self._replaced.clear()
        self._unfinished = self._broken = self._outdated = False

    # ------------------------------------------------------------ whole runs

    def keys_beyond(self, domains: Collection[str]) -> list[str]:
        """Keys of the pictures that it names for other domains than these."""
        others = self._entries.keys() - set(domains)
        keys = (self._unpacked(domain, self._entries[domain]).key for domain in sorted(others))
        return [key for key in keys if key is not None]

    def newest(self) -> int | None:
        """Epoch ms of the last time that a provider confirmed a logo; None without logos."""
        entries = (self._unpacked(domain, held) for domain, held in self._entries.items())
        logos = (entry for entry in entries if isinstance(entry, Logo))
        return max((logo.fetched_at for logo in logos), default=None)

    def save_now_and_then(self) -> bool:
        """Save when `SAVE_EVERY` says so, so that the next run goes on from there if this one is killed.

        Returns:
            Whether it was stored.

        Raises:
            BaseMoved, LeaseLost, StoreError: as `Publisher.publish`.
        """
        enough = len(self._unsaved) >= max(SAVE_EVERY, self.fifth)
        due = enough and self._context.clock.monotonic() - self._saved_at >= SAVE_PAUSE_S
        if due:
            self._publish(())
        return due

    def save(self) -> None:
        """Store it if it changed or is missing, or with --force; then remove replaced pictures.

        A picture that the manifest of another environment still names is not removed. The blog's
        manifest is made, too, where there is none.

        Raises:
            BaseMoved, LeaseLost, StoreError: as `Publisher.publish`.
        """
        if self.is_to_be_saved:
            own = (self._unpacked(domain, held).key for domain, held in self._entries.items())
            self._publish(tuple(sorted(removable(self._context, self._replaced, own))))
            self._replaced.clear()
            self._unfinished = self._broken = False
        self.make_blog_manifest()

    def make_blog_manifest(self) -> None:
        """Make the blog's manifest where there is none."""
        make_blog_manifest(self._context.store, self._context.keys)

    # ------------------------------------------------------------------ store

    def _read(self) -> bool:
        """Read the stored entries; says whether some are broken.

        When the store fails half-way, the entries stay as they were.
        """
        etag: str | None = None
        entries: dict[str, bytes] = {}
        broken = False
        with suppress(ObjectNotFound), self._context.store.open(self._key) as found:
            etag = found.etag
            entries, broken = self._readable(found.chunks())
        self._etag, self._entries = etag, entries
        return broken

    def _readable(self, chunks: Iterator[bytes]) -> tuple[dict[str, bytes], bool]:
        """The readable entries of a manifest, packed, and whether others are broken."""
        entries: dict[str, bytes] = {}
        broken, urls = False, self._context.urls
        try:
            for domain, value in fields(chunks):
                try:
                    found = read_entry(value)
                except CorruptObject:
                    broken = True
                    continue
                entry = shown(found, urls.own_hosts, urls.for_key)
                self._outdated |= entry != found or self._is_outdated(value, found)
                if entry is not None and (self._part is None or self._part.has(domain)):
                    entries[domain] = self._packed(domain, entry)
        except ValueError:
            broken = True
        return entries, broken

    def _is_outdated(self, value: object, entry: Entry) -> bool:
        """Whether a stored entry has to be written anew.

        One of ours calls its source as it was called once, or names an earlier store or CDN that
        visitors' browsers should not ask; one of the old site has no URL.
        """
        if not isinstance(value, dict):
            return False
        url = value.get("cdnUrl")
        if not isinstance(entry, Logo):
            return not url
        if value.get("originalSource") != entry.original_source:
            return True
        # The comparison spares reading the URL of each entry: nearly all are as they are to be.
        return (
            url != self._url_of(entry) and for_visitors(url, self._context.urls.own_hosts) is None
        )

    def _publish(self, deletes: tuple[str, ...]) -> None:
        def attempt(number: int) -> PublishResult:
            if number:
                self._merge_with_stored()
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
                body = Spooled.of(cast("BinaryIO", file), self._encoded())
                plan = PublishPlan(DATASET, Write(self._key, body), self._etag, deletes=deletes)
                return self._publisher.publish(plan)

        result = self._publisher.with_restart(attempt)
        self._etag = result.etags.get(self._key, self._etag)
        self._context.log.info(
            "manifest_saved", extra={"logos": len(self._entries), "removed": len(deletes)}
        )
        self._unsaved.clear()
        self._outdated = False
        self._saved_at = self._context.clock.monotonic()

    def _merge_with_stored(self) -> None:
        """Read what somebody else has published, and apply this run's unsaved changes to it."""
        own = {domain: self.get(domain) for domain in self._unsaved}
        self._read()
        for domain, entry in own.items():
            if isinstance(entry, Logo):
                theirs = self.get(domain) or entry
                logo = replace(entry, others=theirs.others)
                self._entries[domain] = self._packed(domain, logo)
        self.claim(self.claimed)

    def _encoded(self) -> Iterator[bytes]:
        """The manifest's bytes in parts, sorted by domain, so that equal logos give equal bytes."""
        yield b"{"
        for count, domain in enumerate(sorted(self._entries)):
            text = entry_text(self._unpacked(domain, self._entries[domain]), self._url_of)
            yield f"{',' if count else ''}{json.dumps(domain)}:{text}".encode()
        yield b"}"

    def _url_of(self, logo: Logo) -> str:
        return self._context.urls.for_key(logo.key, version=logo.version)

    def _packed(self, domain: str, entry: Entry) -> bytes:
        return packed(entry, lambda source: self._context.keys.logo(domain, source, ""))

    def _unpacked(self, domain: str, held: bytes) -> Entry:
        return unpacked(held, lambda source: self._context.keys.logo(domain, source, ""))
