"""A client for whoever waits in front of the screen: each request is sent once, and bounded in time."""

from collections.abc import Mapping
from dataclasses import replace

from datafetch.net.base import NO_RETRY, Answer, Download, HttpClient, Request

LONGEST_S = 8.0
"""Seconds for one request, redirects and body included."""


class HurriedClient:
    """Implements `HttpClient` by another client: no retries, and `longest_s` seconds at most."""

    def __init__(self, http: HttpClient, longest_s: float = LONGEST_S) -> None:
        """`http` sends the requests."""
        self._http = http
        self._longest_s = longest_s

    def fetch(self, request: Request) -> Answer:
        """See `HttpClient.fetch`."""
        return self._http.fetch(self._hurried(request))

    def download(self, request: Request) -> Download:
        """See `HttpClient.download`."""
        return self._http.download(self._hurried(request))

    def prepare(self) -> None:
        """See `HttpClient.prepare`."""
        self._http.prepare()

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """See `HttpClient.counts`."""
        return self._http.counts()

    def close(self) -> None:
        """See `HttpClient.close`."""
        self._http.close()

    def _hurried(self, request: Request) -> Request:
        return replace(
            request,
            timeout_s=min(request.timeout_s, self._longest_s),
            total_s=min(request.total_s, self._longest_s),
            retry=NO_RETRY,
        )
