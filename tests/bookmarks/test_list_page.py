"""One bad item of a page costs itself: it is set aside with its id and the reason."""

import json

import pytest

from datafetch.bookmarks.list_page import BrokenItem, read_page
from datafetch.models.json_bounds import TooMuchJson

GOOD = b'{"id":"good","createdAt":"2026-01-01T00:00:00.000Z"}'
BAD = {
    "an integer of 5,000 digits": (b"9" * 5_000, "4,300 digits"),
    "5,000 levels of lists": (b"[" * 5_000 + b"]" * 5_000, "100 levels"),
    "5,000 levels of objects": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "100 levels"),
    "101 levels": (b"[" * 101 + b"]" * 101, "100 levels"),
    "300,000 values": (b"[" + b"0," * 300_000 + b"0]", "200,000 values"),
    "bytes that are no text": (b'"\xff\xfe"', "UTF-8"),
}


def page(*items: bytes, cursor: str | None = None) -> bytes:
    """A page with these items."""
    return (
        b'{"bookmarks":['
        + b" , ".join(items)
        + b'],"nextCursor":'
        + json.dumps(cursor).encode()
        + b"}"
    )


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("place", ["first", "middle", "last", "alone"])
def test_a_bad_item_costs_itself_only(kind: str, place: str) -> None:
    """The others of the page come, in their order, and the bad one is named by its id."""
    value, reason = BAD[kind]
    bad = b'{"title":"x","content":{"id":"inner"},"id":"bad","n":' + value + b"}"
    items = {
        "first": [bad, GOOD],
        "middle": [GOOD, bad, GOOD],
        "last": [GOOD, bad],
        "alone": [bad],
    }[place]
    read = read_page(page(*items, cursor="more"), 100)
    assert isinstance(read, dict)
    assert read["nextCursor"] == "more"
    found = read["bookmarks"]
    assert [item for item in found if not isinstance(item, BrokenItem)] == [
        json.loads(item) for item in items if item == GOOD
    ]
    (broken,) = [item.unreadable() for item in found if isinstance(item, BrokenItem)]
    assert (broken.id, broken.name) == ("bad", "bad")
    assert reason in str(broken.error)


@pytest.mark.parametrize("value", [value for value, _ in BAD.values()])
@pytest.mark.parametrize("shape", [b"%b", b'{"id":%b}', b'{"id":1,"n":%b}'])
def test_a_bad_item_without_an_id_has_a_name_of_its_own(value: bytes, shape: bytes) -> None:
    """An item whose id cannot be read is named by its bytes, the same in each run."""
    body = page(shape.replace(b"%b", value))
    names = set()
    for _ in range(2):
        read = read_page(body, 100)
        assert isinstance(read, dict)
        (item,) = read["bookmarks"]
        assert item.unreadable().id is None
        names.add(item.unreadable().name)
    (name,) = names
    assert name.startswith("item without id ")


def test_texts_full_of_commas_are_no_values() -> None:
    """A page of long notes is read, however many commas and brackets stand in them."""
    note = json.dumps({"id": "long", "note": "a, [b], {c} \\" * 60_000}).encode()
    read = read_page(page(*[note] * 4), 100)
    assert isinstance(read, dict)
    assert read["bookmarks"] == [json.loads(note)] * 4


@pytest.mark.parametrize(
    ("asked", "came", "fits"), [(100, 200, True), (100, 201, False), (5, 106, False)]
)
@pytest.mark.parametrize("item", [b"{}", b"0", b'"x"', b"[]", BAD["101 levels"][0]])
def test_a_page_holds_what_was_asked_for_and_a_margin(
    asked: int, came: int, fits: bool, item: bytes
) -> None:
    """Some servers give whole pages only, so a hundred more are taken, whatever the items are."""
    body = page(*[item] * came)
    if fits:
        assert isinstance(read_page(body, asked), dict)
    else:
        with pytest.raises(TooMuchJson, match=f"more than {asked + 100} bookmarks"):
            read_page(body, asked)


@pytest.mark.parametrize(
    "body",
    [
        page(GOOD, b'{"id":nope,"n":1}', BAD["300,000 values"][0]),
        page(GOOD, BAD["5,000 levels of lists"][0])[:-1],
        page(GOOD, BAD["5,000 levels of lists"][0]) + b"{}",
        page(BAD["5,000 levels of lists"][0], b""),
        b"[" + page(GOOD, BAD["5,000 levels of lists"][0]) + b"]",
    ],
)
def test_what_is_no_page_is_refused_as_a_whole(body: bytes) -> None:
    """An item that is no JSON at all spoils its page: nobody knows where it ends."""
    with pytest.raises(ValueError, match=r"."):
        read_page(body, 100)
