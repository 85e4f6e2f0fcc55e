"""When scheduled runs begin: the slots of cron expressions, and the wait before a run."""

import hashlib

from datafetch.cron import ZONE, Schedule, slot_moment, slot_name

__all__ = ["ZONE", "Schedule", "held_back_s", "jitter_s", "slot_moment", "slot_name", "wait_s"]

_RUN_DUE_EACH_S = 900
"""Seconds between two calls of `run-due` in the crontab that we print."""

_PARTS = 2**32


def jitter_s(host: str, job: str, bound_s: float) -> float:
    """Seconds that this job waits on this host: always the same, from 0 to below the bound."""
    digest = hashlib.sha256(f"{host}\0{job}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:4]) / _PARTS * bound_s


def held_back_s(jitter: float) -> float:
    """Seconds after a slot before which `run-due` starts no run of it: whole quarters of an hour.

    A run that is started then waits for the rest of `jitter`. If each call started one that waits
    for hours, there would be four more processes an hour that wait for the same slot.
    """
    return jitter // _RUN_DUE_EACH_S * _RUN_DUE_EACH_S


def wait_s(jitter: float, late_s: float) -> float:
    """Seconds that a scheduled run waits when it was started `late_s` after its slot."""
    held = held_back_s(jitter)
    return jitter - held if late_s >= held else jitter
