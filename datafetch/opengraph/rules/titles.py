"""Tells by its title what a page is: a check, a log-in, an error, or a site's name and no more."""

import re
from collections.abc import Iterable, Sequence

from datafetch.opengraph.rules.known_titles import (
    ENDS_IN,
    ERRORS,
    INTO,
    LEADS_ON,
    LOG_IN,
    OF_SITES,
    STARTS,
    WALLS,
    WHOSE,
)

_SEPARATORS = re.compile(
    r"(?<!\s)\s++(?:[-\N{EN DASH}\N{EM DASH}|\N{BULLET}\N{MIDDLE DOT}/:\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}]++\s++"
    r"|\|\s*+)|:\s++|\|\s*+"
)
_WORD = re.compile(r"\w+")
_LONG = 4
"""Characters from which a word tells one text from another."""

_FIRST_KANA = "\u3040"

_ALIKE = 3
"""Long words that two descriptions of one page share at least."""

_NAME_WORDS = 3
"""Words of the longest name of a site that stands beside "log in"."""

_PREFIXES = frozenset({"www", "m", "mobile", "old", "new", "en", "amp", "web", "app"})

_MOST_INTO = 6
"""Words of the longest part of a title that begins as in `INTO` and says "log in" and no more."""


def folded(title: str) -> str:
    """A title as it is compared: in lower case, without dots at its end."""
    return title.casefold().rstrip(".!\N{HORIZONTAL ELLIPSIS} ")


def is_wall(title: str) -> bool:
    """Whether a title is that of a robot check, a redirect or an error, whatever the site."""
    text = folded(title)
    return text in WALLS or text in ERRORS or text.startswith(STARTS)


def leads_on(title: str) -> bool:
    """Whether a title says that the page leads to another one.

    Redirects are followed before; this page leads on in a way that is not followed.
    """
    return folded(title) in LEADS_ON


def is_wall_of_site(title: str, host: str, *, told: bool) -> bool:
    """Whether a site gives this title to pages that it shows in place of the page.

    Some sites are known to do so (`OF_SITES`). Robot checks of DataDome and Amazon have the host's
    name as title; that counts only when the page has no description and no tags for previews:
    `told` is whether it has any.
    """
    text = folded(title)
    if not told and text in (host, host.removeprefix("www.")):
        return True
    return any(
        text in known
        for domain, known in OF_SITES.items()
        if host == domain or host.endswith(f".{domain}")
    )


def is_log_in(title: str, host: str) -> bool:
    """Whether a title says "log in", and at most where: `Log into Facebook`, `Login - Acme`.

    Of titles that end in "login", `Acme Login` at `acme.com` and `Member Login` count;
    `Passwordless login` does not: it says what the page is about.
    """
    parts = _parts(folded(title))
    names = frozenset((*host.split("."), *map(_compact, parts)))
    asks = [part for part in parts if _says_log_in(part, names)]
    others = (part for part in parts if part not in asks)
    return bool(asks) and all(len(_WORD.findall(part)) <= _NAME_WORDS for part in others)


def is_error_of_site(title: str) -> bool:
    """Whether a part of a title is that of a wall or an error: `Page not found - Acme`."""
    parts = _parts(folded(title))
    return any(
        (part in WALLS or part in ERRORS)
        and all(len(_WORD.findall(other)) <= _NAME_WORDS for other in parts if other != part)
        for part in parts
    )


def site_names(host: str, given: Iterable[str | None], title: str | None) -> frozenset[str]:
    """What a site may call itself, each in one word.

    Args:
        host: the page's.
        given: the names that its pages give it (`og:site_name`).
        title: the title of one of its pages, such as `An article | The Site`.
    """
    labels = set(host.split(".")[:-1]) - _PREFIXES
    given_names = [name for name in given if name]
    names = {_compact(name) for name in (host.removeprefix("www."), host, *labels, *given_names)}
    parts = [_compact(part) for part in _parts(title or "")]
    if len(parts) > 1 and names.isdisjoint(parts):
        names.add(parts[-1])
    return frozenset(names - {""})


def beyond_site(title: str, names: frozenset[str]) -> str:
    """What a title says besides the site's names, from `site_names`; empty when nothing."""
    return " ".join(part for part in _parts(title) if _compact(part) not in names)


def is_only_site(title: str, names: frozenset[str], told: frozenset[str]) -> bool:
    """Whether a title is a site's name alone, or its name and a slogan.

    Args:
        title: of the page.
        names: from `site_names`.
        told: words that belong to the page: of its former title, and of its address. A text after
            the site's name that has one of them is no slogan.
    """
    parts = _parts(title)
    if not parts or _compact(parts[0]) not in names:
        return False
    return told.isdisjoint(long_words(beyond_site(title, names)))


def tells_the_same(first: str | None, second: str | None) -> bool:
    """Whether two descriptions are of one page: they are equal, or share some long words."""
    if not first or not second:
        return False
    return first == second or len(long_words(first) & long_words(second)) >= _ALIKE


def long_words(text: str) -> frozenset[str]:
    """The words of a text that tell it from others, in lower case.

    Chinese, Japanese and Korean stand without spaces: of them each two characters are a word.
    """
    found: set[str] = set()
    for word in _words(text):
        if any(character >= _FIRST_KANA for character in word):
            found.update(word[at : at + 2] for at in range(len(word) - 1))
        elif len(word) >= _LONG:
            found.add(word)
    return frozenset(found)


def _says_log_in(part: str, names: frozenset[str]) -> bool:
    if part in LOG_IN:
        return True
    for end in ENDS_IN:
        if part.endswith(end):
            before = part.removesuffix(end)
            return _compact(before) in names or WHOSE.issuperset(_words(before))
    return part.startswith(INTO) and len(_WORD.findall(part)) <= _MOST_INTO


def _parts(title: str) -> Sequence[str]:
    return [part for part in _SEPARATORS.split(title[:1000]) if part.strip()]


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text[:5000].replace("_", " "))]


def _compact(text: str) -> str:
    return "".join(_words(text))
