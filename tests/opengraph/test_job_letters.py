"""Dead letters of pages and pictures: when they are tried, within what bounds, and when they go."""

import pytest

from datafetch.errors import UsageError
from datafetch.ops.dead_letters import DeadLetters
from datafetch.upstream_errors import BreakerOpen, Missing
from tests.fakes.faults import reply
from tests.opengraph.world import KEYS, World, world

HOUR = 3600


def _pages(it: World) -> list[str]:
    """The pages that were asked for since the last call."""
    return [path for path in it.asked() if not path.startswith("/img/")]


def _failed(it: World, item: str, error: Exception) -> None:
    """Store a dead letter, as an earlier run has."""
    letters = DeadLetters.load(it.store, KEYS, "opengraph", it.clock)
    assert isinstance(error, BreakerOpen | Missing)
    letters.failed(item, error)
    letters.save()


def test_what_is_due_comes_first_within_the_limit():
    """A limit that new pages use up left for ever what had failed before."""
    with world(["a", "b", "c"], width=1) as it:
        it.sites.inject(reply(500), lambda asked: asked.path == "/c", times=1)
        it.run()
        it.clock.advance(HOUR)
        it.add("d", "e")
        it.asked()
        it.run(limit=1)
        assert _pages(it) == ["/c"]
        assert it.letters() == {}
        it.run(limit=1)
        assert _pages(it) == ["/d"]


def test_what_is_not_due_is_not_asked():
    """An hour is an hour, and then four, however often the job runs."""
    with world(["a"]) as it:
        it.sites.inject(reply(500), lambda asked: asked.path == "/a")
        it.run()
        it.asked()
        for seconds, paths in ((HOUR - 2, []), (HOUR, ["/a"]), (4 * HOUR - 2, []), (HOUR, ["/a"])):
            it.clock.advance(seconds)
            it.run()
            assert _pages(it) == paths


def test_what_a_breaker_kept_is_tried_when_the_breaker_is_over():
    """A page that was not asked waits for its host, not for an hour or until it is a day old."""
    with world(["a"]) as it:
        it.run()
        it.asked()
        _failed(it, it.url("a"), BreakerOpen("not asked", until=it.clock.now() + 60))
        it.run()
        assert _pages(it) == []
        it.clock.advance(60)
        it.run()
        assert _pages(it) == ["/a"]
        assert it.letters() == {}


def test_a_picture_that_is_there_has_no_letter_any_more():
    """A forced search that failed left a letter for ever, beside a picture that nobody looks for."""
    with world(["a"], with_assets=False) as it:
        it.run()
        assert len(it.pictures()) == 1
        _failed(it, "picture of b0", BreakerOpen("not asked", until=it.clock.now() + 60))
        it.run()
        assert list(it.letters()) == ["picture of b0"]
        it.clock.advance(60)
        it.run()
        assert it.letters() == {}


def test_what_is_named_is_tried_though_it_is_permanent():
    """`retry` names pages and pictures by their letters, and waits for no time."""
    with world(["a", "b"], with_assets=False) as it:
        it.sites.inject(reply(404), lambda asked: asked.path == "/a")
        it.run()
        _failed(it, "picture of b1", Missing("gone"))
        it.sites.heal()
        it.asked()
        it.run(only=(it.url("a"), "picture of b1"))
        assert "/a" in it.asked()
        assert it.letters() == {}


def test_a_letter_of_what_is_bookmarked_no_longer_goes_when_it_is_named():
    """`retry` of a page that somebody has deleted failed, and its letter stayed."""
    with world(["a"]) as it:
        old, never = "https://old.example/x", "https://never.example/x"
        _failed(it, old, Missing("gone"))
        it.run(only=(old, it.url("a")))
        assert it.context is not None
        assert f"{old} is bookmarked no longer: its dead letter is dropped" in (
            it.context.remarks.notes()
        )
        assert it.letters() == {}
        with pytest.raises(UsageError, match="no stored bookmark has the URL"):
            it.run(only=(never,))
