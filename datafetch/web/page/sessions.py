"""Sessions of people at the status page: a signed cookie, and nothing that the server remembers.

The key is made of the secrets that are set, so whoever changes one of them ends all sessions. A page
of another site can neither read the cookie nor have it sent (SameSite=Strict), and each form brings a
token that belongs to its session.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from starlette.types import Scope

from datafetch.clock import Clock
from datafetch.web.auth import Secrets

LASTS_S = 12 * 3600
"""Seconds after which a session ends."""

_NAME = "datafetch_session"
_SECURE_NAME = f"__Host-{_NAME}"
"""Browsers take it only over HTTPS, from this host and for all paths (RFC 6265bis, 4.1.3.2)."""

_VALUE = re.compile(r"(act|see)\.([0-9]{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})", re.ASCII)
_NONCE_BYTES = 16
_COST = 2**14
"""A stolen cookie lets its thief try secrets; each try costs this much of scrypt (RFC 7914), 16 MiB."""


class Role(StrEnum):
    """What a session allows."""

    ACT = "act"
    SEE = "see"


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is valid now; `nonce` tells it from all others."""

    role: Role
    nonce: str

    @property
    def may_act(self) -> bool:
        """Whether what failed may be tried again."""
        return self.role is Role.ACT


class Sessions:
    """Opens sessions and knows them again."""

    def __init__(
        self,
        secret: Secrets,
        clock: Clock,
        nonces: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        """`secret` holds all secrets by which one can log in."""
        self._secret = secret
        self._clock = clock
        self._nonces = nonces

    def opened(self, role: Role, scope: Scope) -> str:
        """The `Set-Cookie` that begins a session."""
        expires = int(self._clock.now()) + LASTS_S
        signed = f"{role.value}.{expires}.{self._nonces(_NONCE_BYTES)}"
        return _cookie(f"{signed}.{self._mac('session', signed)}", LASTS_S, scope)

    @staticmethod
    def closed(scope: Scope) -> str:
        """The `Set-Cookie` that ends a session."""
        return _cookie("", 0, scope)

    def of(self, scope: Scope) -> Session | None:
        """The session that a request belongs to; None when it brings none that is valid."""
        if not self._secret:
            return None
        return next(filter(None, map(self._read, _cookies(scope))), None)

    def is_open(self, scope: Scope) -> bool:
        """Whether the request belongs to a session."""
        return self.of(scope) is not None

    def form_token(self, session: Session) -> str:
        """What each form of this session brings, so that no other site's form is taken for ours."""
        return self._mac("form", session.nonce)

    def has_token(self, session: Session, token: str) -> bool:
        """Whether a form of this session brought its token."""
        asked = token.encode(errors="surrogatepass")
        return hmac.compare_digest(self.form_token(session).encode(), asked)

    def _read(self, value: str) -> Session | None:
        found = _VALUE.fullmatch(value)
        if found is None:
            return None
        role, expires, nonce, mac = found.groups()
        if not hmac.compare_digest(self._mac("session", value[: -len(mac) - 1]), mac):
            return None
        return Session(Role(role), nonce) if int(expires) > self._clock.now() else None

    def _mac(self, use: str, text: str) -> str:
        return hmac.new(self._key, f"{use}\n{text}".encode(), hashlib.sha256).hexdigest()

    @cached_property
    def _key(self) -> bytes:
        known = b"".join(sorted(self._secret.digests))
        return hashlib.scrypt(known, salt=b"datafetch session", n=_COST, r=8, p=1, dklen=32)


def is_from_here(scope: Scope) -> bool:
    """Whether a form was sent from a page of this server, as far as the browser tells.

    `Sec-Fetch-Site` is believed first: it holds whatever proxies make of the host. Browsers send it
    over HTTPS and to this machine; elsewhere `Origin` has to name the host that is asked.
    """
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get(b"origin")
    if origin is None:
        return True
    host = headers.get(b"host", "")
    return bool(host) and origin in (f"http://{host}", f"https://{host}")


def _cookie(value: str, lasts_s: int, scope: Scope) -> str:
    is_secure = scope.get("scheme") == "https"
    text = f"{_SECURE_NAME if is_secure else _NAME}={value}; Path=/; Max-Age={lasts_s}"
    return f"{text}; HttpOnly; SameSite=Strict{'; Secure' if is_secure else ''}"


def _cookies(scope: Scope) -> Iterator[str]:
    """The values of the cookies with the name that a session has here."""
    wanted = _SECURE_NAME if scope.get("scheme") == "https" else _NAME
    for name, value in scope["headers"]:
        if name == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                key, _, text = pair.strip().partition("=")
                if key == wanted:
                    yield text
