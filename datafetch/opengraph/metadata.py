"""Reads and writes the metadata object of each page."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from datafetch.addresses import for_visitors
from datafetch.errors import BaseMoved, CorruptObject, ObjectNotFound
from datafetch.job import AnyContext
from datafetch.opengraph.model import METADATA, Description, PageMetadata, PageRecord
from datafetch.opengraph.state import DATASET, as_unread
from datafetch.store.base import encode_json
from datafetch.store.publish import Publisher, PublishPlan, Write
from datafetch.urls import page_address, url_hash, without_query


class MetadataStore:
    """Reads and writes metadata, for several pages at a time."""

    def __init__(self, context: AnyContext, publisher: Publisher) -> None:
        self._context = context
        self._publisher = publisher
        self._own = context.urls.own_hosts
        self._unfit: set[str] = set()

    def listed(self) -> frozenset[str]:
        """The page hashes of all stored metadata objects, from one listing.

        Raises:
            StoreError: the store did not answer.
        """
        prefix = self._context.keys.opengraph_metadata("").removesuffix(".json")
        keys = (info.key for info in self._context.store.list(prefix))
        return frozenset(
            key.removeprefix(prefix).removesuffix(".json") for key in keys if key.endswith(".json")
        )

    def recall(self, address: str, listed: frozenset[str]) -> PageRecord | None:
        """The record of a page, made from its stored metadata; None when none is stored.

        Old systems named the object by the address without its query, so that several pages shared
        it: such an object counts when the `url` in it is this page's, and is stored anew, unless
        somebody else writes the page's own object meanwhile: then that one counts.

        The record has no validators: which rules read the page is not known any more.

        Raises:
            StoreError: the store did not answer.
            LeaseLost: this run may not write any more.
        """
        for name in dict.fromkeys((url_hash(address), url_hash(without_query(address)))):
            if name not in listed:
                continue
            found = self._read(name)
            if found is not None and page_address(found[0].url) == address:
                metadata, etag = found
                is_own = name == url_hash(address)
                record = record_of(metadata, etag) if is_own else self._adopted(metadata)
                return None if record is None else as_unread(record)
        return None

    def description(self, name: str) -> Description | None:
        """The description stored under a hash; None when there is none, or it cannot be read.

        Raises:
            StoreError: the store did not answer.
        """
        found = self._read(name)
        return None if found is None else found[0].said

    def unfit(self, pages: Mapping[str, PageRecord]) -> list[str]:
        """The hashes of those `pages` whose stored metadata names a picture that has to go.

        Visitors' browsers should not ask for it: older code stored it, or its host was allowed and
        is not any more. The records of `pages` tell, and the metadata that was read so far.
        """
        known = {
            name
            for name, record in pages.items()
            if record.image_url and for_visitors(record.image_url, self._own) is None
        }
        return sorted((known | self._unfit) & pages.keys())

    def mended(self, name: str, record: PageRecord) -> PageRecord:
        """Store a page's metadata without such a picture; returns the page's new record.

        Raises:
            StoreError: the store failed; the object is as it was.
            LeaseLost: this run may not write any more.
        """
        found = self._read(name)
        if found is None or page_hash(found[0]) != name:
            return replace(record, image_url=None)
        try:
            stored = self._put(name, *found)
        except BaseMoved:  # others write it at this moment: the next run looks again
            return record
        return replace(
            record,
            object_etag=stored.object_etag,
            digest=stored.digest,
            image_url=stored.image_url,
        )

    def write(self, metadata: PageMetadata, known_etag: str | None) -> PageRecord:
        """Store metadata over the object with this ETag, which is None if none should be there.

        When another object is there, it is replaced, once; except that metadata made from a
        bookmark does not replace metadata read from the page.

        Raises:
            BaseMoved: somebody else wrote it twice meanwhile.
            LeaseLost: this run may not write any more.
            StoreError: the store failed.
        """
        name = url_hash(metadata.url)
        try:
            return self._put(name, metadata, known_etag)
        except BaseMoved:
            found = self._read(name)
        if found is None:
            return self._put(name, metadata, self._etag(name))
        stored, etag = found
        read_from_page = page_address(stored.url) == metadata.url and stored.source == "external"
        if read_from_page and metadata.source == "fallback":
            return record_of(stored, etag)
        return self._put(name, metadata, etag)

    def write_again(self, name: str) -> str | None:
        """With --force, write the metadata that is stored under a hash again; its new ETag.

        Raises:
            StoreError: the store failed; the object is as it was.
            LeaseLost: this run may not write any more.
        """
        return self._context.write_again(self._context.keys.opengraph_metadata(name))

    # ------------------------------------------------------------------ steps

    def _put(self, name: str, metadata: PageMetadata, etag: str | None) -> PageRecord:
        body = encode_json(METADATA.dump_python(metadata, by_alias=True))
        write = Write(self._context.keys.opengraph_metadata(name), body)
        result = self._publisher.publish(PublishPlan(DATASET, write, etag))
        # Equal bytes are not written, and keep the ETag that they have.
        return record_of(metadata, result.etags.get(write.key, etag))

    def _adopted(self, metadata: PageMetadata) -> PageRecord | None:
        """Store old metadata under the hash of its whole address; the old object stays.

        Returns:
            The page's record; None when somebody else wrote an object there that says nothing of
            this page.
        """
        if self._context.options.dry_run:
            return record_of(metadata, None)
        address = page_address(metadata.url) or metadata.url
        moved = replace(metadata, url=address, final_url=metadata.said.final_url)
        try:
            return self.write(moved, None)
        except BaseMoved:
            found = self._read(url_hash(address))
        theirs = found is not None and page_address(found[0].url) == address
        return record_of(*found) if found is not None and theirs else None

    def _etag(self, name: str) -> str | None:
        try:
            return self._context.store.head(self._context.keys.opengraph_metadata(name)).etag
        except ObjectNotFound:
            return None

    def _read(self, name: str) -> tuple[PageMetadata, str] | None:
        """Metadata and its ETag; None if missing or broken (then a copy is kept aside)."""
        key = self._context.keys.opengraph_metadata(name)
        try:
            found = self._context.store.get(key)
        except ObjectNotFound:
            return None
        try:
            value = found.json()
            metadata = METADATA.validate_python(value)
        except (CorruptObject, ValidationError):
            self._context.keep_aside(found)
            return None
        shown = for_visitors(metadata.image_url, self._own)
        if shown is None and isinstance(value, dict) and value.get("imageUrl"):
            self._unfit.add(name)
        return replace(metadata, image_url=shown), found.etag


def page_hash(metadata: PageMetadata) -> str:
    """The hash of the page that this metadata is of."""
    return url_hash(page_address(metadata.url) or metadata.url)


def record_of(metadata: PageMetadata, object_etag: str | None) -> PageRecord:
    """The record of the page that this metadata is stored for."""
    from_page = metadata.source == "external"
    said = metadata.said
    return PageRecord(
        fetched_at=metadata.timestamp if from_page else None,
        failed_at=None if from_page else metadata.timestamp,
        source=metadata.source,
        object_etag=object_etag,
        digest=said.digest(),
        image_url=said.image_url,
        etag=metadata.etag,
        last_modified=metadata.last_modified,
    )
