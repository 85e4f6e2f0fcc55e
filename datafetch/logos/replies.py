"""What providers reply when they are asked for a logo, and how their pictures become candidates."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from datafetch.logos.model import Candidate, LogoSource
from datafetch.net.base import Download
from datafetch.upstream_errors import Malformed, Refused, UpstreamError

if TYPE_CHECKING:
    from datafetch.pictures.images import PictureFacts


@dataclass(frozen=True, slots=True)
class Offer:
    """A picture that a provider has; whoever takes the offer has to close it."""

    candidate: Candidate
    content_type: str
    extension: str
    etag: str | None
    download: Download

    @property
    def file(self) -> BinaryIO:
        """The picture's bytes."""
        return self.download.file

    def close(self) -> None:
        """Close the file."""
        self.download.close()


@dataclass(frozen=True, slots=True)
class PictureUnchanged:
    """The provider still has the picture whose validator was sent (304)."""

    source: LogoSource


@dataclass(frozen=True, slots=True)
class NoPicture:
    """The provider answered, and has no picture here.

    Attributes:
        generic: bytes of the generic picture that a service sent with its 404; else empty.
        url: the URL that answered, after redirects, without its query; empty when not known.
    """

    source: LogoSource
    reason: str
    generic: bytes = b""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """The provider did not answer as it should, so whether it has a picture is unknown.

    A service that refuses, or sends what is not a picture, is at fault as well; a site that does
    so has no picture.
    """

    source: LogoSource
    error: UpstreamError


ProviderReply = Offer | PictureUnchanged | NoPicture | Fault


def reply_with(source: LogoSource, download: Download) -> ProviderReply:
    """The reply that an answer with a body is: an offer of its picture, or why there is none.

    The download is closed unless it is offered.
    """
    try:
        candidate, picture = candidate_of(
            download.file, source, download.url, download.size, download.sha256
        )
        if picture.cleaned is not None:
            download = download.with_body(picture.cleaned)
    except Refused as error:
        download.close()
        return NoPicture(source, str(error), url=download.url)
    except Malformed as error:
        download.close()
        # Sites answer any path with a page; a service that does so is out of order.
        none = NoPicture(source, str(error), url=download.url)
        return none if source == "direct" else Fault(source, error)
    except BaseException:
        download.close()
        raise
    etag = download.validators.etag
    return Offer(candidate, picture.content_type, picture.extension, etag, download)


def candidate_of(
    file: BinaryIO, source: LogoSource, url: str, size: int, sha256: str
) -> "tuple[Candidate, PictureFacts]":
    """The candidate for the rules, made of a picture of `size` bytes, and the inspected picture.

    Where the picture is to be stored `cleaned`, the candidate is that of the cleaned bytes.

    Raises:
        Malformed, Refused: it is no picture, or not a safe one, as `inspect` says.
    """
    from datafetch.pictures.images import inspect
    from datafetch.pictures.looks import inspect_with_spread

    spread = b""
    if source != "direct":
        picture, spread = inspect_with_spread(file)
    else:
        picture = inspect(file)
    if picture.cleaned is not None:
        size, sha256 = picture.bytes, hashlib.sha256(picture.cleaned).hexdigest()
    candidate = Candidate(
        source=source,
        url=url,
        format=picture.format,
        width=picture.width,
        height=picture.height,
        size=size,
        sha256=sha256,
        spread=spread,
    )
    return candidate, picture


def url_of(reply: ProviderReply) -> str:
    """The address that answered, after redirects; empty when it is not known."""
    match reply:
        case Offer(candidate):
            return candidate.url
        case NoPicture():
            return reply.url
        case _:
            return ""
