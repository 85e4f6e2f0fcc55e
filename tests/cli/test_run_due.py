"""How `run-due` starts this program once more."""

import pytest

from datafetch.cli.run_due import own_program

PYTHON = "/opt/site/.venv/bin/python"


@pytest.mark.parametrize(
    ("started_with", "arguments", "own"),
    [
        (
            [PYTHON, "/opt/site/.venv/bin/datafetch", "run-due", "-q"],
            ["/opt/site/.venv/bin/datafetch", "run-due", "-q"],
            [PYTHON, "/opt/site/.venv/bin/datafetch"],
        ),
        (
            ["python3", "-X", "dev", "-m", "datafetch", "run-due"],
            ["/opt/datafetch/__main__.py", "run-due"],
            [PYTHON, "-X", "dev", "-m", "datafetch"],
        ),
        (
            ["python3", "datafetch.pyz", "run-due"],
            ["datafetch.pyz", "run-due"],
            [PYTHON, "datafetch.pyz"],
        ),
        (["python3", "-c", "main()", "run-due"], ["-c", "run-due"], [PYTHON, "-c", "main()"]),
        ([], ["datafetch", "run-due"], [PYTHON, "-P", "-m", "datafetch"]),
        (["pytest"], ["datafetch", "run-due"], [PYTHON, "-P", "-m", "datafetch"]),
    ],
    ids=["script", "module", "zip", "code", "embedded", "called"],
)
def test_a_job_is_run_by_the_very_program_that_was_started(started_with, arguments, own):
    """However datafetch was installed, its jobs' processes are the same program, by the same Python."""
    assert own_program(started_with, arguments, PYTHON) == own
