"""Foreign text as a message may hold it."""


def one_line(text: str, most: int) -> str:
    """The text as one line of at most `most` characters, without control characters.

    What may hold secrets goes through `redaction.redact` first: half a secret is not known as one.
    """
    printable = "".join(char if char.isprintable() else " " for char in text[: 8 * most])
    line = " ".join(printable.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
