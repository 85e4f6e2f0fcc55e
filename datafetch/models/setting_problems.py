"""What can be wrong with the name of a setting: it has no value, or nobody knows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


class Missing(str):
    """The sentence that a setting is missing; it stands among the sentences of other problems.

    `environment.py` adds to it what the user may have written in its place.

    Attributes:
        names: the names under which the setting can be set.
        label: what the sentence calls the setting.
        what: what is to be set.
    """

    __slots__ = ("label", "names", "what")

    names: tuple[str, ...]
    label: str
    what: str

    def __new__(cls, names: tuple[str, ...], what: str, *, label: str = "") -> Self:
        """Without `label` the sentence calls the setting by the first of its names."""
        shown = label or names[0]
        problem = super().__new__(cls, f"{shown} is missing: {what}")
        problem.names, problem.label, problem.what = names, shown, what
        return problem


@dataclass(frozen=True, slots=True)
class UnknownSetting:
    """A name that looks like a setting of ours and is none.

    Attributes:
        name: as it is written, without control characters.
        where: the place in words, such as `in .env, line 3`.
        suggestion: the setting that was probably meant; None when none is near.
        instead: what to do in its place, for a variable of the system before datafetch; None for
            other names.
    """

    name: str
    where: str
    suggestion: str | None = None
    instead: str | None = None

    def __str__(self) -> str:
        """The sentence for people."""
        meant = f": did you mean {self.suggestion}?" if self.suggestion else ""
        return f"{self.name} {self.where} is no setting{meant}"


def old_settings(unknown: Iterable[UnknownSetting]) -> str:
    """The names of the system before datafetch, with what to do in place of each, in one text.

    Names in whose place the same is to be done stand together; other names are left out.
    """
    by_advice: dict[str, list[str]] = {}
    for name in unknown:
        if name.instead is not None:
            by_advice.setdefault(name.instead, []).append(f"{name.name} ({name.where})")
    return "; ".join(f"{', '.join(names)}: {advice}" for advice, names in by_advice.items())
