"""Says what is wrong with a list's id that the server does not know, and which id to set."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from datafetch.models.text import one_line
from datafetch.urls import parse

SETTING = "BOOKMARKS_LIST_ID"

_NAMED = 10
"""Most lists that a message names."""

_MOST_OF_AN_ID = 100
_MOST_OF_A_NAME = 40
_QUOTES = "\"'`\u201c\u201d"
_SOURCE = "the id is the end of the list's address in Karakeep: …/dashboard/lists/ID"


@dataclass(frozen=True, slots=True)
class NamedList:
    """A list that the token can read."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class WrongList:
    """Why an id is wrong, as the end of a sentence, and what to type instead."""

    reason: str
    hint: str


def wrong_list(given: str, lists: Sequence[NamedList] | None, unnamed: str = "") -> WrongList:
    """What to say of an id that the server does not know.

    Args:
        given: the value of `BOOKMARKS_LIST_ID`.
        lists: those that the token can read; None when they could not be asked for.
        unnamed: why they could not, as a sentence.
    """
    bare = given.strip().strip(_QUOTES).strip()
    readable = _readable(lists) if lists is not None else unnamed
    in_address = _id_in_address(bare)
    if in_address is not None:
        return _as_meant(
            f"that is the address of a page, and the list's id in it is {_shown(in_address)}",
            in_address,
            lists,
            readable,
        )
    named = [found for found in lists or () if found.name.strip().casefold() == bare.casefold()]
    if named:
        ids = " or ".join(f"{SETTING}={_shown(found.id)}" for found in named)
        return WrongList(f"that is the name of a list, not its id; {readable}", f"Set {ids}.")
    if bare != given.strip():
        reason = "its quotes are part of the value, as docker's --env-file keeps them"
        return _as_meant(reason, bare, lists, readable, how=", without quotes")
    if bare != given:
        return _as_meant("it has spaces around it", bare, lists, readable, how=", without spaces")
    reason = "an id has no spaces; " if len(bare.split()) > 1 else ""
    return WrongList(reason + readable, _choice(bare, lists))


def _as_meant(
    reason: str, meant: str, lists: Sequence[NamedList] | None, readable: str, how: str = ""
) -> WrongList:
    """What to say when the wrong value shows which id the user meant.

    The hint is to set `meant`, unless the token's lists are known and none has that id.
    """
    if lists is None or any(found.id == meant for found in lists):
        return WrongList(reason, f"Set {SETTING}={_shown(meant)}{how}.")
    return WrongList(f"{reason}; {readable}", _choice(meant, lists))


def _readable(lists: Sequence[NamedList]) -> str:
    if not lists:
        return "this token can read no list at all"
    named = [
        f"{one_line(found.name, _MOST_OF_A_NAME)} = {_shown(found.id)}" for found in lists[:_NAMED]
    ]
    more = f" and {len(lists) - _NAMED} more" if len(lists) > _NAMED else ""
    return f"lists this token can read: {', '.join(named)}{more}"


def _choice(given: str, lists: Sequence[NamedList] | None) -> str:
    if lists is None:
        return f"Check {SETTING}: {_SOURCE}."
    if not lists:
        return "Make a list in Karakeep, or use an API key of the user whose list it is."
    close = difflib.get_close_matches(given, [found.id for found in lists], n=1, cutoff=0.8)
    if close:
        return f"Did you mean {SETTING}={_shown(close[0])}?"
    return f"Set {SETTING} to one of these ids; {_SOURCE}."


def _id_in_address(text: str) -> str | None:
    """The id in the address of a list's page (`https://…/dashboard/lists/abc123`)."""
    url = parse(text) if "/" in text else None
    path = url.path if url is not None else text.partition("?")[0].partition("#")[0]
    before, found, rest = path.rpartition("/lists/")
    known = rest.strip("/").partition("/")[0]
    return known if found and known and (url is not None or before.startswith("/")) else None


def _shown(list_id: str) -> str:
    return one_line(list_id, _MOST_OF_AN_ID)
