"""Web sites: pages whose heads differ as they do in the wild, with pictures, icons, validators and redirects."""

import html
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import unquote, urlsplit

from tests.fakes.base import App, Request, Response
from tests.fakes.pictures import CONTENT_TYPES, colour_of, photo, picture
from tests.fakes.providers import Icon

LAST_MODIFIED = "Sat, 01 Mar 2025 08:00:00 GMT"
_PARAGRAPH = (
    "<p>" + "Some words that nobody needs to read to know what the page is about. " * 12 + "</p>\n"
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a careful reader finds in a page's head; `image` is absolute."""

    title: str | None = None
    description: str | None = None
    image: str | None = None
    site_name: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A web site: one style of head for all its pages, its icons by path, and whether it lives at `www.`."""

    host: str
    style: int = 0
    icons: Mapping[str, Icon] = field(default_factory=dict)
    moves_to_www: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A page, encoded, and what it says."""

    body: bytes
    content_type: str
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class _Draft:
    head: str
    metadata: Metadata
    encoding: str = "utf-8"
    content_type: str = "text/html; charset=utf-8"


def _full(origin: str, name: str, image: str) -> _Draft:
    found = Metadata(
        f"{name}\N{EN DASH}the story", f"All about {name}.", f"{origin}{image}", "The Site"
    )
    head = (
        f"<title>{name} | The Site</title>"
        '<meta property="og:type" content="article"><meta property="og:locale" content="en_US">'
        f'<meta property="og:title" content="{found.title}">'
        f'<meta property="og:description" content="{found.description}">'
        f'<meta property="og:site_name" content="{found.site_name}">'
        f'<meta property="og:image" content="{found.image}">'
    )
    return _Draft(head, found)


def _twitter(origin: str, name: str, image: str) -> _Draft:
    head = (
        f'<title>{name}</title><meta name="twitter:card" content="summary">'
        f'<meta name="twitter:title" content="{name} on a card">'
        f'<meta name="twitter:description" content="A card about {name}.">'
        f'<meta name="twitter:image" content="{image}">'
    )
    return _Draft(head, Metadata(f"{name} on a card", f"A card about {name}.", f"{origin}{image}"))


def _plain(_origin: str, name: str, _image: str) -> _Draft:
    head = f'<TITLE>\n  {name} &amp; friends\n</TITLE>\n<META NAME="Description" CONTENT="Plain words on {name}.">'
    return _Draft(head, Metadata(f"{name} & friends", f"Plain words on {name}."))


def _based(origin: str, name: str, image: str) -> _Draft:
    head = (
        f'<base href="/img/deep/"><title>{name}</title>'
        f'<meta property="og:image" content="../{image.removeprefix("/img/")}">'
        f'<meta name="description" content="Relative to its base: {name}.">'
    )
    return _Draft(head, Metadata(name, f"Relative to its base: {name}.", f"{origin}{image}"))


def _linked(origin: str, name: str, image: str) -> _Draft:
    head = f"<title>{name}</title><link rel='image_src' href='{image}'><meta property=og:description content=Short>"
    return _Draft(head, Metadata(name, "Short", f"{origin}{image}"))


def _western(origin: str, name: str, image: str) -> _Draft:
    found = Metadata(f"Grüße aus {name}", f"Süßes über {name}.", f"{origin}{image}")
    head = (
        f'<meta charset="iso-8859-1"><title>{found.title}</title>'
        f'<meta property="og:description" content="{found.description}">'
        f'<meta property="og:image:secure_url" content="{found.image}">'
    )
    return _Draft(head, found, "cp1252", "text/html")


def _japanese(origin: str, name: str, image: str) -> _Draft:
    found = Metadata(f"{name}の話", "日本語の説明です。", f"{origin}{image}")
    head = (
        '<meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">'
        f'<meta property="og:title" content="{found.title}"><meta name="description" content="{found.description}">'
        f'<meta property="og:image" content="{found.image}">'
    )
    return _Draft(head, found, "shift_jis", "text/html; charset=Shift_JIS")


def _protocol_relative(origin: str, name: str, image: str) -> _Draft:
    host = urlsplit(origin).netloc
    head = (
        f"<meta content='//{host}{image}' property='og:image'><meta content='{name}' property='og:title'>"
        f"<title>ignored</title><meta property='twitter:description' content='It&#39;s {name}'>"
    )
    return _Draft(head, Metadata(name, f"It's {name}", f"{origin}{image}"))


def _nothing(_origin: str, _name: str, _image: str) -> _Draft:
    return _Draft("", Metadata())


STYLES: tuple[Callable[[str, str, str], _Draft], ...] = (
    _full, _twitter, _plain, _based, _linked, _western, _japanese, _protocol_relative, _nothing,
)  # fmt: skip


def make_page(site: Site, url: str) -> Page:
    """The page of a site at an address."""
    parts = urlsplit(url)
    # Clients may escape a path differently: what a page says must not depend on that.
    address = parts._replace(path=unquote(parts.path) or "/", fragment="").geturl()
    digest = sha256(address.encode()).hexdigest()
    name = f"{parts.hostname} {digest[:6]}"
    kind = "jpg" if digest[0] in "0123" else "png"
    make = STYLES[site.style % len(STYLES)]
    draft = make(f"{parts.scheme}://{parts.netloc}", name, f"/img/{digest[:10]}.{kind}")
    icons = "".join(
        f'<link rel="icon" href="{html.escape(path)}" type="{CONTENT_TYPES[icon.kind]}">'
        for path, icon in site.icons.items()
        if path not in ("/favicon.ico", "/apple-touch-icon.png")
    )
    text = f"<!doctype html><html><head>{draft.head}{icons}</head><body><h1>{name}</h1>{_PARAGRAPH * 4}</body></html>"
    return Page(
        text.encode(draft.encoding, "xmlcharrefreplace"), draft.content_type, draft.metadata
    )


class SitesApp(App):
    """Any of its sites under its own host; alone on a server it is the first one, whatever the host.

    `/img/….png` and `/img/….jpg` are pictures, icons stand where the site has them, `/missing…` is 404, and every
    other path is a page. All have ETag and Last-Modified and honour conditional requests.
    """

    def __init__(self, sites: Iterable[Site] = (Site("alone.example.com"),)) -> None:
        """Serve these sites."""
        super().__init__()
        self.sites = {site.host: site for site in sites}

    def knows(self, host: str) -> bool:
        """Whether the host is one of ours, with or without `www.`."""
        return host.removeprefix("www.") in self.sites

    def site(self, host: str) -> Site:
        """The site of a host."""
        return self.sites.get(host.removeprefix("www.")) or next(iter(self.sites.values()))

    def expected(self, url: str) -> Metadata:
        """What the page behind an address says, redirects followed."""
        parts = urlsplit(url)
        site = self.site(parts.hostname or "")
        if site.moves_to_www and not (parts.hostname or "").startswith("www."):
            url = parts._replace(netloc=f"www.{parts.netloc}").geturl()
        return make_page(site, url).metadata

    def answer(self, request: Request) -> Response:
        """Route a request."""
        site = self.site(request.hostname)
        if site.moves_to_www and not request.hostname.startswith("www."):
            return Response(
                301, {"Location": f"{request.scheme}://www.{request.host}{request.target}"}
            )
        if request.path.startswith("/img/"):
            return _conditional(request, _image(request))
        if request.path in site.icons:
            return _conditional(request, site.icons[request.path].response(site.host))
        if request.path in ("/favicon.ico", "/apple-touch-icon.png") or request.path.startswith(
            "/missing"
        ):
            return Response.text(
                "<title>Not found</title><h1>404</h1>", 404, "text/html; charset=utf-8"
            )
        page = make_page(site, request.url)
        return _conditional(request, Response(200, {"Content-Type": page.content_type}, page.body))


def _image(request: Request) -> Response:
    colour = colour_of(request.host + request.path)
    if request.path.endswith(".jpg"):
        return Response(200, {"Content-Type": "image/jpeg"}, photo(colour=colour))
    return Response(200, {"Content-Type": "image/png"}, picture("png", 600, 315, colour))


def _conditional(request: Request, response: Response) -> Response:
    etag = f'"{sha256(response.body).hexdigest()[:16]}"'
    validators = {"ETag": etag, "Last-Modified": LAST_MODIFIED}
    asked = request.headers.get("if-none-match")
    same = (
        etag in asked
        if asked is not None
        else request.headers.get("if-modified-since") == LAST_MODIFIED
    )
    if same:
        return Response(304, validators)
    response.headers.update(validators)
    return response
