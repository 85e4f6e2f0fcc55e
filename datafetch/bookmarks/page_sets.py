"""The pages of the list and of its tags: their writes, and the items that the stored ones show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from datafetch.bookmarks.model import Bookmark, StoredBookmark
from datafetch.bookmarks.rules.list import PAGE_SIZE, as_array, group_by_tag, pages
from datafetch.bookmarks.rules.merge import tag_slugs
from datafetch.bookmarks.rules.page_writes import Ids, PageWrite, page_writes
from datafetch.models.job_settings import TagPages
from datafetch.store.keys import Keys
from datafetch.store.writes import Write


@dataclass(frozen=True, slots=True)
class PageSet:
    """The pages of the whole list, or those of one tag.

    Attributes:
        tag: slug of the tag; None for the whole list.
        key: makes a page's key of its number.
        bookmarks: what the new pages have, in order.
        pages: the writes of the new pages, the first one first.
    """

    tag: str | None
    key: Callable[[int], str]
    bookmarks: Sequence[Bookmark]
    pages: Sequence[Write]

    @classmethod
    def of(
        cls, bookmarks: Sequence[Bookmark], key: Callable[[int], str], tag: str | None = None
    ) -> "PageSet":
        """The pages of these bookmarks."""
        writes = [Write(key(at), as_array(page)) for at, page in enumerate(pages(bookmarks), 1)]
        return cls(tag, key, bookmarks, writes)

    def planned(self) -> Iterator[tuple[str, Ids]]:
        """Each new page's key, and the items that it has."""
        for write, page in zip(self.pages, pages(self.bookmarks), strict=True):
            yield write.key, tuple(item.id for item in page)

    def chains(self, shown: Mapping[str, Ids]) -> list[list[Write]]:
        """The writes in chains, in an order in which no item is on no page meanwhile.

        `shown` are the items that each stored page shows, by its key.
        """
        numbered = enumerate(self.pages, 1)
        before = {number: shown[page.key] for number, page in numbered if page.key in shown}
        after = [ids for _, ids in self.planned()]
        return [[self._write(write) for write in group] for group in page_writes(before, after)]

    def _write(self, write: PageWrite) -> Write:
        page = self.pages[write.page - 1]
        if not write.interim:
            return page
        wanted = {item: place for place, item in enumerate(write.ids)}
        found = [item for item in self.bookmarks if item.id in wanted]
        found.sort(key=lambda item: wanted[item.id])
        return Write(page.key, as_array(found), interim=True)


class Paging(NamedTuple):
    """The new pages of the list and of its tags, and the stored ones that they replace.

    Attributes:
        sets: the new pages.
        shown: the items that each stored page shows, by its key; none that is not there.
    """

    sets: Sequence[PageSet]
    shown: Mapping[str, Ids]


def page_sets(keys: Keys, bookmarks: Sequence[Bookmark], tags: TagPages) -> list[PageSet]:
    """The pages of a list, and those of each of its tags that gets pages."""
    groups = group_by_tag(bookmarks, tags.maximum) if tags.enabled else []
    return [
        PageSet.of(bookmarks, keys.bookmark_page),
        *(PageSet.of(tagged, partial(keys.tag_page, slug), slug) for slug, tagged in groups),
    ]


def published_pages(sets: Sequence[PageSet], items: Sequence[StoredBookmark]) -> dict[str, Ids]:
    """By key, the items that the pages show that were published of `items`.

    Only keys that the new pages have too: other pages are removed, after all writes.
    """
    ids: dict[str | None, list[str]] = {None: [item.id for item in items]}
    if len(sets) > 1:
        for item in items:
            for slug, _ in tag_slugs(item.fields.get("tags")):
                ids.setdefault(slug, []).append(item.id)
    return dict(shown for pages in sets for shown in _published(pages, ids.get(pages.tag, [])))


def _published(new: PageSet, ids: Sequence[str]) -> Iterator[tuple[str, Ids]]:
    for number, page in enumerate(new.pages):
        yield page.key, tuple(ids[number * PAGE_SIZE : (number + 1) * PAGE_SIZE])
