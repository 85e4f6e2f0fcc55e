"""The GitHub values that decide something themselves."""

from dataclasses import replace

import pytest

from datafetch.github.model import RememberedRepository, Repository, Status, is_full_name


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
    assert Repository("R_1", "octo/site").label == "a private repository"
    assert Repository("R_1", "octo/site", private=False).label == "octo/site"


def test_a_repository_is_the_same_after_a_rename() -> None:
    """The node id tells repositories apart; without one the name does, in any case."""
    assert Repository("R_1", "octo/site").identity == Repository("R_1", "octo/new").identity
    assert Repository("", "Octo/Site").identity == Repository("", "octo/site").identity


def test_what_is_remembered_tells_which_repository_it_was() -> None:
    """A repository that GitHub no longer lists is looked up, and counted, by what was seen last."""
    repository = Repository("R_1", "octo/site", private=False, pushed_at="2026-01-01T00:00:00Z")
    known = RememberedRepository.of(repository, "octo_site")
    assert (known.status, known.csv) == (Status.NEW, "octo_site")
    assert replace(known, status=Status.GONE).repository == repository
