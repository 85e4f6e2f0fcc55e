"""Counts what an SVG picture becomes when browsers copy parts of it for its `use` elements."""

from dataclasses import dataclass, field
from urllib.parse import unquote

from datafetch.upstream_errors import Refused, TooLarge

_MAX_COPIES = 10_000
"""Elements that browsers may copy. Chromium needs three seconds for so many; drawings have some
hundred. Ten parts that show each other ten times would make 10 ** 10 of a file of 10 kB."""

_WHOLE = ""
"""The name of the part that is the whole picture; no `id` is empty."""


@dataclass(slots=True)
class _Part:
    """An element with an `id`, and what stands inside it.

    Attributes:
        elements: how many there are, without those of the parts inside.
        shows: the ids of the other parts that are drawn in it: those inside, and once for each
            `use` that names one.
    """

    elements: int = 0
    shows: list[str] = field(default_factory=list)


class Copies:
    """Collects the parts of a picture, element by element, and then checks how often they are copied."""

    def __init__(self) -> None:
        whole = _Part()
        self._parts = {_WHOLE: whole}
        self._open = [whole]
        self._elements = 0

    def start(self, identifier: str, shown: str) -> None:
        """Take in the start of an element: its `id`, and the reference if it draws another one.

        Both are empty where there is none. References that do not begin with `#` are left out. Of
        several elements with one `id`, `use` draws the first; drawing programs write such files.
        """
        part = self._open[-1]
        if identifier and identifier not in self._parts:
            part.shows.append(identifier)
            part = self._parts[identifier] = _Part()
        self._open.append(part)
        self._elements += 1
        part.elements += 1
        if shown.startswith("#") and len(shown) > 1:
            part.shows.append(unquote(shown[1:]))

    def end(self) -> None:
        """Take in the end of an element."""
        self._open.pop()

    def check(self) -> None:
        """Add up what all parts become; the time is in proportion to the length of the file.

        Raises:
            TooLarge: more than 10,000 elements are copied.
            Refused: a part is to be drawn inside itself.
        """
        most = self._elements + _MAX_COPIES
        sums: dict[str, int | None] = {}
        """None while a part's own parts are being added up."""
        left = [_WHOLE]
        while left:
            name = left[-1]
            part = self._parts[name]
            if name not in sums:
                sums[name] = None
                left += [inside for inside in part.shows if self._is_left(inside, sums)]
                continue
            left.pop()
            if sums[name] is None:
                total = part.elements + sum(sums.get(inside) or 0 for inside in part.shows)
                if total > most:
                    raise TooLarge(f"the picture copies more than {_MAX_COPIES} of its elements")
                sums[name] = total

    def _is_left(self, name: str, sums: dict[str, int | None]) -> bool:
        """Whether the part still has to be added up."""
        if name in sums and sums[name] is None:
            raise Refused("a part of the picture is to be drawn inside itself")
        return name in self._parts and name not in sums
