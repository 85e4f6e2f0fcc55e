"""JSON that belongs to others, and which of its texts may be part of a name of ours."""

import re
from typing import Any

JsonObject = dict[str, Any]
"""A JSON object whose further fields belong to others and are kept as they are."""


_SAFE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def is_safe_segment(text: str) -> bool:
    """Whether an id of somebody else's may be part of a key or of a URL's path."""
    return _SAFE_ID.fullmatch(text) is not None and ".." not in text
