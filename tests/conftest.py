"""Every test: a scrubbed environment, no network beyond loopback, the fakes as fixtures."""

import ipaddress
import logging
import os
import signal
import socket
from typing import Any

import pytest

from datafetch import redaction
from datafetch.environment import STANDARD_VARIABLES
from datafetch.logs import LOGGER_NAME
from datafetch.settings import ENV_NAMES, FILE_NAMES

pytest_plugins = ["tests.fakes.fixtures"]

_SCRUBBED = {
    *(name for names in ENV_NAMES.values() for name in names),
    *(f"{name}_FILE" for name in FILE_NAMES),
    *STANDARD_VARIABLES,
}
_LOCAL_NAMES = {"localhost", ""}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have those begin first that may take longer than others, or the last of them ends alone."""
    items.sort(key=_longest_s, reverse=True)


def _longest_s(item: pytest.Item) -> float:
    """The time that a test may take; a mark that allows less than others have does not count."""
    usual_s = float(item.config.getini("timeout"))
    mark = item.get_closest_marker("timeout")
    return max(usual_s, float(mark.args[0])) if mark is not None and mark.args else usual_s


@pytest.fixture(autouse=True)
def own_log_level():
    """A test that runs a command in this process leaves no level of the log to the next test."""
    ours = logging.getLogger(LOGGER_NAME)
    level = ours.level
    yield
    ours.setLevel(level)


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch, tmp_path):
    """No setting of the person who runs the tests reaches them; files go to a folder of their own.

    The log forgets the secrets of the test before.
    """
    monkeypatch.setattr(redaction, "_secrets", set())
    for name in _SCRUBBED | {name for name in os.environ if name.startswith("DATAFETCH_")}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    (tmp_path / "runtime").mkdir()
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True, scope="session")
def signals_that_end():
    """Programs that tests start obey SIGINT and SIGHUP, also where the tests run in the background.

    A shell starts what runs in the background, and `nohup` what outlives it, with these ignored.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def loopback_only():
    """Connecting to anything but this machine fails the test that does it."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            if host not in _LOCAL_NAMES and not ipaddress.ip_address(host).is_loopback:
                raise AssertionError(f"a test tried to reach {host}")
        return real(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect)
    yield
    patch.undo()
