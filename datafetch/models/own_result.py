"""Which of two results of one item stays, when a share of a job brings its own into the dataset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

Order = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class OwnResult(Generic[T]):
    """What a share has made of one item.

    Attributes:
        before: what was stored when it began; None for nothing.
        after: what it has made of that.
    """

    before: T | None
    after: T


def stays(own: OwnResult[T], stored: T | None, order: Callable[[T], Order]) -> T:
    """The value of the item in the dataset: the share's own, or the one that is stored now.

    While the stored one is what the share began with, its own stays. If another run has stored
    something else meanwhile, the later of the two stays: the one that is larger by `order`, which
    has to tell any two different values apart. So it does not matter which of the two came first.
    """
    if stored is None or stored == own.before:
        return own.after
    return max(stored, own.after, key=order)


def own_results(before: Mapping[str, T], after: Mapping[str, T]) -> dict[str, OwnResult[T]]:
    """The items, by name, of which a run has made something else than they were."""
    return {
        name: OwnResult(before.get(name), value)
        for name, value in after.items()
        if before.get(name) != value
    }
