"""Addresses that have to answer without credentials: the services of logos, and the public address."""

from collections.abc import Iterator, Mapping
from itertools import islice

from datafetch.doctor.anonymous import Anonymous
from datafetch.doctor.findings import Finding, Group, fail, ok, skipped, warn
from datafetch.errors import ObjectNotFound, StoreError
from datafetch.logos.model import LogoSource
from datafetch.net.base import KIB, Request
from datafetch.net.guard import authority, public_url
from datafetch.store.base import ObjectStore
from datafetch.store.keys import Keys, is_public
from datafetch.store.public_urls import PublicUrls

_DOMAIN = "github.com"
"""Every service of logos has a logo for this domain."""

_NO_SUCH_LOGO = 404
"""The status for a domain without a logo: the service itself answers."""

_LOOKED_AT = 50


class LogoServiceCheck:
    """Asks one service for one logo."""

    group = Group.UPSTREAMS
    limit_s = 15.0

    def __init__(self, service: str, template: str, anonymous: Anonymous) -> None:
        """`template` is the service's address with `{domain}` in it."""
        self.name = f"logos from {service}"
        self._url = template.format(domain=_DOMAIN)
        self._anonymous = anonymous

    def look(self) -> Iterator[Finding]:
        """Whether the service answers at all; jobs ask the next one when it does not."""
        shown = self._anonymous.ask(
            Request(self._url, trust="data", upstream="doctor", limit=4 * KIB, truncate=True)
        )
        if shown.is_shown or shown.status == _NO_SUCH_LOGO:
            yield ok(self.name, f"{authority(self._url)} answers")
            return
        hint = shown.hint or "Logos then come from the other services and from the sites."
        yield warn(self.name, f"{authority(self._url)}: {shown.words}", hint)


class PublicAddressCheck:
    """Asks for one stored object of the site under the address that visitors load."""

    name = "public address"
    group = Group.STORE
    limit_s = 20.0

    def __init__(
        self, store: ObjectStore, keys: Keys, urls: PublicUrls, anonymous: Anonymous
    ) -> None:
        """Make the check; nothing is asked yet."""
        self._store = store
        self._keys = keys
        self._urls = urls
        self._anonymous = anonymous

    def look(self) -> Iterator[Finding]:
        """Whether visitors are shown what is stored; pictures first, which every site shows."""
        try:
            key = self._some_key()
        except StoreError as error:
            yield skipped(self.name, f"what is stored cannot be read ({error})")
            return
        if key is None:
            yield skipped(self.name, "nothing is stored yet that visitors load")
            return
        url = self._urls.for_key(key)
        shown, address = self._anonymous.shows(url), public_url(url)
        setting = "S3_CDN_URL" if self._urls.has_cdn else "the bucket"
        if shown.is_shown:
            yield ok(self.name, f"visitors can load {address}")
        elif shown.is_hidden:
            yield (fail if self._urls.has_cdn and key.startswith("images/") else warn)(
                self.name,
                f"visitors cannot load {address}: {shown.words}",
                f"Check {setting}: images/ and the site's objects have to be public there "
                "(S3_OBJECT_ACL, or the bucket's policy).",
            )
        else:
            yield warn(
                self.name,
                f"{address}: {shown.words}",
                shown.hint or "Check S3_CDN_URL, and whether this machine may reach it.",
            )

    def _some_key(self) -> str | None:
        for found in islice(self._store.list("images/"), _LOOKED_AT):
            if is_public(found.key):
                return found.key
        index = self._keys.bookmarks_index()
        try:
            self._store.head(index)
        except ObjectNotFound:
            return None
        return index


def logo_services(
    services: Mapping[LogoSource, str], anonymous: Anonymous
) -> list[LogoServiceCheck]:
    """A check for each service."""
    return [LogoServiceCheck(name, template, anonymous) for name, template in services.items()]
