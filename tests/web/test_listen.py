"""The sockets at which the server listens."""

import asyncio
import socket

from datafetch.web.listen import listening


def test_answers_are_sent_without_delay() -> None:
    """Nagle's algorithm is off: with it an answer in two parts waits for the client's delayed acknowledgement."""
    (listener,) = listening("127.0.0.1", 0)

    async def without_delay() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        server = await asyncio.start_server(greet, sock=listener)
        async with server:
            _, writer = await asyncio.open_connection(*listener.getsockname())
            answer = await found
            writer.close()
        return answer

    assert asyncio.run(without_delay()) != 0
