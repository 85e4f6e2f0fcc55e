"""What `datafetch status` shows to people: the answer first, then each job, then what is shared."""

from collections.abc import Iterator

from datafetch.cli.paper import Paper
from datafetch.models.run import JobName
from datafetch.ops import spoken
from datafetch.ops.freshness import Condition, Holder
from datafetch.ops.overview import BreakerView, JobView, Overview
from datafetch.ops.overview_report import advice, headline
from datafetch.ops.past_runs import PastRun

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

Row = tuple[str, str]
"""A label, and what is to be said."""


def status_lines(overview: Overview, paper: Paper) -> list[str]:
    """The whole text, a line each."""
    code = "31" if overview.is_wrong else "32"
    lines = [paper.paint(line, f"{_BOLD};{code}") for line in paper.wrapped(headline(overview))]
    wanted = [view for view in overview.jobs if view.facts.is_configured]
    for view in wanted:
        lines += ["", _title(view, paper)]
        for label, text in _job_rows(view, overview.now):
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
    condition = view.freshness.condition
    word = "no schedule" if condition is Condition.UNSCHEDULED else condition.value
    if view.freshness.is_failing and view.freshness.is_stale:
        word = "failing, stale"
    return (
        f"{paper.paint(view.job.value, _BOLD)}  {paper.paint(word, _COLOURS.get(condition, _DIM))}"
    )


def _job_rows(view: JobView, now: float) -> Iterator[Row]:
    facts, fresh = view.facts, view.freshness
    if fresh.died and facts.state is not None:
        state = facts.state
        who = f"process {state.pid} on {state.host or 'an unknown host'}"
        began = f"began {spoken.when(state.started_at, now)}"
        yield (
            "died",
            f"run {state.id} ended without notice: {who}, {began}; the next run takes over",
        )
    if fresh.is_running and facts.state is not None:
        yield "running", f"since {spoken.when(facts.state.started_at, now)}, run {facts.state.id}"
    yield "last run", _last_run(view.last, now)
    if view.last is not None and view.last.error:
        yield "error", view.last.error
    if fresh.last_success_at is not None and not (view.last and view.last.is_success):
        yield "last good", spoken.when(fresh.last_success_at, now)
    if view.data_from is not None and view.job in (JobName.BOOKMARKS, JobName.GITHUB):
        yield "data of", spoken.when(view.data_from, now)
    yield "next run", _next_run(view, now)
    if facts.holder is not None:
        yield "lock", _lock(facts.holder, now)
    if view.waiting.total:
        yield "waiting", _waiting(view, now)
    if view.job is JobName.OPENGRAPH and view.waiting.gone:
        links = "1 link is" if view.waiting.gone == 1 else f"{view.waiting.gone} links are"
        yield "gone", f"{links} not there any more (404, 410)"


def _last_run(last: PastRun | None, now: float) -> str:
    if last is None:
        return "never"
    counts = [f"{last.processed:,} items"]
    counts += [f"{last.changed:,} changed"] if last.changed else []
    counts += [f"{last.failed:,} failed"] if last.failed else []
    took = [f"took {spoken.took(last.duration_s)}"] if last.duration_s else []
    return ", ".join([last.status.value, spoken.when(last.ended_at, now), *took, *counts])


def _next_run(view: JobView, now: float) -> str:
    facts, at = view.facts, view.freshness.next_at
    if facts.schedule is None:
        return "none: its schedule is off"
    rule = f"schedule {facts.schedule.expression}"
    pause = facts.pause
    if pause is None:
        return f"{spoken.when(at, now)}, {rule}" if at is not None else f"none, {rule}"
    end = "until it is resumed" if pause.until is None else f"until {spoken.when(pause.until, now)}"
    why = f": {pause.reason}" if pause.reason else ""
    after = f"; then {spoken.moment(at, now)}, {rule}" if at is not None else ""
    return f"on pause {end}{why}{after}"


def _lock(holder: Holder, now: float) -> str:
    who = f"process {holder.pid} on {holder.host or 'an unknown host'}, run {holder.run_id}"
    since = f"since {spoken.when(holder.since, now)}"
    if holder.is_dead:
        return f"left behind by {who}, which is dead ({since}); the next run takes it over"
    if holder.is_over:
        return f"left behind by {who} ({since}), its time was over {spoken.distance(holder.free_at, now)}"
    return f"held by {who}, {since}; free at {spoken.moment(holder.free_at, now)} unless renewed"


def _waiting(view: JobView, now: float) -> str:
    found = view.waiting
    parts = [_letters(found.total)]
    kinds = []
    kinds += [f"{found.due:,} due"] if found.due else []
    if found.waiting and found.next_attempt_at is not None:
        kinds.append(f"{found.waiting:,} later, next {spoken.when(found.next_attempt_at, now)}")
    kinds += [f"{found.permanent:,} for good"] if found.permanent else []
    parts.append(", ".join(kinds))
    if found.newest_at is not None:
        item = found.newest_item
        error = found.newest_error
        about = error if error.startswith(item) else f"{item}: {error}"
        parts.append(f"newest {about}")
    return "; ".join(parts)


def _letters(count: int) -> str:
    return f"{count:,} dead letter{'' if count == 1 else 's'}"


def _shared_rows(overview: Overview) -> Iterator[Row]:
    for place, breaker in enumerate(overview.breakers[:_MOST_BREAKERS]):
        yield "" if place else "left alone", _breaker(breaker, overview.now)
    more = len(overview.breakers) - _MOST_BREAKERS
    if more > 0:
        yield "", f"and {more} more hosts"
    if overview.newest_backup_at is not None:
        yield "backup", f"bookmarks as of {spoken.when(overview.newest_backup_at, overview.now)}"
    for place, name in enumerate(overview.open_publishes):
        running = any(view.job == name and view.freshness.is_running for view in overview.jobs)
        end = "its run goes on" if running else f"the next run of {name} finishes it"
        yield "" if place else "publish", f"of {name} is open: {end}"
    for place, note in enumerate(overview.notes):
        yield "" if place else "note", note


def _breaker(breaker: BreakerView, now: float) -> str:
    letters = f", {_letters(breaker.letters)}" if breaker.letters else ""
    probe = spoken.moment(breaker.next_probe_at, now)
    when = (
        "the next request tries it" if breaker.next_probe_at / 1000 <= now else f"tried at {probe}"
    )
    return (
        f"{breaker.host}: {breaker.failures} failures in a row, since "
        f"{spoken.when(breaker.opened_at, now)}{letters}; {when}"
    )
