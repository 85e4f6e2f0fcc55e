"""A model of Python's matcher that counts its steps, so that work is measured without a clock.

It goes the ways of the real one (`sre`): greedy first, back when the rest does not fit, and in a
search from each place anew. Each character that is looked at is a step, so a pattern that is slow
in `sre` takes many steps here. What `sre` skips with a look ahead makes it faster, never slower.
"""

import importlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

_parser = importlib.import_module("re._parser")
_MAXREPEAT = _parser.MAXREPEAT

ENDLESS = 128
"""A repeat that may go on longer than this counts as one without end."""

# Beside the characters that a pattern names, so that each of its classes has some to choose from.
_COMMON = (
    "aZ05_- .,;:/\\<>=\"'!%&#@+()[]{}|~^$*?`\n\t\r\x00\x7f\x85\xa0\xadé\u017f\u2028中\U0001f600"
)


class Unknown(Exception):
    """The pattern has a part, such as a reference to a group, that the model does not know."""


class TooManySteps(Exception):
    """The limit of steps is reached."""


@dataclass
class Model:
    """A pattern, made ready to be tried on texts of its own `alphabet`.

    Attributes:
        tree: the pattern as `re._parser` reads it.
        alphabet: characters of which no two are the same to every part of the pattern.
    """

    tree: Any
    flags: int
    alphabet: str
    program: list[tuple[Any, ...]] = field(default_factory=list)
    _sets: dict[Any, frozenset[str]] = field(default_factory=dict)
    _characters: str = ""
    _loops: int = 0

    def allowed(self, code: Any, argument: Any) -> frozenset[str]:
        """The characters that a part takes which stands for a single one."""
        key = (code, str(argument))
        if key not in self._sets:
            self._sets[key] = frozenset(
                letter for letter in self._characters if _takes(code, argument, letter, self.flags)
            )
        return self._sets[key]


def model_of(pattern: str | bytes, flags: int = 0) -> Model:
    """The model of a pattern.

    Raises:
        Unknown: it has a part that the model does not know.
    """
    tree = _parser.parse(pattern, flags)
    model = Model(tree, tree.state.flags, "")
    highest = 0xFF if isinstance(pattern, bytes) else 0x10FFFF
    named = {letter for code in _codes(tree) for letter in _near(code, highest)}
    letters = sorted(named | {letter for letter in _COMMON if ord(letter) <= highest})
    model._characters = "".join(letters)  # noqa: SLF001 - its maker
    _compile(model, tree)
    model.program.append(("found",))
    model.alphabet = _unlike(letters, model._sets.values())  # noqa: SLF001
    return model


def steps(model: Model, text: str, use: str, limit: int = 10**7) -> int:
    """How many steps it takes to use the pattern so on the text.

    `fullmatch` and `match` once; `scan` again and again where it ended, until it fails; `search`
    for all that is found in the text.

    Raises:
        TooManySteps: it takes more than `limit`.
    """
    run = _Run(model, text, limit)
    if use == "fullmatch":
        run.end_of_match(0, to_the_end=True)
    elif use == "match":
        run.end_of_match(0)
    else:
        at = 0
        while at <= len(text):
            end = run.end_of_match(at)
            if end is None and use == "scan":
                break
            at = at + 1 if end is None or end == at else end
    return run.steps


def end_of_match(model: Model, text: str, at: int = 0) -> int | None:
    """Where a match ends that begins there; None when there is none."""
    return _Run(model, text, 10**7).end_of_match(at)


class _Run:
    """The pattern, tried on one text."""

    def __init__(self, model: Model, text: str, limit: int) -> None:
        self._program, self._text, self._flags = model.program, text, model.flags
        self._limit = limit
        self._to_the_end = False
        self.steps = 0

    def end_of_match(self, at: int, *, to_the_end: bool = False) -> int | None:
        self._to_the_end = to_the_end
        return self._first_end(0, at, top=True)

    def _first_end(  # noqa: C901 - the loop of an interpreter, which is not to call for each step
        self, start: int, at: int, *, top: bool = False
    ) -> int | None:
        """The end of the first match of the program from `start` on."""
        text, program, length = self._text, self._program, len(self._text)
        ways = [_Way(start, at, at, 0, {})]
        while ways:
            pc, at, last, step, rounds = ways.pop()
            if at != last:
                ways.append(_Way(pc, at + step, last, step, rounds))
            while pc >= 0:
                self.steps += 1
                if self.steps > self._limit:
                    raise TooManySteps
                operation = program[pc]
                kind = operation[0]
                if kind == "take":
                    fits = at < length and text[at] in operation[1]
                    pc, at = (pc + 1 if fits else -1), at + 1
                elif kind == "run":
                    pc, at = self._run(pc, at, rounds, ways)
                elif kind == "fork":
                    ways.append(_Way(operation[2], at, at, 0, rounds))
                    pc = operation[1]
                elif kind == "round":
                    pc = -1 if rounds.get(operation[1]) == at else pc + 1  # it took nothing
                    rounds = {**rounds, operation[1]: at}
                elif kind != "found":
                    pc, at = self._aside(pc, at)
                elif top and self._to_the_end and at != length:
                    pc = -1
                else:
                    return at
        return None

    def _run(self, pc: int, at: int, rounds: dict[int, int], ways: list["_Way"]) -> tuple[int, int]:
        """Where it goes on after a repeat of single characters; -1 when there are too few."""
        _, allowed, least, most, is_lazy = self._program[pc]
        text, end = self._text, at
        furthest = min(len(text), at + most)
        while end < furthest and text[end] in allowed:
            end += 1
        shortest = at + least
        if end < shortest:
            self.steps += end - at
            return -1, at
        if is_lazy:  # the others are looked at when it comes back
            self.steps += least
            if end > shortest:
                ways.append(_Way(pc + 1, shortest + 1, end, 1, rounds))
            return pc + 1, shortest
        self.steps += end - at
        if end > shortest:
            ways.append(_Way(pc + 1, end - 1, shortest, -1, rounds))
        return pc + 1, end

    def _aside(self, pc: int, at: int) -> tuple[int, int]:
        """Where it goes on after what leaves no way open; -1 when it does not fit."""
        operation = self._program[pc]
        if operation[0] == "jump":
            return operation[1], at
        if operation[0] == "at":
            return (pc + 1 if _holds(operation[1], self._text, at, self._flags) else -1), at
        if operation[0] == "atom":
            end = self._first_end(pc + 1, at)
            return (-1, at) if end is None else (operation[1], end)
        _, after, negated, width = operation
        fits = at >= width and self._first_end(pc + 1, at - width) is not None
        return (-1 if fits is negated else after), at


class _Way(NamedTuple):
    """What is tried when the rest does not fit.

    Attributes:
        pc: where the program goes on.
        at: the place in the text; with `last` unlike it, also those up to `last`, by `step`.
        rounds: where the loops began their rounds.
    """

    pc: int
    at: int
    last: int
    step: int
    rounds: dict[int, int]


def _compile(model: Model, tree: Iterable[tuple[Any, Any]]) -> None:
    """Append the operations of a part of the pattern to the model's program."""
    program = model.program
    for code, argument in tree:
        name = str(code)
        if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            program.append(("take", model.allowed(code, argument)))
        elif name == "AT":
            program.append(("at", str(argument)))
        elif name == "SUBPATTERN":
            if argument[1] or argument[2]:
                raise Unknown("flags for a group only")
            _compile(model, argument[3])
        elif name == "BRANCH":
            _compile_branches(model, argument[1])
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            _compile_repeat(model, name, *argument)
        elif name in ("ASSERT", "ASSERT_NOT", "ATOMIC_GROUP"):
            _compile_aside(model, name, argument)
        else:
            raise Unknown(name)


def _compile_branches(model: Model, branches: Sequence[Any]) -> None:
    program, ends = model.program, []
    for branch in branches[:-1]:
        fork = len(program)
        program.append(())
        _compile(model, branch)
        ends.append(len(program))
        program.append(())
        program[fork] = ("fork", fork + 1, len(program))
    _compile(model, branches[-1])
    for end in ends:
        program[end] = ("jump", len(program))


def _compile_aside(model: Model, name: str, argument: Any) -> None:
    """A part whose inside is not tried again once it has fitted."""
    program, start = model.program, len(model.program)
    program.append(())
    body = argument if name == "ATOMIC_GROUP" else argument[1]
    _compile(model, body)
    program.append(("found",))
    after = len(program)
    if name == "ATOMIC_GROUP":
        program[start] = ("atom", after)
    else:
        width = body.getwidth()[0] if argument[0] < 0 else 0
        program[start] = ("look", after, name == "ASSERT_NOT", width)


def _compile_repeat(model: Model, name: str, least: int, most: int, body: Any) -> None:
    program = model.program
    if name == "POSSESSIVE_REPEAT":
        start = len(program)
        program.append(())
        _compile_repeat(model, "MAX_REPEAT", least, most, body)
        program.append(("found",))
        program[start] = ("atom", len(program))
        return
    single = body[0] if len(body) == 1 else (None, None)
    if str(single[0]) in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
        end = 10**9 if most > ENDLESS else most
        run = ("run", model.allowed(*single), min(least, ENDLESS), end, name == "MIN_REPEAT")
        program.append(run)
        return
    for _ in range(min(least, ENDLESS)):
        _compile(model, body)
    if most > ENDLESS:
        _compile_endless(model, body, lazy=name == "MIN_REPEAT")
        return
    forks = []
    for _ in range(most - least):
        forks.append(len(program))
        program.append(())
        _compile(model, body)
    for fork in forks:
        program[fork] = _fork(fork + 1, len(program), lazy=name == "MIN_REPEAT")


def _compile_endless(model: Model, body: Any, *, lazy: bool) -> None:
    program = model.program
    fork = len(program)
    program.append(())
    if body.getwidth()[0] == 0:
        model._loops += 1  # noqa: SLF001 - its maker
        program.append(("round", model._loops))  # noqa: SLF001
    _compile(model, body)
    program.append(("jump", fork))
    program[fork] = _fork(fork + 1, len(program), lazy=lazy)


def _fork(inside: int, after: int, *, lazy: bool) -> tuple[Any, ...]:
    return ("fork", after, inside) if lazy else ("fork", inside, after)


def _holds(name: str, text: str, at: int, flags: int) -> bool:
    """Whether a place of the text is what the marks of ends, lines and words ask for."""
    several = bool(flags & re.MULTILINE)
    if name in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
        return at == 0 or (several and name == "AT_BEGINNING" and text[at - 1] == "\n")
    if name == "AT_END_STRING":
        return at == len(text)
    if name == "AT_END":
        last = at == len(text) - 1 and text[at] == "\n"
        return at == len(text) or last or (several and text[at] == "\n")
    before = at > 0 and _is_word(text[at - 1], flags)
    after = at < len(text) and _is_word(text[at], flags)
    return (before != after) is (name == "AT_BOUNDARY")


def _is_word(letter: str, flags: int) -> bool:
    ascii_only = not flags & re.UNICODE
    return letter == "_" or (letter.isalnum() and (letter.isascii() or not ascii_only))


def _takes(code: Any, argument: Any, letter: str, flags: int) -> bool:
    """Whether a part of a pattern that stands for a character stands for this one."""
    name = str(code)
    if name == "ANY":
        return bool(flags & re.DOTALL) or letter != "\n"
    if name == "NOT_LITERAL":
        return not _takes_some([("LITERAL", argument)], letter, flags)
    if name == "LITERAL":
        return _takes_some([("LITERAL", argument)], letter, flags)
    negated = str(argument[0][0]) == "NEGATE"
    return _takes_some(argument[negated:], letter, flags) is not negated


def _takes_some(items: Iterable[tuple[Any, Any]], letter: str, flags: int) -> bool:
    cases = _cases(letter, flags)
    for code, argument in items:
        name = str(code)
        if name == "CATEGORY":
            if _in_category(str(argument), letter, flags):
                return True
        elif name == "LITERAL":
            if not cases.isdisjoint(_cases(chr(argument), flags)):
                return True
        elif name != "RANGE":
            raise Unknown(name)
        elif any(argument[0] <= ord(case) <= argument[1] for case in cases):
            return True
    return False


def _cases(letter: str, flags: int) -> set[str]:
    """The letter, and its other cases where the pattern ignores case."""
    ignored = flags & re.IGNORECASE and (letter.isascii() or flags & re.UNICODE)
    other = (letter.lower(), letter.upper()) if ignored else ()
    return {letter, *(case for case in other if len(case) == 1)}


def _in_category(name: str, letter: str, flags: int) -> bool:
    class_ = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}[name.rpartition("_")[2]]
    found = re.match(class_, letter, 0 if flags & re.UNICODE else re.ASCII) is not None
    return found is not ("_NOT_" in name)


def _codes(tree: Any) -> Iterable[int]:
    """The numbers of the characters that a pattern names, and of the ends of its ranges."""
    match tree:
        case (code, int(number)) if str(code) in ("LITERAL", "NOT_LITERAL"):
            yield number
        case (code, (int(first), int(last))) if str(code) == "RANGE":
            yield from (first, last)
        case list() | tuple() | _parser.SubPattern():
            for item in tree:
                yield from _codes(item)


def _near(code: int, highest: int) -> Iterable[str]:
    """A character, the two beside it, and its other case."""
    around = {max(code - 1, 0), code, min(code + 1, highest)}
    letters = {chr(number) for number in around}
    cases = {case for letter in letters for case in (letter.lower(), letter.upper())}
    return letters | {case for case in cases if len(case) == 1 and ord(case) <= highest}


def _unlike(letters: Iterable[str], sets: Iterable[frozenset[str]]) -> str:
    """One of each kind of letters that no set tells apart; last that which the fewest sets take.

    Letters and digits, which are often many, come by turns with the others.
    """
    kinds: dict[tuple[bool, ...], str] = {}
    every = list(dict.fromkeys(sets))
    for letter in sorted(letters, key=lambda letter: (not letter.isprintable(), ord(letter))):
        kinds.setdefault(tuple(letter in allowed for allowed in every), letter)
    misfit = kinds[min(kinds, key=sum)]
    words = [letter for letter in kinds.values() if letter.isalnum() and letter != misfit]
    others = [letter for letter in kinds.values() if not letter.isalnum() and letter != misfit]
    pairs = zip_longest(words, others, fillvalue="")
    return "".join(letter for pair in pairs for letter in pair) + misfit
