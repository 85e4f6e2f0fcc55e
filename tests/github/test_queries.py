"""Every query against GitHub's own schema."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from datafetch.github import queries
from datafetch.github.model import TimeWindow

SCHEMA = Path(__file__).parents[3] / "shared" / "contracts" / "github.graphql"
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
WINDOWS = [TimeWindow(NOW - timedelta(days=300 * n), NOW) for n in (1, 2, 3)]


@cache
def schema() -> GraphQLSchema:
    """GitHub's public schema; large, so read once."""
    return build_schema(SCHEMA.read_text(encoding="utf-8"), assume_valid=True)


@pytest.mark.skipif(not SCHEMA.exists(), reason="GitHub's schema is not here")
@pytest.mark.parametrize(
    "query",
    [
        queries.YEARS,
        queries.REPOSITORIES,
        queries.PAGE_END,
        queries.DAYS.text(WINDOWS),
        queries.TOTALS.text(WINDOWS),
        queries.COMMITS.text(WINDOWS),
        queries.COMMIT_URLS.text(WINDOWS),
        queries.lookups(3),
    ],
)
def test_every_query_is_valid(query: str) -> None:
    """All queries that are sent validate against GitHub's schema."""
    assert validate(schema(), parse(query)) == []
