"""The errors of servers that are asked over HTTP: upstreams, their proxies, web pages, pictures.

As with all of our errors, retries, breakers and dead letters decide by the class.
"""

from datafetch.errors import DatafetchError


class UpstreamError(DatafetchError):
    """An upstream server did not answer as it should.

    Attributes:
        url: the URL that answered or failed, after redirects the last one; without query and
            credentials.
        status: the HTTP status, None when there was no answer.
        body: the body of the answer, up to 64 KiB, if the request asked for it
            (`Request.error_body`).
        by_proxy: whether the proxy of the environment itself failed, so that nothing is known of
            the upstream.
    """

    body: bytes = b""
    by_proxy: bool = False

    def __init__(
        self,
        message: str = "",
        *,
        url: str = "",
        status: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.url = url
        self.status = status
        super().__init__(message, hint=hint)


class TransientError(UpstreamError):
    """The upstream failed in a way that may pass: the network, a time-out, a status of 5xx."""

    hint = "The next run tries again."


class RateLimited(TransientError):
    """The upstream asks to wait.

    Attributes:
        until: epoch seconds from which it may be asked again, None when it did not say.
    """

    def __init__(
        self,
        message: str = "",
        *,
        url: str = "",
        status: int | None = None,
        until: float | None = None,
        hint: str | None = None,
    ) -> None:
        self.until = until
        super().__init__(message, url=url, status=status, hint=hint)


class BreakerOpen(TransientError):
    """The host failed so often that it is not asked for a while.

    Attributes:
        until: epoch seconds from which it is asked again; None when nobody knows.
    """

    def __init__(
        self,
        message: str = "",
        *,
        url: str = "",
        status: int | None = None,
        until: float | None = None,
        hint: str | None = None,
    ) -> None:
        self.until = until
        super().__init__(message, url=url, status=status, hint=hint)


class CannotConnect(TransientError):
    """No connection comes about until somebody changes something: a certificate, a port, a password.

    It is not tried again within a run; a later run tries again, because the change is made
    elsewhere.
    """

    hint = "Check the server's address and its certificate."


class WorkerKilled(TransientError):
    """A worker process ended while it worked on an item, and so did the one that tried it again.

    Why they ended is not known: perhaps the item is too large, or it was chance.
    """

    hint = "See in the workers' log and the system's why they ended; memory is the usual reason."


class Missing(UpstreamError):
    """The upstream says that there is no such thing (404, 410)."""

    permanent = True


class Denied(UpstreamError):
    """The upstream does not accept the credentials (401, 403)."""

    hint = "Check the token and what it may read."


class Rejected(UpstreamError):
    """The upstream does not accept the request (other 4xx)."""


class Malformed(UpstreamError):
    """The content is not what its type says: not JSON, missing fields, half a picture.

    A body that broke off on the network is a `TransientError`.

    Attributes:
        content_type: the media type of what came in place of JSON, such as `text/html`; empty
            when the answer names none, or the error is another one.
        words: the title of the web page that came in place of JSON, or the first words of the
            text; short and in one line; empty when there are none, or the error is another one.
    """

    content_type: str = ""
    words: str = ""


class Refused(UpstreamError):
    """datafetch itself refuses a forbidden address, a size over the limit, a script in a picture."""

    permanent = True


class TooLarge(Refused):
    """The body is larger than the limit for its kind."""

    hint = "The limit protects this machine and cannot be set; what is stored stays as it is."
