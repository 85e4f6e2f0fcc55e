"""Recognises pages that sites show in place of the page: consent, robot checks, log-ins, errors."""

import re

from datafetch.opengraph.rules.tags import IMAGES, TITLES, tidy
from datafetch.pages.head import PageHead
from datafetch.urls import parse


def blocked_by(head: PageHead) -> str | None:
    """Why this is not the page itself; None when it is.

    It checks the URL after redirects. It checks the `<title>` too when the page has neither a
    title tag nor an image tag for previews (`og:title`, `og:image` and their like).
    """
    place = parse(head.url)
    host, path = ("", "") if place is None else (place.name, place.path)
    if host in _WALL_HOSTS or host.startswith(_WALL_HOST_STARTS):
        return f"{host} asks for consent"
    if _WALL_PATH.search(path):
        return "it leads to a check or a log-in"
    if any(head.content(name) for name in (*TITLES, *IMAGES)):
        return None
    title = tidy(head.title).casefold().rstrip(".!… ")
    if title in _WALL_TITLES or title.startswith(_WALL_TITLE_STARTS):
        return f"its title is that of a wall or an error ({tidy(head.title)[:60]})"
    return None


_WALL_HOSTS = frozenset(
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
    }
)


_WALL_HOST_STARTS = ("consent.google.", "consent.youtube.")


_WALL_PATH = re.compile(
    r"^/(?:sorry/index|cdn-cgi/(?:challenge|l/chk)|authwall\b|uas/login|accounts/login"
    r"|errors/validatecaptcha|_sec/cp_challenge|checkpoint/(?:challenge|rm))",
    re.IGNORECASE,
)


_WALL_TITLES = frozenset(
    {
        "just a moment",
        "attention required! | cloudflare",
        "access denied",
        "access to this page has been denied",
        "are you a robot",
        "are you a robot?",
        "robot check",
        "bot verification",
        "human verification",
        "security check",
        "security checkpoint",
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
        "client challenge",
        "you are being redirected",
        "making sure you're not a bot",
        "request rejected",
        "unauthorized",
        "forbidden",
        "too many requests",
        "not found",
        "bad gateway",
        "service unavailable",
        "site maintenance",
        "error",
    }
)


_WALL_TITLE_STARTS = (
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
    "checking your browser before",
    "please verify you are",
    "verifying you are human",
    "error 1020",
)
"""Titles, case folded, without closing dots: Cloudflare, Akamai, PerimeterX, DataDome, Amazon,
Vercel, Anubis, DDoS-Guard, and the error pages of Apache and nginx."""
