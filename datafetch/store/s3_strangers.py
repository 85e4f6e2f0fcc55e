"""The errors for answers that do not come from S3, but from another server or a proxy before it."""

import re

from datafetch.errors import StoreUnavailable
from datafetch.store.s3_answers import PLAIN_HTTP, NotS3, SentElsewhere
from datafetch.store.s3_hints import moved_hint
from datafetch.store.s3_place import BucketAddress
from datafetch.urls import parse

_MEDIA_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}", re.ASCII)


def not_s3(found: NotS3, at: BucketAddress, key: str) -> StoreUnavailable:
    """The error for an answer that does not come from S3, whatever it says."""
    parts = [str(found)]
    if found.status:
        media = _MEDIA_TYPE.match(found.content_type)
        status = f"HTTP {found.status}"
        parts = [*parts, status] if str(found) != status else parts
        parts[-1] += f", {media[0]}" if media else ""
    said = f"{key or at.label}: {at.server} does not answer as S3 ({'; '.join(parts)})"
    return StoreUnavailable(said, key=key, hint=_not_s3_hint(found, at))


def elsewhere(error: SentElsewhere, at: BucketAddress, key: str) -> StoreUnavailable:
    """The error for an answer that sends the request to another address."""
    who, address = f"{key or at.label}: {at.server}", _address(error.location)
    if error.location.startswith("/"):
        return StoreUnavailable(
            f"{who} sends the request on to another of its own pages", key=key, hint=_page_hint(at)
        )
    if address is None:
        hint = moved_hint(at)
        return StoreUnavailable(f"{who} sends the request elsewhere", key=key, hint=hint)
    if address == at.server.replace("http://", "https://", 1):
        hint = f"Write https:// in {at.setting}."
    else:
        hint = (
            f"Set {at.setting} to the store's own address, with https:// if that is what it wants."
            " If the other address is that of a log-in page, a proxy stands before the store."
        )
    return StoreUnavailable(f"{who} sends the request on to {address}", key=key, hint=hint)


def _not_s3_hint(found: NotS3, at: BucketAddress) -> str:
    if str(found) == PLAIN_HTTP:
        return f"Write https:// in {at.setting}."
    if found.is_page:
        return _page_hint(at)
    return _doubted(
        f"Check {at.setting}: is this the console's port, or another server's? A proxy before"
        " the store may drop headers, too.",
        at,
    )


def _page_hint(at: BucketAddress) -> str:
    """What to do where a web site answers."""
    return _doubted(
        "Is this the console's port, a web site, or the log-in page of a proxy? Check"
        f" {at.setting}: it must be the address of S3 itself.",
        at,
    )


def _doubted(hint: str, at: BucketAddress) -> str:
    doubts = (at.port_doubt(), at.doubt())
    return " ".join((hint, *(doubt for doubt in doubts if doubt)))


def _address(location: str) -> str | None:
    """Scheme, host and port of a web address; None for anything else."""
    to = parse(location)
    return None if to is None else f"{to.scheme}://{to.authority}"
