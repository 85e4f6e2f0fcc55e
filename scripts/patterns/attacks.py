"""Makes texts on which a pattern is slow, if it is slow on any, out of the pattern itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise, permutations, product
from typing import Any

from scripts.patterns.ambiguity import suspicions
from scripts.patterns.matcher import ENDLESS, Model

_FEW = 12
"""Of more alternatives or kinds of characters so many are tried."""

_SINGLE = ("LITERAL", "NOT_LITERAL", "ANY", "IN")
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


@dataclass(frozen=True)
class Attack:
    """A text of any length: what is before, what is repeated, and what then does not fit."""

    before: tuple[str, ...]
    repeated: str
    tail: str

    def text(self, times: int) -> str:
        """The text with its repeated part so many times; each second part of `before` as well."""
        parts = [part * (times if number % 2 else 1) for number, part in enumerate(self.before)]
        return "".join(parts) + self.repeated * times + self.tail


@dataclass(frozen=True)
class _Point:
    """A place in the pattern: what leads there, and what it takes again and again."""

    before: str
    bodies: tuple[str, ...]


def attacks(model: Model, use: str) -> Iterator[Attack]:
    """Texts made of the beginnings, the repeats and the near misses of a pattern.

    First those of which the pattern is suspected. Then, after what leads to each repeat (without
    and with what may be left out), what it repeats, what it and its neighbours repeat, what leads
    there, and each kind of character; at the end what fits nowhere.
    """
    seen: set[Attack] = set()
    for attack in chain(suspected(model, use), _all_attacks(model)):
        if attack.repeated and attack not in seen:
            seen.add(attack)
            yield attack


def suspected(model: Model, use: str) -> Iterator[Attack]:
    """The texts of which the pattern is suspected when it is used so."""
    misfit = model.alphabet[-1]
    for before, word in suspicions(model, at_each_place=use == "search"):
        for lead, tail in product((before, misfit + before), ("", misfit)):
            yield Attack((lead,), word, tail)


def _all_attacks(model: Model) -> Iterator[Attack]:
    every = (point for rich in (False, True) for point in _points(model, model.tree, "", rich=rich))
    points = list(dict.fromkeys(every))
    misfit = model.alphabet[-1]
    yield from _beginnings(model, points)
    for point in points:
        for body in dict.fromkeys((*point.bodies, *(point.before + body for body in point.bodies))):
            for tail in ("", misfit):
                yield Attack((point.before,), body, tail)
            yield Attack((misfit + point.before,), body, misfit)
    for first, second in pairwise(points):
        between = second.before.removeprefix(first.before)
        for body, following in product(first.bodies[:2], second.bodies[:2]):
            yield Attack((first.before,), body + following, misfit)
            yield Attack((first.before, body, between), following, misfit)


def _beginnings(model: Model, points: list[_Point]) -> Iterator[Attack]:
    """What leads to the repeats, the whole pattern and each kind of character, again and again."""
    whole = [_sample(model, model.tree, rich=rich) for rich in (False, True)]
    near = [text[:-1] for text in whole]
    for before in dict.fromkeys(("", *(point.before for point in points))):
        for repeated in dict.fromkeys((*model.alphabet[:_FEW], before, *whole, *near)):
            for tail in ("", model.alphabet[-1]):
                yield Attack((before,), repeated, tail)


def _points(model: Model, tree: Any, before: str, *, rich: bool) -> Iterator[_Point]:
    """The repeats of a part of a pattern, and what leads to each of them."""
    for code, argument in tree:
        name = str(code)
        if name in _REPEATS:
            least, most, body = argument
            if most > ENDLESS or most - least > 1:
                yield _Point(before, tuple(dict.fromkeys(_bodies(model, body))))
            yield from _points(model, body, before, rich=rich)
        elif name == "BRANCH":
            for branch in _some(argument[1]):
                yield from _points(model, branch, before, rich=rich)
        elif (inside := _inside(name, argument)) is not None:
            yield from _points(model, inside, before, rich=rich)
        before += _sample(model, [(code, argument)], rich=rich)


def _bodies(model: Model, body: Any) -> Iterator[str]:
    """What a repeat may take in a round, and two of its parts one after the other."""
    if len(body) == 1 and str(body[0][0]) in _SINGLE:
        yield from [kind for kind in model.alphabet if kind in model.allowed(*body[0])][:_FEW]
        return
    for rich in (False, True):
        yield _sample(model, body, rich=rich)
    parts = list(dict.fromkeys(_parts(model, body)))[: _FEW // 2]
    yield from parts
    yield from (first + second for first, second in permutations(parts, 2))


def _parts(model: Model, tree: Any) -> Iterator[str]:
    """What the alternatives and the repeats inside a part of a pattern take."""
    for code, argument in tree:
        name = str(code)
        inner = [argument[2]] if name in _REPEATS else []
        inner += _some(argument[1]) if name == "BRANCH" else []
        yield from (_sample(model, part, rich=False) for part in inner)
        inside = _inside(name, argument)
        for part in [*inner, *([] if inside is None else [inside])]:
            yield from _parts(model, part)


def _sample(model: Model, tree: Iterable[tuple[Any, Any]], *, rich: bool) -> str:
    """A text that a part of a pattern takes, without what may be left out or, if rich, with it."""
    text = ""
    for code, argument in tree:
        name = str(code)
        if name in _SINGLE:
            allowed = model.allowed(code, argument)
            text += next(
                (kind for kind in model.alphabet if kind in allowed), min(allowed, default="")
            )
        elif name == "BRANCH":
            text += _sample(model, argument[1][-1 if rich else 0], rich=rich)
        elif name in _REPEATS:
            text += _sample(model, argument[2], rich=rich) * max(
                min(argument[0], ENDLESS), int(rich)
            )
        elif (inside := _inside(name, argument)) is not None and not name.startswith("ASSERT"):
            text += _sample(model, inside, rich=rich)
    return text


def _inside(name: str, argument: Any) -> Any:
    if name == "SUBPATTERN":
        return argument[3]
    if name in ("ASSERT", "ASSERT_NOT"):
        return argument[1]
    return argument if name == "ATOMIC_GROUP" else None


def _some(branches: list[Any]) -> list[Any]:
    """At most some of many alternatives, evenly chosen."""
    step = -(-len(branches) // _FEW)
    return branches[::step]
