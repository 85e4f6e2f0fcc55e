"""Finds the places of a module that may change without any behaviour changing."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

_LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
_LOGGER = re.compile(r"(^|[._])log(ger)?$")


@dataclass(frozen=True)
class Span:
    """A part of a text; lines count from 1, columns are characters and count from 0."""

    first: tuple[int, int]
    end: tuple[int, int]

    def __contains__(self, position: tuple[int, int]) -> bool:
        """Whether the character at that line and column belongs to the part."""
        return self.first <= position < self.end


def idle_spans(source: str) -> list[Span]:
    """Where docstrings, types, `__all__`, texts of log messages and `slots=`, which saves memory, stand."""
    lines = source.splitlines(keepends=True)

    def position(line: int, utf8_column: int) -> tuple[int, int]:
        return line, len(lines[line - 1].encode()[:utf8_column].decode())

    return [
        Span(position(node.lineno, node.col_offset), position(node.end_lineno, node.end_col_offset))
        for parent in ast.walk(ast.parse(source))
        for node in _idle_children(parent)
    ]


def _idle_children(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            yield node
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            yield node.value
        case ast.Call(func=ast.Attribute(value=logger, attr=level), args=[message, *_]) if (
            level in _LEVELS and _LOGGER.search(ast.unparse(logger))
        ):
            yield message
        case ast.keyword(arg="slots"):
            yield node.value
        case _:
            yield from _types(node)


def _types(node: ast.AST) -> Iterator[ast.AST]:
    """The children of a node that only say what type a value has."""
    match node:
        case ast.arg(annotation=ast.expr() as annotation):
            yield annotation
        case ast.FunctionDef(returns=ast.expr() as returned):
            yield returned
        case ast.AnnAssign(annotation=annotation, value=value):
            yield annotation
            if value and ast.unparse(annotation).endswith("TypeAlias"):
                yield value
        case ast.If(test=test, body=body) if ast.unparse(test).endswith("TYPE_CHECKING"):
            yield from (test, *body)
        case ast.Call(func=ast.Name(id="cast"), args=[type_of_value, _]):
            yield type_of_value
