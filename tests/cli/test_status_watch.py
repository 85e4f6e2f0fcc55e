"""What a screen shows of a status that is longer than it is high."""

from hypothesis import given
from hypothesis import strategies as st

from datafetch.cli.status_watch import on_screen

FOOT = ["how to end it"]


def test_all_is_shown_where_there_is_room() -> None:
    """The foot stands below an empty line."""
    assert on_screen(["a", "b"], FOOT, 4) == ["a", "b", "", *FOOT]


def test_the_end_is_left_out_where_there_is_none_and_that_is_said() -> None:
    """Nobody takes what is on the screen for all."""
    lines = ["the answer", *"bcdef"]
    expected = ["the answer", "b", "and 4 lines more than the screen has", "", *FOOT]
    assert on_screen(lines, FOOT, 5) == expected


@given(count=st.integers(1, 60), height=st.integers(4, 50))
def test_no_screen_is_too_low(count: int, height: int) -> None:
    """From four rows on the answer and the foot can be seen, and nothing is below the screen."""
    lines = [str(number) for number in range(count)]
    shown = on_screen(lines, FOOT, height)
    assert len(shown) <= height
    assert (shown[0], shown[-1]) == ("0", FOOT[0])
    left_out = [line for line in shown if "lines more" in line]
    kept = [line for line in shown if line.isdecimal()]
    assert kept == lines[: len(kept)]
    assert left_out == (
        [] if len(kept) == count else [f"and {count - len(kept)} lines more than the screen has"]
    )
