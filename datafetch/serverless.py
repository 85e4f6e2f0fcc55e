"""Runs one job each time a cloud calls a function: AWS Lambda, Google Cloud Functions and their like.

`handler` is the function to name there. The event says which job, and settings come from the
environment alone. A job that failed is an exception, so that the platform sees it, tells it and
calls again; `datafetch guide cloud` says how to set it up.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Literal, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from datafetch.cli.console import configure_logging, warn_of_unknown
from datafetch.clock import CancelToken, SystemClock
from datafetch.environment import load_settings
from datafetch.errors import (
    Cancelled,
    ConfigurationError,
    DatafetchError,
    ExitCode,
    Unexpected,
    UsageError,
)
from datafetch.factory import make_parts
from datafetch.job_groups import check_jobs
from datafetch.logs import bound_logger
from datafetch.manager import DataFetchManager
from datafetch.models.json import JsonObject
from datafetch.models.run import SHARED_JOBS, JobName, RunOptions, RunRequest, RunResult
from datafetch.models.setting_problems import Missing
from datafetch.models.shard import Shard, read_shard
from datafetch.models.text import one_line
from datafetch.redaction import redact
from datafetch.run_options import options_of_job, options_of_run
from datafetch.runtime.memory import spare_memory
from datafetch.runtime.supervise import STOP_S
from datafetch.settings import Settings

_MARGIN_S = STOP_S + 3.0
"""Seconds before the platform's end at which a run is stopped: it takes up to `STOP_S` of them."""

_A_WEEK_S = 604_800

_LONGEST_TEXT = 300

_log = bound_logger()


class RunFailed(DatafetchError):
    """A job was not done; raised out of `handler`, for the platform to tell it and to call again.

    The message is one line: what happened and what to do.

    Attributes:
        result: the result as `--json` prints it; None when nothing was run.
        exit_code: that of the command, had it been run there.
    """

    def __init__(self, message: str, code: int, result: JsonObject | None = None) -> None:
        self.exit_code = ExitCode(code)
        self.result = result
        super().__init__(message)


def _share(value: object) -> Shard | None:
    """The share that an event names, such as `2/4`; None when it names none.

    Raises:
        ValueError: the value is no share.
    """
    return None if value is None else read_shard(value if isinstance(value, str) else "")


class Event(BaseModel):
    """What a function is called with: a job, and the options that all jobs share.

    The names are those of the command's options, in camel case. Anything else is refused.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=False
    )

    job: Literal["bookmarks", "opengraph", "github", "logos"]
    scheduled: bool = False
    force: bool = False
    dry_run: bool = False
    limit: Annotated[int, Field(ge=1)] | None = None
    allow_shrink: bool = False
    wait: Annotated[float, Field(ge=0, le=_A_WEEK_S)] = 0.0
    timeout: Annotated[float, Field(gt=0, le=_A_WEEK_S)] | None = None
    verbose: bool = False
    shard: Annotated[Shard | None, BeforeValidator(_share)] = None

    @property
    def options(self) -> RunOptions:
        """What is asked of the run."""
        return RunOptions(
            force=self.force,
            dry_run=self.dry_run,
            limit=self.limit,
            allow_shrink=self.allow_shrink,
            wait_s=self.wait,
            scheduled=self.scheduled,
            shard=self.shard,
        )


@runtime_checkable
class LambdaContext(Protocol):
    """The part of AWS Lambda's context object that tells the time.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the platform ends the function."""
        ...


class Alarm(Protocol):
    """Calls a function once, on another thread, some seconds after it was started."""

    def start(self) -> None:
        """Let the time begin."""
        ...

    def cancel(self) -> None:
        """Call nothing any more."""
        ...


AlarmMaker = Callable[[float, Callable[[], None]], Alarm]
"""Makes the alarm that calls this function after so many seconds."""


def thread_alarm(seconds: float, ring: Callable[[], None]) -> Alarm:
    """An alarm by the real clock."""
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), ring)
    timer.daemon = True
    return timer


class Deadline(NamedTuple):
    """When a run is stopped.

    Attributes:
        seconds: from the call of the function on.
        reason: what its result says then.
    """

    seconds: float
    reason: Cancelled


def handler(
    event: object, context: object = None, *, alarm: AlarmMaker = thread_alarm
) -> JsonObject:
    """Run the job that the event names, and return its result as `--json` prints it.

    The run is stopped, with the status `cancelled`, so long before the platform's own end that it
    can store how far it came and give its lock back. A run that found the job locked by another run
    is no failure: that one does the work.

    Args:
        event: a JSON object such as `{"job": "bookmarks", "scheduled": true}`; see `Event`.
        context: AWS Lambda's; without one, the limit that Google's platform sets counts.
        alarm: tells when the time is over; platforms do not give it.

    Raises:
        RunFailed: the job failed or was stopped; or nothing was run, since the event or the
            settings are wrong.
    """
    began = time.monotonic()
    _configure_log(verbose=False, request=_request_id(context))
    try:
        asked = _read(event)
        if asked.verbose:
            _configure_log(verbose=True, request=_request_id(context))
        result = _run(asked, context, began, alarm)
    except DatafetchError as error:
        raise _refused(error) from None
    except Exception as error:  # noqa: BLE001 - told to the platform in one line, whatever it is
        _log.exception("unexpected_error")
        raise _refused(Unexpected.of(error)) from None
    if result.success or result.exit_code == ExitCode.LOCKED:
        return result.to_json()
    raise RunFailed(_in_one_line(result), result.exit_code, result.to_json())


# ------------------------------------------------------------------- the event


def _read(event: object) -> Event:
    try:
        asked = Event.model_validate(event)
    except ValidationError as error:
        raise UsageError(
            f"the event is refused: {_problems(error)}",
            hint='Have the schedule send an object such as {"job": "bookmarks"}. It may have: '
            f"{', '.join(field.alias or '' for field in Event.model_fields.values())}.",
        ) from None
    if asked.shard is not None and asked.job not in SHARED_JOBS:
        raise UsageError(
            f"the event is refused: {asked.job} has no shares",
            hint=f"Leave shard out; it is for {', '.join(sorted(SHARED_JOBS))}.",
        )
    return asked


def _problems(error: ValidationError) -> str:
    """All that is wrong with an event, in one line; its values are left out, its names are not."""
    found: list[str] = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in problem["loc"])
        match problem["type"]:
            case "extra_forbidden":
                found.append(f"it has no field {name!r}")
            case "missing":
                found.append(f"{name} is missing")
            case "model_type" | "model_attributes_type":
                found.append("it is no JSON object")
            case _:
                said = problem["msg"].removeprefix("Value error, ")
                found.append(f"{name}: {said[0].lower()}{said[1:]}")
    return one_line("; ".join(found), _LONGEST_TEXT)


# --------------------------------------------------------------------- the run


def _run(asked: Event, context: object, began: float, alarm: AlarmMaker) -> RunResult:
    """Run the job with parts of its own: nothing of an earlier call is needed, or in its way."""
    job = JobName(asked.job)
    deadline = _deadline(asked, context)
    settings = _settings(job, scheduled=asked.scheduled)
    options = options_of_run(asked.options, settings, limit_is_called="limit")
    spare_memory()
    command = CancelToken()
    parts = make_parts(settings, SystemClock(command), command)
    try:
        with _stopped_at(deadline, began, command, alarm):
            return DataFetchManager(settings, parts).run(
                RunRequest(job, options_of_job(options, job))
            )
    finally:
        # The process may live on for many calls, and be frozen between them.
        parts.http.close()
        parts.store.close()


def _settings(job: JobName, *, scheduled: bool) -> Settings:
    def check(settings: Settings) -> None:
        problems: list[str] = []
        try:
            check_jobs(settings, [job], scheduled=scheduled)
        except ConfigurationError as error:
            problems += error.problems
        if settings.store_is_default and not scheduled:  # else it has been said
            names = ("DATAFETCH_STORE", "S3_BUCKET")
            what = "a function has no folder that stays: it must be said where objects live"
            problems.append(Missing(names, what, label=" or ".join(names)))
        if problems:
            raise ConfigurationError(problems)

    settings = load_settings(None, check)
    warn_of_unknown(settings.unknown)
    return settings


# -------------------------------------------------------------------- the time


def _deadline(asked: Event, context: object) -> Deadline | None:
    """The earlier of what the event says and what the platform leaves; None when neither says it.

    Raises:
        ConfigurationError: the platform leaves too little time to stop cleanly.
    """
    found: list[Deadline] = []
    if asked.timeout is not None:
        reason = Cancelled(f"stopped after {asked.timeout:g} s, as timeout says")
        found.append(Deadline(asked.timeout, reason))
    left = _left_s(context)
    if left is not None:
        if left <= _MARGIN_S:
            raise ConfigurationError(
                [
                    f"the function may run {max(0.0, left):g} s, and a clean stop takes {_MARGIN_S:g}"
                ],
                hint="Raise the time limit of the function, such as to 900 s.",
            )
        seconds = left - _MARGIN_S
        reason = Cancelled(
            f"stopped after {seconds:.0f} s, since the function's time limit was near",
            # What a machine says that is going down: a slot is given back, for the next call.
            signal=signal.SIGTERM,
            hint=f"{Cancelled.hint} If it needs longer, raise the time limit of the function.",
        )
        found.append(Deadline(seconds, reason))
    return min(found, key=lambda deadline: deadline.seconds, default=None)


def _left_s(context: object) -> float | None:
    """Seconds that the platform leaves to this call; None when it does not say.

    Cloud Run, which runs Google's functions, names its limit for a request in the environment
    (https://cloud.google.com/run/docs/configuring/request-timeout).
    """
    if isinstance(context, LambdaContext):
        return context.get_remaining_time_in_millis() / 1000
    try:
        limit_s = float(os.environ.get("CLOUD_RUN_TIMEOUT_SECONDS", ""))
    except ValueError:
        return None
    return limit_s if limit_s > 0 else None


@contextmanager
def _stopped_at(
    deadline: Deadline | None, began: float, command: CancelToken, alarm: AlarmMaker
) -> Iterator[None]:
    """Stop the work of the block when the deadline comes, counted from `began`, monotonic seconds."""
    if deadline is None:
        yield
        return
    left_s = max(0.0, began + deadline.seconds - time.monotonic())
    timer = alarm(left_s, lambda: command.cancel(deadline.reason))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


# ------------------------------------------------------------ what is said of it


def _refused(error: DatafetchError) -> RunFailed:
    """The exception for a job that did not come to a result; the log tells it, too."""
    hint = redact(error.hint)
    text = redact(str(error))
    _log.error("not_run", extra={"error": text, "hint": hint})
    return RunFailed(f"nothing was run: {text} {hint}".strip(), error.exit_code)


def _in_one_line(result: RunResult) -> str:
    parts = (f"{result.operation.value} {result.status.value}:", result.error, result.hint)
    return " ".join(part for part in parts if part)


def _request_id(context: object) -> str | None:
    found = getattr(context, "aws_request_id", None)
    return one_line(found, _LONGEST_TEXT) if isinstance(found, str) else None


def _configure_log(*, verbose: bool, request: str | None) -> None:
    """Write the log as JSON lines to stderr, each with the id of this call."""
    configure_logging("json", 1 if verbose else 0)

    def identify(record: logging.LogRecord) -> bool:
        record.requestId = request
        return True

    if request is not None:
        for handle in logging.getLogger().handlers:
            handle.addFilter(identify)
