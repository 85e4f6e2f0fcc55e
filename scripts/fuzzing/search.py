"""Gives a target inputs, measures the CPU time of each, and keeps those that break the law."""

import hashlib
import logging
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

from datafetch.errors import DatafetchError
from tests.fuzz.mutations import edited, random_edits
from tests.fuzz.target import KB, Shape, Target

_SIZES = (16 * KB, 64 * KB)
"""Bytes of the long inputs, besides as many as the target's reader takes."""

_LONGEST = KB * KB
"""Bytes; a slow shape shows long before."""

_REPEATS = 3
_CHANGED = "changed"
_POOL = 200
"""So many of the inputs that cost most are changed further."""


class Trial(NamedTuple):
    """What came of one input.

    Attributes:
        seconds: of CPU.
        error: the traceback of an error that is none of ours; empty when there was none.
    """

    seconds: float
    error: str


@dataclass
class _Worst:
    """The input that cost most of what it may cost."""

    share: float = 0.0
    seconds: float = 0.0
    data: bytes = b""
    origin: str = ""


def quiet() -> None:
    """Write no log: its lines are for people, and there would be many."""
    logging.disable(logging.CRITICAL)


def tried(target: Target, data: bytes) -> int:
    """Try one input, print what came of it; 1 when it breaks the law."""
    _try(target, target.seeds[0])
    trial = _least(target, data)
    print(
        f"{target.name}: {len(data)} bytes, {trial.seconds * 1000:.1f} ms of CPU; {trial.error or 'no error'}"
    )
    return 1 if _breaks(target, data, trial) else 0


def search(target: Target, *, seconds: float, seed: int, keep: Path) -> int:
    """Fuzz one target, print its line; returns how many different inputs broke the law."""
    for data in target.seeds:  # loads what is imported where it is used
        _try(target, data)
    worst, kept, count = _Worst(), set[str](), 0
    slow = set[str]()
    for origin, data in _inputs(target, seconds, seed, worst):
        if origin in slow:  # a longer one of the same shape would take for ever
            continue
        count += 1
        trial = _try(target, data)
        if trial.seconds > target.allowed_s(len(data)) / 2 and not trial.error:
            trial = _least(target, data)
        share = trial.seconds / target.allowed_s(len(data))
        if share > worst.share:
            worst.share, worst.seconds, worst.data, worst.origin = (
                share,
                trial.seconds,
                data,
                origin,
            )
        if _breaks(target, data, trial):
            _keep(target, data, trial, origin, keep, kept)
            slow |= {origin} - {_CHANGED}
    length = max(len(worst.data), 1)
    print(
        f"{target.name:<18} {count:>7} inputs; worst {worst.share:>7.1%} of what is allowed: "
        f"{worst.seconds * 1000:.1f} ms, {length} bytes ({worst.seconds * 1e7 / length:.1f} ms per 10 kB), "
        f"{worst.origin} {worst.data[:60]!r}",
        flush=True,
    )
    return len(kept)


def _inputs(
    target: Target, seconds: float, seed: int, worst: _Worst
) -> Iterator[tuple[str, bytes]]:
    """Long inputs of each shape, then changed seeds until the time is over."""
    for shape in target.shapes:
        for size in dict.fromkeys(
            (*(min(size, target.most) for size in _SIZES), min(target.most, _LONGEST))
        ):
            yield f"{shape.before[-30:]!r} + {shape.unit[:40]!r} again and again", shape.text(size)
    rng = Random(seed)  # noqa: S311 - no secret
    pool = list(target.seeds)
    until = time.monotonic() + seconds
    best = 0.0
    while time.monotonic() < until:
        data = edited(rng.choice(pool), random_edits(rng), target.seeds)[: target.most]
        if rng.random() < 0.1:  # noqa: PLR2004 - a tenth are long
            at, size = rng.randrange(len(data) + 1), rng.randint(1, 12)
            piece = data[at : at + size] or b"a"
            data = Shape(data[:at], piece, data[at + size :]).text(rng.choice(_SIZES))[
                : target.most
            ]
        yield _CHANGED, data
        if worst.share > best and len(worst.data) < max(_SIZES):
            best = worst.share
            pool = [*pool, worst.data][-_POOL:]


def _try(target: Target, data: bytes) -> Trial:
    error = ""
    began = time.process_time()
    try:
        target.run(data)
    except DatafetchError:
        pass
    except Exception:  # noqa: BLE001 - that is what is looked for
        error = traceback.format_exc()
    return Trial(time.process_time() - began, error)


def _least(target: Target, data: bytes) -> Trial:
    return min(_try(target, data) for _ in range(_REPEATS))


def _breaks(target: Target, data: bytes, trial: Trial) -> bool:
    return bool(trial.error) or trial.seconds > target.allowed_s(len(data))


def _keep(
    target: Target, data: bytes, trial: Trial, origin: str, keep: Path, kept: set[str]
) -> None:
    """Keep an input and say so; of the inputs with the same error, or shape, the first only."""
    last = trial.error.strip().splitlines()[-3:] if trial.error else [origin]
    reason = "\n".join(last)
    if reason in kept:
        return
    kept.add(reason)
    keep.mkdir(parents=True, exist_ok=True)
    path = keep / f"{target.name}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    cost = f"{trial.seconds * 1000:.1f} ms for {len(data)} bytes, {target.allowed_s(len(data)) * 1000:.0f} allowed"
    print(
        f"BREACH {target.name}: {trial.error.strip() or cost} ({origin}; kept as {path})",
        flush=True,
    )
