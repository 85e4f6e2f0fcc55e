"""Finds the encoding that a page, or the header `Content-Type`, declares, as browsers do.

The HTML Standard, 13.2.3.2, says how ("prescan a byte stream to determine its encoding" and "get an XML
encoding"); no step reads anything twice, so the time is linear.
"""

import re

from datafetch.pages.encodings import encoding_of

PRESCAN = 16 * 1024
"""Bytes. Browsers must look at the first 1024 and may look further, as pages need it."""

_MAX_HEADER = 4096
"""Further characters of a header are ignored."""

_SPACE = "\t\n\f\r "

_MARKUP = re.compile(
    rb"<(?:(?P<comment>!--)|(?P<meta>meta)(?=[\t\n\f\r /])|(?P<tag>/?[a-z][^\t\n\f\r >]*+)|[!/?])",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    rb"""[\t\n\f\r /]*+
    (?: (?P<end>>)
      | (?P<name>[^\t\n\f\r />][^\t\n\f\r />=]*+)
        (?:[\t\n\f\r ]*+=[\t\n\f\r ]*+
           (?:"([^"]*+)(?:"|\Z)|'([^']*+)(?:'|\Z)|([^\t\n\f\r >"'][^\t\n\f\r >]*+))?+
        )?+
    )""",
    re.VERBOSE,
)
_CHARSET = re.compile(
    rb"""charset[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"([^"]*+)"|'([^']*+)'|([^\t\n\f\r ;"'][^\t\n\f\r ;]*+))""",
    re.IGNORECASE,
)
_HTML = re.compile(rb"<html(?=[\t\n\f\r />])", re.IGNORECASE)
_XML = re.compile(rb"<\?xml([^>]*+)>")
_XML_ENCODING = re.compile(rb"""encoding[\x00-\x20]*+=[\x00-\x20]*+(?:"([^"]*+)"|'([^']*+)')""")
_XML_IN_UTF16 = ((b"<\x00?\x00x\x00", "utf-16le"), (b"\x00<\x00?\x00x", "utf-16be"))


def from_header(content_type: str) -> str | None:
    """The encoding that the header names; None when it names none that browsers know.

    Browsers refuse spaces around the `=` and single quotes. Servers that send them mean what they
    say, so these are read all the same.
    """
    for parameter in content_type[:_MAX_HEADER].split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip(_SPACE).lower() == "charset":
            found = encoding_of(value.partition(",")[0].strip(_SPACE).strip("\"'"))
            if found is not None:
                return found
    return None


def from_page(body: bytes) -> str | None:
    """The encoding that the page's tags or its XML declaration name; None when they name none.

    A name that browsers do not know is passed over, and the next declaration counts. A declaration
    that was read as ASCII cannot be in UTF-16: UTF-8 is meant (HTML, 13.2.3.2).
    """
    page = body[:PRESCAN]
    for start, encoding in _XML_IN_UTF16:
        if page.startswith(start):
            return encoding
    found = _from_tags(page) or _from_xml(page)
    return "utf-8" if found in ("utf-16le", "utf-16be") else found


def language_of(body: bytes) -> str | None:
    """The language that the tag `<html>` names, in lower case; None when it names none."""
    found = _HTML.search(body[:PRESCAN])
    if found is None:
        return None
    attributes, _ = _attributes(body[:PRESCAN], found.end())
    named = attributes.get(b"lang") or attributes.get(b"xml:lang") or b""
    return named.decode("latin-1").strip(_SPACE).lower().replace("_", "-") or None


def _from_tags(page: bytes) -> str | None:
    at = 0
    while (found := _MARKUP.search(page, at)) is not None:
        if found["comment"]:
            # The dashes of `<!-->` also end the comment.
            at = _after(page, b"-->", found.end() - 2)
        elif not (found["meta"] or found["tag"]):
            at = _after(page, b">", found.end())
        else:
            attributes, at = _attributes(page, found.end())
            if found["meta"] and (encoding := _from_meta(attributes)) is not None:
                return encoding
    return None


def _after(page: bytes, mark: bytes, start: int) -> int:
    """The place after the first mark; the end of the page when there is none."""
    found = page.find(mark, start)
    return len(page) if found < 0 else found + len(mark)


def _attributes(page: bytes, at: int) -> tuple[dict[bytes, bytes], int]:
    """A tag's attributes, with names in lower case, and the place after the tag.

    A tag in which the page ends has no attributes.
    """
    attributes: dict[bytes, bytes] = {}
    while (found := _ATTRIBUTE.match(page, at)) is not None:
        at = found.end()
        if found["end"]:
            return attributes, at
        value = next((value for value in found.groups()[2:] if value is not None), b"")
        attributes.setdefault(found["name"].lower(), value)
    return {}, len(page)


def _from_meta(attributes: dict[bytes, bytes]) -> str | None:
    if b"charset" in attributes:
        named = attributes[b"charset"]
    elif attributes.get(b"http-equiv", b"").lower() == b"content-type":
        named = _first_group(_CHARSET.search(attributes.get(b"content", b"")))
    else:
        return None
    found = encoding_of(named.decode("latin-1"))
    # Nobody means by it what the Standard defines for scripts (HTML, 13.2.3.2).
    return "windows-1252" if found == "x-user-defined" else found


def _from_xml(page: bytes) -> str | None:
    declaration = _XML.match(page)
    if declaration is None:
        return None
    named = _first_group(_XML_ENCODING.search(declaration[1]))
    return encoding_of(named.decode("latin-1"))


def _first_group(found: re.Match[bytes] | None) -> bytes:
    groups = () if found is None else found.groups()
    return next((group for group in groups if group is not None), b"")
