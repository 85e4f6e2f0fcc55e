"""The state by itself: its stored form, when it is written, and what becomes of a broken one."""

from dataclasses import replace

import pytest

from datafetch.errors import PreconditionFailed
from datafetch.opengraph.model import BookmarkRecord, Override, PageRecord, PictureRecord
from tests.opengraph.parts import KEYS, Parts

KEY = KEYS.dataset("opengraph")
PAGE = PageRecord(fetched_at=5, source="external", object_etag='"o"', digest="d")
BOOKMARK = BookmarkRecord(PictureRecord("images/x.png", "0a0b0c0d", 7), mark="m")
STORED = (
    b'{"version":1,"rules":2,'
    b'"pages":{"p":{"fetchedAt":5,"source":"external","object":"\\"o\\"","digest":"d"}},'
    b'"bookmarks":{"b":{"picture":{"key":"images/x.png","version":"0a0b0c0d","fetchedAt":7},'
    b'"mark":"m"}},'
    b'"overrides":{"h":{"etag":"\\"e\\"","value":{"title":"By hand"}}}}'
)


def test_the_stored_form(parts: Parts) -> None:
    """Names and order are those of earlier releases: a state that differed would be written anew."""
    state = parts.state()
    state.pages["p"] = PAGE
    state.bookmarks["b"] = BOOKMARK
    state.overrides["h"] = Override('"e"', {"title": "By hand"})
    state.save()
    assert parts.store.get(KEY).body == STORED


def test_a_state_is_read_back_as_it_was(parts: Parts) -> None:
    """Nothing is lost between two runs."""
    parts.put(KEY, STORED)
    state = parts.state()
    assert state.found
    assert (state.pages, state.bookmarks) == ({"p": PAGE}, {"b": BOOKMARK})
    assert state.overrides == {"h": Override('"e"', {"title": "By hand"})}


def test_an_equal_state_is_not_written(parts: Parts) -> None:
    """An unchanged run writes nothing, and each change is written once."""
    parts.put(KEY, STORED)
    state = parts.state()
    state.save()
    assert parts.calls.count("put") == 0
    state.pages["q"] = PAGE
    state.save()
    state.save()
    assert parts.calls.count("put") == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        STORED.replace(b'"version":1', b'"version":2'),
        STORED.replace(b'"fetchedAt":5', b'"fetchedAt":"soon"'),
        STORED.replace(b'"source":"external"', b'"source":"elsewhere"'),
        b'{"version":1,"rules":2}',
    ],
    ids=["cut", "list", "version", "time", "source", "empty"],
)
def test_a_broken_state_is_none_and_is_kept_aside(parts: Parts, body: bytes) -> None:
    """Half a state would make the job forget pictures: it is made anew, the copy is for people."""
    parts.put(KEY, body)
    state = parts.state()
    assert not state.found
    assert state.pages == {}
    state.save()
    assert parts.aside(KEY) == [body]
    assert parts.json(KEY)["pages"] == {}


def test_what_other_rules_have_read_is_read_anew(parts: Parts) -> None:
    """A page that was not due at the next run was later asked with its validators: 304 kept old words."""
    state = parts.state()
    state.pages["p"] = replace(
        PAGE, etag='"e"', last_modified="Sat", image_url="https://a.example/i"
    )
    state.bookmarks["b"] = replace(BOOKMARK, tried="0" * 16)
    state.save()
    parts.put(KEY, parts.store.get(KEY).body.replace(b'"rules":2', b'"rules":1'))
    state = parts.state()
    assert state.found
    assert state.pages["p"] == replace(PAGE, image_url="https://a.example/i")
    assert state.bookmarks["b"] == BOOKMARK
    state.save()
    assert parts.json(KEY)["rules"] == 2
    assert parts.state().pages == state.pages


def test_the_state_of_a_later_run_is_not_written_over(parts: Parts) -> None:
    """A run that was stopped for hours does not take back what another one has learned since."""
    state = parts.state()
    state.pages["p"] = PAGE
    parts.put(KEY, STORED)
    with pytest.raises(PreconditionFailed):
        state.save()
    assert parts.store.get(KEY).body == STORED


def test_what_is_stored_no_longer_is_forgotten(parts: Parts) -> None:
    """The state does not grow with bookmarks that were deleted."""
    parts.put(KEY, STORED)
    state = parts.state()
    state.forget_all_but(["p"], [])
    assert (list(state.pages), list(state.bookmarks)) == (["p"], [])


def override(name: str) -> str:
    """The key of an override."""
    return KEYS.opengraph_override(name)


def test_an_override_is_read_once(parts: Parts) -> None:
    """One listing tells which overrides are new, changed or gone; only those are read."""
    parts.put(override("h"), {"title": "By hand", "views": 5})
    state = parts.state()
    state.read_overrides()
    assert state.overrides["h"].value == {"title": "By hand"}
    state.read_overrides()
    assert parts.calls.keys("get").count(override("h")) == 1
    parts.put(override("h"), {"title": "Again"})
    state.read_overrides()
    assert state.overrides["h"].value == {"title": "Again"}
    parts.store.delete(override("h"))
    state.read_overrides()
    assert state.overrides == {}


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"[" * 100_000], ids=len)
def test_an_override_that_cannot_be_read_says_nothing(parts: Parts, body: bytes) -> None:
    """It is people's own: it is not touched, not copied, and not read again until they mend it."""
    parts.put(override("h"), body)
    state = parts.state()
    state.read_overrides()
    state.read_overrides()
    assert state.overrides["h"].value == {}
    assert parts.store.get(override("h")).body == body
    assert parts.aside(override("h")) == []
    assert parts.calls.keys("get").count(override("h")) == 1


def test_half_a_character_in_an_override_is_mended(parts: Parts) -> None:
    """Half a surrogate pair, which UTF-8 cannot write, would end every later run."""
    parts.put(override("h"), b'{"title":"cut \\ud83d"}')
    state = parts.state()
    state.read_overrides()
    assert state.overrides["h"].value == {"title": "cut \ufffd"}
    state.save()
    assert parts.state().overrides == state.overrides
