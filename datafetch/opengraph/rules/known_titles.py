"""Titles of what sites show in place of a page: checks, errors, log-ins, the site's own name."""

WALLS = frozenset(
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
LEADS_ON = frozenset({"redirecting", "redirect"})
"""Titles of pages that lead to another; who followed their order has left them."""

ERRORS = frozenset(
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
STARTS = (
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

OF_SITES = {
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

LOG_IN = (
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
INTO = (
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

ENDS_IN = (" login", " log in", " log-in", " sign in", " sign-in", " signin")
WHOSE = frozenset(
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
