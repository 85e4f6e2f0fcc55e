"""Tells by an address what stands there: a log-in or consent page, a robot check, a home page."""

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, unquote

from datafetch.opengraph.rules.known_places import (
    BEFORE_GATES,
    CHECKS,
    GATE_LABELS,
    GATES,
    HOST_STARTS,
    HOSTS,
    MAYBE_GATES,
    RETURNS,
)
from datafetch.urls import Url, parse

_LOG_IN = re.compile(r"\b(?:log|sign)[ -]?(?:in|on|up)\b")
_LOCALE = re.compile(r"[a-z]{2}(?:[-_][a-z]{2,4})?", re.IGNORECASE)
_HOME_PARTS = frozenset({"home", "homepage", "main", "index", "default"})
_TRACKING = re.compile(
    r"(?:utm_\w*|fbclid|gclid|msclkid|mc_[ce]id|igshid|ref|ref_src|source|src|cmp|campaign"
    r"|hl|lang|locale|gl|_\w*|redirected|from)",
    re.IGNORECASE,
)
_STEPS = 2
_LONGEST_STEP = 12

_PARTS = 12
"""More parts of a path or a query are not looked at."""


def check_at(address: str) -> str | None:
    """What known check, consent page or log-in stands at an address; None for any other page."""
    url = parse(address)
    if url is None:
        return None
    if url.name in HOSTS or url.name.startswith(HOST_STARTS):
        return f"{url.name} asks for consent or a log-in"
    return "a check or a log-in" if CHECKS.search(url.path) else None


def is_gate(address: str) -> bool:
    """Whether a log-in, consent, age or robot page stands at an address, as far as it tells.

    The host says so (`login.example.com`), or the path (`/accounts/login`, `/users/sign_in`), or
    path and query together (`/session?return_to=/page`). A page about log-ins
    (`/docs/login`, `/wiki/Login`, `/someone/login`) is none.
    """
    if check_at(address) is not None:
        return True
    url = parse(address)
    if url is None:
        return False
    labels = url.name.split(".")
    if len(labels) > 2 and labels[0] in GATE_LABELS:  # noqa: PLR2004 - `login.com` is a site
        return True
    parts = _parts(url.path)
    for place, part in enumerate(parts):
        before, after = parts[:place], parts[place + 1 :]
        if part in GATES and BEFORE_GATES.issuperset(before) and _is_step(after):
            return True
    return any(part in MAYBE_GATES for part in parts) and _leads_back(url)


def mentions_gate(address: str) -> bool:
    """Whether path or query of an address name a log-in or consent: the page may be about it."""
    url = parse(address)
    if url is None:
        return False
    named = _LOG_IN.search(_path_text(url)) is not None
    return named or not GATES.isdisjoint({*_parts(url.path), *path_words(address)})


def is_home(address: str) -> bool:
    """Whether the home page of a site stands at an address, in whatever language."""
    url = parse(address)
    if url is None:
        return False
    parts = _parts(url.path)
    if len(parts) > 1 or any(part not in _HOME_PARTS for part in parts):
        return False
    return all(_TRACKING.fullmatch(name) for name, _ in _query(url))


def path_words(address: str) -> frozenset[str]:
    """The words of an address's path and query, in lower case."""
    url = parse(address)
    return frozenset() if url is None else frozenset(re.findall(r"\w+", _path_text(url)))


def _path_text(url: Url) -> str:
    """An address's path and query in lower case, with spaces in place of `_`."""
    return unquote(f"{url.path} {url.query or ''}"[:2000]).casefold().replace("_", " ")


def _parts(path: str) -> Sequence[str]:
    """The parts of a path, each as `_plain` writes it, without a language in front (`/en-us/`)."""
    parts = [unquote(part) for part in path[:2000].split("/") if part][:_PARTS]
    if parts and _LOCALE.fullmatch(parts[0]):
        del parts[0]
    return [_plain(part) for part in parts]


def _plain(part: str) -> str:
    """A part of a path in lower case, without extension, `-`, `_`, `.` and `;…`."""
    name = part.partition(";")[0].lower()
    stem, dot, extension = name.rpartition(".")
    if dot and extension in ("html", "htm", "php", "asp", "aspx", "jsp", "do", "action", "cgi"):
        name = stem
    return name.replace("-", "").replace("_", "").replace(".", "")


def _is_step(after: Sequence[str]) -> bool:
    """Whether what follows a gate in a path is short, such as `identifier`, and no title."""
    return len(after) <= _STEPS and all(len(part) <= _LONGEST_STEP for part in after)


def _query(url: Url) -> list[tuple[str, str]]:
    """Names and values of a query; a value that stands alone is a name."""
    return parse_qsl((url.query or "")[:4000], keep_blank_values=True)[:_PARTS]


def _leads_back(url: Url) -> bool:
    """Whether the query names an address to go to afterwards."""
    return any(
        _plain(name) in RETURNS and value.startswith(("/", "http:", "https:", "http%", "%2f"))
        for name, value in _query(url)
    )
