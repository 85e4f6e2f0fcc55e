"""What the status page shows, decided purely from an overview and the dead letters.

All texts come out redacted, and with their control characters escaped: the template only places them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from datafetch.models.run import JobName, RunStatus
from datafetch.ops import spoken
from datafetch.ops.freshness import Condition
from datafetch.ops.letter_choice import Group
from datafetch.ops.letter_words import counted
from datafetch.ops.overview import JobView, Overview
from datafetch.ops.overview_report import advice, headline
from datafetch.ops.overview_words import breaker_words, condition_words, job_rows, other_rows
from datafetch.ops.past_runs import PastRun
from datafetch.web.page.chart import MOST_BARS, Chart, chart_of
from datafetch.web.page.letter_list import LetterList, letter_list
from datafetch.web.page.texts import Moment, clean, moment

_MOST_BREAKERS = 10

_TONES = {
    Condition.FAILING: "bad",
    Condition.STALE: "warn",
    Condition.RUNNING: "busy",
    Condition.PAUSED: "paused",
    Condition.FRESH: "good",
}
_RUN_TONES = {
    RunStatus.SUCCEEDED: "good",
    RunStatus.UNCHANGED: "good",
    RunStatus.PARTIAL: "warn",
    RunStatus.FAILED: "bad",
}
_SHOWN_ELSEWHERE = ("running", "last run", "error", "last good", "data of", "next run")
"""Rows of the command's text that a card shows in a form of its own."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what is to be said; a moment, if there is one, stands after the text."""

    label: str
    text: str
    moment: Moment | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in the table below the chart."""

    status: str
    tone: str
    began: Moment
    took: str
    items: str
    error: str


@dataclass(frozen=True, slots=True)
class JobCard:
    """A job as it is shown.

    Attributes:
        tone: how its condition looks: `bad`, `warn`, `busy`, `paused`, `good` or `off`.
        condition: the same in words.
        is_running: whether a run is under way.
        success: when it brought its data up to date last; None for never.
        upcoming: its next run; None when there is none.
        why_none: why there is no next run; else empty.
        error: that of the last run.
        facts: what else is known.
        runs: the last 50, newest first.
        is_wrong: whether it is failing or stale.
    """

    name: str
    tone: str
    condition: str
    is_running: bool
    success: Moment | None
    upcoming: Moment | None
    why_none: str
    error: str
    facts: tuple[Fact, ...]
    chart: Chart | None
    runs: tuple[RunRow, ...]
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What is to be shown.

    Attributes:
        status: `ok`, `stale`, `failing` or `unknown`.
        tone: how that looks.
        headline: the answer to "is anything wrong, and since when".
        read_at: when the store was read; None when it never was.
        unknown: why the store cannot be read now; empty when it can.
        hint: what to do about that.
        cards: the jobs, those that are wrong first.
        hidden: how many jobs the filter leaves out.
        breakers: a sentence for each host that is left alone, and how many more there are.
        others: the newest backup, open publishes, notes.
        unconfigured: jobs that nobody wants here.
        commands: what to type next.
        nothing_ran: whether no run of any job is known.
    """

    status: str
    tone: str
    headline: str
    only_failing: bool
    read_at: Moment | None = None
    unknown: str = ""
    hint: str = ""
    cards: tuple[JobCard, ...] = ()
    hidden: int = 0
    breakers: tuple[str, ...] = ()
    more_breakers: int = 0
    letters: LetterList = field(default_factory=LetterList)
    others: tuple[Fact, ...] = ()
    unconfigured: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    nothing_ran: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the store cannot be read now, and what to do about it."""

    text: str
    hint: str = ""


def page_of(
    overview: Overview | None,
    groups: Mapping[JobName, Sequence[Group]],
    now: float,
    *,
    only_failing: bool = False,
    trouble: Trouble | None = None,
    problems: Sequence[str] = (),
) -> Page:
    """What is shown of this overview.

    Args:
        overview: the last that could be read; None when none could.
        groups: the dead letters of each job, grouped by host and error.
        now: epoch seconds.
        only_failing: whether jobs that are neither failing nor stale are left out.
        trouble: set when the store cannot be read now, so that the overview is an old one.
        problems: why dead letters cannot be read.
    """
    why, hint = (clean(trouble.text), clean(trouble.hint)) if trouble else ("", "")
    if overview is None:
        said = why or "The store was not read yet"
        return Page("unknown", "warn", said, only_failing, unknown=said, hint=hint)
    cards = [_card(view, now) for view in overview.jobs if view.facts.is_configured]
    shown = [card for card in cards if card.is_wrong or not only_failing]
    failing = any(view.freshness.is_failing for view in overview.jobs)
    status = "failing" if failing else "stale" if overview.is_wrong else "ok"
    return Page(
        status="unknown" if trouble else status,
        tone="warn" if trouble else {"failing": "bad", "stale": "warn", "ok": "good"}[status],
        headline=clean(headline(overview)),
        only_failing=only_failing,
        read_at=moment(round(overview.now * 1000), now),
        unknown=why,
        hint=hint,
        cards=tuple(sorted(shown, key=lambda card: _ORDER.get(card.tone, len(_ORDER)))),
        hidden=len(cards) - len(shown),
        breakers=tuple(
            clean(breaker_words(one, now)) for one in overview.breakers[:_MOST_BREAKERS]
        ),
        more_breakers=max(0, len(overview.breakers) - _MOST_BREAKERS),
        letters=letter_list(groups, now),
        others=(
            *(Fact(label, clean(text)) for label, text in _labelled(other_rows(overview))),
            *(
                Fact("note", clean(text))
                for text in problems
                if not any(note.startswith(text) for note in overview.notes)
            ),
        ),
        unconfigured=tuple(
            view.job.value for view in overview.jobs if not view.facts.is_configured
        ),
        commands=tuple(advice(overview)),
        nothing_ran=all(view.freshness.last_seen_at is None for view in overview.jobs),
    )


_ORDER = {"bad": 0, "warn": 1}
"""Tones that stand before all others."""


def _card(view: JobView, now: float) -> JobCard:
    fresh = view.freshness
    last = view.last
    error = last.error if last is not None and not last.is_success else ""
    return JobCard(
        name=view.job.value,
        tone=_TONES.get(fresh.condition, "off"),
        condition=condition_words(view),
        is_running=fresh.is_running,
        success=None if fresh.last_success_at is None else moment(fresh.last_success_at, now),
        upcoming=None if fresh.next_at is None else moment(fresh.next_at, now),
        why_none=_why_none(view),
        error=clean(error),
        facts=tuple(_facts(view, now)),
        chart=chart_of(view.facts.runs, now),
        runs=tuple(_run_row(run, now) for run in view.facts.runs[:MOST_BARS]),
        is_wrong=fresh.is_failing or fresh.is_stale,
    )


def _why_none(view: JobView) -> str:
    if view.facts.schedule is None:
        return "its schedule is off"
    return "on pause" if view.facts.pause is not None else ""


def _facts(view: JobView, now: float) -> Iterator[Fact]:
    facts, fresh, last = view.facts, view.freshness, view.last
    if fresh.is_running and facts.state is not None:
        run = clean(f"run {facts.state.id}, begun")
        yield Fact("running", run, moment(facts.state.started_at, now))
    if last is None:
        yield Fact("last run", "never")
    else:
        yield Fact("last run", _how(last), moment(last.ended_at, now))
    if view.data_from is not None and view.job in (JobName.BOOKMARKS, JobName.GITHUB):
        yield Fact("data of", "", moment(view.data_from, now))
    rows = list(_labelled(job_rows(view, now)))
    if facts.pause is not None:
        yield from (Fact("pause", clean(text)) for label, text in rows if label == "next run")
    elif facts.schedule is not None:
        yield Fact("schedule", f"{facts.schedule.expression} in Pacific time")
    for label, text in rows:
        if label not in _SHOWN_ELSEWHERE and not (label == "lock" and fresh.is_running):
            yield Fact(label, clean(text))
    for note in last.notes[:3] if last is not None else ():
        yield Fact("note", clean(note))


def _labelled(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The command's rows, each with its label. The command leaves out a label that repeats the one above."""
    above = ""
    for label, text in rows:
        above = label or above
        yield above, text


def _how(run: PastRun) -> str:
    took = [f"took {spoken.took(run.duration_s)}"] if run.duration_s else []
    return ", ".join([run.status.value, *took, counted(run.processed, "item"), *_counts(run)])


def _counts(run: PastRun) -> list[str]:
    """What became of a run's items, as far as anything did."""
    counts = [f"{run.changed:,} changed"] if run.changed else []
    counts += [f"{run.failed:,} failed"] if run.failed else []
    return counts + ([counted(run.errors, "error")] if run.errors not in (0, run.failed) else [])


def _run_row(run: PastRun, now: float) -> RunRow:
    return RunRow(
        status=run.status.value,
        tone=_RUN_TONES.get(run.status, "off"),
        began=moment(run.began_at, now),
        took=spoken.took(run.duration_s) if run.duration_s else "?",
        items=", ".join([f"{run.processed:,}", *_counts(run)]),
        error=clean(run.error),
    )
