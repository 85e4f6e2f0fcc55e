"""Resolves what is left of letters that a site escaped twice, and nothing else."""

import re
import unicodedata
from functools import cache
from html.entities import html5

_ALPHABETS = ("LATIN ", "GREEK ", "CYRILLIC ")


def mend_letters(text: str) -> str:
    """The text with letters in place of the entities that still stand for them: `d&eacute;but`.

    A page's entities were resolved once, as browsers do, so that a text about `&nbsp;` stays what
    it is. Some sites escape twice. That is certain only where an entity stands for a letter inside
    a word, which would make no sense otherwise. So only entities of letters are resolved, and only
    in words that have plain letters as well.
    """
    return _words().sub(_mended, text) if "&" in text else text


def _mended(word: re.Match[str]) -> str:
    source = word.group()
    # A word of entities alone may be what a text is about.
    if source.startswith("&") and _letter().sub("", source) == "":
        return source
    return _letter().sub(lambda entity: html5[entity.group()[1:]], source)


@cache
def _words() -> re.Pattern[str]:
    return re.compile(rf"(?:{_letter().pattern}|[^\W\d_])++")


@cache
def _letter() -> re.Pattern[str]:
    """Matches each entity of HTML that stands for a letter."""
    names = (name[:-1] for name, meant in html5.items() if name.endswith(";") and _is_letter(meant))
    return re.compile(f"&(?:{'|'.join(sorted(names))});")


def _is_letter(meant: str) -> bool:
    return (
        len(meant) == 1 and meant.isalpha() and unicodedata.name(meant, "").startswith(_ALPHABETS)
    )
