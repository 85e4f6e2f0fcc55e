"""What the doctor finds: one line for each thing that was looked at, with what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from datafetch.errors import DatafetchError
from datafetch.models.json import JsonObject
from datafetch.redaction import redact

SEE_REQUESTS = "`datafetch doctor --verbose` shows each request and what came back."
"""The hint where an error has none."""


class Status(StrEnum):
    """How something is. `WARN`: it works now and may not later; this does not change the exit code."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Group(StrEnum):
    """What a finding is about, in the order in which people read them."""

    SETTINGS = "Settings"
    STORE = "Store"
    UPSTREAMS = "Upstreams"
    SCHEDULE = "Schedule"
    MACHINE = "Machine"


class Form(StrEnum):
    """How a finding is shown to people: as a line, or together with others in one paragraph."""

    LINE = "line"
    DEFAULT = "default"
    UNSET = "unset"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what it is, in a few words, or the name of a setting.
        detail: how it is, in one sentence; holds no secrets.
        hint: what to do; empty when there is nothing to do.
        form: `SKIPPED` for what was not looked at, whose status is `OK`.
    """

    check: str
    status: Status
    detail: str
    hint: str = ""
    form: Form = Form.LINE

    def to_json(self) -> JsonObject:
        """The finding as `--json` shows it."""
        return {
            "check": redact(self.check),
            "status": self.status.value,
            "detail": redact(self.detail),
            "hint": redact(self.hint),
        }


def ok(check: str, detail: str) -> Finding:
    """A finding that all is well."""
    return Finding(check, Status.OK, detail)


def warn(check: str, detail: str, hint: str) -> Finding:
    """A finding that something may do harm later, or that nobody can say how it is."""
    return Finding(check, Status.WARN, detail, hint)


def fail(check: str, detail: str, hint: str) -> Finding:
    """A finding that something does not work."""
    return Finding(check, Status.FAIL, detail, hint)


def skipped(check: str, why: str) -> Finding:
    """A finding about what was not looked at."""
    return Finding(check, Status.OK, f"not looked at: {why}", form=Form.SKIPPED)


def failed_with(check: str, error: DatafetchError, what: str = "") -> Finding:
    """A failure with the text and the hint of an error; `what` is put before the text."""
    return fail(check, f"{what}{error}", error.hint or SEE_REQUESTS)


def summary(findings: Iterable[Finding]) -> str:
    """The last line: how many problems and warnings there are."""
    statuses = [finding.status for finding in findings]
    problems, warnings = statuses.count(Status.FAIL), statuses.count(Status.WARN)
    parts = [_counted(problems, "problem")] if problems else []
    parts += [_counted(warnings, "warning")] if warnings else []
    return ", ".join(parts) or "no problems"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
