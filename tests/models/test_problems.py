"""What is said of a value that has another shape than expected."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from datafetch.models.problems import first_problem


def problem(shape: Any, value: object, *, skip: int = 0) -> str:
    """What is said of a value that is not of this shape."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(shape).validate_python(value)
    return first_problem(caught.value, skip=skip)


def test_the_field_is_named_and_the_value_is_not() -> None:
    """Whoever mends the object is told where to look; the value may be a secret."""
    said = problem(dict[str, list[int]], {"weeks": [1, "secret"]})
    assert said.startswith("weeks.1: Input should be a valid integer")
    assert "secret" not in said


def test_outer_fields_can_be_left_out() -> None:
    """The name of a private repository may be the key of a mapping."""
    assert problem(dict[str, list[int]], {"private": ["x"]}, skip=1).startswith("0: Input")


def test_a_value_without_fields_has_no_place() -> None:
    """Of a value as a whole only the problem is said."""
    assert problem(list[int], 5) == "Input should be a valid list"


def test_control_characters_of_a_key_are_escaped() -> None:
    """A key in a manifest of somebody else's cannot take over a terminal."""
    assert problem(dict[str, int], {"\x1b[2J": None}).startswith(r"\x1b[2J: Input")
