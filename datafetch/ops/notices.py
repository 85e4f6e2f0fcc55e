"""Tells others of a run: monitors, the site, people and Prometheus. None can fail or delay it for long."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from datafetch.clock import CancelToken, Clock
from datafetch.errors import ExitCode
from datafetch.logs import EventLogger
from datafetch.models.ping_url import PingTarget, without_login
from datafetch.models.run import JobName, RunResult
from datafetch.models.shard import Shard, lease_name, with_share
from datafetch.models.text import one_line
from datafetch.net.base import HttpClient
from datafetch.ops.changes import ChangeSettings, change_notice, has_changed, revalidation, sent
from datafetch.ops.heartbeats import Heartbeat
from datafetch.ops.job_health import JobHealth, KilledRun, Turn, began_to_fail, turn, was_stopped
from datafetch.ops.leases.process import this_host
from datafetch.ops.log_tail import LogTail
from datafetch.ops.run_log import RunLog
from datafetch.ops.told import Telling
from datafetch.redaction import redact
from datafetch.runtime.engine import beside
from datafetch.runtime.within import within

if TYPE_CHECKING:
    from datafetch.ops.messages import Messenger
    from datafetch.ops.metrics import Measured

PHASE_S = 5.0
"""Seconds for what is sent before the run's result is known, and again for what is sent after."""

AFTER_STOP_S = 5.0
"""Seconds after a signal, or --timeout, in which all is sent; the process ends shortly after."""

_LEAST_S = 0.3
_LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """Who is told.

    Attributes:
        ping: the monitor; None for none.
        changes: who is told of changed data.
        messenger: sends messages to people; None for none.
        messages_after: failed runs in a row after which a job counts as failing.
        metrics_file: Prometheus' textfile; None for none.
        pushgateway: its base URL, which may hold a user and a password; empty for none.
    """

    ping: PingTarget | None = None
    changes: ChangeSettings = field(default_factory=ChangeSettings)
    messenger: "Messenger | None" = None
    messages_after: int = 1
    metrics_file: Path | None = None
    pushgateway: str = ""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """What is known when a run has ended.

    Attributes:
        health: None where its records were not written.
        open_hosts: hosts whose breakers are open.
    """

    result: RunResult
    health: JobHealth | None
    open_hosts: tuple[str, ...]


class Notices:
    """Makes the notices of each run of a command."""

    def __init__(
        self,
        settings: NoticeSettings,
        make_http: Callable[[], HttpClient],
        clock: Clock,
        command: CancelToken,
    ) -> None:
        """`make_http` makes a client that goes on after a stop; called when something is sent."""
        self._settings = settings
        self._make_http = make_http
        self._clock = clock
        self._command = command

    def of_run(
        self,
        job: JobName,
        run_id: str,
        log: EventLogger,
        events: RunLog,
        shard: Shard | None = None,
    ) -> "RunNotices":
        """The notices of one run, whose log is kept from now on if somebody is to be sent it.

        To monitors a share is its job, with its own run's id. In messages and in Prometheus' series
        a share has a name of its own, so that no share hides how another went.
        """
        return RunNotices(
            self._settings,
            self._make_http,
            self._clock,
            self._command,
            job,
            run_id,
            log,
            events,
            shard=shard,
        )


class RunNotices:
    """The notices of one run."""

    def __init__(
        self,
        settings: NoticeSettings,
        make_http: Callable[[], HttpClient],
        clock: Clock,
        command: CancelToken,
        job: JobName,
        run_id: str,
        log: EventLogger,
        events: RunLog,
        *,
        shard: Shard | None,
    ) -> None:
        self._name = with_share(job.value, shard)
        self._series = lease_name(job.value, shard)
        self._settings = settings
        self._make_http = make_http
        self._clock = clock
        self._job = job
        self._log = log
        self._events = events
        self._client: HttpClient | None = None
        self._making = threading.Lock()
        self._stopped_at: float | None = None
        self._forget = command.listen(self._note_stop)
        self._tail: LogTail | None = None
        self._heartbeat: Heartbeat | None = None
        self._told_of_killed: Callable[[], None] | None = None
        if settings.ping is not None:
            self._tail = LogTail(run_id)
            self._heartbeat = Heartbeat(
                settings.ping, self._http(), job=job.value, run_id=run_id, log=log, tail=self._tail
            )

    def started(self, killed: KilledRun | None) -> None:
        """The run has begun, and nothing keeps it out any more; `killed` is the run before it.

        People are told of the killed run now, beside the work: this run may be killed, too.
        """
        if self._heartbeat is not None:
            self._heartbeat.start()
        messenger = self._settings.messenger
        if messenger is None or killed is None:
            return
        if began_to_fail(killed, self._settings.messages_after):
            tell = partial(self._message_of_killed, messenger, killed)
            self._told_of_killed = beside(partial(self._safely, tell))

    def changed(self, result: RunResult) -> RunResult:
        """Tell of changed data, if there is any; returns the result with a note on who was not told."""
        if not has_changed(result):
            return result
        notes: list[str] = []
        calls: dict[str, Callable[[], object]] = {}
        site = revalidation(self._settings.changes, self._job)
        if site is not None:
            calls["the site"] = partial(self._tell, site, "site_not_told", notes)
        other = change_notice(self._settings.changes, result)
        if other is not None:
            calls["DATAFETCH_CHANGE_URL"] = partial(self._tell, other, "change_not_told", notes)
        self._send(calls)
        return replace(result, notes=(*result.notes, *notes)) if notes else result

    def ended(self, end: RunEnd) -> None:
        """Tell how the run ended. To be called when all log lines of the run are written."""
        calls: dict[str, Callable[[], object]] = {}
        if self._heartbeat is not None:
            calls["DATAFETCH_PING_URL"] = partial(self._heartbeat.end, end.result)
        if end.result.exit_code != ExitCode.LOCKED:
            calls |= self._of_health(end)
        self._send(calls)
        self.close()

    def close(self) -> None:
        """Keep the log no longer. For a run that nobody is told of, in place of `ended`."""
        self._forget()
        if self._tail is not None:
            self._tail.close()
        if self._client is not None:
            self._client.close()

    # ----------------------------------------------------------------- inside

    def _of_health(self, end: RunEnd) -> dict[str, Callable[[], object]]:
        settings = self._settings
        calls: dict[str, Callable[[], object]] = {}
        if settings.messenger is not None:
            message = partial(self._message, settings.messenger, end.result, end.health)
            calls["DATAFETCH_NOTIFY"] = message
        if was_stopped(end.result):  # a stopped run says nothing of the job: its series stay
            return calls
        if settings.metrics_file is not None:
            calls["DATAFETCH_METRICS_FILE"] = partial(
                self._write_metrics, settings.metrics_file, end
            )
        if settings.pushgateway:
            calls["DATAFETCH_PUSHGATEWAY"] = partial(self._push, settings.pushgateway, end)
        return calls

    def _http(self) -> HttpClient:
        with self._making:  # calls are made side by side, and one client is closed
            if self._client is None:
                self._client = self._make_http()
            return self._client

    def _note_stop(self) -> None:
        self._stopped_at = self._stopped_at or time.monotonic()

    def _send(self, calls: Mapping[str, Callable[[], object]]) -> None:
        """Make the calls side by side; when their time is over, what has not ended is left."""
        if not calls:
            return
        began = time.monotonic()

        def until() -> float:
            if self._stopped_at is None:
                return began + PHASE_S
            soon = self._stopped_at + AFTER_STOP_S
            return min(began + PHASE_S, max(soon, began + _LEAST_S))

        left = within({who: partial(self._safely, call) for who, call in calls.items()}, until)
        if left:
            self._log.warning("notices_left", extra={"left": ", ".join(left)})

    def _safely(self, call: Callable[[], object]) -> None:
        """Make a call; an unforeseen error is logged, and does not fail the run."""
        try:
            call()
        except Exception:  # noqa: BLE001 - logged; the run has ended, whatever this is
            self._log.exception("notice_failed")

    def _tell(self, telling: Telling, event: str, notes: list[str]) -> None:
        error = sent(self._http(), telling)
        if not error:
            return
        about = {"host": telling.host, "error": error}
        if event == "site_not_told":
            note = f"the site shows old data until it looks again: {telling.host} was not told ({error})"
            notes.append(redact(note))
            self._events.warn_of("site_not_told", note, **about)
        else:
            self._log.warning("change_not_told", extra=about)

    def _message(self, messenger: "Messenger", result: RunResult, health: JobHealth | None) -> None:
        """Tell people of a turn, after what they are told of the run before has been sent."""
        from datafetch.ops.messages import body_of

        if self._told_of_killed is not None:
            self._told_of_killed()
        found = None if health is None else turn(health, result, self._settings.messages_after)
        if health is not None and found is not None:
            self._to_people(
                messenger, found, body_of(found, self._name, result, health, this_host())
            )

    def _message_of_killed(self, messenger: "Messenger", killed: KilledRun) -> None:
        from datafetch.ops.messages import body_of_killed

        self._to_people(messenger, "failing", body_of_killed(self._name, killed))

    def _to_people(self, messenger: "Messenger", found: Turn, body: str) -> None:
        from datafetch.ops.messages import title_of

        if not messenger.send(found, title_of(found, self._name), redact(body)):
            self._log.warning("message_not_sent", extra={"turn": found})

    def _write_metrics(self, path: Path, end: RunEnd) -> None:
        from datafetch.ops.metrics import write_textfile

        try:
            trouble = write_textfile(path, self._measured(end))
        except OSError as error:
            about = {"path": str(path), "error": one_line(str(error), _LONGEST_ERROR)}
            self._log.warning("metrics_not_written", extra=about)
            return
        if trouble:
            about = {"path": str(path), "error": one_line(trouble, _LONGEST_ERROR)}
            self._log.warning("metrics_file_broken", extra=about)

    def _push(self, base: str, end: RunEnd) -> None:
        from datafetch.ops.metrics import push_of

        push = push_of(self._measured(end))
        bare, login = without_login(base)
        headers = {"content-type": push.content_type}
        if login:
            headers["authorization"] = login
        host = bare.partition("://")[2].partition("/")[0]
        url = f"{bare.rstrip('/')}{push.path}"
        error = sent(self._http(), Telling(url, host, push.body, headers, put=push.put))
        if error:
            self._log.warning("metrics_not_pushed", extra={"host": host, "error": error})

    def _measured(self, end: RunEnd) -> "Measured":
        from datafetch.ops.metrics import Measured

        return Measured(self._series, end.result, self._clock.now(), end.health, end.open_hosts)
