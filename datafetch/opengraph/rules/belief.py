"""Decides whether what a site shows is the page, or something that must not replace what is stored."""

from datetime import UTC, datetime
from typing import NamedTuple

from datafetch.opengraph.model import Description
from datafetch.opengraph.rules.places import is_home, mentions_gate, path_words
from datafetch.opengraph.rules.titles import (
    beyond_site,
    folded,
    is_error_of_site,
    is_log_in,
    is_only_site,
    is_wall,
    long_words,
    site_names,
    tells_the_same,
)
from datafetch.opengraph.rules.walls import blocked_by
from datafetch.pages.head import PageHead
from datafetch.urls import host_name

BELIEVED_AFTER_MS = 30 * 24 * 3600 * 1000
"""A page without its former tags is believed when the site has shown it so for this long."""

_SHOWN = 60


class Verdict(NamedTuple):
    """Whether an answer is the page.

    Attributes:
        doubt: why it is not, or not yet, taken for the page; None when it is.
        walled: whether the site shows another page; else the page itself, with less than before.
        bare_since: what to remember as `PageRecord.bare_since`.
    """

    doubt: str | None = None
    walled: bool = False
    bare_since: int | None = None


class Known(NamedTuple):
    """What is known of a page before its answer comes.

    Attributes:
        address: the bookmark's own.
        stored: what was read from the page before; None when nothing was, so that nothing can be
            replaced.
        bare_since: `PageRecord.bare_since`.
    """

    address: str
    stored: Description | None
    bare_since: int | None


def judge(known: Known, head: PageHead, said: Description, now_ms: int) -> Verdict:
    """Decide whether a page's description may replace what is stored.

    Known walls, and log-in pages to which a bookmark of another page leads, are never believed.
    Of other pages these are not, when something is stored:

    - a page that says nothing at all;
    - a page with another title that is an error, asks for a log-in, is the home page of the site,
      or is called by the site's name alone. A page with the same title is the page, wherever it
      stands now; so is one that describes itself as before, unless its title is an error or asks
      for a log-in;
    - a page without its former tags, until `BELIEVED_AFTER_MS` have passed.

    Args:
        known: what is known of the page.
        head: the answer's.
        said: its description.
        now_ms: the time, epoch ms.
    """
    wall = blocked_by(head, known.address)
    if wall is None and known.stored is not None:
        wall = _other_page(known.address, known.stored, head, said)
    if wall is not None:
        return Verdict(wall, walled=True, bare_since=known.bare_since)
    if known.stored is None:
        return Verdict()
    if said.says_nothing and not known.stored.says_nothing:
        return Verdict("the page says nothing of itself any more", bare_since=known.bare_since)
    if not _had_tags(known.stored) or not _is_bare(head, said):
        return Verdict()
    return _bare(known.bare_since, now_ms)


def judge_picture(known: Known, url: str) -> Verdict:
    """Decide whether a picture at a page's address may replace what is stored.

    Args:
        known: what is known of the page.
        url: the picture's, after redirects.
    """
    stored = known.stored
    wall = blocked_by(PageHead(url), known.address)
    if wall is not None:
        return Verdict(wall, walled=True, bare_since=known.bare_since)
    if stored is None or stored.says_nothing or stored.image_url in (url, known.address):
        return Verdict()
    return Verdict("a picture stands in place of the page", bare_since=known.bare_since)


def _bare(since: int | None, now_ms: int) -> Verdict:
    """Doubt a page without its former tags, until it has been so for long enough."""
    # A time in the future was written by a wrong clock.
    began = now_ms if since is None else min(since, now_ms)
    until = began + BELIEVED_AFTER_MS
    if now_ms >= until:
        return Verdict()
    day = datetime.fromtimestamp(until / 1000, UTC).date().isoformat()
    return Verdict(f"its tags are gone: believed if they stay away until {day}", bare_since=began)


def _had_tags(stored: Description) -> bool:
    """Whether a stored description was made of more than a `<title>`."""
    return any((stored.description, stored.image_url, stored.site_name, stored.type, stored.locale))


def _is_bare(head: PageHead, said: Description) -> bool:
    """Whether a page has neither tags for previews nor a description."""
    tags = any(name.startswith(("og:", "twitter:")) for name, _ in head.metas)
    return not (tags or said.description or said.image_url)


def _other_page(address: str, stored: Description, head: PageHead, said: Description) -> str | None:
    """Which other page the site shows in place of the stored one; None when it may be the page."""
    title = said.title
    if title is None or stored.title is None or folded(title) == folded(stored.title):
        return None
    if _is_error(title) and not _is_error(stored.title):
        return f"its title is that of a wall or an error ({title[:_SHOWN]})"
    host = host_name(head.url)
    if is_log_in(title, host) and not (is_log_in(stored.title, host) or mentions_gate(head.url)):
        return f"it asks for a log-in ({title[:_SHOWN]})"
    if is_home(address) or tells_the_same(said.description, stored.description):
        return None
    return _page_of_site(address, stored, head, said)


def _page_of_site(
    address: str, stored: Description, head: PageHead, said: Description
) -> str | None:
    """Why this is a page for the whole site, in place of a page of it; None when it is not."""
    if is_home(head.url) and not (is_home(stored.final_url) or _is_own_site(address, stored, head)):
        return "it leads to the home page of a site"
    if not _is_bare(head, said) and _is_called_by_site(address, stored, head, said):
        return f"its title is the site's, not the page's ({(said.title or '')[:_SHOWN]})"
    return None


def _is_own_site(address: str, stored: Description, head: PageHead) -> bool:
    """Whether the page has got a site of its own, which is named like it: `acme.org` for Acme."""
    there, before = host_name(head.url), host_name(stored.final_url)
    known = long_words(stored.title or "") | path_words(address)
    return there != before and not known.isdisjoint(there.removeprefix("www.").split(".")[:1])


def _is_error(title: str) -> bool:
    return is_wall(title) or is_error_of_site(title)


def _is_called_by_site(
    address: str, stored: Description, head: PageHead, said: Description
) -> bool:
    """Whether the title is only the site's name (and a slogan), and the stored one said more."""
    if said.title is None or stored.title is None:
        return False
    names = site_names(host_name(head.url), (said.site_name, stored.site_name), stored.title)
    if not beyond_site(stored.title, names):
        return False
    told = (long_words(stored.title) | path_words(address) | path_words(head.url)) - names
    return is_only_site(said.title, names, told)
