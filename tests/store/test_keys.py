"""The names of objects as the site and older systems know them, and who may read them."""

import hashlib
from collections.abc import Callable

import pytest

from datafetch.models.shard import Shard
from datafetch.store.keys import Keys, is_commit, is_public

HASH = hashlib.sha256(b"https://example.com/a").hexdigest()
PAGE = "https://example.com/a"
ID = "bm_1"
IMAGE_HASH = hashlib.sha256(b"https://example.com/a:bm_1").hexdigest()[:8]

# Every key of the contract's tables, with `{S}` for the suffix.
CONTRACT: list[tuple[Callable[[Keys], str], str, bool]] = [
    (lambda k: k.bookmarks(), "json/bookmarks/bookmarks{S}.json", True),
    (lambda k: k.bookmarks_index(), "json/bookmarks/index{S}.json", True),
    (lambda k: k.bookmark_page(12), "json/bookmarks/pages{S}/page-12.json", True),
    (lambda k: k.tag_index("c-plus-plus"), "json/bookmarks/tags{S}/c-plus-plus/index.json", True),
    (lambda k: k.tag_page("日本語", 2), "json/bookmarks/tags{S}/日本語/page-2.json", True),
    (lambda k: k.bookmark_by_id(ID), "json/bookmarks/by-id{S}/bm_1.json", True),
    (lambda k: k.slug_mapping(), "json/bookmarks/slug-mapping{S}.json", True),
    (lambda k: k.slug_shards_prefix(), "json/bookmarks/slug-shards{S}/", True),
    (lambda k: k.bookmarks_old_lock(), "json/bookmarks/refresh-lock{S}.json", True),
    (lambda k: k.bookmarks_heartbeat(), "json/bookmarks/heartbeat{S}.json", True),
    (lambda k: k.github_activity(), "json/github-activity/activity_data{S}.json", True),
    (lambda k: k.github_summary(), "json/github-activity/github_stats_summary{S}.json", True),
    (
        lambda k: k.github_summary_all_time(),
        "json/github-activity/github_stats_summary_all_time{S}.json",
        True,
    ),
    (lambda k: k.github_weekly(), "json/github-activity/aggregated_weekly_activity{S}.json", True),
    (
        lambda k: k.github_csv("octo_hello-world"),
        "json/github-activity/repo_raw_weekly_stats{S}/octo_hello-world.csv",
        False,
    ),
    (
        lambda k: k.logo("example.com", "google", "png"),
        "images/logos/example_com_google_a379a6f6.png",
        True,
    ),
    (
        lambda k: k.logo("shop.example.co.uk", "direct", "ico"),
        "images/logos/shop_example_co_uk_direct_c5d1dbe7.ico",
        True,
    ),
    (lambda k: k.logo_manifest(), "json/image-data/logos/manifest{S}.json", True),
    (lambda k: k.logo_failed_domains(), "json/rate-limit/logo-failed-domains{S}.json", False),
    (lambda k: k.opengraph_metadata(HASH), f"json/opengraph/metadata/{HASH}.json", True),
    (lambda k: k.opengraph_override(HASH), f"json/opengraph/overrides/{HASH}.json", True),
    (
        lambda k: k.opengraph_image("www.example.com", PAGE, ID, "jpg"),
        f"images/opengraph/example-com-{IMAGE_HASH}.jpg",
        True,
    ),
    (lambda k: k.opengraph_manifest(), "json/image-data/opengraph/manifest{S}.json", True),
    (lambda k: k.blog_manifest(), "json/image-data/blog/manifest{S}.json", True),
    (lambda k: k.job_state("bookmarks"), "json/datafetch/jobs/bookmarks{S}.json", False),
    (
        lambda k: k.shard("logos", Shard(2, 4)),
        "json/datafetch/shards/logos{S}/2-of-4.json",
        False,
    ),
    (lambda k: k.history("github"), "json/datafetch/history/github{S}.json", False),
    (lambda k: k.dataset("bookmarks"), "json/datafetch/datasets/bookmarks{S}.json", False),
    (lambda k: k.publish_journal("logos"), "json/datafetch/publish/logos{S}.json", False),
    (lambda k: k.dead_letters("opengraph"), "json/datafetch/dead-letters/opengraph{S}.json", False),
    (lambda k: k.breakers(), "json/datafetch/breakers{S}.json", False),
    (lambda k: k.pauses(), "json/datafetch/paused{S}.json", False),
    (lambda k: k.lock("bookmarks"), "json/datafetch/locks/bookmarks{S}.json", False),
    (
        lambda k: k.bookmarks_backup("2026-11-24T08-00Z"),
        "json/datafetch/backup/bookmarks{S}/2026-11-24T08-00Z.json",
        False,
    ),
]


def test_the_key_of_a_picture_can_be_made_of_any_stored_address() -> None:
    """Half of a surrogate pair, which JSON can carry, is hashed as JavaScript writes it."""
    keys = Keys("-test")
    odd, written = ("https://example.com/\ud800", "https://example.com/\ufffd")
    made = {keys.opengraph_image("example.com", url, "b1", "png") for url in (odd, written)}
    assert len(made) == 1


def test_pictures_are_found_under_the_keys_of_earlier_releases() -> None:
    """A picture whose key had `www.` or another hash was fetched again, and the old one was left."""
    url, address = "https://www.example.com#top", "https://www.example.com/"
    assert Keys("-test").opengraph_image_stems("www.example.com", url, address, "bm_1") == (
        "images/opengraph/example-com-f0137df4",
        "images/opengraph/www-example-com-524fa09b",
        "images/opengraph/example-com-524fa09b",
        "images/opengraph/example-com-bookmark-e202d87a",
    )
    plain = Keys().opengraph_image_stems(
        "a.example", "https://a.example/x", "https://a.example/x", "b"
    )
    assert len(plain) == 2
    assert f"{plain[0]}.png" == Keys().opengraph_image(
        "a.example", "https://a.example/x", "b", "png"
    )


@pytest.mark.parametrize("suffix", ["", "-dev", "-test"])
@pytest.mark.parametrize(("make", "expected", "_public"), CONTRACT)
def test_keys_are_those_that_readers_know(
    make: Callable[[Keys], str], expected: str, _public: bool, suffix: str
) -> None:
    """Development data was written under production keys: each environment has its own."""
    assert make(Keys(suffix)) == expected.replace("{S}", suffix)


@pytest.mark.parametrize(("make", "_expected", "public"), CONTRACT)
def test_only_what_visitors_read_is_public(
    make: Callable[[Keys], str], _expected: str, public: bool
) -> None:
    """State with host names, errors and private repositories was readable by everyone."""
    assert is_public(make(Keys("-dev"))) is public


@pytest.mark.parametrize(
    "key",
    ["json/bookmarks/index.json", "json/image-data/logos/manifest.json", "images/logos/a.png"],
)
def test_what_is_kept_aside_is_never_public(key: str) -> None:
    """A corrupt object that was kept for people to look at is not for visitors."""
    aside = Keys.corrupt(key, "2026-11-24T08-00Z")
    assert aside == f"{key}.corrupt-2026-11-24T08-00Z"
    assert not is_public(aside)


@pytest.mark.parametrize(
    "key", ["", "json", "json/", "images", "json/other/x.json", "json/bookmarks-old/x.json", "x"]
)
def test_what_the_contract_does_not_name_is_not_public(key: str) -> None:
    """A new kind of object is private until somebody decides otherwise."""
    assert not is_public(key)


@pytest.mark.parametrize("suffix", ["", "-dev", "-test"])
def test_each_dataset_has_its_commit_objects(suffix: str) -> None:
    """What says which objects belong together is never one of the many."""
    keys = Keys(suffix)
    commits = {make(keys) for make, _, _ in CONTRACT if is_commit(make(keys))}
    assert commits == {
        f"json/bookmarks/bookmarks{suffix}.json",
        f"json/bookmarks/index{suffix}.json",
        f"json/github-activity/activity_data{suffix}.json",
        f"json/image-data/logos/manifest{suffix}.json",
        f"json/image-data/opengraph/manifest{suffix}.json",
    }
    assert not is_commit(keys.corrupt(keys.bookmarks_index(), "1"))


@pytest.mark.parametrize("key", ["json/bookmarks/tags//page-1.json", "json/a\\b", "x" * 901])
def test_a_copy_of_what_has_no_name_of_ours_is_named_by_its_hash(key: str) -> None:
    """Every store takes the copy, and no visitor reads it."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    assert Keys.corrupt(key, "now") == f"json/datafetch/aside/{digest}.corrupt-now"
    assert not is_public(Keys.corrupt(key, "now"))
    assert Keys.corrupt("json/a.json", "now") == "json/a.json.corrupt-now"
