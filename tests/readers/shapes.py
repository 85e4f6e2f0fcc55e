"""The parts that the readers' shapes are made of, and how an object is held against a shape."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

import ada_url
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

Value = TypeVar("Value")


class Shape(BaseModel):
    """An object of JSON: no value is converted, unknown fields are let pass, as the readers do.

    A field with a default may be absent; it may be null only where its type says so.
    """

    model_config = ConfigDict(strict=True, extra="allow", alias_generator=to_camel)


def _web_address(text: str) -> str:
    if text != text.strip() or re.search(r"[\x00-\x20\x7f]", text.partition("/")[0]):
        raise ValueError("is not an absolute web address")
    try:
        url = ada_url.URL(text)
    except ValueError as error:
        raise ValueError("is not an absolute web address") from error
    if url.protocol not in ("http:", "https:") or not url.hostname:
        raise ValueError("is not an absolute web address")
    if not re.match(r"https?://[^/\\]", text):
        raise ValueError("is an address that only browsers read so")
    return text


def _own_name(text: str) -> str:
    if text.removeprefix("www.") != text and text.count(".") > 1:
        raise ValueError("begins with www.")
    if ada_url.URL(f"https://{text}/").hostname != text:
        raise ValueError("is not written as browsers write a host")
    return text


Filled = Annotated[str, Field(min_length=1)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Host = Annotated[str, AfterValidator(_own_name)]
Count = Annotated[int, Field(ge=0)]
Milliseconds = Annotated[int, Field(gt=1_000_000_000_000, lt=10_000_000_000_000)]
"""Since 1970; seconds, and texts, are no such number."""

Time = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-([0-2][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?Z$"
    ),
]
"""ISO 8601 in UTC, every number with its zeros: the only form that their `datetime()` takes."""

Day = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def read(
    objects: Mapping[str, bytes], key: str, shape: type[Value], told: list[str]
) -> tuple[Value | None, Any]:
    """An object as its shape, and as plain JSON; what is wrong with it is added to `told`.

    The shape is None when the object is absent or refused, the JSON when it is absent or none.
    """
    if key not in objects:
        told.append(f"{key}: is absent")
        return None, None
    try:
        plain = json.loads(objects[key].decode())
    except ValueError:
        told.append(f"{key}: is no JSON in UTF-8")
        return None, None
    try:
        return TypeAdapter(shape).validate_json(objects[key]), plain
    except ValidationError as error:
        for problem in error.errors():
            where = ".".join(map(str, problem["loc"])) or "whole"
            told.append(f"{key}: {where}: {problem['msg']}")
        return None, plain


def contiguous(objects: Mapping[str, bytes], prefix: str) -> Iterator[tuple[int, str]]:
    """Number and key of each page below a prefix, in order."""
    pattern = re.compile(re.escape(prefix) + r"page-([1-9][0-9]*)\.json")
    found = (pattern.fullmatch(key) for key in objects)
    yield from sorted((int(match.group(1)), match.group()) for match in found if match)


def linked_slug(name: str) -> str:
    """The slug under which readers link a tag of this name, and that their route makes of a slug.

    Empty for a name of which ASCII keeps nothing.
    """
    name = re.sub(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2066-\u206f]", "", name)
    for sign, word in (("++", "-plus-plus"), ("+", "-plus"), ("&", "-and-"), ("#", "-sharp")):
        name = name.replace(sign, word)
    name = re.sub(r"^\.", "dot", name.replace("@", "-at-"))
    name = re.sub(r"\.(?=[A-Za-z])", "dot", name)
    bare = "".join(
        mark for mark in unicodedata.normalize("NFD", name) if not "\u0300" <= mark <= "\u036f"
    )
    kept = re.sub(r"[^a-z0-9_\s-]", "", bare.lower())
    return re.sub(r"[-_\s]+", "-", kept).strip("-")


def hash8(text: str) -> str:
    """The eight hex digits that stand in the names of pictures."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def host_of(url: str) -> str:
    """An address's host as browsers write it, without `www.`; empty when it is no address."""
    if not ada_url.check_url(url):
        return ""
    return str(ada_url.URL(url).hostname).removeprefix("www.")


def key_below(url: str, base: str) -> str | None:
    """The key of the object that an address below `base` leads to; None when it is elsewhere."""
    path = url.partition("#")[0].partition("?")[0]
    return path.removeprefix(f"{base}/") if path.startswith(f"{base}/") else None
