"""File names that every system takes: those that Windows cannot have are written in another way.

A repository with one file named `aux` cannot be checked out on Windows at all. In place of such a
name stands one in which `~` and two hex digits are a character: `aux` is `~61ux`, `a:b` is `a~3ab`.
A name that only looks like that is written so too, so that no two names become one.
"""

import re
from functools import lru_cache

_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{port}{number}" for port in ("COM", "LPT") for number in "123456789¹²³"}
)
"""Names of devices, with any extension and in any case.

https://learn.microsoft.com/windows/win32/fileio/naming-a-file
"""

_FORBIDDEN = re.compile(r'[<>:"|?*\x01-\x1f]')
_FORBIDDEN_AT_THE_END = (".", " ")
_ESCAPE = re.compile(r"~([0-9a-f]{2})")
_LONGEST = 1024
"""Bytes of a key, and so of a name that we write; a longer one is somebody else's, and stays."""

_ODD_CHARACTER = re.compile(r'[<>:"|?*~\x01-\x1f]')
_DEVICE_STARTS = frozenset({"con", "prn", "aux", "nul", "com", "lpt"})


@lru_cache(maxsize=64)  # one write asks several times for its key
def is_suspect(key: str) -> bool:
    """Whether a segment of the key may be written in another way; if not, none of them is.

    `_is_rewritten` then says of each segment whether it really is. Each read and write asks this
    first, so it is made of searches that run in C.
    """
    return (
        _ODD_CHARACTER.search(key) is not None
        or key.endswith(_FORBIDDEN_AT_THE_END)
        or "./" in key
        or " /" in key
        or not _DEVICE_STARTS.isdisjoint([part[:3] for part in key.lower().split("/")])
    )


def file_name(segment: str) -> str:
    """The name under which a segment of a key is stored."""
    return _escaped(segment) if is_suspect(segment) and _is_rewritten(segment) else segment


def segment_of(name: str) -> str:
    """The segment of a key that is stored under this name."""
    if "~" not in name:
        return name
    segment = _unescaped(name)
    return segment if _is_rewritten(segment) and _escaped(segment) == name else name


def _is_rewritten(segment: str) -> bool:
    """Whether a segment cannot be a name on Windows, or looks like one that is written for it."""
    if len(segment) > _LONGEST:
        return False
    while not _is_forbidden(segment):
        shorter = _unescaped(segment)
        if shorter == segment or _escaped(shorter) != segment:
            return False
        segment = shorter
    return True


def _is_forbidden(segment: str) -> bool:
    return (
        segment.endswith(_FORBIDDEN_AT_THE_END)
        or _FORBIDDEN.search(segment) is not None
        or _is_device(segment)
    )


def _is_device(segment: str) -> bool:
    return segment.partition(".")[0].rstrip(" ").upper() in _DEVICES


def _escaped(segment: str) -> str:
    if _is_device(segment):
        head, rest = _code(segment[0]), segment[1:]
    else:
        head, rest = "", segment
    end = ""
    if rest.endswith(_FORBIDDEN_AT_THE_END):
        rest, end = rest[:-1], _code(rest[-1])
    middle = rest.replace("~", "~7e")
    return head + _FORBIDDEN.sub(lambda found: _code(found[0]), middle) + end


def _code(character: str) -> str:
    return f"~{ord(character):02x}"


def _unescaped(name: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), name)
