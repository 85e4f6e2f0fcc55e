"""Decides which of two results of an item stays, when a share lays its own into the dataset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

Order = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class OwnResult(Generic[T]):
    """A share's result of one item.

    Attributes:
        before: what was stored for the item when the share began; None for nothing.
        after: what the share has made of it.
    """

    before: T | None
    after: T


def stays(own: OwnResult[T], stored: T | None, order: Callable[[T], Order]) -> T:
    """The value that stays: the share's own result, or the `stored` value.

    The share's own stays when the stored value is still the one that the share began with. If
    another run has stored another value meanwhile, the one that is larger by `order` stays.
    `order` has to give two different values different places. So the same value stays, whichever
    of the two runs came first.
    """
    if stored is None or stored == own.before:
        return own.after
    return max(stored, own.after, key=order)


def own_results(before: Mapping[str, T], after: Mapping[str, T]) -> dict[str, OwnResult[T]]:
    """The results of all items that a run has changed, by the item's name."""
    return {
        name: OwnResult(before.get(name), value)
        for name, value in after.items()
        if before.get(name) != value
    }
