"""What is due, and where pictures are looked for."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.opengraph.model import BookmarkRecord, PageRecord, SavedBookmark
from datafetch.opengraph.rules.plan import (
    Asked,
    BookmarkedPage,
    PicturePlace,
    named_pages,
    page_is_due,
    pages_of,
    picture_is_due,
    picture_item,
    places_of,
    spread,
    tried,
    why_unusable,
)

NOW = 1_795_507_200_000
URL = "https://a.example/"
HOUR, DAY = 3_600_000, 86_400_000
READ = PageRecord(fetched_at=NOW, source="external")
ALL = Asked()


def bookmarks(*items: Mapping[str, object]) -> list[SavedBookmark]:
    """Stored bookmarks."""
    return [SavedBookmark.of(item) for item in items]


def with_content(**content: object) -> SavedBookmark:
    """A stored bookmark whose content has these fields."""
    return SavedBookmark.of({"id": "b1", "content": content})


def due(
    record: PageRecord | None, later: int = 0, asked: Asked = ALL, *, waiting: bool = False
) -> bool:
    """Whether the page is due so many ms after `NOW`."""
    return page_is_due(URL, record, asked, NOW + later, waiting=waiting)


def test_fresh_for_a_day_after_success():
    """A page that was read is left alone for 24 hours, to the millisecond."""
    assert not due(READ, DAY - 1)
    assert due(READ, DAY)


def test_fresh_for_an_hour_after_failure():
    """A page that failed is left alone for an hour, though it was read before."""
    failed = PageRecord(fetched_at=NOW - DAY, failed_at=NOW, source="external")
    assert not due(failed, HOUR - 1)
    assert due(failed, HOUR)


def test_new_pages_are_due_at_once():
    """A page that nobody knows is read."""
    assert due(None)
    assert due(PageRecord())


def test_a_dead_letter_waits_unless_named_or_forced():
    """What failed again and again is asked for by its dead letter's time, not each hour."""
    failed = PageRecord(failed_at=NOW - 10 * HOUR)
    assert not due(failed, waiting=True)
    assert due(failed, waiting=True, asked=Asked(force=True))
    assert due(failed, waiting=True, asked=Asked(named=frozenset({URL})))


def test_named_pages_alone():
    """`--url` asks for those pages, fresh or not, and for no other."""
    assert due(READ, asked=Asked(named=frozenset({URL})))
    assert not due(None, asked=Asked(named=frozenset({"https://b.example/"})))


def test_missing_means_never_read():
    """`--missing` asks for pages without metadata of their own, be they due or not."""
    missing = Asked(missing=True)
    assert not due(READ, 10 * DAY, asked=missing)
    assert due(None, asked=missing)
    assert due(PageRecord(failed_at=NOW - HOUR, source="fallback"), asked=missing)


def test_older_than():
    """`--older-than` sets the age from which a page is due."""
    assert due(READ, 60_000, asked=Asked(older_than_ms=60_000))
    assert not due(READ, DAY, asked=Asked(older_than_ms=30 * DAY))


def test_a_time_in_the_future_is_no_freshness():
    """A machine whose clock was wrong cannot keep a page from being read for years."""
    assert due(PageRecord(fetched_at=NOW + 10**12, source="external"))


def test_pages_of_bookmarks():
    """Bookmarks of one page share its record, those without a web address have none."""
    items = [
        {"id": "1", "url": "https://A.example/#x"},
        {"id": "2", "url": "https://a.example"},
        {"id": "3", "url": ""},
        {"id": "4"},
        {"id": "5", "url": "mailto:x@a.example"},
        {"id": "6", "url": "https://a.example/?q"},
    ]
    pages = pages_of(bookmarks(*items))
    assert [(page.address, [saved.id for saved in page.bookmarks]) for page in pages] == [
        ("https://a.example/", ["1", "2"]),
        ("https://a.example/?q", ["6"]),
    ]


def test_names_of_pages():
    """A page is named by its URL, however typed, or by the bookmark whose picture waits."""
    pages = pages_of(bookmarks({"id": "b1", "url": URL}, {"id": "b2", "url": "https://b.example/"}))
    assert named_pages(["HTTPS://A.example#x"], pages) == (frozenset({URL}), ())
    assert named_pages([picture_item("b2")], pages) == (frozenset({"https://b.example/"}), ())
    gone = (picture_item("gone"), "nonsense", "https://c.example/")
    assert named_pages(gone, pages) == (frozenset(), gone)
    assert named_pages([*gone, URL], pages) == (frozenset({URL}), gone)


def test_names_without_their_query():
    """Messages leave queries out; what they say can be typed all the same."""
    items = ("https://a.example/x?id=1", "https://a.example/x?id=2", "https://a.example/y")
    pages = pages_of(bookmarks(*({"id": url, "url": url} for url in items)))
    assert named_pages(["https://a.example/x"], pages) == (frozenset(items[:2]), ())
    assert named_pages(["https://a.example/y"], pages) == (frozenset(items[2:]), ())
    other = ("https://a.example/x?id=3",)
    assert named_pages(other, pages) == (frozenset(), other)
    exact = pages_of(bookmarks(*({"id": url, "url": url} for url in (*items, items[2] + "?q"))))
    assert named_pages([items[2]], exact) == (frozenset(items[2:]), ())


(ASSETS,) = bookmarks(
    {
        "id": "b1",
        "content": {"imageAssetId": "banner-1", "screenshotAssetId": None},
        "assets": [
            {"id": "shot-1", "assetType": "screenshot"},
            {"id": "x", "assetType": "bannerImage"},
        ],
    }
)


def test_the_order_of_places():
    """The banner, then the screenshot, then the page's own picture."""
    assert places_of(ASSETS, "https://a.example/i.png", assets=True) == (
        PicturePlace("banner", "banner-1"),
        PicturePlace("screenshot", "shot-1"),
        PicturePlace("page", "https://a.example/i.png"),
    )
    assert places_of(ASSETS, None, assets=False) == ()


def test_the_bookmarks_own_picture_comes_last():
    """A page that names no picture, or a broken one, has the one that its bookmark was saved with."""
    item = with_content(imageUrl="https://A.example/old.png#x")
    old, new = (PicturePlace("page", f"https://a.example/{name}.png") for name in ("old", "new"))
    assert places_of(item, None, assets=True) == (old,)
    assert places_of(item, new.name, assets=True) == (new, old)
    assert places_of(item, old.name, assets=True) == (old,)
    for bad in (None, 5, "", "data:image/png;base64,x", "/api/assets/1"):
        assert places_of(with_content(imageUrl=bad), None, assets=True) == ()


@pytest.mark.parametrize("bad", ["../../etc", "a/b", "", None, 5, "..", "a?b"])
def test_asset_ids_that_are_paths(bad):
    """Path traversal in asset ids: an id that is more than a name is never asked for."""
    assert places_of(with_content(imageAssetId=bad), None, assets=True) == ()


def test_pictures_are_looked_for_once():
    """Who has a picture keeps it; who was searched in vain is searched again when places change."""
    places = places_of(ASSETS, None, assets=True)
    fresh, vain = BookmarkRecord(), BookmarkRecord(tried=tried(places))
    assert picture_is_due(fresh, places, ALL, has_picture=False, settled=True)
    assert not picture_is_due(fresh, places, ALL, has_picture=True, settled=True)
    assert not picture_is_due(vain, places, ALL, has_picture=False, settled=True)
    assert picture_is_due(vain, places, ALL, has_picture=False, settled=False)
    assert picture_is_due(vain, places[:1], ALL, has_picture=False, settled=True)
    assert picture_is_due(vain, places, Asked(force=True), has_picture=True, settled=True)
    assert not picture_is_due(fresh, (), Asked(force=True), has_picture=False, settled=False)


def test_pictures_that_are_none():
    """Icons and counting pixels were stored as previews; banners under 5 KB are placeholders."""
    assert why_unusable("page", "png", 1, 1, 68) is not None
    assert why_unusable("page", "png", 600, 15, 900) is not None
    assert why_unusable("page", "png", 16, 16, 900) is None
    assert why_unusable("page", "ico", 256, 256, 90_000) is not None
    assert why_unusable("banner", "png", 600, 315, 5 * 1024 - 1) is not None
    assert why_unusable("banner", "png", 600, 315, 5 * 1024) is None
    assert why_unusable("page", "png", 600, 315, 900) is None


@given(st.lists(st.integers(0, 4), max_size=30))
def test_hosts_take_turns(hosts):
    """All pages are there, those of a host in their order, and no host comes twice in a turn."""
    pages = [BookmarkedPage(f"https://h{host}.example/{at}", []) for at, host in enumerate(hosts)]
    turned = spread(pages)
    assert sorted(turned) == sorted(pages)
    seen: Counter[str] = Counter()
    rounds = []
    for page in turned:
        host = page.address.split("/")[2]
        rounds.append(seen[host])
        seen[host] += 1
    assert rounds == sorted(rounds)


def test_a_picture_that_is_bookmarked_comes_first():
    """Of a bookmarked picture the server has only the screenshot of a browser that shows it."""
    url = "https://a.example/photo.jpg"
    shot = with_content(screenshotAssetId="s1")
    screenshot, itself = PicturePlace("screenshot", "s1"), PicturePlace("page", url)
    assert places_of(shot, url, assets=True) == (screenshot, itself)
    assert places_of(shot, url, assets=True, itself=True) == (itself, screenshot)


def test_pages_are_known_without_user_and_password():
    """An address with a password went into metadata, which everyone reads, and into dead letters."""
    [page] = pages_of(bookmarks({"id": "b1", "url": "https://user:pass@a.example/x"}))
    assert page.address == "https://a.example/x"
