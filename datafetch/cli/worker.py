"""The command `datafetch worker`: a worker process of a Dask cluster."""

from typing import TYPE_CHECKING

from datafetch.cli.options import JobOptions, with_options
from datafetch.errors import ConfigurationError

if TYPE_CHECKING:
    from datafetch.settings import Settings


@with_options(job=False, dry_run=False, but=("json",))
def worker(options: JobOptions) -> None:
    """Work for the Dask scheduler that DATAFETCH_CLUSTER names, until it is stopped.

    Each run sends what it needs along: settings, and batches of items. A worker needs no settings
    of its own but the address and the TLS files. On SIGTERM the batch under way may end, for a few
    seconds; what is not done goes to other workers.
    """
    from datafetch.cli.console import configure_logging, default_format, warn_of_unknown
    from datafetch.cli.signals import signals
    from datafetch.clock import CancelToken
    from datafetch.environment import load_settings
    from datafetch.runtime.engine_extra import need_distributed

    cancel = CancelToken()
    configure_logging(
        options.log_format or default_format(),
        options.verbosity,
        options.log_file,
        as_server=True,
    )
    signals.listen(cancel, lambda: None)
    settings = load_settings(options.settings_file, _check)
    warn_of_unknown(settings.unknown)
    place = settings.cluster_place
    assert place is not None
    assert place.address is not None
    need_distributed()
    from datafetch.runtime.engine_worker import be_worker

    be_worker(place.address, cancel)


def _check(settings: "Settings") -> None:
    try:
        place = settings.cluster_place
    except ValueError:
        return  # told among the problems of the settings
    if place is None:
        problem = "DATAFETCH_CLUSTER is not set: it names the scheduler, such as tls://HOST:8786"
        raise ConfigurationError([problem])
    if place.address is None:
        problem = (
            f"DATAFETCH_CLUSTER: {place.text} has workers of its own, which each run starts; "
            "`datafetch worker` needs the address of a scheduler, such as tls://HOST:8786"
        )
        raise ConfigurationError([problem])
