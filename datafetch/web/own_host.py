"""Which host a request names: a page of another site can have its own name lead to this machine.

Such a page (DNS rebinding) is of the same origin as the server for the browser, and may read what it
answers; but the browser says the name in `Host`, and no page can change that (Fetch, 2.2.2).
"""

from ipaddress import IPv6Address, ip_address

from starlette.types import Scope


def is_misled(scope: Scope) -> bool:
    """Whether a request came to this machine's loopback under a name that others may have made up.

    Nobody can make up an address, `localhost` (RFC 6761, 6.3), or a name without a dot: no public
    name is without one. Programs that name no host at all are no browsers.
    """
    server = scope.get("server")
    if server is None or not _is_loopback(server[0]):
        return False
    named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return any(map(_is_public_name, named))


def _is_public_name(host: str) -> bool:
    name = host.partition(":")[0].lower().removesuffix(".")
    if host.startswith("[") or "." not in name or name.endswith(".localhost"):
        return False
    try:
        ip_address(name)
    except ValueError:
        return True
    return False


def _is_loopback(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
