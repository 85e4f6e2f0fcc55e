"""When scheduled runs begin: the slots of cron expressions, and the wait before a run."""

import hashlib

from datafetch.cron import ZONE, Schedule, slot_moment, slot_name

__all__ = ["ZONE", "Schedule", "jitter_s", "slot_moment", "slot_name"]

_PARTS = 2**32


def jitter_s(host: str, job: str, bound_s: float) -> float:
    """Seconds that this job waits on this host: always the same, from 0 to below the bound."""
    digest = hashlib.sha256(f"{host}\0{job}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:4]) / _PARTS * bound_s
