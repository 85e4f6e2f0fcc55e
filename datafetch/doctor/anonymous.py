"""Asks for addresses without credentials, as the site's visitors and strangers do."""

from dataclasses import dataclass

from datafetch.net.base import KIB, HttpClient, Request
from datafetch.ops.failures import short_reason
from datafetch.upstream_errors import Denied, Missing, UpstreamError

_ENOUGH = 4 * KIB


@dataclass(frozen=True, slots=True)
class Shown:
    """What a stranger gets at an address.

    Attributes:
        status: the status of the answer; None when there was none.
        is_shown: whether the answer has what was asked for.
        is_hidden: whether the server refused (401, 403, 404). When both are False, nobody knows.
        words: why it is not shown, in a few words; empty when it is.
        hint: what to do about that; may be empty.
        body: the beginning of what is shown.
    """

    status: int | None
    is_shown: bool = False
    is_hidden: bool = False
    words: str = ""
    hint: str = ""
    body: bytes = b""


class Anonymous:
    """Sends no credentials, and may ask the user's own servers."""

    def __init__(self, http: HttpClient) -> None:
        """`http` trusts the servers of the settings, which may have private addresses."""
        self._http = http

    def shows(self, url: str) -> Shown:
        """What is shown at an address of the settings; at most 4 KiB of it are read."""
        return self.ask(
            Request(url, trust="settings", upstream="doctor", limit=_ENOUGH, truncate=True)
        )

    def ask(self, request: Request) -> Shown:
        """What is shown in answer to this request, which is sent as it is."""
        try:
            answer = self._http.fetch(request)
        except (Denied, Missing) as error:
            said = f"status {error.status}" if error.status else short_reason(error)
            return Shown(error.status, is_hidden=True, words=said, hint=error.hint)
        except UpstreamError as error:
            reason = short_reason(error)
            said = f"status {reason}" if reason.isdecimal() else reason
            return Shown(error.status, words=said, hint=error.hint)
        return Shown(answer.status, is_shown=True, body=answer.body)
