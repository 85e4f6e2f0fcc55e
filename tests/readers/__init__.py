"""A strict validator: what the readers of the stored objects demand of each of them.

The readers are the code of the web site that datafetch replaces a part of. Its schemas, its
builders of keys and its routes were read in two versions, of November 2025 and of January 2026
(github.com/WilliamAGH/williamcallahan.com: types/bookmark.ts, types/github.ts, types/image.ts,
types/seo/opengraph.ts, lib/constants.ts, lib/utils/hash-utils.ts, lib/utils/tag-utils.ts and the
routes under app/bookmarks). They check whole lists: what one item does wrong costs all of them.
Nothing here is imported from datafetch, so that a mistake of its own rules shows.
"""

import re
from collections.abc import Iterator, Mapping

from tests.readers import bookmarks, github, pictures
from tests.readers.site import Site

__all__ = ["Site", "refusals"]

_PICTURE = r"\.(png|jpe?g|gif|webp|svg|ico|avif)"


def refusals(objects: Mapping[str, bytes], site: Site) -> list[str]:
    """Each demand that an object does not meet, as a sentence that begins with the object's key.

    Args:
        objects: bodies by key, the whole store.
        site: which environment the readers read, and what older systems left for them.
    """
    return [
        *_unknown_keys(objects, site),
        *bookmarks.refusals(objects, site),
        *github.refusals(objects, site),
        *pictures.refusals(objects, site),
    ]


def _unknown_keys(objects: Mapping[str, bytes], site: Site) -> Iterator[str]:
    """Keys that no reader would build; what is datafetch's own is none of the readers' business."""
    known = re.compile("|".join(_known_keys(re.escape(site.suffix))))
    for key in objects:
        if key in site.left_alone or key.startswith("json/datafetch/"):
            continue
        if not known.fullmatch(key):
            yield f"{key}: no reader builds this key"


def _known_keys(suffix: str) -> list[str]:
    hex64 = "[0-9a-f]{64}"
    return [
        rf"json/bookmarks/(bookmarks|index|slug-mapping|heartbeat){suffix}\.json",
        rf"json/bookmarks/pages{suffix}/page-[1-9][0-9]*\.json",
        rf"json/bookmarks/tags{suffix}/[^/]+/(index|page-[1-9][0-9]*)\.json",
        rf"json/bookmarks/by-id{suffix}/[^/]+\.json",
        rf"json/bookmarks/slug-shards{suffix}/[^/]+/[^/]+\.json",
        rf"json/github-activity/activity_data{suffix}\.json",
        rf"json/github-activity/github_stats_summary(_all_time)?{suffix}\.json",
        rf"json/github-activity/aggregated_weekly_activity{suffix}\.json",
        rf"json/github-activity/repo_raw_weekly_stats{suffix}/[^/]+_[^/]+\.csv",
        rf"json/image-data/(logos|opengraph|blog)/manifest{suffix}\.json",
        rf"json/rate-limit/logo-failed-domains{suffix}\.json",
        rf"json/opengraph/(metadata|overrides)/{hex64}\.json",
        # Keys of pictures as the site's own check of keys takes them.
        rf"images/logos/[a-zA-Z0-9._-]+{_PICTURE}",
        rf"images/opengraph/[a-zA-Z0-9._-]+{_PICTURE}",
    ]
