"""Gives the targets of one room their long inputs, each with so much CPU time and no more.

    python -m tests.fuzz.long_inputs ROOM

A process of its own, because code that holds the interpreter cannot be interrupted otherwise: the
system ends it by SIGPROF. The last line that it prints names the input that was too much.
"""

import logging
import signal
import sys
from contextlib import suppress

from datafetch.errors import DatafetchError
from tests.fuzz.target import KB, Target
from tests.fuzz.targets import ROOMS

LENGTH = 32 * KB
GENEROUS = 10
"""So many times what an input may cost: what is slow by its nature costs hundreds of times more."""


def try_all(target: Target) -> None:
    """Give a target its long inputs."""
    run(target, target.seeds[0])  # loads what is imported where it is used
    for shape in target.shapes:
        text = shape.text(min(LENGTH, target.most))
        print(target.name, shape, flush=True)  # noqa: T201 - for the test that waits
        signal.setitimer(signal.ITIMER_PROF, GENEROUS * target.allowed_s(len(text)))
        run(target, text)
        signal.setitimer(signal.ITIMER_PROF, 0)


def run(target: Target, data: bytes) -> None:
    """Give a target an input; errors of ours are an answer."""
    with suppress(DatafetchError):
        target.run(data)


if __name__ == "__main__":
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    logging.disable(logging.CRITICAL)
    for chosen in ROOMS[sys.argv[1]]:
        try_all(chosen)
