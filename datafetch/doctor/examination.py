"""Makes all checks side by side, within bounds of time: what hangs costs its own line only."""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from datafetch.clock import CancelToken, Clock
from datafetch.doctor.findings import Finding, Group, fail, failed_with
from datafetch.errors import Cancelled, DatafetchError, Unexpected

LONGEST_S = 60.0
"""Seconds that all checks may take together."""


class Check(Protocol):
    """One look at one thing."""

    @property
    def name(self) -> str:
        """The name of the failure that is shown when the check does not end in time."""
        ...

    @property
    def group(self) -> Group:
        """The group that its findings are shown in."""
        ...

    @property
    def limit_s(self) -> float:
        """Seconds after which it is left alone."""
        ...

    def look(self) -> Iterator[Finding]:
        """What is found, one after the other, so that what was found before it hung is kept.

        Raises:
            DatafetchError: the rest cannot be told; it becomes a failure of this check.
        """
        ...


@dataclass(frozen=True, slots=True)
class Examined:
    """What one check has found."""

    group: Group
    findings: tuple[Finding, ...]


def examine(
    checks: Sequence[Check], clock: Clock, cancel: CancelToken, longest_s: float = LONGEST_S
) -> list[Examined]:
    """Make all checks at once, each on a thread of its own, and return what each found, in order.

    A check that is not done in its time, or in `longest_s`, is left alone, with a failure in its place.

    Raises:
        Cancelled: the command was asked to stop.
    """
    began = clock.monotonic()
    looks = [_Look(check) for check in checks]
    examined = []
    for look in looks:
        left_s = min(look.check.limit_s, longest_s) - (clock.monotonic() - began)
        findings = look.findings(max(0.0, left_s), cancel)
        examined.append(Examined(look.check.group, findings))
    return examined


class _Look:
    """One check under way; its thread is a daemon, which nothing waits for at the end."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self._found: queue.SimpleQueue[Finding] = queue.SimpleQueue()
        self._over = threading.Event()
        threading.Thread(target=self._run, name="datafetch-doctor", daemon=True).start()

    def findings(self, seconds: float, cancel: CancelToken) -> tuple[Finding, ...]:
        """Wait for the end, at most so long, and return what was found until then."""
        unlisten = cancel.listen(self._over.set)
        self._over.wait(seconds)
        unlisten()
        cancel.raise_if_cancelled()
        ended = self._over.is_set()
        found = []
        while not self._found.empty():
            found.append(self._found.get())
        if not ended:
            limit = f"{self.check.limit_s:g} s"
            found.append(
                fail(
                    self.check.name,
                    f"no answer in {limit}",
                    "What is asked there, a server or a disk of the network, does not answer: "
                    "`datafetch doctor --verbose` shows each request.",
                )
            )
        return tuple(found)

    def _run(self) -> None:
        try:
            for finding in self.check.look():
                self._found.put(finding)
        except Cancelled:
            pass  # the command ends, and says so
        except DatafetchError as error:
            self._found.put(failed_with(self.check.name, error))
        except Exception as error:  # noqa: BLE001 - one check must not take the others with it
            unexpected = Unexpected.of(error)
            self._found.put(fail(self.check.name, str(unexpected), unexpected.hint))
        finally:
            self._over.set()
