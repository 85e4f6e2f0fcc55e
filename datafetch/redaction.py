"""Masks what no output may show: secrets, and the users and query strings of URLs."""

import json
import re
import threading
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote

MASK = "***"

_URL = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{0,20}://[^\s\"'<>]+")

# What stands before these words in a name does not matter, and to look for it would cost most.
_NAME = (
    r"(?P<name>token|secret|password|passwd|api[_-]?key|access[_-]?key(?:[_-]?id)?"
    r"|authorization|signature|\bsig|credentials?)"
)
_VALUE = r"(?P<value>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s\"'&,;}\])]+)"
_ASSIGNED = re.compile(rf"(?i){_NAME}(?P<between>\s{{0,3}}=\s{{0,3}}){_VALUE}")
"""`api_key=…`, as in forms, settings and the arguments of a call."""

_MEMBER = re.compile(rf"(?i){_NAME}(?P<between>[\"']\s{{0,3}}:\s{{0,3}}){_VALUE}")
"""`"token": "…"`, as in JSON and in Python's mappings."""

_HEADER = re.compile(
    r"(?i)(?P<name>authorization|cookie|-(?:token|secret|key|signature|password))"
    r"(?P<between>\s{0,3}:\s{0,3})"
    r"(?P<value>(?:(?:bearer|basic|digest|negotiate|token)\s{1,3})?[^\s\"']+)"
)
"""`Authorization: Bearer …` and other headers that carry credentials."""

_SPOKEN = re.compile(
    r"(?i)(?P<name>bearer|basic|token|secret|password)"
    r"(?P<between>:?\s{1,3}[\"']?)(?P<value>[a-z0-9._~+/=-]{8,})"
)
"""`password: …` and `token …`, where a word of a sentence may follow as well as a secret."""

_SHAPES = re.compile(
    r"\b(?:gh[opsur]_\w{16,255}|github_pat_\w{16,255}|ak[0-9]_\w{10,255}|AKIA[0-9A-Z]{16})\b"
)
"""Tokens of GitHub, Karakeep and AWS: known by their form alone."""

_WEB_TOKEN = "eyJ"  # noqa: S105 - `{"` in Base64: how the first part of a JSON Web Token begins
_DOTTED = re.compile(r"[\w.-]++")
_WEB_TOKEN_BEGINS = re.compile(rf"\b{_WEB_TOKEN}(?=[\w-]{{8}})")
_WEB_TOKEN_PARTS = 3
_SHORTEST_PART = 8

_OF_URLS = str.maketrans("+/", "-_")
"""Turns Base64 into its alphabet for URLs (RFC 4648, 5)."""

_IN_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_IN_ATTRIBUTES = str.maketrans({'"': "&quot;", "'": "&#x27;"})
_ESCAPE = re.compile(r"%[0-9A-F]{2}")

_LONGER_THAN_WORDS = 24
_SHORTEST_SECRET = 6

_secrets: set[str] = set()
_secrets_lock = threading.Lock()


def register_secrets(values: Iterable[str]) -> None:
    """Mask these texts from now on; texts of fewer than 6 characters are not masked.

    They are masked as they are, as they stand in URLs, in JSON, HTML and XML, and in Base64, since
    servers repeat in their errors what they were sent.
    """
    with _secrets_lock:
        for value in values:
            if len(value) >= _SHORTEST_SECRET:
                _secrets.update(_forms(value))


def _forms(secret: str) -> Iterator[str]:
    """How a secret may stand in a text."""
    yield secret
    for safe in ("", "/"):
        in_url = quote(secret, safe=safe, errors="surrogatepass")
        yield in_url
        yield _ESCAPE.sub(lambda found: found[0].lower(), in_url)
    in_json = json.dumps(secret)[1:-1]
    yield from (in_json, in_json.replace("/", "\\/"), json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (secret.translate(_IN_MARKUP), secret.translate(_IN_MARKUP | _IN_ATTRIBUTES))
    encoded = b64encode(secret.encode(errors="surrogatepass")).decode().rstrip("=")
    yield from (encoded, encoded.translate(_OF_URLS))


def redact(text: str) -> str:
    """The text without known secrets, credentials, and query strings and users of URLs.

    Only values are masked. The words of a sentence stay, also after "token" or "password".
    """
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _URL.sub(_bare_url, text)
    for pattern in (_HEADER, _ASSIGNED, _MEMBER, _SPOKEN):
        text = pattern.sub(_masked, text)
    if _WEB_TOKEN in text:
        text = _DOTTED.sub(_without_web_tokens, text)
    return _SHAPES.sub(MASK, text)


def _without_web_tokens(match: re.Match[str]) -> str:
    """The word that was found, which may hold dots, with each JSON Web Token in it masked.

    A token is known by its form alone: three parts with dots between them (RFC 7519). A pattern
    for the whole token would read the rest of the text again from each `eyJ` in it.
    """
    kept: list[str] = []
    parts = match[0].split(".")
    at = 0
    while at < len(parts):
        begins = _WEB_TOKEN_BEGINS.search(parts[at])
        following = parts[at + 1 : at + _WEB_TOKEN_PARTS]
        long_enough = [len(part) >= _SHORTEST_PART for part in following]
        if begins is not None and long_enough == [True, True]:
            kept.append(parts[at][: begins.start()] + MASK)
            at += _WEB_TOKEN_PARTS
        else:
            kept.append(parts[at])
            at += 1
    return ".".join(kept)


def _bare_url(match: re.Match[str]) -> str:
    """The URL without user, query and fragment."""
    scheme, _, rest = match[0].partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def _masked(match: re.Match[str]) -> str:
    value = match["value"]
    if match.re is _SPOKEN and not _looks_secret(value):
        return match[0]
    quote_mark = value[0] if value[0] in "\"'" else ""
    return f"{match['name']}{match['between']}{quote_mark}{MASK}{quote_mark}"


def _looks_secret(word: str) -> bool:
    """Whether this is no word of a sentence, nor a path or a number."""
    if "/" in word and ("." in word or word.startswith("/")):
        return False
    has_letter = any(letter.isalpha() for letter in word)
    has_digit = any(letter.isdigit() for letter in word)
    mixed = not (word.islower() or word.isupper() or word.istitle())
    return has_letter and (has_digit or mixed or len(word) >= _LONGER_THAN_WORDS)
