"""Who may import what, as `pyproject.toml` says it: the contracts hold, and each was seen to fail."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "datafetch"

LAYERS = "Imports go down only"
BARE_PACKAGE = "The package itself imports nothing of its own"
SETTINGS = "The whole Settings only in cli, web, manager and its runs, and factory"
RULES = "Rules import their own model, models, pages, urls and errors only"
PURE = "Rules, and what they may import, do no I/O"
TYPER = "Typer only in cli"
HTTP = "httpx2 and httpcore2 only in net"
NETWORK = "No way to the network past the guard of net"
BY_NAME = "No import by a name that no contract sees"
BOTO = "boto3 and botocore only in store/s3* and ops/leases/dynamodb*"
ADA = "ada_url only in urls.py"
OBSTORE = "obstore only in store/fast.py"
DISTRIBUTED = "distributed and dask only in runtime/engine*"
REDIS = "redis only in ops/leases/redis_*"
WEB = "Starlette, uvicorn and Jinja only in web"
APPRISE = "apprise only in ops/messages.py"
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
    Seed(
        "a module beside a harmless one",
        NETWORK,
        "logos/search.py",
        "import multiprocessing.connection",
        "multiprocessing",
    ),
    Seed("a name to connect by", NETWORK, "logos/search.py", "from asyncio import *", "asyncio"),
    Seed("a program", NETWORK, "logos/search.py", "import subprocess as run", "subprocess"),
    Seed(
        "a loader",
        BY_NAME,
        "logos/search.py",
        "from importlib import metadata",
        "importlib",
    ),
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
    Seed("a file of io in pages", PURE, "pages/head.py", "from io import FileIO", "io"),
    Seed("a library's file in pages", PURE, "pages/head.py", "import PIL.Image", "PIL"),
    Seed("the machine's name in models", PURE, "models/run.py", "import platform", "platform"),
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
    ("job_run.py", "manager"),
    ("operation_run.py", "job_run"),
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
    ("settings.py", "job_groups"),
    ("job_groups.py", "environment"),
    ("setting_names.py", "setting_words"),
    ("sources.py", "setting_names"),
    ("env_file.py", "sources"),
    ("models/fresh.py", "settings"),
    ("urls.py", "models.run"),
    ("urls.py", "clock"),
    ("clock.py", "urls"),
    ("errors.py", "urls"),
    ("errors.py", "logs"),
    ("errors.py", "upstream_errors"),
    ("upstream_errors.py", "logs"),
    ("logs.py", "clock"),
    ("logs.py", "upstream_errors"),
    ("redaction.py", "logs"),
    ("redaction.py", "errors"),
    ("certificates.py", "errors"),
    ("ca_files.py", "errors"),
    ("printable.py", "logs"),
]

# Other ways to an address than the client of net: protocols, servers, programs, C code.
CLIENTS = [
    *("aiohttp", "asynchat", "asyncio", "asyncore", "cffi", "ctypes", "ftplib", "http"),
    *("httpcore", "httpx", "imaplib", "multiprocessing", "niquests", "nntplib", "poplib", "pty"),
    *("requests", "smtplib", "socketserver", "subprocess", "telnetlib", "urllib3"),
    *("urllib3_future", "webbrowser", "wsgiref", "xmlrpc"),
]
# What loads a module, or runs code, by a name that is made at run time.
LOADERS = [
    *("builtins", "code", "imp", "importlib", "pickle", "pkgutil", "pydoc", "runpy", "shelve"),
    "zipimport",
]

# Every library that has its place, and the rooms that are its place as a whole. A module of a room
# that is its place alone (`store.s3`) is not here: a new module beside it is refused.
LIBRARIES: Mapping[str, tuple[str, frozenset[str]]] = {
    "typer": (TYPER, frozenset({"cli"})),
    "httpx2": (HTTP, frozenset({"net"})),
    "httpcore2": (HTTP, frozenset({"net"})),
    **dict.fromkeys(["socket", "ssl"], (NETWORK, frozenset({"net"}))),
    **dict.fromkeys(CLIENTS, (NETWORK, frozenset())),
    **dict.fromkeys(LOADERS, (BY_NAME, frozenset())),
    "boto3": (BOTO, frozenset()),
    "botocore": (BOTO, frozenset()),
    "aioboto3": (BOTO, frozenset()),
    "aiobotocore": (BOTO, frozenset()),
    "mypy_boto3_dynamodb": (BOTO, frozenset()),
    "mypy_boto3_s3": (BOTO, frozenset()),
    "s3transfer": (BOTO, frozenset()),
    "ada_url": (ADA, frozenset()),
    "idna": (ADA, frozenset()),
    "obstore": (OBSTORE, frozenset()),
    "distributed": (DISTRIBUTED, frozenset()),
    "dask": (DISTRIBUTED, frozenset()),
    "redis": (REDIS, frozenset()),
    "starlette": (WEB, frozenset({"web"})),
    "uvicorn": (WEB, frozenset({"web"})),
    "jinja2": (WEB, frozenset({"web"})),
    "apprise": (APPRISE, frozenset()),
    "prometheus_client": (PROMETHEUS, frozenset()),
    "datafetch.settings": (SETTINGS, frozenset({"cli", "doctor", "web"})),
    "datafetch.environment": (SETTINGS, frozenset({"cli", "doctor"})),
}

# What would make a rule depend on more than its arguments. The contract names what is pure and
# refuses the rest, so these are examples.
IMPURE = [
    *("asyncio", "concurrent", "fcntl", "fileinput", "getpass", "glob", "http", "io", "linecache"),
    *("locale", "logging", "mmap", "multiprocessing", "os", "pathlib", "platform", "posix"),
    *("queue", "random", "secrets", "select", "selectors", "shutil", "signal", "socket"),
    *("sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "uuid", "zoneinfo"),
    *("_io", "nobody_made_this_yet", "PIL", "dotenv", "filelock", "rich"),
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
    # The rooms of the web are one place.
    own = places | {room for room in ROOMS if room.startswith("web.") and "web" in places}
    assert importers - refused == {f"datafetch.{room}.beside" for room in own}


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
    if owner in {"models", "pages", "addresses", "urls", "errors", "upstream_errors"}:
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

PROGRAM_ARGUMENTS = ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")
# Whoever has one of these loads a module, or starts a program, by a name that may be anything.
HIDING = {
    *("__import__", "import_module", "exec_module", "load_module", "run_module", "run_path"),
    *("exec", "eval", "__builtins__", "__loader__", "__spec__", "ImportString"),
    *("system", "popen", "forkpty", "posix_spawn", "posix_spawnp", "startfile"),
    *(f"{verb}{how}" for verb in ("exec", "spawn") for how in PROGRAM_ARGUMENTS),
}
# What is not harmless in modules that are in use, as `urllib.parse` is.
NEIGHBOURS = {
    *("urllib.request", "urllib.robotparser"),
    *("logging.config", "logging.handlers", "sys.modules", "xml.sax", "defusedxml.sax"),
}
# Files and the terminal, for which rules need no import, and the clock in `datetime`, which they
# need for its values. `now` alone is what they are given.
IMPURE_NAMES = {"open", "print", "input"}
CLOCKS = {"now", "utcnow", "today"}


def mentioned(node: ast.AST) -> Iterator[str]:
    """The names that a statement imports, or the end of the name that an expression says."""
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom():
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        case ast.Name():
            yield node.id
        case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner)):
            yield f"{owner}.{node.attr}"
        case ast.Attribute():
            yield f"….{node.attr}"


def is_private(node: ast.AST) -> bool:
    """Whether a statement imports from a private module of Python, as `_socket` is."""
    if isinstance(node, ast.ImportFrom) and node.level:
        return False
    imports = isinstance(node, ast.Import | ast.ImportFrom)
    return imports and any(name.startswith("_") for name in mentioned(node))


def is_pure(module: Sequence[str]) -> bool:
    """Whether a module, by the parts of its name, is a rule or something that rules may import."""
    return module[0] in {"models", "pages", "addresses", "urls", "errors"} or not {
        "rules",
        "model",
    }.isdisjoint(module)


def unseen(package: Path) -> set[str]:
    """Each thing in a package that a contract forbids and import-linter would pass over."""
    found = set()
    for file in package.rglob("*.py"):
        where = str(file.relative_to(package))
        module = Path(where).with_suffix("").parts
        if not (file.parent / "__init__.py").exists() or not all(map(str.isidentifier, module)):
            found.add(f"{where} is no module")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for name in mentioned(node):
                owner, _, last = name.rpartition(".")
                impure = last in IMPURE_NAMES or (owner and last in CLOCKS)
                if (
                    name in NEIGHBOURS
                    or last in HIDING
                    or is_private(node)
                    or (impure and is_pure(module))
                ):
                    found.add(f"{where}: {name}")
    return found


UNSEEN = {
    "importlib.import_module": ('importlib.import_module("boto3")', "importlib.import_module"),
    "import_module by another name": (
        "from importlib import import_module as load",
        "importlib.import_module",
    ),
    "import_module that is not called": (
        'load = importlib.import_module\nload("boto3")',
        "importlib.import_module",
    ),
    "__import__": ('__import__("boto3")', "__import__"),
    "__import__ that is not called": ("load = __import__", "__import__"),
    "exec": ('exec("import boto3")', "exec"),
    "this module's loader": ("load = __loader__", "__loader__"),
    "the loader of what a call returns": ("asked().__loader__", "….__loader__"),
    "what others have loaded": ('sys.modules["boto3"]', "sys.modules"),
    "a field that loads": ("from pydantic import ImportString", "pydantic.ImportString"),
    "a program": ('os.system("curl")', "os.system"),
    "a program that is not called": ("run = os.execvp", "os.execvp"),
    "urllib.request": ("import urllib.request", "urllib.request"),
    "request from urllib": ("from urllib import request", "urllib.request"),
    "urllib.request that others have loaded": (
        "import urllib.parse\nurllib.request.urlopen(url)",
        "urllib.request",
    ),
    "the socket below socket": ("import _socket", "_socket"),
}


def test_nothing_in_the_package_is_hidden_from_the_contracts():
    """No import by name, no client in a library's corner, no file outside a package.

    But for worker processes, which call the function whose name the coordinator has sent.
    """
    by_name = ("import_module", "importlib.import_module")
    assert unseen(PACKAGE) == {f"runtime/engine_calls.py: {name}" for name in by_name}


@pytest.mark.parametrize(("source", "name"), UNSEEN.values(), ids=UNSEEN)
def test_a_hidden_import_is_found(tmp_path, source, name):
    """What import-linter does not see is seen here."""
    plant(tmp_path, "store/part.py", source)
    assert unseen(tmp_path) == {f"store/part.py: {name}"}


def imported(node: ast.AST) -> Iterator[str]:
    """The dotted names that a statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or ""
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


# What reads a URL by the rules of Python's library, which are not those of browsers; and the
# library as a whole.
OTHER_READERS = {
    *("urllib", "urllib.parse", "urllib.parse.*", "urllib.parse.urlsplit"),
    *("urllib.parse.urlparse", "urllib.parse.urljoin", "urllib.parse.urldefrag"),
}
# These read what the user wrote into the settings, as boto3 and proxies read it.
READ_SETTINGS = {
    "net/proxies.py",
    "store/s3_dialect.py",
    "store/s3_place.py",
}


def other_readers(package: Path) -> set[str]:
    """The modules of a package that read URLs past `urls.py`, or could."""
    found = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = set(imported(node))
            if isinstance(node, ast.ImportFrom):
                names.discard(node.module or "")
            if names & OTHER_READERS:
                found.add(str(file.relative_to(package)))
    return found


def test_there_is_one_reader_of_urls():
    """Six readers by hand saw three hosts in one URL: only settings are read in another way."""
    assert other_readers(PACKAGE) == READ_SETTINGS


@pytest.mark.parametrize(
    "source",
    [
        "from urllib.parse import quote, urljoin",
        "from urllib.parse import urlparse as read",
        "from urllib.parse import *",
        "from urllib import parse",
        "import urllib.parse",
    ],
)
def test_another_reader_is_found(tmp_path, source):
    """However it is imported; quoting and queries are no reading."""
    plant(tmp_path, "logos/part.py", source)
    plant(tmp_path, "logos/beside.py", "from urllib.parse import parse_qs, quote, urlencode")
    assert other_readers(tmp_path) == {"logos/part.py"}


# How files, the terminal and the clock may be written, and the name that gives each away.
WITHOUT_IMPORT = {
    "open(path)": "open",
    "read = open": "open",
    "codecs.open(path)": "codecs.open",
    "from codecs import open as read": "codecs.open",
    "print(1)": "print",
    "datetime.now(UTC)": "datetime.now",
    "now = datetime.datetime.now\nnow()": "datetime.now",
    "date.today()": "date.today",
}


@pytest.mark.parametrize(("source", "name"), WITHOUT_IMPORT.items(), ids=WITHOUT_IMPORT)
def test_a_rule_that_reads_files_or_the_clock_is_found(tmp_path, source, name):
    """These need no import that a contract could forbid; elsewhere they are at home."""
    plant(tmp_path, "logos/rules/choice.py", source)
    plant(tmp_path, "logos/job.py", source)
    assert unseen(tmp_path) == {f"logos/rules/choice.py: {name}"}


@pytest.mark.parametrize(
    "file",
    ["logos/model.py", "models/run.py", "pages/head.py", "urls.py", "errors.py", "new/rules.py"],
)
def test_what_rules_may_import_is_as_pure_as_they_are(tmp_path, file):
    """A rule that may not open a file may not have it opened either."""
    plant(tmp_path, file, "open(path)")
    assert unseen(tmp_path) == {f"{file}: open"}


def test_a_rule_may_be_given_the_time(tmp_path):
    """The names of the clock are only refused where they are taken from something."""
    plant(tmp_path, "logos/rules/choice.py", "def due(now, today):\n    return now > today")
    assert unseen(tmp_path) == set()


@pytest.mark.parametrize("file", ["store/loose/part.py", "store/two.dots.py"])
def test_a_file_that_import_linter_passes_over_is_found(tmp_path, file):
    """A folder without `__init__.py` and a name that no import can say are left out of its graph."""
    plant(tmp_path, "store/keys.py", "")
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("import boto3\n", encoding="utf-8")
    assert unseen(tmp_path) == {f"{file} is no module"}
