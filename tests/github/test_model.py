"""The GitHub values that decide something themselves."""

import pytest

from datafetch.github.model import PRIVATE_LABEL, Repository, is_full_name


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("octo/site", True),
        ("octo_corp/next.js", True),
        ("octo/.github", True),
        ("octo", False),
        ("octo/", False),
        ("/site", False),
        ("octo/site/issues", False),
        ("octo/..", False),
        ("octo/.", False),
        ("octo/a b", False),
        ("octo/a?b", False),
        ("../secret", False),
    ],
)
def test_only_owner_and_name_is_a_full_name(text: str, fits: bool) -> None:
    """Names make keys and URLs: nothing else gets through."""
    assert is_full_name(text) == fits


def test_a_private_repository_has_no_name_to_show() -> None:
    """Names of private repositories, and of those not known to be public, stay out of logs."""
    assert Repository("R_1", "octo/site").label == PRIVATE_LABEL
    assert Repository("R_1", "octo/site", private=False).label == "octo/site"


def test_a_repository_is_the_same_after_a_rename() -> None:
    """The node id tells repositories apart; without one the name does, in any case."""
    assert Repository("R_1", "octo/site").identity == Repository("R_1", "octo/new").identity
    assert Repository("", "Octo/Site").identity == Repository("", "octo/site").identity
