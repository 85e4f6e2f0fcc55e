"""Runs the command: `python -m datafetch`."""

import sys


def main() -> None:
    """Run the command line within the error boundary."""
    as_json = "--json" in sys.argv
    try:
        from datafetch.cli.signals import signals

        signals.hold()  # first of all: Ctrl-C while Python loads the rest is no traceback
    except KeyboardInterrupt:
        sys.exit(_stopped_first(as_json=as_json))
    from datafetch.cli.streams import open_missing

    open_missing()  # before anything is opened, or looks at a stream
    from datafetch.cli.boundary import call, print_nothing

    signals.start(lambda: print_nothing(as_json=as_json))
    call(_run, as_json=as_json)


def _stopped_first(*, as_json: bool) -> int:
    """The exit code of Ctrl-C in the few milliseconds before anything is there to take signals."""
    if as_json and sys.stdout is not None:
        sys.stdout.write("[]\n")
    return 130


def _run() -> None:
    from datafetch.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
