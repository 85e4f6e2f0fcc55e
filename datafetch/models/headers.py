"""Reads the setting that holds request headers, one `Name: value` on a line."""

import re

# RFC 9110, 5.6.2: the characters of a token; 5.5: those of a value, less the obsolete ones.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")

_NEXT_LINE = re.compile(r"\\n[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+:")
"""A line end that is written as two characters, and not read as one, before another header."""

_OURS = frozenset(
    {
        *("accept", "accept-encoding", "authorization", "connection", "content-length"),
        *("content-type", "expect", "host", "keep-alive", "range", "te", "trailer"),
        *("transfer-encoding", "upgrade", "user-agent"),
    }
)
"""Headers by which the client says how it talks; another value would break its requests."""


def fits_value(text: str) -> bool:
    """Whether a header can carry this value: printable ASCII, with spaces inside only, not empty."""
    return _VALUE.fullmatch(text) is not None


def read_header_lines(text: str) -> tuple[tuple[str, str], ...]:
    """Name and value of each header; lines without any text are skipped.

    Raises:
        ValueError: a line is no header, or one that datafetch sets itself, or a name came twice.
            The message names the line by its number, since values are secret.
    """
    found: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or _NAME.fullmatch(name) is None:
            raise ValueError(f"line {number} should be `Name: value`")
        if not fits_value(value):
            raise ValueError(f"line {number}: a header's value is printable ASCII, and not empty")
        if _NEXT_LINE.search(value):
            raise ValueError(
                rf"line {number} holds \n as two letters before another header: in .env write "
                "the lines within double quotes, elsewhere with real line ends"
            )
        if name.lower() in _OURS:
            raise ValueError(f"line {number}: datafetch sets {name} itself")
        if name.lower() in found:
            raise ValueError(f"line {number}: {name} was given before")
        found[name.lower()] = (name, value)
    return tuple(found.values())
