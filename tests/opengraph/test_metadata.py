"""The metadata objects by themselves: whose words replace whose, and what is found of old systems."""

from dataclasses import replace

import pytest

from datafetch.errors import BaseMoved
from datafetch.opengraph.metadata import MetadataStore
from datafetch.opengraph.model import Description, PageMetadata, PageRecord, Source
from datafetch.urls import url_hash, without_query
from tests.opengraph.parts import KEYS, Parts, publisher
from tests.stores import Call, Fault

URL = "https://a.example/watch?v=1"
NAME = url_hash(URL)
KEY = KEYS.opengraph_metadata(NAME)
OLD_KEY = KEYS.opengraph_metadata(url_hash(without_query(URL)))


def metadata(title: str, source: Source = "external", *, url: str = URL) -> PageMetadata:
    """Metadata with this title."""
    return PageMetadata.of(url, Description(url, title), timestamp=5, source=source)


def stored(parts: Parts, fault: Fault | None = None, *, dry_run: bool = False) -> MetadataStore:
    """The metadata as a run reads and writes it."""
    context = parts.context(fault=fault, dry_run=dry_run)
    return MetadataStore(context, publisher(context))


def etag(parts: Parts) -> str:
    """The ETag of the stored object."""
    return parts.store.head(KEY).etag


def test_what_is_written_is_read_back(parts: Parts) -> None:
    """The record that a write gives is the one that a later run makes of the object."""
    record = stored(parts).write(metadata("Title"), None)
    assert record == PageRecord(
        fetched_at=5,
        source="external",
        object_etag=etag(parts),
        digest=Description(URL, "Title").digest(),
    )
    store = stored(parts)
    assert store.listed() == {NAME}
    assert store.recall(URL, store.listed()) == record
    assert store.description(NAME) == Description(URL, "Title")
    assert store.description("0" * 64) is None


def test_equal_bytes_are_not_written(parts: Parts) -> None:
    """A forced run that finds the same words in the same second leaves the object."""
    record = stored(parts).write(metadata("Title"), None)
    assert stored(parts).write(metadata("Title"), record.object_etag) == record
    assert parts.calls.count("put") == 0


def test_a_recalled_page_is_asked_without_validators(parts: Parts) -> None:
    """Which rules have read what is stored is not known when the state is lost: 304 would keep it."""
    said = Description(URL, "Title")
    made = PageMetadata.of(URL, said, timestamp=5, source="external", etag='"e"', last_modified="S")
    written = stored(parts).write(made, None)
    assert (written.etag, written.last_modified) == ('"e"', "S")
    recalled = stored(parts).recall(URL, frozenset({NAME}))
    assert recalled == replace(written, etag=None, last_modified=None)


def test_what_was_made_of_a_bookmark_counts_as_a_failure(parts: Parts) -> None:
    """A page that was never read is asked again after an hour, not after a day."""
    record = stored(parts).write(metadata("Mine", "fallback"), None)
    assert (record.fetched_at, record.failed_at) == (None, 5)


def test_a_pages_words_are_not_replaced_by_its_bookmarks(parts: Parts) -> None:
    """Another run has read the page meanwhile: its words stay, and are what is remembered."""
    theirs = stored(parts).write(metadata("Theirs"), None)
    assert stored(parts).write(metadata("Mine", "fallback"), None) == theirs
    assert parts.json(KEY)["title"] == "Theirs"


@pytest.mark.parametrize("theirs", ["external", "fallback"])
def test_a_pages_words_replace_what_somebody_else_wrote(parts: Parts, theirs: Source) -> None:
    """What the page says now is newer than what stands there."""
    stored(parts).write(metadata("Theirs", theirs), None)
    stored(parts).write(metadata("Ours"), None)
    assert parts.json(KEY)["title"] == "Ours"


def test_another_pages_object_is_not_believed(parts: Parts) -> None:
    """An object under our hash whose `url` is another page's says nothing of this one."""
    stranger = {"url": "https://b.example/", "title": "Theirs", "source": "external"}
    parts.put(KEY, stranger)
    assert stored(parts).recall(URL, frozenset({NAME})) is None
    stored(parts).write(metadata("Mine", "fallback"), None)
    assert parts.json(KEY)["title"] == "Mine"


def test_who_moves_it_twice_wins(parts: Parts) -> None:
    """After a second change by somebody else the page's metadata is left to them."""
    versions = iter(range(9))

    def interfere(call: Call, _: int) -> str | None:
        if call == Call("put", KEY):
            parts.put(KEY, {"url": URL, "title": f"Theirs {next(versions)}"})
        return None

    with pytest.raises(BaseMoved):
        stored(parts, interfere).write(metadata("Ours"), None)
    assert parts.json(KEY)["title"] == "Theirs 1"


def test_broken_metadata_is_kept_aside_and_replaced(parts: Parts) -> None:
    """A corrupt object is nobody's words; people find a copy of it."""
    body = parts.put(KEY, b'{"url":')
    assert stored(parts).description(NAME) is None
    assert parts.aside(KEY) == [body]
    stored(parts).write(metadata("Ours"), None)
    assert parts.json(KEY)["title"] == "Ours"


@pytest.mark.parametrize("body", [b"[" * 100_000, b"[]", b'{"url":5}', b"\xff"], ids=len)
def test_whatever_stands_there_ends_no_run(parts: Parts, body: bytes) -> None:
    """Deep nesting, another shape, bytes that are no text: all are as good as missing."""
    parts.put(KEY, body)
    assert stored(parts).recall(URL, frozenset({NAME})) is None


def test_old_metadata_is_found_and_stored_under_the_whole_address(parts: Parts) -> None:
    """Old systems named it without the query; its object stays where it is."""
    body = parts.put(OLD_KEY, {"url": URL, "title": "Old words", "timestamp": 7})
    store = stored(parts)
    record = store.recall(URL, store.listed())
    assert record is not None
    assert (record.fetched_at, record.object_etag) == (7, etag(parts))
    assert parts.json(KEY)["title"] == "Old words"
    assert parts.json(KEY)["finalUrl"] == URL
    assert parts.store.get(OLD_KEY).body == body


def test_old_metadata_of_another_video_is_not_ours(parts: Parts) -> None:
    """All videos of a site shared one object: it is that page's alone whose URL it has."""
    parts.put(OLD_KEY, {"url": "https://a.example/watch?v=2", "title": "Theirs"})
    store = stored(parts)
    assert store.recall(URL, store.listed()) is None


def test_a_dry_run_moves_nothing(parts: Parts) -> None:
    """Old metadata counts in a dry run, and is not stored anew."""
    parts.put(OLD_KEY, {"url": URL, "title": "Old words", "timestamp": 7})
    store = stored(parts, dry_run=True)
    record = store.recall(URL, store.listed())
    assert record is not None
    assert record.fetched_at == 7
    assert parts.calls.count("put") == 0


@pytest.mark.parametrize(
    ("theirs", "title"), [(URL, "Theirs"), ("https://b.example/", None)], ids=["ours", "another's"]
)
def test_old_metadata_gives_way_to_what_is_written_meanwhile(
    parts: Parts, theirs: str, title: str | None
) -> None:
    """Somebody else wrote the page's object twice while it was adopted: that one counts, no run ends."""
    parts.put(OLD_KEY, {"url": URL, "title": "Old words", "timestamp": 7})
    versions = iter(range(9))

    def interfere(call: Call, _: int) -> str | None:
        if call == Call("put", KEY):
            said = {"url": theirs, "title": "Theirs", "timestamp": next(versions)}
            parts.put(KEY, {**said, "source": "external"})
        return None

    store = stored(parts, interfere)
    record = store.recall(URL, frozenset({url_hash(without_query(URL))}))
    assert parts.json(KEY)["title"] == "Theirs"
    if title is None:
        assert record is None
    else:
        assert record is not None
        assert (record.fetched_at, record.object_etag) == (1, etag(parts))


def test_stored_pictures_that_visitors_should_not_ask_for_are_found_and_go(parts: Parts) -> None:
    """Older code stored a page's private picture; its object heals without asking the page again."""
    said = Description(URL, "Title", image_url="http://10.0.0.1/i.png")
    old = stored(parts).write(PageMetadata.of(URL, said, timestamp=5, source="external"), None)
    assert parts.json(KEY)["imageUrl"] == "http://10.0.0.1/i.png"
    store = stored(parts)
    assert store.unfit({NAME: replace(old, image_url=None)}) == []
    assert store.unfit({NAME: old}) == [NAME]
    mended = store.mended(NAME, old)
    assert parts.json(KEY)["imageUrl"] is None
    assert parts.json(KEY)["timestamp"] == 5
    assert mended == replace(
        old, object_etag=etag(parts), image_url=None, digest=Description(URL, "Title").digest()
    )
    again = stored(parts)
    assert again.unfit({NAME: mended}) == []


def test_a_lost_state_does_not_hide_such_pictures(parts: Parts) -> None:
    """They are found when the metadata is read in the state's place; a password in one counts, too."""
    for picture in ("http://10.0.0.1/i.png", "https://user:pass@a.example/i.png"):
        body = {"url": URL, "title": "T", "imageUrl": picture, "timestamp": 5}
        parts.put(KEY, body)
        store = stored(parts)
        record = store.recall(URL, store.listed())
        assert record is not None
        assert store.unfit({NAME: record}) == [NAME]
        store.mended(NAME, record)
        assert parts.json(KEY)["imageUrl"] is None
