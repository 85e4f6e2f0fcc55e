"""What the log says of a run: that it began, was locked out, or how it ended."""

from datafetch.clock import to_iso
from datafetch.errors import ExitCode, LeaseHeld
from datafetch.logs import EventLogger
from datafetch.models.run import RunResult
from datafetch.redaction import redact


class RunLog:
    """The events of one run: `run_started`, `run_note` and `run_finished`, or `locked` alone."""

    def __init__(self, log: EventLogger, *, dry_run: bool) -> None:
        """With `dry_run`, `run_started` and `run_finished` have the field `dryRun`."""
        self._log = log
        self._dry_run = dry_run
        self._locked_out = False
        self._told: set[str] = set()

    def warn_of(self, event: str, note: str, **fields: object) -> None:
        """Warn of what the result has a note on; `finished` does not log that note once more."""
        self._told.add(redact(note))
        self._log.warning(event, extra={"note": note, **fields})

    def started(self, *, environment: str, store: str) -> None:
        """The run begins: nothing keeps it out any more."""
        fields: dict[str, object] = {"environment": environment, "store": store}
        self._log.info("run_started", extra=fields | ({"dryRun": True} if self._dry_run else {}))

    def locked(self, held: LeaseHeld) -> None:
        """There is no run, because another one holds the lock: who, since when, until when."""
        self._locked_out = True
        fields: dict[str, object] = {"error": str(held), "hint": held.hint}
        if (holder := held.holder) is not None:
            fields |= {"host": holder.host, "pid": holder.pid, "holder": holder.run_id}
            fields["since"] = to_iso(holder.since)
            if holder.until is not None:
                fields["until"] = to_iso(holder.until)
        self._log.warning("locked", extra=fields)

    def finished(self, result: RunResult) -> None:
        """The run ended, or failed before it began; of a run that was locked out nothing more is said."""
        if self._locked_out:
            return
        fields = {key: value for key, value in result.to_json().items() if value is not None}
        del fields["notes"]  # each has a line of its own
        if not self._dry_run:
            del fields["dryRun"]
        if result.error and result.hint:
            fields["hint"] = result.hint
        for note in result.notes:
            if note not in self._told:
                self._log.info("run_note", extra={"note": note})
        if result.exit_code == ExitCode.OK:
            self._log.info("run_finished", extra=fields)
        elif result.exit_code == ExitCode.LOCKED:
            self._log.warning("run_finished", extra=fields)
        else:
            self._log.error("run_finished", extra=fields)
