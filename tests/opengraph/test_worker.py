"""The worker for one page: what it asks for, what it stores, and what it never replaces."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from datafetch.opengraph.metadata import MetadataStore
from datafetch.opengraph.model import BookmarkRecord, Override, PageRecord, SavedBookmark
from datafetch.opengraph.pictures import PictureFinder, PictureFound
from datafetch.opengraph.rules.plan import Asked, BookmarkedPage
from datafetch.opengraph.webpage import WebPages
from datafetch.opengraph.worker import PageResult, PageTask, PageWorker, WantedPicture
from datafetch.upstream_errors import Denied, Malformed, TransientError
from datafetch.urls import url_hash
from tests.fakes.base import Action, FakeServer
from tests.fakes.faults import redirect, reply
from tests.fakes.pictures import photo
from tests.fakes.sites import SitesApp
from tests.opengraph.parts import KEYS, SETTINGS, Parts, publisher
from tests.stores import Call, Fault
from tests.support import make_http

HTML = {"Content-Type": "text/html"}
TITLE = "<meta property=og:title content='{}'>"


class Worked:
    """A site with one page, and a worker for it."""

    def __init__(self, parts: Parts, site: FakeServer) -> None:
        self.parts = parts
        self.site = site
        self.url = f"{site.url}/page"
        self.bookmark = SavedBookmark("b", self.url, "Mine")

    def says(self, action: Action | str) -> None:
        """From now on the page answers so."""
        self.site.app.heal()
        page = reply(200, action, {**HTML, "ETag": '"e"'}) if isinstance(action, str) else action
        self.site.app.inject(page, "/page")

    def task(self, record: PageRecord | None = None, *, ask: bool = True) -> PageTask:
        """The task of a run that knows this of the page."""
        page = BookmarkedPage(self.url, [self.bookmark])
        return PageTask(page, record, None, (), ask=ask, conditionally=True)

    def wanting(self, task: PageTask, *stored: str) -> PageTask:
        """The task that looks for the bookmark's picture as well; `stored` are keys of pictures."""
        wanted = WantedPicture(self.bookmark, BookmarkRecord(), stored, settled=True)
        return replace(task, wanted=(wanted,))

    def work(
        self, task: PageTask, *, force: bool = False, fault: Fault | None = None
    ) -> PageResult:
        """Do a task."""
        self.site.app.log.clear()
        http = make_http(self.parts.clock)
        try:
            return self.worker(http, force=force, fault=fault)(task)
        finally:
            http.close()

    def worker(self, http, *, force: bool = False, fault: Fault | None = None) -> PageWorker:
        """A worker of a run that begins now."""
        context = self.parts.context(http=http, force=force, fault=fault)
        web = WebPages(http, SETTINGS)
        metadata = MetadataStore(context, publisher(context))
        finder = PictureFinder(context, web)
        return PageWorker(context, web, metadata, finder, Asked(force=force))

    def read(self) -> PageRecord:
        """Read the page once; gives what is remembered of it."""
        record = self.work(self.task()).record
        assert record is not None
        self.parts.clock.advance(60)
        return record

    def remembered(self, record: PageRecord | None) -> PageRecord:
        """Ask for the page again; gives what is remembered of it then."""
        found = self.work(self.task(record)).record
        assert found is not None
        return found

    def stored(self) -> dict[str, object]:
        """The page's metadata."""
        found: dict[str, object] = self.parts.json(KEYS.opengraph_metadata(url_hash(self.url)))
        return found


@pytest.fixture
def it(parts: Parts) -> Iterator[Worked]:
    """A site whose page has a title."""
    with FakeServer(SitesApp()) as site:
        worked = Worked(parts, site)
        worked.says(TITLE.format("First"))
        yield worked


def test_a_page_is_read_and_stored(it: Worked) -> None:
    """What it says comes back to the run as well, which need not read it again for the merge."""
    result = it.work(it.task())
    assert it.stored()["title"] == "First"
    assert result.description is not None
    assert result.description.title == "First"
    assert result.changed
    assert result.record is not None
    assert (result.record.fetched_at, result.record.etag) == (it.parts.now_ms, '"e"')


def test_an_unchanged_page_is_fresh_again(it: Worked) -> None:
    """Its own validators are sent, 304 moves the time, and nothing is written."""
    record = it.read()
    it.says(reply(304))
    result = it.work(it.task(record))
    [request] = it.site.app.log.all()
    assert request.headers["if-none-match"] == '"e"'
    assert result.record == replace(record, fetched_at=it.parts.now_ms)
    assert not result.changed
    assert it.parts.calls.count("put") == 0


def test_the_same_words_are_not_written_again(it: Worked) -> None:
    """Other bytes that say the same move the time alone; `--force` writes them."""
    record = it.read()
    it.says(TITLE.format("First") + "<!-- other bytes -->")
    result = it.work(it.task(record))
    assert not result.changed
    assert it.parts.calls.count("put") == 0
    assert not it.work(it.task(record), force=True).changed
    assert it.stored()["timestamp"] == it.parts.now_ms


def test_other_words_replace_those_before(it: Worked) -> None:
    """A page that says something else is stored anew."""
    record = it.read()
    it.says(TITLE.format("Second"))
    assert it.work(it.task(record)).changed
    assert it.stored()["title"] == "Second"


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (reply(500), TransientError),
        (reply(403), Denied),
        (reply(200, "<title>Just a moment...</title>", HTML), Denied),
        (redirect("/accounts/login/"), Denied),
        (reply(200, "<html></html>", HTML), Malformed),
    ],
    ids=["500", "403", "captcha", "log-in", "nothing"],
)
def test_a_failure_leaves_a_pages_words(it: Worked, action: Action, error: type[Exception]) -> None:
    """Walls, errors and empty pages are failures: metadata and validators stay, the time is noted."""
    record, before = it.read(), it.stored()
    it.says(action)
    result = it.work(it.task(record))
    assert isinstance(result.error, error)
    assert result.record == replace(record, failed_at=it.parts.now_ms)
    assert not result.changed
    assert it.stored() == before


def test_a_log_in_in_place_leaves_a_pages_words(it: Worked) -> None:
    """A log-in with 200 and tags of its own replaced a good title; the message says what came."""
    record, before = it.read(), it.stored()
    it.says(TITLE.format("Log into Facebook"))
    result = it.work(it.task(record))
    assert str(result.error) == (
        f"{it.url}: another page is shown: it asks for a log-in (Log into Facebook)"
    )
    assert result.error is not None
    assert "stays" in result.error.hint
    assert it.stored() == before
    it.says(TITLE.format("Second"))
    assert it.remembered(result.record).failed_at is None
    assert it.stored()["title"] == "Second"


def test_a_page_without_its_tags_is_believed_in_the_end(it: Worked) -> None:
    """The state remembers since when, through failures of other kinds, until 30 days have passed."""
    it.says(TITLE.format("First") + "<meta name=description content=Words>")
    record, before = it.read(), it.stored()
    it.says("<title>First</title>")
    first = it.parts.now_ms
    record = it.remembered(record)
    assert (record.bare_since, record.failed_at) == (first, first)
    it.parts.clock.advance(29 * 24 * 3600)
    it.says(reply(500))
    record = it.remembered(record)
    assert record.bare_since == first
    assert it.stored() == before
    it.parts.clock.advance(24 * 3600)
    it.says("<title>First</title>")
    assert it.remembered(record).bare_since is None
    assert (it.stored()["title"], it.stored()["description"]) == ("First", None)


def test_an_unchanged_answer_ends_the_doubt(it: Worked) -> None:
    """304 to the validators of what is stored means that the tags are back."""
    record = it.read()
    it.says(reply(304))
    record = it.remembered(replace(record, bare_since=1, failed_at=1))
    assert (record.bare_since, record.failed_at) == (None, None)


def test_the_stored_words_are_read_only_when_the_page_has_others(it: Worked) -> None:
    """A page that says what it said costs no request to the store."""
    record = it.read()
    it.says(TITLE.format("First") + "<!-- other bytes -->")
    it.work(it.task(record))
    assert not any("metadata" in key for key in it.parts.calls.keys("get"))


def test_a_bookmark_of_a_picture_has_the_picture(it: Worked) -> None:
    """A bookmark that is itself a picture failed as "no page": it has its own title and that picture."""
    it.says(reply(200, photo(), {"Content-Type": "image/jpeg", "ETag": '"e"'}))
    it.bookmark = replace(it.bookmark, screenshot="shot-1")
    result = it.work(it.wanting(it.task()))
    assert result.error is None
    assert (it.stored()["title"], it.stored()["imageUrl"]) == ("Mine", it.url)
    assert it.stored()["source"] == "external"
    [search] = result.searches
    assert isinstance(search.outcome, PictureFound)
    assert it.parts.store.get(search.outcome.record.key).body == photo()
    it.says(reply(304))
    assert it.work(it.task(result.record)).error is None


def test_a_placeholder_picture_leaves_a_pages_words(it: Worked) -> None:
    """Some sites answer robots with a picture: that is not the page."""
    record, before = it.read(), it.stored()
    it.says(reply(200, photo(), {"Content-Type": "image/jpeg"}))
    assert isinstance(it.work(it.task(record)).error, Malformed)
    assert it.stored() == before


def test_a_page_that_was_never_read_has_its_bookmarks_words(it: Worked) -> None:
    """They are marked as such, and written once, however often the page fails."""
    it.says(reply(500))
    result = it.work(it.task())
    assert (it.stored()["source"], it.stored()["title"]) == ("fallback", "Mine")
    assert result.changed
    again = it.work(it.task(result.record))
    assert not again.changed
    assert it.parts.calls.count("put") == 0


def test_a_failure_gives_way_to_what_others_write(it: Worked) -> None:
    """Others wrote the page's metadata twice meanwhile: theirs counts, and the run goes on."""
    it.says(reply(500))
    key = KEYS.opengraph_metadata(url_hash(it.url))
    versions = iter(range(9))

    def interfere(call: Call, _: int) -> str | None:
        if call == Call("put", key):
            theirs = {"url": it.url, "title": "Theirs", "timestamp": next(versions)}
            it.parts.put(key, {**theirs, "source": "fallback"})
        return None

    result = it.work(it.task(), fault=interfere)
    assert isinstance(result.error, TransientError)
    assert not result.changed
    assert result.record == PageRecord(failed_at=it.parts.now_ms)
    assert it.stored()["title"] == "Theirs"


def test_a_page_that_is_not_due_is_not_asked(it: Worked) -> None:
    """A task may be for a bookmark's picture alone."""
    result = it.work(it.task(PageRecord(source="external"), ask=False))
    assert it.site.app.log.count() == 0
    assert result.record == PageRecord(source="external")


def test_the_picture_that_the_page_names_now_is_looked_for(it: Worked) -> None:
    """The page is read first: its picture is that of today."""
    it.says(f"<meta property=og:image content='{it.site.url}/img/new.jpg'>")
    it.site.app.inject(reply(200, photo(), {"Content-Type": "image/jpeg"}), "/img/new.jpg")
    result = it.work(it.wanting(it.task(PageRecord(image_url=f"{it.site.url}/img/old.jpg"))))
    [search] = result.searches
    assert search.bookmark_id == "b"
    assert isinstance(search.outcome, PictureFound)
    assert it.site.app.log.count("/img/old.jpg") == 0


def test_a_picture_that_people_chose_is_looked_for(it: Worked) -> None:
    """An override's picture comes in place of the page's."""
    chosen = f"{it.site.url}/img/chosen.jpg"
    it.site.app.inject(reply(200, photo(), {"Content-Type": "image/jpeg"}), "/img/chosen.jpg")
    override = Override('"e"', {"imageUrl": chosen})
    task = replace(it.wanting(it.task(ask=False)), override=override)
    [search] = it.work(task).searches
    assert isinstance(search.outcome, PictureFound)


def test_who_has_a_picture_keeps_it(it: Worked) -> None:
    """A stored picture is looked for again only by force."""
    record = PageRecord(source="external", image_url=f"{it.site.url}/img/1.png")
    task = it.wanting(it.task(record, ask=False), "images/opengraph/x.jpg")
    assert it.work(task).searches == ()
    assert len(it.work(task, force=True).searches) == 1


def test_what_is_due_is_told_without_asking(it: Worked) -> None:
    """A dry run says which pictures would be looked for, by what is known of the pages."""
    record = PageRecord(source="external", image_url=f"{it.site.url}/img/1.png")
    http = make_http(it.parts.clock)
    worker = it.worker(http)
    assert worker.picture_is_due(it.wanting(it.task(record)))
    assert not worker.picture_is_due(it.wanting(it.task()))
    http.close()
    assert it.site.app.log.count() == 0
