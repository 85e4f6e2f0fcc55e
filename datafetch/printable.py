"""Shows characters that would steer a terminal, or turn text around, as escapes.

Titles, answers of servers and values of settings come from others. Printed as they are, such
characters could forge lines, hide text or change the terminal.
"""

import re

_UNSHOWABLE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1: U+009B begins a command as ESC [ does (ECMA-48)
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # order of letters (Unicode TR 9)
    "\u2028\u2029"  # ends of lines
    # Nothing to be seen: Unicode's Default_Ignorable_Code_Point, with annotations and tags. The
    # joiners and the first sixteen variation selectors stay: Persian and emoji are written with them.
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ud800-\udfff"  # halves of pairs, which no output can be given
    "]"
    "|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]"  # a row of variation selectors can carry a hidden text
)


def printable(text: str) -> str:
    r"""The text as one line that is safe to print: a line end is `\n`, an escape `\x1b`."""
    return _UNSHOWABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def without_unshowable(text: str) -> str:
    """The text without these characters."""
    return _UNSHOWABLE.sub("", text)


def printable_json(document: str) -> str:
    r"""The JSON, with each such character as a JSON escape (`\u009b`), which parsers turn back.

    The document has to stand on one line: the end of a line would become an escape, too.
    """
    import json  # whoever has such a document has loaded it; help and version need none

    return _UNSHOWABLE.sub(lambda found: json.dumps(found[0])[1:-1], document)
