"""Programs of the system: what they print, within bounds, and without our secrets."""

import sys

import pytest

from datafetch.runtime.answers_of_programs import answer_of


def run(code: str, seconds: float = 60.0):
    """What a program of Python prints."""
    return answer_of((sys.executable, "-c", code), seconds)


def test_what_a_program_prints_and_how_it_ends_is_returned():
    """Its output as text, also where it is no UTF-8, and its exit code."""
    answer = run(
        "import sys; sys.stdout.buffer.write(b'a\\xff'); sys.stderr.write('b'); sys.exit(3)"
    )
    assert answer is not None
    assert (answer.code, answer.output, answer.errors) == (3, "a\ufffd", "b")


@pytest.mark.parametrize("program", ["no-such-program-anywhere", "/etc/passwd", ""])
def test_a_program_that_cannot_be_started_has_no_answer(program):
    """Slim images have no crontab."""
    assert answer_of((program,), 1.0) is None


def test_one_that_does_not_end_is_killed():
    """It may wait for something that never comes."""
    assert run("import threading; threading.Event().wait()", 0.1) is None


def test_secrets_stay_here(monkeypatch):
    """A program of the system is given what it needs to run, and no setting."""
    monkeypatch.setenv("S3_SECRET_ACCESS_KEY", "canary")
    answer = run("import os; print(sorted(os.environ))")
    assert answer is not None
    assert "S3_SECRET_ACCESS_KEY" not in answer.output
    assert "PATH" in answer.output


def test_a_flood_is_cut():
    """At most a megabyte is kept."""
    answer = run("print('x' * 3_000_000)")
    assert answer is not None
    assert len(answer.output) == 1_000_000
