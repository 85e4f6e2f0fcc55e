"""The validator itself: it accepts what is sound, and knows each demand."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.readers import Site, refusals
from tests.readers.shapes import linked_slug
from tests.readers.sound import LOGO, METADATA, MOMENT_MS, PIXEL, Json, index_of, item, sound

Objects = dict[str, bytes]
BOOKMARKS = "json/bookmarks/"
GITHUB = "json/github-activity/"
LOGOS = "json/image-data/logos/manifest.json"
PREVIEWS = "json/image-data/opengraph/manifest.json"


def put(**fields: object) -> Callable[[Json], object]:
    """Lays fields upon an object."""
    return lambda found: found.update(fields)


def drop(name: str) -> Callable[[Any], object]:
    """Takes a field, or an object of a store, away."""
    return lambda found: found.pop(name)


def inner(name: str, change: Callable[[Any], object]) -> Callable[[Json], object]:
    """Changes what stands in a field."""
    return lambda found: change(found[name])


def first(change: Callable[[Any], object]) -> Callable[[Any], object]:
    """Changes the first of a list."""
    return lambda found: change(found[0])


def changed(key: str, change: Callable[[Any], object]) -> Callable[[Objects], object]:
    """Changes one object of a store."""

    def spoil(objects: Objects) -> None:
        value = json.loads(objects[key])
        change(value)
        objects[key] = json.dumps(value, ensure_ascii=False).encode()

    return spoil


def test_a_sound_store_is_accepted():
    """A validator that refuses what readers take would make good stores look bad."""
    assert refusals(sound(), Site()) == []


SPOILT_ITEMS: dict[str, tuple[Callable[[Json], object], str]] = {
    "relative picture": (put(ogImage="/api/assets/a1"), "ogImage"),
    "empty picture": (put(ogImage=""), "ogImage"),
    "null picture": (put(ogImage=None), "ogImage"),
    "null external picture": (put(ogImageExternal=None), "ogImageExternal"),
    "script": (put(url="javascript:alert(1)"), "url"),
    "no address": (put(url=""), "url"),
    "address without scheme": (put(url="www.example.com/posts/0"), "url"),
    "script of the page": (put(ogUrl="javascript:alert(1)"), "ogUrl"),
    "url absent": (drop("url"), "url"),
    "no title": (put(title=""), "title"),
    "null description": (put(description=None), "description"),
    "no slug": (put(slug=""), "slug"),
    "slug of letters beyond ASCII": (put(slug="example-com-пост"), "no route finds"),
    "slug with a slash": (put(slug="example-com/a"), "no route finds"),
    "slug of tidied dashes": (put(slug="example-com--a-"), "no route finds"),
    "wrong domain": (put(domain="www.example.com"), "domain"),
    "domain in letters": (put(domain="bücher.example"), "domain"),
    "domain of another": (put(domain="example.net"), "domain is not the host"),
    "seconds without zero": (put(dateBookmarked="2026-11-24T8:00:00Z"), "dateBookmarked"),
    "time with an offset": (put(dateBookmarked="2026-11-24T08:00:00+01:00"), "dateBookmarked"),
    "no date": (drop("dateBookmarked"), "dateBookmarked"),
    "no source date": (drop("sourceUpdatedAt"), "sourceUpdatedAt"),
    "null creation": (put(dateCreated=None), "dateCreated"),
    "null change": (put(modifiedAt=None), "modifiedAt"),
    "archived as text": (put(archived="false"), "archived"),
    "null favourite": (put(isFavorite=None), "isFavorite"),
    "null tagging": (put(taggingStatus=None), "taggingStatus"),
    "note as number": (put(note=1), "note"),
    "words as text": (put(wordCount="3"), "wordCount"),
    "words below zero": (put(wordCount=-1), "wordCount"),
    "logo without address": (inner("logoData", drop("url")), "logoData"),
    "no content": (drop("content"), "content"),
    "content without title": (inner("content", drop("title")), "content.title"),
    "content without description": (inner("content", drop("description")), "content.description"),
    "content without address": (inner("content", drop("url")), "content.url"),
    "content with its page": (inner("content", put(htmlContent="<p>")), "content.htmlContent"),
    "picture of the content": (inner("content", put(imageUrl="a.png")), "content.imageUrl"),
    "icon of the content": (inner("content", put(favicon="data:,x")), "content.favicon"),
    "no assets": (drop("assets"), "assets"),
    "asset without kind": (inner("assets", first(drop("assetType"))), "assets.0.assetType"),
    "tags as names": (put(tags=["C++"]), "tags.0"),
    "tag without name": (inner("tags", first(put(name=""))), "tags.0.name"),
    "tag without slug": (inner("tags", first(drop("slug"))), "tags.0.slug"),
    "tag of a human": (inner("tags", first(put(attachedBy="human"))), "tags.0.attachedBy"),
    "tag linked elsewhere": (inner("tags", first(put(slug="cpp"))), "is linked as c-plus-plus"),
    "mixed tag": (
        inner("tags", first(put(name="日本語 AI", slug="日本語-ai"))),
        "is linked as ai",
    ),
    "tag with a blank": (
        inner("tags", lambda tags: tags[1].update(slug="日 本")),
        "no route finds",
    ),
    "101 tags": (put(tags=item(0)["tags"] * 51), "tags"),
    "picture under www": (
        lambda it: it.update(ogImage=it["ogImage"].replace("/example-com", "/www-example-com")),
        "leads to no picture",
    ),
    "picture of other content": (
        lambda it: it.update(ogImage=it["ogImage"].partition("?")[0]),
        "has not the hash",
    ),
}


@pytest.mark.parametrize(("change", "told"), SPOILT_ITEMS.values(), ids=SPOILT_ITEMS)
def test_an_item_that_readers_refuse(change: Callable[[Json], object], told: str) -> None:
    """One item that is not as readers want it costs them the whole list: it is found and named."""
    found = refusals(_made(change), Site())
    assert any(told in refusal for refusal in found), found


def _made(change: Callable[[Json], object]) -> Objects:
    """The sound store with its first item changed in each object where the shape lets it."""
    try:
        return sound(change)
    except (KeyError, TypeError):
        objects = sound()
        changed(f"{BOOKMARKS}bookmarks.json", first(change))(objects)
        return objects


SPOILT_OBJECTS: dict[str, tuple[Callable[[Objects], object], str]] = {
    **{
        f"{key} is absent": (drop(key), f"{key}: is absent")
        for key in (
            *(f"{BOOKMARKS}{name}.json" for name in ("bookmarks", "index", "slug-mapping")),
            f"{BOOKMARKS}heartbeat.json",
            f"{BOOKMARKS}tags/c-plus-plus/index.json",
            f"{GITHUB}activity_data.json",
            f"{GITHUB}github_stats_summary.json",
            f"{GITHUB}github_stats_summary_all_time.json",
            f"{GITHUB}aggregated_weekly_activity.json",
            LOGOS,
            PREVIEWS,
            "json/image-data/blog/manifest.json",
        )
    },
    "no JSON": (put(**{f"{BOOKMARKS}index.json": b"{"}), "is no JSON"),
    "not UTF-8": (put(**{f"{BOOKMARKS}index.json": b'{"a":"\xff"}'}), "is no JSON in UTF-8"),
    "stray tag": (put(**{f"{BOOKMARKS}tags//page-1.json": b"[]"}), "no reader builds this key"),
    "stale tag": (put(**{f"{BOOKMARKS}tags/old/page-1.json": b"[]"}), "no bookmark has this tag"),
    "shard of another slug": (
        put(**{f"{BOOKMARKS}slug-shards/ol/old.json": b'{"id":"b001","slug":"old"}'}),
        "disagrees with the mapping",
    ),
    "shard of nobody": (put(**{f"{BOOKMARKS}slug-shards/ex/a.json": b"{}"}), "disagrees with the"),
    "other environment": (
        put(**{f"{BOOKMARKS}pages-dev/page-1.json": b"[]"}),
        "no reader builds this key",
    ),
    "page 0": (put(**{f"{BOOKMARKS}pages/page-0.json": b"[]"}), "no reader builds this key"),
    "page too many": (put(**{f"{BOOKMARKS}pages/page-3.json": b"[]"}), "slices of 24"),
    "page absent": (lambda objects: objects.pop(f"{BOOKMARKS}pages/page-2.json"), "slices of 24"),
    "tag's page absent": (
        lambda objects: objects.pop(f"{BOOKMARKS}tags/c-plus-plus/page-2.json"),
        "slices of 24",
    ),
    "single one absent": (lambda objects: objects.pop(f"{BOOKMARKS}by-id/b003.json"), "by its id"),
    "single one differs": (changed(f"{BOOKMARKS}by-id/b003.json", put(title="x")), "by its id"),
    "an id twice": (
        changed(f"{BOOKMARKS}bookmarks.json", lambda items: items.append(items[0])),
        "an id stands twice",
    ),
    "index in seconds": (
        changed(f"{BOOKMARKS}index.json", put(lastFetchedAt=MOMENT_MS // 1000)),
        "lastFetchedAt",
    ),
    "attempt as text": (
        changed(f"{BOOKMARKS}index.json", put(lastAttemptedAt="2026-11-24T08:00:00.000Z")),
        "lastAttemptedAt",
    ),
    "index counts wrongly": (changed(f"{BOOKMARKS}index.json", put(count=24)), "the index counts"),
    "pages counted wrongly": (changed(f"{BOOKMARKS}index.json", put(totalPages=3)), "has 3 pages"),
    "pages of 25": (changed(f"{BOOKMARKS}index.json", put(pageSize=25)), "pageSize"),
    "index with a time in ms": (
        changed(f"{BOOKMARKS}index.json", put(lastModified=MOMENT_MS)),
        "lastModified",
    ),
    "checksum of another list": (
        changed(f"{BOOKMARKS}index.json", put(checksum=index_of([])["checksum"])),
        "not that of the list",
    ),
    "short checksum": (changed(f"{BOOKMARKS}index.json", put(checksum="0" * 32)), "checksum"),
    "null change": (changed(f"{BOOKMARKS}index.json", put(changeDetected=None)), "changeDetected"),
    "mapping with a SHA-256": (
        changed(f"{BOOKMARKS}slug-mapping.json", put(checksum="0" * 64)),
        "checksum",
    ),
    "mapping with another MD5": (
        changed(f"{BOOKMARKS}slug-mapping.json", put(checksum="0" * 32)),
        "not the MD5 of its pairs",
    ),
    "mapping made at no time": (
        changed(f"{BOOKMARKS}slug-mapping.json", put(generated="2026-11-24 08:00:00")),
        "generated",
    ),
    "mapping counts wrongly": (
        changed(f"{BOOKMARKS}slug-mapping.json", put(count=24)),
        "counts 24 of 25",
    ),
    "mapping without an address": (
        changed(f"{BOOKMARKS}slug-mapping.json", inner("slugs", inner("b001", put(url="")))),
        "slugs.b001.url",
    ),
    "mapping of other pairs": (
        changed(f"{BOOKMARKS}slug-mapping.json", inner("slugs", inner("b001", put(slug="other")))),
        "not those of the list",
    ),
    "mapping that does not lead back": (
        changed(f"{BOOKMARKS}slug-mapping.json", put(reverseMap={})),
        "does not lead back",
    ),
    "mapping under another id": (
        changed(f"{BOOKMARKS}slug-mapping.json", inner("slugs", inner("b001", put(id="b002")))),
        "under the id of another",
    ),
    "heartbeat as text": (
        changed(f"{BOOKMARKS}heartbeat.json", put(runAt="2026-11-24T08:00:00.000Z")),
        "runAt",
    ),
    "level 5": (
        changed(
            f"{GITHUB}activity_data.json",
            inner("trailingYearData", inner("data", first(put(level=5)))),
        ),
        "level",
    ),
    "day without zero": (
        changed(
            f"{GITHUB}activity_data.json",
            inner("trailingYearData", inner("data", first(put(date="2026-11-1")))),
        ),
        "date",
    ),
    "a day is missing": (
        changed(
            f"{GITHUB}activity_data.json",
            inner("trailingYearData", inner("data", lambda days: days.pop(3))),
        ),
        "one after the other",
    ),
    "sum of days": (
        changed(
            f"{GITHUB}activity_data.json", inner("trailingYearData", put(totalContributions=1))
        ),
        "the sum of the days",
    ),
    "activity from a page": (
        changed(f"{GITHUB}activity_data.json", inner("trailingYearData", put(source="html"))),
        "source",
    ),
    "names of private repositories": (
        changed(
            f"{GITHUB}activity_data.json",
            inner(
                "trailingYearData",
                inner("allCommitsOlderThanYear", put(perRepo={"ann/secret": None})),
            ),
        ),
        "perRepo",
    ),
    "days of all time": (
        changed(
            f"{GITHUB}activity_data.json",
            inner(
                "cumulativeAllTimeData", put(data=[{"date": "2026-11-01", "count": 1, "level": 1}])
            ),
        ),
        "days of all time",
    ),
    "activity without all time": (
        changed(f"{GITHUB}activity_data.json", drop("cumulativeAllTimeData")),
        "cumulativeAllTimeData",
    ),
    "hour without zero": (
        changed(
            f"{GITHUB}github_stats_summary.json",
            put(lastUpdatedAtPacific="4/3/2025, 5:16:45 AM PDT"),
        ),
        "lastUpdatedAtPacific",
    ),
    "net lines": (
        changed(f"{GITHUB}github_stats_summary.json", put(netLinesOfCode=9)),
        "netLinesOfCode",
    ),
    "net lines of a category": (
        changed(
            f"{GITHUB}github_stats_summary_all_time.json",
            inner("linesOfCodeByCategory", inner("other", put(netChange=9))),
        ),
        "netChange of other",
    ),
    "category absent": (
        changed(
            f"{GITHUB}github_stats_summary.json",
            inner("linesOfCodeByCategory", drop("dataEngineer")),
        ),
        "dataEngineer",
    ),
    "weeks in disorder": (
        changed(f"{GITHUB}aggregated_weekly_activity.json", lambda weeks: weeks.reverse()),
        "the weeks are not in order",
    ),
    "week at a time": (
        changed(
            f"{GITHUB}aggregated_weekly_activity.json",
            first(put(weekStartDate="2026-11-15T00:00:00Z")),
        ),
        "weekStartDate",
    ),
    "table with a head": (
        put(**{f"{GITHUB}repo_raw_weekly_stats/ann_site.csv": b"w,a,d,c\n1,2,3,4\n"}),
        "not four numbers",
    ),
    "table in disorder": (
        put(**{f"{GITHUB}repo_raw_weekly_stats/ann_site.csv": b"2,0,0,0\n1,0,0,0\n"}),
        "order of weeks",
    ),
    "statistics as JSON": (
        put(**{f"{GITHUB}repo_raw_weekly_stats/ann_site.json": b"{}"}),
        "no reader builds this key",
    ),
    "source by its short name": (
        changed(LOGOS, inner("example.com", put(originalSource="ddg"))),
        "originalSource",
    ),
    "logo without address": (
        changed(LOGOS, inner("example.com", drop("cdnUrl"))),
        "example.com.cdnUrl",
    ),
    "logo of www": (
        changed(LOGOS, lambda m: m.update({"www.example.com": m.pop("example.com")})),
        "begins with www.",
    ),
    "logo of a domain in letters": (
        changed(LOGOS, lambda m: m.update({"bücher.example": m.pop("example.com")})),
        "as browsers write a host",
    ),
    "logo elsewhere": (
        changed(LOGOS, lambda m: m.update({"example.net": m.pop("example.com")})),
        "is looked for at images/logos/example_net_google_",
    ),
    "logo that is gone": (lambda objects: objects.pop(LOGO), "leads to no picture"),
    "logo of another base": (
        changed(
            LOGOS,
            inner("example.com", put(cdnUrl=f"https://cdn.example.org.evil.example/{LOGO}?v=0")),
        ),
        "leads to no picture",
    ),
    "logo without its hash": (
        changed(LOGOS, inner("example.com", put(cdnUrl=f"https://cdn.example.org/{LOGO}"))),
        "does not end in ?v=",
    ),
    "dark logo that is gone": (
        changed(LOGOS, inner("example.com", put(invertedCdnUrl="https://cdn.example.org/x.png"))),
        "x.png leads to no picture",
    ),
    "previews by name": (put(**{PREVIEWS: b"{}"}), PREVIEWS),
    "previews as keys": (
        changed(PREVIEWS, lambda urls: urls.append("images/opengraph/a.png")),
        "not an absolute web address",
    ),
    "preview that is gone": (
        changed(
            PREVIEWS, lambda urls: urls.append("https://cdn.example.org/images/opengraph/x.png")
        ),
        "x.png leads to no picture",
    ),
    "preview that is not named": (changed(PREVIEWS, lambda urls: urls.pop(0)), "not in the manif"),
    "failure without item": (
        changed("json/rate-limit/logo-failed-domains.json", inner("example.net", drop("item"))),
        "example.net.item",
    ),
    "failure at a text": (
        changed(
            "json/rate-limit/logo-failed-domains.json",
            inner("example.net", put(lastAttempt="2026-11-24T08:00:00Z")),
        ),
        "lastAttempt",
    ),
    "metadata without picture": (changed(METADATA, drop("imageUrl")), "imageUrl"),
    "metadata with a relative picture": (changed(METADATA, put(imageUrl="/a.png")), "imageUrl"),
    "metadata made at a text": (changed(METADATA, put(timestamp="now")), "timestamp"),
    "metadata of another page": (
        changed(METADATA, put(url="https://example.com/")),
        "not named by its url",
    ),
    "metadata with a fragment": (
        changed(METADATA, put(url="https://example.com/posts/1#a")),
        "has a fragment",
    ),
    "metadata from nowhere": (changed(METADATA, put(source="page")), "source"),
    "metadata after a script": (
        changed(METADATA, put(finalUrl="javascript:alert(1)")),
        "finalUrl",
    ),
    "page as picture": (put(**{LOGO: b"<!doctype html>"}), "not what its name says"),
    "picture without extension": (
        put(**{"images/opengraph/example-com-0": PIXEL}),
        "no reader builds this key",
    ),
    "picture of letters": (
        put(**{"images/opengraph/bücher-example-0.png": PIXEL}),
        "no reader builds this key",
    ),
}


@pytest.mark.parametrize(("spoil", "told"), SPOILT_OBJECTS.values(), ids=SPOILT_OBJECTS)
def test_an_object_that_readers_refuse(spoil: Callable[[Objects], object], told: str) -> None:
    """What readers cannot read, or do not find where they look, is found and named."""
    objects = sound()
    spoil(objects)
    found = refusals(objects, Site())
    assert any(told in refusal for refusal in found), found


def test_what_was_there_before_is_let_pass():
    """Slugs that were given, pictures under earlier keys and other parts of the site stay."""
    objects = sound(put(slug="example-com-пост"))
    objects["images/other/me.png"] = PIXEL
    site = Site(
        earlier_slugs=frozenset({"example-com-пост"}), left_alone=frozenset({"images/other/me.png"})
    )
    assert refusals(objects, site) == []


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("C++", "c-plus-plus"),
        ("AI & ML", "ai-and-ml"),
        (".NET", "dotnet"),
        ("Node.js", "nodedotjs"),
        ("C#", "c-sharp"),
        ("Café  au_lait", "cafe-au-lait"),
        ("日本語 AI", "ai"),
        ("日本語", ""),
        ("v2.0", "v20"),
    ],
)
def test_how_readers_link_a_tag(name: str, slug: str) -> None:
    """The examples that the readers' own documentation gives, and names in other scripts."""
    assert linked_slug(name) == slug
