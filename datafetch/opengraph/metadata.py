"""Reads and writes the metadata object of each page; it never replaces what a page said by less."""

from datafetch.errors import BaseMoved, CorruptObject, Malformed, ObjectNotFound
from datafetch.job import AnyContext
from datafetch.opengraph.model import Description, PageMetadata, PageRecord
from datafetch.opengraph.state import DATASET
from datafetch.store.base import encode_json
from datafetch.store.publish import Publisher, PublishPlan, Write
from datafetch.urls import page_address, url_hash, without_query


class MetadataStore:
    """Reads and writes metadata, for several pages at a time."""

    def __init__(self, context: AnyContext, publisher: Publisher) -> None:
        self._context = context
        self._publisher = publisher

    def listed(self) -> frozenset[str]:
        """The hashes of all stored objects, by one listing.

        Raises:
            StoreError: the store did not answer.
        """
        prefix = self._context.keys.opengraph_metadata("").removesuffix(".json")
        keys = (info.key for info in self._context.store.list(prefix))
        return frozenset(
            key.removeprefix(prefix).removesuffix(".json") for key in keys if key.endswith(".json")
        )

    def recall(self, address: str, listed: frozenset[str]) -> PageRecord | None:
        """What is stored of a page, read from its object; an old one counts when its URL is equal.

        Raises:
            StoreError: the store did not answer.
        """
        for name in dict.fromkeys((url_hash(address), url_hash(without_query(address)))):
            if name not in listed:
                continue
            found = self._read(name)
            if found is not None and page_address(found[0].url) == address:
                metadata, etag = found
                own = name == url_hash(address)
                return record_of(metadata, etag) if own else self._adopted(metadata)
        return None

    def description(self, name: str) -> Description | None:
        """What is stored under a hash; None when there is nothing or it cannot be read.

        Raises:
            StoreError: the store did not answer.
        """
        found = self._read(name)
        return None if found is None else found[0].description

    def write(self, metadata: PageMetadata, known_etag: str | None) -> PageRecord:
        """Store metadata over the object with this ETag, or where none is.

        When another object is there, it is read and replaced once; what a page said is not
        replaced by what was made of a bookmark.

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
        said = page_address(stored.url) == metadata.url and stored.source == "external"
        if said and metadata.source == "fallback":
            return record_of(stored, etag)
        return self._put(name, metadata, etag)

    # ------------------------------------------------------------------ steps

    def _put(self, name: str, metadata: PageMetadata, etag: str | None) -> PageRecord:
        write = Write(self._context.keys.opengraph_metadata(name), encode_json(metadata.to_json()))
        result = self._publisher.publish(PublishPlan(DATASET, write, etag))
        # Equal bytes are not written, and keep the ETag that they have.
        return record_of(metadata, result.etags.get(write.key, etag))

    def _adopted(self, metadata: PageMetadata) -> PageRecord:
        """Old metadata under the name of today; the old object stays."""
        if self._context.options.dry_run:
            return record_of(metadata, None)
        address = page_address(metadata.url) or metadata.url
        moved = PageMetadata(
            address,
            metadata.description,
            metadata.timestamp,
            metadata.source,
            metadata.etag,
            metadata.last_modified,
        )
        return self.write(moved, None)

    def _etag(self, name: str) -> str | None:
        try:
            return self._context.store.head(self._context.keys.opengraph_metadata(name)).etag
        except ObjectNotFound:
            return None

    def _read(self, name: str) -> tuple[PageMetadata, str] | None:
        """Metadata and its ETag; what cannot be read is kept aside, and is as good as none."""
        key = self._context.keys.opengraph_metadata(name)
        try:
            found = self._context.store.get(key)
        except ObjectNotFound:
            return None
        try:
            return PageMetadata.from_json(found.json()), found.etag
        except (CorruptObject, Malformed, RecursionError):
            self._context.keep_aside(found)
            return None


def record_of(metadata: PageMetadata, object_etag: str | None) -> PageRecord:
    """What the job remembers of stored metadata."""
    said = metadata.source == "external"
    return PageRecord(
        fetched_at=metadata.timestamp if said else None,
        failed_at=None if said else metadata.timestamp,
        source=metadata.source,
        object_etag=object_etag,
        digest=metadata.description.digest(),
        image_url=metadata.description.image_url,
        etag=metadata.etag,
        last_modified=metadata.last_modified,
    )
