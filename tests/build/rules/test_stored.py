"""Stored objects are read as the site's browsers read them, and what is wrong is named."""

import pytest
from pydantic import TypeAdapter, ValidationError

from datafetch.build.rules.stored import Count, StoredModel, parse, read_as
from datafetch.errors import CorruptObject


class Shelf(StoredModel):
    """Something that is stored."""

    book_count: Count
    open: bool = True


SHELF = TypeAdapter(Shelf)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b"NaN", b"[" * 200_000])
def test_what_browsers_cannot_read_is_no_json(body: bytes) -> None:
    """Cut short, not UTF-8, with a mark, not a number, nested without end: all name the object."""
    with pytest.raises(CorruptObject, match="some-key is not JSON") as caught:
        parse("some-key", body)
    assert caught.value.key == "some-key"


def test_a_field_that_is_not_read_may_be_anything_but_no_json() -> None:
    """Further fields are ignored, but a browser refuses an object with NaN anywhere in it."""
    assert read_as(SHELF, "key", b'{"bookCount": 3, "more": null}') == Shelf(bookCount=3)  # type: ignore[call-arg]
    with pytest.raises(CorruptObject, match="key is not JSON"):
        read_as(SHELF, "key", b'{"bookCount": 3, "more": NaN}')


def test_what_was_read_cannot_be_changed() -> None:
    """What was checked is what a build works with."""
    shelf = read_as(SHELF, "key", b'{"bookCount": 3}')
    with pytest.raises(ValidationError, match="frozen"):
        shelf.open = False


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"bookCount": "3"}', "bookCount: Input should be a valid integer"),
        (b'{"bookCount": true}', "bookCount: Input should be a valid integer"),
        (b'{"bookCount": 3.0}', "bookCount: Input should be a valid integer"),
        (b'{"bookCount": -1}', "bookCount: Input should be greater than or equal to 0"),
        (b'{"bookCount": 3, "open": 1}', "open: Input should be a valid boolean"),
        (b'{"book_count": 3}', "bookCount: Field required"),
    ],
)
def test_a_field_of_another_type_is_named(body: bytes, problem: str) -> None:
    """Nothing is converted: the site would not either. Object and field stand in the message."""
    with pytest.raises(CorruptObject, match=f"some-key cannot be used: {problem}") as caught:
        read_as(SHELF, "some-key", body)
    assert caught.value.key == "some-key"
