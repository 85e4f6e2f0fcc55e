"""The GitHub job's work in worker processes: questions and results as JSON, and who answers them.

GitHub's limits belong to the token, so to all processes together. The run knows how many requests
are left. It sends each question with the right to ask GitHub, or without it, and learns from each
answer how many requests are left now. A worker never waits until a limit ends.
"""

from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from datafetch.github.budget import Allowance, Budget
from datafetch.github.link import link_of
from datafetch.github.model import Barrier, CompactWeeks, Repository, Status, Week
from datafetch.github.question import Asker, Question, StatisticsResult
from datafetch.github.rest import Statistics
from datafetch.github.rules.csv import compact, expand
from datafetch.github.rules.roster import Entry
from datafetch.github.rules.verdicts import AnswerVerdict
from datafetch.job import JobContext
from datafetch.models.error_values import error_value, read_error
from datafetch.models.job_settings import GitHubSettings
from datafetch.models.json import JsonObject
from datafetch.models.option_values import options_value
from datafetch.models.run import JobName
from datafetch.runtime.batches import ItemWork
from datafetch.runtime.limits import Places
from datafetch.upstream_errors import RateLimited, UpstreamError, WorkerKilled

WIDTH = 8
"""Requests at once: GitHub's secondary limits are about concurrency too
(docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api)."""

SIZE = 8
"""Questions in a batch: few, since other workers hear of a limit only after the batch that met it."""


@dataclass(frozen=True, slots=True)
class _SentQuestion:
    """A question as it is sent to a worker.

    Attributes:
        granted: whether the worker may ask GitHub.
        others: as in `Entry` and `Question`.
    """

    repository: Repository
    csv: str
    stored: str | None
    etag: str | None
    counted: bool
    weeks: CompactWeeks | None
    validator: str | None
    granted: bool


@dataclass(frozen=True, slots=True)
class _SentResult:
    """A result as a worker sends it.

    Attributes:
        status, weeks, validator: those of the verdict; the status is None without a verdict.
        error: as `models/error_values.py` writes it.
        allowance: what the worker knows of the limit; None when it did not ask GitHub.
        others: as in `StatisticsResult`.
    """

    status: Status | None = None
    weeks: CompactWeeks | None = None
    validator: str | None = None
    error: JsonObject | None = None
    etag: str | None = None
    barrier: Barrier | None = None
    unasked: bool = False
    allowance: Allowance | None = None


_QUESTION: TypeAdapter[_SentQuestion] = TypeAdapter(_SentQuestion)
_RESULT: TypeAdapter[_SentResult] = TypeAdapter(_SentResult)


def question_value(question: Question, *, granted: bool) -> object:
    """The JSON of a question; `granted` says whether the worker may ask GitHub."""
    entry = question.entry
    sent = _SentQuestion(
        entry.repository,
        entry.csv,
        entry.stored,
        entry.etag,
        entry.counted,
        _compact(question.weeks),
        question.validator,
        granted,
    )
    value: object = _QUESTION.dump_python(sent, mode="json", by_alias=True)
    return value


def read_question(value: object) -> tuple[Question, bool]:
    """The question that `question_value` wrote, and whether the worker may ask GitHub."""
    sent = _QUESTION.validate_python(value)
    entry = Entry(
        sent.repository, sent.csv, stored=sent.stored, etag=sent.etag, counted=sent.counted
    )
    return Question(entry, _expand(sent.weeks), sent.validator), sent.granted


def result_value(result: StatisticsResult, allowance: Allowance | None) -> object:
    """The JSON of a result, without its repository, and of what is known of GitHub's limit."""
    verdict, error = result.verdict, result.error
    sent = _SentResult(
        verdict.status if verdict else None,
        _compact(verdict.write) if verdict else None,
        verdict.validator if verdict else None,
        error_value(error) if error else None,
        result.etag,
        result.barrier,
        result.unasked,
        allowance,
    )
    value: object = _RESULT.dump_python(sent, mode="json", by_alias=True)
    return value


def read_result(entry: Entry, value: object) -> tuple[StatisticsResult, Allowance | None]:
    """The result that `result_value` wrote for this repository, and what is known of the limit."""
    sent = _RESULT.validate_python(value)
    verdict = None
    if sent.status is not None:
        verdict = AnswerVerdict(sent.status, _expand(sent.weeks), sent.validator)
    error = read_error(sent.error) if sent.error else None
    assert error is None or isinstance(error, UpstreamError)
    result = StatisticsResult(entry, verdict, error, sent.etag, sent.barrier, sent.unasked)
    return result, sent.allowance


def _compact(weeks: tuple[Week, ...] | None) -> CompactWeeks | None:
    return None if weeks is None else compact(weeks)


def _expand(weeks: CompactWeeks | None) -> tuple[Week, ...] | None:
    return None if weeks is None else expand(weeks)


class _Grants:
    """Gives questions the right to be asked, for as many as GitHub's limit allows."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._granted: set[str] = set()

    def encode(self, question: Question) -> object:
        csv = question.entry.csv
        if csv in self._granted:  # its worker was lost, and may have sent its request
            self._budget.spent()
        elif self._budget.grant():
            self._granted.add(csv)
        return question_value(question, granted=csv in self._granted)

    def decode(self, question: Question, value: object) -> StatisticsResult:
        result, allowance = read_result(question.entry, value)
        self._settle(question.entry.csv, allowance)
        return result

    def lost(self, question: Question) -> StatisticsResult:
        self._settle(question.entry.csv, None)
        return StatisticsResult(question.entry, error=WorkerKilled())

    def _settle(self, csv: str, allowance: Allowance | None) -> None:
        if csv in self._granted:
            self._granted.remove(csv)
            self._budget.returned(allowance)


def item_work(
    context: JobContext[GitHubSettings], budget: Budget
) -> ItemWork[Question, StatisticsResult]:
    """How questions become batches; `budget` is the run's, for all its workers together."""
    grants = _Grants(budget)
    return ItemWork(
        job=JobName.GITHUB.value,
        common={"options": options_value(context.options)},
        encode=grants.encode,
        decode=grants.decode,
        lost=grants.lost,
        group=lambda _question: "",
        size=SIZE,
        width=WIDTH,
    )


class _Worker:
    """Answers the questions of one run in a worker process."""

    def __init__(self, context: JobContext[GitHubSettings]) -> None:
        link = link_of(context, "REST", patience_s=0.0)
        self._budget = link.budget
        self._asker = Asker(context, Statistics(link, context.settings.owner))

    def __call__(self, item: object) -> object:
        question, granted = read_question(item)
        if not granted:
            return result_value(StatisticsResult(question.entry, unasked=True), None)
        result = self._asker.ask(question)
        if isinstance(result.error, RateLimited):
            result = replace(result, unasked=True)
        return result_value(result, self._budget.allowance())

    def hold_s(self) -> float:
        """See `BatchWorker`."""
        return self._budget.closed_s()


def batch_worker(
    context: JobContext[GitHubSettings],
    common: JsonObject,  # noqa: ARG001 - the options are in the context
    places: Places,  # noqa: ARG001 - questions come one by one with the right to ask
) -> _Worker:
    """The `BatchWorker` that answers the questions of one run."""
    return _Worker(context)
