"""The stores of before are as bad as they were: else nothing would be proved by taking them over."""

import pytest

from tests.predecessors import first_half, old_site, pack, unpack
from tests.predecessors.world import make_world
from tests.readers import Site, refusals

FIRST_HALF = (
    "json/bookmarks/bookmarks-dev.json: 3.url",
    "json/bookmarks/bookmarks-dev.json: 3.content.title",
    "json/bookmarks/bookmarks-dev.json: 5.content.url",
    "json/bookmarks/slug-mapping-dev.json: checksum",
    "json/image-data/blog/manifest-dev.json: is absent",
    "originalSource",
)
OLD_SITE = (
    "json/bookmarks/tags//page-1.json: no reader builds this key",
    "json/bookmarks/bookmarks.json: 2.ogImage",
    "json/bookmarks/bookmarks.json: 10.ogImage",
    "json/bookmarks/bookmarks.json: 3.url",
    "json/bookmarks/bookmarks.json: 5.url",
    "json/bookmarks/index.json: checksum",
    "json/bookmarks/slug-mapping.json: slugs.p04.url",
)


@pytest.mark.parametrize("fault", FIRST_HALF)
def test_what_our_first_half_left_is_refused(fault: str) -> None:
    """The recording holds a note, a script, a checksum of our own and a short name of a source."""
    assert [told for told in refusals(first_half(), Site("-dev")) if fault in told]


@pytest.mark.parametrize("fault", OLD_SITE)
def test_what_the_old_site_left_is_refused(fault: str) -> None:
    """The old site left an empty part in a key, relative pictures, and notes without an address."""
    app = make_world().karakeep
    objects = old_site([app.bookmark(bookmark_id) for bookmark_id in app.ids()])
    assert [told for told in refusals(objects, Site()) if fault in told]


def test_the_recording_is_small_and_whole() -> None:
    """What was packed is unpacked as it was, pictures too; nobody has to load megabytes."""
    objects = first_half()
    assert unpack(pack(objects)) == objects
    assert any(key.startswith("images/opengraph/www-") for key in objects)
    assert sum(map(len, objects.values())) < 200_000
