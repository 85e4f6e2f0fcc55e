"""Knows the encodings of the web by their labels, and decodes each as browsers do.

Browsers follow the WHATWG Encoding Standard (encoding.spec.whatwg.org). Python's codecs of the
same names differ from it in places.
"""

from functools import cache

from datafetch.pages import multibyte

_CODECS = {
    "ibm866": "cp866",
    "iso-8859-8-i": "iso-8859-8",
    "macintosh": "mac-roman",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-user-defined": "ascii",
}
"""Python's names of the encodings that it has under another one."""

_FIRST_SIGN = 0xA0
"""Below are the controls of ISO 8859."""

_BY_THE_STANDARD = {
    "koi8-u": {0xAE: "\u045e", 0xBE: "\u040e"},
    "windows-1255": {0xCA: "\u05ba"},
    "x-user-defined": {byte: chr(0xF700 + byte) for byte in range(0x80, 0x100)},
}
"""Characters of single bytes for which Python has others or none."""


def encoding_of(label: str) -> str | None:
    """The encoding that a label stands for, by its name in lower case; None for an unknown one."""
    from webencodings import lookup

    found = lookup(label) if label.isascii() else None
    return None if found is None else found.name.lower()


def decode(body: bytes, encoding: str) -> str:
    """The text of these bytes in one of the encodings that `encoding_of` names. Never fails.

    U+FFFD stands for each fault.
    """
    if encoding == "replacement":
        # Encodings in which markup can hide: browsers show nothing of such a page.
        return "\ufffd" if body else ""
    if encoding in multibyte.ENCODINGS:
        return multibyte.decode(body, encoding)
    if encoding.startswith("utf-"):
        return body.decode(encoding, "replace")
    return body.decode("latin-1").translate(_characters(encoding))


@cache
def _characters(encoding: str) -> str:
    """The characters of an encoding of single bytes, in the bytes' order."""
    known = _BY_THE_STANDARD.get(encoding, {})
    return "".join(known.get(byte) or _character(byte, encoding) for byte in range(0x100))


def _character(byte: int, encoding: str) -> str:
    try:
        return bytes([byte]).decode(_CODECS.get(encoding, encoding))
    except UnicodeDecodeError:
        # Where Microsoft's encodings have no character, they have the control of ISO 8859.
        return chr(byte) if byte < _FIRST_SIGN else "\ufffd"
