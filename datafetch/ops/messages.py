"""Sends messages to people by Apprise (`DATAFETCH_NOTIFY`), when a job begins to fail or works again.

Apprise is loaded with this module, which is imported only where the setting is set.
"""

import logging
import threading
import warnings

with warnings.catch_warnings():
    # Apprise imports a module that Python is about to drop; where it is gone, Apprise has its own.
    warnings.simplefilter("ignore", DeprecationWarning)
    import apprise

from datafetch.errors import ConfigurationError
from datafetch.models.run import RunResult
from datafetch.models.setting_values import split_message_urls
from datafetch.models.text import one_line
from datafetch.ops.job_health import JobHealth, KilledRun, Turn

_LONGEST_TITLE = 120
_LONGEST_BODY = 1500

_loading = threading.Lock()


class Messenger:
    """Sends a message to each of several addresses."""

    def __init__(self, urls: str) -> None:
        """Read the addresses; nobody is asked yet.

        Raises:
            ConfigurationError: Apprise does not know one; only its scheme is named.
        """
        # What Apprise logs holds whole addresses, with their secrets.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        self._apprise = apprise.Apprise()
        problems = []
        with _loading, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for number, url in enumerate(split_message_urls(urls), 1):
                if not self._apprise.add(url):
                    scheme = one_line(url.partition("://")[0], 30)
                    problems.append(
                        f"DATAFETCH_NOTIFY: Apprise does not take address {number} ({scheme}://…): "
                        "see https://github.com/caronc/apprise/wiki for what it needs"
                    )
        if problems:
            raise ConfigurationError(problems)

    def send(self, turn: Turn, title: str, body: str) -> bool:
        """Send a message; return whether all addresses took it."""
        kinds = {"failing": apprise.NotifyType.FAILURE, "working": apprise.NotifyType.SUCCESS}
        return bool(self._apprise.notify(title=title, body=body, notify_type=kinds[turn]))


def title_of(turn: Turn, job: str) -> str:
    """The message's title."""
    said = f"datafetch: {job} fails" if turn == "failing" else f"datafetch: {job} works again"
    return one_line(said, _LONGEST_TITLE)


def body_of(turn: Turn, job: str, result: RunResult, health: JobHealth, host: str) -> str:
    """The message: what happened, since when, and what to type."""
    lines = []
    if turn == "failing":
        why = result.error or result.status.value
        lines.append(f"{_times(health.failures)} of {job} on {host} failed: {why}")
        lines.extend(result.sentences)
    else:
        failed = health.failures_before
        runs = "1 run that failed" if failed == 1 else f"{failed} runs that failed"
        lines.append(f"{job} on {host} ended with {result.status.value}, after {runs}")
    if health.dead_letters:
        lines.append(f"{health.dead_letters} items wait or were given up")
    lines.append(f"Run {result.run_id}. See: datafetch status")
    return "\n".join(lines)[:_LONGEST_BODY]


def body_of_killed(job: str, killed: KilledRun) -> str:
    """The message of a run that found the one before it killed, which may have run elsewhere."""
    return (
        f"{_times(killed.failures)} of {job} failed: it {killed.gone}\n"
        f"Run {killed.run_id}. See: datafetch status"
    )[:_LONGEST_BODY]


def _times(failures: int) -> str:
    return "the last run" if failures == 1 else f"{failures} runs in a row"
