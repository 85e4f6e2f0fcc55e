"""The manifest of the logos during one run: read, changed in memory, published as work goes on."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from posixpath import splitext
from typing import BinaryIO, cast

from datafetch.addresses import for_visitors
from datafetch.errors import CorruptObject, ObjectNotFound
from datafetch.job import AnyContext
from datafetch.logos.model import ON_DEMAND, SOURCES, Logo
from datafetch.logos.rules.entries import Entry, entry_text, packed, read_entry, shown, unpacked
from datafetch.runtime.engine import together
from datafetch.store.blog_manifest import make_blog_manifest
from datafetch.store.json_stream import fields
from datafetch.store.keys import SUFFIXES, Keys
from datafetch.store.publish import PublishPlan, PublishResult, Spooled, Write

DATASET = "logos"

_SAVE_EVERY = 200
_SAVE_SHARE = 5
_SAVE_PAUSE_S = 5.0
"""When the manifest is saved during the work.

After 200 changes, or when a fifth of the logos have changed if that is more, but not within
5 s of the last time: a save takes longer the more logos there are, and the workers wait for it.
"""

_IN_MEMORY = 64 * 1024
"""A manifest of more bytes is written to a temporary file while it is saved, not to memory."""


class LogoManifest:
    """The entries of all domains, packed (see `rules/entries.py`), and the unsaved changes."""

    def __init__(self, context: AnyContext) -> None:
        self._context = context
        self._publisher = context.publisher()
        self._key = context.keys.logo_manifest()
        self._etag: str | None = None
        self._entries: dict[str, bytes] = {}
        self._unsaved: set[str] = set()
        self._replaced: set[str] = set()
        self._pictures: dict[str, list[str]] = {}
        self._unfinished = False
        self._outdated = False
        """Whether an entry is not as readers want it: see `_is_outdated`."""
        self._saved_at = context.clock.monotonic()

    def load(self) -> None:
        """Read what is stored.

        Of a broken manifest the readable entries are used, and a copy is kept aside. When it is
        missing, broken or its last publish unfinished, the stored pictures are listed as well.

        Raises:
            StoreError: the store did not answer.
        """
        journal, broken = together(lambda: self._publisher.open_journal(DATASET), self._read)
        self._unfinished = journal is not None
        if broken:
            self._context.keep_aside(self._context.store.get(self._key))
        if broken or self._etag is None or self._unfinished:
            self._pictures = self._list_pictures()
        if self._unfinished:
            # The run that died may not have removed the pictures that it replaced.
            self._replaced.update(self._superseded())

    def get(self, domain: str) -> Entry | None:
        """The entry of a domain."""
        held = self._entries.get(domain)
        return None if held is None else self._unpacked(domain, held)

    def picture_of(self, domain: str) -> str | None:
        """Key of a listed picture for a domain without an entry; None when there is none."""
        if not self._pictures or domain in self._entries:
            return None
        return next(iter(self._keys_of(domain)), None)

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
        self._entries[domain] = self._packed(domain, logo)
        self._unsaved.add(domain)

    def on_demand_count(self) -> int:
        """How many logos belong to domains that only visitors asked for."""
        return sum(1 for _ in self._on_demand())

    def claim(self, domains: Collection[str]) -> None:
        """Note that the job knows these domains: their logos lose the mark `ON_DEMAND`."""
        known = set(domains)
        for domain, logo in [*self._on_demand()]:
            if domain in known:
                self._entries[domain] = self._packed(domain, logo.claimed())
                self._unsaved.add(domain)

    def _on_demand(self) -> Iterator[tuple[str, Logo]]:
        # The search for the word spares unpacking every logo.
        for domain, held in self._entries.items():
            entry = self._unpacked(domain, held) if ON_DEMAND.encode() in held else None
            if isinstance(entry, Logo) and entry.is_on_demand:
                yield domain, entry

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
        """Store it when `_SAVE_EVERY` says so, so that a run that is killed resumes from there.

        Returns:
            Whether it was stored.

        Raises:
            BaseMoved, LeaseLost, StoreError: as `Publisher.publish`.
        """
        enough = len(self._unsaved) >= max(_SAVE_EVERY, len(self._entries) // _SAVE_SHARE)
        due = enough and self._context.clock.monotonic() - self._saved_at >= _SAVE_PAUSE_S
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
        changed = self._unsaved or self._unfinished or self._replaced or self._outdated
        if changed or self._etag is None or self._context.options.force:
            self._publish(tuple(sorted(self._removable())))
            self._replaced.clear()
            self._unfinished = False
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
                if entry is not None:
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

    # --------------------------------------------------------------- pictures

    def _list_pictures(self) -> dict[str, list[str]]:
        """Keys of all stored pictures, by the key without extension."""
        pictures: dict[str, list[str]] = defaultdict(list)
        for info in self._context.store.list(self._context.keys.logo_images_prefix()):
            pictures[splitext(info.key)[0]].append(info.key)
        return dict(pictures)

    def _keys_of(self, domain: str) -> Iterator[str]:
        for source in SOURCES:
            stem = splitext(self._context.keys.logo(domain, source, "x"))[0]
            yield from self._pictures.get(stem, ())

    def _superseded(self) -> Iterator[str]:
        """Keys of the listed pictures whose domain has a logo of ours that is another picture."""
        for domain, held in self._entries.items():
            entry = self._unpacked(domain, held)
            if isinstance(entry, Logo):
                yield from (key for key in self._keys_of(domain) if key != entry.key)

    def _removable(self) -> set[str]:
        """Replaced pictures that no environment's manifest names."""
        if not self._replaced:
            return set()
        own = (self._unpacked(domain, held).key for domain, held in self._entries.items())
        removable = self._replaced.difference(key for key in own if key is not None)
        for suffix in SUFFIXES:
            if suffix != self._context.keys.suffix:
                removable -= self._named_by(Keys(suffix).logo_manifest())
        return removable

    def _named_by(self, manifest: str) -> set[str]:
        """The keys that another environment's manifest names.

        When it cannot be read, all replaced keys are returned, so that no picture is removed.
        """
        try:
            with self._context.store.open(manifest) as found:
                keys = {_key_of(entry) for _, entry in fields(found.chunks())}
        except ObjectNotFound:
            return set()
        except (ValueError, CorruptObject):
            return set(self._replaced)
        return {key for key in keys if key is not None}


def _key_of(value: object) -> str | None:
    """The key that an entry names, also one that lacks other things; None when it names none.

    Raises:
        CorruptObject: it is no entry.
    """
    key = value.get("key") if isinstance(value, dict) else None
    return key if isinstance(key, str) else read_entry(value).key
