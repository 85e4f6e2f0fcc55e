"""Decodes a page by its byte order mark, header or `<meta>`, unless its bytes contradict these.

Browsers believe in that order, and hold to it whatever comes out (HTML Standard, 13.2.3.2). Here
bytes that say for themselves what they are beat a declaration, as servers declare their default
for pages of every kind.
"""

import codecs
import re

from datafetch.pages.encodings import decode
from datafetch.pages.guess import guess
from datafetch.pages.prescan import PRESCAN, from_header, from_page

_FALLBACK = "windows-1252"
"""The encoding that browsers in western locales assume when none is declared."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16le"),
    (codecs.BOM_UTF16_BE, "utf-16be"),
)
_UTF16 = ("utf-16le", "utf-16be")

_ESCAPE = b"\x1b$"
"""Begins Japanese characters in ISO-2022-JP."""

_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_REPLACEMENT = "\ufffd".encode()
_CUT = re.compile(
    rb"(?:\xe0[\xa0-\xbf]|\xed[\x80-\x9f]|[\xe1-\xec\xee\xef][\x80-\xbf]"
    rb"|(?:\xf0[\x90-\xbf]|[\xf1-\xf3][\x80-\xbf]|\xf4[\x80-\x8f])[\x80-\xbf]?)(?![\x80-\xbf])"
)
"""The first two or three bytes of a longer character in UTF-8, without its last one."""


def decode_page(body: bytes, content_type: str = "") -> str:
    """Decode a page, or the beginning of one, whose last character may be cut. Never fails.

    In this order:

    1. A byte order mark.
    2. Bytes beyond ASCII that are all valid UTF-8.
    3. The encoding of the header, else of the page's tags; UTF-8 when neither declares one. UTF-8
       is believed only when no more than half of what is not ASCII is broken. UTF-16 is believed
       only where there are zero bytes, as markup in UTF-16 has one in every other byte.
    4. The other declaration, when UTF-8 was not believed.
    5. A guess, and last windows-1252.

    Args:
        body: the bytes.
        content_type: the header of that name.
    """
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return decode(body[len(mark) :], encoding)
    declared = [
        encoding
        for encoding in (from_header(content_type), from_page(body))
        if encoding is not None and (encoding not in _UTF16 or b"\x00" in body[:PRESCAN])
    ]
    first = declared[0] if declared else None
    if first not in _UTF16:
        text = codecs.getincrementaldecoder("utf-8")("replace").decode(body)
        if _is_utf8(text, body, first):
            return text
    other = next((encoding for encoding in declared if encoding != "utf-8"), None)
    return decode(body, other or guess(body) or _FALLBACK)


def _is_utf8(text: str, body: bytes, declared: str | None) -> bool:
    """Whether bytes are to be read as UTF-8, given their text as UTF-8 and what was declared."""
    believed = declared in (None, "utf-8")
    if body.isascii():
        # Then every encoding but those with escape sequences reads the same.
        return believed and (declared is not None or _ESCAPE not in body)
    faults = text.count("\ufffd") - body.count(_REPLACEMENT)
    if faults == 0:
        return True
    foreign = sum(map(len, _FOREIGN.findall(text)))
    # A text that was cut inside a character is damaged, but is in no other encoding.
    cut = sum(1 for _ in _CUT.finditer(body))
    return believed and (faults - cut) * 2 <= foreign
