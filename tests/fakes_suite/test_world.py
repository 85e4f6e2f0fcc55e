"""The world behind its proxy: real names, real certificates, one coherent set of data."""

import io
import ssl
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
from PIL import Image
from selectolax.lexbor import LexborHTMLParser

from tests.fakes.pictures import CONTENT_TYPES, Format, photo, picture
from tests.fakes.proxy import Trouble
from tests.fakes.sites import STYLES, Metadata
from tests.fakes.world import World
from tests.fakes.world_data import TAGS, registrable

FAVICONS = "https://www.google.com/s2/favicons"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Enough of everything for each oddity to be there."""
    with World(bookmarks=240, domains=60, repositories=20) as world:
        yield world


@pytest.fixture
def http(world: World) -> Iterator[httpx2.Client]:
    """A client that knows the world from its environment's values only."""
    names = world.environment()
    trust = ssl.create_default_context(cafile=names["SSL_CERT_FILE"])
    with httpx2.Client(proxy=names["HTTPS_PROXY"], verify=trust, trust_env=False) as client:
        yield client


def test_every_upstream_answers_under_its_name(world: World, http: httpx2.Client) -> None:
    """Bookmarks, GitHub, both favicon services and a site, by https and by http."""
    names = world.environment()
    karakeep = f"{names['BOOKMARKS_API_URL']}/api/v1/lists/{names['BOOKMARKS_LIST_ID']}/bookmarks"
    tokens = [names["BOOKMARK_BEARER_TOKEN"], names["GITHUB_ACCESS_TOKEN_COMMIT_GRAPH"]]
    for url, token in zip((karakeep, "https://api.github.com/user"), tokens, strict=True):
        assert http.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    domain = next(iter(world.google.icons))
    assert http.get(FAVICONS, params={"domain": domain, "sz": "256"}).status_code == 200
    assert (
        http.get(
            f"https://icons.duckduckgo.com/ip3/{next(iter(world.duckduckgo.icons))}.ico"
        ).status_code
        == 200
    )
    for scheme in ("http", "https"):
        assert "text/html" in http.get(f"{scheme}://{world.hosts[0]}/page").headers["content-type"]


def test_hosts_outside_the_world_are_unreachable(world: World, http: httpx2.Client) -> None:
    """A name that no app answers for is a bad gateway, and the test can see that it was tried."""
    assert http.get("http://elsewhere.example.net/").status_code == 502
    with pytest.raises(httpx2.ProxyError):
        http.get("https://elsewhere.example.net/")
    assert world.proxy.unknown["elsewhere.example.net"] == 2


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        ("refused", httpx2.ProxyError),
        ("reset", httpx2.TransportError),
        ("untrusted", httpx2.ConnectError),
        ("wrong-name", httpx2.ConnectError),
    ],
)
def test_spoilt_connections(
    world: World, http: httpx2.Client, trouble: Trouble, error: type[Exception]
) -> None:
    """A host can be made unreachable or untrustworthy, and heals."""
    host = world.hosts[1]
    world.proxy.trouble[host] = trouble
    with pytest.raises(error):
        http.get(f"https://{host}/")
    world.proxy.trouble.clear()
    assert http.get(f"https://{host}/").status_code == 200


def read_head(answer: httpx2.Response) -> Metadata:
    """A second reading of a page's head, simpler than the program's."""
    tree = LexborHTMLParser(
        answer.content.decode(
            answer.encoding or "utf-8" if "charset" in answer.headers["content-type"] else "cp1252"
        )
    )
    named: dict[str, str] = {}
    for node in tree.css("meta[content]"):
        name = node.attributes.get("property") or node.attributes.get("name")
        named.setdefault((name or "").lower(), node.attributes["content"] or "")
    title, base, source = (
        tree.css_first("title"),
        tree.css_first("base"),
        tree.css_first("link[rel=image_src]"),
    )
    where = answer.url.join((base.attributes["href"] or "") if base else "")
    images = [named.get(name) for name in ("og:image:secure_url", "og:image", "twitter:image")]
    images.append(source.attributes["href"] if source else None)
    image = next(filter(None, images), None)
    return Metadata(
        named.get("og:title")
        or named.get("twitter:title")
        or (title.text().strip() if title else None),
        named.get("og:description") or named.get("twitter:description") or named.get("description"),
        str(where.join(image)) if image else None,
        named.get("og:site_name"),
    )


def test_pages_say_what_they_are_said_to_say(world: World, http: httpx2.Client) -> None:
    """The expected metadata of each style of page is what stands in its head, and its picture is there."""
    styles = set()
    for site in list(world.sites.sites.values())[:24]:
        url = f"https://{site.host}/docs/Über%20uns?x=1"
        answer = http.get(url, follow_redirects=True)
        expected = world.sites.expected(url)
        assert read_head(answer) == expected, url
        styles.add(site.style)
        if expected.image:
            image = http.get(expected.image)
            assert Image.open(io.BytesIO(image.content)).size == (600, 315)
            assert urlsplit(expected.image).hostname == answer.url.host
    assert styles == set(range(len(STYLES)))


def test_pages_pictures_and_icons_can_be_revalidated(world: World, http: httpx2.Client) -> None:
    """ETag and Last-Modified are honoured; an ETag that differs wins over a date that does not."""
    site = next(
        site
        for site in world.sites.sites.values()
        if "/favicon.ico" in site.icons and not site.moves_to_www
    )
    for path in ("/page", "/img/x.jpg", "/favicon.ico"):
        url = f"https://{site.host}{path}"
        first = http.get(url)
        etag, modified = first.headers["etag"], first.headers["last-modified"]
        for headers, status in (
            ({"If-None-Match": etag}, 304),
            ({"If-Modified-Since": modified}, 304),
            ({"If-None-Match": '"other"', "If-Modified-Since": modified}, 200),
        ):
            assert http.get(url, headers=headers).status_code == status
    assert http.get(f"https://{site.host}/missing").status_code == 404


def test_favicon_services_send_a_globe_with_their_404(world: World, http: httpx2.Client) -> None:
    """An unknown domain gets a picture that is no logo; Google may answer by way of a redirect."""
    for url in (
        f"{FAVICONS}?domain=unknown.example&sz=256",
        "https://icons.duckduckgo.com/ip3/unknown.example.ico",
    ):
        answer = http.get(url)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "image/png")
        Image.open(io.BytesIO(answer.content)).load()
    domain = next(iter(world.google.icons))
    direct = http.get(FAVICONS, params={"domain": domain, "sz": "256"})
    world.google.redirecting = True
    moved = http.get(FAVICONS, params={"domain": domain, "sz": "256"})
    world.google.redirecting = False
    assert (moved.status_code, urlsplit(moved.headers["location"]).hostname) == (
        301,
        "t1.gstatic.com",
    )
    assert http.get(moved.headers["location"]).content == direct.content


def test_bookmarks_hold_every_oddity(world: World) -> None:
    """All kinds, all tags, all hosts, collisions, nulls, flags: what the tests and the demo rely on is there."""
    bookmarks = [world.karakeep.bookmark(one) for one in world.karakeep.ids()]
    kinds = Counter(one["content"]["type"] for one in bookmarks)
    assert (len(bookmarks), kinds["text"] > 0, kinds["asset"] > 0) == (240, True, True)
    urls = [one["content"]["url"] for one in bookmarks if one["content"]["type"] == "link"]
    assert {(urlsplit(url).hostname or "").removeprefix("www.") for url in urls} == set(world.hosts)
    assert len(set(urls)) == len(urls)
    without_query = Counter(url.partition("?")[0] for url in urls if "youtube" not in url)
    assert without_query.most_common(1)[0][1] == 2
    assert {tag["name"] for one in bookmarks for tag in one["tags"]} == set(TAGS)
    both = {"machine learning", "Machine-Learning"}
    assert any(both <= {tag["name"] for tag in one["tags"]} for one in bookmarks)
    assert (
        {one["archived"] for one in bookmarks}
        == {one["favourited"] for one in bookmarks}
        == {True, False}
    )
    assert any(one["modifiedAt"] is None for one in bookmarks)


def test_hosts_are_distinct_and_some_have_their_logo_one_level_up() -> None:
    """As many hosts as were asked for, whatever the number; subdomains are among them."""
    hosts = World(bookmarks=1, domains=700, repositories=1).hosts
    assert len(set(hosts)) == 700
    assert any(registrable(host) != host for host in hosts)


def test_the_same_seed_gives_the_same_world() -> None:
    """Worlds are reproducible, and another seed is another world."""
    first, second, other = (World(40, 10, 6, seed) for seed in (1, 1, 2))
    assert first.karakeep.ids() == second.karakeep.ids() != other.karakeep.ids()
    assert first.github.activity == second.github.activity != other.github.activity


@pytest.mark.parametrize("kind", [kind for kind in CONTENT_TYPES if kind != "svg"])
@pytest.mark.parametrize("size", [16, 64, 256])
def test_pictures_are_real(kind: Format, size: int) -> None:
    """Each format decodes to the size that was asked for, in the colour that was asked for."""
    image = Image.open(io.BytesIO(picture(kind, size, size, (10, 120, 240))))
    image.load()
    assert (image.format, image.size) == (kind.upper(), (size, size))
    found = image.convert("RGB").getpixel((1, size - 2))
    assert isinstance(found, tuple)
    assert all(abs(a - b) < 12 for a, b in zip(found, (10, 120, 240), strict=True))


def test_photos_are_as_large_as_real_previews() -> None:
    """A banner passes the five kilobytes that tell it from an icon."""
    assert len(photo()) > 5 * 1024
