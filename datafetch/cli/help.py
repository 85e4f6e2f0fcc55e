"""Help pages: one layout for terminals and pipes, which differ in nothing but colour."""

import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from typer.core import TyperCommand, TyperGroup, TyperOption

from datafetch.cli import usage
from datafetch.cli.streams import painted, uses_colour

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter, Parameter

OWN_PANEL = "Options"
COMMON_PANEL = "Common options"
GLOBAL_PANEL = "Global options"

_BOLD, _DIM, _CYAN = "1", "2", "36"
_WIDEST_LEFT = 26
_GAP = 2
_INDENT = 2
_MARGIN = 2
"""What Typer leaves free at the right; there is no border here that it would be good for."""

_SHORTER = {
    "--install-completion": "Set up completion for your shell: bash, zsh or fish.",
    "--show-completion": "Print the completion script for your shell.",
    "--help": "Show this help.",
}
"""Texts for the options that Typer adds."""

Row = tuple[str, str]
"""What is explained, such as an option, and the explanation."""


class HelpCommand(TyperCommand):
    """A command whose help is written by this module, and which says what an argument too many is."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """Read the arguments of this command.

        Raises:
            UsageError: there are more than the command takes.
        """
        ctx.allow_extra_args = True  # so that they come back, and nobody else complains of them
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            raise usage.too_many(rest, ctx)
        return rest

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the command's page."""
        _write_page(ctx, formatter, _command_sections(ctx))


class HelpGroup(TyperGroup):
    """The program: its help, and what it says of a command that it does not have."""

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> tuple[str | None, "Command | None", list[str]]:
        """Find the command that is named.

        Raises:
            UsageError: there is none of that name.
        """
        if not ctx.resilient_parsing and args[0] not in self.commands and args[0][:1] != "-":
            raise usage.no_such_command(args[0], list(self.commands))
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the program's page."""
        _write_page(ctx, formatter, _program_sections(self, ctx))


def help_text(ctx: "Context", name: str | None) -> str:
    """The page of the program, whose context is given, or of one of its commands.

    Raises:
        UsageError: there is no such command.
    """
    assert isinstance(ctx.command, TyperGroup)
    if name is None:
        return ctx.get_help()
    command = ctx.command.commands.get(name)
    if command is None:
        raise usage.no_such_command(name, list(ctx.command.commands))
    with command.make_context(name, [], parent=ctx) as own:
        ctx.color = uses_colour(sys.stdout)
        return command.get_help(own)


# ------------------------------------------------------------------ sections


def _program_sections(group: TyperGroup, ctx: "Context") -> Iterator[tuple[str, list[Row]]]:
    panels: dict[str, list[Row]] = {}
    for name, command in group.commands.items():
        if not command.hidden:
            panel = getattr(command, "rich_help_panel", None) or "Commands"
            panels.setdefault(panel, []).append((name, command.short_help or ""))
    yield from panels.items()
    yield GLOBAL_PANEL, [_option_row(option) for option in _options(ctx)]


def _command_sections(ctx: "Context") -> Iterator[tuple[str, list[Row]]]:
    arguments = [
        (_argument(param), getattr(param, "help", None) or "")
        for param in ctx.command.get_params(ctx)
        if param.param_type_name == "argument"
    ]
    yield "Arguments", arguments
    panels: dict[str, list[Row]] = {OWN_PANEL: [], COMMON_PANEL: [], GLOBAL_PANEL: []}
    for option in _options(ctx):
        panel = option.rich_help_panel or (GLOBAL_PANEL if "--help" in option.opts else OWN_PANEL)
        panels[panel].append(_option_row(option))
    yield from panels.items()


def _options(ctx: "Context") -> Iterator[TyperOption]:
    for param in ctx.command.get_params(ctx):
        if isinstance(param, TyperOption) and not param.hidden:
            yield param


def _option_row(option: TyperOption) -> Row:
    """The option's names, the long one always in the same column, its value, and its text."""
    short = next((name for name in option.opts if not name.startswith("--")), "")
    long = next(name for name in option.opts if name.startswith("--"))
    left = f"{short}, {long}" if short else f"    {long}"
    text = _SHORTER.get(long) or option.help or ""
    return f"{left} {option.metavar}" if option.metavar else left, text


def _argument(param: "Parameter") -> str:
    name = param.metavar or param.name.upper()
    name = name if param.required else f"[{name}]"
    return f"{name}..." if param.nargs == -1 else name


# ------------------------------------------------------------------- writing


def _write_page(
    ctx: "Context", formatter: "HelpFormatter", sections: Iterable[tuple[str, list[Row]]]
) -> None:
    colour = uses_colour(sys.stdout)
    ctx.color = colour  # or `echo` would take the colours off again where FORCE_COLOR wants them
    filled = [(title, rows) for title, rows in sections if rows]
    width = formatter.width + _MARGIN
    lines = [
        *_paragraphs(ctx.command.help or "", width),
        "Usage:",
        *(f"  {line}" for line in _usage(ctx)),
    ]
    for title, rows in filled:
        lines += ["", f"{title}:"]
        left = _left_column(filled, options=rows[0][0].lstrip().startswith("-"))
        for row in rows:
            lines += _row(row, left, width, colour=colour)
    if ctx.command.epilog:
        lines += ["", *ctx.command.epilog.splitlines()]
    for line in lines:
        formatter.write((_painted(line) if colour else line) + "\n")


def _left_column(sections: Sequence[tuple[str, list[Row]]], *, options: bool) -> int:
    """The width that all options of a page share, or all commands."""
    names = [name for _, rows in sections for name, _ in rows]
    alike = [len(name) for name in names if name.lstrip().startswith("-") == options]
    return min(max(alike), _WIDEST_LEFT)


def _usage(ctx: "Context") -> list[str]:
    if isinstance(ctx.command, TyperGroup):
        return [f"{ctx.command_path} COMMAND [OPTIONS]"]
    arguments = [
        _argument(param)
        for param in ctx.command.get_params(ctx)
        if param.param_type_name == "argument"
    ]
    return [" ".join([ctx.command_path, *arguments, "[OPTIONS]"])]


def _paragraphs(text: str, width: int) -> Iterator[str]:
    for paragraph in textwrap.dedent(text).strip().split("\n\n"):
        yield from textwrap.wrap(paragraph, width)
        yield ""


def _row(row: Row, left: int, width: int, *, colour: bool) -> list[str]:
    """The lines of one row; a name that is too long for its column has a line of its own."""
    name, text = row
    margin = " " * (_INDENT + left + _GAP)
    wrapped = textwrap.wrap(text, max(width - len(margin), 20)) or [""]
    shown = painted(name, _CYAN) if colour else name
    padding = " " * (left - len(name) + _GAP)
    first = (
        [f"{' ' * _INDENT}{shown}{padding}{wrapped[0]}".rstrip()]
        if len(name) <= left
        else [f"{' ' * _INDENT}{shown}", f"{margin}{wrapped[0]}"]
    )
    return [*first, *(f"{margin}{line}" for line in wrapped[1:])]


def _painted(line: str) -> str:
    """A line with the colour of its kind: headings, and the comments of examples."""
    if line.endswith(":") and not line.startswith(" "):
        return painted(line, _BOLD)
    return painted(line, _DIM) if line.startswith("  # ") else line


def epilog(examples: Sequence[Row], codes: Sequence[Row], closing: Sequence[str]) -> str:
    """What stands below the options of a page.

    Args:
        examples: what each is for, and its line or lines.
        codes: exit codes and what they mean.
        closing: where to read on.
    """
    lines = ["Examples:"]
    for purpose, line in examples:
        lines += [f"  # {purpose}", textwrap.indent(line, "  ")]
    left = max(len(code) for code, _ in codes)
    lines += ["", "Exit codes:", *(f"  {code:<{left}}  {text}" for code, text in codes)]
    lines += ["", "Read on:", *(f"  {line}" for line in closing)]
    return "\n".join(lines)
