"""The favicon services: Google's and DuckDuckGo's, with their generic pictures for domains without a logo."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from tests.fakes.base import App, Request, Response
from tests.fakes.pictures import CONTENT_TYPES, Format, colour_of, globe, picture

GOOGLE_HOST = "www.google.com"
GOOGLE_PICTURE_HOSTS = frozenset(f"t{number}.gstatic.com" for number in range(4))
DUCKDUCKGO_HOST = "icons.duckduckgo.com"


@dataclass(frozen=True, slots=True)
class Icon:
    """A logo that a service has: `size` pixels a side, in a colour that belongs to the domain."""

    size: int = 128
    kind: Format = "png"
    body: bytes | None = None

    def bytes_for(self, domain: str) -> bytes:
        """The picture."""
        return (
            self.body
            if self.body is not None
            else picture(self.kind, self.size, self.size, colour_of(domain))
        )

    def response(self, domain: str) -> Response:
        """The answer that carries it."""
        return Response(200, {"Content-Type": CONTENT_TYPES[self.kind]}, self.bytes_for(domain))


class GoogleFaviconsApp(App):
    """`/s2/favicons?domain=D&sz=N`; with `redirecting` as the real one, by way of a gstatic host.

    Unknown domains get the generic globe, with a 404 as a rule; `none_status` says otherwise.
    """

    def __init__(
        self, icons: Mapping[str, Icon] | None = None, *, redirecting: bool = False
    ) -> None:
        """Know these domains."""
        super().__init__()
        self.icons = dict(icons or {})
        self.redirecting = redirecting
        self.none_status = 404

    def answer(self, request: Request) -> Response:
        """Route a request."""
        if request.path == "/s2/favicons":
            domain = request.params.get("domain") or _host_of(request.params.get("domain_url", ""))
            return (
                self._redirect(domain, request.params) if self.redirecting else self._icon(domain)
            )
        if request.path == "/faviconV2":
            return self._icon(_host_of(request.params.get("url", "")))
        return Response.text("Not Found", 404)

    def _redirect(self, domain: str, params: Mapping[str, str]) -> Response:
        asked = {
            "client": "SOCIAL",
            "type": "FAVICON",
            "fallback_opts": "TYPE,SIZE,URL",
            "url": f"http://{domain}",
            "size": params.get("sz", "16"),
        }
        return Response(301, {"Location": f"https://t1.gstatic.com/faviconV2?{urlencode(asked)}"})

    def _icon(self, domain: str) -> Response:
        icon = self.icons.get(domain.removeprefix("www."))
        if icon is None:
            return Response(self.none_status, {"Content-Type": "image/png"}, globe())
        return icon.response(domain.removeprefix("www."))


class DuckDuckGoIconsApp(App):
    """`/ip3/D.ico`; unknown domains get a generic picture, with `none_status`."""

    def __init__(self, icons: Mapping[str, Icon] | None = None) -> None:
        """Know these domains."""
        super().__init__()
        self.icons = dict(icons or {})
        self.none_status = 404

    def answer(self, request: Request) -> Response:
        """Route a request."""
        if not request.path.startswith("/ip3/") or not request.path.endswith(".ico"):
            return Response.text("Not Found", 404)
        domain = request.path.removeprefix("/ip3/").removesuffix(".ico").removeprefix("www.")
        icon = self.icons.get(domain)
        return (
            icon.response(domain)
            if icon
            else Response(self.none_status, {"Content-Type": "image/png"}, globe(32))
        )


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ""
