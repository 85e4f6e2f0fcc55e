"""Draws the pages: the templates, and the files that they name, whose names change with their content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypedDict

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from datafetch import __version__
from datafetch.web.answers import refused
from datafetch.web.page.chart import BASE, HEIGHT, WIDTH
from datafetch.web.page.contents import Page

_HERE = Path(__file__).parent
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER = "public, max-age=31536000, immutable"
"""A year, the longest that caches are told (RFC 9111, 5.2.2.1, with RFC 8246): the name says the content."""

_HASH_LENGTH = 10


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said above the page once; `tone` is `good`, `warn` or `bad`."""

    tone: str
    text: str


class Visitor(TypedDict):
    """What the page shows of who looks at it.

    Attributes:
        has_session: whether somebody has logged in.
        may_act: whether what failed may be tried again.
        can_log_in: whether there is a secret to log in with.
        csrf: what forms bring; empty without a session.
    """

    has_session: bool
    may_act: bool
    can_log_in: bool
    csrf: str


@dataclass(frozen=True, slots=True)
class _Static:
    body: bytes
    kind: str


def draw_status(page: Page, visitor: Visitor, notice: Notice | None, number: int) -> str:
    """The status page as HTML; `number` is that of the snapshot that it shows."""
    return (
        _templates()
        .get_template("status.html")
        .render(page=page, notice=notice, number=number, **visitor)
    )


def draw_login(problem: str, *, closed: bool, acts: bool = True) -> str:
    """The page to log in at, as HTML.

    Args:
        problem: why the last try did not succeed; empty for none.
        closed: whether the status page is shown to those only who have logged in.
        acts: whether there is a secret with which failures are tried again.
    """
    return _templates().get_template("login.html").render(problem=problem, closed=closed, acts=acts)


def page_answer(html: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a page, which no cache keeps."""
    own = {"Cache-Control": "no-store", **(headers or {})}
    return Response(html, status, own, "text/html")


def static_routes() -> list[BaseRoute]:
    """The endpoint of the files that pages name."""
    files = {f"/static/{name}": found for name, found in _files().values()}

    async def static(request: Request) -> Response:
        found = files.get(request.scope["path"])
        if found is None:
            return refused(404, "NOT_FOUND", "There is no such file.")
        return Response(found.body, 200, {"Cache-Control": _FOR_EVER}, found.kind)

    return [Route("/static/{name}", static)]


@cache
def _files() -> Mapping[str, tuple[str, _Static]]:
    """Each file's name with a hash in it, and the file, by the name that templates use."""
    found = {}
    for path in sorted((_HERE / "static").iterdir()):
        if path.suffix in _KINDS:
            body = path.read_bytes()
            digest = hashlib.sha256(body).hexdigest()[:_HASH_LENGTH]
            name = f"{path.stem}-{digest}{path.suffix}"
            found[path.name] = (name, _Static(body, _KINDS[path.suffix]))
    return found


def _address(name: str) -> str:
    return f"/static/{_files()[name][0]}"


def _with_commands(text: str) -> Markup:
    """The text as HTML, with what stands in backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one of them has no other
        return escape(text)
    code = Markup("<code>{}</code>")
    return Markup("").join(
        code.format(part) if place % 2 else part for place, part in enumerate(parts)
    )


@cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["commands"] = _with_commands
    made.globals.update(
        static=_address,
        version=__version__,
        chart_width=WIDTH,
        chart_height=HEIGHT,
        chart_base=BASE,
    )
    return made
