"""The sentences in which a run of the logo job tells the user what it found and did."""

from datafetch.models.shard import Shard


def command(shard: Shard | None) -> str:
    """The command that runs the job, or one of its shares, again."""
    return "datafetch logos" if shard is None else f"datafetch logos --shard {shard}"


def no_domains(*, dry_run: bool) -> str:
    """What is told when no domains are known.

    A dry run is told of --dry-run: when `bookmarks` was run with it too, no bookmarks were stored.
    """
    bookmarks = "run `datafetch bookmarks` first"
    if dry_run:
        bookmarks = "`datafetch bookmarks` stores bookmarks when it is run without --dry-run"
    return f"no domains are known: {bookmarks}, or set LOGO_DOMAIN_FILES"


def not_remembered(reason: str, shard: Shard | None) -> str:
    """What is told when the last results are not in the dataset, for this reason."""
    return (
        f"what this run fetched last was not remembered ({reason}): the next "
        f"`{command(shard)}` takes it from the stored pictures, or fetches it again"
    )


def limited_reason(limit: int | None, shard: Shard | None) -> str:
    """Why a run is partial that has asked for as many domains as `--limit` allows."""
    return (
        f"stopped after {limit} domains (--limit): run `{command(shard)}` again for the next ones"
    )
