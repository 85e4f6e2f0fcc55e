"""Guesses the encoding of a page that declares none, from those of its words that are not ASCII.

The language that the page names leaves few encodings to choose from. Without it the words must be
in a script other than Latin: of a few letters with accents nobody can tell more than that they
are most likely western.
"""

import re
from collections.abc import Sequence

from datafetch.pages.encodings import decode
from datafetch.pages.prescan import language_of

_SAMPLE = 4096
"""Bytes; more of a page says no more of its encoding."""

_BETWEEN_WORDS = re.compile(rb"[\x00-\x3f]+")
"""Bytes that are no part of a character, save of rare ones of GB 18030."""

_HIGH = re.compile(rb"[\x80-\xff]+")
_LONG_RUN = 3
"""So many letters beyond ASCII in a row are rare in Latin script."""

_CONTROLS = re.compile(rb"[\x80-\x9f]")
_POLISH = re.compile(rb"[\xa1\xa6\xac\xb1\xb6\xbc]")
_OTHER_LATIN_2 = re.compile(rb"[\xa9\xab\xae\xb9\xbb\xbe]")
"""Letters of ISO 8859-2 that stand elsewhere in windows-1250, in Polish and in Czech."""

_PER_ODDITY = 12
"""Among so many bytes of a text there may be one that does not fit."""

_SMALL = "\u03ac-\u03ce\u0430-\u045f"
_CAPITAL = "\u0391-\u03a9\u0401-\u042f"
_ODD = re.compile(
    "[\u2500-\u259f]"  # lines of tables
    f"|[{_SMALL}][{_CAPITAL}]"  # a capital after a small letter
    "|[\u05b0-\u05c7]"  # Hebrew's points
    "|[\u05da\u05dd\u05df\u05e3\u05e5](?=[\u05d0-\u05ea])"  # a final letter inside a word
    "|(?<![\u0e01-\u0e4e])[\u0e30-\u0e3a\u0e45-\u0e4e]"  # a Thai vowel without its consonant
    "|[\u0e40-\u0e44](?![\u0e01-\u0e2e])"
    "|[\u0e01-\u0e2f]{5}"  # many Thai consonants without a vowel
    "|[\u0e3f\u0e4f-\u0e5b]"  # Thai digits and signs
)
"""What texts in Greek, Cyrillic, Hebrew and Thai hardly have."""

_CAPITALS = re.compile(f"[{_CAPITAL}](?=[{_CAPITAL}])")
_PER_CAPITAL = 4
"""So many capitals after each other are as odd as one byte that does not fit.

Hebrew in the place of Russian is in capitals throughout.
"""

_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
"""Katakana that pages hardly use. In Shift_JIS most bytes of other encodings are these."""

_PER_KATAKANA = 6
"""So many of them are as odd as one byte that does not fit."""

_ESCAPE = b"\x1b$"
"""Begins Japanese characters in ISO-2022-JP, whose bytes are all ASCII."""

_OF_ANY_LANGUAGE = (
    "shift_jis",
    "euc-jp",
    "gbk",
    "big5",
    "euc-kr",
    "windows-1251",
    "koi8-u",
    "windows-1253",
    "windows-1256",
    "windows-1255",
    "windows-874",
    "iso-8859-5",
    "ibm866",
    "windows-1252",
)
_LATIN_2 = ("windows-1250", "iso-8859-2")
_BY_LANGUAGE = {
    "ja": ("shift_jis", "euc-jp"),
    "zh": ("gbk", "big5"),
    "zh-hans": ("gbk",),
    "zh-cn": ("gbk",),
    "zh-hant": ("big5",),
    "zh-tw": ("big5",),
    "zh-hk": ("big5",),
    "ko": ("euc-kr",),
    **dict.fromkeys(("ru", "uk"), ("windows-1251", "koi8-u", "ibm866")),
    **dict.fromkeys(("be", "bg", "kk", "mk", "sr"), ("windows-1251",)),
    "el": ("windows-1253", "iso-8859-7"),
    **dict.fromkeys(("az", "tr"), ("windows-1254",)),
    **dict.fromkeys(("he", "iw"), ("windows-1255",)),
    **dict.fromkeys(("ar", "fa", "ur"), ("windows-1256",)),
    **dict.fromkeys(("et", "lt", "lv"), ("windows-1257",)),
    "vi": ("windows-1258",),
    "th": ("windows-874",),
    **dict.fromkeys(("bs", "cs", "hr", "hu", "pl", "ro", "sk", "sl", "sq"), _LATIN_2),
}
"""The encodings of old pages in each language, the most frequent first."""

_CODECS = {
    "shift_jis": "cp932",
    "euc-jp": "euc_jis_2004",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc-kr": "cp949",
    "windows-1251": "cp1251",
    "koi8-u": "koi8_u",
    "ibm866": "cp866",
    "windows-1253": "cp1253",
    "iso-8859-7": "iso8859_7",
    "windows-1256": "cp1256",
    "windows-1255": "cp1255",
    "windows-874": "cp874",
    "iso-8859-5": "iso8859_5",
    "windows-1252": "cp1252",
}
"""Python's codecs to compare, by the encodings that they are next to."""


def guess(body: bytes) -> str | None:
    """The encoding of these bytes, which are not UTF-8; None when nothing speaks for any."""
    if body.isascii():
        return "iso-2022-jp" if _ESCAPE in body else None
    sample = _sample(body)
    language = language_of(body) or ""
    known = _BY_LANGUAGE.get(language) or _BY_LANGUAGE.get(language.partition("-")[0])
    if known is None:
        return _likeliest(sample, _OF_ANY_LANGUAGE) if _in_other_script(sample) else None
    if known is _LATIN_2:
        return _latin_2(sample, polish=language.startswith("pl"))
    return _likeliest(sample, known) or min(known, key=lambda name: _oddities(sample, name))


def _sample(body: bytes) -> bytes:
    """The first words that are not ASCII, each once."""
    kept: list[bytes] = []
    length = 0
    for word in dict.fromkeys(word for word in _BETWEEN_WORDS.split(body) if not word.isascii()):
        kept.append(word)
        length += len(word)
        if length > _SAMPLE:
            break
    return b" ".join(kept)[:_SAMPLE]


def _in_other_script(sample: bytes) -> bool:
    runs = [len(run) for run in _HIGH.findall(sample)]
    return sum(run for run in runs if run >= _LONG_RUN) * 3 >= sum(runs)


def _latin_2(sample: bytes, *, polish: bool) -> str:
    only = _POLISH if polish else _OTHER_LATIN_2
    return _LATIN_2[1] if only.search(sample) and not _CONTROLS.search(sample) else _LATIN_2[0]


def _likeliest(sample: bytes, encodings: Sequence[str]) -> str | None:
    """The encoding in which the sample looks most like a text, by charset-normalizer."""
    fitting = [name for name in encodings if _fits(sample, name)]
    if len(fitting) <= 1:
        return fitting[0] if fitting else None
    from charset_normalizer import from_bytes

    names = {_CODECS[name]: name for name in fitting}

    # The last character may be cut, and it would speak against an encoding.
    for text in (sample, sample[:-1]):
        found = from_bytes(
            text,
            cp_isolation=list(names),
            preemptive_behaviour=False,
            enable_fallback=False,
        ).best()
        if found is not None and found.encoding in names:
            return names[found.encoding]
    return None


def _fits(sample: bytes, encoding: str) -> bool:
    """Whether the sample may well be in this encoding."""
    return _oddities(sample, encoding) * _PER_ODDITY <= len(sample)


def _oddities(sample: bytes, encoding: str) -> float:
    """How many characters speak against an encoding; several katakana or capitals count as one."""
    text = decode(sample, encoding)
    odd = sum(1 for _ in _ODD.finditer(text))
    capitals = sum(1 for _ in _CAPITALS.finditer(text))
    katakana = sum(1 for _ in _HALF_WIDTH.finditer(text))
    return text.count("\ufffd") + odd + capitals / _PER_CAPITAL + katakana / _PER_KATAKANA
