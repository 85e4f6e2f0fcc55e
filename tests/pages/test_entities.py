"""Letters that a site escaped twice, and texts that are about entities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.pages.entities import mend_letters


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Une pr&eacute;cieuse", "Une précieuse"),
        ("D&eacute;j&agrave; vu", "Déjà vu"),
        ("&Eacute;cole cr&eacute;&eacute;e", "École créée"),
        ("Stra&szlig;e &lt;b&gt;f&uuml;r", "Straße &lt;b&gt;für"),
        ("&Alpha;θήνα, &Mcy;осква", "Αθήνα, Москва"),
    ],
)
def test_a_letter_in_a_word_is_a_letter(text, shown):
    """A word that still holds an entity for a letter has no other sense than the word with it."""
    assert mend_letters(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "When to use &nbsp; and &#160;",
        "&eacute; or &egrave;?",
        "What is &eacute;&agrave; in HTML?",
        "a&lt;b&amp;c&quot;d",
        "pr&#233;cieuse, pr&#xe9;cieuse",
        "x&int;y, x&ne;y, a&frac12;b",
        "pr&eacute cieuse",
        "pr&eacutex;cieuse",
        "AT&T",
        "",
    ],
)
def test_all_else_stays_as_a_browser_shows_it(text):
    """A text about entities, and whatever may have another sense, is not resolved once more."""
    assert mend_letters(text) == text


@given(st.text(alphabet="&eacutlgr;#1 x", max_size=40))
def test_nothing_but_letters_changes(text):
    """What is no letter is the same before and after, and a second time changes nothing."""
    mended = mend_letters(text)
    assert mend_letters(mended) == mended
    assert len(mended) <= len(text)
