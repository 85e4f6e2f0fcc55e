"""Refuses SVG pictures that run a script or load anything from elsewhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from datafetch.pictures.headers import Size
from datafetch.pictures.svg_cuts import without_document_type, without_leftovers
from datafetch.pictures.svg_sizes import size_of
from datafetch.pictures.svg_uses import Copies
from datafetch.upstream_errors import Malformed, Refused

_SVG = "http://www.w3.org/2000/svg"
_XHTML = "http://www.w3.org/1999/xhtml"
_XLINK = "http://www.w3.org/1999/xlink"

_ACTIVE = frozenset(
    {
        *("script", "foreignobject", "iframe", "frame", "embed", "object", "applet"),
        *("handler", "listener", "audio", "video", "canvas", "link", "meta", "base"),
    }
)
_COPYING = frozenset({"use", "feimage"})
_LINKS = frozenset({"href", "src", "data", "action", "formaction", "poster", "background", "ping"})
_ANIMATIONS = frozenset({"set", "animate", "animatemotion", "animatetransform", "animatecolor"})

_INSIDE = re.compile(r"#|data:image/(?:png|jpe?g|gif|webp)[;,]", re.IGNORECASE)
_URL = re.compile(r"url\s*\([ \t\n\f\r]*[\"']?[ \t\n\f\r]*", re.IGNORECASE)
"""What stands before an address in a style. A blank beyond ASCII is a part of the address."""
_SCHEMES = re.compile(r"(?:java|vb|live)script:|data:text/html", re.IGNORECASE)
_CSS = re.compile(
    r"@import|@namespace|@font-face|image-set\s*\(|expression\s*\(|-moz-binding|behavior\s*:|\\"
    # https://www.w3.org/TR/css-images-4/#image-notation and css-values-4/#funcdef-src, which
    # browsers may learn. Names such as "image (1)" and "image(1)" are no calls.
    r"|\b(?:image|src)\(\s*(?:[\"'/]|var\()",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_OUTSIDE = "".join(map(chr, range(0x21)))
_BREAKS = str.maketrans("", "", "\t\n\r")

_PREFIX = rb"(?:[\w.-]{1,64}:)?"
_BEGINNING = re.compile(rb"<(?:\?\w|!--|(?:!doctype\s+)?" + _PREFIX + rb"svg\b)")
_ROOT = re.compile(rb"<" + _PREFIX + rb"svg(?=[\s/>])")


@dataclass(frozen=True, slots=True)
class SafeSvg:
    """An SVG picture that is safe to show.

    Attributes:
        content: the bytes to store; those that were given, unless something was cut out of them.
        size: as browsers show it, in pixels.
    """

    content: bytes
    size: Size


def looks_like_svg(head: bytes) -> bool:
    """Whether a file may be an SVG, by its first bytes: XML in which an element `svg` begins."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return _BEGINNING.match(text) is not None and _ROOT.search(text) is not None


def read_svg(data: bytes) -> SafeSvg:
    """Check that an SVG is safe to show, cutting out what drawing programs leave in it.

    A document type, `<?xpacket?>` instructions and empty scripts are cut. What is left is checked.

    Raises:
        Refused: it has scripts, event handlers, HTML, entities of its own, references that lead
            out of the file, or parts that are drawn inside themselves.
        TooLarge: its `use` elements make too many copies of its parts.
        Malformed: it is not well-formed, no SVG, or has no size.
    """
    rest = without_document_type(data)
    content = without_leftovers(rest)
    return SafeSvg(content, _checked_size(content, had_document_type=rest is not data))


def _checked_size(data: bytes, *, had_document_type: bool) -> Size:
    from xml.etree.ElementTree import ParseError
    from xml.parsers.expat.errors import XML_ERROR_UNDEFINED_ENTITY, codes

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    inspector = _Inspector()
    parser = DefusedXMLParser(target=inspector, forbid_dtd=True)
    try:
        parser.feed(data)
        parser.close()
    except DefusedXmlException as error:
        raise Refused("the picture has a document type that cannot be cut out") from error
    except ParseError as error:
        if had_document_type and error.code == codes[XML_ERROR_UNDEFINED_ENTITY]:
            raise Refused("the picture refers to entities of its document type") from error
        raise Malformed("the picture is not well-formed") from error
    except (ValueError, LookupError) as error:
        raise Malformed("the picture is not well-formed") from error
    if inspector.size is None:
        raise Malformed("the picture is empty")
    inspector.copies.check()
    return inspector.size


class _Inspector:
    """Target of the parser, which calls a method for each part of the file; an unsafe part raises.

    Attributes:
        size: that of the root element; None until the parser has met it.
        copies: what `use` elements copy; to be checked at the end of the file.
    """

    def __init__(self) -> None:
        self.size: Size | None = None
        self.copies = Copies()
        self._style: list[str] | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Check the start of an element."""
        if self._style is not None:
            # Programs disagree about what text around an element inside says.
            raise Refused("the picture's style sheet holds an element")
        namespace, name = _split(tag)
        if self.size is None:
            if (namespace, name) != (_SVG, "svg"):
                raise Malformed("the file is no SVG picture")
            self.size = size_of(attributes)
        name = name.lower()
        if namespace == _XHTML or name in _ACTIVE:
            raise Refused(f"the picture holds active content ({name[:40]})")
        for key, value in attributes.items():
            _check_attribute(name, *_split(key), value)
        self._count(name, attributes)
        if name == "style":
            self._style = []

    def _count(self, name: str, attributes: Mapping[str, str]) -> None:
        shown = ""
        if name in _COPYING:
            # The one without a namespace wins (SVG 2, 16.1.4).
            links = (attributes.get("href"), attributes.get(f"{{{_XLINK}}}href"))
            shown = next((_address(link) for link in links if link is not None), "")
        self.copies.start(attributes.get("id", ""), shown)

    def data(self, text: str) -> None:
        """Collect the text of a `<style>` element.

        Comments and the marks of CDATA sections part it for the parser only: browsers join it.
        """
        if self._style is not None:
            self._style.append(text)

    def end(self, tag: str) -> None:
        """Check the collected text where a `<style>` element ends."""
        del tag
        self.copies.end()
        if self._style is not None:
            _check_css("".join(self._style))
            self._style = None

    def pi(self, target: str, data: str | None = None) -> None:
        """Refuse a processing instruction: it may name a style sheet in another file."""
        del data
        raise Refused(f"the picture holds an instruction ({target[:40]})")


def _split(tag: str) -> tuple[str, str]:
    namespace, brace, name = tag.rpartition("}")
    return (namespace[1:], name) if brace else ("", tag)


def _check_attribute(element: str, namespace: str, name: str, value: str) -> None:
    name = name.lower()
    if name.startswith("on"):
        raise Refused("the picture holds an event handler")
    if _SCHEMES.search(_BLANKS.sub("", value)):
        raise Refused("the picture holds a script in a link")
    if name in _LINKS and (address := _address(value)) and not _INSIDE.match(address):
        raise Refused("the picture refers to something outside of it")
    if name == "base":
        raise Refused("the picture changes what its links mean")
    if element in _ANIMATIONS and name == "attributename":
        aimed = value.strip().lower().rpartition(":")[2]
        if aimed in _LINKS or aimed == "base" or aimed.startswith("on"):
            raise Refused("the picture animates a link or an event handler")
    if not namespace:
        # Those of other namespaces are notes of drawing programs, such as the names of files.
        _check_css(value)


def _address(value: str) -> str:
    """The address without what browsers leave out of it (URL Standard, "URL parsing").

    All other blanks, such as U+00A0, belong to it.
    """
    return value.strip(_OUTSIDE).translate(_BREAKS)


def _check_css(text: str) -> None:
    """Check a style sheet, or an attribute, which may hold style rules as well."""
    if _CSS.search(text):
        raise Refused("the picture's style may fetch or run something")
    for found in _URL.finditer(text):
        if not _INSIDE.match(text, found.end()):
            raise Refused("the picture refers to something outside of it")
