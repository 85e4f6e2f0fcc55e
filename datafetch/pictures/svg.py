"""Refuses SVG pictures that run a script or load anything from elsewhere."""

import math
import re
from collections.abc import Mapping

from datafetch.pictures.headers import Size
from datafetch.upstream_errors import Malformed, Refused

_SVG = "http://www.w3.org/2000/svg"
_XHTML = "http://www.w3.org/1999/xhtml"
_DEFAULT_SIZE = (300, 150)  # https://www.w3.org/TR/CSS22/visudet.html#inline-replaced-width

_ACTIVE = frozenset(
    {
        *("script", "foreignobject", "iframe", "frame", "embed", "object", "applet"),
        *("handler", "listener", "audio", "video", "canvas", "link", "meta", "base"),
    }
)
_LINKS = frozenset({"href", "src", "data", "action", "formaction", "poster", "background", "ping"})
_ANIMATIONS = frozenset({"set", "animate", "animatemotion", "animatetransform", "animatecolor"})

_INSIDE = re.compile(r"#|data:image/(?:png|jpe?g|gif|webp)[;,]", re.IGNORECASE)
_URL = re.compile(r"url\s*\(\s*[\"']?\s*", re.IGNORECASE)
_SCHEMES = re.compile(r"(?:java|vb|live)script:|data:text/html", re.IGNORECASE)
_CSS = re.compile(
    r"@import|@namespace|@font-face|image-set\s*\(|expression\s*\(|-moz-binding|behavior\s*:|\\",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")

_LENGTH = re.compile(r"\s*\+?(\d*\.?\d+(?:e[+-]?\d+)?)\s*(px|pt|pc|mm|cm|in)?\s*", re.IGNORECASE)
_UNITS = {
    "": 1.0,
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "mm": 96 / 25.4,
    "cm": 96 / 2.54,
    "in": 96.0,
}
_LARGEST = 1e6


def looks_like_svg(head: bytes) -> bool:
    """Whether a file may be an SVG, by its first bytes: XML in which `<svg` occurs."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith((b"<?xml", b"<svg", b"<!--", b"<!doctype svg")) and b"<svg" in text


def svg_size(data: bytes) -> Size:
    """Check that an SVG is safe to show, and return its size.

    Raises:
        Refused: it has a DOCTYPE, scripts, event handlers, HTML, or references that lead out of
            the file.
        Malformed: it is not well-formed, no SVG, or has no size.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    inspector = _Inspector()
    parser = DefusedXMLParser(target=inspector, forbid_dtd=True)
    try:
        parser.feed(data)
        parser.close()
    except DefusedXmlException as error:
        raise Refused("the picture has a document type or entities") from error
    except (ParseError, ValueError, LookupError) as error:
        raise Malformed("the picture is not well-formed") from error
    if inspector.size is None:
        raise Malformed("the picture is empty")
    return inspector.size


class _Inspector:
    """Target of the parser, which calls a method for each part of the file; an unsafe part raises.

    `size` is that of the root element, None until the parser has met it.
    """

    def __init__(self) -> None:
        self.size: Size | None = None
        self._style: list[str] | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Check the start of an element."""
        namespace, name = _split(tag)
        if self.size is None:
            if (namespace, name) != (_SVG, "svg"):
                raise Malformed("the file is no SVG picture")
            self.size = _size(attributes)
        name = name.lower()
        if namespace == _XHTML or name in _ACTIVE:
            raise Refused(f"the picture holds active content ({name[:40]})")
        for key, value in attributes.items():
            _check_attribute(name, _split(key)[1].lower(), value)
        if name == "style":
            self._style = []

    def data(self, text: str) -> None:
        """Collect the text of a `<style>` element."""
        if self._style is not None:
            self._style.append(text)

    def end(self, tag: str) -> None:
        """Check the collected text where a `<style>` element ends."""
        if self._style is not None and _split(tag)[1].lower() == "style":
            _check_css("".join(self._style))
            self._style = None

    def pi(self, target: str, data: str | None = None) -> None:
        """Refuse a processing instruction: it may name a style sheet in another file."""
        del data
        raise Refused(f"the picture holds an instruction ({target[:40]})")


def _split(tag: str) -> tuple[str, str]:
    namespace, brace, name = tag.rpartition("}")
    return (namespace[1:], name) if brace else ("", tag)


def _check_attribute(element: str, name: str, value: str) -> None:
    if name.startswith("on"):
        raise Refused("the picture holds an event handler")
    if _SCHEMES.search(_BLANKS.sub("", value)):
        raise Refused("the picture holds a script in a link")
    if name in _LINKS and value.strip() and not _INSIDE.match(_BLANKS.sub("", value)):
        raise Refused("the picture refers to something outside of it")
    if name == "base":
        raise Refused("the picture changes what its links mean")
    if element in _ANIMATIONS and name == "attributename":
        aimed = value.strip().lower().rpartition(":")[2]
        if aimed in _LINKS or aimed.startswith("on"):
            raise Refused("the picture animates a link or an event handler")
    _check_css(value)


def _check_css(text: str) -> None:
    """Check a style sheet, or an attribute, which may hold style rules as well."""
    if _CSS.search(text):
        raise Refused("the picture's style may fetch or run something")
    for found in _URL.finditer(text):
        if not _INSIDE.match(text, found.end()):
            raise Refused("the picture refers to something outside of it")


def _size(attributes: Mapping[str, str]) -> Size:
    """The size that the root element has by https://www.w3.org/TR/SVG2/coords.html#SizingSVGInCSS."""
    width, height = _length(attributes.get("width")), _length(attributes.get("height"))
    box = _view_box(attributes.get("viewBox"))
    if width is None and height is None:
        width, height = box or _DEFAULT_SIZE
    ratio = box[0] / box[1] if box else _DEFAULT_SIZE[0] / _DEFAULT_SIZE[1]
    if width is None:
        width = (height or 0) * ratio
    if height is None:
        height = width / ratio
    if not 0 < width <= _LARGEST or not 0 < height <= _LARGEST:
        raise Malformed("the picture has no size")
    return max(1, round(width)), max(1, round(height))


def _length(text: str | None) -> float | None:
    """A length in pixels; None for one that depends on the page around the picture, such as `50%`."""
    found = _LENGTH.fullmatch(text or "")
    return float(found[1]) * _UNITS[(found[2] or "").lower()] if found else None


def _view_box(text: str | None) -> tuple[float, float] | None:
    try:
        numbers = [float(part) for part in re.split(r"[\s,]+", (text or "").strip())]
    except ValueError:
        return None
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):  # noqa: PLR2004 - x, y, width, height
        return None
    width, height = numbers[2:]
    return (width, height) if width > 0 and height > 0 else None
