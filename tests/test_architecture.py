"""Who may import what, as `pyproject.toml` says it: the contracts hold, and each was seen to fail."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "datafetch"

LAYERS = "Imports go down only"
BARE_PACKAGE = "The package itself imports nothing of its own"
SETTINGS = "The whole Settings only in cli, manager and factory"
RULES = "Rules import their own model, models, pages, urls and errors only"
PURE = "Rules, and what they may import, do no I/O"
TYPER = "Typer only in cli"
HTTP = "httpx2 and httpcore2 only in net"
NETWORK = "No way to the network past the guard of net"
BOTO = "boto3 and botocore only in store/s3*"
OBSTORE = "obstore only in store/fast.py"
DISTRIBUTED = "distributed and dask only in runtime/engine*"
REDIS = "redis only in ops/leases"
WEB = "Starlette, uvicorn and Jinja only in web"
APPRISE = "apprise only in ops/notices.py"
PROMETHEUS = "prometheus_client only in ops/metrics.py"


class Seed(NamedTuple):
    """One violation: what is appended to which file, and what its contract must name."""

    what: str
    contract: str
    file: str
    source: str
    imported: str

    @property
    def importer(self) -> str:
        """The dotted name of the module that is spoilt."""
        return name_of(PACKAGE / self.file)


# Those that stood in the package, unseen, when each contract named the modules it forbade.
ONCE_UNSEEN = [
    Seed("boto3 in store/publish.py", BOTO, "store/publish.py", "import boto3", "boto3"),
    Seed("boto3 in ops/breakers.py", BOTO, "ops/breakers.py", "import boto3", "boto3"),
    Seed("boto3 in environment.py", BOTO, "environment.py", "import boto3", "boto3"),
    Seed("typer in environment.py", TYPER, "environment.py", "import typer", "typer"),
    Seed("httpx2 in environment.py", HTTP, "environment.py", "import httpx2", "httpx2"),
    Seed("httpcore2 in factory.py", HTTP, "factory.py", "import httpcore2", "httpcore2"),
]

WAYS_TO_WRITE_IT = [
    Seed("a module of a library", BOTO, "manager.py", "import boto3.session", "boto3"),
    Seed(
        "a name of a library", BOTO, "store/local.py", "from botocore.config import *", "botocore"
    ),
    Seed("in a function", TYPER, "manager.py", "def ask():\n    import typer", "typer"),
    Seed(
        "for types only", TYPER, "job.py", "if TYPE_CHECKING:\n    from typer import Exit", "typer"
    ),
    Seed("a client's types", BOTO, "job.py", "import mypy_boto3_s3.client", "mypy_boto3_s3"),
    Seed("relative", LAYERS, "ops/lease.py", "from .. import job", "datafetch.job"),
]

# Modules that are made tomorrow, and those that run before every other.
OUT_OF_THE_WAY = [
    Seed("a hidden module", BOTO, "store/_hidden.py", "import boto3", "boto3"),
    Seed("a package in a room", HTTP, "ops/newer/deep.py", "import httpx2", "httpx2"),
    Seed("a package in rules", PURE, "github/rules/newer/deep.py", "import os", "os"),
    Seed("rules of a new room", PURE, "newer_room/rules/choice.py", "import os", "os"),
    Seed(
        "the network in rules of a new room",
        RULES,
        "newer_room/rules/choice.py",
        "from datafetch.net import client",
        "datafetch.net.client",
    ),
    Seed(
        "the store in a package in rules",
        RULES,
        "github/rules/newer/deep.py",
        "from datafetch.store import keys",
        "datafetch.store.keys",
    ),
    Seed("a library in __init__.py", HTTP, "__init__.py", "import httpx2", "httpx2"),
    Seed(
        "a room in __init__.py",
        BARE_PACKAGE,
        "__init__.py",
        "from datafetch.store import keys",
        "datafetch.store.keys",
    ),
    Seed(
        "the version in rules",
        RULES,
        "logos/rules/__init__.py",
        "from datafetch import __version__",
        "datafetch",
    ),
]

# What rules may import is as pure as they are.
BELOW_RULES = [
    Seed("a file in a domain's model", PURE, "logos/model.py", "import pathlib", "pathlib"),
    Seed("the environment in models", PURE, "models/run.py", "import os", "os"),
    Seed("a file in pages", PURE, "pages/head.py", "import tempfile", "tempfile"),
    Seed("chance in urls", PURE, "urls.py", "import random", "random"),
    Seed("a log in errors", PURE, "errors.py", "import logging", "logging"),
]

SEEDS = [*ONCE_UNSEEN, *WAYS_TO_WRITE_IT, *OUT_OF_THE_WAY, *BELOW_RULES]

# A room or module of the package that the layers do not place yet.
UNPLACED = {"newer": "newer.py", "_hidden": "_hidden.py", "newer_room": "newer_room/part.py"}

# Importer and imported, each way that is up or across.
UPWARD = [
    ("cli/fresh.py", "__main__"),
    ("manager.py", "cli.app"),
    ("doctor/fresh.py", "manager"),
    ("factory.py", "manager"),
    ("opengraph/fresh.py", "factory"),
    ("opengraph/fresh.py", "build.job"),
    ("build/fresh.py", "opengraph.job"),
    ("bookmarks/fresh.py", "opengraph.job"),
    ("bookmarks/fresh.py", "github.model"),
    ("bookmarks/fresh.py", "logos.model"),
    ("github/fresh.py", "bookmarks.model"),
    ("github/fresh.py", "logos.model"),
    ("logos/fresh.py", "bookmarks.model"),
    ("logos/fresh.py", "github.model"),
    ("logos/fresh.py", "build.job"),
    ("job.py", "bookmarks.job"),
    ("ops/fresh.py", "job"),
    ("pages/fresh.py", "net.client"),
    ("pages/fresh.py", "store.base"),
    ("pages/fresh.py", "pictures.images"),
    ("pictures/fresh.py", "net.client"),
    ("pictures/fresh.py", "store.base"),
    ("pictures/fresh.py", "pages.head"),
    ("net/fresh.py", "store.base"),
    ("net/fresh.py", "ops.lease"),
    ("store/fresh.py", "net.client"),
    ("store/fresh.py", "ops.lease"),
    ("runtime/fresh.py", "store.base"),
    ("runtime/fresh.py", "net.client"),
    ("environment.py", "runtime.retry"),
    ("settings.py", "environment"),
    ("models/fresh.py", "settings"),
    ("urls.py", "models.run"),
    ("urls.py", "clock"),
    ("clock.py", "urls"),
    ("errors.py", "urls"),
    ("errors.py", "logs"),
    ("logs.py", "clock"),
    ("logs.py", "errors"),
]

# Every library that has its place, and the rooms that are its place as a whole. A module of a room
# that is its place alone (`store.s3`) is not here: a new module beside it is refused.
LIBRARIES: Mapping[str, tuple[str, frozenset[str]]] = {
    "typer": (TYPER, frozenset({"cli"})),
    "httpx2": (HTTP, frozenset({"net"})),
    "httpcore2": (HTTP, frozenset({"net"})),
    "socket": (NETWORK, frozenset({"net"})),
    "ssl": (NETWORK, frozenset({"net"})),
    "aiohttp": (NETWORK, frozenset()),
    "ftplib": (NETWORK, frozenset()),
    "httpcore": (NETWORK, frozenset()),
    "httpx": (NETWORK, frozenset()),
    "niquests": (NETWORK, frozenset()),
    "requests": (NETWORK, frozenset()),
    "smtplib": (NETWORK, frozenset()),
    "socketserver": (NETWORK, frozenset()),
    "urllib3": (NETWORK, frozenset()),
    "urllib3_future": (NETWORK, frozenset()),
    "boto3": (BOTO, frozenset()),
    "botocore": (BOTO, frozenset()),
    "aioboto3": (BOTO, frozenset()),
    "aiobotocore": (BOTO, frozenset()),
    "mypy_boto3_dynamodb": (BOTO, frozenset()),
    "mypy_boto3_s3": (BOTO, frozenset()),
    "s3transfer": (BOTO, frozenset()),
    "obstore": (OBSTORE, frozenset()),
    "distributed": (DISTRIBUTED, frozenset()),
    "dask": (DISTRIBUTED, frozenset()),
    "redis": (REDIS, frozenset()),
    "starlette": (WEB, frozenset()),
    "uvicorn": (WEB, frozenset()),
    "jinja2": (WEB, frozenset()),
    "apprise": (APPRISE, frozenset()),
    "prometheus_client": (PROMETHEUS, frozenset()),
    "datafetch.settings": (SETTINGS, frozenset({"cli"})),
    "datafetch.environment": (SETTINGS, frozenset({"cli"})),
}

# What would make a rule depend on more than its arguments.
IMPURE = [
    *("asyncio", "concurrent", "fcntl", "fileinput", "glob", "http", "logging", "mmap"),
    *("multiprocessing", "os", "pathlib", "queue", "random", "secrets", "select", "selectors"),
    *("shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading"),
    *("time", "dotenv", "filelock", "rich"),
    *("datafetch.clock", "datafetch.environment", "datafetch.logs", "datafetch.settings"),
    *("datafetch.net", "datafetch.ops", "datafetch.runtime", "datafetch.store"),
]


def name_of(file: Path) -> str:
    """The dotted name of a module, from where it stands or would stand."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# Every folder of the package, dotted, without the package's name: `store`, `logos.rules`.
ROOMS = sorted(name_of(i).removeprefix("datafetch.") for i in PACKAGE.rglob("*/__init__.py"))
RULE_ROOMS = [room for room in ROOMS if room.endswith(".rules")]
# Every module of the package that is no folder.
MODULES = {name_of(file) for file in PACKAGE.rglob("*.py") if not file.name.startswith("__")}


def plant(package: Path, file: str, source: str) -> None:
    """Append to a file of the copy; a new file comes with the folders it needs."""
    path = package / file
    for folder in reversed(path.relative_to(package).parents):
        (package / folder).mkdir(exist_ok=True)
        (package / folder / "__init__.py").touch()
    with path.open("a", encoding="utf-8") as out:
        out.write(f"\n{source}\n")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter in a folder, as `lint-imports` does."""
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", script, "--no-cache", "--no-logo"],
        cwd=folder,
        # Plain lines: neither wrapped nor coloured, even where whoever runs the tests forces it.
        env={**os.environ, "COLUMNS": "300", "FORCE_COLOR": "", "TTY_COMPATIBLE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def by_contract(output: str) -> dict[str, set[str]]:
    """Each broken contract's refused imports (`importer -> imported`) and unplaced modules."""
    _, _, broken = output.partition("Broken contracts\n")
    lines = broken.splitlines()
    found: dict[str, set[str]] = defaultdict(set)
    contract = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if following and set(following) == {"-"}:
            contract = line
        elif " -> " in line or line.startswith("- "):
            found[contract].add(line.lstrip("- ").partition(" (l.")[0])
    return dict(found)


def copy_of_the_package(folder: Path) -> Path:
    """The package and its contracts, in a folder where they may be spoilt."""
    shutil.copytree(PACKAGE, folder / "datafetch", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder / "datafetch"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory) -> dict[str, set[str]]:
    """What is refused in a copy with every seed of this module."""
    package = copy_of_the_package(tmp_path_factory.mktemp("seeded"))
    for seed in SEEDS:
        plant(package, seed.file, seed.source)
    for file in UNPLACED.values():
        plant(package, file, "")
    for file, above in UPWARD:
        plant(package, file, f"import datafetch.{above}")
    everywhere = "\n".join(f"import {name}" for name in LIBRARIES)
    for room in ROOMS:
        plant(package, f"{room.replace('.', '/')}/beside.py", everywhere)
    impure = "\n".join(f"import {name}" for name in IMPURE)
    for room in RULE_ROOMS:
        plant(package, f"{room.replace('.', '/')}/impure.py", impure)
    done = lint(package.parent)
    assert done.returncode == 1, done.stdout + done.stderr
    return by_contract(done.stdout)


def test_imports_go_where_the_contracts_allow():
    """The package keeps every contract."""
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_copy_without_seeds_keeps_every_contract(tmp_path):
    """So what the next tests see refused is refused for the seed."""
    copy_of_the_package(tmp_path)
    done = lint(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken." in done.stdout


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.what)
def test_a_seed_is_refused(seeded, seed):
    """Whatever way an import is written, and wherever, its contract names it."""
    assert f"{seed.importer} -> {seed.imported}" in seeded[seed.contract]


@pytest.mark.parametrize("name", UNPLACED)
def test_a_module_without_a_place_is_refused(seeded, name):
    """Whoever makes a room says where it stands."""
    assert f"datafetch.{name}" in seeded[LAYERS]


@pytest.mark.parametrize(("file", "above"), UPWARD, ids=lambda part: part)
def test_an_import_up_or_across_is_refused(seeded, file, above):
    """Nobody imports from a room above, nor from one beside that is to know nothing of it."""
    importer = name_of(PACKAGE / file)
    assert f"{importer} -> datafetch.{above}" in seeded[LAYERS]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_new_module_in_any_room_is_refused_what_has_its_place_elsewhere(seeded, library):
    """A new module may import a library in the library's own rooms, and nowhere else."""
    contract, places = LIBRARIES[library]
    importers = {f"datafetch.{room}.beside" for room in ROOMS}
    refused = {importer for importer in importers if f"{importer} -> {library}" in seeded[contract]}
    assert importers - refused == {f"datafetch.{room}.beside" for room in places}


@pytest.mark.parametrize("library", IMPURE)
def test_rules_are_refused_what_does_io(seeded, library):
    """Rules have no files, network, clock, chance, threads or logs (one lock aside)."""
    importers = {f"datafetch.{room}.impure" for room in RULE_ROOMS}
    refused = {importer for importer in importers if f"{importer} -> {library}" in seeded[PURE]}
    allowed = {"datafetch.logos.rules.impure"} if library == "threading" else set()
    assert importers - refused == allowed


def may_know(room: str, module: str) -> bool:
    """Whether the design lets the rules of a room import a module of the package."""
    owner, _, rest = module.removeprefix("datafetch.").partition(".")
    if owner in {"models", "pages", "urls", "errors"}:
        return True
    own = owner == room or room in {"opengraph", "build"}
    return own and (rest == "model" or rest.startswith("rules."))


@pytest.fixture(scope="module")
def known_by_rules(tmp_path_factory) -> dict[str, set[str]]:
    """What the rules of each room may import when they import every module there is."""
    folder = tmp_path_factory.mktemp("curious")
    package = copy_of_the_package(folder)
    for room in RULE_ROOMS:
        source = "\n".join(f"import {module}" for module in sorted(MODULES))
        plant(package, f"{room.replace('.', '/')}/curious.py", source)
    refused = by_contract(lint(folder).stdout)[RULES]
    return {
        room: {m for m in MODULES if f"datafetch.{room}.curious -> {m}" not in refused}
        for room in RULE_ROOMS
    }


@pytest.mark.parametrize("room", RULE_ROOMS)
def test_rules_know_what_the_design_says_and_nothing_else(known_by_rules, room):
    """Of all modules of the package, rules may import those that the design names."""
    owner = room.removesuffix(".rules")
    assert known_by_rules[room] == {module for module in MODULES if may_know(owner, module)}


def test_every_contract_was_seen_to_fail(seeded):
    """A contract that nothing here breaks may be one that nothing can break."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    tried = {seed.contract for seed in SEEDS} | {contract for contract, _ in LIBRARIES.values()}
    assert {contract["name"] for contract in contracts} == tried
    assert set(seeded) == tried


# What import-linter cannot see: it reads import statements, of files in folders with an
# `__init__.py`, and takes a library as a whole.

# These load a module by a name that may be anything.
BY_NAME = {"__import__", "import_module", "exec_module", "run_module", "run_path", "exec", "eval"}
# HTTP clients beside harmless neighbours: `urllib.parse` and `http.cookiejar` are in use.
CLIENTS = {"urllib.request", "http.client"}
# Files, the terminal and the clock, for which rules need no import, or one of `datetime` only.
IMPURE_CALLS = {"open", "print", "input", "now", "utcnow", "today"}


def imported(node: ast.AST) -> Iterator[str]:
    """The dotted names that a statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or ""
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def called(node: ast.AST) -> Iterator[str]:
    """The last name of what an expression calls: `now` in `datetime.now()`."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name):
            yield node.func.id
        elif isinstance(node.func, ast.Attribute):
            yield node.func.attr


def unseen(package: Path) -> set[str]:
    """Each thing in a package that a contract forbids and import-linter would pass over."""
    found = set()
    for file in package.rglob("*.py"):
        where = str(file.relative_to(package))
        if not (file.parent / "__init__.py").exists() or not all(
            part.isidentifier() for part in Path(where).with_suffix("").parts
        ):
            found.add(f"{where} is no module")
        pure = "rules" in file.parent.relative_to(package).parts
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = {name for name in imported(node) if name in CLIENTS}
            names |= {name for name in imported(node) if name.rpartition(".")[2] in BY_NAME}
            names |= {name for name in called(node) if name in BY_NAME}
            names |= {name for name in called(node) if pure and name in IMPURE_CALLS}
            found |= {f"{where}: {name}" for name in names}
    return found


BY_ANOTHER_NAME = 'from importlib import import_module as load\nload("boto3")'
UNSEEN = {
    "importlib.import_module": ('importlib.import_module("boto3")', "import_module"),
    "import_module by another name": (BY_ANOTHER_NAME, "importlib.import_module"),
    "__import__": ('__import__("boto3")', "__import__"),
    "exec": ('exec("import boto3")', "exec"),
    "urllib.request": ("import urllib.request", "urllib.request"),
    "request from urllib": ("from urllib import request", "urllib.request"),
    "a name from http.client": ("from http.client import HTTPConnection", "http.client"),
}


def test_nothing_in_the_package_is_hidden_from_the_contracts():
    """No import by name, no client in a library's corner, no file outside a package."""
    assert unseen(PACKAGE) == set()


@pytest.mark.parametrize(("source", "name"), UNSEEN.values(), ids=UNSEEN)
def test_a_hidden_import_is_found(tmp_path, source, name):
    """What import-linter does not see is seen here."""
    plant(tmp_path, "store/part.py", source)
    assert unseen(tmp_path) == {f"store/part.py: {name}"}


@pytest.mark.parametrize("call", ["open(path)", "print(1)", "datetime.now(UTC)", "date.today()"])
def test_a_rule_that_reads_files_or_the_clock_is_found(tmp_path, call):
    """These need no import that a contract could forbid; elsewhere they are at home."""
    plant(tmp_path, "logos/rules/choice.py", call)
    plant(tmp_path, "logos/job.py", call)
    (found,) = unseen(tmp_path)
    assert found.startswith("logos/rules/choice.py: ")


@pytest.mark.parametrize("file", ["store/loose/part.py", "store/two.dots.py"])
def test_a_file_that_import_linter_passes_over_is_found(tmp_path, file):
    """A folder without `__init__.py` and a name that no import can say are left out of its graph."""
    plant(tmp_path, "store/keys.py", "")
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("import boto3\n", encoding="utf-8")
    assert unseen(tmp_path) == {f"{file} is no module"}
