"""Asks GitHub for the statistics of one repository, and stores its CSV."""

from dataclasses import dataclass, replace

from datafetch.github.barriers import HiddenError
from datafetch.github.csv_files import write_csv, write_csv_again
from datafetch.github.model import Barrier, Status, Week
from datafetch.github.rest import Statistics
from datafetch.github.rules.roster import Entry
from datafetch.github.rules.verdicts import AnswerVerdict, judge
from datafetch.job import AnyContext
from datafetch.upstream_errors import Denied, UpstreamError

_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one repository.

    Attributes:
        weeks: those of its stored CSV; None when none can be read.
        validator: makes GitHub answer 304 if the CSV is current; None to get all.
    """

    entry: Entry
    weeks: tuple[Week, ...] | None = None
    validator: str | None = None


@dataclass(frozen=True, slots=True)
class StatisticsResult:
    """What became of one repository.

    Attributes:
        verdict: what GitHub's answer means; None when there is an error.
        etag: the ETag of its CSV, if this run wrote it, new or again; else None.
        barrier: why GitHub does not show the repository; None when it does.
        unasked: whether a worker process did not ask, or met GitHub's limit; it does not wait for the
            end of that, so the run has to ask again.
    """

    entry: Entry
    verdict: AnswerVerdict | None = None
    error: UpstreamError | None = None
    etag: str | None = None
    barrier: Barrier | None = None
    unasked: bool = False


class Asker:
    """Asks for one repository after the other; safe to use from several threads."""

    def __init__(self, context: AnyContext, statistics: Statistics) -> None:
        self._context = context
        self._statistics = statistics

    def ask(self, question: Question) -> StatisticsResult:
        """Ask for one repository, judge the answer, and write its CSV.

        Raises:
            Denied: GitHub does not accept the token.
            StoreError, LeaseLost, BaseMoved: the CSV could not be written.
        """
        entry = question.entry
        try:
            answer = self._statistics.of(entry.repository, question.validator)
        except HiddenError as error:
            verdict = AnswerVerdict(Status.HIDDEN)
            return StatisticsResult(entry, verdict, barrier=error.barrier)
        except Denied as error:
            if error.status == _UNAUTHORIZED:
                raise
            return StatisticsResult(entry, error=error)
        except UpstreamError as error:
            return StatisticsResult(entry, error=error)
        verdict = judge(answer, entry, question.weeks)
        result = StatisticsResult(entry, verdict)
        if verdict.write is not None:
            return replace(result, etag=write_csv(self._context, entry, verdict.write))
        if verdict.status is Status.COMPLETE and entry.stored == entry.csv:
            return replace(result, etag=write_csv_again(self._context, entry))
        return result
