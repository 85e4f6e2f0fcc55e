"""Lets a Python script of this folder go on in the project's own environment, .venv."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent
ENVIRONMENT = SCRIPTS.parent / ".venv"


def enter_own_environment() -> None:
    """Start this script again with the Python of .venv, as env.sh leaves it, or exit as env.sh does.

    env.sh makes .venv where it is missing or out of date. A script that runs in it already, in an
    activated shell, a test or another script, takes it as it is: it cannot be removed below them.
    """
    if Path(sys.prefix).resolve() == ENVIRONMENT.resolve():
        return
    code = subprocess.run(["bash", str(SCRIPTS / "env.sh")], check=False).returncode
    if code != 0:
        sys.exit(code)
    python = str(ENVIRONMENT / "bin" / "python")
    os.execv(python, [python, *sys.argv])  # noqa: S606 - the same script again
