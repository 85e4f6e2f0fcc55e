"""`datafetch status --watch`: looks again and again, and draws what it finds in the place of the last."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack

from datafetch.cli.at_store import AtStore
from datafetch.cli.boundary import print_error
from datafetch.cli.options import JobOptions
from datafetch.cli.paper import Paper
from datafetch.cli.status import look_once, print_status, print_unknown
from datafetch.cli.status_text import status_lines
from datafetch.cli.streams import (
    OutputLost,
    begin_to_show,
    can_redraw,
    is_read,
    show,
    uses_colour,
    width_of,
)
from datafetch.clock import log_time
from datafetch.errors import StoreError
from datafetch.redaction import redact
from datafetch.runtime.memory import release_collector


def watch_status(options: JobOptions, place: AtStore, seconds: float) -> None:
    """Look each so many seconds until the command is asked to stop; a failing store does not end it.

    On a terminal the text stands on a screen of its own, which is gone afterwards; anywhere else
    each look is printed below the last, after an empty line, for as long as somebody reads.

    Raises:
        Cancelled: the command was asked to stop.
        OutputLost: the terminal went away, and no signal came.
    """
    # Python's garbage collector is off since the program began, and this may go on for weeks.
    release_collector()
    if can_redraw(sys.stdout) and not options.json:
        _on_screen(place, seconds)
    else:
        _one_after_the_other(options, place, seconds)
    place.cancel.raise_if_cancelled()


def _one_after_the_other(options: JobOptions, place: AtStore, seconds: float) -> None:
    is_first = True
    while is_read() and not place.cancel.cancelled:
        if not (is_first or options.json):
            show("")
        is_first = False
        try:
            print_status(options, look_once(place))
        except StoreError as error:
            print_unknown(options, error, place)
            print_error(error)
        place.cancel.wait(seconds)


def _on_screen(place: AtStore, seconds: float) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    stdout = sys.stdout  # rich puts something else in its place
    begin_to_show()
    with ExitStack() as stack:
        live = stack.enter_context(Live(console=Console(), screen=True, auto_refresh=False))
        while not place.cancel.cancelled:
            if not can_redraw(stdout):  # rich would go on, and draw nothing
                raise OutputLost("the terminal that is drawn on is gone")
            paper = Paper(width_of(stdout), colour=uses_colour(stdout))
            text = "\n".join(_lines(place, seconds, paper, live.console.height))
            live.update(Text.from_ansi(text, no_wrap=True, overflow="crop"), refresh=True)
            place.cancel.wait(seconds)


def _lines(place: AtStore, seconds: float, paper: Paper, height: int) -> list[str]:
    now = place.clock.now()
    try:
        lines = status_lines(look_once(place), paper)
    except StoreError as error:
        lines = [*paper.wrapped(f"datafetch: {error}"), *paper.wrapped(redact(error.hint))]
    foot = f"{log_time(now)}, again each {seconds:g} s; Ctrl-C ends it"
    return on_screen(lines, paper.wrapped(foot), height)


def on_screen(lines: Sequence[str], foot: Sequence[str], height: int) -> list[str]:
    """The lines and the foot below them; where the screen is too low, the last lines are left out.

    A line then says how many were left out. The foot and the first line, the answer, always stay.
    """
    room = height - len(foot) - 1
    if len(lines) <= room:
        return [*lines, "", *foot]
    shown = max(1, room - 1)
    return [*lines[:shown], f"and {len(lines) - shown} lines more than the screen has", "", *foot]
