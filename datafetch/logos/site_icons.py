"""Finds the icons that a web page names in its head."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datafetch.pages.head import scan
from datafetch.urls import parse, resolve

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_TOUCH = frozenset({"apple-touch-icon", "apple-touch-icon-precomposed"})
_TOUCH_SIDE = 180
"""Pixels of a touch icon without a size: as on phones (Apple, "Configuring Web Applications")."""

_ICON_SIDE = 32
"""Guessed pixels of another icon without a stated size: browsers' tabs need no more."""

_ANY_SIDE = 512
"""Counted for an SVG, which has any size: more than the bitmaps that sites usually name."""

_SIZE = re.compile(r"(\d{1,4})x(\d{1,4})")


@dataclass(frozen=True, slots=True)
class IconLink:
    """An icon that a page names; `side` is its stated or assumed size, in pixels."""

    url: str
    side: int


def icon_links(html: bytes, page_url: str) -> list[IconLink]:
    """The icons that a page names, the largest first, then in the page's order; each URL once.

    `page_url` is the page's URL after redirects; `<base>` is respected. Mask icons and URLs that
    are not on the web are left out. No input raises.
    """
    from selectolax.lexbor import LexborHTMLParser

    # A tree of the whole page may take half a minute or all memory: see `pages/head.py`.
    tree = LexborHTMLParser("".join(scan(html.decode("utf-8", "replace")).tags))
    bases = (node.attributes.get("href") for node in tree.css("base[href]"))
    base = next((url for href in bases if href and (url := _join(page_url, href))), page_url)
    links: dict[str, IconLink] = {}
    for node in tree.css("link[href][rel]"):
        link = _icon(node, base)
        if link is not None:
            links.setdefault(link.url, link)
    return sorted(links.values(), key=lambda link: -link.side)


def _icon(node: "LexborNode", base: str) -> IconLink | None:
    attributes = node.attributes
    rel = set((attributes.get("rel") or "").lower().split())
    if not rel & (_TOUCH | {"icon"}):
        return None
    url = _join(base, attributes.get("href") or "")
    if url is None:
        return None
    sizes = (attributes.get("sizes") or "").lower()
    kind = (attributes.get("type") or "").lower()
    if "svg" in kind or "any" in sizes.split() or _path(url).lower().endswith(".svg"):
        return IconLink(url, _ANY_SIDE)
    named = [min(int(width), int(height)) for width, height in _SIZE.findall(sizes)]
    unnamed = _TOUCH_SIDE if rel & _TOUCH else _ICON_SIDE
    return IconLink(url, max(named, default=unnamed))


def _join(base: str, href: str) -> str | None:
    """The absolute URL, without fragment; None when `href` is empty or not on the web."""
    if not href.strip():
        return None
    url = resolve(href, base)
    return None if url is None else url.partition("#")[0]


def _path(url: str) -> str:
    found = parse(url)
    return "" if found is None else found.path
