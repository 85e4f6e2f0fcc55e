"""Where GraphQL is, and how batches adapt."""

import pytest

from datafetch.github.graphql import Adaptive, endpoint


@pytest.mark.parametrize(
    ("base", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://api.github.com/", "https://api.github.com/graphql"),
        ("https://git.example.com/api/v3", "https://git.example.com/api/graphql"),
        ("https://git.example.com/api/v3/", "https://git.example.com/api/graphql"),
        ("https://api.octo.ghe.com", "https://api.octo.ghe.com/graphql"),
    ],
)
def test_graphql_is_found_from_the_rest_base(base: str, graphql: str) -> None:
    """One setting names both, for github.com, Enterprise Server and Enterprise Cloud."""
    assert endpoint(base) == graphql


def test_sizes_halve_to_their_least_and_grow_back() -> None:
    """After it was too much the size grows again, but not at the very next query."""
    size = Adaptive(100, 100, least=10)
    for _ in range(6):
        size.shrink()
    assert size.size == 10
    grown = []
    for _ in range(10):
        size.grow()
        grown.append(size.size)
    assert grown[0] == 10
    assert grown[-1] == 100
