"""The facts about jobs and breakers in words, a label and a sentence each: for the command and the page."""

from collections.abc import Iterator

from datafetch.models.run import JobName
from datafetch.ops import spoken
from datafetch.ops.freshness import Condition, Holder
from datafetch.ops.overview import BreakerView, JobView, Overview
from datafetch.ops.past_runs import PastRun
from datafetch.ops.share_words import share_rows

Row = tuple[str, str]
"""A label, and what is to be said."""


def condition_words(view: JobView) -> str:
    """The condition of the job, in one or two words."""
    condition = view.freshness.condition
    if view.freshness.is_failing and view.freshness.is_stale:
        return "failing, stale"
    return "no schedule" if condition is Condition.UNSCHEDULED else condition.value


def job_rows(view: JobView, now: float) -> Iterator[Row]:
    """All that is known of a job; `now` is in epoch seconds."""
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
    yield from share_rows(facts.shares, facts.whole_success_at, now)
    yield "last run", last_run(view.last, now)
    if view.last is not None and view.last.error:
        yield "error", view.last.error
    if fresh.last_success_at is not None and not (view.last and view.last.is_success):
        yield "last good", spoken.when(fresh.last_success_at, now)
    if view.data_from is not None and view.job in (JobName.BOOKMARKS, JobName.GITHUB):
        yield "data of", spoken.when(view.data_from, now)
    yield "next run", next_run(view, now)
    if facts.holder is not None:
        yield "lock", lock_words(facts.holder, now)
    if view.waiting.total:
        yield "waiting", waiting_words(view, now)
    if view.job is JobName.OPENGRAPH and view.waiting.gone:
        links = "1 link is" if view.waiting.gone == 1 else f"{view.waiting.gone} links are"
        yield "gone", f"{links} not there any more (404, 410)"


def last_run(last: PastRun | None, now: float) -> str:
    """How the last run ended, when, and with how many items."""
    if last is None:
        return "never"
    counts = [f"{last.processed:,} items"]
    counts += [f"{last.changed:,} changed"] if last.changed else []
    counts += [f"{last.failed:,} failed"] if last.failed else []
    took = [f"took {spoken.took(last.duration_s)}"] if last.duration_s else []
    share = [f"share {last.shard}"] if last.shard else []
    return ", ".join([*share, last.status.value, spoken.when(last.ended_at, now), *took, *counts])


def next_run(view: JobView, now: float) -> str:
    """When the job runs next and by which schedule, or how long it is on pause and why."""
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


def lock_words(holder: Holder, now: float) -> str:
    """Who has the lock, and since when."""
    who = f"process {holder.pid} on {holder.host or 'an unknown host'}, run {holder.run_id}"
    since = f"since {spoken.when(holder.since, now)}"
    if holder.is_dead:
        return f"left behind by {who}, which is dead ({since}); the next run takes it over"
    if holder.is_over:
        return f"left behind by {who} ({since}), its time was over {spoken.distance(holder.free_at, now)}"
    return f"held by {who}, {since}; free at {spoken.moment(holder.free_at, now)} unless renewed"


def waiting_words(view: JobView, now: float) -> str:
    """How many dead letters the job has, which of them are due, and the newest."""
    found = view.waiting
    parts = [letter_count(found.total)]
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


def letter_count(count: int) -> str:
    """A number of dead letters in words: `1 dead letter`, `1,234 dead letters`."""
    return f"{count:,} dead letter{'' if count == 1 else 's'}"


def other_rows(overview: Overview) -> Iterator[Row]:
    """What is known beside jobs and breakers: the newest backup, open publishes, notes."""
    if overview.newest_backup_at is not None:
        yield "backup", f"bookmarks as of {spoken.when(overview.newest_backup_at, overview.now)}"
    for place, name in enumerate(overview.open_publishes):
        running = any(view.job == name and view.freshness.is_running for view in overview.jobs)
        end = "its run goes on" if running else f"the next run of {name} finishes it"
        yield "" if place else "publish", f"of {name} is open: {end}"
    for place, note in enumerate(overview.notes):
        yield "" if place else "note", note


def breaker_words(breaker: BreakerView, now: float) -> str:
    """Which host is left alone, since when, and when it is tried again."""
    letters = f", {letter_count(breaker.letters)}" if breaker.letters else ""
    probe = spoken.moment(breaker.next_probe_at, now)
    when = (
        "the next request tries it" if breaker.next_probe_at / 1000 <= now else f"tried at {probe}"
    )
    return (
        f"{breaker.host}: {breaker.failures} failures in a row, since "
        f"{spoken.when(breaker.opened_at, now)}{letters}; {when}"
    )
