"""The chart of past runs: where its bars stand, and that none tells its outcome by colour alone."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.run import RunStatus
from datafetch.web.page.chart import BASE, HEIGHT, MOST_BARS, WIDTH, chart_of, run_words
from tests.ops.overviews import NOW, run

RUNS = st.lists(
    st.builds(
        lambda duration_s, status: run(status=status, duration_s=duration_s),
        st.floats(0, 2.0**53),
        st.sampled_from(RunStatus),
    ),
    min_size=2,
    max_size=MOST_BARS + 10,
)


def durations(*seconds: float) -> list[float]:
    """The heights of bars for these durations, the oldest run first."""
    made = chart_of([run(duration_s=one) for one in reversed(seconds)], NOW)
    assert made is not None
    return [bar.boxes[0].height for bar in made.bars]


@given(RUNS)
def test_all_is_inside_the_chart_and_in_order(runs):
    """Whatever runs are stored, bars are inside, finite, side by side, and as high as they took long."""
    chart = chart_of(runs, NOW)
    assert chart is not None
    shown = list(reversed(runs[:MOST_BARS]))
    assert len(chart.bars) == len(shown)
    boxes = [box for bar in chart.bars for box in bar.boxes]
    for box in boxes:
        assert all(map(math.isfinite, (box.x, box.y, box.width, box.height)))
        assert box.height > 0
        assert 0 <= box.x < box.x + box.width <= WIDTH
        assert 0 <= box.y < box.y + box.height <= BASE + 1e-6
    lefts = [bar.boxes[0].x for bar in chart.bars]
    assert all(
        a + bar.boxes[0].width <= b for a, b, bar in zip(lefts, lefts[1:], chart.bars, strict=False)
    )
    tops = [(one.duration_s, bar.boxes[0].y) for one, bar in zip(shown, chart.bars, strict=True)]
    for (shorter, low), (longer, high) in zip(sorted(tops), sorted(tops)[1:], strict=False):
        assert shorter <= longer
        assert low >= high - 1e-6
    assert all(0 <= tick.y <= BASE for tick in chart.ticks)
    assert BASE <= HEIGHT


def test_one_long_run_does_not_flatten_the_others():
    """Beside a run of an hour, one of ten seconds is a third as high at least, and higher than one of one."""
    one, ten, hour = durations(1, 10, 3600)
    assert one < ten < hour
    assert ten > hour / 4


def test_runs_that_take_nearly_as_long_look_nearly_alike():
    """A scale from 11 to 12 seconds would make much of nothing."""
    low, high = durations(11, 12)
    assert low > 0.9 * high


def test_an_unknown_duration_is_a_stump_and_said():
    """A run that ended without notice has a bar lower than all others."""
    chart = chart_of([run(duration_s=0.0), run(duration_s=0.01)], NOW)
    assert chart is not None
    known, unknown = chart.bars
    assert unknown.boxes[0].height < known.boxes[0].height
    assert "duration unknown" in unknown.text


def test_outcomes_differ_in_form():
    """Each outcome has a form of its own: parts, mark and fill; the legend names those that occur."""
    runs = [run(status=status, duration_s=10) for status in RunStatus]
    chart = chart_of(runs, NOW)
    assert chart is not None
    hollow = {"unchanged", "cancelled", "locked"}
    forms = {
        bar.status: (len(bar.boxes), bar.mark.count("M"), bar.status in hollow)
        for bar in chart.bars
        if bar.status != "locked"  # it never ran, and looks as a run that was stopped
    }
    assert len(set(forms.values())) == len(forms)
    assert {entry.word for entry in chart.legend} == {status.value for status in RunStatus}
    only = chart_of(runs[:1] * 2, NOW)
    assert only is not None
    assert [entry.word for entry in only.legend] == ["succeeded"]


def test_each_bar_says_its_run():
    """How it ended, when, how long it took, and with how many items; the chart says the sums."""
    failed = replace(run(hours_ago=1, status=RunStatus.FAILED, failed=4), changed=0)
    chart = chart_of([failed, run(hours_ago=3)], NOW)
    assert chart is not None
    assert [bar.text for bar in chart.bars] == [
        "succeeded 09:05 PST, took 12 s, 884 items, 3 changed",
        "failed 11:05 PST, took 12 s, 884 items, 4 failed",
    ]
    assert chart.summary == "The last 2 runs: 1 succeeded, 1 failed; took 12 s"
    assert run_words(replace(run(), processed=1), NOW).endswith(", 1 item, 3 changed")


def test_nothing_is_drawn_of_fewer_than_two_runs():
    """There is nothing to compare."""
    assert chart_of([], NOW) is None
    assert chart_of([run()], NOW) is None
