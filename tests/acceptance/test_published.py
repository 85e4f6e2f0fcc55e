"""What a whole run publishes and tells: no picture that visitors should not ask for, no password of any address."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes.base import App
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp, link
from tests.fakes.message import Request, Response
from tests.fakes.pictures import picture
from tests.processes import Finished, datafetch

NEWEST = datetime(2026, 11, 1, tzinfo=UTC)
HTML = {"Content-Type": "text/html"}
PRIVATE = "http://10.11.12.13/metadata.png"
CANARY = re.compile(rb"geheim-[a-z]+|alice-[a-z]+")


class Pages(App):
    """A site whose pages name everything with user and password, and pictures in private networks."""

    url = ""

    def secret(self, name: str, path: str = "") -> str:
        """An address of this site with a user and a password of that name."""
        return self.url.replace("://", f"://alice-{name}:geheim-{name}@") + f"/{path}"

    def answer(self, request: Request) -> Response:
        """The page or picture at a path."""
        path = request.path.strip("/")
        if path.endswith(".png"):
            return Response(200, {"Content-Type": "image/png"}, picture("png", 600, 315))
        if path == "moved":
            return Response(302, {"Location": self.secret("location", "target")})
        if path == "refreshed":
            return Response(
                200,
                HTML,
                f"<meta http-equiv=refresh content='0;url={self.secret('refresh')}'>".encode(),
            )
        if path in ("gone", "broken"):
            return Response(404 if path == "gone" else 500, HTML, self.secret("body").encode())
        head = (
            f"<title>{path}</title><meta property=og:url content='{self.secret('ogurl')}'>"
            f"<link rel=canonical href='{self.secret('canonical')}'>"
            f"<meta property=og:image content='{self.secret('image', 'a.png')}'>"
            f"<meta property=og:image content='{PRIVATE}'>"
            f"<base href='{self.secret('base')}'>"
        )
        good = f"<meta name=twitter:image content='{self.url}/good.png'>" if path == "good" else ""
        return Response(200, HTML, f"{head}{good}<body>".encode())


@pytest.fixture
def pages() -> Iterator[Pages]:
    """The site, served on loopback."""
    app = Pages()
    with app.served() as server:
        app.url = server.url
        yield app


def ran(folder: Path, *arguments: str, **variables: str) -> Finished:
    """One command over the folder's store, of which everything that is not on loopback is refused."""
    settings = {
        "DATAFETCH_STORE": "file:./store",
        "S3_CDN_URL": "https://cdn.example.com",
        "BOOKMARKS_LIST_ID": LIST_ID,
        "BOOKMARK_BEARER_TOKEN": TOKEN,
        "DATAFETCH_ALLOW_HOSTS": "127.0.0.1",
        "DATAFETCH_RETRY_MAX_SECONDS": "0",
        "DATAFETCH_MAX_FAILURE_RATIO": "1",
        "OG_MAX_RETRIES": "0",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }
    return datafetch(*arguments, cwd=folder, **{**settings, **variables})


def stored(folder: Path) -> dict[str, bytes]:
    """Every object of the store."""
    files = (path for path in (folder / "store").rglob("*") if path.is_file())
    return {str(path.relative_to(folder / "store")): path.read_bytes() for path in files}


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_password_of_an_address_is_stored_or_told(
    tmp_path: Path, pages: Pages, form: str
) -> None:
    """Bookmarks, pages, redirects, files and settings hold addresses with passwords; nobody reads them again."""
    paths = ("good", "bad", "moved", "refreshed", "gone", "broken", "x/private")
    app = KarakeepApp(
        link(
            f"b{n}",
            pages.secret("bookmark", path),
            NEWEST - timedelta(hours=n),
            {
                "imageUrl": pages.secret("saved", "s.png"),
                "favicon": pages.secret("favicon", "f.png"),
            },
        )
        for n, path in enumerate(paths)
    )
    (tmp_path / "domains.txt").write_text("https://alice-file:geheim-file@logos.example/x\n")
    with app.served() as server:
        variables = {
            "BOOKMARKS_API_URL": server.url,
            "LOGO_DOMAIN_FILES": "domains.txt",
        }
        ends = [
            ran(tmp_path, *command, "-v", "--log-format", form, **variables)
            for command in (
                ("bookmarks",),
                ("refresh-opengraph",),
                ("refresh-opengraph", "--force"),
                ("logos",),
                ("github",),
                ("bookmarks", "--force"),
                ("refresh-opengraph", "--json"),
                ("refresh-opengraph", "--url", pages.secret("option", "nowhere")),
            )
        ]
    seen = {
        f"{n}.{name}": getattr(end, name).encode()
        for n, end in enumerate(ends)
        for name in ("out", "err")
    }
    objects = stored(tmp_path)
    assert "json/datafetch/dead-letters/opengraph-dev.json" in objects
    told = {name: set(CANARY.findall(body)) for name, body in {**objects, **seen}.items()}
    assert {name: found for name, found in told.items() if found} == {}
    items = json.loads(objects["json/bookmarks/bookmarks-dev.json"])
    assert {item["url"] for item in items} == {f"{pages.url}/{path}" for path in paths}


@pytest.mark.parametrize(
    "name",
    ["BOOKMARKS_API_URL", "GITHUB_API_URL", "S3_CDN_URL", "S3_SERVER_URL", "DATAFETCH_STORE"],
)
def test_no_password_of_a_setting_is_stored_or_told(
    tmp_path: Path, pages: Pages, name: str
) -> None:
    """A URL with a password is a secret in every setting, whether it is taken or refused."""
    app = KarakeepApp([link("b1", f"{pages.url}/good", NEWEST)])
    with app.served() as server:
        variables = {
            "BOOKMARKS_API_URL": server.url,
            "GITHUB_TOKEN": "ghp_" + "x" * 36,
            "GITHUB_REPO_OWNER": "somebody",
            "GITHUB_API_URL": pages.url,
        }
        base = variables.get(name, pages.url)
        secret = base.replace("://", "://alice-setting:geheim-setting@")
        for arguments in (("bookmarks",), ("update", "bookmarks", "github", "--json")):
            end = ran(
                tmp_path, *arguments, "-v", "--log-format", "console", **{**variables, name: secret}
            )
            assert end.out or end.err
            assert not CANARY.search((end.out + end.err).encode())
    assert not any(CANARY.search(body) for body in stored(tmp_path).values())


def test_no_picture_that_visitors_should_not_ask_for_is_published(
    tmp_path: Path, pages: Pages
) -> None:
    """The browsers of all visitors asked the private addresses that a page named as its picture."""
    content = {"imageUrl": PRIVATE, "favicon": "http://localhost:631/f.ico"}
    app = KarakeepApp(
        link(f"b{n}", f"{pages.url}/{path}", NEWEST - timedelta(hours=n), content)
        for n, path in enumerate(("good", "bad"))
    )
    with app.served() as server:
        for command in ("bookmarks", "refresh-opengraph", "bookmarks"):
            assert ran(tmp_path, command, BOOKMARKS_API_URL=server.url).code == 0
    objects = stored(tmp_path)
    public = {key: body for key, body in objects.items() if not key.startswith("json/datafetch/")}
    assert [key for key, body in public.items() if b"10.11.12.13" in body or b":631" in body] == []
    good, bad = json.loads(objects["json/bookmarks/bookmarks-dev.json"])
    assert good["ogImageExternal"] == f"{pages.url}/good.png"
    assert good["ogImage"].startswith("https://cdn.example.com/images/opengraph/")
    assert not {"ogImage", "ogImageExternal"} & bad.keys()
    assert bad["ogTitle"] == "bad"
