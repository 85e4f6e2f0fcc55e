"""Says what a downloaded picture is, and refuses it when it is broken, too large or not safe."""

import io
import struct
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from datafetch.errors import DatafetchError
from datafetch.pictures import headers
from datafetch.pictures.svg import looks_like_svg, svg_size
from datafetch.upstream_errors import Malformed, TooLarge

if TYPE_CHECKING:
    from PIL.Image import Image

Format = Literal["png", "jpeg", "gif", "webp", "ico", "svg"]

_CONTENT_TYPES: dict[Format, str] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "ico": "image/x-icon",
    "svg": "image/svg+xml",
}

MAX_PIXELS = 16_000_000
MAX_SVG_BYTES = 1024 * 1024

_decoding = threading.BoundedSemaphore(2)
"""Only two pictures are decoded at a time, because one of 16 megapixels takes 64 MB."""

_HEAD = 4096

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
        bytes: the length of the file.
    """

    format: Format
    content_type: str
    extension: str
    width: int
    height: int
    bytes: int


def load_decoders() -> None:
    """Load Pillow and its common formats, so that the first picture need not wait for them."""
    _pillow().preinit()


def inspect(file: BinaryIO, see: See | None = None) -> PictureFacts:
    """Check that a picture is complete and safe, and describe it.

    Args:
        file: stands at its start afterwards, also when the picture is refused.
        see: is given the pixels; not called for an SVG, which has none.

    Raises:
        Malformed: the file is no picture (a web page, say), or cut short.
        Refused: an SVG that is not safe.
        TooLarge: more than 16 megapixels, or an SVG of more than a mebibyte.
    """
    try:
        length = file.seek(0, 2)
        file.seek(0)
        name, (width, height) = _recognised(file, length, see)
    finally:
        file.seek(0)
    extension = "jpg" if name == "jpeg" else name
    return PictureFacts(name, _CONTENT_TYPES[name], extension, width, height, length)


def _recognised(file: BinaryIO, length: int, see: See | None) -> tuple[Format, headers.Size]:
    head = file.read(_HEAD)
    name = cast("Format | None", headers.sniff(head))
    if name is not None:
        return name, _raster_size(name, file, see)
    if looks_like_svg(head):
        if length > MAX_SVG_BYTES:
            raise TooLarge(f"the picture is larger than {MAX_SVG_BYTES} bytes")
        file.seek(0)
        return "svg", svg_size(file.read(MAX_SVG_BYTES))
    raise Malformed("the file is no picture")


def _raster_size(name: Format, file: BinaryIO, see: See | None) -> headers.Size:
    match name:
        case "png":
            _check_size(headers.png_size(file))
        case "gif":
            _check_size(headers.gif_size(file))
        case "ico":
            return _icon_size(file, see)
    return _decode(file, name.upper(), see)


def _icon_size(file: BinaryIO, see: See | None) -> headers.Size:
    icon = headers.largest_icon(file)
    _check_size(icon.size)
    file.seek(icon.offset)
    content = file.read(icon.length)
    if icon.is_png:
        alone = io.BytesIO(content)
        headers.png_size(alone)
        return _decode(alone, "PNG", see)
    # Decoded from a file that holds this picture only, under its true size, so that the others
    # cannot mislead the decoder.
    width, height = (side % 256 for side in icon.size)
    entry = bytes((width, height)) + icon.entry[2:8] + struct.pack("<II", icon.length, 22)
    _decode(io.BytesIO(b"\x00\x00\x01\x00\x01\x00" + entry + content), "ICO", see)
    return icon.size


def _decode(file: BinaryIO, kind: str, see: See | None) -> headers.Size:
    """Decode a whole picture, which is the only way to find that some of its pixels are missing.

    `kind`: the format's name in Pillow; no other is tried.

    Raises:
        Malformed: it cannot be decoded, or `see` fails on it.
        TooLarge: more than 16 megapixels.
    """
    pillow = _pillow()
    file.seek(0)
    with _decoding:
        try:
            with pillow.open(file, formats=[kind]) as image:
                _check_size(image.size)
                image.load()
                if see is not None:
                    see(image)
                size: headers.Size = image.size
                return size
        except DatafetchError:
            raise
        except (pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
            raise TooLarge(f"the picture has more than {MAX_PIXELS} pixels") from error
        except Exception as error:
            # Its parsers raise whatever hostile bytes lead them to, from KeyError to struct.error.
            raise Malformed("the picture cannot be decoded") from error


def _check_size(size: headers.Size) -> None:
    width, height = size
    if width <= 0 or height <= 0:
        raise Malformed("the picture has no size")
    if width * height > MAX_PIXELS:
        raise TooLarge(f"the picture has more than {MAX_PIXELS} pixels")


@cache
def _pillow() -> ModuleType:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.filterwarnings("ignore", module=r"PIL\.")
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
    return Image
