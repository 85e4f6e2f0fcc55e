"""What a head says of its page; the corpus under tests/data/heads says the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.addresses import OwnHosts
from datafetch.opengraph.rules.tags import describe, tidy
from datafetch.pages.head import PageHead

URL = "https://site.example.com/a/page"
TITLES = ("og:title", "twitter:title")
DESCRIPTIONS = ("og:description", "twitter:description", "description")
IMAGES = (
    "og:image:secure_url",
    "og:image",
    "og:image:url",
    "twitter:image",
    "twitter:image:src",
)


def head(title: str = "", base: str | None = None, url: str = URL, **metas: str) -> PageHead:
    """A head; `og_title` stands for `og:title`."""
    pairs = tuple((name.replace("_", ":"), content) for name, content in metas.items())
    return PageHead(url=url, title=title, base=base, metas=pairs)


@pytest.mark.parametrize(
    ("names", "field"), [(TITLES, "title"), (DESCRIPTIONS, "description")], ids=["title", "text"]
)
def test_texts_by_priority(names, field):
    """Of all names of a text the first in the contract's order wins, wherever it stands."""
    for first in range(len(names)):
        metas = tuple((name, f"says {name}") for name in reversed(names[first:]))
        said = describe(PageHead(url=URL, title="plain title", metas=metas))
        assert getattr(said, field) == f"says {names[first]}"


def test_pictures_by_priority():
    """Of all names of a picture the first in the contract's order wins, a link comes last."""
    links = (("image_src", "/link.png"),)
    for first in range(len(IMAGES)):
        metas = tuple((name, f"/{at}.png") for at, name in enumerate(IMAGES) if at >= first)
        said = describe(PageHead(url=URL, metas=metas[::-1], links=links))
        assert said.image_url == f"https://site.example.com/{first}.png"
    assert describe(PageHead(url=URL, links=links)).image_url == "https://site.example.com/link.png"


@pytest.mark.parametrize(
    ("field", "name", "most"),
    [
        ("title", "og:title", 1000),
        ("description", "og:description", 5000),
        ("site_name", "og:site_name", 1000),
        ("type", "og:type", 100),
        ("locale", "og:locale", 100),
    ],
)
def test_texts_beyond_all_use_are_cut(field, name, most):
    """A page that says a whole book in its title does not fill the site's objects with it."""

    def said(text):
        return getattr(describe(PageHead(url=URL, metas=((name, text),))), field)

    assert said("a" * most) == "a" * most
    assert said("a" * (most + 1)) == "a" * (most - 1) + "…"
    assert said("a" * (most - 2) + " bcd") == "a" * (most - 2) + "…"


def test_of_a_text_that_never_ends_the_beginning_is_read():
    """A tag of megabytes costs no time: eight times the characters that are shown are looked at."""
    assert describe(head("Plain", og_title=" " * 7999 + "x")).title == "x"
    assert describe(head("Plain", og_title=" " * 8000 + "x")).title == "Plain"


def test_a_blank_text_gives_way_to_the_next():
    """Templates write empty tags: the next name that says something is shown."""
    assert describe(head("Plain", og_title="  ", twitter_title="\u00a0")).title == "Plain"
    assert describe(head("  ")).title is None


def test_a_page_is_not_its_own_picture():
    """A picture that leads to the page itself was a mistake of its template: the next one counts."""
    assert describe(head(og_image="#top")).image_url is None
    assert describe(head(og_image=URL)).image_url is None
    for mistake in ("", " ", "#top", URL):
        said = describe(head(og_image=mistake, twitter_image="p.png"))
        assert said.image_url == "https://site.example.com/a/p.png"


def test_relative_to_final_url_and_base():
    """Relative image URLs were resolved against the wrong host."""
    assert describe(head(og_image="p.png")).image_url == "https://site.example.com/a/p.png"
    said = describe(head(og_image="p.png", base="//static.example.net/x/"))
    assert said.image_url == "https://static.example.net/x/p.png"
    said = describe(head(og_image="p.png", base="data:text/html,x"))
    assert said.image_url == "https://site.example.com/a/p.png"


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("Une pr&eacute;cieuse &Eacute;cole", "Une précieuse École"),
        ("When to use &nbsp; and &#160;", "When to use &nbsp; and &#160;"),
        ("Tom &amp; Jerry, a &lt;b&gt;", "Tom &amp; Jerry, a &lt;b&gt;"),
        ("AT&T; R&D", "AT&T; R&D"),
        ("?lang=en&copy=1", "?lang=en&copy=1"),
    ],
)
def test_only_letters_in_words_are_resolved_twice(text: str, tidied: str) -> None:
    """A text about entities stays what it is; a letter that a site escaped twice is a letter."""
    assert tidy(text) == tidied


@given(st.text())
def test_tidy_is_settled(text):
    """A tidy text has one line and no space at its ends."""
    once = tidy(text)
    assert once == once.strip()
    assert not set(once) & set("\n\r\t\x00\u200b\u202e")


def test_a_picture_that_visitors_should_not_ask_for_does_not_count():
    """The browsers of all visitors would have asked it; the next picture of the page counts instead."""
    for mistake in (
        "http://10.0.0.1/i.png",
        "//localhost/i.png",
        "https://u:p@site.example.com/i.png",
    ):
        said = describe(head(og_image=mistake, twitter_image="p.png"))
        assert said.image_url == "https://site.example.com/a/p.png"
        assert describe(head(og_image=mistake)).image_url is None
    own = OwnHosts.of({"10.0.0.1"})
    assert (
        describe(head(og_image="http://10.0.0.1/i.png"), own).image_url == "http://10.0.0.1/i.png"
    )
