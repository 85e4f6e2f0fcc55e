"""What a build refuses: every way in which stored objects can be wrong or disagree."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.build.rules.checks import (
    check_age,
    check_mapping,
    check_page,
    read_index,
    read_items,
    span,
)
from datafetch.errors import CorruptObject, Inconsistent, Stale

Json = dict[str, Any]
Edit = Callable[[Any], Any]


def encode(value: Any) -> bytes:
    """As it is stored."""
    return json.dumps(value).encode()


def make_items(count: int) -> list[Json]:
    """Items with as much as the checks read."""
    return [
        {"id": f"b{n}", "slug": f"site-{n}", "url": "", "modifiedAt": f"2026-01-01T00:00:{n}Z"}
        for n in range(count)
    ]


def make_checksum(items: list[Json]) -> str:
    """The contract's checksum, computed independently."""
    ordered = sorted(items, key=lambda item: str(item["id"]))
    lines = [f"{item['id']}:{item['modifiedAt']}" for item in ordered]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def make_index(items: list[Json]) -> Json:
    """The index of the items."""
    return {
        "count": len(items),
        "totalPages": -(-len(items) // 24),
        "pageSize": 24,
        "lastModified": "2026-01-01T00:00:00.000Z",
        "lastFetchedAt": 1_795_507_200_000,
        "lastAttemptedAt": 1_795_507_200_000,
        "checksum": make_checksum(items),
        "changeDetected": True,
    }


def make_mapping(items: list[Json]) -> Json:
    """The slug mapping of the items."""
    return {
        "version": "1.0.0",
        "generated": "2026-01-01T00:00:00.000Z",
        "count": len(items),
        "checksum": make_checksum(items),
        "slugs": {
            item["id"]: {"id": item["id"], "slug": item["slug"], "url": "", "title": "T"}
            for item in items
        },
        "reverseMap": {item["slug"]: item["id"] for item in items},
    }


def edited(value: Any, edit: Edit) -> bytes:
    """As it is stored after somebody changed it."""
    edit(value)
    return encode(value)


@given(st.integers(1, 120))
def test_a_dataset_of_any_size_agrees_with_itself(count: int) -> None:
    """What follows the contract passes, whatever its size; pages are cut at 24."""
    items = make_items(count)
    index = read_index("index", encode(make_index(items)))
    assert read_items("list", encode(items), index) == items
    for page in range(index.total_pages):
        check_page("page", encode(items[page * 24 : page * 24 + 24]), items[page * 24 :][:24])
    check_mapping("mapping", encode(make_mapping(items)), index, items)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", None),
        ("count", "30"),
        ("count", True),
        ("count", -1),
        ("totalPages", None),
        ("pageSize", 24.0),
        ("checksum", None),
        ("lastModified", 5),
        ("lastFetchedAt", "yesterday"),
        ("lastFetchedAt", 10**400),
        ("lastFetchedAt", None),
        ("lastAttemptedAt", -1),
        ("lastAttemptedAt", None),
        ("changeDetected", "no"),
    ],
)
def test_an_index_of_another_shape_is_corrupt(field: str, value: object) -> None:
    """Each field of the index has its type, and the message says which has not."""
    with pytest.raises(CorruptObject, match=rf"some-index cannot be used: {field}: Input should"):
        read_index("some-index", encode({**make_index(make_items(30)), field: value}))


@pytest.mark.parametrize(
    "field",
    [
        "count",
        "totalPages",
        "pageSize",
        "checksum",
        "lastModified",
        "lastFetchedAt",
        "lastAttemptedAt",
    ],
)
def test_an_index_without_one_of_its_fields_is_corrupt(field: str) -> None:
    """What the site reads of the index must be there."""
    with pytest.raises(CorruptObject, match=f"index cannot be used: {field}: Field required"):
        read_index("index", edited(make_index(make_items(30)), lambda v: v.pop(field)))


@pytest.mark.parametrize("fields", [{"pageSize": 25}, {"totalPages": 3}, {"count": 49}])
def test_an_index_that_contradicts_itself_is_refused(fields: Json) -> None:
    """Pages have 24 items, and there are as many as the count needs."""
    with pytest.raises(Inconsistent):
        read_index("index", edited(make_index(make_items(30)), lambda v: v.update(fields)))


def test_an_empty_list_is_refused() -> None:
    """Nothing is never what a site wants: no job stores an empty list."""
    with pytest.raises(Inconsistent, match="no bookmarks"):
        read_index("index", encode(make_index([])))


@pytest.mark.parametrize(
    "edit",
    [
        lambda v: v.insert(0, None),
        lambda v: v[1].pop("id"),
        lambda v: v[1].update(id="../x"),
        lambda v: v[1].update(slug=""),
    ],
)
def test_items_that_are_none_are_corrupt(edit: Edit) -> None:
    """Every item has an id that is safe in a path, and a slug."""
    items = make_items(3)
    index = read_index("index", encode(make_index(items)))
    with pytest.raises(CorruptObject, match="no id or no slug"):
        read_items("list", edited(items, edit), index)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda v: v.pop(), "2 bookmarks, the index counts 3"),
        (lambda v: v.append(v[0]), "4 bookmarks, the index counts 3"),
        (lambda v: v.__setitem__(2, v[0]), "a bookmark twice"),
        (lambda v: v[1].update(modifiedAt="2026-02-02T00:00:00Z"), "another checksum"),
        (lambda v: v[1].update(id="other"), "another checksum"),
    ],
)
def test_items_that_the_index_does_not_know_are_refused(edit: Edit, reason: str) -> None:
    """Count, uniqueness and checksum tie the list to its index."""
    items = make_items(3)
    index = read_index("index", encode(make_index(items)))
    with pytest.raises(Inconsistent, match=reason):
        read_items("list", edited(items, edit), index)


@pytest.mark.parametrize("modified", [None, "", "absent"])
def test_an_item_without_a_time_of_change_counts_with_its_date(modified: str | None) -> None:
    """`modifiedAt` (else `dateBookmarked`) stands in the checksum."""
    item: Json = {"id": "a", "slug": "s", "modifiedAt": modified, "dateBookmarked": "2020"}
    if modified == "absent":
        del item["modifiedAt"]
    checksum = hashlib.sha256(b"a:2020").hexdigest()
    index = make_index([{"id": "a", "modifiedAt": ""}]) | {"checksum": checksum}
    assert read_items("list", encode([item]), read_index("index", encode(index))) == [item]


@pytest.mark.parametrize(
    "edit",
    [
        lambda v: v.reverse(),
        lambda v: v.pop(),
        lambda v: v[0].update(title="old"),
        lambda v: v[0].pop("url"),
        lambda v: v[0].update(archived=0),
        lambda v: v.append(v[0]),
    ],
)
def test_a_page_is_its_part_of_the_list(edit: Edit) -> None:
    """Order and values of a page's items are those of the list; 0 is not false."""
    wanted = [{**item, "archived": False} for item in make_items(5)]
    page = json.loads(encode(wanted))
    check_page("page", encode(page), wanted)
    with pytest.raises(Inconsistent, match="page is not that part"):
        check_page("page", edited(page, edit), wanted)


def test_spelling_of_a_page_does_not_matter() -> None:
    """The order of keys, spaces and escapes are not values."""
    check_page("page", b'[ {"b": "\\u00e9", "a": 1} ]', [{"a": 1, "b": "é"}])


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        (lambda v: v.update(version="2.0.0"), CorruptObject),
        (lambda v: v.update(generated=1), CorruptObject),
        (lambda v: v.update(slugs=[]), CorruptObject),
        (lambda v: v.pop("reverseMap"), CorruptObject),
        (lambda v: v["slugs"].update(b1="site-1"), CorruptObject),
        (lambda v: v["slugs"]["b1"].update(url=5), CorruptObject),
        (lambda v: v["slugs"]["b1"].update(title=5), CorruptObject),
        (lambda v: v.pop("count"), CorruptObject),
        (lambda v: v["reverseMap"].update({"site-1": None}), CorruptObject),
        (lambda v: v.update(count=4), Inconsistent),
        (lambda v: v.update(checksum=None), CorruptObject),
        (lambda v: v["slugs"].pop("b1"), Inconsistent),
        (lambda v: v["slugs"].update(b9=v["slugs"]["b1"]), Inconsistent),
        (lambda v: v["slugs"]["b1"].update(id="b2"), Inconsistent),
        (lambda v: v["slugs"]["b1"].update(slug="other"), Inconsistent),
        (lambda v: v["reverseMap"].pop("site-1"), Inconsistent),
        (lambda v: v["reverseMap"].update({"site-1": "b2"}), Inconsistent),
        (lambda v: v["reverseMap"].update(old="b1"), Inconsistent),
    ],
)
def test_a_mapping_that_is_not_the_lists_is_refused(edit: Edit, error: type[Exception]) -> None:
    """The mapping covers every id exactly once, and its reverse map is its inverse."""
    items = make_items(3)
    index = read_index("index", encode(make_index(items)))
    with pytest.raises(error, match="mapping"):
        check_mapping("mapping", edited(make_mapping(items), edit), index, items)


@pytest.mark.parametrize("checksum", ["", "d41d8cd98f00b204e9800998ecf8427e", "0" * 64])
def test_a_mapping_belongs_to_the_list_by_its_pairs(checksum: str) -> None:
    """Older programs made other checksums, and of other things."""
    items = make_items(3)
    index = read_index("index", encode(make_index(items)))
    check_mapping("mapping", encode({**make_mapping(items), "checksum": checksum}), index, items)


def test_half_a_surrogate_pair_in_a_title_is_no_obstacle() -> None:
    """JavaScript cuts texts inside an emoji; what an older program stored so is still a mapping."""
    items = make_items(3)
    index = read_index("index", encode(make_index(items)))
    mapping = make_mapping(items)
    mapping["slugs"]["b1"]["title"] = "cut \ud83d"
    check_mapping("mapping", encode(mapping), index, items)


def test_two_bookmarks_with_one_slug_are_refused() -> None:
    """An address that leads to two bookmarks leads to the wrong one for one of them."""
    items = make_items(3)
    items[2]["slug"] = items[0]["slug"]
    index = read_index("index", encode(make_index(items)))
    with pytest.raises(Inconsistent, match="one slug to b0 and b2"):
        check_mapping("mapping", encode(make_mapping(items)), index, items)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (-5, "0 s"), (59, "59 s"), (3600, "1 h"), (93_784, "1 d 2 h"), (61, "1 min 1 s")],
)
def test_spans_are_for_people(seconds: float, text: str) -> None:
    """A time in its two largest units."""
    assert span(seconds) == text


def test_age_is_refused_over_the_limit_only() -> None:
    """No limit, no refusal; at the limit is not over it; the future is not old."""
    check_age("x", None, None, "c")
    check_age("x", 10.0, 10.0, "c")
    check_age("x", -5.0, 0.0, "c")
    with pytest.raises(Stale, match="11 s ago, the limit is 10 s"):
        check_age("x", 10.6, 10.0, "c")
    with pytest.raises(Stale, match="unknown"):
        check_age("x", None, 10.0, "c")
