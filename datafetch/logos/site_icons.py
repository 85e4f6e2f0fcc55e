"""Finds the icons of a web page: those that its head names, and those at the usual places."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datafetch.pages.charset import decode_page
from datafetch.pages.head import scan
from datafetch.pictures.data_urls import is_data_url
from datafetch.urls import parse, resolve

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

TOUCH_PATH = "/apple-touch-icon.png"
ICON_PATH = "/favicon.ico"

_NAMED = 4
"""At most so many icons that a page names are fetched, the largest first; pages name dozens."""

_INLINE = 4
"""At most so many icons that stand in the page itself are looked at."""

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
    """An icon that a page names; `side` is its stated or assumed size, in pixels.

    The URL is a web address, or a `data:` URL: then the picture stands in the page itself.
    """

    url: str
    side: int


def holds_its_head(body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether the beginning of a page, up to its first `<body`, holds the whole head.

    That `<body` may stand in a script or a comment, and the head goes on after it.
    """
    return not scan(decode_page(body, headers.get("content-type", ""))).stopped_early


def icons_to_try(html: str, page_url: str, asked: Collection[str]) -> Iterator[str]:
    """The addresses of a page's icons in the order in which they are to be tried.

    `page_url` is the page's address after redirects. The icons at the usual places are tried at
    its origin, though the site was perhaps asked at another one before. Web addresses in `asked`
    are left out.
    """
    page = parse(page_url)
    origin = "" if page is None else f"{page.scheme}://{page.authority}"
    touch, usual = origin + TOUCH_PATH, origin + ICON_PATH
    links = icon_links(html, page_url)
    if touch not in {link.url for link in links}:
        links.append(IconLink(touch, _TOUCH_SIDE))
    named = inline = 0
    for link in sorted(links, key=lambda link: -link.side):
        if is_data_url(link.url):
            inline += 1
            if inline <= _INLINE:
                yield link.url
        elif link.url == touch:
            if touch not in asked:
                yield touch
        elif link.url != usual and link.url not in asked:
            named += 1
            if named <= _NAMED:
                yield link.url
    if usual not in asked:
        yield usual


def icon_links(html: str, page_url: str) -> list[IconLink]:
    """The icons that a page names, the largest first, then in the page's order; each URL once.

    `page_url` is the page's URL after redirects; `<base>` is respected. Mask icons and URLs that
    are neither on the web nor `data:` URLs are left out. No input raises.
    """
    from selectolax.lexbor import LexborHTMLParser

    scanned = scan(html)
    base = scanned.head(page_url).base_url
    # A tree of the whole page may take half a minute or all memory: see `pages/head.py`.
    tree = LexborHTMLParser("".join(scanned.tags))
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
    href = attributes.get("href") or ""
    url = href if is_data_url(href) else _join(base, href)
    if url is None:
        return None
    sizes = (attributes.get("sizes") or "").lower()
    kind = (attributes.get("type") or "").lower()
    drawn = _is_svg(url) or "svg" in kind
    if drawn or "any" in sizes.split():
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


def _is_svg(url: str) -> bool:
    """Whether an address says that a drawing is behind it."""
    if is_data_url(url):
        return "image/svg" in url[:64].lower()
    found = parse(url)
    return found is not None and found.path.lower().endswith(".svg")
