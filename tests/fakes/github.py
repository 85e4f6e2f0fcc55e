"""GitHub: GraphQL and REST over one `Activity`, with budgets, 202s, renames, and the paths of Enterprise."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from graphql import DocumentNode, GraphQLError, execute_sync, parse, validate

from tests.fakes.base import Action, Answer, App, Request, Response
from tests.fakes.github_data import Activity, Repository, contributor, make_activity
from tests.fakes.github_resolvers import HIDDEN_WORDS, Resolvers
from tests.fakes.github_schema import TooSlowError, schema, stamp

HOST = "api.github.com"
TOKEN = "github_pat_0123456789ABCDEFGHIJ_fake"
_DOCS = "https://docs.github.com/rest"
_TOO_SLOW = b"<html><title>502 Bad Gateway</title></html>"


@dataclass
class Budget:
    """A rate limit: `limit` requests until `reset_at` (epoch seconds), then again."""

    resource: str
    clock: Callable[[], float]
    limit: int = 5000
    used: int = 0
    reset_at: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def remaining(self) -> int:
        """What is left."""
        return max(0, self.limit - self.used)

    def spend(self, cost: int = 1) -> bool:
        """Take from it; False when nothing is left."""
        with self._lock:
            now = self.clock()
            if now >= self.reset_at:
                self.reset_at, self.used = int(now) + 3600, 0
            if self.used + cost > self.limit:
                return False
            self.used += cost
            return True

    def exhaust(self, reset_in_s: float = 3600) -> None:
        """Leave nothing until then."""
        with self._lock:
            self.used, self.reset_at = self.limit, int(self.clock() + reset_in_s)

    def headers(self) -> dict[str, str]:
        """As each answer carries them."""
        return {f"x-ratelimit-{name}": str(value) for name, value in self.figures().items()} | {
            "x-ratelimit-resource": self.resource
        }

    def figures(self) -> dict[str, int]:
        """As `/rate_limit` gives them."""
        return {
            "limit": self.limit,
            "remaining": self.remaining,
            "reset": self.reset_at,
            "used": self.used,
        }


class GitHubApp(App):
    """GraphQL at `/graphql` (or `/api/graphql`), REST at the root (or `/api/v3`).

    `max_first` makes larger pages of repositories fail with 502, as GitHub does when a query takes too long.
    """

    def __init__(
        self,
        activity: Activity | None = None,
        *,
        token: str = TOKEN,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.activity = activity if activity is not None else make_activity()
        self.token = token
        self.clock = clock
        self.core = Budget("core", clock)
        self.graphql = Budget("graphql", clock)
        self.max_first: int | None = None
        self._documents: dict[str, DocumentNode | list[GraphQLError]] = {}
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        """Route a request."""
        if "user-agent" not in request.headers:
            return Response.text(
                "Request forbidden by administrative rules. Please make sure a User-Agent is sent.",
                403,
            )
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "token") or token != self.token:
            return _message(401, "Bad credentials")
        base = "/api/v3" if request.path.startswith("/api/v3/") else ""
        path = request.path.removeprefix(base)
        if path in ("/graphql", "/api/graphql"):
            return self._graphql(request)
        if path == "/rate_limit":
            figures = {budget.resource: budget.figures() for budget in (self.core, self.graphql)}
            return Response.json({"resources": figures, "rate": self.core.figures()})
        return self._rest(request, base, path)

    # GraphQL

    def _graphql(self, request: Request) -> Response:
        if request.method != "POST":
            return _message(404, "Not Found")
        try:
            sent = request.json()
            query, variables = sent["query"], sent.get("variables") or {}
        except (ValueError, KeyError, TypeError):
            return _message(400, "Problems parsing JSON")
        if not self.graphql.spend():
            body = {
                "errors": [
                    {
                        "type": "RATE_LIMITED",
                        "message": "API rate limit already exceeded for user ID 1.",
                    }
                ]
            }
            return Response.json(body, headers=self.graphql.headers())
        try:
            answered = self._execute(query, variables, sent.get("operationName"))
        except TooSlowError:
            return Response(502, {"Content-Type": "text/html"}, _TOO_SLOW)
        return Response.json(answered, headers=self.graphql.headers())

    def _execute(
        self, query: str, variables: dict[str, Any], operation: str | None
    ) -> dict[str, Any]:
        document = self._document(query)
        if isinstance(document, list):
            return {"errors": [_formatted(error) for error in document]}
        now = datetime.fromtimestamp(self.clock(), UTC)
        resolvers = Resolvers(self.activity, now, self._rate_limit, self.max_first)
        result = execute_sync(
            schema(),
            document,
            resolvers.root(),
            variable_values=variables,
            operation_name=operation,
        )
        for error in result.errors or ():
            if isinstance(error.original_error, TooSlowError):
                raise error.original_error
        answered: dict[str, Any] = {"data": result.data}
        if result.errors:
            answered["errors"] = [_formatted(error) for error in result.errors]
        return answered

    def _document(self, query: str) -> DocumentNode | list[GraphQLError]:
        """The parsed and validated query, or what is wrong with it; remembered."""
        if query not in self._documents:
            try:
                document = parse(query)
            except GraphQLError as error:
                self._documents[query] = [error]
            else:
                self._documents[query] = validate(schema(), document) or document
        return self._documents[query]

    def _rate_limit(self) -> dict[str, Any]:
        figures = self.graphql.figures()
        reset = stamp(datetime.fromtimestamp(figures.pop("reset"), UTC))
        return {"cost": 1, "nodeCount": 1, "resetAt": reset, **figures}

    # REST

    def _rest(self, request: Request, base: str, path: str) -> Response:
        if not self.core.spend():
            limited = _message(403, "API rate limit exceeded for user ID 1.")
            return limited.changed(headers={**limited.headers, **self.core.headers()})
        response = self._resource(request, base, path)
        if response.status == 200:
            etag = f'W/"{hashlib.sha256(response.body).hexdigest()}"'
            response.headers["ETag"] = etag
            if etag in request.headers.get("if-none-match", ""):
                with self._lock:
                    self.core.used -= 1
                response = Response(304, {"ETag": etag})
        response.headers.update(self.core.headers())
        return response

    def _resource(self, request: Request, base: str, path: str) -> Response:
        parts = path.strip("/").split("/")
        if parts in (["user"], ["users", self.activity.login]):
            return Response.json(
                {"login": self.activity.login, "id": self.activity.user_number, "type": "User"}
            )
        if parts[0] == "repos" and len(parts) >= 3:
            name, rest = "/".join(parts[1:3]), parts[3:]
            moved = next(
                (one for one in self.activity.repositories if name in one.former_names), None
            )
            if moved is not None:
                location = "/".join(
                    [f"{request.scheme}://{request.host}{base}/repositories/{moved.number}", *rest]
                )
                return Response.json(
                    {"message": "Moved Permanently", "url": location}, 301, {"Location": location}
                )
            found = self.activity.find(name)
        elif parts[0] == "repositories" and len(parts) >= 2:
            rest = parts[2:]
            found = next(
                (one for one in self.activity.repositories if str(one.number) == parts[1]), None
            )
        else:
            return _message(404, "Not Found")
        if found is None or found.stats == "missing" or rest not in ([], ["stats", "contributors"]):
            return _message(404, "Not Found")
        if found.hidden is not None:
            return _hidden(found)
        return self._statistics(found) if rest else Response.json(_described(found))

    def _statistics(self, repository: Repository) -> Response:
        with self._lock:
            waiting = repository.pending > 0
            repository.pending = max(0, repository.pending - 1)
        if waiting:
            return Response.json({}, 202)
        if repository.stats == "empty":
            return Response(204)
        others = {"w": 1577836800, "a": 10, "d": 5, "c": max(1, repository.commits_of_others)}
        found = [contributor("hubot", 480938, [others])]
        if repository.stats != "absent" and repository.commits:
            found.append(
                contributor(self.activity.login, self.activity.user_number, repository.weeks())
            )
        return Response.json(found)


def secondary_limit(retry_after: str | None = "30", status: int = 403) -> Action:
    """GitHub's answer to too many requests at once; `retry_after` in seconds or as a date."""
    body = {
        "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    }
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    return lambda _request, _answer: Response.json(body, status, headers)


def partial_data(
    path: Sequence[str | int], message: str = "Something went wrong", kind: str = "INTERNAL"
) -> Action:
    """The proper GraphQL answer with null at `path` (below `data`) and an error that says so."""

    def act(request: Request, answer: Answer) -> Response:
        proper = answer(request)
        value = json.loads(proper.body)
        place = value["data"]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = None
        value["errors"] = [{"type": kind, "path": list(path), "message": message}]
        return Response.json(value, headers=proper.headers)

    return act


def _hidden(repository: Repository) -> Response:
    """REST's answer about a repository that the token may not see."""
    assert repository.hidden is not None
    words = HIDDEN_WORDS[repository.hidden]
    if repository.hidden == "dmca":
        block = {"reason": "dmca", "created_at": "2024-01-17T00:00:00Z", "html_url": "https://x"}
        return Response.json({"message": words, "block": block}, 451)
    answer = _message(403, words)
    if repository.hidden == "saml":
        url = f"https://github.com/orgs/{repository.owner}/sso?authorization_request=AAAB"
        answer.headers["X-GitHub-SSO"] = f"required; url={url}"
    return answer


def _message(status: int, message: str) -> Response:
    return Response.json(
        {"message": message, "documentation_url": _DOCS, "status": str(status)}, status
    )


def _formatted(error: GraphQLError) -> dict[str, Any]:
    extensions = dict(error.extensions or {})
    kind = {"type": extensions.pop("type")} if "type" in extensions else {}
    return (
        {**kind, **error.formatted, "extensions": extensions}
        if extensions
        else {**kind, **_bare(error)}
    )


def _bare(error: GraphQLError) -> dict[str, Any]:
    return {name: value for name, value in error.formatted.items() if name != "extensions"}


def _described(one: Repository) -> dict[str, Any]:
    pushed = stamp(one.pushed_at) if one.pushed_at else None
    return {
        "id": one.number,
        "node_id": one.node_id,
        "name": one.name,
        "full_name": one.full_name,
        "owner": {"login": one.owner, "id": 1},
        "private": one.private,
        "fork": one.fork,
        "archived": False,
        "size": 1000 if pushed else 0,
        "default_branch": "main",
        "html_url": f"https://github.com/{one.full_name}",
        "created_at": pushed,
        "updated_at": pushed,
        "pushed_at": pushed,
    }
