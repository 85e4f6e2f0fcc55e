"""Cuts a hostile page into its tags, as browsers do, in linear time.

It follows the tokenizer of the HTML Standard (13.2.5), without its tree: 100,000 nested elements
cost no more than as many beside each other. No pattern here tries the same text twice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

BODY = "body"
TITLE = "title"

_WANTED = frozenset({"meta", "link", "base", TITLE, BODY})
"""The elements that are handed on."""

_MAX_TITLE = 16 * 1024
"""Further characters of a title are ignored."""

_OPENING = re.compile(r"<(!--|[!?]|/?[a-z][^\t\n\f\r />]*+|/(?!\Z))", re.IGNORECASE | re.ASCII)

_REST = re.compile(
    r"""(?:
        [\t\n\f\r /]++                      # between the attributes
        | [^\t\n\f\r />][^\t\n\f\r />=]*+   # a name, and perhaps a value
          (?:[\t\n\f\r ]*+=[\t\n\f\r ]*+
             (?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\t\n\f\r >"'][^\t\n\f\r >]*+)?+
          )?+
    )*+>""",
    re.VERBOSE,
)
"""The rest of a tag. A tag in which the page ends, perhaps in a quote, is none for browsers."""

_COMMENT_AT_ONCE = re.compile(r"-?>")
_COMMENT_END = re.compile(r"--!?>")
_SCRIPT = re.compile(r"<!--|-->|<(/?)script(?=[\t\n\f\r />])", re.IGNORECASE | re.ASCII)
_TEXTS = frozenset(
    {"script", "style", TITLE, "textarea", "xmp", "iframe", "noembed", "noframes", "plaintext"}
)
"""The elements in which tags are text, unless they are those of a drawing or a formula."""

_ENDS = {
    name: re.compile(f"</{name}(?=[\\t\\n\\f\\r />])", re.IGNORECASE | re.ASCII)
    for name in _TEXTS - {"script", "plaintext"}
}
"""The end of each of them, by its name; that of a script is more than a closing tag."""

_FOREIGN = frozenset({"svg", "math"})
_ENDS_FOREIGN = re.compile(
    "b|big|blockquote|body|br|center|code|dd|div|dl|dt|em|embed|h1|h2|h3|h4|h5|h6|head|"
    "hr|i|img|li|listing|menu|meta|nobr|ol|p|pre|ruby|s|small|span|strong|strike|sub|"
    "sup|table|tt|u|ul|var|/br|/p"
)
"""Each of these tags ends a drawing or a formula that is still open (HTML, 13.2.6.5)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A tag that matters.

    Attributes:
        name: of the element, such as `meta`.
        source: the whole tag; for a title its text; for the body nothing.
        beyond_head: whether the body has begun.
        without_scripts: whether it stands in a `<noscript>`, which browsers with scripts ignore.
    """

    name: str
    source: str
    beyond_head: bool = False
    without_scripts: bool = False


class _Open:
    """Counts open drawings, formulas, templates and `noscript`: tags in them are special."""

    def __init__(self) -> None:
        self._open = dict.fromkeys((*_FOREIGN, "template", "noscript"), 0)

    @property
    def foreign(self) -> bool:
        """Whether the tags are those of a drawing or a formula."""
        return any(self._open[name] for name in _FOREIGN)

    @property
    def in_template(self) -> bool:
        """Whether the tags are copied into the page by a script, or never."""
        return self._open["template"] > 0

    @property
    def without_scripts(self) -> bool:
        """Whether browsers that run scripts ignore the tags."""
        return self._open["noscript"] > 0

    def meet(self, name: str, *, closed_at_once: bool) -> None:
        """Take note of a tag, by its name, with its `/` when it is a closing tag."""
        element = name.lstrip("/")
        if _ENDS_FOREIGN.fullmatch(name):
            self._open.update(dict.fromkeys(_FOREIGN, 0))
        elif name.startswith("/") and element in self._open:
            self._open[element] = max(self._open[element] - 1, 0)
        elif name in self._open and not (closed_at_once and name in _FOREIGN):
            self._open[name] += 1


def pieces(text: str) -> Iterator[Piece]:
    """The tags `meta`, `link`, `base`, `title` and `body` of a page, in its order.

    What stands in comments, in scripts and other texts, in templates and in the values of other
    tags is left out, and so are the titles, links and bases of drawings.
    """
    opened = _Open()
    beyond_head = False
    for name, start, end in _tags(text, opened):
        if name == BODY and not opened.in_template:
            beyond_head = True
            yield Piece(BODY, "")
        elif name in _WANTED and name != BODY and not (opened.foreign or opened.in_template):
            source = text[start:end]
            yield Piece(name, source, beyond_head, opened.without_scripts)


def _tags(text: str, opened: _Open) -> Iterator[tuple[str, int, int]]:
    """Each tag's name, in lower case, and place; for a title the place of its text.

    The name of a closing tag begins with `/`. A page that ends within the tag `<body` has a body:
    up to there pages are read.
    """
    at = 0
    titles_end = True
    while (opening := _OPENING.search(text, at)) is not None:
        name = opening.group(1).lower()
        if not name.lstrip("/")[:1].isalpha():
            at = _after_markup(text, opening, foreign=opened.foreign)
            continue
        rest = _REST.match(text, opening.end())
        if rest is None:
            if name == BODY:
                yield BODY, opening.start(), opening.end()
            return
        start, at = opening.start(), rest.end()
        opened.meet(name, closed_at_once=text.endswith("/>", start, at))
        if opened.foreign or name not in _TEXTS:
            yield name, start, at
        elif name == TITLE:
            # Once a title is not closed, none after it is: the rest is not searched again.
            closing = _ENDS[TITLE].search(text, at) if titles_end else None
            titles_end = closing is not None
            text_start, at = at, _after_title(text, at, closing)
            yield TITLE, text_start, min(at, text_start + _MAX_TITLE)
        else:
            at = _after_text(text, at, name)


def _after_markup(text: str, opening: re.Match[str], *, foreign: bool) -> int:
    """The place after a comment, a declaration or what browsers take for a comment."""
    start = opening.end()
    if opening.group(1) == "!--":
        at_once = _COMMENT_AT_ONCE.match(text, start)
        end = at_once or _COMMENT_END.search(text, start)
        return len(text) if end is None else end.end()
    if foreign and text.startswith("[CDATA[", start):
        return _after(text, "]]>", start)
    return _after(text, ">", start)


def _after(text: str, mark: str, start: int) -> int:
    """The place after the first mark; the end of the text when there is none."""
    found = text.find(mark, start)
    return len(text) if found < 0 else found + len(mark)


def _after_title(text: str, start: int, closing: re.Match[str] | None) -> int:
    """Where a title ends; one that is never closed ends at the next tag.

    A browser would show the whole rest of the page as that title.
    """
    if closing is not None:
        return closing.start()
    tag = text.find("<", start)
    return len(text) if tag < 0 else tag


def _after_text(text: str, start: int, name: str) -> int:
    """Where the text of an element ends: at its closing tag, or else at the end of the page."""
    if name == "script":
        return _after_script(text, start)
    closing = None if name == "plaintext" else _ENDS[name].search(text, start)
    return len(text) if closing is None else closing.start()


def _after_script(text: str, start: int) -> int:
    """Where a script ends: its closing tag, unless that closes a script in an HTML comment.

    Such a comment in a script is an old habit that browsers keep up (HTML, 13.2.5.20 to 31).
    """
    in_comment = nested = False
    at = start
    while (mark := _SCRIPT.search(text, at)) is not None:
        at = mark.end()
        if mark.group() == "<!--":
            # The dashes of `<!-->` also end the comment.
            at -= 2
            in_comment = True
        elif mark.group() == "-->":
            in_comment = nested = False
        elif not mark.group(1):
            nested = in_comment
        elif nested:
            nested = False
        else:
            return mark.start()
    return len(text)
