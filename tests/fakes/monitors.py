"""Those who are told of runs, as the real ones answer: Healthchecks, Uptime Kuma, Gatus, Cronitor, a Pushgateway, a site."""

import hashlib
import hmac
import re
import uuid

from tests.fakes.base import App
from tests.fakes.message import Request, Response

PING_KEY = "pk-Zx81kQ7w"
BODY_LIMIT = 10_000


class HealthchecksApp(App):
    """Healthchecks' pinging API: any check below one ping key, which `create=1` makes.

    https://healthchecks.io/docs/http_api/; hc/api/views.py and hc/api/urls.py of
    healthchecks/healthchecks: 400 for a `rid` that is no UUID, 404 for an unknown check or action,
    201 for a check that the ping has made, bodies cut at the limit that `Ping-Body-Limit` names.
    """

    def __init__(self, *checks: str, body_limit: int | None = BODY_LIMIT) -> None:
        """`checks` are there already."""
        super().__init__()
        self.checks = set(checks)
        self.body_limit = body_limit
        self.pings: list[tuple[str, str, str, bytes]] = []

    def answer(self, request: Request) -> Response:
        found = re.fullmatch(rf"/{PING_KEY}/([a-z0-9_-]+)(/start|/fail|/log)?", request.path)
        if found is None:
            return Response.text("not found", 404)
        rid = request.params.get("rid")
        if rid is not None and not _is_uuid(rid):
            return Response.text("invalid uuid format", 400)
        slug, action = found[1], (found[2] or "/success")[1:]
        created = slug not in self.checks
        if created:
            if request.params.get("create") != "1":
                return Response.text("not found", 404)
            self.checks.add(slug)
        body = request.body if self.body_limit is None else request.body[: self.body_limit]
        self.pings.append((slug, action, rid or "", body))
        headers = {"Content-Type": "text/plain"}
        if self.body_limit is not None:
            headers["Ping-Body-Limit"] = str(self.body_limit)
        return Response(201, headers, b"Created") if created else Response(200, headers, b"OK")

    @property
    def actions(self) -> list[str]:
        """What was told, in order."""
        return [action for _, action, _, _ in self.pings]


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


class KumaApp(App):
    """A push monitor of Uptime Kuma (server/routers/api-router.js): GET only, as version 1 has it."""

    TOKEN = "Kq3vPz81tR"

    def __init__(self) -> None:
        """No beat yet."""
        super().__init__()
        self.beats: list[dict[str, str]] = []

    def answer(self, request: Request) -> Response:
        if request.method != "GET" or request.path != f"/api/push/{self.TOKEN}":
            return Response.json({"ok": False, "msg": "Monitor not found or not active."}, 404)
        ping = request.params.get("ping", "")
        if ping and not re.fullmatch(r"[0-9.]+", ping):
            return Response.json({"ok": False, "msg": "Invalid ping value"}, 400)
        self.beats.append(request.params)
        return Response.json({"ok": True})


class GatusApp(App):
    """An external endpoint of Gatus (api/external_endpoint.go): POST with its bearer token."""

    TOKEN = "g4tus-T0ken"

    def __init__(self) -> None:
        """No result yet."""
        super().__init__()
        self.results: list[dict[str, str]] = []

    def answer(self, request: Request) -> Response:
        found = re.fullmatch(r"/api/v1/endpoints/([a-z_-]+)/external", request.path)
        if request.method != "POST" or found is None:
            return Response.text("not found", 404)
        if request.params.get("success") not in ("true", "false"):
            return Response.text("missing or invalid success query parameter", 400)
        if request.headers.get("authorization") != f"Bearer {self.TOKEN}":
            return Response.text("invalid token", 401)
        if not re.fullmatch(r"[0-9]+(ms|s)", request.params.get("duration", "0s")):
            return Response.text("invalid duration", 400)
        self.results.append({"key": found[1], **request.params})
        return Response.text("")


class CronitorApp(App):
    """Cronitor's telemetry API: https://cronitor.io/docs/telemetry-api."""

    KEY = "cr0nit0rKey77"

    def __init__(self) -> None:
        """No event yet."""
        super().__init__()
        self.events: list[dict[str, str]] = []

    def answer(self, request: Request) -> Response:
        found = re.fullmatch(rf"/p/{self.KEY}/([a-z-]+)", request.path)
        if found is None:
            return Response.text("", 403)
        if request.params.get("state") not in ("run", "complete", "fail", "ok"):
            return Response.text("", 400)
        self.events.append({"monitor": found[1], **request.params})
        return Response.text("OK")


class ListenerApp(App):
    """Takes everything: a site that revalidates, a URL for changes, a Pushgateway, Apprise's JSON."""

    def answer(self, request: Request) -> Response:
        return Response.json({"ok": True})


def is_signed(request: Request, secret: str) -> bool:
    """Whether a request's body is signed as the guide says."""
    wanted = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    return request.headers.get("x-datafetch-signature") == f"sha256={wanted}"
