"""The sentences in which a run of the OpenGraph job tells the user what it found and did."""

from collections.abc import Sequence

from datafetch.models.shard import Shard
from datafetch.opengraph.rules.plan import BookmarkedPage, stored_of_host
from datafetch.upstream_errors import UpstreamError

COMMAND = "datafetch refresh-opengraph"

_NAMED = 3
"""Most addresses that a hint names."""

UNMERGED = f"their results are stored, and the next `{COMMAND}` puts them into the bookmarks"


def no_pages(*, dry_run: bool) -> str:
    """There is nothing to read: no stored bookmark has an address.

    In a dry run the user may have run the bookmark job as a dry run, too, which stored nothing.
    """
    bookmarks = "run `datafetch bookmarks` first"
    if dry_run:
        bookmarks = "`datafetch bookmarks` stores them when it is run without --dry-run"
    return f"no bookmarks with an address are stored: {bookmarks}"


def unmerged_reason(reason: str) -> str:
    """Why the results of a run that was not stopped are not in the bookmarks yet."""
    return (
        f"what was found is stored, and the next `{COMMAND}` puts it into the bookmarks: {reason}"
    )


def command(shard: Shard | None) -> str:
    """The command that runs the job, or one of its shares, again."""
    return COMMAND if shard is None else f"{COMMAND} --shard {shard}"


def left_reason(left: int, shard: Shard | None) -> str:
    """Why a run is partial that left `left` due pages out because of `--limit`."""
    return f"{left} more pages are due (--limit): run `{command(shard)}` again for the next ones"


def planned_note(asks: int, pictures: int, left: int) -> str:
    """What a run that is no dry run would do."""
    more = f"; {left} more pages are due (--limit)" if left else ""
    return f"would ask {asks} pages and look for pictures of {pictures}{more}"


def not_remembered(reason: str, shard: Shard | None) -> str:
    """What is told when a run's results are not in the stored state, for this reason."""
    return (
        f"what this run did was not remembered ({reason}): the next `{command(shard)}` looks at "
        "those pages again"
    )


def assets_refused(error: UpstreamError) -> str:
    """The bookmark server does not give the pictures that it holds."""
    return f"the bookmark server did not give its pictures (status {error.status}). {error.hint}"


def stored_instead(name: str, pages: Sequence[BookmarkedPage]) -> str:
    """The hint for a URL that no stored bookmark has."""
    there = stored_of_host(name, pages)
    more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
    known = f"Stored of that site: {', '.join(there[:_NAMED])}{more}. " if there else ""
    return f"{known}`datafetch bookmarks` stores new bookmarks."
