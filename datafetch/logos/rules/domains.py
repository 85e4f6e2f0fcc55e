"""Domains as the logos know them: normalised, found in records, and the one above them."""

import functools
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from datafetch.urls import parse

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

FIELDS = frozenset({"domain", "website", "url", "homepage"})
"""Names of fields that hold a domain or an address, in any case, with or without an `s`."""

_LISTS = frozenset(f"{name}s" for name in FIELDS)

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_MAX_LENGTH = 253
"""Of a name in DNS, written with dots (RFC 1035, 2.3.4)."""

_PRIVATE = (
    # RFC 6761, 6762, 7686 and 8375, and ICANN's reservation of `internal` (2024).
    *("localhost", "local", "test", "example", "invalid", "onion", "alt", "internal"),
    "home.arpa",
    # Never delegated because networks use them privately (ICANN SAC 113, RFC 6762 appendix G).
    *("intranet", "private", "corp", "home", "lan"),
)
"""Names that mean nothing outside of one network."""

_loading = threading.Lock()

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def normalise(text: str) -> str | None:
    """The domain that a text names: a bare host, one with port or path, or an address.

    Lower case, without `www.`, in its ASCII form. None for what has no public name: IP
    addresses, single labels, private names, and texts that are no domain at all.
    """
    host = _host_of(text)
    if host is None or not _is_public_name(host):
        return None
    bare = host.removeprefix("www.")
    return bare if "." in bare else host


def registrable(domain: str) -> str | None:
    """The domain that somebody registered, above the given one; None when there is none.

    By the public suffix list, its private part included: `me.github.io` is nobody's subdomain.
    """
    above = _suffixes().privatesuffix(domain)
    return above if above is not None and above != domain else None


def domain_texts(value: object) -> Iterator[str]:
    """Every text of a record, or of nested lists and records, that should name a domain.

    A text counts when it is the whole value, when it stands in a list outside of every record
    (`["example.com"]`), or when it is in a field named as in `FIELDS`, which holds one text or a
    list of them. All other fields, such as tags, are searched for records only.
    """
    pending: list[tuple[object, bool]] = [(value, True)]
    while pending:
        part, counts = pending.pop()
        if isinstance(part, str):
            if counts:
                yield part
        elif isinstance(part, Mapping):
            fields = [(inner, _names_domains(name)) for name, inner in part.items()]
            pending += reversed(fields)
        elif isinstance(part, Sequence) and not isinstance(part, bytes):
            pending += [(inner, counts) for inner in reversed(part)]


def domains_of(values: Iterable[object]) -> Iterator[str]:
    """The domains of records, in their order, each once."""
    seen: set[str] = set()
    for value in values:
        for text in domain_texts(value):
            domain = normalise(text)
            if domain is not None and domain not in seen:
                seen.add(domain)
                yield domain


def bookmark_domain(item: object) -> str | None:
    """The domain of a stored bookmark."""
    if not isinstance(item, Mapping):
        return None
    for name in ("domain", "url"):
        text = item.get(name)
        domain = normalise(text) if isinstance(text, str) else None
        if domain is not None:
            return domain
    return None


def _names_domains(name: object) -> bool:
    return isinstance(name, str) and (name.lower() in FIELDS or name.lower() in _LISTS)


def _host_of(text: str) -> str | None:
    text = text.strip()
    if _SCHEME.match(text) or text.startswith("//"):
        address = f"https:{text}" if text.startswith("//") else text
    elif "@" in text:
        # A mail address, not credentials for a host.
        return None
    else:
        address = f"https://{text}"
    url = parse(address)
    return None if url is None else url.name


def _is_public_name(host: str) -> bool:
    labels = host.split(".")
    if len(labels) < 2 or len(host) > _MAX_LENGTH:  # noqa: PLR2004 - a single label
        return False
    if not all(_LABEL.fullmatch(label) for label in labels):
        return False
    # A name that ends in a number is an IPv4 address to browsers (WHATWG URL, 3.5).
    if labels[-1].isdigit():
        return False
    return not any(host == name or host.endswith(f".{name}") for name in _PRIVATE)


def _suffixes() -> "PublicSuffixList":
    # A cache alone lets every thread that comes meanwhile make a list of its own.
    with _loading:
        return _load_suffixes()


@functools.cache
def _load_suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
