"""What the texts of `status` and `history` are written on: so wide, in colours or not, with signs or not."""

import textwrap
from dataclasses import dataclass

from datafetch.cli.streams import painted
from datafetch.printable import printable
from datafetch.redaction import redact

_NARROWEST = 40


@dataclass(frozen=True, slots=True)
class Paper:
    """How wide the output is, and what it can show.

    Attributes:
        width: columns after which a line is continued on the next one; None (in a pipe) for never.
        colour: whether to use the colours of terminals; the words say the same without them.
        signs: whether bars and signs outside ASCII can be shown.
    """

    width: int | None = None
    colour: bool = False
    signs: bool = True

    def paint(self, text: str, code: str) -> str:
        """The text in a colour; as it is where colours are off."""
        return painted(text, code) if self.colour else text

    def wrapped(self, text: str, first: str = "", rest: str | None = None) -> list[str]:
        """The text in lines: the first begins with `first`, the others with `rest`.

        Without `rest` they begin with as many blanks as `first` has characters.

        Control characters are shown as escapes, secrets are masked. Commands and addresses stay whole.
        """
        said = printable(redact(text))
        if self.width is None or len(first) + len(said) <= self.width:
            return [f"{first}{said}".rstrip()]
        return textwrap.wrap(
            said,
            max(self.width, _NARROWEST),
            initial_indent=first,
            subsequent_indent=" " * len(first) if rest is None else rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
