"""Says each event of the log as a sentence for people; JSON lines have the event and its fields."""

import re
from collections.abc import Callable, Mapping
from string import Formatter
from typing import NamedTuple

Fields = Mapping[str, object]

RESULT_EVENTS = frozenset(
    {
        "clock_skew",
        "lease_not_released",
        "locked",
        "publish_not_atomic",
        "records_not_written",
        "run_finished",
        "run_note",
        "site_not_told",
        "slot_late",
        "unexpected_error",
    }
)
"""Events that say nothing but what the printed results, or the error that ends the command, say."""

_FOR_MACHINES = frozenset(
    {"job", "shard", "runId", "operation", "environment", "store", "pid", "token"}
)
"""Fields that are shown only with `--verbose`, where no sentence has them."""

_EVENT = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")

SENTENCES: Mapping[str, tuple[str, ...]] = {
    # The first sentence counts whose fields the record has.
    "backup_read": ("read {items} bookmarks from the backup {key}",),
    "backup_unreadable": ("the backup {key} cannot be read and is passed over",),
    "bookmark_unreadable": ("bookmark {item} cannot be read; what is stored of it stays: {error}",),
    "bookmarks_not_whole": (
        (
            "in the stored list {read} bookmarks can be read, {odd} cannot, {doubled} stand twice; "
            "it is made anew with the help of its copies"
        ),
    ),
    "bookmarks_published": (
        (
            "published: {written} objects written, {equal} were equal already, {deleted} deleted, "
            "{gone} bookmarks gone"
        ),
    ),
    "bookmarks_rebuilt": ("found {items} bookmarks for {key} in itself and its copies",),
    "bookmarks_touched": ("something else has changed {key} since the last run; it is read anew",),
    "breaker_closed": ("{host} answers again",),
    "breaker_opened": (
        "{host} failed {failures} times in a row and is left alone until {until}: {reason}",
        "{host} failed {failures} times in a row and is left alone until {until}",
        "{host} failed {failures} times in a row and is left alone for a while",
    ),
    "breaker_still_open": (
        "{host} still fails and is left alone until {until}: {reason}",
        "{host} still fails and is left alone until {until}",
    ),
    "breakers_not_read": ("the record of hosts that fail cannot be read: {error}",),
    "breakers_not_saved": ("the record of hosts that fail could not be stored: {error}",),
    "change_not_told": ("{host} was not told of the change (DATAFETCH_CHANGE_URL): {error}",),
    "clock_skew": ("{note}",),
    "cluster_awaits_workers": ("waiting for workers of {cluster}, for {wait_s} s at most",),
    "cluster_insecure": (
        (
            "{cluster} is reached without TLS: settings and secrets travel unencrypted, and whoever "
            "reaches it can run code on its workers (DATAFETCH_CLUSTER_INSECURE)"
        ),
    ),
    "cluster_log": ("{source} says: {said}",),
    "cluster_worker_joined": ("the worker {worker} is ready; workers: {workers}",),
    "cluster_worker_lost": ("the worker {worker} is gone; others do what it had not finished",),
    "cluster_worker_refused": ("the worker {worker} is left out: {error}",),
    "conditions_probed": (
        "tried whether {endpoint} keeps the conditions of writes; what it keeps: {found}",
    ),
    "counts_unknown": ("what was done so far could not be counted: {error}",),
    "domains_not_read": ("which domains are known could not be read: {error}",),
    "failure_not_noted": (
        "the failure could not be noted in the bookmarks' index and heartbeat: {error}",
    ),
    "generic_picture_unknown": (
        "what {source} shows for sites without a logo is not known in this run: {error}",
    ),
    "github_planned": ("{to_ask} of {repositories} repositories are asked for",),
    "github_repository": ("{repository}: {error_text}", "{repository}"),
    "github_repository_failed": ("the statistics of {repository} could not be had: {error}",),
    "index_moved_meanwhile": ("another run has written the index meanwhile; it stays as it is",),
    "jitter": ("waiting {wait_s} s, as DATAFETCH_JITTER_SECONDS asks for",),
    "lease_awaited": ("waiting {wait_s} s at most: {error}",),
    "lease_free": ("waited {waited_s} s for the lock",),
    "lease_lost": (
        "the lock is lost, so nothing more is written: {error}. {hint}",
        "the lock is lost, so nothing more is written: {error}",
    ),
    "lease_not_released": ("the lock could not be given back; it ends by itself: {error}",),
    "lease_taken_over": (
        "took over the lock of {lock} from process {pid} on {host}, whose run {holder} kept it",
    ),
    "locked": ("{error}. {hint}", "{error}"),
    "login_opened": ("{client} has logged in to the status page (may {role})",),
    "login_refused": ("{client} tried to log in with a wrong secret",),
    "logo_found": ("found the logo of {domain} at {source}, for a visitor",),
    "logo_not_kept": ("the logo of {domain} is not stored: too much waits for it already",),
    "logo_skipped": ("{domain} is skipped: {reason}",),
    "logos_kept": ("stored {changed} logos that visitors asked for; {skipped} were left out",),
    "logos_locked": ("logos that visitors asked for are stored later: {error}",),
    "logos_lost": ("{logos} logos that visitors asked for could not be stored before the end",),
    "logos_not_kept": ("logos that visitors asked for could not be stored yet: {error}",),
    "logos_not_read": ("what is stored of logos could not be read: {error}",),
    "manifest_partly_read": ("{broken} parts of the manifest of logos cannot be read",),
    "manifest_saved": ("saved the manifest of {logos} logos; {removed} old objects removed",),
    "merge_put_off": (
        "the bookmarks get what was found by the next run, since another one holds them: {reason}",
    ),
    "message_not_sent": (
        "the message that the job is {turn} reached not everybody (DATAFETCH_NOTIFY)",
    ),
    "metrics_file_broken": ("{path} could not be read, and is made anew: {error}",),
    "metrics_not_pushed": ("the metrics were not taken by {host}: {error}",),
    "metrics_not_written": ("the metrics could not be written to {path}: {error}",),
    "mirror_record_unreadable": (
        "the record of an earlier mirror, {file}, cannot be read; what it wrote is left alone",
    ),
    "no_bookmarks_stored": ("no bookmarks are stored yet that could name domains",),
    "notice_failed": ("somebody could not be told of the run: {error}",),
    "notices_left": ("not told in time: {left}",),
    "object_corrupt": (
        "the stored object {key} cannot be read: {error}",
        "the stored object {key} cannot be read",
    ),
    "old_picture_missing": (
        "the picture {key} of {entry} is not in the store; `datafetch logos` looks for another",
    ),
    "not_run": ("nothing was run: {error} {hint}", "nothing was run: {error}"),
    "old_settings": (
        (
            "set, but without meaning for datafetch, only for the system before it: {instead}. "
            "`datafetch guide migrate` has all of them"
        ),
    ),
    "opengraph_merged": ("{bookmarks} bookmarks got new previews",),
    "other_lease_not_released": ("{note}",),
    "override_unreadable": ("the override {key} cannot be read and does not count",),
    "picture_not_as_described": (
        "the picture {key} of {entry} is not the one that the manifest describes",
    ),
    "picture_unusable": ("no picture for bookmark {bookmark}: {reason}",),
    "pictures_withdrawn": (
        "took the picture out of the metadata of {pages} pages: visitors' browsers should not ask for it",
    ),
    "picture_not_read": ("the picture of a logo could not be read: {error}",),
    "ping_failed": ("the monitor at {host} did not take the ping ({ping}): {error}",),
    "prefetch_planned": ("{files} files, {changed} of them would change",),
    "prefetch_reads_again": (
        "{dataset} is being changed by a run; reading it again: {reason}",
        "{dataset} is being changed by a run; reading it again",
    ),
    "prefetch_written": ("{files} files, {changed} of them changed",),
    "probe_awaited": ("waited {wait_s} s for the request that tried {host}",),
    "probe_not_deleted": ("the object {key}, written as a trial, could not be deleted: {error}",),
    "progress_not_saved": ("what was done so far could not be saved: {error}",),
    "publish_not_atomic": ("{note}",),
    "publish_starts_over": ("the publish starts over: {reason}",),
    "publish_taken_over": ("an earlier run ended while it published; that is done again first",),
    "rate_limit_wait": ("{host} asks to wait; asking again in {wait_s} s: {reason}",),
    "records_not_written": ("how the run ended could not be recorded in the store: {error}",),
    "records_superseded": ("another run has written {key} meanwhile; its record stays",),
    "removal_failed": ("an object could not be removed cleanly: {error}",),
    "site_not_told": ("{note}",),
    "stray_left": ("{key}, which no job of datafetch names so, could not be removed: {error}",),
    "request_answered": ("{method} {path}: {status}",),
    "request_failed": ("{method} {path} failed: {error}",),
    "request": ("{method} {host}{path} {status} {ms} ms", "{method} {host}{path} {error} {ms} ms"),
    "refresh_unauthorized": ("{client} asked for {path} without the right secret",),
    "refresh_without_index": ("refreshed without knowing what is stored: {error}",),
    "refresh_without_store": ("the store did not say how fresh the data is: {error}",),
    "request_retried": (
        "{host} is asked again in {wait_s} s: {reason}",
        "{upstream} is asked again in {wait_s} s: {error}",
    ),
    "retry_not_started": ("dead letters of {job} are not tried again: {error}",),
    "run_asked": ("asked for by {by} ({state})",),
    "run_asked_again": ("asked for again by {by} ({state})",),
    "run_not_begun": ("not begun: {error}",),
    "run_not_made": ("could not be run: {error}",),
    "run_note": ("{note}",),
    "run_started": ("started",),
    "second_look_failed": (
        "whether {item} is gone cannot be told, so it stays until the next full sync: {error}",
    ),
    "second_look_refused": (
        (
            "the server does not tell one by one which bookmarks are gone, so the list is read "
            "again: {error}"
        ),
    ),
    "serve_listening": ("listening at {url}; the store is {store}",),
    "serve_open": ("{note}",),
    "serve_short_secret": ("{note}",),
    "serve_stopped": ("stopped",),
    "serve_without_secret": ("{note}",),
    "setting_unknown": (
        "{setting} ({where}) is no setting of datafetch; did you mean {suggestion}?",
        "{setting} ({where}) is no setting of datafetch",
    ),
    "statistics_pending": ("{note}",),
    "slot_late": ("{note}",),
    "stopped_late": ("some work did not end in time after it was stopped, and was left",),
    "thread_failed": ("a part of the work ended unexpectedly: {error}",),
    "totals_unknown": ("the totals that are stored cannot be told: {error}",),
    "unexpected_error": ("{error}",),
    "warnings_left_out": ("{count} earlier warnings are left out",),
    "worker_ends_batch": ("ending the batch under way, for {wait_s} s at most",),
    "worker_joined": ("{worker} works for {cluster}",),
    "worker_lost_scheduler": ("{cluster} was lost; waiting for it",),
    "worker_sent_away": ("{cluster} needs this worker no longer",),
    "worker_started": (
        "a worker of datafetch {version} for {cluster}, with {threads} batch at a time",
    ),
    "worker_waits": ("waiting for {cluster}: {error}",),
}


class Sentence(NamedTuple):
    """What is said of an event.

    Attributes:
        text: the sentence.
        said: the names of the fields that it contains.
    """

    text: str
    said: frozenset[str]


def sentence(event: str, fields: Fields) -> Sentence:
    """The event as a sentence; one without a sentence of its own, as its words and fields.

    A text that is no event, from a library's own log, stays as it is.
    """
    special = _SPECIAL.get(event)
    if special is not None:
        return Sentence(special(fields), frozenset(fields) - {"runId"})
    for template in SENTENCES.get(event, ()):
        names = names_in(template)
        if all(fields.get(name) not in (None, "") for name in names):
            return Sentence(template.format_map(fields), names)
    shown = {name: value for name, value in fields.items() if name not in _FOR_MACHINES}
    words = event.replace("_", " ") if _EVENT.fullmatch(event) else event
    told = ", ".join(f"{name} {value}" for name, value in shown.items())
    return Sentence(f"{words}: {told}" if told else words, frozenset(shown))


def names_in(template: str) -> frozenset[str]:
    """The names of the fields that stand in a sentence."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name)


def counts_text(fields: Fields) -> str:
    """What a run did, by the fields of a result's JSON: `12 items, 3 changed, 0.4 s`.

    Skipped and failed items are named when there are any.
    """
    parts = [many(fields.get("itemsProcessed"), "item"), f"{fields.get('itemsChanged', 0)} changed"]
    parts += [
        f"{fields[name]} {word}"
        for name, word in (("itemsSkipped", "skipped"), ("itemsFailed", "failed"))
        if fields.get(name)
    ]
    duration = fields.get("duration")
    seconds = duration if isinstance(duration, int | float) else 0.0
    return ", ".join([*parts, f"{seconds:.1f} s"])


def many(count: object, thing: str) -> str:
    """The count and the thing: `1 item`, `2 items`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _run_finished(fields: Fields) -> str:
    ended = f"{fields.get('status')}, {counts_text(fields)}"
    error, hint = (str(fields.get(name) or "") for name in ("error", "hint"))
    between = " " if error.endswith((".", "!", "?")) else ". "
    why = f"{error}{between}{hint}" if error and hint else error or hint
    return f"{ended}: {why}" if why else ended


def _item_failed(item: str) -> Callable[[Fields], str]:
    """Says `item: error`; an error that begins with the item's address says both."""

    def said(fields: Fields) -> str:
        name, error = str(fields.get(item)), str(fields.get("error"))
        return error if error.startswith(f"{name}: ") else f"{name}: {error}"

    return said


_SPECIAL: Mapping[str, Callable[[Fields], str]] = {
    "logo_failed": _item_failed("domain"),
    "opengraph_failed": _item_failed("item"),
    "run_finished": _run_finished,
}
