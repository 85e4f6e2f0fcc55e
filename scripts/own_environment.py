"""Lets a Python script of this folder go on in the project's own environment, .venv."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent
ENVIRONMENT = SCRIPTS.parent / ".venv"


def enter_own_environment() -> None:
    """Start this script again with the Python of .venv, which env.sh makes first where it is missing.

    A system's Python may have some of the packages by chance, so that none of them tells anything:
    what counts is the file that env.sh writes last.
    """
    if not (ENVIRONMENT / "made-from").exists():
        subprocess.run(["bash", str(SCRIPTS / "env.sh")], check=True)
    if Path(sys.prefix).resolve() != ENVIRONMENT.resolve():
        python = str(ENVIRONMENT / "bin" / "python")
        os.execv(python, [python, *sys.argv])  # noqa: S606 - the same script again
