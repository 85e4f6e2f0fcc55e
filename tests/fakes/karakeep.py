"""The bookmark server: Karakeep's REST API over lists, bookmarks and assets, with mutators for tests."""

import base64
import bisect
import copy
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.base import App, Request, Response
from tests.fakes.karakeep_items import Json, asset, bare_link, iso, link, tag, text

__all__ = [
    "HOST",
    "LIST_ID",
    "TOKEN",
    "Json",
    "KarakeepApp",
    "asset",
    "bare_link",
    "iso",
    "link",
    "tag",
    "text",
]

HOST = "karakeep.example.org"
TOKEN = "ak2_0123456789abcdef_karakeep"
LIST_ID = "kl7xq2m4w9t1"
DEFAULT_LIMIT, MAX_LIMIT = 20, 100


class KarakeepApp(App):
    """Lists, bookmarks and assets behind a bearer token."""

    def __init__(
        self, bookmarks: Iterable[Json] = (), *, token: str = TOKEN, list_id: str = LIST_ID
    ) -> None:
        """One list with these bookmarks."""
        super().__init__()
        self.token = token
        self.list_id = list_id
        self._lock = threading.RLock()
        self._bookmarks: dict[str, Json] = {}
        self._members: dict[str, set[str]] = {list_id: set()}
        self._sorted: dict[str, list[tuple[str, str]]] = {}
        self._assets: dict[str, tuple[str, bytes]] = {}
        self._parents: dict[str, str | None] = {}
        self._names: dict[str, str] = {}
        self._smart: set[str] = set()
        self.scopes = {"lists:read", "bookmarks:read", "assets:read"}
        self.add(*bookmarks)

    # What tests change

    def add(self, *bookmarks: Json, list_id: str | None = None) -> None:
        """Save bookmarks and put them on the list."""
        with self._lock:
            for bookmark in bookmarks:
                self._bookmarks[bookmark["id"]] = copy.deepcopy(bookmark)
                self._members.setdefault(list_id or self.list_id, set()).add(bookmark["id"])
            self._sorted.clear()

    def remove(self, *bookmark_ids: str) -> None:
        """Delete bookmarks altogether."""
        with self._lock:
            for bookmark_id in bookmark_ids:
                del self._bookmarks[bookmark_id]
                for members in self._members.values():
                    members.discard(bookmark_id)
            self._sorted.clear()

    def leave_list(self, *bookmark_ids: str, list_id: str | None = None) -> None:
        """Take bookmarks off the list; they stay on the server."""
        with self._lock:
            self._members[list_id or self.list_id].difference_update(bookmark_ids)
            self._sorted.clear()

    def join_list(self, *bookmark_ids: str, list_id: str | None = None) -> None:
        """Put existing bookmarks on the list; they stand where their creation puts them."""
        with self._lock:
            self._members.setdefault(list_id or self.list_id, set()).update(bookmark_ids)
            self._sorted.clear()

    def name(self, list_id: str, name: str) -> None:
        """Give a list, which is made if need be, a name."""
        with self._lock:
            self._members.setdefault(list_id, set())
            self._names[list_id] = name

    def nest(self, list_id: str, parent: str | None) -> None:
        """Put a list, which is made if need be, below another."""
        with self._lock:
            self._members.setdefault(list_id, set())
            self._parents[list_id] = parent

    def drop_list(self, list_id: str) -> None:
        """Delete a list; its bookmarks stay on the server."""
        with self._lock:
            del self._members[list_id]
            self._parents.pop(list_id, None)
            self._sorted.clear()

    def make_smart(self, list_id: str | None = None) -> None:
        """Make the list a stored search: what it finds is what was put on it."""
        self._smart.add(list_id or self.list_id)

    def edit(self, bookmark_id: str, *, modified: datetime | None = None, **fields: Any) -> None:
        """Change fields as a user does: `modifiedAt` moves, by an hour unless said."""
        with self._lock:
            bookmark = self._bookmarks[bookmark_id]
            before = datetime.fromisoformat(bookmark["modifiedAt"] or bookmark["createdAt"])
            bookmark.update(fields, modifiedAt=iso(modified or before + timedelta(hours=1)))
            self._sorted.clear()

    def crawl(self, bookmark_id: str, **content: Any) -> None:
        """Change the content as the server's crawler does: `modifiedAt` does not move."""
        with self._lock:
            self._bookmarks[bookmark_id]["content"].update(content)

    def resave(self, bookmark_id: str, created: datetime) -> None:
        """Save a URL again, which moves its place in the list."""
        with self._lock:
            self._bookmarks[bookmark_id]["createdAt"] = iso(created)
            self._sorted.clear()

    def malform(self, bookmark_id: str, **fields: Any) -> None:
        """Break an item: any value in any field, against the server's own schema; `...` removes the field."""
        with self._lock:
            bookmark = self._bookmarks[bookmark_id]
            bookmark.update(fields)
            for name in [name for name, value in fields.items() if value is ...]:
                del bookmark[name]
            self._sorted.clear()

    def put_asset(self, asset_id: str, body: bytes, content_type: str = "image/jpeg") -> None:
        """Store a file."""
        self._assets[asset_id] = (content_type, body)

    def bookmark(self, bookmark_id: str) -> Json:
        """A copy of what the server holds."""
        with self._lock:
            return copy.deepcopy(self._bookmarks[bookmark_id])

    def known(self) -> set[str]:
        """The ids of all bookmarks of the server, on a list or not."""
        with self._lock:
            return set(self._bookmarks)

    def ids(self, list_id: str | None = None) -> list[str]:
        """The ids of the list in the API's order, newest first."""
        with self._lock:
            return [
                bookmark_id for _, bookmark_id in reversed(self._order(list_id or self.list_id))
            ]

    # What clients see

    def answer(self, request: Request) -> Response:
        """Route a request."""
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Response.text("Unauthorized", 401)
        parts = request.path.strip("/").removeprefix("api/").removeprefix("v1/").split("/")
        if (scope := _scope(parts)) not in self.scopes:
            message = f"The API key lacks the scope {scope}"
            return Response.json({"code": "FORBIDDEN", "message": message}, 403)
        with self._lock:
            match parts:
                case ["lists", *rest]:
                    return self._lists(rest, request.params)
                case ["bookmarks", bookmark_id, *rest]:
                    return self._one(bookmark_id, rest, request.params)
                case ["assets", asset_id]:
                    return self._asset(asset_id)
        return Response.text("404 Not Found", 404)

    def _lists(self, rest: list[str], params: dict[str, str]) -> Response:
        match rest:
            case []:
                return Response.json({"lists": [self._list(list_id) for list_id in self._members]})
            case [list_id] if list_id in self._members:
                return Response.json(self._list(list_id))
            case [list_id, "bookmarks"] if list_id in self._members:
                return self._page(list_id, params)
        return _missing("List")

    def _one(self, bookmark_id: str, rest: list[str], params: dict[str, str]) -> Response:
        if bookmark_id not in self._bookmarks or rest not in ([], ["lists"]):
            return _missing("Bookmark")
        if not rest:
            full = params.get("includeContent") == "true"
            return Response.json(_shown(self._bookmarks[bookmark_id], full=full))
        on = [
            list_id
            for list_id, members in self._members.items()
            if bookmark_id in members and list_id not in self._smart
        ]
        return Response.json({"lists": [self._list(list_id) for list_id in on]})

    def _page(self, list_id: str, params: dict[str, str]) -> Response:
        try:
            limit = int(params.get("limit", DEFAULT_LIMIT))
            cursor = _read_cursor(params["cursor"]) if "cursor" in params else None
        except ValueError:
            return Response.json({"code": "BAD_REQUEST", "message": "Invalid query"}, 400)
        if not 1 <= limit <= MAX_LIMIT:
            return Response.json(
                {"code": "BAD_REQUEST", "message": f"limit must be at most {MAX_LIMIT}"}, 400
            )
        order, full = self._order(list_id), params.get("includeContent") == "true"
        if params.get("sortOrder") == "asc":
            start = 0 if cursor is None else bisect.bisect_left(order, cursor)
            found = order[start : start + limit + 1]
        else:
            end = len(order) if cursor is None else bisect.bisect_right(order, cursor)
            found = order[max(0, end - limit - 1) : end][::-1]
        page, following = found[:limit], found[limit:]
        return Response.json(
            {
                "bookmarks": [
                    _shown(self._bookmarks[bookmark_id], full=full) for _, bookmark_id in page
                ],
                "nextCursor": _cursor(*following[0]) if following else None,
            }
        )

    def _order(self, list_id: str) -> list[tuple[str, str]]:
        """(createdAt in a form that sorts, id) of the list's bookmarks, oldest first."""
        if list_id not in self._sorted:
            keys = [(self._bookmarks[key].get("createdAt"), key) for key in self._members[list_id]]
            self._sorted[list_id] = sorted((_sortable(created), key) for created, key in keys)
        return self._sorted[list_id]

    def _list(self, list_id: str) -> Json:
        return {
            "id": list_id,
            "name": self._names.get(list_id, f"List {list_id}"),
            "description": None,
            "icon": "🚀",
            "parentId": self._parents.get(list_id),
            "type": "smart" if list_id in self._smart else "manual",
            "query": "is:fav" if list_id in self._smart else None,
            "public": False,
            "hasCollaborators": False,
            "userRole": "owner",
        }

    def _asset(self, asset_id: str) -> Response:
        if asset_id not in self._assets:
            return _missing("Asset")
        content_type, body = self._assets[asset_id]
        return Response(
            200, {"Content-Type": content_type, "Cache-Control": "private, max-age=31536000"}, body
        )


def _sortable(created: object) -> str:
    """A time as a text that sorts: before all others one before year 0, last one after year 9999."""
    text = str(created or "")
    return {"-": "!", "+": "~"}.get(text[:1], "") + text


def _scope(parts: list[str]) -> str:
    """What a key has to be allowed for a path: the lists of a bookmark are lists."""
    if parts[0] == "assets":
        return "assets:read"
    if parts[0] == "lists":
        return "bookmarks:read" if parts[2:] == ["bookmarks"] else "lists:read"
    return "lists:read" if parts[2:] == ["lists"] else "bookmarks:read"


def _shown(bookmark: Json, *, full: bool) -> Json:
    content = bookmark.get("content")
    if full or not isinstance(content, dict) or "htmlContent" not in content:
        return bookmark
    return {**bookmark, "content": {**content, "htmlContent": None}}


def _missing(what: str) -> Response:
    return Response.json({"code": "NOT_FOUND", "message": f"{what} not found"}, 404)


def _cursor(created: str, bookmark_id: str) -> str:
    return base64.urlsafe_b64encode(f"{created} {bookmark_id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[str, str]:
    """What a cursor names. Raises ValueError for one that was made up."""
    created, space, bookmark_id = (
        base64.b64decode(cursor, b"-_", validate=True).decode().partition(" ")
    )
    if not space:
        raise ValueError(cursor)
    return created, bookmark_id
