"""Why a repository is kept from the token."""

from collections import Counter

import pytest

from datafetch.github.barriers import HiddenRepositories, barrier_in, words_of
from datafetch.github.model import Barrier


@pytest.mark.parametrize(
    ("message", "barrier"),
    [
        (
            (
                "Resource protected by organization SAML enforcement. You must grant your Personal"
                " Access token access to this organization."
            ),
            Barrier.SAML,
        ),
        (
            (
                "Although you appear to have the correct authorization credentials, the `acme`"
                " organization has an IP allow list enabled, and your IP address is not permitted"
            ),
            Barrier.RULES,
        ),
        (
            (
                "Although you appear to have the correct authorization credentials, the `acme`"
                " organization has enabled OAuth App access restrictions"
            ),
            Barrier.RULES,
        ),
        ("`acme` forbids access via a personal access token (classic).", Barrier.RULES),
        ("Repository access blocked", Barrier.BLOCKED),
        ("Resource not accessible by personal access token", None),
        ("Could not resolve to a Repository with the name 'acme/saml'.", None),
        ("", None),
    ],
)
def test_the_reason_is_read_from_github_s_words(message: str, barrier: Barrier | None) -> None:
    """They are those of public reports."""
    assert barrier_in(message) is barrier


def test_words_of_others_are_one_short_printable_line() -> None:
    """They forge no line of a log or a terminal."""
    assert words_of("one\r\n two\u2028three\x1b[31m\u202e") == "one two three [31m"
    assert len(words_of("x" * 5000)) == 300


def test_a_repository_that_has_a_name_somewhere_is_not_counted_twice() -> None:
    """The list and the windows of the years have the same repositories."""
    hidden = HiddenRepositories({"o/a": Barrier.SAML}, Counter({Barrier.SAML: 1}))
    assert hidden.unnamed(Barrier.SAML) == 0
    for _year in range(3):
        hidden.add_window(Counter({Barrier.SAML: 3, Barrier.RIGHTS: 1}))
    assert hidden.unnamed(Barrier.SAML) == 2
    assert hidden.unnamed(Barrier.RIGHTS) == 1
