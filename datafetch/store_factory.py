"""Makes the store from the settings; a command that runs no job needs no more than this."""

from pathlib import Path
from typing import TYPE_CHECKING

from datafetch.clock import Clock, ClockSkew
from datafetch.errors import ConfigurationError
from datafetch.models.store_place import Credentials, FolderPlace, WebPlace
from datafetch.settings import Settings
from datafetch.store.base import ObjectStore, ServerStore

if TYPE_CHECKING:
    from datafetch.net.base import Download, HttpClient
    from datafetch.store.web import WebSource

_BESIDE_ITEMS = 8
"""Connections to the store beyond one for each parallel item: to renew the lease, to save results,
to read several objects at once, and for the eight writes at once of the probe."""


_TIMEOUT_S = 30.0
_RETRIES = 3
"""Seconds without a byte after which a call to a bucket has failed, and how often it is repeated."""

_WEB_TIMEOUT_S = 30.0
_WEB_TOTAL_S = 600.0
"""Seconds without a byte, and for one object, after which a store on the web has failed."""


def make_store(
    settings: Settings,
    clock: Clock,
    http: "HttpClient | None" = None,
    skew: ClockSkew | None = None,
    *,
    timeout_s: float = _TIMEOUT_S,
    max_retries: int = _RETRIES,
) -> ObjectStore:
    """The store that `DATAFETCH_STORE` names; one on the web is read through `http`.

    A bucket tells `skew` the times in its answers; `timeout_s` and `max_retries` are for its calls.

    Raises:
        ConfigurationError: the store cannot be made from the settings.
    """
    place = settings.place
    if isinstance(place, FolderPlace):
        from datafetch.store.local import LocalStore

        try:
            return LocalStore(Path(place.path).expanduser(), clock)
        except (RuntimeError, ValueError, OSError) as error:  # `~nobody`, NUL, links in a circle
            raise ConfigurationError([f"DATAFETCH_STORE: {place.path}: {error}"]) from error
    if isinstance(place, WebPlace):
        from datafetch.store.web import WebStore

        assert http is not None
        return WebStore(place.base, _web_source(http, settings.retry_max_seconds))
    from datafetch.store.s3 import S3Store

    access, secret, token = credentials_of(settings)
    return S3Store(
        bucket=place.bucket,
        prefix=place.prefix,
        endpoint=settings.s3_server_url,
        addressing=settings.s3_addressing,
        region=settings.s3_region,
        access_key=access,
        secret_key=secret,
        session_token=token,
        acl=settings.s3_object_acl,
        width=settings.concurrency + _BESIDE_ITEMS,
        clock=clock,
        skew=skew,
        read_timeout_s=timeout_s,
        max_retries=max_retries,
    )


def checked_where_needed(settings: Settings, store: ObjectStore) -> ObjectStore:
    """The store as it has to be written: where locks live outside it, its server may keep no conditions."""
    if settings.lock_place == "store" or not isinstance(store, ServerStore):
        return store
    from datafetch.runtime.folder import RuntimeFolder
    from datafetch.store.checked import CheckedStore

    return CheckedStore(store, RuntimeFolder(settings.runtime_folder))


def credentials_of(settings: Settings) -> Credentials:
    """Access key, secret key and session token, as the settings have them."""
    secrets = (
        settings.s3_access_key_id,
        settings.s3_secret_access_key,
        settings.s3_session_token,
    )
    access, secret, token = (value.get_secret_value() if value else None for value in secrets)
    return access, secret, token


def _web_source(http: "HttpClient", retry_max_s: float) -> "WebSource":
    """How a store on the web asks: its address is the user's own, so it may be a private one."""
    from datafetch.net.base import Request, Validators
    from datafetch.runtime.retry import RetryPolicy

    def download(url: str, *, etag: str | None, limit: int) -> "Download":
        return http.download(
            Request(
                url,
                trust="settings",
                upstream="store",
                # Caches that obey it ask the origin whether what they keep is current.
                headers={"Cache-Control": "no-cache"},
                limit=limit,
                validators=Validators(etag) if etag else None,
                timeout_s=_WEB_TIMEOUT_S,
                total_s=_WEB_TOTAL_S,
                retry=RetryPolicy(total_s=retry_max_s),
            )
        )

    return download
