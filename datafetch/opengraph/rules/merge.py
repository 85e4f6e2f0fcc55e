"""Decides which OpenGraph fields a bookmark gets, and which URLs the manifest of pictures has."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from datafetch.addresses import NO_HOSTS, OwnHosts, for_visitors
from datafetch.bookmarks.rules.normalise import UNDESCRIBED, UNTITLED
from datafetch.opengraph.model import (
    OWN_FIELDS,
    Description,
    Override,
    PageRecord,
    PictureRecord,
    SavedBookmark,
    digest_of,
)
from datafetch.urls import clean_address, page_address, url_hash, without_query


class BookmarkPicture(NamedTuple):
    """A stored picture as its bookmark shows it.

    Attributes:
        url: its public URL.
        fetched_at: ISO time; None when it is not known.
        public: whether a public base URL is set; without it the bookmark's `ogImage` stays a URL
            on the web.
    """

    record: PictureRecord
    url: str
    fetched_at: str | None
    public: bool


def override_of(
    address: str, overrides: Mapping[str, Override], own: OwnHosts = NO_HOSTS
) -> Override | None:
    """What people wrote by hand for a page, without a picture that is not `for_visitors`.

    Old systems named the override by the address without its query, so that all videos of a site
    share one: it counts unless the `url` in it is that of another page.
    """
    found = overrides.get(url_hash(address))
    if found is None:
        found = overrides.get(url_hash(without_query(address)))
        url = found.value.get("url") if found is not None else None
        of_page = page_address(url) if url else None
        if of_page not in (None, address, without_query(address)):
            return None
    picture = found.value.get("imageUrl") if found is not None else None
    if found is None or picture is None or for_visitors(picture, own) is not None:
        return found
    texts = {name: text for name, text in found.value.items() if name != "imageUrl"}
    return replace(found, value=texts)


def shown(
    address: str, record: PageRecord, description: Description | None, override: Override | None
) -> Description | None:
    """The description that a page's bookmarks get: the page's own, with the override's texts.

    Metadata that was made from a bookmark is not written into bookmarks.
    """
    said = description if record.source == "external" else None
    if override is None:
        return said
    return (said or Description(final_url=address)).overridden(override.value)


def fallback(address: str, bookmark: SavedBookmark, own: OwnHosts = NO_HOSTS) -> Description:
    """The description of a page that cannot be read, made from its bookmark."""
    pictures = (bookmark.own.get("ogImageExternal"), bookmark.saved_image)
    external = next(filter(None, (for_visitors(picture, own) for picture in pictures)), None)
    return Description(
        final_url=address,
        title=_unless(UNTITLED, bookmark.title),
        description=_unless(UNDESCRIBED, bookmark.description),
        image_url=clean_address(external),
    )


def _unless(placeholder: str, text: str | None) -> str | None:
    """The text; None if it is blank, or the placeholder that the bookmarks job writes for none."""
    return text if text and text.strip() and text != placeholder else None


def own_fields(
    bookmark: SavedBookmark, said: Description | None, picture: BookmarkPicture | None
) -> dict[str, str]:
    """The values of `OWN_FIELDS` that a bookmark gets; without a new value the stored one stays."""
    fields: dict[str, str | None] = {}
    if said is not None:
        fields |= {
            "ogImageExternal": said.image_url,
            "ogTitle": said.title,
            "ogDescription": said.description,
            "ogUrl": said.final_url,
        }
    if picture is not None:
        on_the_web = bookmark.image or (said.image_url if said is not None else None)
        fields |= {
            "ogImage": picture.url if picture.public else on_the_web,
            "ogImageLastFetchedAt": picture.fetched_at,
            "ogImageEtag": picture.record.etag,
        }
    return {name: value for name, value in fields.items() if value}


def mark_of(
    bookmark: SavedBookmark,
    record: PageRecord | None,
    override: Override | None,
    picture: BookmarkPicture | None,
) -> str:
    """A digest of all that a merge depends on; while it is the same, no merge is needed."""
    return digest_of(
        [
            [record.source, record.digest] if record is not None else None,
            dict(override.value) if override is not None else None,
            [picture.url, picture.public, picture.fetched_at] if picture is not None else None,
            [bookmark.own.get(name) for name in OWN_FIELDS],
        ]
    )


def merged_manifest(
    stored: Iterable[str], pictures: Mapping[str, str], key_of: Callable[[str], str]
) -> list[str]:
    """The manifest with the URLs of these pictures (by key); its other URLs stay.

    `key_of` turns the URL of a picture into its key. A picture whose format changed has a new key; the URL of the old one goes.
    """
    stems = {stem_of(key) for key in pictures}
    kept = [url for url in stored if stem_of(key_of(url)) not in stems]
    return sorted({*kept, *pictures.values()})


def pictures_by_stem(
    manifest: Iterable[str], key_of: Callable[[str], str]
) -> dict[str, PictureRecord]:
    """The pictures in a manifest, by their keys without extension."""
    found = {}
    for url in manifest:
        key = key_of(url)
        found[stem_of(key)] = PictureRecord(key, version=url.partition("?v=")[2])
    return found


def stem_of(key: str) -> str:
    """A picture's key without its extension."""
    return key.rpartition(".")[0] or key


def kept_stem(stems: Sequence[str], stored: PictureRecord | None) -> str:
    """The key, without extension, of a bookmark's new picture, of the keys that it may have.

    A picture that is stored under the key of an earlier release keeps it, so that the new one
    takes its place and leaves no object behind that nobody names.
    """
    known = stem_of(stored.key) if stored is not None else None
    return known if known is not None and known in stems else stems[0]
