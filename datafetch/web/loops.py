"""What endpoints wait for on the event loop: events, threads that call it, and clients that go away."""

import asyncio
from collections.abc import Callable

from starlette.types import Receive


def on_this_loop(call: Callable[[], None]) -> Callable[[], None]:
    """A function for other threads: it has `call` called on the event loop that runs now."""
    loop = asyncio.get_running_loop()

    def later() -> None:
        if not loop.is_closed():  # else there is nobody left to be told
            loop.call_soon_threadsafe(call)

    return later


async def first_of(called: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, so many seconds at most; return whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await called.wait()
    except TimeoutError:
        return False
    return True


async def until_gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
