"""Says of a pattern whether its work grows faster than the text that it is tried on."""

from collections.abc import Callable, Iterator

from scripts.patterns.attacks import Attack, attacks
from scripts.patterns.matcher import Model, TooManySteps, model_of, steps

_TIMES = 160
_MORE = 4
_MOST_GROWTH = 8
"""Of a text four times as long: 4 is linear, 16 quadratic."""

_FEW_STEPS = 30
"""So few steps a character need no second look: a quadratic pattern takes half as many as it is repeated."""

_MOST_STEPS = 1000
"""Steps a character that are too many, also where they do not grow: some 20 microseconds."""


def slow_on(
    pattern: str | bytes,
    flags: int,
    use: str,
    texts: Callable[[Model, str], Iterator[Attack]] = attacks,
) -> str | None:
    """The first of the texts on which the pattern is slow; None when there is none.

    Slow is what takes over eight times the steps on a text four times as long, or over a thousand
    for each character.

    Raises:
        Unknown: the pattern has a part that the model does not know.
    """
    model = model_of(pattern, flags)
    for attack in texts(model, use):
        text = attack.text(_TIMES)
        longer = attack.text(_TIMES * _MORE)
        try:
            some = steps(model, text, use, _MOST_STEPS * len(text))
            if some > _FEW_STEPS * len(text):
                steps(model, longer, use, some * _MOST_GROWTH)
        except TooManySteps:
            return longer
    return None
