"""Decides which fields of its page a bookmark gets, and what the manifest of pictures holds."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from datafetch.bookmarks.rules.normalise import UNDESCRIBED, UNTITLED
from datafetch.models.json import JsonObject
from datafetch.opengraph.model import Description, Override, PageRecord, PictureRecord, digest_of
from datafetch.urls import normalise_url, page_address, url_hash, without_query

OWN_FIELDS = (
    "ogImage",
    "ogImageExternal",
    "ogTitle",
    "ogDescription",
    "ogUrl",
    "ogImageLastFetchedAt",
    "ogImageEtag",
)
"""The fields of a bookmark that belong to this job."""

_PICTURES = "images/opengraph/"


class Stored(NamedTuple):
    """A picture with its public URL and the time of its fetch (ISO), as a bookmark gets them.

    Without a public base URL (`public` False) the bookmark keeps its external picture.
    """

    record: PictureRecord
    url: str
    fetched_at: str | None
    public: bool


def override_of(address: str, overrides: Mapping[str, Override]) -> Override | None:
    """What people wrote by hand for a page.

    Old systems named it without the query, by which all videos of a site share one: such a
    one counts unless it says itself that it is of another page.
    """
    found = overrides.get(url_hash(address))
    if found is not None:
        return found
    found = overrides.get(url_hash(without_query(address)))
    if found is None:
        return None
    url = found.value.get("url")
    own = page_address(url) if isinstance(url, str) and url else None
    return found if own in (None, address, without_query(address)) else None


def shown(
    address: str, record: PageRecord, description: Description | None, override: Override | None
) -> Description | None:
    """What bookmarks are told of a page: not what was made of themselves, unless people wrote it."""
    said = description if record.source == "external" else None
    if override is None:
        return said
    return (said or Description(final_url=address)).overridden(override.value)


def fallback(address: str, item: JsonObject) -> Description:
    """What stands in for a page that cannot be read: what the bookmark says of it."""
    content = item.get("content")
    external = item.get("ogImageExternal") or (
        content.get("imageUrl") if isinstance(content, dict) else None
    )
    return Description(
        final_url=address,
        title=_said(item.get("title"), UNTITLED),
        description=_said(item.get("description"), UNDESCRIBED),
        image_url=normalise_url(external) if isinstance(external, str) else None,
    )


def _said(text: Any, nothing: str) -> str | None:
    return text if isinstance(text, str) and text.strip() and text != nothing else None


def own_fields(
    item: JsonObject, said: Description | None, picture: Stored | None
) -> dict[str, str]:
    """The fields of this job that a bookmark gets; nothing that is stored is ever removed."""
    fields: dict[str, Any] = {}
    if said is not None:
        fields |= {
            "ogImageExternal": said.image_url,
            "ogTitle": said.title,
            "ogDescription": said.description,
            "ogUrl": said.final_url,
        }
    if picture is not None:
        fields |= {
            "ogImage": picture.url if picture.public else item.get("ogImage") or _external(said),
            "ogImageLastFetchedAt": picture.fetched_at,
            "ogImageEtag": picture.record.etag,
        }
    return {name: value for name, value in fields.items() if value}


def _external(said: Description | None) -> str | None:
    return said.image_url if said is not None else None


def mark_of(
    item: JsonObject,
    record: PageRecord | None,
    override: Override | None,
    picture: Stored | None,
) -> str:
    """What tells whether a bookmark was merged with just this: else it is merged again."""
    return digest_of(
        [
            [record.source, record.digest] if record is not None else None,
            dict(override.value) if override is not None else None,
            [picture.url, picture.public, picture.fetched_at] if picture is not None else None,
            [item.get(name) for name in OWN_FIELDS],
        ]
    )


def merged_manifest(
    stored: Iterable[Any], pictures: Mapping[str, str], key_of: Callable[[str], str | None]
) -> list[str]:
    """The manifest with the URLs of these pictures (by key); what it knew besides stays.

    A picture whose format changed has a new key; the old one is no longer listed.
    """
    stems = {stem_of(key) for key in pictures}
    kept = [
        url for url in stored if isinstance(url, str) and stem_of(_key(url, key_of)) not in stems
    ]
    return sorted({*kept, *pictures.values()})


def pictures_by_stem(
    manifest: Iterable[Any], key_of: Callable[[str], str | None]
) -> dict[str, tuple[str, str]]:
    """Key and version of each picture of a manifest, by its key without extension."""
    found = {}
    for url in manifest:
        if isinstance(url, str):
            key = _key(url, key_of)
            version = url.partition("?v=")[2]
            found[stem_of(key)] = (key, version)
    return found


def stem_of(key: str) -> str:
    """A picture's key without its extension."""
    return key.rpartition(".")[0] or key


def _key(url: str, key_of: Callable[[str], str | None]) -> str:
    """The key of a picture's URL, also under a public base that is no longer ours."""
    at = url.find(_PICTURES)
    return key_of(url) or (url[at:].partition("?")[0] if at >= 0 else url)
