"""What surrounds a run, where an error comes from outside the job."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from datafetch.clock import CancelToken
from datafetch.environment import load_settings
from datafetch.factory import make_parts
from datafetch.manager import DataFetchManager
from datafetch.models.run import JobName, RunOptions, RunRequest
from datafetch.net.client import GuardedClient, NetOptions
from tests.support import FakeClock


class _Unloadable(GuardedClient):
    """A client whose library is broken."""

    def prepare(self) -> None:
        raise ImportError("httpx2 is half installed")


def test_a_library_that_cannot_be_loaded_leaves_no_lock_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease was taken meanwhile: it is given back, so that other machines need not wait for its end."""
    monkeypatch.setenv("DATAFETCH_STORE", f"file:{tmp_path}/store")
    settings, clock, cancel = load_settings(None), FakeClock(), CancelToken()
    http = _Unloadable(NetOptions("test"), clock=clock, cancel=cancel, rng=random.Random(1))
    parts = replace(make_parts(settings, clock, cancel), http=http)
    with pytest.raises(ImportError, match="half installed"):
        DataFetchManager(settings, parts).run(RunRequest(JobName.LOGOS, RunOptions()))
    (lock,) = tmp_path.glob("store/json/datafetch/locks/*.json")
    assert json.loads(lock.read_text())["owner"] is None
