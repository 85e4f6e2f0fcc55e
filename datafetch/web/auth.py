"""Who may ask for what: the secrets that requests bring, compared in constant time.

A request is judged by what its scope holds, the path and headers that the server read. The URL that
frameworks put together from it is not looked at: its host is whatever the client wrote.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pydantic import SecretStr
from starlette.types import Scope

from datafetch.settings import Settings
from datafetch.web.own_host import is_misled

_CLOSED = "This needs DATAFETCH_METRICS_TOKEN as its bearer."
_MISLED = (
    "Only this machine may see this, and the request names a host that may be anybody's. Where a "
    "proxy asks, set DATAFETCH_METRICS_TOKEN; or DATAFETCH_TRUSTED_PROXIES alone, if all may see it."
)

_BEARER = b"bearer "


@dataclass(frozen=True, slots=True)
class Secrets:
    """Secrets of which any one opens the same door; several are set while a new one replaces an old one."""

    digests: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def of(cls, *settings: SecretStr | None) -> "Secrets":
        """The secrets of these settings, each a list with commas between."""
        texts = (value.get_secret_value() for value in settings if value is not None)
        each = (secret.strip() for text in texts for secret in text.split(","))
        return cls(tuple(_digest(secret.encode()) for secret in each if secret))

    def __bool__(self) -> bool:
        return bool(self.digests)

    def __or__(self, other: "Secrets") -> "Secrets":
        return Secrets((*self.digests, *other.digests))

    def have(self, text: bytes) -> bool:
        """Whether this is one of them; the time that it takes tells nothing of the secrets."""
        asked = _digest(text)
        found = False
        for digest in self.digests:
            found |= hmac.compare_digest(digest, asked)
        return found


def _digest(text: bytes) -> bytes:
    # Digests are as long as each other, so the comparison does not tell the secret's length.
    return hashlib.sha256(text).digest()


def _never(_scope: Scope) -> bool:
    return False


@dataclass(slots=True)
class Keyring:
    """The doors of the server, and the secrets that open them.

    Attributes:
        cron: `BOOKMARK_CRON_REFRESH_SECRET`: refreshes anything.
        github: what also refreshes GitHub's data, as a bearer or in `x-refresh-secret`.
        metrics: `DATAFETCH_METRICS_TOKEN`: while it is set, only who has it sees how things are.
        has_proxy: whether requests are known to come through a proxy, under whatever name.
        has_session: whether a request belongs to somebody who has logged in to the status page.
    """

    cron: Secrets
    github: Secrets
    metrics: Secrets
    has_proxy: bool = False
    has_session: Callable[[Scope], bool] = _never

    @classmethod
    def of(cls, settings: Settings) -> "Keyring":
        """The doors as the settings have them."""
        cron = Secrets.of(settings.bookmark_refresh_secret)
        return cls(
            cron=cron,
            github=Secrets.of(settings.endpoint_secret, settings.github_refresh_secret) | cron,
            metrics=Secrets.of(settings.metrics_token),
            has_proxy=bool(settings.trusted_proxies),
        )

    def is_cron(self, scope: Scope) -> bool:
        """Whether the request brings the cron secret as its bearer."""
        return _brings(scope, self.cron)

    def is_github(self, scope: Scope) -> bool:
        """Whether the request may refresh GitHub's data."""
        named = any(self.github.have(value) for value in _values(scope, b"x-refresh-secret"))
        return _brings(scope, self.github) or named

    def may_see(self, scope: Scope) -> bool:
        """Whether the request may see hosts, errors and dead letters.

        Without DATAFETCH_METRICS_TOKEN everybody may who reaches the server. Only a request to
        loopback under a name that may be another site's may not (`own_host.py`).
        """
        if not self.metrics and not self._is_misled(scope):
            return True
        return _brings(scope, self.metrics | self.cron) or self.has_session(scope)

    def why_closed(self) -> str:
        """What to tell a client whose request `may_see` has refused."""
        return _CLOSED if self.metrics else _MISLED

    def _is_misled(self, scope: Scope) -> bool:
        return not self.has_proxy and is_misled(scope)

    @staticmethod
    def has_credentials(scope: Scope) -> bool:
        """Whether the request brings any credentials at all in `Authorization`."""
        return next(_values(scope, b"authorization"), None) is not None

    @staticmethod
    def has_bearer(scope: Scope) -> bool:
        """Whether a program asks: browsers bring no bearer, only the password that a proxy asks for."""
        return any(_is_bearer(value) for value in _values(scope, b"authorization"))

    def is_cron_secret(self, text: str) -> bool:
        """Whether a text is the cron secret."""
        return self.cron.have(text.encode(errors="surrogatepass"))

    def is_metrics_token(self, text: str) -> bool:
        """Whether a text is the token that shows how things are."""
        return self.metrics.have(text.encode(errors="surrogatepass"))


def _brings(scope: Scope, secrets: Secrets) -> bool:
    """Whether the one `Authorization` header of the request holds one of the secrets (RFC 6750, 2.1)."""
    values = list(_values(scope, b"authorization"))
    if len(values) != 1 or not values[0].lower().startswith(_BEARER):
        return False
    return secrets.have(values[0][len(_BEARER) :].strip())


def _is_bearer(value: bytes) -> bool:
    return value.partition(b" ")[0].lower() == _BEARER.strip()


def _values(scope: Scope, name: bytes) -> Iterator[bytes]:
    return (value for header, value in scope["headers"] if header == name)
