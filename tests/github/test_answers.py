"""What GitHub answers, read by its schema."""

from datetime import date

import pytest
from pydantic import TypeAdapter

from datafetch.github.answers import (
    CalendarDays,
    CommittedRepositories,
    ContributionYears,
    RepositoriesPage,
    RepositoryNode,
    read_as,
)
from datafetch.github.model import Day, Repository
from datafetch.upstream_errors import Malformed

NODE = {
    "id": "R_1",
    "nameWithOwner": "octo/hush",
    "isPrivate": True,
    "isFork": False,
    "pushedAt": "2026-01-01T00:00:00Z",
}


def page(*nodes: object) -> object:
    """A page of the list with these nodes."""
    connection = {"nodes": list(nodes), "pageInfo": {"hasNextPage": True, "endCursor": "c"}}
    return {"user": {"repositoriesContributedTo": connection}}


def test_a_repository_is_read_by_the_names_of_the_schema() -> None:
    """Fields that GitHub adds one day change nothing; a repository never pushed to has no push."""
    node = read_as(TypeAdapter(RepositoryNode), {**NODE, "more": 1, "pushedAt": None}, "repository")
    assert node.repository() == Repository("R_1", "octo/hush", private=True, pushed_at=None)


def test_a_page_has_its_nodes_and_the_way_to_the_next() -> None:
    """A repository that the token may not see is null; a list may be null as a whole."""
    read = read_as(TypeAdapter(RepositoriesPage), page(NODE, None), "page")
    assert read.nodes is not None
    assert [node and node.name_with_owner for node in read.nodes] == ["octo/hush", None]
    assert (read.more, read.cursor) == (True, "c")
    empty = {"nodes": None, "pageInfo": {"hasNextPage": False, "endCursor": None}}
    none = {"user": {"repositoriesContributedTo": empty}}
    assert read_as(TypeAdapter(RepositoriesPage), none, "page").nodes is None


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("NONE", 0),
        ("FIRST_QUARTILE", 1),
        ("SECOND_QUARTILE", 2),
        ("THIRD_QUARTILE", 3),
        ("FOURTH_QUARTILE", 4),
    ],
)
def test_levels_are_0_to_4(name: str, level: int) -> None:
    """The site paints a day by the number of its quartile."""
    day = {"date": "2026-11-24", "contributionCount": 3, "contributionLevel": name}
    calendar = {"contributionCalendar": {"weeks": [{"contributionDays": [day]}]}}
    read = read_as(TypeAdapter(CalendarDays), calendar, "calendar")
    assert read.days() == [Day(date(2026, 11, 24), 3, level)]


@pytest.mark.parametrize(
    ("adapter", "value", "field"),
    [
        (TypeAdapter(ContributionYears), {"user": None}, "contributionYears"),
        (TypeAdapter(ContributionYears), [], ""),
        (TypeAdapter(RepositoriesPage), page({**NODE, "isFork": None}), "nodes.0.isFork"),
        (TypeAdapter(RepositoriesPage), page({**NODE, "nameWithOwner": "hush"}), "nameWithOwner"),
        (TypeAdapter(RepositoriesPage), page({**NODE, "nameWithOwner": ["hush"]}), "nameWithOwner"),
        (TypeAdapter(RepositoryNode), {"nameWithOwner": "octo/hush"}, "id"),
        (
            TypeAdapter(CommittedRepositories),
            {"commitContributionsByRepository": [{"repository": {**NODE, "id": {"x": "hush"}}}]},
            "commitContributionsByRepository.0.repository.id",
        ),
    ],
)
def test_an_answer_that_is_not_as_documented_is_named_by_its_field(
    adapter: TypeAdapter[object], value: object, field: str
) -> None:
    """The message says which part of which answer is wrong, but no name: it may be a private one."""
    with pytest.raises(Malformed, match="GitHub's list is not as documented") as caught:
        read_as(adapter, value, "list", url="https://api.example.com/graphql")
    assert field in str(caught.value)
    assert caught.value.url == "https://api.example.com/graphql"
    assert "hush" not in f"{caught.value}{caught.value.__cause__}"
