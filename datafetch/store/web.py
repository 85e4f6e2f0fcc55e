"""Objects as the site's visitors read them: from a web address, without credentials, to read only.

A content delivery network (CDN) or a public bucket shows each object at `{base}/{key}`. It lists
nothing, it may show less than the store holds, and caches may show what was stored a while ago.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import BinaryIO, NoReturn, Protocol
from urllib.parse import quote

from datafetch.errors import NotShown, ObjectNotFound, StoreDenied, StoreError, StoreUnavailable
from datafetch.store.base import (
    LARGEST_OBJECT,
    ObjectInfo,
    OpenedObject,
    StoredObject,
    too_large,
)
from datafetch.store.paths import check_key
from datafetch.store.readonly import RefusesWrites
from datafetch.store.streams import in_temporary_file
from datafetch.store.times import age_s, times_in, written_at
from datafetch.upstream_errors import Denied, Missing, TooLarge, TransientError, UpstreamError

_FORBIDDEN = 403
_WEB_PAGE = re.compile(r"\s*(text/html|application/xhtml\+xml)\b", re.IGNORECASE)

_NOT_SHOWN_HINT = (
    "Run the job that stores it, with the same DATAFETCH_ENV. If it did run: the object must be "
    "readable by everyone (by a policy of the bucket, or by S3_OBJECT_ACL=public-read, which is for "
    "objects written from then on), and DATAFETCH_STORE be the address below which the keys begin."
)
_CLOSED_HINT = (
    "An https store is read without credentials: give DATAFETCH_STORE an address that everyone may "
    "read, or s3://BUCKET with its keys."
)
_UNAVAILABLE_HINT = "Check DATAFETCH_STORE and the network, and try again."
_ODD_HINT = (
    "See what answers there (curl -I and the address); DATAFETCH_STORE must be the address below "
    "which the keys begin."
)


class WebAnswer(Protocol):
    """The answer to a download, with its body in a file; `net.base.Download` is one."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By name in lower case."""
        ...

    @property
    def file(self) -> BinaryIO:
        """The body, positioned at its start."""
        ...

    @property
    def size(self) -> int:
        """The body's bytes."""
        ...

    @property
    def sha256(self) -> str:
        """Of the body, in hex."""
        ...

    @property
    def not_modified(self) -> bool:
        """Whether the object still has the ETag that was sent along; the body is then empty."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class WebSource(Protocol):
    """Downloads from the web; retries and guards are its own."""

    def __call__(self, url: str, *, etag: str | None, limit: int) -> WebAnswer:
        """Ask for a URL.

        Args:
            url: in ASCII.
            etag: sent as `If-None-Match`; None to get the body in any case.
            limit: the most bytes of a body.

        Raises:
            UpstreamError: there is no such answer; `Missing` for 404 and 410, `Denied` for 401
                and 403.
        """
        ...


class WebStore(RefusesWrites):
    """Reads objects below a web address; see `ObjectStore`, whose writes and listings it refuses.

    What `head` was asked for is remembered with its content, so that the next `head` or `get` of
    it costs an answer without a body (304) when it has not changed.
    """

    def __init__(self, base: str, source: WebSource) -> None:
        """`base` has no slash at its end; nothing is asked yet."""
        self._base = base
        self._source = source
        self._remembered: dict[str, StoredObject] = {}

    def __repr__(self) -> str:
        return f"WebStore({self._base!r})"

    @property
    def name(self) -> str:
        """See `ObjectStore.name`."""
        return self._base

    @property
    def identity(self) -> str:
        """See `ObjectStore.identity`."""
        return self._base

    def get(self, key: str) -> StoredObject:
        """See `ObjectStore.get`.

        Raises:
            NotShown: the server answers 403, or with a web page.
        """
        known = self._remembered.get(key)
        # The hash that stands for a missing ETag has no quotes, and the server does not know it.
        etag = known.etag if known is not None and known.etag.endswith('"') else None
        with self._asked(key, etag) as answer:
            if answer.not_modified and known is not None:
                return known
            found = _stored(key, answer)
        if known is not None:
            self._remembered[key] = found
        return found

    @contextmanager
    def open(self, key: str) -> Iterator[OpenedObject]:
        """See `ObjectStore.open`.

        Raises:
            NotShown: as `get`.
        """
        with self._asked(key) as answer:
            yield OpenedObject(_info(key, answer), answer.file)

    def head(self, key: str) -> ObjectInfo:
        """See `ObjectStore.head`; the content comes along the first time, for the `get` that follows.

        A request of HEAD could not tell the ETag of a server that sends none: it is the hash of
        the content then.

        Raises:
            NotShown: as `get`.
        """
        found = self._remembered[key] = self.get(key)
        return found.info

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Refuse.

        Raises:
            StoreError: always.
        """
        raise StoreError(
            f"{prefix or 'objects'} cannot be listed: {self.name} shows single objects only",
            key=prefix,
            hint="Use DATAFETCH_STORE=s3://BUCKET for what needs a listing.",
        )

    def url(self, key: str) -> str:
        """See `ObjectStore.url`."""
        return f"{self._base}/{key}"

    def close(self) -> None:
        """Nothing of its own is held open: the connections are the source's."""

    @contextmanager
    def _asked(self, key: str, etag: str | None = None) -> Iterator[WebAnswer]:
        """The answer for an object, closed after the `with` block."""
        check_key(key)
        url = f"{self._base}/{quote(key)}"
        try:
            with in_temporary_file(key):
                answer = self._source(url, etag=etag, limit=LARGEST_OBJECT)
        except UpstreamError as error:
            self._raise(key, error)
        try:
            # Hosts of sites answer 200 with a page of theirs for what is not there; so does a
            # log-in in front of the address.
            if not answer.not_modified and _WEB_PAGE.match(answer.headers.get("content-type", "")):
                raise NotShown(
                    f"{key} is not in {self.name}, which answers with a web page",
                    key=key,
                    hint=_NOT_SHOWN_HINT,
                )
            yield answer
        finally:
            answer.close()

    def _raise(self, key: str, error: UpstreamError) -> NoReturn:
        if isinstance(error, Missing):
            raise ObjectNotFound(f"{key} is not in {self.name}", key=key) from error
        if isinstance(error, Denied) and error.status == _FORBIDDEN:
            # S3 says 403 for what is not there, too, unless everyone may list the bucket.
            raise NotShown(
                f"{key} is not in {self.name}, or not for everyone to read (status 403)",
                key=key,
                hint=_NOT_SHOWN_HINT,
            ) from error
        if isinstance(error, TooLarge):
            raise too_large(key) from error
        # Its message begins with an address: the object's own, or another after a redirection.
        said = str(error) if quote(key) in str(error) else f"{key}: {error}"
        if isinstance(error, Denied):
            raise StoreDenied(said, key=key, hint=_CLOSED_HINT) from error
        raise StoreUnavailable(said, key=key, hint=_hint_for(error)) from error


def _hint_for(error: UpstreamError) -> str:
    """What to do about an error: what is known of this one, and which setting holds the address."""
    if error.hint not in ("", TransientError.hint):
        return f"{error.hint} The address comes from DATAFETCH_STORE."
    return _UNAVAILABLE_HINT if isinstance(error, TransientError) else _ODD_HINT


def _stored(key: str, answer: WebAnswer) -> StoredObject:
    info = _info(key, answer)
    with in_temporary_file(key):
        body = answer.file.read()
    return StoredObject(info, body, _age_s(answer.headers, info.last_modified))


def _info(key: str, answer: WebAnswer) -> ObjectInfo:
    headers = answer.headers
    return ObjectInfo(
        key,
        headers.get("etag") or answer.sha256,
        answer.size,
        # Of two the earlier counts: data that looks younger than it is would pass for fresh.
        written_at(min(times_in(headers.get("last-modified", "")), default=None)),
        headers.get("content-type"),
    )


def _age_s(headers: Mapping[str, str], modified: datetime | None) -> float | None:
    """Seconds since the object was written, by the servers' clocks; None when they do not tell it.

    `Date` is when the server answered, and `Age` how long a cache has kept that answer since
    (RFC 9111, 5.1).
    """
    answered, kept = age_s(headers.get("date"), modified), headers.get("age", "0").strip()
    if answered is None or not re.fullmatch(r"[0-9]{1,9}", kept, re.ASCII):
        return None
    return answered + int(kept)
