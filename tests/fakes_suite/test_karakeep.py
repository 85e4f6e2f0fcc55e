"""The bookmark server: its answers fit the published description, its paging is the real one's."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest

from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp, asset, bare_link, link, text
from tests.fakes.world_data import make_bookmarks, make_hosts

PUBLISHED = Path(__file__).parents[3] / "shared" / "contracts" / "karakeep-openapi.json"
WHEN = datetime(2025, 5, 1, tzinfo=UTC)
PAGE = f"/api/v1/lists/{LIST_ID}/bookmarks"


@pytest.fixture
def app() -> KarakeepApp:
    """Five bookmarks, b0 the newest; b1 and b2 were made at the same time."""
    ages = (0, 1, 1, 2, 3)
    app = KarakeepApp(
        link(f"b{number}", f"https://example.com/{number}", WHEN - timedelta(days=age))
        for number, age in enumerate(ages)
    )
    app.put_asset("picture", b"bytes", "image/webp")
    return app


@pytest.fixture
def http(app: KarakeepApp) -> Iterator[httpx2.Client]:
    """A client with the right token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with (
        app.served() as server,
        httpx2.Client(base_url=server.url, headers=headers, trust_env=False) as client,
    ):
        yield client


def pages(http: httpx2.Client, **params: str | int) -> list[list[str]]:
    """The ids of all pages, by their cursors."""
    found: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        body = http.get(PAGE, params={**params, **cursor}).raise_for_status().json()
        found.append([one["id"] for one in body["bookmarks"]])
        if body["nextCursor"] is None:
            return found
        cursor = {"cursor": body["nextCursor"]}


def as_json_schema(value: Any) -> Any:
    """OpenAPI's `nullable` in the words of JSON Schema."""
    if isinstance(value, list):
        return [as_json_schema(one) for one in value]
    if not isinstance(value, dict):
        return value
    turned = {name: as_json_schema(one) for name, one in value.items() if name != "nullable"}
    return {"anyOf": [turned, {"type": "null"}]} if value.get("nullable") else turned


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published description is not here")
def test_answers_fit_the_published_description() -> None:
    """Every kind of bookmark of the world, each page, list and error is as the API describes it."""
    document = as_json_schema(json.loads(PUBLISHED.read_text()))
    world = KarakeepApp(make_bookmarks(250, make_hosts(40, 1), 1))
    headers = {"Authorization": f"Bearer {TOKEN}"}

    def check(name: str, answer: httpx2.Response) -> Any:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema.validate(answer.json(), schema)
        return answer.json()

    with (
        world.served() as server,
        httpx2.Client(base_url=server.url, headers=headers, trust_env=False) as http,
    ):
        kinds = set()
        for full in ("true", "false"):
            params = {"limit": "100", "includeContent": full}
            while True:
                body = check("PaginatedBookmarks", http.get(PAGE, params=params))
                kinds |= {one["content"]["type"] for one in body["bookmarks"]}
                if body["nextCursor"] is None:
                    break
                params["cursor"] = body["nextCursor"]
        assert kinds == {"link", "text", "asset"}
        first = body["bookmarks"][0]["id"]
        check("Bookmark", http.get(f"/api/v1/bookmarks/{first}"))
        check("List", http.get(f"/api/v1/lists/{LIST_ID}"))
        for path in (f"/api/v1/bookmarks/{first}/lists", "/api/v1/lists"):
            jsonschema.validate(
                http.get(path).json()["lists"][0],
                {"$ref": "#/components/schemas/List", "components": document["components"]},
            )
        check("Error", http.get("/api/v1/lists/none/bookmarks"))


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"limit": 2}, [["b0", "b2"], ["b1", "b3"], ["b4"]]),
        ({"limit": 5}, [["b0", "b2", "b1", "b3", "b4"]]),
        ({"limit": 2, "sortOrder": "asc"}, [["b4", "b3"], ["b1", "b2"], ["b0"]]),
        ({}, [["b0", "b2", "b1", "b3", "b4"]]),
    ],
)
def test_pages_are_newest_first(
    http: httpx2.Client, params: dict[str, Any], expected: list[list[str]]
) -> None:
    """Each bookmark once, by creation then id; the last page has no cursor."""
    assert pages(http, **params) == expected


def test_paging_goes_on_when_the_list_changes_under_it(
    app: KarakeepApp, http: httpx2.Client
) -> None:
    """A cursor names a place, not a number: items that vanish or appear before it move nothing."""
    body = http.get(PAGE, params={"limit": 2}).json()
    app.remove("b1")
    app.add(link("b9", "https://example.com/9", WHEN + timedelta(days=1)))
    body = http.get(PAGE, params={"limit": 2, "cursor": body["nextCursor"]}).json()
    assert [one["id"] for one in body["bookmarks"]] == ["b3", "b4"]
    assert app.ids() == ["b9", "b0", "b2", "b3", "b4"]


def test_bad_requests(http: httpx2.Client) -> None:
    """A page of more than 100 and a cursor of one's own are 400, unknown things 404, no token 401 in plain text."""
    assert [
        http.get(PAGE, params=params).status_code for params in ({"limit": 101}, {"cursor": "?"})
    ] == [400, 400]
    assert [http.get(f"/api/v1/{path}").status_code for path in ("lists/x/bookmarks", "bookmarks/x", "assets/x")] == [
        404, 404, 404,
    ]  # fmt: skip
    refused = http.get(PAGE, headers={"Authorization": "Bearer wrong"})
    assert (refused.status_code, refused.text) == (401, "Unauthorized")
    assert refused.headers["content-type"].startswith("text/plain")


def test_the_full_content_comes_only_when_asked_for(http: httpx2.Client) -> None:
    """`includeContent` is off by default."""
    asked = {
        full: http.get(PAGE, params={"includeContent": full}).json() for full in ("true", "false")
    }
    shown = {
        full: bool(body["bookmarks"][0]["content"]["htmlContent"]) for full, body in asked.items()
    }
    assert shown == {"true": True, "false": False}


def test_assets_need_the_token(http: httpx2.Client) -> None:
    """A file comes with its own type, from either of its addresses."""
    for path in ("/api/v1/assets/picture", "/api/assets/picture"):
        answer = http.get(path)
        assert (answer.content, answer.headers["content-type"]) == (b"bytes", "image/webp")
        assert http.get(path, headers={"Authorization": ""}).status_code == 401


def test_mutators(app: KarakeepApp, http: httpx2.Client) -> None:
    """Editing moves `modifiedAt`, crawling does not; saving again moves the place; leaving keeps the bookmark."""
    before = app.bookmark("b3")
    app.crawl("b3", title="Crawled")
    app.edit("b4", title="Edited")
    app.resave("b1", WHEN + timedelta(days=2))
    app.leave_list("b2")
    app.join_list("b3", list_id="other")
    app.malform("b0", content=None, tags=...)
    assert app.bookmark("b3")["modifiedAt"] == before["modifiedAt"]
    assert app.bookmark("b4")["modifiedAt"] > app.bookmark("b4")["createdAt"]
    assert pages(http) == [["b1", "b0", "b3", "b4"]]
    lists = {
        one: http.get(f"/api/v1/bookmarks/{one}/lists").json()["lists"] for one in ("b2", "b3")
    }
    assert [[entry["id"] for entry in found] for found in lists.values()] == [
        [],
        [LIST_ID, "other"],
    ]
    broken = http.get("/api/v1/bookmarks/b0").json()
    assert broken["content"] is None
    assert "tags" not in broken


def test_kinds_of_bookmarks() -> None:
    """Notes, files and bare links have the shapes that a tolerant reader must take."""
    assert text("t", "words", WHEN)["content"] == {
        "type": "text",
        "text": "words",
        "sourceUrl": None,
    }
    assert asset("a", "f", WHEN)["assets"][0]["id"] == "f"
    bare = bare_link("l", "https://example.com", WHEN)
    assert {name for name, value in bare["content"].items() if value is not None} == {
        "type",
        "url",
        "crawlStatus",
    }
    assert bare["modifiedAt"] is None
