"""Reads a stored object in the shape that the site expects, or says which field is wrong."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from datafetch.errors import CorruptObject
from datafetch.models.json import read_json
from datafetch.models.problems import first_problem

T = TypeVar("T")

Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""A whole number; the site, in JavaScript, reads no larger one exactly."""


class StoredModel(BaseModel):
    """Base of stored objects as the site reads them: names in camel case, no value converted."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, strict=True)


def parse(key: str, body: bytes) -> object:
    """JSON as browsers read it: UTF-8 without a byte order mark, no NaN.

    Raises:
        CorruptObject: the body is not such JSON.
    """
    try:
        return read_json(body.decode())
    except ValueError as error:
        raise CorruptObject(f"{key} is not JSON: {error}", key=key) from error


def read_as(shape: TypeAdapter[T], key: str, body: bytes) -> T:
    """The stored object as a value of this shape; fields that the shape does not name are ignored.

    Raises:
        CorruptObject: the body is not JSON, or not of this shape; the message names the field.
    """
    try:
        return shape.validate_python(parse(key, body))
    except ValidationError as error:
        raise unusable(key, first_problem(error)) from error


def unusable(key: str, reason: str) -> CorruptObject:
    """The error that says why the object under this key cannot be used."""
    return CorruptObject(f"{key} cannot be used: {reason}", key=key)
