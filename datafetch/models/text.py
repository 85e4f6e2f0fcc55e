"""Foreign text as a message may hold it."""

from datafetch.logs import redact

_LOOKED_AT = 16 * 1024
"""Characters from the start of a text that are looked at."""


def one_line(text: str, most: int) -> str:
    """The text as one line of at most `most` characters, without secrets and control characters.

    Secrets go first: of one that is cut in two, the first half would not be known as one.
    """
    known = redact(text[:_LOOKED_AT])
    printable = "".join(char if char.isprintable() else " " for char in known[: 8 * most])
    line = " ".join(printable.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
