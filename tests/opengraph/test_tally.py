"""The tally by itself: how results are counted, and what state and dead letters are told."""

from datafetch.errors import DatafetchError
from datafetch.opengraph.model import (
    BookmarkRecord,
    Description,
    PageRecord,
    PictureRecord,
    SavedBookmark,
)
from datafetch.opengraph.pictures import PictureFound, PictureNotFound
from datafetch.opengraph.rules.plan import BookmarkedPage
from datafetch.opengraph.state import OpenGraphState
from datafetch.opengraph.tally import Tally
from datafetch.opengraph.worker import PageResult, PageTask, PictureSearch
from datafetch.upstream_errors import BreakerOpen, TransientError
from tests.opengraph.parts import Parts

URL = "https://a.example/"
PAGE = BookmarkedPage(URL, [SavedBookmark("b", URL)])
READ = PageRecord(fetched_at=5, source="external")
PICTURE = PictureRecord("images/opengraph/x.png", "0a0b0c0d", 5)
DOWN = TransientError("status 500", url=URL)
NOT_ASKED = BreakerOpen("a.example is not asked", url=URL)


class Counted:
    """A tally with what it writes into."""

    def __init__(self, parts: Parts) -> None:
        context = parts.context()
        self.letters = context.dead_letters
        self.state = OpenGraphState(context)
        self.tally = Tally(context, self.state)

    def record(
        self,
        *searches: PictureSearch,
        error: DatafetchError | None = None,
        changed: bool = False,
        ask: bool = True,
    ) -> None:
        """Take in the result of the page."""
        task = PageTask(PAGE, None, None, (), ask=ask, conditionally=True)
        said = None if error else Description(URL, "T")
        self.tally.record(PageResult(task, READ, error, changed, said, searches))

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Changed, skipped, failed, newly failed."""
        tally = self.tally
        return len(tally.changed), tally.skipped, tally.failed, tally.newly_failed

    @property
    def items(self) -> set[str]:
        """The items of the dead letters."""
        return {letter.item for letter in self.letters.letters.values()}


def found(*, changed: bool = True) -> PictureSearch:
    """A picture of the bookmark was found."""
    return PictureSearch("b", "places", PictureFound(PICTURE, changed))


def missed(error: TransientError | None = None) -> PictureSearch:
    """No picture of the bookmark was found."""
    return PictureSearch("b", "places", PictureNotFound(error))


def test_what_was_read_is_remembered(parts: Parts) -> None:
    """Record and description come into the state and to the merge, by the page's hash."""
    it = Counted(parts)
    it.record(changed=True)
    assert it.state.pages == {PAGE.hash: READ}
    assert it.tally.descriptions == {PAGE.hash: Description(URL, "T")}
    assert it.counts == (1, 0, 0, 0)


def test_a_page_with_several_faults_failed_once(parts: Parts) -> None:
    """`itemsFailed` counts pages, each fault has its dead letter."""
    it = Counted(parts)
    it.record(missed(DOWN), error=DOWN)
    assert it.counts == (0, 0, 1, 1)
    assert it.items == {URL, "picture of b"}


def test_a_fault_that_is_known_is_not_new(parts: Parts) -> None:
    """What failed before and failed again does not count as new."""
    it = Counted(parts)
    it.record(error=DOWN)
    it.record(error=DOWN)
    assert it.counts == (0, 0, 2, 1)


def test_a_page_that_was_not_asked_is_skipped(parts: Parts) -> None:
    """An open breaker is no failure of this run, and the page waits with a dead letter."""
    it = Counted(parts)
    it.record(error=NOT_ASKED)
    assert it.counts == (0, 1, 0, 0)
    assert it.items == {URL}
    it.record(missed(DOWN), error=NOT_ASKED)
    assert it.counts == (0, 1, 1, 1)


def test_what_is_well_again_has_no_dead_letter(parts: Parts) -> None:
    """The page's letter goes when it answers, the picture's when it is found."""
    it = Counted(parts)
    it.record(missed(DOWN), error=DOWN)
    it.record(missed(DOWN), ask=False)
    assert it.items == {URL, "picture of b"}
    it.record(found())
    assert it.items == set()


def test_a_picture_comes_into_the_state(parts: Parts) -> None:
    """A new picture changes the page; the mark of the last merge stays until the next one."""
    it = Counted(parts)
    it.state.bookmarks["b"] = BookmarkRecord(mark="m", tried="before")
    it.record(found(changed=False))
    assert it.counts[0] == 0
    it.record(found())
    assert it.counts[0] == 1
    assert it.state.bookmarks == {"b": BookmarkRecord(PICTURE, mark="m")}


def test_places_that_were_searched_in_vain_are_remembered(parts: Parts) -> None:
    """They are not searched again each run; a stored picture stays."""
    it = Counted(parts)
    it.state.bookmarks["b"] = BookmarkRecord(PICTURE, mark="m")
    it.record(missed())
    assert it.state.bookmarks == {"b": BookmarkRecord(PICTURE, "places", "m")}
    assert it.items == set()


def test_what_left_the_list_is_forgotten(parts: Parts) -> None:
    """A dead letter of a bookmark that was deleted does not wait for ever."""
    it = Counted(parts)
    it.record(missed(DOWN), error=DOWN)
    it.tally.forget([PAGE])
    assert it.items == {URL, "picture of b"}
    it.tally.forget([])
    assert it.items == set()
