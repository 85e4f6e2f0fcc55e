"""Slugs of bookmarks and tags."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.bookmarks.rules.slugs import (
    Slugged,
    assign_slugs,
    base_slug,
    host_of,
    tag_slug,
)


@pytest.mark.parametrize(
    ("url", "slug"),
    [
        ("https://www.Example.com/Blog/Post_1.html?utm=1#top", "example-com-blog-post-1-html"),
        ("https://example.com/", "example-com"),
        ("https://example.com:8443/a//b/", "example-com-a-b"),
        ("https://user:pw@sub.example.co.uk/x", "sub-example-co-uk-x"),
        ("https://netflix.com/title/1", "netflix-com-title-1"),
        ("https://example.com/日本", "example-com-e6-97-a5-e6-9c-ac"),
        ("https://[2001:db8::1]:80/x", "2001-db8-1-x"),
        ("https://☃.net/a", "xn-n3h-net-a"),
        ("https://straße.de/", "xn-strae-oqa-de"),
        ("https://strasse.de/", "strasse-de"),
        ("https://example.com/a b/../{c}%7Bd|e^", "example-com-a-b-c-7bd-e"),
    ],
)
def test_slug_is_host_and_path(url: str, slug: str) -> None:
    """A bookmark's slug is its host without www and its path, in lower case, with dashes."""
    assert base_slug(url, "A title", "id1") == slug


@pytest.mark.parametrize(
    ("url", "title", "slug"),
    [
        ("https://youtu.be/dQw4w9", "Never Gonna: Give", "youtu-be-never-gonna-give"),
        ("https://m.youtube.com/watch?v=1", "Écran", "m-youtube-com-ecran"),
        ("https://youtu.be/a", "İstanbul’da ﬁlm ① ½", "youtu-be-istanbul-da-film-1-1-2"),
        ("https://youtu.be/a", "Việt Nam — A–Z “café”", "youtu-be-viet-nam-a-z-cafe"),
        ("https://youtu.be/a", "Ｆｕｌｌ　ｗｉｄｔｈ", "youtu-be-full-width"),
        ("https://youtu.be/a", "🎉 Party 🎉 1️⃣", "youtu-be-party-1"),
        ("https://x.com/a/status/1", "Łódź", "x-com-a-status-1"),
        ("https://x.com/a/status/1", "Straße 5", "x-com-a-status-1"),
        ("https://x.com/a/status/1", "Привет world", "x-com-a-status-1"),
        ("https://x.com/a/status/1", "Year ٢٠٢٦", "x-com-a-status-1"),
        ("https://github.com/a/b", None, "github-com-a-b"),
        ("https://x.com/a/status/1", "日本語の話", "x-com-a-status-1"),
        ("https://x.com/a/status/1", "🎉🎉", "x-com-a-status-1"),
    ],
)
def test_opaque_hosts_use_the_title(url: str, title: str | None, slug: str) -> None:
    """Slugs had letters that a route cannot look up: a title that is not ASCII without its diacritics gives way to the path."""
    assert base_slug(url, title, "id1") == slug


def test_titled_slug_is_cut_at_a_dash() -> None:
    """A slug with a title has at most 60 characters and ends with a whole word."""
    slug = base_slug("https://youtu.be/a", "word " * 30, "id1")
    assert len(slug) <= 60
    assert slug == "youtu-be" + "-word" * 10


@pytest.mark.parametrize(
    ("title", "slug"),
    [("À faire", "a-faire"), ("हिन्दी में", "ab-9"), ("🎉", "ab-9"), (None, "ab-9")],
)
def test_without_url_the_title_or_the_id(title: str | None, slug: str) -> None:
    """A note has a slug too: of its title when that is in ASCII, else of its id."""
    assert base_slug("", title, "aB_9") == slug


@pytest.mark.parametrize(
    ("url", "bookmark_id", "slug"),
    [
        ("https://_/x", "id1", "bookmark-d2e2adf7-x"),
        ("https://_/", "id1", "bookmark-d2e2adf7"),
        ("", "__", "bookmark-9911f4d2"),
    ],
)
def test_what_has_no_letters_is_told_by_its_hash(url: str, bookmark_id: str, slug: str) -> None:
    """A host or id of signs alone still gives a slug of its own."""
    assert base_slug(url, None, bookmark_id) == slug


@given(st.text(), st.one_of(st.none(), st.text()), st.from_regex(r"[A-Za-z0-9_-]+", fullmatch=True))
def test_slug_is_never_empty(url: str, title: str | None, bookmark_id: str) -> None:
    """Whatever comes, a bookmark has a slug in ASCII without a dash at its ends."""
    for given_url in (url, f"https://{url}", f"https://youtu.be/{url}"):
        slug = base_slug(given_url, title, bookmark_id)
        assert slug
        assert re.fullmatch(r"[a-z0-9-]+", slug)
        assert slug == slug.strip("-")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("HTTPS://WWW.Example.COM./x", "example.com"),
        ("https://www.com/", "www.com"),
        ("https://www.co.uk/", "co.uk"),
        ("https://www.www.example.com/", "www.example.com"),
        ("https:\\\\user@example.com:8080\\x", "example.com"),
        ("http:///example.com/", "example.com"),
        ("http://[2001:DB8::1]:80/", "2001:db8::1"),
        ("ftp://files.example/x", "files.example"),
        ("gemini://www.capsule.example:1965/", "capsule.example"),
        ("file:///etc/hosts", ""),
        ("mailto:somebody@example.com", ""),
        ("javascript:alert(1)", ""),
        ("data:text/html,//example.com", ""),
        ("", ""),
    ],
)
def test_host_is_what_stands_between_the_slashes(url: str, host: str) -> None:
    """A host is a domain whatever the scheme; `www.` goes only when a domain is left."""
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("C++", "c-plus-plus"),
        ("Google+", "google-plus"),
        ("R&D", "r-and-d"),
        ("AI & ML", "ai-and-ml"),
        ("C#", "c-sharp"),
        ("@home", "at-home"),
        (".NET", "dotnet"),
        ("Node.js", "nodedotjs"),
        ("v1.2", "v12"),
        ("Café  Été_x", "cafe-ete-x"),
        ("What's new?", "whats-new"),
        ("--a--b--", "a-b"),
        ("日本語", "日本語"),
        ("Machine\tLearning\n", "machinelearning"),
        ("日本語 AI", "ai"),
        ("AI・機械学習", "ai"),
        ("Łódź", "odz"),
        ("Straße", "strae"),
        ("Привет-мир", "привет-мир"),
        ("C++言語", "c-plus-plus"),
        ("日本語2", "2"),
        ("Rock ’n’ Roll", "rock-n-roll"),
        ("zero\u200bwidth\u2028line", "zerowidthline"),
        ("a\ufeffb\u3000c", "a-b-c"),
        (" .5", "5"),
        ("日.本", "日本"),
        (".日本", "dot"),
        ("हिन्दी", "हिन्दी"),
        ("❤️", "tag-16e81418"),
        ("", "tag-e3b0c442"),
    ],
)
def test_tag_slug(name: str, slug: str) -> None:
    """A tag in another script became an empty slug, and its pages were written to `tags//`."""
    assert tag_slug(name) == slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("a" * 180, "a" * 180),
        ("a" * 181, "a" * 171 + "-9ce4e58a"),
        ("я" + "語" * 60, "я" + "語" * 56 + "-4ac42b4c"),
        ("one " + "a" * 160 + " " + "b" * 30, "one-" + "a" * 160 + "-1920070a"),
    ],
    ids=["just fits", "one too many", "characters of three bytes", "words"],
)
def test_a_long_tag_is_cut_and_told_apart_by_a_hash(name: str, slug: str) -> None:
    """A folder's name has at most 180 bytes, cut at a dash if there is one, between characters."""
    assert tag_slug(name) == slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("a\U0001f389\u0301", "a"),
        ("か\U0001f389\u3099", "が"),
        ("\u1100\U0001f389\u1161", "가"),
        ("র\u200d্যাম", "র্যাম"),
    ],
    ids=["accent", "kana", "hangul", "bengali"],
)
def test_what_falls_out_of_a_tag_parts_no_letter_from_its_marks(name: str, slug: str) -> None:
    """A picture or joiner between them is as if it never stood there, in the slug of a slug too."""
    assert tag_slug(name) == slug


@given(st.text() | st.text("aか\u1100\u1161।র্\u0301\u0898\u200d\u3099\ufe0f\U0001f389 .-+"))
def test_tag_slug_holds_for_any_unicode(name: str) -> None:
    """A tag's slug is never empty, safe as a folder's name, and the same when made again."""
    slug = tag_slug(name)
    assert slug
    assert tag_slug(slug) == slug
    assert not set(slug) & set("/\\. \t\n")
    assert len(slug.encode()) <= 180
    assert slug == slug.lower() or not slug.isascii()


def test_collisions_are_numbered_by_date_and_id() -> None:
    """New collisions get -2, -3 in order of date and id, whatever order they come in."""
    new = [
        Slugged("c", "2026-01-02", "a"),
        Slugged("b", "2026-01-02", "a"),
        Slugged("z", "2026-01-01", "a"),
        Slugged("y", "2026-01-03", "a-2"),
    ]
    assert assign_slugs(new, {}, {}) == {"z": "a", "b": "a-2", "c": "a-3", "y": "a-2-2"}


def test_taken_and_retired_slugs_are_not_given_away() -> None:
    """A slug that somebody has or had is nobody else's; its old owner gets it back."""
    new = [Slugged("n", "2026", "a"), Slugged("old", "2026", "b")]
    assert assign_slugs(new, {"a": "x"}, {"a-2": "gone", "b-7": "old"}) == {
        "n": "a-3",
        "old": "b-7",
    }


@given(
    st.lists(
        st.tuples(
            st.integers(0, 50).map(lambda n: f"i{n}"), st.sampled_from(["a", "a-2", "a-2-2", "b"])
        ),
        unique_by=lambda pair: pair[0],
    ),
    st.dictionaries(st.sampled_from(["a", "a-2", "a-3", "b"]), st.just("other")),
)
def test_slugs_are_unique(pairs: list[tuple[str, str]], taken: dict[str, str]) -> None:
    """No two bookmarks share a slug, with each other or with a stored one."""
    slugs = assign_slugs([Slugged(key, "2026", base) for key, base in pairs], taken, {})
    assert set(slugs) == {key for key, _ in pairs}
    assert len({*slugs.values(), *taken}) == len(slugs) + len(taken)
