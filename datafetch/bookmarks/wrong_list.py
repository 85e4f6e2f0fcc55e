"""Says what is wrong when the server does not know the list of the settings.

The server is asked once for its lists, so that the user is told which id to set.
"""

import re
from collections.abc import Callable, Mapping

from datafetch.bookmarks.rules.list_ids import NamedList, wrong_list
from datafetch.models.text import one_line
from datafetch.net.guard import public_url
from datafetch.ops.failures import short_reason
from datafetch.upstream_errors import Denied, Missing, Rejected, UpstreamError

_MOST_OF_AN_ID = 100
_PLAIN = re.compile(r"[\w.~-]+", re.ASCII)
_INVALID, _MISSING = 400, 404
"""With 400 the server refuses what it cannot read (tRPC's `BAD_REQUEST`)."""


def is_about_the_list(error: UpstreamError, given: str) -> bool:
    """Whether a failed request for a list may mean that there is no list with the `given` id.

    Proxies answer a path with an odd id, such as an address, with pages of their own.
    """
    if isinstance(error, Missing) or (isinstance(error, Rejected) and error.status == _INVALID):
        return True
    return error.status in (_INVALID, _MISSING) and not _PLAIN.fullmatch(given)


def no_such_list(
    error: UpstreamError, given: str, base: str, ask: Callable[[], Mapping[str, object]]
) -> Missing:
    """The error to raise in place of the server's own.

    Raises:
        UpstreamError: `error` itself, if the server refuses the other request as it did this one:
            then it is not the list that is wrong.

    Args:
        error: that of the request for the list.
        given: the list's id in the settings.
        base: the URL of the server's API.
        ask: asks the server for all lists that the token can read; called once.
    """
    lists: list[NamedList] | None = None
    unnamed = ""
    try:
        lists = read_lists(ask())
    except Denied:
        unnamed = "its key lacks the scope lists:read, so the lists it can read are not named"
    except Missing:
        unnamed = (
            f"{public_url(base)}/lists answers 404 as well: is BOOKMARKS_API_URL the address of "
            "Karakeep itself?"
        )
    except Rejected:
        raise error from None
    except UpstreamError as fault:
        unnamed = f"the lists that it can read could not be asked for ({short_reason(fault)})"
    found = wrong_list(given, lists, unnamed)
    where = f"{public_url(base)} ({error.status})"
    return Missing(
        f'no list "{one_line(given, _MOST_OF_AN_ID)}" at {where}; {found.reason}',
        url=error.url,
        status=error.status,
        hint=found.hint,
    )


def read_lists(value: Mapping[str, object]) -> list[NamedList]:
    """The lists of an answer that have an id; foreign text, to be shown only."""
    entries = value.get("lists")
    return [
        NamedList(entry["id"], name if isinstance(name := entry.get("name"), str) else "")
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    ]
