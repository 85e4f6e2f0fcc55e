"""What each field of the GitHub fake's schema answers, over an `Activity`."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from graphql import GraphQLError

from tests.fakes.github_data import Activity, Hidden, Repository, sunday_of
from tests.fakes.github_schema import Fields, moment, page_info, page_size, refusal, stamp

MAX_REPOSITORIES = 100
_COLOURS = ("#ebedf0", "#9be9a8", "#40c463", "#30a14e", "#216e39")
_LEVELS = ("NONE", "FIRST_QUARTILE", "SECOND_QUARTILE", "THIRD_QUARTILE", "FOURTH_QUARTILE")


HIDDEN_WORDS: dict[Hidden, str] = {
    "saml": "Resource protected by organization SAML enforcement. You must grant your OAuth token"
    " access to this organization.",
    "rules": "Although you appear to have the correct authorization credentials, the organization"
    " has an IP allow list enabled, and your IP address is not permitted to access this resource.",
    "dmca": "Repository access blocked",
    "rights": "Resource not accessible by personal access token",
}


def hidden_error(reason: Hidden) -> GraphQLError:
    """The error in the place of a repository that the token may not see."""
    saml = {"saml_failure": True} if reason == "saml" else {}
    return GraphQLError(HIDDEN_WORDS[reason], extensions={"type": "FORBIDDEN", **saml})


class Resolvers:
    """The root of a query: callables take `(info, **arguments)`, as graphql-core's default resolver wants them."""

    def __init__(
        self,
        activity: Activity,
        now: datetime,
        rate_limit: Callable[[], Fields],
        max_first: int | None,
    ) -> None:
        self._activity = activity
        self._now = now
        self._rate_limit = rate_limit
        self._max_first = max_first

    def root(self) -> Fields:
        """The fields of `Query`."""
        return {
            "viewer": lambda _info: self._user(),
            "user": lambda _info, login: self._user_named(login),
            "repositoryOwner": lambda _info, login: self._owner_named(login),
            "repository": lambda _info, owner, name, **_: self._repository_named(owner, name),
            "node": lambda _info, **arguments: self._node(arguments["id"]),
            "nodes": lambda _info, ids: [self._node(one) for one in ids],
            "rateLimit": lambda _info, **_: self._rate_limit(),
        }

    @property
    def user_id(self) -> str:
        """The developer's opaque id."""
        return f"U_{self._activity.user_number}"

    def _user_named(self, login: str) -> Fields:
        if login.lower() != self._activity.login.lower():
            raise refusal(f"Could not resolve to a User with the login of '{login}'.", "NOT_FOUND")
        return self._user()

    def _owner_named(self, login: str) -> Fields | None:
        """An organization when it owns one of the repositories."""
        name = login.lower()
        if name == self._activity.login.lower():
            return self._user()
        owners = {one.owner.lower(): one.owner for one in self._activity.repositories}
        if name not in owners:
            return None
        return {"__typename": "Organization", "id": f"O_{owners[name]}", "login": owners[name]}

    def _user(self) -> Fields:
        activity = self._activity
        return {
            "__typename": "User",
            "id": self.user_id,
            "databaseId": activity.user_number,
            "login": activity.login,
            "name": "Octo Dev",
            "createdAt": stamp(activity.created_at),
            "url": f"https://github.com/{activity.login}",
            "contributionsCollection": lambda _info, **arguments: self._collection(arguments),
            "repositoriesContributedTo": lambda _info, **arguments: self._contributed_to(arguments),
        }

    def _node(self, node_id: str) -> Fields | None:
        if node_id == self.user_id:
            return self._user()
        found = next((one for one in self._activity.repositories if one.node_id == node_id), None)
        if found is None:
            raise refusal(
                f"Could not resolve to a node with the global id of '{node_id}'", "NOT_FOUND"
            )
        return self._repository(found)

    def _repository_named(self, owner: str, name: str) -> Fields | GraphQLError:
        wanted = f"{owner}/{name}".lower()
        for one in self._activity.repositories:
            if one.stats != "missing" and wanted in (
                one.full_name.lower(),
                *map(str.lower, one.former_names),
            ):
                return self._shown(one)
        raise refusal(
            f"Could not resolve to a Repository with the name '{owner}/{name}'.", "NOT_FOUND"
        )

    def _shown(self, one: Repository) -> Fields | GraphQLError:
        """The repository, or the error that takes its place."""
        return self._repository(one) if one.hidden is None else hidden_error(one.hidden)

    def _repository(self, one: Repository) -> Fields:
        mine = one.owner == self._activity.login
        owner = {
            "__typename": "User" if mine else "Organization",
            "id": f"O_{one.owner}",
            "login": one.owner,
        }
        empty = one.pushed_at is None
        return {
            "__typename": "Repository",
            "id": one.node_id,
            "databaseId": one.number,
            "name": one.name,
            "nameWithOwner": one.full_name,
            "owner": self._user() if mine else owner,
            "description": None,
            **dict.fromkeys(("isArchived", "isDisabled", "isLocked"), False),
            "isFork": one.fork,
            "isPrivate": one.private,
            "isEmpty": empty,
            "createdAt": stamp(self._activity.created_at),
            "pushedAt": None if one.pushed_at is None else stamp(one.pushed_at),
            "updatedAt": stamp(one.pushed_at or self._activity.created_at),
            "url": f"https://github.com/{one.full_name}",
            "stargazerCount": one.number % 50,
            "diskUsage": 0 if empty else 1000,
            "defaultBranchRef": None if empty else self._branch(one),
        }

    def _branch(self, one: Repository) -> Fields:
        assert one.pushed_at is not None
        commit = {
            "__typename": "Commit",
            "id": f"C_{one.number}",
            "oid": f"{one.number:040x}",
            "committedDate": stamp(one.pushed_at),
            "history": lambda _info, **arguments: self._history(one, arguments),
        }
        return {
            "id": f"REF_{one.number}",
            "name": "main",
            "prefix": "refs/heads/",
            "target": commit,
        }

    def _history(self, one: Repository, arguments: Fields) -> Fields:
        start = moment(arguments["since"]).date() if arguments.get("since") else date.min
        end = moment(arguments["until"]).date() if arguments.get("until") else date.max
        total, author = one.commits_between(start, end), arguments.get("author")
        if author is None:
            total += one.commits_of_others
        elif author.get("id") != self.user_id:
            total = 0
        return {"totalCount": total, "pageInfo": page_info([], 0, 0)}

    def _contributed_to(self, arguments: Fields) -> Fields:
        """Only what was touched within the last year: GitHub documents it as "recently contributed to"."""
        year_ago = self._now.date() - timedelta(days=365)
        found = [
            one
            for one in self._activity.repositories
            if (one.stats == "empty" or any(day >= year_ago for day in one.commits))
            and (arguments.get("includeUserRepositories") or one.owner != self._activity.login)
            and arguments.get("privacy") in (None, "PRIVATE" if one.private else "PUBLIC")
        ]
        order = arguments.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
        found.sort(
            key=lambda one: _sort_key(one, order["field"]), reverse=order["direction"] == "DESC"
        )
        first = page_size(arguments, "repositoriesContributedTo", self._max_first)
        start = int(arguments["after"].removeprefix("cursor:")) if arguments.get("after") else 0
        nodes = [self._shown(one) for one in found[start : start + first]]
        edges = [
            {"cursor": f"cursor:{start + index + 1}", "node": node}
            for index, node in enumerate(nodes)
        ]
        return {
            "totalCount": len(found),
            "nodes": nodes,
            "edges": edges,
            "pageInfo": page_info(found, start, first),
        }

    def _collection(self, arguments: Fields) -> Fields:
        start, end = self._span(arguments)
        first, last = start.date(), end.date()
        everything = self._activity.contributions()
        worked = [
            (count, one)
            for one in self._activity.repositories
            if not one.fork and (count := one.commits_between(first, last))
        ]
        return {
            "startedAt": stamp(start),
            "endedAt": stamp(end),
            "user": lambda _info: self._user(),
            "hasAnyContributions": any(
                first <= day <= last for day, count in everything.items() if count
            ),
            "hasAnyRestrictedContributions": False,
            "restrictedContributionsCount": 0,
            "contributionYears": sorted(
                {day.year for day, count in everything.items() if count}, reverse=True
            ),
            "contributionCalendar": lambda _info: _calendar(everything, first, last),
            "totalCommitContributions": sum(count for count, _ in worked),
            "totalRepositoriesWithContributedCommits": len(worked),
            "commitContributionsByRepository": lambda _info, **given: self._by_repository(
                worked, given, first, last
            ),
        }

    def _span(self, arguments: Fields) -> tuple[datetime, datetime]:
        start = moment(arguments["from"]) if arguments.get("from") else None
        end = moment(arguments["to"]) if arguments.get("to") else None
        if end is None:
            end = min(self._now, _a_year_after(start)) if start else self._now
        if start is None:
            start = end - timedelta(days=365)
        if start > end:
            raise refusal("`from` must be before `to`", "UNPROCESSABLE")
        if end > _a_year_after(start):
            raise refusal(
                "The total time spanned by 'from' and 'to' must not exceed 1 year", "UNPROCESSABLE"
            )
        return start, end

    def _by_repository(
        self, worked: list[tuple[int, Repository]], arguments: Fields, first: date, last: date
    ) -> list[Fields | GraphQLError]:
        most = arguments.get("maxRepositories", 25)
        if not 0 < most <= MAX_REPOSITORIES:
            raise refusal(
                f"Only up to {MAX_REPOSITORIES} repositories is supported", "ARGUMENT_LIMIT"
            )
        chosen = sorted(worked, key=lambda pair: (-pair[0], pair[1].number))[:most]
        return [self._repository_commits(count, one, first, last) for count, one in chosen]

    def _repository_commits(
        self, count: int, one: Repository, first: date, last: date
    ) -> Fields | GraphQLError:
        if one.hidden is not None and self._activity.hides_urls:
            return hidden_error(one.hidden)
        repository = self._shown(one)
        url = f"https://github.com/{one.full_name}/commits?author={self._activity.login}"

        def contributions(_info: object, **arguments: Any) -> Fields:
            size = (
                page_size(arguments, "contributions")
                if arguments.get("first") or arguments.get("last")
                else 0
            )
            days = sorted((day for day in one.commits if first <= day <= last), reverse=True)
            nodes = [
                {
                    "commitCount": one.commits[day],
                    "occurredAt": stamp(_midnight(day)),
                    "repository": repository,
                }
                for day in days[:size]
            ]
            return {"totalCount": count, "nodes": nodes, "pageInfo": page_info(days, 0, size)}

        return {"repository": repository, "url": url, "contributions": contributions}


def _calendar(everything: dict[date, int], first: date, last: date) -> Fields:
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    counts = {day: everything.get(day, 0) for day in days}
    most = max(counts.values(), default=0)
    weeks: dict[date, list[Fields]] = {}
    for day, count in counts.items():
        level = 0 if not count else min(4, 1 + 4 * (count - 1) // max(1, most))
        weeks.setdefault(sunday_of(day), []).append(
            {
                "date": day.isoformat(),
                "weekday": (day.weekday() + 1) % 7,
                "contributionCount": count,
                "contributionLevel": _LEVELS[level],
                "color": _COLOURS[level],
            }
        )
    return {
        "colors": list(_COLOURS[1:]),
        "isHalloween": False,
        "totalContributions": sum(counts.values()),
        "weeks": [
            {"firstDay": week[0]["date"], "contributionDays": week} for week in weeks.values()
        ],
    }


def _sort_key(one: Repository, order: str) -> tuple[str, int]:
    if order == "NAME":
        return one.name.lower(), one.number
    if order in ("PUSHED_AT", "UPDATED_AT"):
        return (stamp(one.pushed_at) if one.pushed_at else ""), one.number
    return "", one.number


def _a_year_after(start: datetime) -> datetime:
    try:
        return start.replace(year=start.year + 1)
    except ValueError:
        return start.replace(year=start.year + 1, month=3, day=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
