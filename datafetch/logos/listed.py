"""Finds the stored pictures of domains that the manifest does not name, from one listing."""

from collections import defaultdict
from collections.abc import Iterator
from posixpath import splitext

from datafetch.job import AnyContext
from datafetch.logos.model import SOURCES


class ListedPictures:
    """The pictures that were stored when this object was made."""

    def __init__(self, context: AnyContext) -> None:
        """List them.

        Raises:
            StoreError: the store did not answer.
        """
        self._keys = context.keys
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for info in context.store.list(context.keys.logo_images_prefix()):
            self._by_stem[splitext(info.key)[0]].append(info.key)

    def of(self, domain: str) -> Iterator[str]:
        """The keys of a domain's pictures, whatever their format, in the order of the providers."""
        for source in SOURCES:
            stem = splitext(self._keys.logo(domain, source, "x"))[0]
            yield from self._by_stem.get(stem, ())
