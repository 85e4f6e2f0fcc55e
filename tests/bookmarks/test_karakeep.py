"""The bookmark server over real HTTP, and the items of its list."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from datafetch.bookmarks.karakeep import BookmarkApi, read_bookmark
from datafetch.bookmarks.model import UnreadableItem
from datafetch.bookmarks.rules.normalise import normalise
from datafetch.bookmarks.rules.sublists import ListInfo
from datafetch.errors import DatafetchError, GuardRefused
from datafetch.models.job_settings import BookmarksSettings
from datafetch.net.base import HttpClient
from datafetch.upstream_errors import Denied, Malformed, Missing, Refused, TransientError
from tests.fakes.base import Answer, Request, Response
from tests.fakes.faults import cut, reply
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp, bare_link, link, text
from tests.job_settings import bookmarks_settings
from tests.support import make_http

WHEN = datetime(2026, 5, 1, tzinfo=UTC)
ITEM: dict[str, Any] = {"id": "b1", "createdAt": "2026-01-01T00:00:00.000Z"}
PUBLISHED = Path(__file__).parents[3] / "shared" / "contracts" / "karakeep-openapi.json"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def app() -> KarakeepApp:
    """250 bookmarks, the newest b000."""
    return KarakeepApp(
        link(f"b{number:03d}", f"https://e.com/{number}", WHEN - timedelta(hours=number))
        for number in range(250)
    )


@pytest.fixture
def http() -> Iterator[HttpClient]:
    """A real client."""
    client = make_http()
    yield client
    client.close()


@pytest.fixture
def api(app: KarakeepApp, http: HttpClient) -> Iterator[BookmarkApi]:
    """The API of the served app."""
    with app.served() as server:
        yield BookmarkApi(http, settings(server.url))


def settings(url: str) -> BookmarksSettings:
    """Settings for a served app."""
    return replace(bookmarks_settings(url), retry_max_s=0.0)


def test_all_pages_come_in_order(app: KarakeepApp, api: BookmarkApi) -> None:
    """The list is read page by page, a hundred at once, until there is no further cursor."""
    pages = list(api.pages())
    assert [len(page.readable) for page in pages] == [100, 100, 50]
    assert [raw.id for page in pages for raw in page.readable] == app.ids()
    asked = app.log.all("/bookmarks")
    assert all("limit=100" in request.query for request in asked)
    assert asked[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_limit_asks_for_no_more(app: KarakeepApp, api: BookmarkApi) -> None:
    """With a limit so many items come, and no page is asked for beyond them."""
    pages = list(api.pages(120))
    assert sum(len(page.readable) for page in pages) == 120
    assert app.log.count("/bookmarks") == 2
    assert list(api.pages(0)) == []


def test_unreadable_items_are_values(app: KarakeepApp, api: BookmarkApi) -> None:
    """One bad item does not stop a page: it comes out beside the others, with its id if it has one."""
    app.malform("b003", tags="x")
    app.malform("b005", id=None)
    app.add(text("n1", "a note", WHEN), bare_link("n2", "https://e.com", WHEN))
    page = next(api.pages())
    assert [(item.id, type(item.error)) for item in page.unreadable] == [
        ("b003", Malformed),
        (None, Malformed),
    ]
    assert len(page.readable) == 98


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        "[]",
        "{}",
        '{"bookmarks":null,"nextCursor":null}',
        '{"bookmarks":[],"nextCursor":{}}',
        '{"bookmarks":[],"nextCursor":"\\ud800"}',
        '{"bookmarks":[{}],"nextCursor":"same"}',
        '{"bookmarks":[],"nextCursor":"more"}',
        '{"bookmarks":[],"nextCursor":' + "[" * 200_000 + "]" * 200_000 + "}",
        '{"a":' * 200_000,
        "[" * 200_000 + "]" * 200_000,
        '{"bookmarks":[' + "{}," * 200 + '{}],"nextCursor":null}',
        '{"bookmarks":[' + "{}," * 2_000_000 + '{}],"nextCursor":null}',
        '{"bookmarks":[],"nextCursor":' + "9" * 5_000 + "}",
    ],
)
def test_pages_of_another_shape_are_malformed(
    app: KarakeepApp, api: BookmarkApi, body: str
) -> None:
    """The next cursor repeated; paging never ended. A 200 with a body that is not JSON."""
    app.inject(reply(200, body))
    with pytest.raises(Malformed) as caught:
        list(api.pages())
    assert "BOOKMARKS_API_URL" in caught.value.hint


@pytest.mark.parametrize(
    ("size", "new", "pages", "error", "words"),
    [
        (100, False, 21, Malformed, "20 pages in a row"),
        (100, True, 4, GuardRefused, "past 350 items"),
        (1, True, 351, GuardRefused, "past 350 items"),
        (0, True, 1, Malformed, "an empty page has a cursor"),
    ],
)
def test_a_list_with_new_cursors_for_ever_ends(
    app: KarakeepApp,
    http: HttpClient,
    size: int,
    new: bool,
    pages: int,
    error: type[DatafetchError],
    words: str,
) -> None:
    """A new cursor on every page: it ends at the most items, at an empty page, and in a circle."""
    numbers = count()

    def act(_request: Request, _answer: Answer) -> Response:
        number = next(numbers)
        first = number * size if new else 0
        items = [
            link(f"x{first + index}", f"https://e.com/{first + index}", WHEN)
            for index in range(size)
        ]
        return Response.json({"bookmarks": items, "nextCursor": f"c{number}"})

    app.inject(act)
    with app.served() as server:
        most = 350 if new else 200_000
        api = BookmarkApi(http, replace(settings(server.url), max_items=most))
        with pytest.raises(error, match=words):
            list(api.pages())
    assert app.log.count("/bookmarks") == pages


def test_upstream_failures_have_their_types(
    app: KarakeepApp, api: BookmarkApi, http: HttpClient
) -> None:
    """A wrong token, a missing list and a failing server are told apart by type."""
    with app.served() as server:
        wrong = replace(settings(server.url), token=SecretStr("wrong"))
        with pytest.raises(Denied):
            list(BookmarkApi(http, wrong).pages())
        with pytest.raises(Missing) as missing:
            list(BookmarkApi(http, replace(settings(server.url), list_id="a/b?")).pages())
        assert "BOOKMARKS_LIST_ID" in missing.value.hint
    app.inject(cut(40))
    with pytest.raises(TransientError):
        list(api.pages())


def test_lists_of_a_bookmark(app: KarakeepApp, api: BookmarkApi) -> None:
    """A bookmark names its lists; one that is gone is missing; ids cannot climb out of the path."""
    app.join_list("b001", list_id="other")
    assert api.lists_of("b001") == {LIST_ID, "other"}
    app.leave_list("b002")
    assert api.lists_of("b002") == frozenset()
    with pytest.raises(Missing):
        api.lists_of("nobody")
    with pytest.raises(Refused):
        api.lists_of("../lists")
    app.inject(reply(200, '{"lists":5}'))
    with pytest.raises(Malformed):
        api.lists_of("b001")


def test_assets_are_asked_for_with_the_token(
    app: KarakeepApp, api: BookmarkApi, http: HttpClient
) -> None:
    """An asset's request carries the token; path traversal in asset ids is refused."""
    app.put_asset("a1", b"picture", "image/png")
    download = http.download(api.asset("a1"))
    assert download.file.read() == b"picture"
    download.close()
    for bad in ("../a1", "a/../b", "", "a%2fb"):
        with pytest.raises(Refused):
            api.asset(bad)


# ----------------------------------------------------------------- one item


@pytest.mark.parametrize("absent", [None, ...])
def test_everything_but_id_and_time_may_be_missing(absent: Any) -> None:
    """One null `imageUrl` failed the whole refresh for days."""
    optional = ("modifiedAt", "title", "note", "summary", "archived", "favourited", "tags")
    names = (*optional, "assets", "content", "taggingStatus", "firstCreatedAt")
    fields = {} if absent is ... else dict.fromkeys(names)
    raw = read_bookmark({**ITEM, **fields, "unknown": {"x": 1}})
    assert (raw.id, raw.url, raw.content) == ("b1", "", {})
    fields = normalise(raw)
    assert (fields["tags"], fields["assets"], fields["archived"]) == ([], [], False)


@pytest.mark.parametrize(
    "name",
    ["imageUrl", "title", "description", "imageAssetId", "screenshotAssetId", "datePublished"],
)
def test_a_null_inside_the_content_is_no_obstacle(name: str) -> None:
    """One null `imageUrl` failed the whole refresh for days."""
    content = {"type": "link", "url": "https://a.example/x", name: None}
    raw = read_bookmark({**ITEM, "content": content})
    assert raw.url == "https://a.example/x"


@pytest.mark.parametrize(
    "item",
    [
        None,
        [],
        {},
        {"id": "b1"},
        {"createdAt": "2026-01-01T00:00:00Z"},
        {**ITEM, "id": 7},
        {**ITEM, "id": "../x"},
        {**ITEM, "id": "a/b"},
        {**ITEM, "createdAt": "yesterday"},
        {**ITEM, "title": 5},
        {**ITEM, "archived": "no"},
        {**ITEM, "tags": {}},
        {**ITEM, "tags": ["x"]},
        {**ITEM, "assets": [1]},
        {**ITEM, "content": "x"},
        {**ITEM, "content": {"url": 5}},
    ],
)
def test_items_of_another_shape_are_malformed(item: Any) -> None:
    """A field of a wrong type means that the item is not understood: it is set aside."""
    with pytest.raises(Malformed) as error:
        read_bookmark(item)
    unreadable = UnreadableItem.of(item, error.value)
    named = isinstance(item, dict) and isinstance(item.get("id"), str)
    assert (unreadable.id is not None) == named
    assert unreadable.name.isascii()


@given(JSON)
def test_any_json_is_read_or_set_aside(value: Any) -> None:
    """Nothing that can come stops a run: an item is read, or it is malformed."""
    for item in (value, {**ITEM, "content": value}, {**ITEM, "tags": [value]}):
        try:
            read_bookmark(item)
        except Malformed as error:
            UnreadableItem.of(item, error)


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the server's description is not here")
def test_fields_are_those_of_the_servers_description() -> None:
    """Every field that is read of an item has the server's own name for it."""
    described = json.loads(PUBLISHED.read_text())["components"]["schemas"]["Bookmark"]["properties"]
    read = {"id", "createdAt", "modifiedAt", "title", "note", "summary", "archived", "favourited"}
    assert read | {"taggingStatus", "tags", "assets", "content"} <= set(described)
    kinds = described["content"]["oneOf"]
    content = set().union(*(set(kind["properties"]) for kind in kinds))
    assert {"url", "sourceUrl", "imageUrl", "crawlStatus", "datePublished"} <= content


def test_the_error_of_an_item_names_the_field_and_not_its_value() -> None:
    """A dead letter says which field is wrong; what a private note holds is not written there."""
    with pytest.raises(Malformed) as error:
        read_bookmark({**ITEM, "tags": [{"name": ["secret"]}]})
    assert "tags.0.name" in str(error.value)
    assert "secret" not in str(error.value)
    assert error.value.__cause__ is None


def test_tags_and_assets_without_a_name_or_an_id_are_left_out() -> None:
    """A tag without a name says nothing, and an asset without an id cannot be asked for."""
    tags = [{"id": "t1", "name": None}, {"name": ""}, {"name": "x"}]
    assets = [{"id": None, "assetType": "screenshot"}, {"id": "a1"}]
    fields = normalise(read_bookmark({**ITEM, "tags": tags, "assets": assets}))
    assert fields["tags"] == [{"id": "", "name": "x", "slug": "x"}]
    assert fields["assets"] == [{"id": "a1", "assetType": "unknown"}]
    assert fields["content"] == {}


def test_the_first_creation_stands_in_for_the_creation() -> None:
    """`createdAt` may be missing: then `firstCreatedAt` says when the bookmark was made."""
    made = "2025-01-01T00:00:00.000Z"
    assert read_bookmark({"id": "b1", "createdAt": None, "firstCreatedAt": made}).created_at == made


GOOD, LATER = "2025-01-01T00:00:00.000Z", "2025-06-01T00:00:00.000Z"


@pytest.mark.parametrize(
    "odd",
    ["+056789-01-01T00:00:00.000Z", "-000044-03-15T00:00:00.000Z", "0000-01-01T00:00:00Z", 5, "x"],
)
def test_a_creation_that_readers_cannot_read_is_replaced(odd: Any) -> None:
    """`createdAt` of `+056789-01-01…`, and before year 0: `firstCreatedAt` where it is good, else `modifiedAt`."""
    item = {"id": "b1", "createdAt": odd, "firstCreatedAt": GOOD, "modifiedAt": LATER}
    assert read_bookmark(item).created_at == GOOD
    assert read_bookmark({**item, "firstCreatedAt": odd}).created_at == LATER
    late = normalise(read_bookmark({**item, "createdAt": LATER, "firstCreatedAt": odd}))
    assert (late["dateBookmarked"], late["dateCreated"]) == (LATER, LATER)
    with pytest.raises(Malformed, match="createdAt"):
        read_bookmark({**item, "firstCreatedAt": odd, "modifiedAt": None})


def test_an_edit_at_an_odd_time_counts_at_the_creation() -> None:
    """A `modifiedAt` that readers cannot read is as good as none: then the creation counts."""
    item = {**ITEM, "modifiedAt": "+056789-01-01T00:00:00.000Z"}
    assert normalise(read_bookmark(item))["modifiedAt"] == ITEM["createdAt"]
    with pytest.raises(Malformed):
        read_bookmark({**ITEM, "modifiedAt": 5})


def test_the_kind_of_the_list_and_all_lists_are_read(app: KarakeepApp, api: BookmarkApi) -> None:
    """A list says whether it is smart, and below which it stands."""
    app.nest("child", LIST_ID)
    app.make_smart("child")
    assert api.list_info() == ListInfo(LIST_ID, None, "manual")
    assert api.lists() == [ListInfo(LIST_ID, None, "manual"), ListInfo("child", LIST_ID, "smart")]
    app.inject(reply(200, '{"id":"x"}'))
    assert api.list_info().type == "manual"
