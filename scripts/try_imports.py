"""Imports every module of the installed package, and what each imports later, inside a function.

python -I FOLDER/scripts/try_imports.py   from any folder but the project's, in the environment to try
"""

import ast
import pkgutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import datafetch


def main() -> int:
    """Print each import that fails; 1 when there is one."""
    modules = [
        module
        for module in pkgutil.walk_packages(datafetch.__path__, "datafetch.")
        if not module.name.endswith("__main__")
    ]
    problems = [problem for module in modules for problem in failures(module)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems or not modules:
        return 1
    print(f"{len(modules)} modules of {Path(datafetch.__file__).parent} can be imported")
    return 0


def failures(module: pkgutil.ModuleInfo) -> Iterator[str]:
    """What fails when a module is imported, and when what it names is."""
    for name in (module.name, *libraries(module)):
        try:
            import_module(name)
        except ImportError as error:
            yield f"{module.name} cannot import {name}: {error}"


def libraries(module: pkgutil.ModuleInfo) -> Iterator[str]:
    """The modules that a module names in its imports, those for the type checker alone left out."""
    spec = module.module_finder.find_spec(module.name, None)
    assert spec is not None
    assert spec.origin is not None
    todo: list[ast.AST] = [ast.parse(Path(spec.origin).read_bytes())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        todo.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


if __name__ == "__main__":
    sys.exit(main())
