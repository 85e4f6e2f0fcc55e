"""The journalled, fenced publish of a dataset: content, master, commit object last, then tidying."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from datafetch.store.base import JSON_TYPE


class Fence(Protocol):
    """Says whether this run still may write; raises `LeaseLost` when it may not."""

    def check(self) -> None:
        """Called before each write."""
        ...


@dataclass(frozen=True, slots=True)
class Write:
    """One object to be written."""

    key: str
    body: bytes
    content_type: str = JSON_TYPE
    cache_control: str | None = None


@dataclass(frozen=True, slots=True)
class PublishPlan:
    """What a publish writes and removes.

    Attributes:
        dataset: its name, for the journal (`bookmarks`, `github`, `logos`, `opengraph`).
        content: written first, in parallel.
        ordered: then each of these one after the other (pages: highest first when the
            list grew, lowest first when it shrank).
        master: written after all content, before the commit object.
        commit: written last of all, on the condition that it still is what the run read.
        base_etag: ETag of the commit object that the run read; None when there was none.
        deletes: removed after the commit.
        etags: ETag of each object as of the last publish, where known: replaced content is
            written on that condition; an object that is not listed must not exist.
        hashes: SHA-256 (hex) of each object's bytes as of the last publish, where known:
            equal bytes are not written.
    """

    dataset: str
    commit: Write
    base_etag: str | None
    content: Sequence[Write] = ()
    ordered: Sequence[Write] = ()
    master: Write | None = None
    deletes: Sequence[str] = ()
    etags: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PublishResult:
    """What a publish did: keys written, left alone as equal, removed; the ETags as they are now."""

    written: tuple[str, ...]
    equal: tuple[str, ...]
    deleted: tuple[str, ...]
    etags: Mapping[str, str]
