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
    from datafetch.cli.at_store import begun

    settings, cancel = begun(options, _check, as_server=True)
    place = settings.cluster_place
    assert place is not None
    assert place.address is not None
    from datafetch.runtime.engine_worker import be_worker

    be_worker(place.address, cancel)


def _check(settings: "Settings") -> None:
    try:
        place = settings.cluster_place
    except ValueError:
        return  # told among the problems of the settings
    from datafetch.job_groups import dask_problems

    problems = [*dask_problems()]
    if place is None:
        problems.append(
            "DATAFETCH_CLUSTER is not set: it names the scheduler, such as tls://HOST:8786"
        )
    elif place.address is None:
        problems.append(
            f"DATAFETCH_CLUSTER: {place.text} has workers of its own, which each run starts; "
            "`datafetch worker` needs the address of a scheduler, such as tls://HOST:8786"
        )
    if problems:
        raise ConfigurationError(problems)
