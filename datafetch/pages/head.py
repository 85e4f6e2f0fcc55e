"""Takes the beginning of a hostile page apart in linear time.

An HTML parser builds a tree, and there are pages of half a megabyte whose tree takes half a
minute or all memory to build (100,000 nested elements; formatting elements that are opened
anew in each paragraph). So the few tags that matter are cut out first, and the parser sees
these alone: `meta`, `link` and `base` cannot be nested.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

BODY = "<body"

_COMMENT = "<!--"

_MAX_TAGS = 2000
"""More are read by nobody."""

_MAX_TITLE = 16 * 1024

_START = re.compile(
    r"<(?:!--|(?:script|style|svg|template|title|meta|link|base|body)(?=[\s/>]|\Z))", re.IGNORECASE
)
_TAG_REST = re.compile(r"""(?:[^>"'=]+|=\s*"[^"]*"|=\s*'[^']*'|["'=])*+>""")
"""The rest of a tag: `>` ends it unless it stands in a quoted value. The alternatives begin
differently and nothing is tried twice, so the time is linear."""

_CLOSINGS = {
    "<script": re.compile(r"</script", re.IGNORECASE),
    "<style": re.compile(r"</style", re.IGNORECASE),
    "<svg": re.compile(r"</svg", re.IGNORECASE),
    "<template": re.compile(r"</template", re.IGNORECASE),
    "<title": re.compile(r"</title", re.IGNORECASE),
}
_SWALLOWING = ("<script", "<style")
"""What is never closed hides all that follows, as in a browser."""


@dataclass(frozen=True, slots=True)
class PageHead:
    """What stands in a page's head, in its order and unjudged.

    Attributes:
        url: the final one, after redirects.
        title: text of the first `<title>`; empty when there is none.
        base: `href` of the first `<base>` that has one.
        metas: name (or property), lower case, and content of each `<meta>`.
        links: `rel`, lower case, and `href` of each `<link>`.
        etag, last_modified: what the server gave to ask again by.
    """

    url: str
    title: str = ""
    base: str | None = None
    metas: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    etag: str | None = None
    last_modified: str | None = None

    def content(self, name: str) -> list[str]:
        """All contents under a name, in the page's order."""
        return [content for found, content in self.metas if found == name]


@dataclass(frozen=True, slots=True)
class Scanned:
    """What was cut out of a page's beginning.

    Attributes:
        title: the source text of the first title.
        tags: the source text of each `meta`, `link` and `base`.
        stopped_early: whether the text ends at a `<body` that stands in a script or comment.
    """

    title: str
    tags: tuple[str, ...]
    stopped_early: bool

    def head(self, url: str, etag: str | None = None, last_modified: str | None = None) -> PageHead:
        """The head; `url` is the page's final one."""
        from selectolax.lexbor import LexborHTMLParser

        tree = LexborHTMLParser("".join(self.tags))
        bases = (node.attributes.get("href") for node in tree.css("base"))
        return PageHead(
            url=url,
            title=html.unescape(self.title),
            base=next((href for href in bases if href), None),
            metas=tuple(_metas(tree)),
            links=tuple(_links(tree)),
            etag=etag,
            last_modified=last_modified,
        )


def scan(text: str) -> Scanned:
    """Cut out what matters before the body; any text is the beginning of some page.

    Tags count wherever they stand before the body: a stray element ends the head for a
    parser, and what the author put after it is meant all the same.
    """
    title = ""
    tags: list[str] = []
    for kind, source in _pieces(text):
        if kind == BODY:
            return Scanned(title, tuple(tags), stopped_early=False)
        if kind == "<title":
            title = title or source
        elif len(tags) < _MAX_TAGS:
            tags.append(source)
    return Scanned(title, tuple(tags), stopped_early=BODY in text.lower())


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """What matters, by its opening: a title's text, the source of other tags; ends at the body."""
    unclosed: set[str] = set()
    at: int | None = 0
    while at is not None and (start := _START.search(text, at)) is not None:
        kind = start.group().lower()
        if kind == BODY:
            yield kind, ""
            return
        at = _end_of(text, start, kind)
        if at is None or kind == _COMMENT:
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
    """Where a comment or an opening tag ends; None when it does not."""
    if kind == _COMMENT:
        # `<!-->` is a whole comment (HTML, 13.2.5.44).
        end = text.find("-->", start.start() + 2)
        return end + 3 if end >= 0 else None
    rest = _TAG_REST.match(text, start.end())
    return rest.end() if rest is not None else None


def _title(text: str, start: int, closed: re.Match[str] | None) -> str:
    """The title's text; of one that is never closed what comes before the next tag."""
    if closed is not None:
        return text[start : min(closed.start(), start + _MAX_TITLE)]
    return text[start : start + _MAX_TITLE].partition("<")[0]


def _metas(tree: Any) -> Iterator[tuple[str, str]]:
    for node in tree.css("meta"):
        attributes = node.attributes
        content = attributes.get("content") or attributes.get("value")
        if not content:
            continue
        names = (attributes.get(kind) for kind in ("property", "name", "itemprop"))
        for name in dict.fromkeys(name.strip().lower() for name in names if name):
            yield name, content


def _links(tree: Any) -> Iterator[tuple[str, str]]:
    for node in tree.css("link"):
        rel, href = node.attributes.get("rel"), node.attributes.get("href")
        if rel and href:
            yield rel.lower(), href
