"""Reads the value of `DATAFETCH_CLUSTER`, which says where batches of items are worked on."""

import re
from dataclasses import dataclass

from datafetch.addresses import address_of
from datafetch.models.host_port import host_and_port

MOST_LOCAL = 256
"""The most worker processes that are started on this machine."""

_PORT = 8786
"""The port of a scheduler's address that names none, https://docs.dask.org/en/stable/deploying-cli.html."""

_LOCAL = re.compile(r"local\[([0-9]{1,9})\]")
_FORM = "tls://HOST:PORT or local[N]"
_INSECURE = "DATAFETCH_CLUSTER_INSECURE"


@dataclass(frozen=True, slots=True)
class ClusterPlace:
    """A Dask scheduler, or the number of worker processes that are started on this machine.

    Attributes:
        text: how messages name it; it holds no secrets.
        address: of the scheduler, as Dask writes it; None when workers are started here.
        local: how many workers are started here; None when there is a scheduler.
        insecure: whether everything is sent unencrypted over a network, so that anybody who reaches
            the scheduler can run any code on its workers.
    """

    text: str
    address: str | None = None
    local: int | None = None
    insecure: bool = False

    @property
    def tls(self) -> bool:
        """Whether the connection to the scheduler is encrypted and both its ends are certified."""
        return self.address is not None and self.address.startswith("tls://")


def read_cluster_place(text: str, insecure: bool) -> ClusterPlace:
    """Read the value of `DATAFETCH_CLUSTER`.

    Args:
        text: the value.
        insecure: whether plain `tcp://` to other machines is allowed
            (`DATAFETCH_CLUSTER_INSECURE`). A scheduler without TLS lets everybody in, and
            unpickles what it is sent: https://docs.dask.org/en/stable/how-to/secure.html.

    Raises:
        ValueError: the text names no cluster, or one that is not allowed. The message says what the
            text should be, and repeats no part of it, since it may hold a password.
    """
    if text == "local" or text.startswith("local["):
        return _local(text)
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in ("tls", "tcp"):
        raise ValueError(f"should be {_FORM}")
    if "@" in rest:
        raise ValueError(f"takes no user and password: it should be {_FORM}")
    host, port = host_and_port(rest, _PORT, _FORM)
    written = f"[{host}]" if ":" in host else host
    address = f"{scheme}://{written}:{port}"
    beyond = scheme == "tcp" and not _is_loopback(written)
    if beyond and not insecure:
        raise ValueError(
            "should be tls://HOST:PORT: over plain tcp:// to another machine settings and secrets "
            "travel unencrypted, and whoever reaches the scheduler can run code on its workers; "
            f"where the network is closed to everybody else, set {_INSECURE}=true"
        )
    return ClusterPlace(address, address=address, insecure=beyond)


def _local(text: str) -> ClusterPlace:
    found = _LOCAL.fullmatch(text)
    if found is None:
        raise ValueError("should be local[N], N being how many worker processes are started here")
    count = int(found[1])
    if not 1 <= count <= MOST_LOCAL:
        raise ValueError(f"should start 1 to {MOST_LOCAL} worker processes, as in local[4]")
    return ClusterPlace(f"local[{count}]", local=count)


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine: `localhost` (RFC 6761, 6.3), 127.0.0.0/8 or ::1."""
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = address_of(host)
    return address is not None and address.is_loopback
