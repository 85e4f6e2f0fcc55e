"""Asks a server whether it keeps the conditions of writes, and how it wants to see an ETag.

Many servers that speak S3's protocol ignore `If-Match` and `If-None-Match` without a word
(rclone's, s3rver's, Google's S3 interface), refuse them (Backblaze B2, Swift), or take an ETag
only without its quotes (Ceph RGW 16, Spaces, Hetzner). Without them two runs overwrite each other.
"""

import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from datafetch.errors import NotSupported, PreconditionFailed, StoreConflict, StoreError
from datafetch.runtime.engine import Engine
from datafetch.store.base import Condition, EtagForm, IfAbsent, IfMatch, ServerStore, encode_json
from datafetch.store.keys import Keys

_LOG = logging.getLogger(__name__)

_CREATES = 8
"""How many writes create one key at once: a server that checks and writes in two steps lets
several of them pass."""


_KEPT = timedelta(days=1)
"""How long the objects of another probe are left alone: a probe takes seconds."""

_Write = tuple[str, Condition, bytes]


class Lack(StrEnum):
    """Why a server's conditions cannot be relied on; the rest of a sentence that begins with it."""

    IGNORED = "ignores the conditions of writes"
    UNKNOWN = "does not know conditional writes"
    REFUSED = "refuses conditional writes even when their condition holds"


class Reply(StrEnum):
    """What a server did with one conditional write.

    `BUSY` is a 409: other writes to the key were under way.
    """

    STORED = "stored"
    REFUSED = "refused"
    BUSY = "busy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """One write's reply, with the ETag of what was stored."""

    reply: Reply
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a server did with ETags sent in one form.

    Attributes:
        match: the write of an object whose ETag is the one sent.
        traps: writes whose condition does not hold; none are made when `match` is not stored.
    """

    match: Reply
    traps: tuple[Reply, ...] = ()


def judge_creates(replies: Sequence[Reply]) -> Lack | None:
    """Judge several writes at once, each of which creates the same key; None: all is well.

    A server that was only busy is not judged by it.
    """
    if replies.count(Reply.STORED) > 1:
        return Lack.IGNORED
    if Reply.STORED in replies or Reply.BUSY in replies:
        return None
    return Lack.UNKNOWN if Reply.UNKNOWN in replies else Lack.REFUSED


def judge_trial(trial: Trial) -> Lack | None:
    """Judge the writes with ETags in one form; None: this form works."""
    if trial.match is not Reply.STORED:
        return Lack.UNKNOWN if trial.match is Reply.UNKNOWN else Lack.REFUSED
    if Reply.STORED in trial.traps:
        return Lack.IGNORED
    return Lack.UNKNOWN if Reply.UNKNOWN in trial.traps else None


def judge_forms(lacks: Sequence[Lack]) -> Lack:
    """What to say of a server with which no form of ETags works, by what each form lacks."""
    return next(lack for lack in Lack if lack in lacks)


def probe(store: ServerStore) -> EtagForm | Lack:
    """Find out which form of ETags works, or why conditions cannot be relied on.

    The objects that are written are removed again, and those of probes that were killed a day ago or
    earlier; one that cannot be removed is logged and stays.
    The store's `etag_form` is changed on the way and left as what was tried last.

    Raises:
        StoreConflict: the server was too busy to be judged.
        StoreError: the server did not answer, or refused a write for another reason.
    """
    trials = _Trials(store)
    try:
        return trials.run()
    finally:
        trials.tidy_up()


class _Trials:
    """The writes of one probe, under keys that no other probe uses."""

    def __init__(self, store: ServerStore) -> None:
        self._store = store
        self._name = secrets.token_hex(8)
        self._written: set[str] = set()
        self._count = 0

    def run(self) -> EtagForm | Lack:
        key = self._key("create")
        bodies = [self._body() for _ in range(_CREATES)]
        creates: list[_Write] = [(key, IfAbsent(), body) for body in bodies]
        lack = judge_creates(self._at_once(creates))
        if lack is not None:
            return lack
        lacks = []
        for form in EtagForm:
            lack = judge_trial(self._try(form))
            if lack is None:
                return form
            lacks.append(lack)
        return judge_forms(lacks)

    def tidy_up(self) -> None:
        stale = {*self._written, *self._left_by_the_dead()}
        for _ in Engine(len(self._written)).map(self._delete, stale):
            pass

    def _left_by_the_dead(self) -> list[str]:
        """The objects of probes that were killed a day ago or earlier, by the server's own time."""
        with suppress(StoreError):  # who may not list leaves them
            found = list(self._store.list(Keys.probe("").removesuffix(".json")))
            own = (info.last_modified for info in found if info.key in self._written)
            now = max(filter(None, own), default=None)
            return [
                info.key
                for info in found
                if now and info.last_modified and now - info.last_modified > _KEPT
            ]
        return []

    def _delete(self, key: str) -> None:
        try:
            self._store.delete(key)
        except StoreError as error:
            _LOG.warning("probe_not_deleted", extra={"key": key, "error": str(error)})

    def _try(self, form: EtagForm) -> Trial:
        """Write with an ETag that holds, then, at once, on three conditions that do not."""
        self._store.etag_form = form
        key = self._key(form.value)
        first = self._must(key, IfAbsent())
        second = self._must(key, IfMatch(first.etag)) if first.reply is Reply.STORED else first
        if second.reply is not Reply.STORED:
            return Trial(second.reply)
        traps: list[_Write] = [
            (key, IfAbsent(), self._body()),
            (key, IfMatch(first.etag), self._body()),
            (self._key(f"{form.value}-missing"), IfMatch(first.etag), self._body()),
        ]
        return Trial(second.reply, self._at_once(traps))

    def _must(self, key: str, condition: Condition) -> Answer:
        """Make a write whose condition holds.

        Raises:
            StoreConflict: the server is busy, which says nothing of its conditions.
        """
        answer = self._write(key, condition, self._body())
        if answer.reply is Reply.BUSY:
            raise StoreConflict(f"{key}: {self._store.name} is too busy to be asked", key=key)
        return answer

    def _at_once(self, writes: Sequence[_Write]) -> tuple[Reply, ...]:
        answers = Engine(len(writes)).map(lambda write: self._write(*write), writes)
        return tuple(answer.reply for answer in answers)

    def _write(self, key: str, condition: Condition, body: bytes) -> Answer:
        self._written.add(key)  # even one that fails may have been stored
        try:
            return Answer(Reply.STORED, self._store.put(key, body, condition=condition))
        except PreconditionFailed:
            return Answer(Reply.REFUSED)
        except StoreConflict:
            return Answer(Reply.BUSY)
        except NotSupported:
            return Answer(Reply.UNKNOWN)

    def _key(self, what: str) -> str:
        return Keys.probe(f"{self._name}-{what}")

    def _body(self) -> bytes:
        """Bytes that no other write sends.

        After a refusal the store reads the object back, and takes the write for stored when the
        bytes there are those sent (`put_conditionally`).
        """
        self._count += 1
        return encode_json({"probe": self._name, "write": self._count})
