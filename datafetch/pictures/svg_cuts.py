"""Cuts out of SVG pictures what drawing programs leave in them: document types, empty scripts.

The XML parser names the positions, in bytes; all other bytes stay as they are. What is left still
has to be checked. Of a picture that is not well-formed nothing is cut.
"""

from collections.abc import Mapping
from contextlib import suppress
from xml.parsers import expat

from datafetch.upstream_errors import Refused

Span = tuple[int, int]
"""The positions of a part's first byte and of the byte after its last."""

_PACKET = "xpacket"
"""The instruction around the metadata of Adobe's programs (XMP Specification Part 1, 7.3.2)."""

_LINKS = frozenset({"href", "src"})


def without_document_type(data: bytes) -> bytes:
    """The picture without its document type; the same object when it has none.

    A document type is read to its end and no further. Nothing that it names is fetched, and no
    entity that it declares is replaced, so that this takes no more time than its length.

    Raises:
        Refused: the document type may use its own entities.
    """
    if b"<!DOCTYPE" not in data:
        return data
    span = _DocumentType().span_in(data)
    return data if span is None else data[: span[0]] + data[span[1] :]


def without_leftovers(data: bytes) -> bytes:
    """The picture, which has no document type, without `<?xpacket?>` and empty scripts.

    A script that is not empty stays, and so does one that names a file.
    """
    if b"<?xpacket" not in data and b"script" not in data.lower():
        return data
    kept, at = [], 0
    for start, end in _Leftovers(data).spans():
        kept.append(data[at:start])
        at = end
    return b"".join([*kept, data[at:]])


class _Found(Exception):
    """The parser has read far enough."""


class _DocumentType:
    """Finds where a document type begins and ends."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._start: int | None = None
        self._end: int | None = None
        self._has_entities = False

    def span_in(self, data: bytes) -> Span | None:
        """The span of the document type; None when there is none, or the parser does not get to its end.

        Raises:
            Refused: see `without_document_type`.
        """
        parser = self._parser
        # For the parts of a document type, only this handler is called before their meaning is
        # looked at. A handler of declarations is called after entities in them were replaced.
        parser.DefaultHandler = self._part
        parser.EndDoctypeDeclHandler = self._ends
        parser.StartElementHandler = self._content
        with suppress(_Found, expat.ExpatError, ValueError, LookupError):
            parser.Parse(data, True)
        if self._start is None or self._end is None:
            return None
        return self._start, self._end

    def _part(self, text: str) -> None:
        if text == "<!DOCTYPE":
            self._start = self._parser.CurrentByteIndex
        elif text == "<!ENTITY":
            self._has_entities = True
        elif text == "<!ATTLIST" and self._has_entities:
            raise Refused("the picture's document type may use entities of its own")

    def _ends(self) -> None:
        self._end = self._parser.CurrentByteIndex + len(b">")
        raise _Found

    def _content(self, name: str, attributes: Mapping[str, str]) -> None:
        del name, attributes
        raise _Found


class _Leftovers:
    """Finds the parts of a picture that are cut besides its document type."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parser = expat.ParserCreate()
        self._spans: list[Span] = []
        self._script: int | None = None
        """Where the script begins that the parser is in, as long as it is empty."""

    def spans(self) -> list[Span]:
        """Their spans in the picture's order, which do not overlap; none when it is not well-formed."""
        parser = self._parser
        parser.ProcessingInstructionHandler = self._instruction
        parser.StartElementHandler = self._starts
        parser.CharacterDataHandler = self._text
        parser.EndElementHandler = self._ends
        # With the check's own rule, in case a document type was not cut.
        parser.StartDoctypeDeclHandler = self._document_type
        try:
            parser.Parse(self._data, True)
        except (_Found, expat.ExpatError, ValueError, LookupError):
            return []
        return self._spans

    def _document_type(self, *parts: object) -> None:
        del parts
        raise _Found

    def _instruction(self, target: str, text: str) -> None:
        del text
        self._script = None
        if target == _PACKET:
            start = self._parser.CurrentByteIndex
            self._spans.append((start, self._data.index(b"?>", start) + 2))

    def _starts(self, name: str, attributes: Mapping[str, str]) -> None:
        is_script = _local(name) == "script" and not _LINKS.intersection(map(_local, attributes))
        self._script = self._parser.CurrentByteIndex if is_script else None

    def _text(self, text: str) -> None:
        if text.strip():
            self._script = None

    def _ends(self, name: str) -> None:
        del name
        if self._script is None:
            return
        # The parser names the place after `<script/>`, but that of the end tag of `<script></script>`.
        end = self._parser.CurrentByteIndex
        if self._data[end - 2 : end] != b"/>":
            end = self._data.index(b">", end) + 1
        self._spans.append((self._script, end))
        self._script = None


def _local(name: str) -> str:
    """The name without its prefix, in lower case."""
    return name.rpartition(":")[2].lower()
