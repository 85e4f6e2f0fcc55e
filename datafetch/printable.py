"""Shows characters that would steer a terminal, or turn text around, as escapes.

Titles, answers of servers and values of settings come from others. Printed as they are, such
characters could forge lines, hide text or change the terminal.
"""

import re

_UNSHOWABLE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1: U+009B begins a command as ESC [ does (ECMA-48)
    "\u00ad\u200b\u2060-\u2064\ufeff"  # nothing to be seen
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # order of letters (Unicode TR 9)
    "\u2028\u2029"  # ends of lines
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations and tags: text that is not shown
    "\ud800-\udfff"  # halves of pairs, which no output can be given
    "]"
)


def printable(text: str) -> str:
    r"""The text as one line that is safe to print: a line end is `\n`, an escape `\x1b`."""
    return _UNSHOWABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def printable_json(document: str) -> str:
    r"""The JSON, with each such character as a JSON escape (`\u009b`), which parsers turn back.

    The document has to stand on one line: the end of a line would become an escape, too.
    """
    import json  # whoever has such a document has loaded it; help and version need none

    return _UNSHOWABLE.sub(lambda found: json.dumps(found[0])[1:-1], document)
