"""Refuses bookmarks that the site's readers would refuse.

The readers check a whole list at once: one item that is not as they demand costs all of them. What
they demand (required fields, absolute addresses, no null where a text is expected) stands in the
models here; fields that these do not name are not looked at.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter, ValidationError

from datafetch.build.rules.stored import StoredModel, unusable
from datafetch.models.json import JsonObject
from datafetch.models.problems import first_problem
from datafetch.models.text import one_line
from datafetch.urls import publishable

_LONGEST_ID = 60


def _is_address(text: str) -> str:
    if publishable(text) is None:
        raise ValueError("it is not an absolute http or https address that may be published")
    return text


_Text = Annotated[str, StringConstraints(min_length=1)]
_Address = Annotated[str, AfterValidator(_is_address)]
_Whole = Annotated[float, Field(ge=0, multiple_of=1)]
"""A number without a fraction; to JavaScript 5.0 is one."""
_Size = Annotated[float, Field(gt=0, multiple_of=1)]


class _Tag(StoredModel):
    """A tag of a bookmark."""

    id: str
    name: _Text
    slug: _Text
    attached_by: Literal["ai", "user"] = "user"


class _Asset(StoredModel):
    """A file that the bookmark server keeps for a bookmark."""

    id: str
    asset_type: str


class _LogoData(StoredModel):
    """The logo that a bookmark is shown with."""

    url: _Address
    alt: str | None = None
    width: _Size = 1
    height: _Size = 1


class _Content(StoredModel):
    """What the bookmark server says of the page; `url` stands in it when the bookmark has one."""

    type: str
    url: str = ""
    title: str | None = None
    description: str | None = None
    content_asset_id: str | None = None
    crawl_status: str | None = None
    image_url: str | None = None
    image_asset_id: str | None = None
    screenshot_asset_id: str | None = None
    favicon: str | None = None
    crawled_at: str | None = None
    author: str | None = None
    publisher: str | None = None
    date_published: str | None = None
    date_modified: str | None = None


class _LinkContent(_Content):
    """The content of a bookmark with an address: all fields are there."""

    url: _Address
    title: str | None
    description: str | None


class _Unlinked(StoredModel):
    """A bookmark without an address, such as a note, in a list that is to have them."""

    id: _Text
    slug: _Text
    title: _Text
    description: str
    tags: list[_Tag]
    date_bookmarked: str
    source_updated_at: str
    date_created: str = ""
    date_published: str | None = None
    modified_at: str = ""
    archived: bool = False
    is_favorite: bool = False
    is_private: bool = False
    tagging_status: str = ""
    note: str | None = None
    summary: str | None = None
    content: _Content | None = None
    assets: list[_Asset] = Field(default_factory=list)
    og_image: _Address = ""
    og_image_external: _Address = ""
    og_url: _Address | None = None
    og_title: str | None = None
    og_description: str | None = None
    og_image_last_fetched_at: str = ""
    og_image_etag: str = ""
    scraped_content_text: str = ""
    domain: str = ""
    word_count: _Whole = 0
    reading_time: _Whole = 0
    logo_data: _LogoData | None = None


class _Linked(_Unlinked):
    """A bookmark with an address, as nearly all are."""

    url: _Address
    content: _LinkContent | None = None


_LINKED, _UNLINKED = TypeAdapter(_Linked), TypeAdapter(_Unlinked)


def check_readable(key: str, items: Sequence[JsonObject]) -> None:
    """Refuse a list with an item that the readers would refuse; `key` is that of the list.

    An item without `url` is a note or a file, in a list that has them because of
    BOOKMARKS_INCLUDE_UNLINKED.

    Raises:
        CorruptObject: an item is not as readers demand; the message names it and its field.
    """
    for item in items:
        shape = _LINKED if "url" in item else _UNLINKED
        try:
            shape.validate_python(item)
        except ValidationError as error:
            name = one_line(str(item.get("id")), _LONGEST_ID)
            reason = f"readers refuse the bookmark {name}: {first_problem(error)}"
            raise unusable(key, reason) from error
