"""Runs the command: `python -m datafetch`."""

import sys


def main() -> None:
    """Run the command line within the error boundary."""
    from datafetch.cli.streams import open_missing

    open_missing()  # before anything is opened, or looks at a stream
    from datafetch.cli.boundary import call

    call(_run, as_json="--json" in sys.argv)


def _run() -> None:
    from datafetch.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
