"""Reads the forms that browsers send: fields by their names, or None for what is no form."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

_KIND = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20


async def fields_of(request: Request) -> Mapping[str, str] | None:
    """The fields of a form (WHATWG URL, 5.1); the first of a name counts."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _KIND:
        return None
    body = await request.body()  # the guards have bounded it
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MOST_FIELDS,
            errors="strict",
        )
    except ValueError:
        return None
    return dict(reversed(pairs))
