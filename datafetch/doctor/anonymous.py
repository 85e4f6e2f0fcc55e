"""Asks for addresses without credentials, as the site's visitors and strangers do."""

from dataclasses import dataclass, replace

from datafetch.net.base import KIB, NO_RETRY, HttpClient, Request
from datafetch.ops.failures import short_reason
from datafetch.upstream_errors import Denied, Missing, UpstreamError

_TOTAL_S = 8.0
_ENOUGH = 4 * KIB


@dataclass(frozen=True, slots=True)
class Shown:
    """What a stranger gets at an address.

    Attributes:
        is_shown: an answer with a body.
        is_hidden: a refusal (401, 403, 404); neither when nothing can be told.
        words: why, for people; empty when it is shown.
        hint: what to do about that; may be empty.
        content_type: of the answer.
    """

    is_shown: bool
    is_hidden: bool = False
    words: str = ""
    hint: str = ""
    content_type: str = ""


class Anonymous:
    """A client that sends no credentials, and that may ask the user's own servers."""

    def __init__(self, http: HttpClient) -> None:
        """`http` trusts the servers of the settings, which may have private addresses."""
        self._http = http

    def shows(self, url: str) -> Shown:
        """What is shown at an address of the settings; at most 4 KiB of it are read."""
        return self.ask(
            Request(url, trust="settings", upstream="doctor", limit=_ENOUGH, truncate=True)
        )

    def ask(self, request: Request) -> Shown:
        """The same for a request; it is sent once, and may take 8 s."""
        once = replace(request, retry=NO_RETRY, timeout_s=_TOTAL_S, total_s=_TOTAL_S)
        try:
            answer = self._http.fetch(once)
        except (Denied, Missing) as error:
            return Shown(False, True, str(error), error.hint)
        except UpstreamError as error:
            return Shown(False, False, short_reason(error), error.hint)
        return Shown(True, content_type=answer.headers.get("content-type", ""))
