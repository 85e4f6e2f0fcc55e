"""Finds every regular expression of a package, and how each of them is used, in its source."""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_FROM_MODULE = {"search", "match", "fullmatch", "findall", "finditer", "split", "sub", "subn"}
_METHODS = _FROM_MODULE | {"scanner"}
_HARMLESS = {"pattern", "flags", "groups", "groupindex"}
_POSITION_ARGUMENT = 1
"""`pattern.match(text, position)`: where the position stands among a method's arguments."""

Use = str
"""`fullmatch` and `match`: once, from the beginning. `scan`: matched again where it ended, until
it fails. `search`: at every place of the text, as all others do."""


class NotCollected(Exception):
    """A call makes a pattern that cannot be read from the source."""


@dataclass(frozen=True)
class Found:
    """A regular expression of the package.

    Attributes:
        place: file and line.
        uses: how it is used; see `Use`.
    """

    place: str
    pattern: str | bytes
    flags: int
    uses: frozenset[Use]


def collect_module(path: Path, package: Path) -> list[Found]:
    """Every pattern of a module in the folder `package`, which has to be importable by its name.

    Raises:
        NotCollected: a call whose pattern is made of what only its function knows, or a second
            name for `re`: none of them may stay unseen.
    """
    return list(_Module(path, package).found())


class _Module:
    """One module: its source, and what its names stand for once it is imported."""

    def __init__(self, path: Path, package: Path) -> None:
        self._label = path.relative_to(package.parent).as_posix()
        self._tree = tree = ast.parse(path.read_text(encoding="utf-8"))
        self._parents = {
            child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)
        }
        self._path, self._package = path, package

    def found(self) -> Iterator[Found]:
        """The patterns of the module."""
        self._refuse_other_names()
        self._refuse_functions_handed_on()
        calls = [node for node in ast.walk(self._tree) if isinstance(node, ast.Call)]
        for call in calls:
            name = _name_in_re(call)
            if name == "compile":
                yield from self._compiled(call)
            elif name in _FROM_MODULE:
                yield self._found(call, _text_of(call), name)
            for keyword in call.keywords:
                if keyword.arg in ("pattern", "regex"):
                    yield self._found(call, keyword.value, "search")

    def _refuse_other_names(self) -> None:
        for node in ast.walk(self._tree):
            other = isinstance(node, ast.ImportFrom) and node.module == "re"
            other |= isinstance(node, ast.Import) and any(
                name.name in ("re", "regex", "sre_compile") and (name.asname or name.name != "re")
                for name in node.names
            )
            if other and isinstance(node, ast.stmt):
                raise NotCollected(f"{self._label}:{node.lineno}: only `import re` is looked for")

    def _refuse_functions_handed_on(self) -> None:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "re":
                parent = self._parents[node]
                called = isinstance(parent, ast.Call) and parent.func is node
                if node.attr in _FROM_MODULE | {"compile"} and not called:
                    raise NotCollected(f"{self._label}:{node.lineno}: call re.{node.attr} by name")

    def _found(self, call: ast.Call, pattern: ast.expr, method: str) -> Found:
        once = method in ("match", "fullmatch")
        use = method if once else "search"
        flags = next((word.value for word in call.keywords if word.arg == "flags"), None)
        position = 3 if method in ("sub", "subn", "split") else 2
        if flags is None and len(call.args) > position and method not in ("sub", "subn", "split"):
            flags = call.args[position]
        value = self._value(pattern, call)
        number = 0 if flags is None else self._value(flags, call)
        if not isinstance(value, str | bytes) or not isinstance(number, int):
            raise self._not_collected(call, "the pattern is no text")
        return Found(f"{self._label}:{call.lineno}", value, number, frozenset({use}))

    def _compiled(self, call: ast.Call) -> Iterator[Found]:
        name, value = self._holder(call)
        patterns = list(_patterns_in(value))
        if not patterns:
            raise self._not_collected(call, "what is compiled here is not found")
        uses = frozenset(self._uses(name))
        if not (uses and name.startswith("_")):
            uses |= {"search"}  # other modules may use it in any way
        for pattern in patterns:
            flags = (
                pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, str) else pattern.flags
            )
            yield Found(f"{self._label}:{call.lineno}", pattern.pattern, flags, uses)

    def _holder(self, call: ast.Call) -> tuple[str, object]:
        """The name that keeps what the call compiles, and its value.

        In a function that takes nothing it is what the function returns.
        """
        node: ast.AST = call
        path = []
        while not isinstance(node, ast.Module):
            path.append(node)
            node = self._parents[node]
        classes = [step.name for step in reversed(path) if isinstance(step, ast.ClassDef)]
        owner: object = self._module()
        for name in classes:
            owner = getattr(owner, name)
        function = next((step for step in path if isinstance(step, ast.FunctionDef)), None)
        holders = [step for step in path if isinstance(step, ast.Assign | ast.AnnAssign)]
        if function is not None:
            if not ast.unparse(function.args):
                return function.name, getattr(owner, function.name)()
            raise self._not_collected(call, "only the function knows its pattern")
        target = holders[0] if holders else None
        name = target.targets[0] if isinstance(target, ast.Assign) else target and target.target
        if not isinstance(name, ast.Name):
            raise self._not_collected(call, "the pattern has no name")
        return name.id, getattr(owner, name.id)

    def _not_collected(self, call: ast.Call, why: str) -> NotCollected:
        advice = "make it a constant of the module"
        return NotCollected(f"{self._label}:{call.lineno}: {why}; {advice}")

    def _uses(self, name: str) -> Iterator[Use]:
        """How the patterns are used that a name stands for, or a function of that name returns."""
        for node in ast.walk(self._tree):
            mentioned = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            if mentioned and node.id == name:
                yield from self._use_of(node)

    def _use_of(self, node: ast.expr) -> Iterator[Use]:
        parent = self._parents[node]
        while isinstance(parent, ast.Subscript) or (
            isinstance(parent, ast.Call) and parent.func is node
        ):
            node, parent = parent, self._parents[parent]
        if not isinstance(parent, ast.Attribute):
            yield "search"  # handed on: whatever is done with it
            return
        if parent.attr in _HARMLESS:
            return
        call = self._parents[parent]
        has_position = isinstance(call, ast.Call) and len(call.args) > _POSITION_ARGUMENT
        if parent.attr not in ("match", "fullmatch"):
            yield "search"
        elif isinstance(call, ast.Call) and call.func is parent and not has_position:
            yield parent.attr
        else:
            yield "scan" if isinstance(call, ast.Call) and call.func is parent else parent.attr

    def _names_of_functions_around(self, call: ast.Call) -> set[str]:
        """What they are given, and what they give a value to."""
        names: set[str] = set()
        node: ast.AST = call
        while not isinstance(node, ast.Module):
            node = self._parents[node]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                for part in ast.walk(node):
                    if isinstance(part, ast.arg):
                        names.add(part.arg)
                    elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                        names.add(part.id)
        return names

    def _module(self) -> ModuleType:
        parts = self._path.relative_to(self._package.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        return importlib.import_module(name)

    def _value(self, node: ast.expr, call: ast.Call) -> object:
        """What an expression is, by the names of its module."""
        own = self._names_of_functions_around(call)
        named = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if hidden := sorted(named & own):
            raise self._not_collected(call, f"only the function knows {hidden[0]}")
        code = compile(ast.Expression(node), self._label, "eval")
        try:
            return eval(code, dict(vars(self._module())))  # noqa: S307 - the project's own source
        except NameError as error:
            raise self._not_collected(
                call, f"only the function knows its pattern ({error})"
            ) from error


def _name_in_re(call: ast.Call) -> str | None:
    function = call.func
    in_re = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
    if isinstance(function, ast.Attribute) and in_re and ast.unparse(function.value) == "re":
        return function.attr
    return None


def _text_of(call: ast.Call) -> ast.expr:
    return call.args[0] if call.args else call.keywords[0].value


def _patterns_in(value: object) -> Iterator[re.Pattern[str] | re.Pattern[bytes]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for held in value.values():
            yield from _patterns_in(held)
    elif isinstance(value, list | tuple | set | frozenset):
        for held in value:
            yield from _patterns_in(held)
