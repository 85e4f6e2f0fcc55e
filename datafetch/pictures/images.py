"""Says what a downloaded picture is, and refuses it when it is broken, too large or not safe."""

import hashlib
import io
import shutil
import struct
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from datafetch.errors import DatafetchError
from datafetch.pictures import headers
from datafetch.pictures.av1 import coded_pixels
from datafetch.pictures.containers import avif_parts, webp_size
from datafetch.pictures.jpeg import END_MARK, JpegMarkers, read_markers
from datafetch.pictures.parts import PartsOfFile
from datafetch.pictures.svg import looks_like_svg, read_svg
from datafetch.upstream_errors import Malformed, TooLarge

if TYPE_CHECKING:
    from PIL.Image import Image

_Content = bytes
"""A name for the type, which the attribute `bytes` hides in a class."""

Format = Literal["png", "jpeg", "gif", "webp", "avif", "ico", "svg"]

_CONTENT_TYPES: dict[Format, str] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "ico": "image/x-icon",
    "svg": "image/svg+xml",
}

MAX_PIXELS = 16_000_000
"""The most pixels that are decoded, and that a logo may have."""

MAX_PREVIEW_PIXELS = 40_000_000
"""The most pixels that the preview of a page may have."""

MAX_SVG_BYTES = 1024 * 1024

_MAX_SCANS = 64
"""Cameras and programs write some ten. Each takes its time for the whole picture."""

_MAX_SCANNED_PIXELS = 320_000_000
"""The most pixels of all scans of a JPEG together: 20 scans of the largest that is decoded."""

_MAX_CODED_PIXELS = 64_000_000
"""The most pixels of all frames of an AVIF together: transparency, a thumbnail and padding count."""

_decoding = threading.BoundedSemaphore(2)
"""Only two pictures are decoded at a time, because one of 16 megapixels takes 64 MB."""

_HEAD = 4096
_IN_MEMORY = 64 * 1024
_SVG_HEAD = 64 * 1024
"""Bytes in which an SVG's first element begins; comments and a document type may stand before it."""

_OTHER_ENDS = (b"", *(bits * 4096 for bits in (b"\x55\xaa\x33", b"\xaa\x33\xcc", b"\xf0\xaa\x33")))
"""What may stand for the missing pixels of a JPEG, if there are any: bits that begin differently."""

See = Callable[["Image"], None]
"""Called with the decoded pixels of a picture, which are released after it returns."""


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What is known of a picture that is complete and safe to show.

    Attributes:
        format: as its bytes say, whatever the server called it.
        content_type: the one to serve it with.
        extension: for its file name, without a dot.
        width: in pixels; of an icon file, that of its largest picture.
        height: in pixels; of the same picture.
        bytes: the length of what is to be stored.
        cleaned: what is to be stored in place of the file, of an SVG out of which something was
            cut; None when the file itself is.
    """

    format: Format
    content_type: str
    extension: str
    width: int
    height: int
    bytes: int
    cleaned: _Content | None = None


def load_decoders() -> None:
    """Load Pillow and its common formats, so that the first picture need not wait for them."""
    _pillow().preinit()


def inspect(
    file: BinaryIO, see: See | None = None, *, max_pixels: int = MAX_PIXELS
) -> PictureFacts:
    """Check that a picture is complete and safe, and describe it.

    Args:
        file: stands at its start afterwards, also when the picture is refused.
        see: is given the pixels; not called for an SVG, which has none, nor for a picture of more
            than 16 megapixels or a moving AVIF, which are not decoded as a whole.
        max_pixels: the most pixels that the picture may have.

    Raises:
        Malformed: the file is no picture (a web page, say), or cut short.
        Refused: an SVG that is not safe.
        TooLarge: too many pixels or scans, or an SVG of more than a mebibyte.
    """
    try:
        return _recognised(file, _Check(see, max_pixels))
    finally:
        file.seek(0)


def _recognised(file: BinaryIO, check: "_Check") -> PictureFacts:
    length = file.seek(0, 2)
    file.seek(0)
    head = file.read(_HEAD)
    name = cast("Format | None", headers.sniff(head))
    if name is not None:
        width, height = check.raster(name, file)
        extension = "jpg" if name == "jpeg" else name
        return PictureFacts(name, _CONTENT_TYPES[name], extension, width, height, length)
    if not looks_like_svg(head + file.read(_SVG_HEAD - _HEAD)):
        raise Malformed("the file is no picture")
    if length > MAX_SVG_BYTES:
        raise TooLarge(f"the picture is an SVG of more than {MAX_SVG_BYTES} bytes")
    file.seek(0)
    data = file.read(MAX_SVG_BYTES)
    svg = read_svg(data)
    cleaned = svg.content if len(svg.content) != len(data) else None
    return PictureFacts("svg", _CONTENT_TYPES["svg"], "svg", *svg.size, len(svg.content), cleaned)


@dataclass(frozen=True, slots=True)
class _Check:
    """The check of one raster picture; see the arguments of `inspect`."""

    see: See | None
    max_pixels: int

    def raster(self, name: Format, file: BinaryIO) -> headers.Size:
        """Check a picture of this format; return its size."""
        match name:
            case "png":
                return self._png(file)
            case "jpeg":
                return self._jpeg(file)
            case "ico":
                return self._icon(file)
            case "gif":
                size = headers.gif_size(file)
            case "webp":
                size = webp_size(file)
            case _:
                return self._avif(file)
        return self._decoded(file, name.upper(), size)

    def _png(self, file: BinaryIO) -> headers.Size:
        parts = headers.png_parts(file)
        if len(parts.needed) > 1:
            file = cast("BinaryIO", PartsOfFile(file, parts.needed))
        return self._decoded(file, "PNG", parts.size)

    def _jpeg(self, file: BinaryIO) -> headers.Size:
        markers = read_markers(file)
        self._check_size(markers.size)
        if markers.scans > _MAX_SCANS:
            raise TooLarge(f"the picture has more than {_MAX_SCANS} scans")
        if _pixels(markers.size) <= MAX_PIXELS:
            if markers.scans * _pixels(markers.size) > _MAX_SCANNED_PIXELS:
                raise TooLarge("the picture has too many scans for its size")
            if markers.ended:
                self._decoded(file, "JPEG", markers.size)
            else:
                _check_that_only_the_end_lacks(file, markers)
                with _with_end(file, END_MARK) as whole:
                    self._decoded(whole, "JPEG", markers.size)
        elif not markers.ended:
            raise Malformed("the picture is cut short")
        elif markers.in_one_pass:
            # An eighth as wide and high takes a sixty-fourth of the memory, and reads all bytes.
            # Of other JPEGs a decoder keeps six bytes a pixel, however small it makes them.
            _decode(file, "JPEG", see=None, smaller=True)
        return markers.size

    def _avif(self, file: BinaryIO) -> headers.Size:
        _check_that_avif_is_read()
        parts = avif_parts(file)
        if parts.moving:
            # How much a decoder makes of a film before it shows a picture stands nowhere.
            self._check_size(parts.size)
            return parts.size
        if _pixels(parts.size) <= MAX_PIXELS:
            coded = sum(coded_pixels(file, meta) for meta in parts.metas)
            if coded > _MAX_CODED_PIXELS:
                raise TooLarge("the picture consists of many more pixels than it shows")
        return self._decoded(file, "AVIF", parts.size)

    def _icon(self, file: BinaryIO) -> headers.Size:
        icon = headers.largest_icon(file)
        self._check_size(icon.size)
        file.seek(icon.offset)
        content = file.read(icon.length)
        if icon.is_png:
            return self._png(io.BytesIO(content))
        # Decoded from a file that holds this picture only, with a directory that says what the
        # picture itself says, so that neither the others nor a wrong one mislead the decoder.
        width, height = (side % 256 for side in icon.size)
        depth = content[14:16]  # in bits a pixel
        entry = bytes((width, height, 0, 0, 1, 0)) + depth + struct.pack("<II", icon.length, 22)
        alone = io.BytesIO(b"\x00\x00\x01\x00\x01\x00" + entry + content)
        self._decoded(alone, "ICO", icon.size)
        return icon.size

    def _decoded(self, file: BinaryIO, kind: str, size: headers.Size) -> headers.Size:
        """Check the size that a picture states, and decode it unless it has too many pixels."""
        self._check_size(size)
        if _pixels(size) > MAX_PIXELS:
            return size
        return _decode(file, kind, self.see)

    def _check_size(self, size: headers.Size) -> None:
        if min(size) <= 0:
            raise Malformed("the picture has no size")
        _check_pixels(size, self.max_pixels)


def _decode(file: BinaryIO, kind: str, see: See | None, *, smaller: bool = False) -> headers.Size:
    """Decode a whole picture, which is the only way to find that some of its pixels are missing.

    `kind`: the format's name in Pillow; no other is tried. `smaller`: decode a JPEG in an eighth
    of its width and height, where its size allows it.

    Raises:
        Malformed: it cannot be decoded, or `see` fails on it.
        TooLarge: more than 16 megapixels are to be decoded.
    """
    pillow = _pillow()
    file.seek(0)
    with _decoding:
        try:
            with pillow.open(file, formats=[kind]) as image:
                if smaller:
                    image.draft(None, [max(1, side // 8) for side in image.size])
                _check_pixels(image.size, MAX_PIXELS)
                image.load()
                if see is not None:
                    see(image)
                size: headers.Size = image.size
                return size
        except DatafetchError:
            raise
        except (pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
            raise TooLarge(f"the picture has more than {MAX_PREVIEW_PIXELS} pixels") from error
        except Exception as error:
            # Its parsers raise whatever hostile bytes lead them to, from KeyError to struct.error.
            raise Malformed("the picture cannot be decoded") from error


def _check_that_only_the_end_lacks(file: BinaryIO, markers: JpegMarkers) -> None:
    """Tell a JPEG of which only the end mark is missing, as browsers show it, from a cut one.

    Where pixels are missing, the decoder makes them of whatever stands in their place.

    Raises:
        Malformed: pixels are missing, or may be.
    """
    seen: set[bytes] = set()

    def see(image: "Image") -> None:
        digest = hashlib.sha256()
        for top in range(0, image.height, 64):
            digest.update(image.crop((0, top, image.width, min(top + 64, image.height))).tobytes())
        seen.add(digest.digest())

    if markers.in_one_pass:
        for end in _OTHER_ENDS:
            with _with_end(file, end + END_MARK) as whole:
                _decode(whole, "JPEG", see)
    if len(seen) != 1:
        raise Malformed("the picture is cut short")


@contextmanager
def _with_end(file: BinaryIO, end: bytes) -> Iterator[BinaryIO]:
    """A copy of the file with these bytes at its end, for as long as it is needed."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy)
        copy.seek(-1, io.SEEK_END)
        if copy.read() == b"\xff":  # half of a mark
            copy.seek(-1, io.SEEK_END)
        copy.write(end)
        yield cast("BinaryIO", copy)


def _check_that_avif_is_read() -> None:
    from PIL import features

    if not features.check("avif"):
        raise Malformed(
            "the picture is an AVIF, which this Pillow was built without",
            hint="Pillow's own wheels read AVIF: pip install --force-reinstall pillow",
        )


def _check_pixels(size: headers.Size, most: int) -> None:
    if _pixels(size) > most:
        raise TooLarge(f"the picture has {size[0]} x {size[1]} pixels, more than {most} in all")


def _pixels(size: headers.Size) -> int:
    return size[0] * size[1]


@cache
def _pillow() -> ModuleType:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MAX_PREVIEW_PIXELS
    warnings.filterwarnings("ignore", module=r"PIL\.")
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
    return Image
