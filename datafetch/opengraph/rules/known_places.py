"""Hosts, and words in paths and queries, by which log-in, consent and robot pages are known."""

import re

HOSTS = frozenset(
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
HOST_STARTS = ("consent.google.", "consent.youtube.")

CHECKS = re.compile(
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

GATE_LABELS = frozenset(
    {"login", "signin", "auth", "sso", "consent", "accounts", "idp", "oauth", "passport", "guce"}
)
"""First labels of hosts that do nothing but let people in."""

GATES = frozenset(
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

MAYBE_GATES = GATES | {
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

BEFORE_GATES = frozenset(
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

RETURNS = frozenset(
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
