"""What users are told with the result of any job: what waits since earlier runs, and the address of pictures."""

from collections import Counter
from collections.abc import Iterable, Sequence

from datafetch.clock import to_ms, utc_text
from datafetch.models.run import JobName
from datafetch.models.shard import Shard, with_share
from datafetch.ops.dead_letters import LIMIT, DeadLetter
from datafetch.ops.failures import RETRIES, Retries
from datafetch.store.keys import IMAGES_PREFIX
from datafetch.store.public_urls import PublicUrls

_KINDS = {"Missing": "404"}
_OTHER_KIND = "refused"

STAYS_DUE = (
    "no bookmarks are stored yet, so this slot stays due: `datafetch run-due` starts the job again"
)
"""Said by a scheduled run that came before the first run of the bookmark job had ended."""

UNMERGED_STAYS_DUE = "this slot stays due: `datafetch run-due` starts the share again"
"""What is told by a scheduled share that did not get the lease of the dataset."""


def waiting_notes(
    letters: Iterable[DeadLetter], job: JobName, *, whole: bool, now: float
) -> tuple[str, ...]:
    """What to tell of the items that failed in earlier runs and still wait; nothing without any.

    Args:
        letters: those of the items that this run did not ask for.
        job: the job.
        whole: whether this run looked at all items of the job. If so, the job no longer needs an
            item that is due and was not asked for, and no note says that the next run tries it.
        now: epoch seconds.
    """
    retries = RETRIES.get(job)
    if retries is None:
        return ()
    known = list(letters)
    times = [letter.next_attempt_at for letter in known if letter.next_attempt_at is not None]
    settled = [letter for letter in known if letter.next_attempt_at is None]
    now_ms = to_ms(now)
    later = [time for time in times if time > now_ms]
    notes = []
    if later:
        next_time = utc_text(min(later) / 1000, now)
        notes.append(
            f"{_items(len(later))} to be tried again, next at {next_time}; "
            f"`{retries.named}` tries one now"
        )
    due = len(times) - len(later)
    if due and not whole:
        notes.append(f"{_items(due)} to be tried again by the next run")
    if settled:
        notes.append(_settled_note(settled, retries))
    return tuple(notes)


def too_many_note(count: int) -> str:
    """The note that `count` dead letters are dropped, because there are too many."""
    went = "1 dead letter is" if count == 1 else f"{count:,} dead letters are"
    return (
        f"{went} not kept, because a job has {LIMIT:,} at most: first those of items that are not "
        "tried again by themselves, the oldest first"
    )


def lock_unknown_note(lock: str, until: float, now: float) -> str:
    """What to tell when a run had to end while it asked for its lock; times in epoch seconds."""
    return (
        f"the run had to end while it asked for the lock of {lock}: if it got it, runs of other "
        f"machines are locked out until {utc_text(until, now)} at the latest"
    )


def unrecorded_note(job: str) -> str:
    """What to tell when a run of this job or share had to end before its end was stored."""
    return (
        f"how this run of {job} ended could not be stored in time; the next run goes on from what "
        "is stored"
    )


def no_cdn_note(job: JobName, urls: PublicUrls) -> str:
    """What to tell when the public base URL is not set; else empty.

    It is empty for jobs that publish no pictures, too. Only runs in production ask for it.
    """
    if urls.has_cdn or job not in (JobName.LOGOS, JobName.OPENGRAPH):
        return ""
    return (
        "S3_CDN_URL is not set: the manifests name pictures by the store's own addresses "
        f"({urls.for_key(IMAGES_PREFIX)}…), which visitors must be able to open, and bookmarks keep "
        "the external address of their picture (ogImage); set it to the public base URL of the "
        "stored objects"
    )


def superseded_note(job: JobName, shard: Shard | None = None) -> str:
    """What to tell of a run that ended after another run of its job or share wrote its records."""
    lock = "BOOKMARKS_LOCK_TTL_MS" if job is JobName.BOOKMARKS else "DATAFETCH_LOCK_TTL_MS"
    return (
        f"this run lost its lock before it ended, and another run of {with_share(job.value, shard)} wrote the "
        "records since: those stay, and the next run starts from what is stored. If this comes "
        f"again, raise {lock}"
    )


def _items(count: int) -> str:
    return "1 item waits" if count == 1 else f"{count} items wait"


def _settled_note(letters: Sequence[DeadLetter], retries: Retries) -> str:
    kinds = Counter(_KINDS.get(letter.error_type, _OTHER_KIND) for letter in letters)
    reasons = ", ".join(sorted(kinds))
    count = len(letters)
    said = (
        "item is not tried again by itself"
        if count == 1
        else "items are not tried again by themselves"
    )
    return f"{count} {said} ({reasons}): `{retries.named}`, or `{retries.all}` for all"
