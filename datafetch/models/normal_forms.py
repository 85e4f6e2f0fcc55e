"""The normal forms of Unicode, made in linear time."""

import unicodedata
from collections.abc import Iterator
from typing import Literal

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

_SHORT = 1000
"""Characters; a text of no more takes under a millisecond, whatever they are."""

_MOST_MARKS = 30

_LIKE_MARKS = "\uff9e\uff9f"
"""The only letters that NFKD makes marks of: half as wide as usual, for Japanese."""


def in_form(form: Form, text: str) -> str:
    """The text in that form; one of over 1,000 characters keeps at most 30 marks in a row.

    `unicodedata.normalize` brings the marks that follow a letter in order by moving each past the
    others: 40,000 of them took over a second, and the text may be a stranger's. No language puts
    more than a few on a letter (Unicode Standard Annex 15, 13, "Stream-Safe Text Format").
    """
    if len(text) > _SHORT and not text.isascii():
        text = "".join(_without_heaps(text))
    return unicodedata.normalize(form, text)


def _without_heaps(text: str) -> Iterator[str]:
    in_a_row = 0
    for character in text:
        is_mark = unicodedata.category(character).startswith("M") or character in _LIKE_MARKS
        in_a_row = in_a_row + 1 if is_mark else 0
        if in_a_row <= _MOST_MARKS:
            yield character
