"""Looks at a cluster for `datafetch doctor`: its workers, their versions, and where it listens."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datafetch.models.cluster_place import ClusterPlace
from datafetch.runtime.engine_calls import own_version
from datafetch.runtime.engine_faults import why
from datafetch.runtime.engine_link import connected, scheduler_unable
from datafetch.runtime.engine_logs import route_logs
from datafetch.runtime.engine_tls import security_of

if TYPE_CHECKING:
    from distributed import Client

_ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class ClusterLook:
    """What a scheduler says.

    Attributes:
        versions: the version of datafetch that each worker has, by the worker's address.
        unable: the workers that cannot run datafetch, each with the reason.
        listens: the addresses at which the scheduler listens; empty when it does not say.
        scheduler_unable: why the scheduler cannot pass batches on; empty when it can.
    """

    versions: dict[str, str]
    unable: dict[str, str]
    listens: tuple[str, ...]
    scheduler_unable: str


def look_at(place: ClusterPlace) -> ClusterLook:
    """Ask the scheduler and its workers; this takes some seconds at most.

    Raises:
        ClusterFailed: it cannot be reached.
        ConfigurationError: the TLS files of Dask's configuration cannot be used.
    """
    address = place.address
    assert address is not None
    security = security_of(address, "client")
    route_logs()

    async def look() -> ClusterLook:
        client = await connected(place.text, address, security)
        try:
            return await _asked(client)
        finally:
            await client.close(timeout=_ANSWER_S)

    return asyncio.run(look())


async def _asked(client: "Client") -> ClusterLook:
    try:
        told = await asyncio.wait_for(client.run(own_version, on_error="return"), _ANSWER_S)
    except (OSError, TimeoutError) as error:
        told = {"workers": error}
    versions = {address: said for address, said in told.items() if isinstance(said, str)}
    unable = {address: why(said) for address, said in told.items() if isinstance(said, Exception)}
    listens = await _listens(client)
    return ClusterLook(versions, unable, listens, await scheduler_unable(client))


async def _listens(client: "Client") -> tuple[str, ...]:
    def addresses(dask_scheduler: object) -> list[str]:
        # Sent as code that uses nothing of datafetch, since the scheduler may not have it.
        listeners = getattr(dask_scheduler, "listeners", ())
        return [str(listener.listen_address) for listener in listeners]

    try:
        found = await asyncio.wait_for(client.run_on_scheduler(addresses), _ANSWER_S)
    except Exception:  # noqa: BLE001 - the code may not run there, as with another Python
        return ()
    return tuple(found)
