"""Says of a pattern whether its work grows faster than the text that it is tried on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scripts.patterns.attacks import Attack, attacks
from scripts.patterns.matcher import Model, TooManySteps, model_of, steps

_TIMES = 160
_MORE = 4
_MOST_GROWTH = 8
"""Of a text four times as long: 4 is linear, 16 quadratic."""

_FEW_STEPS = 30
"""So few steps a character need no second look: a quadratic pattern takes half as many as it is repeated."""

_TOO_MANY = 1_000_000
"""Steps on the shorter text, after which a pattern is slow whatever it would come to."""


@dataclass(frozen=True)
class Slow:
    """A text on which a pattern is slow.

    Attributes:
        steps: of the longer text; None when they were too many to count.
    """

    use: str
    text: str
    steps: int | None


def slow_on(
    pattern: str | bytes,
    flags: int,
    use: str,
    texts: Callable[[Model, str], Iterator[Attack]] = attacks,
) -> Slow | None:
    """The first of the texts on which the work grows faster than the text; None when there is none.

    Raises:
        Unknown: the pattern has a part that the model does not know.
    """
    model = model_of(pattern, flags)
    for attack in texts(model, use):
        text = attack.text(_TIMES)
        longer = attack.text(_TIMES * _MORE)
        try:
            some = steps(model, text, use, _TOO_MANY)
            if some <= _FEW_STEPS * len(text):
                continue
            more = steps(model, longer, use, _TOO_MANY * _MORE)
        except TooManySteps:
            return Slow(use, longer, None)
        if more > some * _MOST_GROWTH:
            return Slow(use, longer, more)
    return None
