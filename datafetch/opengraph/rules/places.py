"""Tells by an address what stands there: a log-in or consent page, a robot check, a home page."""

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, unquote

from datafetch.urls import Url, parse

_HOSTS = frozenset(
    {
        "consent.google.com",
        "consent.youtube.com",
        "consent.yahoo.com",
        "guce.yahoo.com",
        "guce.aol.com",
        "guce.techcrunch.com",
        "validate.perfdrive.com",
        "geo.captcha-delivery.com",
        "challenges.cloudflare.com",
        "accounts.google.com",
        "login.microsoftonline.com",
        "sec.douban.com",
        "wappass.baidu.com",
        "nid.naver.com",
        "choice.npr.org",
        "passport.weibo.com",
    }
)
_HOST_STARTS = ("consent.google.", "consent.youtube.")

_CHECKS = re.compile(
    r"^/(?:sorry/index|cdn-cgi/(?:access/login|challenge|l/chk)|authwall\b|uas/login"
    r"|accounts/login|errors/validatecaptcha|_sec/cp_challenge|checkpoint/(?:challenge|rm)"
    r"|tosv2\.html|captchaperimeterx|_{3,}tmd_{3,}|showcaptcha\b|splashui/captcha"
    r"|mp/wappoc_appmsgcaptcha|crawlprevention/|action/cookieabsent|consent/tcf/"
    r"|idp/profile/saml2/|adfs/ls\b|simplesaml/)",
    re.IGNORECASE,
)
"""Paths of robot checks, log-ins and consent pages: Google, Cloudflare, LinkedIn, Instagram, Amazon,
Akamai, Bloomberg, Zillow, AliExpress, Yandex, eBay, WeChat, Oxford, Wiley, Der Standard, Shibboleth,
Active Directory, SimpleSAMLphp."""

_GATE_LABELS = frozenset(
    {"login", "signin", "auth", "sso", "consent", "accounts", "idp", "oauth", "passport", "guce"}
)
"""First labels of hosts that do nothing but let people in."""

_GATES = frozenset(
    {
        "login",
        "logon",
        "signin",
        "signon",
        "wplogin",
        "userlogin",
        "loginform",
        "loginpage",
        "signinpage",
        "servicelogin",
        "workspacesignin",
        "authwall",
        "consent",
        "collectconsent",
        "gdprconsent",
        "cookieconsent",
        "cookiewall",
        "captcha",
        "unhuman",
        "over18",
        "agegate",
        "ageverification",
    }
)
"""Parts of a path, without `-`, `_` and extension, that name a log-in, consent or age page."""

_MAYBE_GATES = _GATES | {
    "auth",
    "authenticate",
    "authentication",
    "authorize",
    "sso",
    "saml",
    "saml2",
    "oauth",
    "oauth2",
    "openid",
    "challenge",
    "checkpoint",
    "blocked",
    "register",
    "signup",
    "join",
    "enter",
    "session",
    "sessions",
    "verify",
    "gate",
    "visitor",
    "welcome",
    "consenta",
    "zustimmung",
    "private",
}
"""Parts that name such a page when its query says where it leads to afterwards."""

_BEFORE_GATES = frozenset(
    {
        "account",
        "accounts",
        "user",
        "users",
        "member",
        "members",
        "customer",
        "customers",
        "auth",
        "oauth",
        "sso",
        "cas",
        "idp",
        "identity",
        "id",
        "session",
        "sessions",
        "secure",
        "security",
        "privacy",
        "i",
        "u",
        "flow",
        "ap",
        "uas",
        "m",
        "my",
        "app",
        "web",
        "site",
        "portal",
        "wpadmin",
        "v1",
        "v2",
        "v3",
    }
)
"""Parts that stand before a gate's own: `/accounts/login`, `/i/flow/login`, `/users/sign_in`."""

_RETURNS = frozenset(
    {
        "next",
        "nexturl",
        "continue",
        "return",
        "returnto",
        "returnurl",
        "returnuri",
        "returnpath",
        "redir",
        "redirect",
        "redirectto",
        "redirecturl",
        "redirecturi",
        "redirectafterlogin",
        "dest",
        "destination",
        "goto",
        "from",
        "frompage",
        "ru",
        "rurl",
        "service",
        "back",
        "backurl",
        "callback",
        "callbackurl",
        "forward",
        "target",
        "targeturl",
        "referer",
        "referrer",
        "origin",
        "openidreturnto",
        "relaystate",
        "url",
        "r",
        "u",
        "then",
    }
)
"""Names in a query, without `-`, `_` and `.`, whose value is where a visitor goes afterwards."""

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
    if url.name in _HOSTS or url.name.startswith(_HOST_STARTS):
        return f"{url.name} asks for consent or a log-in"
    return "a check or a log-in" if _CHECKS.search(url.path) else None


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
    if len(labels) > 2 and labels[0] in _GATE_LABELS:  # noqa: PLR2004 - `login.com` is a site
        return True
    parts = _parts(url.path)
    for place, part in enumerate(parts):
        before, after = parts[:place], parts[place + 1 :]
        if part in _GATES and _BEFORE_GATES.issuperset(before) and _is_step(after):
            return True
    return any(part in _MAYBE_GATES for part in parts) and _leads_back(url)


def mentions_gate(address: str) -> bool:
    """Whether the path of an address names a log-in or consent, so that its page may be about it."""
    url = parse(address)
    if url is None:
        return False
    named = _LOG_IN.search(_path_text(url)) is not None
    return named or not _GATES.isdisjoint({*_parts(url.path), *path_words(address)})


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
        _plain(name) in _RETURNS and value.startswith(("/", "http:", "https:", "http%", "%2f"))
        for name, value in _query(url)
    )
