"""Asks for the statistics of many repositories, and keeps what is remembered of each in step."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from datafetch.clock import to_ms
from datafetch.github.batch import item_work
from datafetch.github.budget import TRIES
from datafetch.github.dataset import GitHubDataset
from datafetch.github.model import ANSWERED, RememberedRepository, Status, Week
from datafetch.github.question import Asker, Question, StatisticsResult
from datafetch.github.rest import Statistics
from datafetch.github.rules.csv import compact
from datafetch.github.rules.roster import Entry, count_of
from datafetch.job import JobContext
from datafetch.models.job_settings import GitHubSettings
from datafetch.ops.failures import short_reason
from datafetch.upstream_errors import BreakerOpen, RateLimited

SAVE_EVERY = 25
"""The state is saved after so many answers, so that after a crash not all are asked for again."""

_FIRST_ERROR_STATUS = 400


@dataclass
class StatisticsRound:
    """What became of all repositories.

    Attributes:
        results: the last result of each repository that was asked for, by CSV name.
        limited: the error, when GitHub's limit left some repositories without an answer.
        closed: the error, when GitHub failed so often that nothing more was asked.
    """

    results: dict[str, StatisticsResult] = field(default_factory=dict)
    limited: RateLimited | None = None
    closed: BreakerOpen | None = None

    def status(self, entry: Entry) -> Status | None:
        """What became of the repository in this run; None when this run got no result for it.

        It was not asked for, or the rate limit or an open breaker kept it from an answer.
        """
        result = self.results.get(entry.csv)
        if result is None:
            return None
        return result.verdict.status if result.verdict else Status.FAILED

    @property
    def written(self) -> list[Entry]:
        """The repositories that got a new CSV."""
        return [r.entry for r in self.results.values() if r.verdict and r.verdict.write is not None]


class Asking:
    """Asks for statistics during one run, and keeps `dataset` and `weeks` up to date.

    `weeks` has the weeks of each repository's stored CSV, by `Entry.csv`.

    Attributes:
        round: what became of the repositories so far.
    """

    def __init__(
        self,
        context: JobContext[GitHubSettings],
        statistics: Statistics,
        dataset: GitHubDataset,
        weeks: dict[str, tuple[Week, ...]],
    ) -> None:
        self._context = context
        self._asker = Asker(context, statistics)
        self._budget = statistics.budget
        self._work = item_work(context, statistics.budget)
        self._dataset = dataset
        self._weeks = weeks
        self.round = StatisticsRound()

    def ask(self, entries: Sequence[Entry]) -> StatisticsRound:
        """Ask for each repository.

        Those whose statistics GitHub still computes are asked for again, all together, after waits
        that double. When an error is raised, `dataset` and `weeks` have the answers before it.

        Raises:
            Denied: GitHub does not accept the token.
            StoreError, LeaseLost, BaseMoved: a CSV could not be written.
            Cancelled: the run was asked to stop.
        """
        settings = self._context.settings
        waiting = self._ask_once(entries)
        delay_s = settings.stats_delay_s
        for attempt in range(1, settings.stats_max_attempts):
            if not waiting or self.round.closed or self._is_limited_past(delay_s):
                break
            self._tell_of_wait(waiting, delay_s, attempt)
            self._context.clock.sleep(delay_s)
            delay_s *= 2
            waiting = self._ask_once(waiting)
        return self.round

    def _tell_of_wait(self, waiting: Sequence[Entry], delay_s: float, attempt: int) -> None:
        tries = self._context.settings.stats_max_attempts
        pending = sum(self.round.status(entry) is Status.PENDING for entry in waiting)
        what = (
            f"GitHub to compute {count_of(pending)}"
            if pending
            else f"GitHub's rate limit, with {count_of(len(waiting))} left"
        )
        note = f"waiting {delay_s:g} s for {what} (try {attempt} of {tries})"
        self._context.log.info(
            "statistics_pending",
            extra={
                "note": note,
                "repositories": len(waiting),
                "wait_s": delay_s,
                "attempt": attempt,
                "attempts": tries,
            },
        )
        self._context.progress.waiting(note)

    def _is_limited_past(self, delay_s: float) -> bool:
        """Whether asking again is useless, because GitHub's rate limit will last for longer.

        After the next pause of `delay_s` a request waits at most `retry_max_s` for the limit to
        end. False when no end is known.
        """
        limited = self.round.limited
        if limited is None or limited.until is None:
            return False
        settings = self._context.settings
        left_s = limited.until - self._context.clock.now()
        return left_s > delay_s + settings.retry_max_s

    def _ask_once(self, entries: Sequence[Entry]) -> list[Entry]:
        """Ask for each once; returns those to ask for again, in the same order.

        GitHub's limit belongs to the token, so to all worker processes together. They do not wait
        for its end: this process waits, and then has the questions asked that they left unasked.
        """
        again: list[Entry] = []
        self.round.limited = None
        unasked = self._spread(entries, again)
        limits_met = 0
        while unasked:
            met = [r.error for r in unasked.values() if isinstance(r.error, RateLimited)]
            limits_met += bool(met)
            self.round.limited = self._wait(met if limits_met >= TRIES else [])
            if self.round.limited is not None:
                again += [result.entry for result in unasked.values()]
                break
            unasked = self._spread([result.entry for result in unasked.values()], again)
        order = {entry.csv: place for place, entry in enumerate(entries)}
        return sorted(again, key=lambda entry: order[entry.csv])

    def _wait(self, met: Sequence[RateLimited]) -> RateLimited | None:
        """Wait until GitHub may be asked; return the error if that takes too long or was tried too often."""
        if met:
            return met[-1]
        try:
            self._budget.wait()
        except RateLimited as limited:
            return limited
        return None

    def _spread(self, entries: Sequence[Entry], again: list[Entry]) -> dict[str, StatisticsResult]:
        """Ask for each repository, and record its result.

        Repositories to ask for again after a pause are added to `again`. Results that a worker
        process left unasked are returned, by CSV name.
        """
        unasked: dict[str, StatisticsResult] = {}
        questions = [
            Question(entry, self._weeks.get(entry.csv), self._validator(entry)) for entry in entries
        ]
        results = self._context.spread(self._work, self._asker.ask, questions)
        for count, result in enumerate(results, start=1):
            entry = result.entry
            if result.unasked:
                unasked[entry.csv] = result
                continue
            if isinstance(result.error, RateLimited):
                self.round.limited = result.error
                again.append(entry)
                continue
            if isinstance(result.error, BreakerOpen):
                self.round.closed = result.error
                continue
            self._record(result)
            if result.verdict and result.verdict.status is Status.PENDING:
                again.append(entry)
            else:
                self._context.progress.advance()
            if count % SAVE_EVERY == 0 or _only_state_tells(result):
                self._dataset.save()
        return unasked

    def _validator(self, entry: Entry) -> str | None:
        """The validator that makes GitHub answer 304 if the CSV is current; None to get all."""
        known, options = entry.remembered, self._context.options
        if options.force or options.only or known is None:
            return None
        is_current = known.etag == entry.etag and entry.stored == entry.csv
        return known.validator if is_current and known.status is Status.COMPLETE else None

    def _record(self, result: StatisticsResult) -> None:
        """Note a result in round, dataset and `weeks`; runs in the thread that collects results."""
        entry, verdict = result.entry, result.verdict
        self.round.results[entry.csv] = result
        old = remember(entry, self._weeks.get(entry.csv))
        status = verdict.status if verdict else Status.FAILED
        new = replace(old, status=status, pushed_at=entry.repository.pushed_at)
        if verdict and status in ANSWERED:
            new = replace(
                new,
                validator=verdict.validator,
                asked_at=to_ms(self._context.clock.now()),
            )
        if verdict and verdict.write is not None:
            new = replace(new, csv=entry.csv, etag=result.etag, weeks=compact(verdict.write))
            self._weeks[entry.csv] = verdict.write
            self._dataset.repositories.pop(old.csv, None)
        elif result.etag is not None:
            new = replace(new, etag=result.etag)
        self._dataset.repositories[new.csv] = new
        self._log(result)

    def _log(self, result: StatisticsResult) -> None:
        repository = result.entry.repository
        self._context.log.debug(
            "github_repository",
            extra={"repository": repository.full_name, "error_text": str(result.error or "")},
        )
        if result.error is not None:
            self._context.log.warning(
                "github_repository_failed",
                extra={"repository": repository.label, "error": reason_of(result)},
            )


def reason_of(result: StatisticsResult) -> str:
    """Why it failed, in a few words, which never hold the name of a private repository."""
    error = result.error
    if error is None:
        return ""
    has_status = error.status is not None and error.status >= _FIRST_ERROR_STATUS
    if result.entry.repository.private and not has_status:
        return "no usable answer"
    return short_reason(error)


def _only_state_tells(result: StatisticsResult) -> bool:
    """Whether the answer gave the repository a new status that only the state shows.

    An answer with new lines leaves a CSV, from which the next run can tell; `NONE` and
    `UNAVAILABLE` leave nothing else.
    """
    known, verdict = result.entry.remembered, result.verdict
    if verdict is None or verdict.status not in (Status.NONE, Status.UNAVAILABLE):
        return False
    return known is None or known.status is not verdict.status


def remember(entry: Entry, weeks: tuple[Week, ...] | None) -> RememberedRepository:
    """The record of a repository before it is asked for.

    It is `entry.remembered`, brought up to date: the name that GitHub has now, ETag and weeks of
    the CSV that is stored now, and the status `GONE` when GitHub has no such repository any more.
    When somebody else wrote the CSV, nobody knows whether it is complete: the status is `NEW`.
    """
    fresh = RememberedRepository.of(entry.repository, entry.stored or entry.csv)
    known = entry.remembered or fresh
    status = known.status if known.etag == entry.etag else Status.NEW
    return replace(
        fresh,
        status=Status.GONE if entry.gone else status,
        pushed_at=known.pushed_at,
        etag=entry.etag,
        validator=known.validator,
        asked_at=known.asked_at,
        weeks=None if weeks is None else compact(weeks),
    )
