"""The dataset of the OpenGraph job during one run: read at the start, finished at the end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from datafetch.job import JobContext
from datafetch.models.job_settings import OpenGraphSettings
from datafetch.opengraph.manifest import PictureManifest
from datafetch.opengraph.merge import Merger
from datafetch.opengraph.metadata import MetadataStore
from datafetch.opengraph.model import BookmarkRecord, Description, PageRecord, SavedBookmark
from datafetch.opengraph.rules.plan import BookmarkedPage
from datafetch.opengraph.state import OpenGraphState


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a run's results: in the dataset, and in the bookmarks.

    Attributes:
        merged: how many bookmarks changed.
        listed: whether the manifest of pictures changed.
        waits: why the results are not in the bookmarks before the next run; None when they are.
        unsaved: why a share's results are not even in the dataset before its next run; None when
            they are.
    """

    merged: int = 0
    listed: bool = False
    waits: str | None = None
    unsaved: str | None = None


class OpenGraphDataset:
    """What is stored of pages and their pictures.

    Attributes:
        state: what the job remembers.
        metadata: the object of each page.
        manifest: the list of all pictures.
    """

    def __init__(self, context: JobContext[OpenGraphSettings]) -> None:
        self._context = context
        publisher = context.publisher()
        self.state = OpenGraphState(context)
        self.metadata = MetadataStore(context, publisher)
        self.manifest = PictureManifest(context, publisher)

    def load(
        self,
        pages: Sequence[BookmarkedPage],
        *,
        recalled: Sequence[BookmarkedPage],
        keep: bool = True,
    ) -> None:
        """Read what is stored of these pages.

        Without a stored state, the records of the `recalled` pages are made from their metadata.
        With `keep`, a copy of a broken manifest is kept aside.

        Raises:
            StoreError: the store did not answer.
            LeaseLost: this run may not write any more.
        """
        self.state.load()
        self.state.read_overrides()
        self.manifest.load(keep=keep)
        self._recall_pictures(pages)
        if not self.state.found:
            self._recall_pages(recalled)

    def mend(self, pages: Sequence[BookmarkedPage]) -> None:
        """Remove from these pages' metadata the pictures that browsers should not ask for.

        Raises:
            StoreError: the store failed.
            LeaseLost: this run may not write any more.
        """
        known = self.state.pages
        names = {page.hash for page in pages}
        unfit = self.metadata.unfit({name: known[name] for name in names & known.keys()})

        def mended(name: str) -> tuple[str, PageRecord]:
            return name, self.metadata.mended(name, known[name])

        known.update(self._context.engine.map(mended, unfit))
        if unfit:
            self._context.log.info("pictures_withdrawn", extra={"pages": len(unfit)})

    def finish(
        self,
        pages: Sequence[BookmarkedPage],
        bookmarks: Sequence[SavedBookmark],
        descriptions: dict[str, Description],
    ) -> Finished:
        """Store the state of these pages and their pictures' manifest, and merge the bookmarks.

        `descriptions` are those of the pages that this run read, by the page's hash.

        Raises:
            BaseMoved: somebody else wrote the manifest or the bookmarks twice meanwhile.
            LeaseLost: this run may not write any more.
            StoreError: the store failed.
        """
        ids = {bookmark.id for page in pages for bookmark in page.bookmarks}
        self.state.forget_all_but({page.hash for page in pages}, ids)
        self.state.save()
        listed = self.manifest.publish(self.state, bookmarks)
        merger = Merger(self._context, self.state, self.metadata, descriptions)
        merged, waits = merger.merge(bookmarks)
        self.state.save()
        self._context.log.info(
            "opengraph_merged", extra={"bookmarks": merged, "manifest_changed": listed}
        )
        return Finished(merged, listed, waits)

    def _recall_pages(self, pages: Sequence[BookmarkedPage]) -> None:
        """Fill the records of pages from the stored metadata."""
        listed = self.metadata.listed()

        def recall(page: BookmarkedPage) -> tuple[str, PageRecord | None]:
            return page.hash, self.metadata.recall(page.address, listed)

        for name, record in self._context.engine.map(recall, pages):
            if record is not None:
                self.state.pages[name] = record

    def _recall_pictures(self, pages: Sequence[BookmarkedPage]) -> None:
        """Find the pictures that the manifest lists and the state does not know."""
        known = {name for name, record in self.state.bookmarks.items() if record.picture}
        for bookmark_id, picture in self.manifest.recall(pages, known).items():
            record = self.state.bookmarks.get(bookmark_id, BookmarkRecord())
            self.state.bookmarks[bookmark_id] = replace(record, picture=picture)
