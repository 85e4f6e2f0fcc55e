"""Reads title, `meta`, `link` and `base` tags of a hostile page in linear time.

An HTML parser builds a tree, and there are pages of half a megabyte whose tree takes half a
minute or all memory to build (100,000 nested elements; formatting elements that are opened
anew in each paragraph). So regular expressions cut out the few tags that matter, and the parser
is given these alone: `meta`, `link` and `base` cannot be nested.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datafetch.pages.refresh import Refresh, read_refresh
from datafetch.urls import resolve

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

BODY = "<body"

_COMMENT = "<!--"

_MAX_TAGS = 2000
"""Further tags of a page are ignored."""

_MAX_TITLE = 16 * 1024
"""Further characters of a title are ignored."""

_START = re.compile(
    r"<(?:!--|(?:script|style|svg|template|title|meta|link|base|body)(?=[\s/>]|\Z))", re.IGNORECASE
)
_TAG_REST = re.compile(r"""(?:[^>"'=]+|=\s*"[^"]*"|=\s*'[^']*'|["'=])*+>""")
"""The rest of a tag, up to the first `>` outside of a quoted value.

The alternatives begin differently and nothing is tried twice, so the time is linear.
"""

_CLOSINGS = {
    f"<{name}": re.compile(f"</{name}", re.IGNORECASE)
    for name in ("script", "style", "svg", "template", "title")
}
"""The closing tag of each element whose content is skipped or read as text, by its opening."""

_SWALLOWING = ("<script", "<style")
"""When one of these is never closed, the rest of the page belongs to it, as in a browser."""


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

        tree = LexborHTMLParser("".join(self.tags))
        bases = (node.attributes.get("href") or "" for node in tree.css("base[href]"))
        base = next(bases, None)
        return PageHead(
            url=url,
            title=html.unescape(self.title),
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
    for kind, source in _pieces(text):
        if kind == BODY:
            if beyond_head:
                continue
            return Scanned(title, tuple(tags), stopped_early=False)
        if kind == "<title":
            title = title or source
        elif len(tags) < _MAX_TAGS:
            tags.append(source)
    return Scanned(title, tuple(tags), stopped_early=not beyond_head and BODY in text.lower())


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """The opening (such as `<meta`) and source of each tag that matters.

    For a title the source is its text, for `<body` it is empty.
    """
    unclosed: set[str] = set()
    at: int | None = 0
    while at is not None and (start := _START.search(text, at)) is not None:
        kind = start.group().lower()
        if kind == BODY:
            yield kind, ""
        at = _end_of(text, start, kind)
        if at is None or kind in (_COMMENT, BODY):
            continue
        if kind not in _CLOSINGS:
            yield kind, text[start.start() : at]
        elif kind not in unclosed:
            closed = _CLOSINGS[kind].search(text, at)
            if kind == "<title":
                yield kind, _title(text, at, closed)
            if closed is not None:
                at = closed.start()
            elif kind in _SWALLOWING:
                return
            else:
                unclosed.add(kind)


def _end_of(text: str, start: re.Match[str], kind: str) -> int | None:
    """The place after a comment or an opening tag; None when it is never closed."""
    if kind == _COMMENT:
        # `<!-->` is a whole comment (HTML, 13.2.5.44).
        end = text.find("-->", start.start() + 2)
        return end + 3 if end >= 0 else None
    rest = _TAG_REST.match(text, start.end())
    return rest.end() if rest is not None else None


def _title(text: str, start: int, closed: re.Match[str] | None) -> str:
    """The text of a title; a title that is never closed ends at the next tag."""
    if closed is not None:
        return text[start : min(closed.start(), start + _MAX_TITLE)]
    return text[start : start + _MAX_TITLE].partition("<")[0]


def _metas(tree: "LexborHTMLParser") -> Iterator[tuple[str, str]]:
    for node in tree.css("meta"):
        attributes = node.attributes
        content = attributes.get("content") or attributes.get("value")
        if not content:
            continue
        names = (attributes.get(kind) for kind in ("property", "name", "itemprop"))
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
    for node in tree.css("meta[http-equiv][content]"):
        attributes = node.attributes
        if (attributes.get("http-equiv") or "").lower() == "refresh":
            found = read_refresh(attributes.get("content") or "", url, base)
            if found is not None:
                return found
    return None
