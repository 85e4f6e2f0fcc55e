"""Tells in a few words what the body of an answer is, for messages about one that is not as expected."""

import html
from dataclasses import dataclass
from typing import Literal

from datafetch.models.text import one_line
from datafetch.redaction import redact

_LOOKED_AT = 64 * 1024
"""Bytes of the body, from its start, in which a title is looked for."""

_READ_FOR_WORDS = 4096
"""Characters from which they are taken; secrets are masked before anything is cut off."""

_MOST_WORDS = 80
"""Characters that are shown of a title or a text."""

Kind = Literal["empty", "page", "json", "text", "binary"]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What a body is. Its `str` is the words for a message: `a web page titled "Sign in"`.

    Attributes:
        kind: `page` is HTML or XML; `json` begins like JSON; `binary` is no text.
        content_type: the media type that the answer names, in lower case and without parameters;
            empty when it names none.
        words: the title of a page, or the first words of a text: one short line without secrets
            and control characters. Empty when there are none, and for JSON, whose values may be
            private.
    """

    kind: Kind
    content_type: str
    words: str

    def __str__(self) -> str:
        match self.kind:
            case "empty":
                return "an empty body"
            case "page":
                what = f'a web page titled "{self.words}"' if self.words else "a web page"
            case "json":
                what = "JSON that breaks off or has a mistake in it"
            case "text":
                what = f'a text that begins "{self.words}"'
            case "binary":
                what = "something that is no text"
        return f"{what} ({self.content_type})" if self.content_type else what


def excerpt(body: bytes, content_type: str) -> Excerpt:
    """Look at the body of an answer.

    Args:
        body: decoded; only its start is looked at.
        content_type: the header `Content-Type` of the answer.
    """
    media_type = _words(content_type.partition(";")[0]).lower()
    start = body[:_LOOKED_AT].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if not start:
        return Excerpt("empty", media_type, "")
    if start.startswith("<") or media_type == "text/html":
        return Excerpt("page", media_type, _words(_title(start)))
    if start[0] in '{["':
        return Excerpt("json", media_type, "")
    if "\0" in start or start.count("\ufffd") > len(start) // 10:
        return Excerpt("binary", media_type, "")
    return Excerpt("text", media_type, _words(start))


def _words(text: str) -> str:
    return one_line(redact(text[:_READ_FOR_WORDS]), _MOST_WORDS)


def _title(page: str) -> str:
    """The text of a page's `<title>`; empty when it has none."""
    lower = page.lower()
    # Lower case may be longer than the text (of a dotted capital I): then it is not cut from it.
    source = page if len(lower) == len(page) else lower
    tag = lower.find("<title")
    start = lower.find(">", tag) if tag >= 0 else -1
    end = lower.find("</title", start) if start >= 0 else -1
    # No number in it then has so many digits that Python refuses to read it (from 4,301 on).
    title = source[start + 1 : end][:_READ_FOR_WORDS]
    return html.unescape(title) if end >= 0 else ""
