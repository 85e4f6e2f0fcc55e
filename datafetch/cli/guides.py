"""The guides that ship with the package: finding one, and showing it on a terminal or in a pipe.

Each is a file of Markdown in `datafetch/guides/`, whose name is the topic and whose heading is the
line that stands for it in the list.
"""

import re
import sys
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from datafetch.cli import completion
from datafetch.cli.streams import can_redraw, painted, show, uses_colour, width_of
from datafetch.cli.usage import no_such_guide

FOLDER = Path(__file__).parent.parent / "guides"

_MARK = re.compile(r"^<!--.*-->\n", re.MULTILINE)
"""By such lines the tests find what they try; they say nothing to readers."""

_USUAL, _WIDEST = 80, 100
"""Columns where no terminal says how many, and columns beyond which prose is hard to read."""

_GAP = 2


def show_guide(
    topic: Annotated[
        str | None,
        typer.Argument(
            autocompletion=completion.guides,
            metavar="TOPIC",
            help="The guide that is shown (default: the list of all).",
        ),
    ] = None,
) -> None:
    """Show a guide, or the list of all guides.

    On a terminal it is laid out for its width. In a pipe and in a file it is the guide's own text,
    which is Markdown.
    """
    guides = titles()
    if topic is None:
        show(_listed(guides))
        return
    if topic not in guides:
        raise no_such_guide(topic, guides)
    text = _MARK.sub("", (FOLDER / f"{topic}.md").read_text(encoding="utf-8")).rstrip()
    show(_laid_out(text) if can_redraw(sys.stdout) or uses_colour(sys.stdout) else text)


def titles() -> dict[str, str]:
    """The heading of each guide, by its topic."""
    return {file.stem: _heading(file) for file in sorted(FOLDER.glob("*.md"))}


def _heading(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        return next(lines).removeprefix("# ").strip()


def _listed(guides: dict[str, str]) -> str:
    longest = max(map(len, guides))
    heading = "Guides:"
    return "\n".join(
        [
            painted(heading, "1") if uses_colour(sys.stdout) else heading,
            *(f"  {topic:<{longest + _GAP}}{title}" for topic, title in guides.items()),
            "",
            "datafetch guide TOPIC shows one of them.",
        ]
    )


def _laid_out(text: str) -> str:
    """The text as rich draws Markdown, of which nothing may be lost.

    Lines of code stay whole, so that they can be copied. Names that are too long for their column
    of a table go on in the next line, where rich would cut them.
    """
    # Only here: rich costs more than all else that this command does.
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.markdown import CodeBlock, Markdown, TableElement
    from rich.table import Table
    from rich.text import Text

    class Code(CodeBlock):
        def __rich_console__(self, _console: Console, _options: ConsoleOptions) -> RenderResult:
            code = str(self.text).rstrip()
            yield Text(code, style="cyan", no_wrap=True, overflow="ignore")

    class WholeCells(TableElement):
        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            for drawn in super().__rich_console__(console, options):
                for column in drawn.columns if isinstance(drawn, Table) else ():
                    column.overflow = "fold"
                yield drawn

    class Guide(Markdown):
        elements: ClassVar = {
            **Markdown.elements,
            "fence": Code,
            "code_block": Code,
            "table_open": WholeCells,
        }

    console = Console(
        width=min(width_of(sys.stdout) or _USUAL, _WIDEST),
        color_system="standard" if uses_colour(sys.stdout) else None,
        highlight=False,
        legacy_windows=False,
    )
    with console.capture() as drawn:
        console.print(Guide(text, hyperlinks=False), crop=False)
    return "\n".join(line.rstrip() for line in drawn.get().rstrip().splitlines())
