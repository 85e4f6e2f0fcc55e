"""Reads which logo a request asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from datafetch.logos.rules.domains import normalise

LONGEST = 2048
"""Characters of a parameter; the longest address that browsers agree on."""

_MOST_FIELDS = 32
_NAMES = ("website", "domain", "company")
_ONE_OF_THEM = "One of website, domain and company is needed."


@dataclass(frozen=True, slots=True)
class AskedLogo:
    """A logo that is asked for, by its domain or by the name of a company; one of them is None.

    Attributes:
        is_forced: the providers are to be asked, whatever is known.
        is_missed: a visitor's browser could not load the logo that is known, as it says.
    """

    domain: str | None
    company: str | None
    is_forced: bool
    is_missed: bool = False


@dataclass(frozen=True, slots=True)
class BadQuestion:
    """The request asks for no logo; `error` says why, for people."""

    error: str


def asked_logo(query: bytes) -> AskedLogo | BadQuestion:
    """Which logo the query of a request's URL asks for.

    `website` is an address or a bare host, `domain` a host; both are read alike. `forceRefresh` is
    on when it is `true`. Empty and other parameters do not count.
    """
    try:
        fields = parse_qsl(
            query.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:  # also what is no UTF-8, escaped or not
        return BadQuestion("The query cannot be read.")
    given = [(name, text) for name, value in fields if name in _NAMES and (text := value.strip())]
    if len(given) != 1:
        return BadQuestion(_ONE_OF_THEM)
    name, text = given[0]
    if len(text) > LONGEST or not text.isprintable():
        return BadQuestion(f"The {name} is too long, or has characters that nobody types.")
    is_forced = _last(fields, "forceRefresh") == "true"
    if name == "company":
        return AskedLogo(None, text, is_forced)
    domain = normalise(text)
    if domain is None:
        return BadQuestion(f"The {name} names no public domain; give it like example.com.")
    return AskedLogo(domain, None, is_forced)


def _last(fields: Sequence[tuple[str, str]], name: str) -> str | None:
    return next((value for field, value in reversed(fields) if field == name), None)
