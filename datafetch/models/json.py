"""JSON helpers: a type for foreign objects, a strict reader, writers, and a check of foreign ids."""

import json
import math
import re
from typing import Any, NoReturn

from datafetch.models.json_bounds import check_density

JsonObject = dict[str, Any]
"""A JSON object; fields that datafetch does not know are kept as they are."""

_SAFE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


# Written values were read from JSON or made for it, so none can contain itself.
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False
)


def compact_json(value: object) -> str:
    """A value as JSON: without spaces, keys in the order given, letters beyond ASCII unescaped.

    Raises:
        ValueError: it holds NaN or an infinity, which JSON does not know.
    """
    return _ENCODER.encode(value)


def encode_json(value: object) -> bytes:
    """The bytes that are stored for a value: its `compact_json` in UTF-8.

    What JSON or UTF-8 cannot hold is written as JavaScript would: null for NaN and the
    infinities, U+FFFD for half a surrogate pair.
    """
    try:
        text = compact_json(value)
    except ValueError:
        text = compact_json(json.loads(json.dumps(value), parse_constant=_null))
    try:
        return text.encode()
    except UnicodeEncodeError:
        from datafetch.urls import well_formed  # which takes a library that is rarely needed here

        return well_formed(text).encode()


def _null(_: str) -> None:
    """What stands for NaN and the infinities in JSON."""


def read_json(text: str | bytes) -> object:
    """Read JSON as RFC 8259 has it, and nothing that could not be written as JSON again.

    Raises:
        ValueError: it is not JSON, is nested too deeply, or has NaN, an infinity, or a number that
            Python cannot read: too large for a float, or an integer of more than 4,300 digits; or
            it would take many times its length in memory (`check_density`).
    """
    check_density(text.encode(errors="replace") if isinstance(text, str) else text)
    try:
        value: object = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number that is too large")
    return number


def canonical_json(value: object) -> str:
    """A text that two JSON values have in common when they say the same.

    The order of keys does not matter, nor whether a whole number is written `1` or `1.0`.
    """
    # A function of ours for each level would end at half of the depth that `json` reads.
    same = json.loads(json.dumps(value), parse_float=_without_point, parse_constant=_null)
    return json.dumps(same, sort_keys=True)


def says_the_same(text: bytes, other: bytes) -> bool:
    """Whether two JSON texts hold the same value, however they are printed."""
    try:
        return text == other or canonical_json(read_json(text)) == canonical_json(read_json(other))
    except (ValueError, RecursionError):
        return False


def _without_point(digits: str) -> float:
    number = float(digits)
    return int(number) if number.is_integer() else number


def is_safe_segment(text: str) -> bool:
    """Whether an id from outside may be part of a key or of a URL's path."""
    return _SAFE_ID.fullmatch(text) is not None and ".." not in text
