"""The least that logos cost: the same requests by bare threads, without checks, signatures or records.

    python -m benchmarks.bare HOST WIDTH < TARGETS

It stands beside a run of the command, on the same machine in the same minute: both are whole
processes, with the same servers, latencies and handshakes.
"""

import os
import ssl
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit


def main() -> None:
    """Get each target of the host, through the proxy of the environment, and put it into the bucket."""
    host, width = sys.argv[1], int(sys.argv[2])
    targets = [*enumerate(sys.stdin.read().split())]
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    with ThreadPoolExecutor(width) as pool:
        done = [pool.submit(_move, targets[at::width], host, context) for at in range(width)]
    for future in done:
        future.result()


def _move(targets: Iterable[tuple[int, str]], host: str, context: ssl.SSLContext) -> None:
    proxy, store = (urlsplit(os.environ[name]) for name in ("HTTPS_PROXY", "S3_SERVER_URL"))
    service = HTTPSConnection(proxy.hostname or "", proxy.port, context=context)
    service.set_tunnel(host)
    bucket = HTTPConnection(store.hostname or "", store.port)
    for number, target in targets:
        picture = _answer(service, "GET", target)
        _answer(bucket, "PUT", f"/{os.environ['S3_BUCKET']}/bare/{number}.png", picture)


def _answer(
    connection: HTTPConnection, method: str, target: str, body: bytes | None = None
) -> bytes:
    connection.request(method, target, body)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(f"{method} {target}: {answer.status}")
    return content


if __name__ == "__main__":
    main()
