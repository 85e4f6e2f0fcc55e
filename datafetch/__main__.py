"""Runs the command: `python -m datafetch`."""


def main() -> None:
    """Hand over to the command line."""
    from datafetch.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
