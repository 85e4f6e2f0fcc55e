"""Reads title, `meta`, `link` and `base` tags of a hostile page in linear time.

An HTML parser builds a tree, and there are pages of half a megabyte whose tree takes half a
minute or all memory to build (100,000 nested elements; formatting elements that are opened
anew in each paragraph). So `markup.py` cuts out the few tags that matter, and the parser is given
these alone: none of them can be nested.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datafetch.pages import markup
from datafetch.pages.refresh import Refresh, read_refresh
from datafetch.urls import resolve

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

BODY = "<body"

_MAX_TAGS = 2000
"""Further tags of a page are ignored."""

_BEYOND = "datafetch-beyond"
_NO_SCRIPTS = "datafetch-noscript"
"""Attributes that mark the tags of a body and those of a `<noscript>`.

A page that has them itself only makes its own tags count for less.
"""


@dataclass(frozen=True, slots=True)
class PageHead:
    """The contents of a page's head, unchecked and in the page's order.

    Attributes:
        url: that of the page, after redirects.
        title: the text of the first `<title>`; empty when there is none.
        base: the `href` of the first `<base>` that has one, be it empty.
        metas: name (or property), in lower case, and content of each `<meta>`.
        links: `rel`, in lower case, and `href` of each `<link>`.
        etag, last_modified: the validators that the server sent with the page.
        refresh: where the page's first `<meta http-equiv=refresh>` that browsers obey leads.
    """

    url: str
    title: str = ""
    base: str | None = None
    metas: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    etag: str | None = None
    last_modified: str | None = None
    refresh: Refresh | None = None

    @property
    def base_url(self) -> str:
        """What relative addresses of the page resolve against, as in browsers."""
        return _base_url(self.url, self.base)

    def content(self, name: str) -> list[str]:
        """The contents of all `<meta>` with this name, in the page's order."""
        return [content for found, content in self.metas if found == name]


@dataclass(frozen=True, slots=True)
class Scanned:
    """The title and the tags that `scan` cut out of the beginning of a page.

    Attributes:
        title: the source of the first title's text.
        tags: the source of each `meta`, `link` and `base`.
        stopped_early: whether the text holds `<body` only in a script or a comment. A page that
            was read up to its first `<body` has to be read further then.
    """

    title: str
    tags: tuple[str, ...]
    stopped_early: bool

    def head(self, url: str, etag: str | None = None, last_modified: str | None = None) -> PageHead:
        """Parse the tags; the URL (after redirects) and the validators are the page's."""
        from selectolax.lexbor import LexborHTMLParser

        source = f"<title>{self.title}</title>{''.join(self.tags)}"
        # A browser shows a replacement character for NUL. Its author sees nothing there, and
        # other controls are left alone.
        tree = LexborHTMLParser(source.replace("\0", "\1"))
        title = tree.css_first("title")
        bases = (node.attributes.get("href") or "" for node in tree.css("base[href]"))
        base = next(bases, None)
        return PageHead(
            url=url,
            title="" if title is None else title.text(),
            base=base,
            metas=tuple(_metas(tree)),
            links=tuple(_links(tree)),
            etag=etag,
            last_modified=last_modified,
            refresh=_refresh(tree, url, _base_url(url, base)),
        )


def scan(text: str, *, beyond_head: bool = False) -> Scanned:
    """Cut out the tags that matter and stand before the body; any text is read as a page.

    Tags after a stray element count, too. For a browser the head ends there, but the author
    means them all the same.

    Args:
        text: the page, or its beginning.
        beyond_head: whether the tags in the body count as well, after those of the head. Some
            pages have all of their tags there.
    """
    title = ""
    tags: list[str] = []
    for piece in markup.pieces(text):
        if piece.name == markup.BODY:
            if not beyond_head:
                return Scanned(title, tuple(tags), stopped_early=False)
        elif piece.name == markup.TITLE:
            title = title or piece.source
        elif len(tags) < _MAX_TAGS:
            tags.append(_marked(piece))
    return Scanned(title, tuple(tags), stopped_early=not beyond_head and BODY in text.lower())


def _marked(piece: markup.Piece) -> str:
    """The source of a tag, marked by where it stood."""
    marks = [_BEYOND] * piece.beyond_head + [_NO_SCRIPTS] * piece.without_scripts
    name = len("<") + len(piece.name)
    return " ".join([piece.source[:name], *marks]) + piece.source[name:]


def _metas(tree: "LexborHTMLParser") -> Iterator[tuple[str, str]]:
    for node in tree.css("meta"):
        attributes = node.attributes
        content = attributes.get("content") or attributes.get("value")
        if not content:
            continue
        # RDFa and microdata take several names in one attribute, `name` takes one.
        names = [*(attributes.get("property") or "").split(), attributes.get("name") or ""]
        if _BEYOND not in attributes:
            # In a body `itemprop` is a property of a thing on the page, not of the page.
            names += (attributes.get("itemprop") or "").split()
        for name in dict.fromkeys(name.strip().lower() for name in names if name):
            yield name, content


def _links(tree: "LexborHTMLParser") -> Iterator[tuple[str, str]]:
    for node in tree.css("link"):
        rel, href = node.attributes.get("rel"), node.attributes.get("href")
        if rel and href:
            yield rel.lower(), href


def _base_url(url: str, base: str | None) -> str:
    """A base that is no web address is ignored, and none after it counts (HTML, 4.2.3)."""
    return url if base is None else resolve(base, url) or url


def _refresh(tree: "LexborHTMLParser", url: str, base: str) -> Refresh | None:
    for node in tree.css(f"meta[http-equiv][content]:not([{_NO_SCRIPTS}])"):
        attributes = node.attributes
        if (attributes.get("http-equiv") or "").lower() == "refresh":
            found = read_refresh(attributes.get("content") or "", url, base)
            if found is not None:
                return found
    return None
