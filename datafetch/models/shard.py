"""A share of a job's items: the I-th of N, by a stable hash of each item.

People are told of a share; the option, the settings and the code call it `shard`.
"""

import hashlib
import re
from dataclasses import dataclass

MOST_SHARES = 10_000
"""The most shares of one job; arrays of AWS Batch have at most as many children."""

_SHARD = re.compile(r"([0-9]{1,5})/([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Shard:
    """The share `index` of `count`, counted from 1."""

    index: int
    count: int

    def has(self, item: str) -> bool:
        """Whether an item belongs to this share, by the first 8 bytes of its SHA-256.

        Each item belongs to exactly one share of N, to the same one always and on every machine.
        """
        digest = hashlib.sha256(item.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1

    @property
    def name(self) -> str:
        """The share in names of objects and locks, such as `2-of-4`."""
        return f"{self.index}-of-{self.count}"

    def __str__(self) -> str:
        """The share as it is typed, such as `2/4`."""
        return f"{self.index}/{self.count}"


def shard_of(index: int, count: int) -> Shard:
    """The share with these numbers.

    Raises:
        ValueError: there is no such share; the message says which there are.
    """
    if not 1 <= count <= MOST_SHARES:
        raise ValueError(f"there can be 1 to {MOST_SHARES:,} shares, not {count}")
    if not 1 <= index <= count:
        raise ValueError(f"of {count} shares there is no number {index}: they are 1 to {count}")
    return Shard(index, count)


def read_shard(text: str) -> Shard:
    """The share that a text like `2/4` names.

    Raises:
        ValueError: the text names no share.
    """
    found = _SHARD.fullmatch(text.strip())
    if found is None:
        raise ValueError("it must be I/N, such as 2/4 for the second of four shares")
    return shard_of(int(found[1]), int(found[2]))


def lease_name(job: str, shard: Shard | None) -> str:
    """What the lease of a job is called, or that of one of its shares: `logos`, `logos-2-of-4`."""
    return job if shard is None else f"{job}-{shard.name}"


def with_share(job: str, shard: Shard | None) -> str:
    """A job, or one of its shares, as people are told of it: `logos`, `logos (share 2/4)`."""
    return job if shard is None else f"{job} (share {shard})"


def in_tables(name: str, shard: Shard | None) -> str:
    """A job or an operation, or a share of it, where there is little room: `logos`, `logos 2/4`."""
    return name if shard is None else f"{name} {shard}"
