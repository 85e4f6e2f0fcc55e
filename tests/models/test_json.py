"""How JSON of ours is written, and which texts of others may be part of a name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.json import compact_json, is_safe_segment


def test_json_is_compact_and_in_the_order_given() -> None:
    """Equal values are equal bytes, and every script stays readable."""
    assert compact_json({"b": [1, None], "a": 'é日本 " \n'}) == '{"b":[1,null],"a":"é日本 \\" \\n"}'


@given(
    st.dictionaries(
        st.text(),
        st.none() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    """Nothing is lost or changed."""
    assert json.loads(compact_json(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [{"x": float("-inf")}]])
def test_what_json_does_not_know_is_refused(value: object) -> None:
    """`NaN` would be read by us and by nobody else."""
    with pytest.raises(ValueError, match="JSON"):
        compact_json(value)


@pytest.mark.parametrize("text", ["a", "ieidlxygmwj87oxz5hxttoc8", "_a.b-c", "7", "a" * 128])
def test_ordinary_ids_may_be_part_of_a_key(text: str) -> None:
    """Those of the bookmark server, and of others like it."""
    assert is_safe_segment(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a..b", ".a", "-a", "a/b", "a\\b", "a b", "a\n", "%2e", "é", "a" * 129],
)
def test_an_id_that_could_lead_elsewhere_is_no_part_of_a_key(text: str) -> None:
    """An asset's id led out of its folder."""
    assert not is_safe_segment(text)
