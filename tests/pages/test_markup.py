"""The tags that a page has for browsers, and what only looks like one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafetch.pages.markup import Piece, pieces


def sources(page: str) -> list[str]:
    """The sources of the tags that are found, texts of titles among them."""
    return [piece.source for piece in pieces(page)]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("<META a><Link b><bAsE c>", ["<META a>", "<Link b>", "<bAsE c>"]),
        ("<meta/a><meta\na><meta>", ["<meta/a>", "<meta\na>", "<meta>"]),
        ("<meta a='>' b=\">\">x", ["<meta a='>' b=\">\">"]),
        ("<meta a=>x>", ["<meta a=>"]),
        ("<meta a='b'c=d e=f/>", ["<meta a='b'c=d e=f/>"]),
        ("<meta a=b'c'>", ["<meta a=b'c'>"]),
        ("<meta ='a>b'><link x>", ["<meta ='a>", "<link x>"]),
        ("<title>A < B</title >", ["A < B"]),
        ("<title>A</titles></title>", ["A</titles>"]),
        ("<title>A</title", ["A"]),
        ("<title>Open\n<meta a>", ["Open\n", "<meta a>"]),
        ("<title>x<title>y", ["x", "y"]),
    ],
)
def test_tags_as_browsers_cut_them(page, found):
    """A tag ends at the first `>` outside of its quoted values, whatever stands in it."""
    assert sources(page) == found


@pytest.mark.parametrize(
    "page",
    [
        "<metadata a><links><basefont><bodys>",
        "< meta a><\x00meta a>",
        "</meta a></title>",
        "<<<<html<meta<<<title>>T</title<meta a>",
        "<div data=\"<meta a>\" x='<title>T</title>'></div>",
        '<meta a="never closed><link b>',
        "<meta a",
        "<meta a='b'",
        "<!-- <meta a>",
        "<!-- <meta a> -- > <meta b>",
        "<!--!><meta a>",
        "<! <meta a ><?xml <meta a ?></ <meta a >",
        "<script>'<meta a>'</script>",
        "<script><!-- <script></script> <meta a> --></script>",
        "<script>x</scripts><meta a>",
        "<style><meta a></style><textarea><meta a></textarea><xmp><meta a></xmp>",
        "<iframe><meta a></iframe><noembed><meta a></noembed><noframes><meta a></noframes>",
        "<plaintext><meta a></plaintext><meta b>",
        "<template><meta a><template></template><meta b></template>",
        "<svg><title>Icon</title><link a><svg></svg><base b></svg>",
        "<svg><![CDATA[ > <meta a>]]></svg>",
        "<math><title>T</title></math>",
        "<svg></math><title>T</title></svg>",
        "<\u017ftyle><body\u017f>",
    ],
)
def test_what_is_no_tag_of_the_page(page):
    """Texts, comments, values of others, templates and drawings say nothing of the page."""
    assert sources(page) == []


@pytest.mark.parametrize(
    "page",
    [
        "<!--><meta a>",
        "<!---><meta a>",
        "<!----><meta a>",
        "<!-- x --!><meta a>",
        "<!-- <!-- --><meta a>",
        "<!doctype html><meta a>",
        "</><meta a>",
        "<script><!-- </script><meta a>",
        "<script><!--><script></script><meta a>",
        "<script><!-- <script> --></script><meta a>",
        "<script><!-- <script></script></script><meta a>",
        "<textarea></TEXTAREA\n><meta a>",
        "<svg/><meta a>",
        "<svg><style/><script/></svg><meta a>",
        "<svg><g><meta a>",
        "<svg><style><meta a></style></svg>",
        "<svg><script><textarea></svg><meta a>",
        "<svg><div><style><link></style><meta a>",
        "<svg></svg></svg></template><meta a>",
        "<noscript><meta a></noscript>",
        "<![CDATA[ > <meta a>",
    ],
)
def test_what_has_ended_hides_nothing(page):
    """Comments, scripts and drawings end where browsers end them, and the next tag counts."""
    assert sources(page) == ["<meta a>"]


@pytest.mark.parametrize("page", ["<svg></p><link a>", "<math></br><link a>"])
def test_a_stray_closing_tag_ends_a_drawing(page):
    """Of all closing tags these two make an element of HTML, which no drawing holds."""
    assert sources(page) == ["<link a>"]


def test_where_a_tag_stands():
    """Each tag says whether the body had begun, and whether browsers with scripts ignore it."""
    page = (
        "<link a><noscript><meta b></noscript><template><body></template>"
        "<body c><meta d><title>E</title>"
    )
    assert list(pieces(page)) == [
        Piece("link", "<link a>"),
        Piece("meta", "<meta b>", without_scripts=True),
        Piece("body", ""),
        Piece("meta", "<meta d>", beyond_head=True),
        Piece("title", "E", beyond_head=True),
    ]


@pytest.mark.parametrize("page", ["<body", "<BODY\n", "<body class='", "<body>"])
def test_the_body_begins_with_its_first_bytes(page):
    """A download that stops at `<body` holds no more of that tag, and the head is whole."""
    assert [piece.name for piece in pieces(page)] == ["body"]


def test_a_title_is_read_up_to_its_limit():
    """16 KiB of a title are more than anybody shows; what follows the title is read all the same."""
    found = sources("<title>" + "t" * 20_000 + "</title><meta a>")
    assert found == ["t" * 16_384, "<meta a>"]


@given(
    st.lists(
        st.sampled_from([*"<>/!-'\"= a", "<meta", "<title>", "</", "script", "svg", "<!--", "]]>"])
    ).map("".join)
)
@settings(deadline=None)
def test_any_text_is_cut(page):
    """Whatever a page holds, each tag that comes of it stands in the page, in order."""
    at = 0
    for piece in pieces(page):
        at = page.index(piece.source, at) + len(piece.source)
