"""Recognises pages that sites show in place of the page: consent, robot checks, log-ins, errors."""

from datafetch.opengraph.rules.places import check_at, is_gate, is_home, mentions_gate
from datafetch.opengraph.rules.tags import DESCRIPTIONS, IMAGES, TITLES, tidy
from datafetch.opengraph.rules.titles import is_log_in, is_wall, is_wall_of_site, leads_on
from datafetch.pages.head import PageHead
from datafetch.urls import host_name

_SHOWN = 60


def blocked_by(head: PageHead, asked: str | None = None) -> str | None:
    """Why this is not the page itself, whatever is known of the page; None when it may be.

    It checks the URL after redirects, and the title. The title of a robot check or an error counts
    only when the page has neither a title tag nor an image tag for previews (`og:title`,
    `og:image` and their like). A bookmark of a log-in page may lead to a log-in page. The home page
    of a site may have a title that asks for a log-in, or that is the site's.

    Args:
        head: what the site shows.
        asked: the bookmark's own address. None when no page in particular was asked for: then only
            addresses of known walls count, and titles of robot checks and errors.
    """
    return _by_place(head.url, asked) or _by_title(head, asked)


def _by_place(final: str, asked: str | None) -> str | None:
    there = check_at(final)
    if there is not None and (asked is None or check_at(asked) is None):
        return there
    if asked is not None and is_gate(final) and not is_gate(asked):
        return "it leads to a log-in or consent page"
    return None


def _by_title(head: PageHead, asked: str | None) -> str | None:
    title = shown_title(head)
    described = any(head.content(name) for name in (*TITLES, *IMAGES))
    if not described and is_wall(title):
        return f"its title is that of a wall or an error ({title[:_SHOWN]})"
    if asked is not None and not described and leads_on(title):
        return f"it leads to another page in a way that is not followed ({title[:_SHOWN]})"
    if asked is None or is_home(asked):
        return None
    host = host_name(head.url)
    if is_log_in(title, host) and not (mentions_gate(head.url) or mentions_gate(asked)):
        return f"it asks for a log-in ({title[:_SHOWN]})"
    told = described or any(head.content(name) for name in DESCRIPTIONS)
    if is_wall_of_site(title, host, told=told):
        return f"its title is the site's, not the page's ({title[:_SHOWN]})"
    return None


def shown_title(head: PageHead) -> str:
    """The title by which readers know the page."""
    named = (tidy(text) for name in TITLES for text in head.content(name))
    return next((text for text in named if text), "") or tidy(head.title)
