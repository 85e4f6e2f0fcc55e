"""Tells a monitor that a run began and how it ended (`DATAFETCH_PING_URL`)."""

import uuid
from collections.abc import Callable

from datafetch.errors import DatafetchError, ExitCode
from datafetch.logs import EventLogger
from datafetch.models.ping_url import Event, Ping, PingTarget
from datafetch.models.run import RunResult
from datafetch.models.text import one_line
from datafetch.net.base import HttpClient
from datafetch.ops.log_tail import LogTail
from datafetch.ops.told import Telling, tell, why
from datafetch.redaction import redact
from datafetch.runtime.engine import beside

DEFAULT_BODY_LIMIT = 10_000
"""Bytes of the log that are sent when the monitor has not said how many it takes."""

_LONGEST_MESSAGE = 300


def ping_id(run_id: str) -> str:
    """The run's id as a UUID (version 5): Healthchecks refuses a `rid` of another form."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"datafetch:run:{run_id}"))


class Heartbeat:
    """The pings of one run."""

    def __init__(
        self,
        target: PingTarget,
        http: HttpClient,
        *,
        job: str,
        run_id: str,
        log: EventLogger,
        tail: LogTail,
    ) -> None:
        self._target = target
        self._http = http
        self._job = job
        self._rid = ping_id(run_id)
        self._log = log
        self._tail = tail
        self._body_limit = DEFAULT_BODY_LIMIT
        self._started: Callable[[], None] | None = None

    def start(self) -> None:
        """Tell of the start, beside the work, which does not wait for it."""
        ping = Ping("start", self._job, self._rid)
        if self._target.request(ping) is not None:
            self._started = beside(lambda: self._send(ping))

    def end(self, result: RunResult) -> None:
        """Tell how the run ended, or that it was locked out; the ping of the start ends first."""
        if self._started is not None:
            self._started()
        message = " ".join(part for part in (result.status.value, result.error) if part)
        self._send(
            Ping(
                event_of(result),
                self._job,
                self._rid,
                round(result.duration_s * 1000),
                one_line(redact(message), _LONGEST_MESSAGE),
            )
        )

    def _send(self, ping: Ping) -> None:
        request = self._target.request(ping)
        if request is None:
            return
        headers = {"authorization": request.authorization} if request.authorization else {}
        body = b"" if request.post else None
        if request.has_log:
            headers["content-type"] = "text/plain; charset=utf-8"
            body = self._tail.last(self._body_limit)
        telling = Telling(request.url, self._target.host, body, headers, hides_path=True)
        try:
            answer = tell(self._http, telling)
        except DatafetchError as error:
            about = {"host": self._target.host, "ping": ping.event, "error": why(error, telling)}
            self._log.warning("ping_failed", extra=about)
            return
        limit = answer.headers.get("ping-body-limit", "")
        if limit.isascii() and limit.isdigit():
            self._body_limit = int(limit[:9])


def event_of(result: RunResult) -> Event:
    """The event that a monitor is told of for this result."""
    if result.exit_code == ExitCode.LOCKED:
        return "log"
    return "success" if result.success else "fail"
