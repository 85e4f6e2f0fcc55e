"""Several parts whose calls can be cut off, as one."""

from datafetch.store.base import Cuttable


class CutTogether:
    """Cuts off the calls of all its parts, such as of the store and of a service that keeps leases."""

    def __init__(self, *parts: Cuttable) -> None:
        self._parts = parts

    def cut(self, *, for_good: bool = False) -> None:
        """See `Cuttable.cut`."""
        for part in self._parts:
            part.cut(for_good=for_good)

    @property
    def is_over(self) -> bool:
        """Whether the calls of one of them were cut off for good."""
        return any(part.is_over for part in self._parts)


def cuttable_of(*parts: object) -> Cuttable | None:
    """Those of the parts whose calls can be cut off, as one; None when there is none."""
    cuttable = [part for part in parts if isinstance(part, Cuttable)]
    if len(cuttable) == 1:
        return cuttable[0]
    return CutTogether(*cuttable) if cuttable else None
