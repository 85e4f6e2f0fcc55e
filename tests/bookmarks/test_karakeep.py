"""The bookmark server over real HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from datafetch.bookmarks.karakeep import BookmarkApi
from datafetch.errors import Denied, Malformed, Missing, Refused, TransientError
from datafetch.models.job_settings import BookmarksSettings
from datafetch.net.base import HttpClient
from tests.fakes.faults import cut, reply
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp, bare_link, link, text
from tests.job_settings import bookmarks_settings
from tests.support import make_http

WHEN = datetime(2026, 5, 1, tzinfo=UTC)


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
    assert all("limit=100" in one.query for one in asked)
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
        '{"bookmarks":[],"nextCursor":"same"}',
    ],
)
def test_pages_of_another_shape_are_malformed(
    app: KarakeepApp, api: BookmarkApi, body: str
) -> None:
    """The next cursor repeated; paging never ended. A 200 with a body that is not JSON."""
    app.inject(reply(200, body))
    with pytest.raises(Malformed):
        list(api.pages())


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
