"""Reads `data:` URLs: pictures that stand in the text of a page; asks no network.

Read as browsers do: https://fetch.spec.whatwg.org/#data-url-processor
"""

import binascii
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from datafetch.upstream_errors import Malformed, TooLarge
from datafetch.urls import well_formed

MAX_BYTES = 512 * 1024
"""The most bytes that a `data:` URL may hold: as many as are read of a page."""

_ENCODED_LENGTH = 4
"""At most so many characters stand for one byte: three for `%41`, and four for some in base64."""

_OUTSIDE = "".join(map(chr, range(0x21)))
"""What browsers drop at both ends of a URL (URL Standard, "URL parsing")."""

_BREAKS = str.maketrans("", "", "\t\n\r")
_BASE64 = re.compile(r";[ ]*base64\Z", re.IGNORECASE)
_BLANKS = b"\t\n\f\r "
_LETTERS = re.compile(rb"[A-Za-z0-9+/]*")
_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}/[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}")
_UNTYPED = "text/plain"


@dataclass(frozen=True, slots=True)
class DataUrl:
    """What a `data:` URL holds.

    Attributes:
        media_type: the type that it states, in lower case and without parameters; whether the
            bytes are of that type is not known.
        body: the decoded bytes.
    """

    media_type: str
    body: bytes


def is_data_url(url: str) -> bool:
    """Whether browsers take this text for a `data:` URL, valid or not."""
    return url[:64].lstrip(_OUTSIDE).translate(_BREAKS)[:5].lower() == "data:"


def read_data_url(url: str, limit: int = MAX_BYTES) -> DataUrl:
    """Decode a `data:` URL, written in base64 or with percent signs; its fragment is left out.

    The bytes need the same checks as a download: `inspect(BytesIO(body))` says what they are.

    Raises:
        Malformed: it is no `data:` URL, has no comma, or breaks the rules of base64.
        TooLarge: it holds more than `limit` bytes.
    """
    if len(url) > _ENCODED_LENGTH * limit + 1024:
        raise TooLarge(f"the data: URL holds more than {limit} bytes")
    text = url.strip(_OUTSIDE).translate(_BREAKS).partition("#")[0]
    if text[:5].lower() != "data:":
        raise Malformed("the address is no data: URL")
    stated, comma, data = text[5:].partition(",")
    if not comma:
        raise Malformed("the data: URL has no comma, so it holds nothing")
    body = unquote_to_bytes(well_formed(data).encode())
    stated = stated.strip(" \f")
    if _BASE64.search(stated):
        body = _from_base64(body)
    if len(body) > limit:
        raise TooLarge(f"the data: URL holds more than {limit} bytes")
    named = stated.partition(";")[0].strip().lower()
    return DataUrl(named if _TYPE.fullmatch(named) else _UNTYPED, body)


def _from_base64(text: bytes) -> bytes:
    """Decode as https://infra.spec.whatwg.org/#forgiving-base64-decode says."""
    text = text.translate(None, _BLANKS)
    if len(text) % 4 == 0:
        text = text.removesuffix(b"=").removesuffix(b"=")
    if len(text) % 4 == 1 or not _LETTERS.fullmatch(text):
        raise Malformed("the data: URL is not valid base64")
    return binascii.a2b_base64(text + b"=" * (-len(text) % 4))
