"""Which of the offered pictures becomes a logo, and when enough were seen; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from datafetch.logos.model import Candidate, Logo
from datafetch.logos.rules.known import known_name

MIN_SIDE = 16
MIN_BYTES = 100
GOOD_SIDE = 64
"""Pixels a side from which a picture settles the matter."""


@dataclass(frozen=True, slots=True)
class Take:
    """This one becomes the logo."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class AskNext:
    """There may be a better one."""


@dataclass(frozen=True, slots=True)
class NoLogo:
    """All were seen and none can be used."""


Decision = Take | AskNext | NoLogo


def why_unusable(candidate: Candidate) -> str | None:
    """Why a picture is no logo; None when it can be one."""
    generic = known_name(candidate.sha256)
    if generic is not None:
        return f"{generic}, which stands for no logo"
    if min(candidate.width, candidate.height) < MIN_SIDE:
        return f"only {candidate.width} x {candidate.height} pixels"
    if candidate.size < MIN_BYTES:
        return f"only {candidate.size} bytes"
    return None


def side(picture_format: str, width: int, height: int) -> int:
    """The pixels that count, those of the shorter side; a drawing is sharp at any size."""
    shorter = min(width, height)
    return max(shorter, GOOD_SIDE) if picture_format == "svg" else shorter


def best(candidates: Sequence[Candidate]) -> Candidate | None:
    """The largest usable picture; of equals the one that was offered first."""
    usable = [one for one in candidates if why_unusable(one) is None]
    return max(usable, key=_size, default=None)


def decide(candidates: Sequence[Candidate], *, more: bool) -> Decision:
    """What follows from the pictures seen so far, in the order in which they were offered.

    `more`: whether another one can be asked for.
    """
    found = best(candidates)
    if found is not None and (_size(found) >= GOOD_SIDE or not more):
        return Take(found)
    return AskNext() if more else NoLogo()


def is_worse(candidate: Candidate, stored: Logo) -> bool:
    """Whether the candidate would be a step back: less than good, and smaller than what is stored."""
    vector = "svg" if stored.content_type == "image/svg+xml" else ""
    before = min(side(vector, stored.width, stored.height), GOOD_SIDE)
    return _size(candidate) < before


def _size(candidate: Candidate) -> int:
    return side(candidate.format, candidate.width, candidate.height)
