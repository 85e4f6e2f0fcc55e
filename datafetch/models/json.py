"""JSON helpers: a type for foreign objects, a compact writer, and a check of foreign ids."""

import json
import re
from typing import Any

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


def is_safe_segment(text: str) -> bool:
    """Whether an id from outside may be part of a key or of a URL's path."""
    return _SAFE_ID.fullmatch(text) is not None and ".." not in text
