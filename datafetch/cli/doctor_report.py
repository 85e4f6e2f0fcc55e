"""What `datafetch doctor` shows to people: groups, aligned lines, a hint below what is wrong, a sum."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from datafetch.cli.streams import painted
from datafetch.doctor.findings import Finding, Form, Group, Status, summary
from datafetch.printable import printable
from datafetch.redaction import redact

_BOLD, _DIM = "1", "2"
_COLOURS = {"ok": "32", "warn": "33", "fail": "31", "skip": "2"}
_SIGNS = {"ok": "✓", "warn": "!", "fail": "✗", "skip": "-"}
_PLAIN_SIGNS = {"ok": "+", "warn": "!", "fail": "x", "skip": "-"}
_WIDEST_NAME = 24
_INDENT = 2
_PARAGRAPH = 100
"""Columns of a paragraph in a pipe; all other lines there may have any length."""

_WORD = 4
"""The letters of the longest word for a status."""


@dataclass(frozen=True, slots=True)
class Look:
    """How the report is to look.

    Attributes:
        width: columns after which a line is continued on the next one; None (in a pipe) for never.
        colour: whether to use the colours of terminals; the words say the same without them.
        signs: whether marks that are no ASCII can be shown.
    """

    width: int | None = None
    colour: bool = False
    signs: bool = True


def report(findings: Sequence[tuple[Group, Finding]], look: Look) -> list[str]:
    """The lines of the report, its sum last."""
    lines: list[str] = []
    for group in Group:
        of_group = [finding for other, finding in findings if other is group]
        if of_group:
            lines += [_paint(group.value, _BOLD, look), *_group(of_group, look), ""]
    return [*lines, _paint(summary(found for _, found in findings), _BOLD, look)]


def _group(findings: Sequence[Finding], look: Look) -> Iterator[str]:
    shown = [found for found in findings if found.form in (Form.LINE, Form.SKIPPED)]
    names = [len(found.check) for found in shown if len(found.check) <= _WIDEST_NAME]
    width = max(names, default=0)
    for found, following in pairwise([*shown, None]):
        assert found is not None
        # When several findings in a row have the same hint, only the last one shows it.
        is_last = following is None or following.hint != found.hint
        yield from _finding(found, width, look, hinted=is_last)
    for form, title in ((Form.DEFAULT, "by default"), (Form.UNSET, "not set")):
        folded = [found for found in findings if found.form is form]
        if folded:
            yield from _folded(title, form, folded, look)


def _finding(found: Finding, name_width: int, look: Look, *, hinted: bool) -> Iterator[str]:
    word = "skip" if found.form is Form.SKIPPED else found.status.value
    sign = (_SIGNS if look.signs else _PLAIN_SIGNS)[word]
    mark = f"{sign} {word:<{_WORD}}"
    left = " " * _INDENT
    begin = f"{left}{mark}  "
    name = printable(redact(found.check))
    margin = " " * (len(begin) + name_width + 2)
    detail = printable(redact(found.detail))
    if len(name) > name_width:
        # A long name has a line of its own where lines are bounded.
        one = f"{begin}{name}  {detail}"
        if look.width is None or len(one) <= look.width:
            lines = [one]
        else:
            lines = [f"{begin}{name}", *_wrapped(detail, margin, margin, look)]
    else:
        lines = _wrapped(detail, f"{begin}{name:<{name_width}}  ", margin, look)
    first, *rest = lines
    painted_mark = _paint(mark, _COLOURS[word], look)
    yield first.replace(mark, painted_mark, 1)
    yield from rest
    if hinted and found.hint and found.status is not Status.OK:
        arrow = "→ " if look.signs else "-> "
        hint = _wrapped(
            printable(redact(found.hint)),
            f"{margin}{arrow}",
            f"{margin}{' ' * len(arrow)}",
            look,
        )
        yield from (_paint(line, _DIM, look) for line in hint)


def _folded(title: str, form: Form, findings: Sequence[Finding], look: Look) -> Iterator[str]:
    """Many settings in one paragraph: `NAME=value, …` or `NAME, …`."""
    words = [
        f"{found.check}={found.detail.removesuffix(' (default)')}"
        if form is Form.DEFAULT
        else found.check
        for found in findings
    ]
    margin = " " * _INDENT
    text = f"{title}: {', '.join(words)}"
    width = look.width or _PARAGRAPH
    yield from (
        _paint(line, _DIM, look)
        for line in _wrapped(
            printable(redact(text)), margin, margin + "  ", replace(look, width=width)
        )
    )


def _wrapped(text: str, first: str, rest: str, look: Look) -> list[str]:
    if look.width is None:
        return [f"{first}{text}"]
    return textwrap.wrap(
        text,
        max(look.width, len(rest) + 20),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=True,
        break_on_hyphens=False,
    )


def _paint(text: str, code: str, look: Look) -> str:
    return painted(text, code) if look.colour else text
