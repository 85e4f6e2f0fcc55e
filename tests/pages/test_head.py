"""Heads of pages: a corpus of what stands in the wild, and pages that are made to hurt."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafetch.opengraph.rules.tags import describe
from datafetch.opengraph.rules.walls import blocked_by
from datafetch.pages.charset import decode_page
from datafetch.pages.head import PageHead, scan
from datafetch.pages.refresh import Refresh

HEADS = Path(__file__).parent.parent / "data" / "heads"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(HEADS.glob("*.json"))}
URL = "https://site.example.com/"


def head_of(body: bytes, content_type: str = "text/html", url: str = URL) -> PageHead:
    """A page's head from its bytes."""
    return scan(decode_page(body, content_type)).head(url)


def read_case(name: str) -> PageHead:
    """The head of a page of the corpus, and what follows it where the case says so."""
    case = CASES[name]
    text = decode_page((HEADS / f"{name}.html").read_bytes(), case["contentType"])
    return scan(text, beyond_head=case.get("beyondHead", False)).head(case["url"])


def test_the_corpus_is_large():
    """The oddities that were met once stay met."""
    assert len(CASES) >= 155
    assert {path.stem for path in HEADS.glob("*.html")} == set(CASES)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "expected" in case])
def test_corpus(name):
    """Each page of the corpus says what its author meant."""
    head = read_case(name)
    said = describe(head)
    assert blocked_by(head) is None
    assert {
        "title": said.title,
        "description": said.description,
        "imageUrl": said.image_url,
        "siteName": said.site_name,
        "type": said.type,
        "locale": said.locale,
    } == CASES[name]["expected"]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "blocked" in case])
def test_walls(name):
    """A page of consent, a captcha, a log-in or an error is never taken for the page behind it."""
    assert blocked_by(read_case(name)) is not None


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "expected" in case])
def test_redirects_of_pages(name):
    """A page that sends elsewhere was stored as "Redirecting…"; others send nowhere."""
    refresh = read_case(name).refresh
    found = None if refresh is None else {"delay_s": refresh.delay_s, "url": refresh.url}
    assert found == CASES[name].get("refresh")


def test_stopping_at_the_body():
    """Reading ends with the bytes `<body`: that is the body, and nothing is asked for again."""
    assert not scan("<title>T</title><body").stopped_early
    assert scan("<script>'<body").stopped_early
    assert scan("<!-- <BODY").stopped_early
    assert not scan("<title>T</title>").stopped_early


def metas(page: str, *, beyond_head: bool = False) -> list[tuple[str, str]]:
    """The names and contents that the metas of a page give."""
    return list(scan(page, beyond_head=beyond_head).head(URL).metas)


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (
            '<meta property="og:title twitter:title" content=A>',
            [("og:title", "A"), ("twitter:title", "A")],
        ),
        (
            "<meta property='OG:Title\n' name=description content=A>",
            [("og:title", "A"), ("description", "A")],
        ),
        ("<meta name=' Two  words ' content=A>", [("two  words", "A")]),
        ("<meta itemprop='name image' content=A>", [("name", "A"), ("image", "A")]),
        ("<meta property=a property=b content=A content=B>", [("a", "A")]),
        ("<meta property=a value=A>", [("a", "A")]),
        ("<meta property=a content=A/>", [("a", "A/")]),
        ("<meta property=a content='?a=1&copy=2&amp;lt;&lt;'>", [("a", "?a=1&copy=2&lt;<")]),
        ("<meta property=a content='b\0c'>", [("a", "b\1c")]),
        ("<meta property=a content>", []),
        ("<meta property content=A>", []),
        ("<meta\0 property=a content=A>", []),
        ("<svg><style><meta property=a content=A>", [("a", "A")]),
        ("<!-- --!><meta property=a content=A>", [("a", "A")]),
        ("<noscript><meta property=a content=A></noscript>", [("a", "A")]),
        ("<template><meta property=a content=A></template>", []),
    ],
)
def test_metas(page, found):
    """Each name of a tag counts, and its attributes are read as browsers read them."""
    assert metas(page) == found


def test_properties_of_things_in_the_body():
    """What the body says of a product or an author is not what the page says of itself."""
    page = "<body><p itemscope><meta itemprop=description content=A><meta name=b content=B></p>"
    assert metas(page, beyond_head=True) == [("b", "B")]


def test_no_redirect_for_browsers_without_scripts():
    """A page that sends readers without scripts elsewhere is still the page for all others."""
    order = "<meta http-equiv=refresh content='0;url=/no-scripts'>"
    assert scan(f"<noscript>{order}</noscript>").head(URL).refresh is None
    later = scan(f"<noscript>{order}</noscript><meta http-equiv=refresh content=9>").head(URL)
    assert later.refresh == Refresh(9, URL)


def test_pictures_in_addresses_are_handed_on_whole():
    """An icon that stands in the page itself, as a data: URL, is a link like every other."""
    icon = "data:image/png;base64," + "A" * 30_000
    assert scan(f"<link rel='ICON' href={icon}>").head(URL).links == (("icon", icon),)


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("&amp;lt; &lt;b&gt; &copy &Eacute;", "&lt; <b> © É"),
        ("&#8364; &#x20AC; &#128; &#0; &#xD800;", "€ € € \ufffd \ufffd"),
        (f"&#{'1' * 5000};", "\ufffd"),
        ("<b>A</b>", "<b>A</b>"),
        ("A</titl", "A</titl"),
    ],
)
def test_titles(source, title):
    """A title's entities are resolved once, whatever number they name; its tags are text."""
    assert scan(f"<title>{source}</title><meta>").head(URL).title == title


def test_many_tags():
    """A page of more tags than any author writes is read up to 2,000 of them."""
    assert len(metas("<meta name=a content=b>" * 2001)) == 2000


HOSTILE = {
    "nested elements": "<div>",
    "formatting elements that are opened anew in each paragraph": "<p><b a={}>",
    "comments that never end": "<!--",
    "empty comments": "<!---->",
    "quotes that never end": '<meta a="',
    "quotes in turn": "<meta a=\"'",
    "drawings that never end": "<svg>",
    "titles that never end": "<title>",
    "tags that never end": "<base ",
    "links without end": "<link rel={} href=x>",
    "declarations without end": "<meta charset",
    "entities": "&lt",
}


@pytest.mark.timeout(20)  # a tree of some of these takes 30 s and more
@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_hostile_pages_cost_linear_time(piece):
    """Half a megabyte that keeps a parser busy for half a minute, or takes all memory, costs little."""
    parts, length, number = [], 0, 0
    while length < 512 * 1024:
        parts.append(piece.replace("{}", str(number)))
        length += len(parts[-1])
        number += 1
    said = describe(head_of("".join(parts).encode()))
    assert said.image_url is None


_PIECES = st.sampled_from(
    [
        *"<>\"'=/& \n",
        "<meta ",
        "property=",
        "og:title",
        "og:image",
        " content=",
        "<title>",
        "</title>",
        "<base href=",
        "<script>",
        "</script",
        "<!--",
        "-->",
        "<svg>",
        "<body",
        "//[::1",
        "http://",
        "&amp;",
        "&#xD800;",
        "charset=utf-16",
        "\ud800",
        "\x00",
        "%2e%2e/",
    ]
)


@given(st.lists(_PIECES | st.text(max_size=3), max_size=60).map("".join))
@settings(max_examples=200, deadline=None)
def test_any_text_is_some_page(text):
    """Nothing that a page can hold raises, and every picture that comes of it is a web address."""
    said = describe(scan(text).head(URL))
    assert said.image_url is None or said.image_url.startswith(("http://", "https://"))
    assert said.title is None or said.title == said.title.strip() != ""
    json.dumps(said.image_url).encode()


def test_tags_beyond_the_head():
    """Pages whose tags all stand in the body are read there, when asked for; the head's come first."""
    page = (
        "<head><title>Site</title><meta property=og:type content=a></head><body class=x>"
        "<div><meta property=og:title content=Pie><meta property=og:type content=b></div>"
        "<script>'<meta property=og:title content=no>'</script><title>Other</title>"
    )
    assert scan(page).head(URL).content("og:title") == []
    whole = scan(page, beyond_head=True)
    assert not whole.stopped_early
    head = whole.head(URL)
    assert head.title == "Site"
    assert head.content("og:title") == ["Pie"]
    assert head.content("og:type") == ["a", "b"]
    assert scan("<body><title>T</title>", beyond_head=True).head(URL).title == "T"


def test_a_page_that_sends_elsewhere():
    """The first tag that browsers obey says where to, relative to the first base, even an empty one."""
    page = (
        "<meta http-equiv=refresh content='soon'><meta http-equiv=Refresh content='1;url=a'>"
        "<meta http-equiv=refresh content='0;url=b'>"
    )
    assert scan(page).head(URL).refresh == Refresh(1, f"{URL}a")
    there = scan(f"<base target=_top><base href=/x/><base href=/y/>{page}").head(URL).refresh
    assert there == Refresh(1, f"{URL}x/a")
    here = scan(f"<base href><base href=/y/>{page}").head(f"{URL}z/").refresh
    assert here == Refresh(1, f"{URL}z/a")
    assert scan("<meta name=refresh content='0;url=/'>").head(URL).refresh is None
