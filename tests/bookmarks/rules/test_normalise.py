"""From the server's bookmark to the site's."""

from typing import Any

import pytest

from datafetch.addresses import OwnHosts
from datafetch.bookmarks.karakeep import read_bookmark
from datafetch.bookmarks.model import StoredBookmark
from datafetch.bookmarks.rules.merge import as_bookmark
from datafetch.bookmarks.rules.normalise import normalise, surplus_tags
from tests.bookmarks.rules.raws import HOSTILE, NOTE, PRIVATE, RAW, raw


def test_bare_item_gets_its_defaults() -> None:
    """An item of which all but id, time and URL is missing has every field that the site reads."""
    assert normalise(raw()) == {
        "id": "b1",
        "url": "https://www.example.com/a",
        "title": "Untitled Bookmark",
        "description": "No description available.",
        "slug": "",
        "domain": "example.com",
        "tags": [],
        "dateBookmarked": "2026-01-01T00:00:00.000Z",
        "dateCreated": "2026-01-01T00:00:00.000Z",
        "modifiedAt": "2026-01-01T00:00:00.000Z",
        "sourceUpdatedAt": "2026-01-01T00:00:00.000Z",
        "archived": False,
        "isFavorite": False,
        "note": None,
        "summary": None,
        "content": {
            "type": "link",
            "url": "https://www.example.com/a",
            "title": "Untitled Bookmark",
            "description": "No description available.",
        },
        "assets": [],
    }


@pytest.mark.parametrize(
    ("fields", "content", "title", "description"),
    [
        ({"title": "T", "summary": "S"}, {"title": "C", "description": "D"}, "T", "D"),
        ({"title": " ", "summary": "S"}, {"title": "C", "description": ""}, "C", "S"),
        ({}, {}, "Untitled Bookmark", "No description available."),
    ],
)
def test_title_and_description(
    fields: dict[str, Any], content: dict[str, Any], title: str, description: str
) -> None:
    """The user's title goes before the page's, the page's description before the summary."""
    item = normalise(raw(content, **fields))
    assert (item["title"], item["description"]) == (title, description)


@pytest.mark.parametrize(
    ("content", "assets", "image"),
    [
        ({"imageAssetId": "a1", "screenshotAssetId": "a2"}, [], None),
        ({}, [{"id": "s1", "assetType": "screenshot"}], None),
        (
            {"imageUrl": "https://e.com/i.png", "imageAssetId": "a1"},
            [{"id": "b9", "assetType": "bannerImage"}],
            "https://e.com/i.png",
        ),
        ({"imageUrl": "https://e.com/i.png"}, [], "https://e.com/i.png"),
        ({"imageUrl": "/relative.png"}, [], None),
        ({"imageUrl": "https://"}, [], None),
        ({"imageUrl": "https://[bad/i.png"}, [], None),
        ({"imageUrl": "https://bücher.de/ü.png"}, [], "https://bücher.de/ü.png"),
        ({"imageAssetId": "../../etc/passwd"}, [], None),
    ],
)
def test_picture(content: dict[str, Any], assets: list[Any], image: str | None) -> None:
    """One relative `ogImage` made readers refuse the whole list: it is absolute or absent."""
    assert normalise(raw(content, assets=assets)).get("ogImage") == image


def test_assets_fill_the_content() -> None:
    """Screenshot and banner assets fill the ids that the content lacks, and only those."""
    assets = [
        {"id": "s1", "assetType": "screenshot", "fileName": "x"},
        {"id": "b1", "assetType": "bannerImage"},
        {"id": "p1", "assetType": "pdf"},
    ]
    item: Any = normalise(raw({"imageAssetId": "own", "htmlContent": "<p>"}, assets=assets))
    assert item["content"]["screenshotAssetId"] == "s1"
    assert item["content"]["imageAssetId"] == "own"
    assert "htmlContent" not in item["content"]
    assert item["assets"][0] == {"id": "s1", "assetType": "screenshot"}


def test_tags_say_who_attached_them_only_when_known() -> None:
    """It is `ai` or `user`, which the server calls `human`; two names may share a slug."""
    tags = [
        {"id": "1", "name": "C++", "attachedBy": "ai"},
        {"id": "2", "name": "c plus plus", "attachedBy": "robot"},
        {"id": "3", "name": "x", "attachedBy": "human"},
    ]
    item = normalise(raw(tags=tags))
    assert item["tags"] == [
        {"id": "1", "name": "C++", "slug": "c-plus-plus", "attachedBy": "ai"},
        {"id": "2", "name": "c plus plus", "slug": "c-plus-plus"},
        {"id": "3", "name": "x", "slug": "x", "attachedBy": "user"},
    ]
    assert as_bookmark(StoredBookmark("b1", item)).tags == (("c-plus-plus", "C++"), ("x", "x"))


def test_notes_and_files_have_their_source_or_no_url() -> None:
    """A text or file is tolerated: its URL is where it came from, or absent."""
    note = normalise(read_bookmark(NOTE))
    assert "url" not in note
    assert (note["domain"], note["content"]) == ("", {"type": "text", "text": "x"})
    file = {"type": "asset", "assetId": "a", "sourceUrl": "https://s.example.com/f.pdf"}
    found: Any = normalise(read_bookmark({**RAW, "content": file}))
    assert (found["domain"], found["url"]) == ("s.example.com", "https://s.example.com/f.pdf")
    assert found["content"]["url"] == "https://s.example.com/f.pdf"
    assert "url" not in normalise(read_bookmark({**RAW, "content": None}))


@pytest.mark.parametrize("address", HOSTILE)
def test_no_hostile_address_is_published(address: str) -> None:
    """A note's `javascript:` address was published as a bookmark's URL; so could be any other address of an item."""
    note = {"type": "text", "text": "see", "url": None, "sourceUrl": address}
    item: Any = normalise(raw(note))
    assert item["domain"] == ""
    assert "url" not in item
    assert not {"url", "sourceUrl"} & set(item["content"])
    content = dict.fromkeys(("url", "imageUrl", "favicon", "archiveUrl", "logoURL"), address)
    item = normalise(raw({**content, "sourceUrl": "https://good.example/"}))
    assert item["url"] == "https://good.example/"
    assert item["content"] == {
        "type": "link",
        "sourceUrl": "https://good.example/",
        "url": "https://good.example/",
        "title": "Untitled Bookmark",
        "description": "No description available.",
    }
    assert "ogImage" not in item
    assert "ogImageExternal" not in item


def test_addresses_are_published_as_programs_read_them() -> None:
    """White space and slashes that browsers put right are put right before others read them."""
    content = {"url": " https:\\\\E.com\\a\n", "imageUrl": "HTTPS://E.com/i.png"}
    item: Any = normalise(raw(content))
    assert (item["url"], item["content"]["url"]) == ("https://e.com/a", "https://e.com/a")
    assert item["ogImageExternal"] == item["content"]["imageUrl"] == "https://e.com/i.png"


def test_saving_again_moves_no_creation() -> None:
    """Re-saving moves `createdAt`: the bookmark was created when its URL was saved first."""
    item = normalise(raw(firstCreatedAt="2020-01-01T00:00:00.000Z"))
    assert item["dateBookmarked"] == "2026-01-01T00:00:00.000Z"
    assert item["dateCreated"] == "2020-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("time", "published"),
    [
        ("2020-02-03T04:05:06.000Z", True),
        ("+056789-01-01T00:00:00.000Z", False),
        ("last week", False),
        (None, False),
    ],
)
def test_time_that_a_page_says_of_itself_is_one_that_readers_can_read(
    time: str | None, published: bool
) -> None:
    """Pages say when they were published, and say nonsense: the year 56789 was handed on to readers."""
    item = normalise(raw({"datePublished": time}))
    assert item.get("datePublished") == (time if published else None)
    assert ("datePublished" in item) is published


def test_content_has_what_readers_demand_of_it() -> None:
    """A null title in one item's content made readers refuse the whole list."""
    page = {"title": None, "description": " ", "author": None, "publisher": 5, "favicon": "/i.ico"}
    item: Any = normalise(raw(page, title="Mine", summary="Sum"))
    assert item["content"] == {
        "type": "link",
        "url": "https://www.example.com/a",
        "title": "Mine",
        "description": "Sum",
        "author": None,
    }
    own: Any = normalise(raw({"title": "Page", "description": "D", "type": 5}, title="Mine"))
    assert (own["content"]["title"], own["content"]["description"]) == ("Page", "D")
    assert own["content"]["type"] == "link"


def test_the_first_hundred_tags_are_published() -> None:
    """One item with thousands of tags filled the disk; those without a name do not count."""
    tags = [{"id": "0", "name": ""}, *({"id": str(at), "name": f"t{at}"} for at in range(103))]
    item: Any = normalise(raw(tags=tags))
    assert [tag["name"] for tag in item["tags"]] == [f"t{at}" for at in range(100)]
    assert surplus_tags(raw(tags=tags)) == 3
    assert surplus_tags(raw(tags=tags[:101])) == surplus_tags(raw()) == 0


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.Bücher.de./x", "xn--bcher-kva.de"),
        ("https://例え.テスト:8443/", "xn--r8jz45g.xn--zckzah"),
        ("https://WWW.example.com", "example.com"),
        ("https://www.com/", "www.com"),
    ],
)
def test_domain_is_the_host_as_browsers_write_it(url: str, domain: str) -> None:
    """In punycode, without `www.`: what readers make of the address themselves."""
    assert normalise(raw({"url": url}))["domain"] == domain


@pytest.mark.parametrize("address", PRIVATE)
def test_pictures_that_visitors_should_not_ask_for_are_left_out(address: str) -> None:
    """A page's picture at a private address is asked for by every visitor's browser; a link is not."""
    odd = {"image": address, "thumbnails": [{"src": address}, {"src": "https://e.com/t.png"}]}
    content = {"url": "http://10.0.0.1/wiki", "imageUrl": address, "favicon": address, **odd}
    item: Any = normalise(raw(content))
    assert not {"ogImage", "ogImageExternal"} & item.keys()
    assert not {"imageUrl", "favicon", "image"} & item["content"].keys()
    assert item["content"]["thumbnails"] == [{"src": "https://e.com/t.png"}]
    assert item["url"] == item["content"]["url"] == "http://10.0.0.1/wiki"


def test_pictures_at_the_users_own_hosts_stay() -> None:
    """An intranet site whose readers are all inside names its host, and keeps its pictures."""
    own = OwnHosts.of({"nas.local"}, "http://localhost:9000/bucket")
    for address in ("http://nas.local/i.png", "http://localhost:9000/bucket/i.png"):
        item: Any = normalise(raw({"imageUrl": address, "favicon": address}), own)
        assert item["ogImage"] == item["ogImageExternal"] == address
        assert item["content"]["imageUrl"] == item["content"]["favicon"] == address


def test_user_and_password_of_a_bookmark_are_not_published() -> None:
    """They let their owner in, and stood in objects that everybody may read."""
    item: Any = normalise(
        raw({"url": "https://user:pass@e.com/a", "sourceUrl": "https://t@e.com/"})
    )
    assert item["url"] == item["content"]["url"] == "https://e.com/a"
    assert item["content"]["sourceUrl"] == "https://e.com/"
    assert item["domain"] == "e.com"
