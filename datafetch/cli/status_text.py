"""What `datafetch status` shows to people: the answer first, then each job, then what is shared."""

from collections.abc import Iterator

from datafetch.cli.paper import Paper
from datafetch.ops.freshness import Condition
from datafetch.ops.overview import JobView, Overview
from datafetch.ops.overview_report import advice, headline
from datafetch.ops.overview_words import (
    Row,
    breaker_words,
    condition_words,
    job_rows,
    other_rows,
)

_BOLD, _DIM = "1", "2"
_COLOURS = {
    Condition.FAILING: "31",
    Condition.STALE: "33",
    Condition.RUNNING: "36",
    Condition.PAUSED: "33",
    Condition.FRESH: "32",
}
_INDENT = "  "
_LABEL = 9
_MOST_BREAKERS = 10


def status_lines(overview: Overview, paper: Paper) -> list[str]:
    """The whole text, a line each."""
    code = "31" if overview.is_wrong else "32"
    lines = [paper.paint(line, f"{_BOLD};{code}") for line in paper.wrapped(headline(overview))]
    wanted = [view for view in overview.jobs if view.facts.is_configured]
    for view in wanted:
        lines += ["", _title(view, paper)]
        for label, text in job_rows(view, overview.now):
            lines += paper.wrapped(text, f"{_INDENT}{label:<{_LABEL}} ")
    shared = list(_shared_rows(overview))
    if shared:
        lines.append("")
    for label, text in shared:
        lines += paper.wrapped(text, f"{label:<{_LABEL + len(_INDENT)}} ")
    unwanted = [view.job.value for view in overview.jobs if not view.facts.is_configured]
    if unwanted:
        said = f"not configured here, so neither due nor stale: {', '.join(unwanted)}"
        lines += ["", *(paper.paint(line, _DIM) for line in paper.wrapped(said))]
    commands = advice(overview)
    if commands:
        lines += ["", *(f"{'type' if at == 0 else '':<4} {it}" for at, it in enumerate(commands))]
    return lines


def _title(view: JobView, paper: Paper) -> str:
    code = _COLOURS.get(view.freshness.condition, _DIM)
    return f"{paper.paint(view.job.value, _BOLD)}  {paper.paint(condition_words(view), code)}"


def _shared_rows(overview: Overview) -> Iterator[Row]:
    for place, breaker in enumerate(overview.breakers[:_MOST_BREAKERS]):
        yield "" if place else "left alone", breaker_words(breaker, overview.now)
    more = len(overview.breakers) - _MOST_BREAKERS
    if more > 0:
        yield "", f"and {more} more hosts"
    yield from other_rows(overview)
