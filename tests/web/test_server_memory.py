"""What a server does with memory: it lives for months, where a command lives for minutes."""

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from datafetch.clock import CancelToken
from datafetch.environment import load_settings
from datafetch.errors import Cancelled
from datafetch.runtime.memory import hold_collector
from datafetch.store.local import LocalStore
from datafetch.web.listen import listening
from datafetch.web.server import serve
from tests.web.support import Server

SOON_S = 30.0


@pytest.fixture
def collector() -> Iterator[None]:
    """The garbage collector as the program has it while it starts; as before at the end."""
    hold_collector()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_the_collector_is_on_while_requests_are_answered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is off while the program starts, and left off a server would grow with each request."""
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")  # leaves this process's memory as it is
    monkeypatch.setenv("DATAFETCH_STORE", f"file:{tmp_path}")
    monkeypatch.setenv("DATAFETCH_ENV", "test")
    cancel = CancelToken()
    sockets = listening("127.0.0.1", 0)
    server = Server(sockets[0].getsockname()[1])
    serving = threading.Thread(
        target=serve, args=[load_settings(None), LocalStore(tmp_path), sockets, cancel]
    )
    serving.start()
    try:
        assert server.get("/healthz").status == 200
        assert gc.isenabled()
    finally:
        cancel.cancel(Cancelled("the test has ended"))
        serving.join(SOON_S)
    assert not serving.is_alive()
