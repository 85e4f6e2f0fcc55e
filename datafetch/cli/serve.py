"""The command that answers requests: refreshes, logos, metrics and the status page."""

from typing import Annotated

import typer

from datafetch.cli.options import JobOptions, with_options
from datafetch.cli.values import port_number
from datafetch.errors import DatafetchError, ExitCode

_PORT = 8080


class LibrariesMissing(DatafetchError):
    """The libraries that answer requests are not installed: they come with the extra `serve`."""

    exit_code = ExitCode.CONFIGURATION
    hint = "Install them with: pip install 'datafetch[serve]'"


@with_options(job=False, dry_run=False, but=("json",))
def serve(
    options: JobOptions,
    *,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Where to listen (default: 127.0.0.1, this machine only).",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            "--port", parser=port_number, metavar="N", help=f"At which port (default: {_PORT})."
        ),
    ] = None,
) -> None:
    """Answer requests until it is stopped: refreshes, logos, metrics and a status page.

    Jobs that are asked for run in the background. It starts none by itself: schedules stay with
    cron. On SIGTERM runs under way are stopped, their work so far is kept, and locks are given back.
    """
    from datafetch.cli.at_store import at_store

    place = at_store(options, hasty=True, as_server=True)
    try:
        from datafetch.web.listen import listening
        from datafetch.web.server import serve as answer_requests
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn", "jinja2", "h11", "anyio", "markupsafe"):
            raise
        raise LibrariesMissing from error
    answer_requests(
        place.settings, place.store, listening(host, _PORT if port is None else port), place.cancel
    )
    place.cancel.raise_if_cancelled()
