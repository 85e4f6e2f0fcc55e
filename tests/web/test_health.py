"""The endpoints that programs ask how things are, while the store does not answer."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from datafetch.errors import StoreUnavailable
from tests.ops.overviews import all_fine, failing
from tests.web.page.scenes import CRON, Scene, shown, some_letters

_CROWD = 60
"""More than there are threads for what waits (anyio gives 40)."""


@pytest.mark.parametrize("path", ["/readyz", "/api/status", "/metrics", "/"])
def test_a_crowd_that_waits_for_the_store_keeps_nobody_else(path):
    """Whoever asks for something that needs no store is answered meanwhile."""
    scene = Scene(all_fine())
    look, gate, asked = scene.look, threading.Event(), threading.Event()

    def held():
        asked.set()
        assert gate.wait(60)
        return look()

    scene.look = held  # type: ignore[method-assign]
    with shown(scene) as server, ThreadPoolExecutor(_CROWD) as pool:
        crowd = [pool.submit(server.get, path) for _ in range(_CROWD)]
        assert asked.wait(60)
        try:
            for other in ("/healthz", "/login"):
                assert server.get(other).status == 200
            assert not any(each.done() for each in crowd)
        finally:
            gate.set()
        assert {each.result().status for each in crowd} == {200}


def test_a_page_whose_store_is_away_does_not_ask_it_for_letters():
    """A store that hangs would keep back what is known."""
    scene = Scene(failing(), some_letters())
    with shown(scene, BOOKMARK_CRON_REFRESH_SECRET=CRON) as server:
        known = server.get("/").text
        assert "slow.example" in known
        asked: list[str] = []
        scene.store.get = asked.append  # type: ignore[method-assign,assignment]
        scene.failure = StoreUnavailable("it does not answer")
        scene.clock.advance(60)
        page = server.get("/")
    assert (page.status, asked) == (503, [])
    assert "slow.example" in page.text
