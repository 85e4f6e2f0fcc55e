"""The memory tier: what it holds, for how long, and how much of it."""

from hypothesis import given
from hypothesis import strategies as st

from datafetch.web.logos.cache import LogoAnswer, LogoAt, LogoCache, LogoPicture, NoLogoKnown
from tests.support import FakeClock

ANSWERS: st.SearchStrategy[LogoAnswer] = st.one_of(
    st.builds(LogoAt, st.just("https://cdn.example.com/a.png")),
    st.builds(LogoPicture, st.binary(max_size=40), st.just("image/png"), st.just("1")),
    st.just(NoLogoKnown()),
)


def test_an_answer_holds_for_its_time() -> None:
    """It is given until the second at which it ends."""
    clock = FakeClock()
    cache = LogoCache(clock)
    cache.put("a", NoLogoKnown(), 60)
    clock.advance(59)
    assert cache.get("a") == NoLogoKnown()
    clock.advance(1)
    assert cache.get("a") is None
    assert cache.size == (0, 0)


def test_the_longest_unused_goes_first() -> None:
    """What is asked for often stays."""
    cache = LogoCache(FakeClock(), most=2)
    for name in ("a", "b"):
        cache.put(name, NoLogoKnown(), 60)
    assert cache.get("a")
    cache.put("c", NoLogoKnown(), 60)
    assert cache.get("b") is None
    assert cache.get("a")
    assert cache.get("c")


def test_a_picture_larger_than_all_memory_is_not_held() -> None:
    """It would push out everything, and then itself."""
    cache = LogoCache(FakeClock(), most_bytes=10)
    cache.put("a", NoLogoKnown(), 60)
    cache.put("b", LogoPicture(b"x" * 11, "image/png", "1"), 60)
    assert cache.get("a")
    assert cache.get("b") is None


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), ANSWERS, st.floats(0, 100)), max_size=60))
def test_it_never_holds_more_than_it_may(steps: list[tuple[str, LogoAnswer, float]]) -> None:
    """However it is filled, answers and bytes stay within the limits, and the newest is right."""
    clock = FakeClock()
    cache = LogoCache(clock, most=4, most_bytes=64)
    for name, answer, wait_s in steps:
        cache.put(name, answer, 50)
        count, size = cache.size
        assert count <= 4
        assert size <= 64
        assert cache.get(name) == answer
        clock.advance(wait_s)
    clock.advance(100)
    for name in "abcdefgh":
        assert cache.get(name) is None
    assert cache.size == (0, 0)
