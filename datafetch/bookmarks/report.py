"""The sentences in which a run of the bookmark job tells the user what it found and did."""

from collections.abc import Sequence

from datafetch.bookmarks.restore import Backup
from datafetch.bookmarks.rules.changes import Fetched
from datafetch.bookmarks.rules.normalise import MAX_TAGS, surplus_tags
from datafetch.models.run import RunOptions
from datafetch.ops.failures import FailedItem, named_failures, short_reason
from datafetch.store.publish import PublishResult

_NAMED = 5
"""Most bookmarks that a message names."""

_FIRST = 3
"""How many of the items that are left out a note names."""

UNFINISHED = (
    "the new list is not published, or only in part: readers miss no bookmark, and the next "
    "`datafetch bookmarks` finishes it"
)

OPEN_PUBLISH = "an earlier run did not finish its publish; a run without --dry-run ends it first"

UNCHANGED_PLAN = "would write the times of the index alone: the list is as it is stored"


def ended_publish(run_id: str, count: int) -> str:
    """A run ended the publish of an earlier one; the list that readers see now has `count` items."""
    run = f"the run {run_id}" if run_id else "an earlier run"
    return (
        f"{run} had not finished its publish: that was ended first, and readers see one list of "
        f"{count} bookmarks"
    )


def restored_note(options: RunOptions, backup: Backup) -> str:
    """A backup was published, or would be if this were no dry run."""
    verb = "would be published" if options.dry_run else "is published"
    return (
        f"backup {options.restore}, made {backup.time}, {verb} with {len(backup.items)} bookmarks; "
        "the next `datafetch bookmarks` syncs the list anew"
    )


def planned_note(diff: PublishResult) -> str:
    """What a dry run would write and remove."""
    again = f"write {len(diff.again)} equal ones again, " if diff.again else ""
    return (
        f"would write {len(diff.written)} objects, {again}leave {len(diff.equal)} as they are and "
        f"remove {len(diff.deleted)}"
    )


def command_of(options: RunOptions) -> str:
    """The command that hints repeat, with `--restore N` when the run publishes a backup.

    The other options of the run are left out.
    """
    restore = f" --restore {options.restore}" if options.restore else ""
    return f"datafetch bookmarks{restore}"


def unreadable_note(fetched: Fetched) -> tuple[str, ...]:
    """The note that names the items that could not be read; none when all could be."""
    items = fetched.unreadable
    if not items:
        return ()
    named = named_failures([FailedItem(item.name, short_reason(item.error)) for item in items])
    note = (
        f"could not be read: {named}; what is stored of them stays. Mend them in Karakeep: each "
        "`datafetch bookmarks` reads them again"
    )
    return (note,)


def left_out_note(ids: Sequence[str]) -> tuple[str, ...]:
    """The note about items that are not published, since they have no web address; none for 0."""
    if not ids:
        return ()
    note = (
        f"left out, since they have no web address (notes, files): {_first_of(ids)}. They keep "
        "their slugs; BOOKMARKS_INCLUDE_UNLINKED=true publishes them too, but readers that demand "
        "an address then refuse the whole list"
    )
    return (note,)


def tags_note(fetched: Fetched) -> tuple[str, ...]:
    """The note about items of which not every tag is published; none when there are none."""
    surplus = {raw.id: count for raw in fetched.readable if (count := surplus_tags(raw))}
    if not surplus:
        return ()
    note = (
        f"more than {MAX_TAGS} tags: {_first_of(list(surplus))}. The first {MAX_TAGS} of each are "
        f"published, and {sum(surplus.values())} are left out"
    )
    return (note,)


def _first_of(ids: Sequence[str]) -> str:
    """How many items there are, and the ids of the first three."""
    number = f"{len(ids)} item{'' if len(ids) == 1 else 's'}"
    more = ", …" if len(ids) > _FIRST else ""
    return f"{number} ({', '.join(ids[:_FIRST])}{more})"


def undecided_reason(fetched: Fetched) -> str | None:
    """Why the reading could not be finished, for the user; None when it was."""
    if not fetched.undecided:
        return None
    names = ", ".join(sorted(fetched.undecided)[:_NAMED])
    return (
        f"{len(fetched.undecided)} stored bookmarks did not come ({names}), and the server did not "
        "answer when it was asked whether they are deleted: they stay, and the next run asks again"
    )
