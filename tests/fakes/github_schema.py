"""The part of GitHub's GraphQL schema that the fake answers, with its scalars, paging rules and refusals."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_schema

SDL = """
scalar Date
scalar DateTime
scalar GitTimestamp
scalar URI
scalar GitObjectID

enum ContributionLevel { FIRST_QUARTILE FOURTH_QUARTILE NONE SECOND_QUARTILE THIRD_QUARTILE }
enum RepositoryContributionType { COMMIT ISSUE PULL_REQUEST PULL_REQUEST_REVIEW REPOSITORY }
enum RepositoryOrderField { CREATED_AT NAME PUSHED_AT STARGAZERS UPDATED_AT }
enum RepositoryPrivacy { PRIVATE PUBLIC }
enum OrderDirection { ASC DESC }
enum CommitContributionOrderField { COMMIT_COUNT OCCURRED_AT }

input RepositoryOrder { direction: OrderDirection! field: RepositoryOrderField! }
input CommitContributionOrder { direction: OrderDirection! field: CommitContributionOrderField! }
input CommitAuthor { emails: [String!] id: ID }

interface Node { id: ID! }
interface RepositoryOwner { id: ID! login: String! }
interface GitObject { id: ID! oid: GitObjectID! }

type Query {
  viewer: User!
  user(login: String!): User
  repositoryOwner(login: String!): RepositoryOwner
  repository(followRenames: Boolean = true, name: String!, owner: String!): Repository
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
  rateLimit(dryRun: Boolean = false): RateLimit
}

type RateLimit { cost: Int! limit: Int! nodeCount: Int! remaining: Int! resetAt: DateTime! used: Int! }

type PageInfo { endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String }

type User implements Node & RepositoryOwner {
  id: ID! databaseId: Int login: String! name: String createdAt: DateTime! url: URI!
  contributionsCollection(from: DateTime, organizationID: ID, to: DateTime): ContributionsCollection!
  repositoriesContributedTo(
    after: String before: String contributionTypes: [RepositoryContributionType] first: Int hasIssues: Boolean
    includeUserRepositories: Boolean isLocked: Boolean last: Int orderBy: RepositoryOrder privacy: RepositoryPrivacy
  ): RepositoryConnection!
}

type Organization implements Node & RepositoryOwner { id: ID! login: String! }

type ContributionsCollection {
  commitContributionsByRepository(maxRepositories: Int = 25): [CommitContributionsByRepository!]!
  contributionCalendar: ContributionCalendar!
  contributionYears: [Int!]!
  endedAt: DateTime!
  hasAnyContributions: Boolean!
  hasAnyRestrictedContributions: Boolean!
  restrictedContributionsCount: Int!
  startedAt: DateTime!
  totalCommitContributions: Int!
  totalRepositoriesWithContributedCommits: Int!
  user: User!
}

type ContributionCalendar {
  colors: [String!]! isHalloween: Boolean! totalContributions: Int! weeks: [ContributionCalendarWeek!]!
}
type ContributionCalendarWeek { contributionDays: [ContributionCalendarDay!]! firstDay: Date! }
type ContributionCalendarDay {
  color: String! contributionCount: Int! contributionLevel: ContributionLevel! date: Date! weekday: Int!
}

type CommitContributionsByRepository {
  contributions(
    after: String before: String first: Int last: Int
    orderBy: CommitContributionOrder = {field: OCCURRED_AT, direction: DESC}
  ): CreatedCommitContributionConnection!
  repository: Repository!
  url: URI!
}
type CreatedCommitContributionConnection { nodes: [CreatedCommitContribution] pageInfo: PageInfo! totalCount: Int! }
type CreatedCommitContribution { commitCount: Int! occurredAt: DateTime! repository: Repository! }

type RepositoryConnection { edges: [RepositoryEdge] nodes: [Repository] pageInfo: PageInfo! totalCount: Int! }
type RepositoryEdge { cursor: String! node: Repository }

type Repository implements Node {
  id: ID! databaseId: Int name: String! nameWithOwner: String! owner: RepositoryOwner! description: String
  isFork: Boolean! isPrivate: Boolean! isEmpty: Boolean! isArchived: Boolean! isDisabled: Boolean! isLocked: Boolean!
  createdAt: DateTime! pushedAt: DateTime updatedAt: DateTime! url: URI! stargazerCount: Int! diskUsage: Int
  defaultBranchRef: Ref
}
type Ref implements Node { id: ID! name: String! prefix: String! target: GitObject }
type Commit implements Node & GitObject {
  id: ID! oid: GitObjectID! committedDate: DateTime!
  history(
    after: String author: CommitAuthor before: String first: Int last: Int path: String
    since: GitTimestamp until: GitTimestamp
  ): CommitHistoryConnection!
}
type CommitHistoryConnection { pageInfo: PageInfo! totalCount: Int! }
"""

MAX_PAGE = 100

Fields = dict[str, Any]


@cache
def schema() -> GraphQLSchema:
    """The schema, built once."""
    return build_schema(SDL)


def refusal(message: str, kind: str) -> GraphQLError:
    """An error with GitHub's `type`."""
    return GraphQLError(message, extensions={"type": kind})


class TooSlowError(Exception):
    """A page that GitHub would not finish in time, which it answers with 502."""


def stamp(value: datetime) -> str:
    """A time as GitHub writes it."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """A DateTime argument. Raises GraphQLError for anything but ISO 8601 with a time zone."""
    try:
        value = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise refusal(
            f"'{text}' is not a valid DateTime", "argumentLiteralsIncompatible"
        ) from error
    if value.tzinfo is None:
        raise refusal(f"'{text}' is not a valid DateTime", "argumentLiteralsIncompatible")
    return value.astimezone(UTC)


def page_size(arguments: Fields, connection: str, most: int | None = None) -> int:
    """The `first` of a connection. Raises GraphQLError when it is missing or above 100, as GitHub does.

    Above `most`, TooSlowError.
    """
    size = arguments.get("first") or arguments.get("last")
    if size is None:
        raise refusal(
            f"You must provide a `first` or `last` value to properly paginate the `{connection}` connection.",
            "MISSING_PAGINATION_BOUNDARIES",
        )
    if size > MAX_PAGE:
        raise refusal(
            f"Requesting {size} records on the `{connection}` connection exceeds the `first` limit of 100 records.",
            "EXCESSIVE_PAGINATION",
        )
    if most is not None and size > most:
        raise TooSlowError(size)
    return int(size)


def page_info(found: list[Any], start: int, size: int) -> Fields:
    """The `pageInfo` of `size` items from `start` on."""
    end = min(start + size, len(found))
    return {
        "hasNextPage": end < len(found),
        "hasPreviousPage": start > 0,
        "startCursor": f"cursor:{start + 1}" if end > start else None,
        "endCursor": f"cursor:{end}" if end > start else None,
    }
