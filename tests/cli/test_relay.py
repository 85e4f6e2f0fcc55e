"""Log lines of other processes: shown as if this one had written them."""

import json
import subprocess
import sys

import pytest

from tests.processes import clean_environment

RELAY = """
import sys
from datafetch.cli.console import configure_logging, end_log
from datafetch.cli.relay import relay
configure_logging(sys.argv[1], int(sys.argv[2]))
for line in sys.stdin.buffer.read().split(b"\\n"):
    relay("logos", line)
end_log(show=sys.argv[3] == "show")
"""

LINE = (
    b'{"time":"2026-11-26T15:32:34.250Z","level":"warning","event":"breaker_closed",'
    b'"job":"logos","runId":"r-1","host":"a.example"}'
)


def relayed(*lines: bytes, form: str = "console", verbosity: int = 0, end: str = "show") -> str:
    """What a process writes to standard error of lines that another has written."""
    done = subprocess.run(
        [sys.executable, "-c", RELAY, form, str(verbosity), end],
        input=b"\n".join(lines),
        env=clean_environment(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    return done.stderr.decode()


def test_a_line_of_the_log_is_shown_for_people():
    """A job's process logs JSON; who looks at a terminal reads sentences, at the time they were written."""
    said = relayed(LINE)
    assert said == "2026-11-26 15:32:34Z logos: warning: a.example answers again\n"


def test_a_line_of_the_log_stays_as_it_was_in_json():
    """A log that machines read holds each line once, with all its fields."""
    assert json.loads(relayed(LINE, form="json")) == json.loads(LINE)


def test_a_line_without_a_job_gets_the_job():
    """Of several processes it is seen which one has said it."""
    line = b'{"time":"2026-11-26T15:32:34.250Z","level":"info","event":"breaker_closed","host":"b"}'
    assert json.loads(relayed(line, form="json"))["job"] == "logos"


def test_a_traceback_is_shown_on_lines_of_its_own_with_verbose_only():
    """With `-v` the traceback of another process can be read; without it there is none."""
    line = (
        b'{"time":"2026-11-26T15:32:34.250Z","level":"error","event":"unexpected_error",'
        b'"error":"E: no","traceback":"Traceback\\n  File x\\nE: no"}'
    )
    assert "\n    Traceback\n      File x\n    E: no" in relayed(line, verbosity=1)
    assert "Traceback" not in relayed(line)


def test_a_quiet_command_keeps_warnings_back():
    """Cron sends no mail for a warning of a run that went well."""
    assert relayed(LINE, verbosity=-1, end="forget") == ""
    assert "answers again" in relayed(LINE, verbosity=-1)


def test_warnings_about_settings_are_not_told_by_each_process():
    """Every process reads the same settings: what is odd about them is told once, by the command."""
    line = LINE.replace(b"breaker_closed", b"setting_unknown")
    assert relayed(line, line.replace(b"setting_unknown", b"old_settings")) == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"Fatal Python error: no memory", "logos: Fatal Python error: no memory\n"),
        (b'{"time": "nonsense"}', 'logos: {"time": "nonsense"}\n'),
        (b'{"time":1,"level":[],"event":{}}', 'logos: {"time":1,"level":[],"event":{}}\n'),
        (b"\x1b[31mred\xff", "logos: \\x1b[31mred\ufffd\n"),
        (b'{"time"' + b"[" * 50_000, None),
        (b"", ""),
    ],
    ids=["plain", "no time", "other types", "control", "deep", "empty"],
)
def test_what_is_no_line_of_the_log_is_written_as_it_is(line, said):
    """Last words of an interpreter reach the user, with the job's name and no control characters."""
    found = relayed(line)
    assert found == said if said is not None else found.startswith("logos: ")


def test_a_field_cannot_take_the_place_of_the_log_s_own():
    """A field that is called like a part of Python's records does not break the log."""
    line = LINE.replace(b'"host"', b'"exc_info":1,"args":[1],"msg":"x","name":"y","host"')
    assert relayed(line).endswith("logos: warning: a.example answers again\n")
