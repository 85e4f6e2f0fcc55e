"""Tells by its title what a page is: a check, a log-in, an error, or a site's name and no more."""

import re
from collections.abc import Iterable, Sequence

_SEPARATORS = re.compile(
    r"\s+[-\N{EN DASH}\N{EM DASH}|\N{BULLET}\N{MIDDLE DOT}/:\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}]+\s+|:\s+|\s*\|\s*"
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

_WALLS = frozenset(
    {
        "just a moment",
        "attention required! | cloudflare",
        "access denied",
        "access to this page has been denied",
        "are you a robot",
        "are you a robot?",
        "bloomberg - are you a robot?",
        "robot check",
        "robot or human?",
        "bot verification",
        "human verification",
        "security check",
        "security checkpoint",
        "security verification | linkedin",
        "vercel security checkpoint",
        "ddos-guard",
        "pardon our interruption",
        "please wait",
        "one moment, please",
        "checking your browser",
        "captcha",
        "before you continue",
        "before you continue to google search",
        "before you continue to youtube",
        "checking you are not a bot",
        "client challenge",
        "bot or not?",
        "security measure",
        "verify to continue",
        "please wait for verification",
        "reddit - please wait for verification",
        "human verification - stack overflow",
        "subscribe to read",
        "subscribe to read | financial times",
        "validate user",
        "\u767e\u5ea6\u5b89\u5168\u9a8c\u8bc1",
        "you are being redirected",
        "making sure you're not a bot",
        "javascript is not available",
        "javascript required",
        "request rejected",
        "reddit - prove your humanity",
        "blocked",
    }
)
_LEADS_ON = frozenset({"redirecting", "redirect"})
"""Titles of pages that lead to another; who followed their order has left them."""

_ERRORS = frozenset(
    {
        "unauthorized",
        "forbidden",
        "too many requests",
        "not found",
        "page not found",
        "404",
        "bad gateway",
        "service unavailable",
        "site maintenance",
        "error",
        "oops",
    }
)
_STARTS = (
    "401 unauthorized",
    "403 forbidden",
    "403 - forbidden",
    "404 not found",
    "404 - not found",
    "429 too many",
    "500 internal server error",
    "502 bad gateway",
    "503 service",
    "504 gateway",
    "ddos protection by",
    "checking your browser",
    "please verify you are",
    "verifying you are human",
    "error 1020",
)
"""Titles, case folded, without closing dots: Cloudflare, Akamai, PerimeterX, DataDome, Amazon,
Vercel, Anubis, DDoS-Guard, and the error pages of Apache and nginx."""

_OF_SITES = {
    "reddit.com": (
        "reddit",
        "reddit - the heart of the internet",
        "reddit - dive into anything",
        "reddit.com: over 18?",
    ),
    "facebook.com": ("facebook", "facebook \N{EN DASH} log in or sign up", "error facebook"),
    "instagram.com": ("instagram",),
    "threads.net": ("threads",),
    "threads.com": ("threads",),
    "x.com": (
        "x",
        "x. it\N{RIGHT SINGLE QUOTATION MARK}s what\N{RIGHT SINGLE QUOTATION MARK}s happening / x",
    ),
    "twitter.com": ("twitter", "x"),
    "tiktok.com": ("tiktok", "tiktok - make your day"),
    "youtube.com": ("youtube", "- youtube"),
    "linkedin.com": ("linkedin", "sign up | linkedin"),
    "pinterest.com": ("pinterest",),
    "quora.com": ("quora",),
}
"""What sites call every page that they do not show, by their domain; their home pages have the
same title, so that these count for pages with a path only."""

_LOG_IN = (
    "log in",
    "log on",
    "login",
    "log-in",
    "sign in",
    "sign-in",
    "signin",
    "sign up",
    "anmelden",
    "einloggen",
    "se connecter",
    "connexion",
    "iniciar sesi\N{LATIN SMALL LETTER O WITH ACUTE}n",
    "inicia sesi\N{LATIN SMALL LETTER O WITH ACUTE}n",
    "entrar",
    "accedi",
    "inloggen",
    "logga in",
    "zaloguj si\N{LATIN SMALL LETTER E WITH OGONEK}",
    "\u0432\u043e\u0439\u0442\u0438",
    "\u0432\u0445\u043e\u0434",
    "\u30ed\u30b0\u30a4\u30f3",
    "\u767b\u5f55",
    "\u767b\u5165",
    "\ub85c\uadf8\uc778",
)
_INTO = (
    "log in to ",
    "log into ",
    "login to ",
    "log on to ",
    "sign in to ",
    "sign into ",
    "log in or ",
    "sign in or ",
    "login or ",
    "einloggen bei ",
    "anmelden bei ",
)
"""Beginnings of "Log in to your account", "Sign in or register"."""

_ENDS_IN = (" login", " log in", " log-in", " sign in", " sign-in", " signin")
_WHOSE = frozenset(
    [
        "account",
        "admin",
        "client",
        "customer",
        "employee",
        "member",
        "members",
        "my",
        "partner",
        "please",
        "secure",
        "staff",
        "student",
        "subscriber",
        "user",
        "users",
        "your",
    ]
)
"""Words that stand before "login" where it is no site's name that does."""

_MOST_INTO = 6
"""Words of the longest of them."""


def folded(title: str) -> str:
    """A title as it is compared: in lower case, without dots at its end."""
    return title.casefold().rstrip(".!\N{HORIZONTAL ELLIPSIS} ")


def is_wall(title: str) -> bool:
    """Whether a title is that of a robot check, a redirect or an error, whatever the site."""
    text = folded(title)
    return text in _WALLS or text in _ERRORS or text.startswith(_STARTS)


def leads_on(title: str) -> bool:
    """Whether a title says that the page leads to another one: it was not followed by then."""
    return folded(title) in _LEADS_ON


def is_wall_of_site(title: str, host: str, *, told: bool) -> bool:
    """Whether the host calls pages so that it does not show.

    The name of the host itself is such a title when no description and no picture is `told` with
    it: so do DataDome's and Amazon's robot checks.
    """
    text = folded(title)
    if not told and text in (host, host.removeprefix("www.")):
        return True
    return any(
        text in known
        for domain, known in _OF_SITES.items()
        if host == domain or host.endswith(f".{domain}")
    )


def is_log_in(title: str, host: str) -> bool:
    """Whether a title says "log in" and no more than where: `Log into Facebook`, `Login - Acme`.

    Of titles that end so, `Acme Login` at `acme.com` and `Member Login` are such ones;
    `Passwordless login` is what a page is about.
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
        (part in _WALLS or part in _ERRORS)
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
    if part in _LOG_IN:
        return True
    for end in _ENDS_IN:
        if part.endswith(end):
            before = part.removesuffix(end)
            return _compact(before) in names or _WHOSE.issuperset(_words(before))
    return part.startswith(_INTO) and len(_WORD.findall(part)) <= _MOST_INTO


def _parts(title: str) -> Sequence[str]:
    return [part for part in _SEPARATORS.split(title[:1000]) if part.strip()]


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text[:5000].replace("_", " "))]


def _compact(text: str) -> str:
    return "".join(_words(text))
