"""Dead letters in words: how often an item was tried, and when it is tried next."""

from datafetch.ops import spoken
from datafetch.ops.dead_letters import DeadLetter


def letter_history(letter: DeadLetter, told: int | None, now: float) -> str:
    """The tries of a letter and their times.

    The time of the next try is left out when it is `told`, the one that is shown for its group.
    """
    tries = "not tried yet" if letter.attempts == 0 else counted(letter.attempts, "try", "tries")
    parts = [tries, f"since {spoken.when(letter.first_failed_at, now)}"]
    if letter.attempts > 1:
        parts.append(f"last {spoken.distance(letter.last_failed_at, now)}")
    if letter.next_attempt_at != told:
        parts.append(next_try(letter.next_attempt_at, now))
    return ", ".join(parts)


def next_try(at: int | None, now: float) -> str:
    """When an item is tried next; `at` is in epoch milliseconds, None for never by itself."""
    if at is None:
        return "no run tries it again by itself"
    return "due" if at <= now * 1000 else f"next {spoken.when(at, now)}"


def is_due(letter: DeadLetter, now: float) -> bool:
    """Whether the next run tries the item again; `now` is in epoch seconds."""
    return letter.next_attempt_at is not None and letter.next_attempt_at <= now * 1000


def counted(number: int, one: str, many: str = "") -> str:
    """A number with what it counts: `1 host`, `1,234 hosts`, `2 tries`."""
    return f"1 {one}" if number == 1 else f"{number:,} {many or f'{one}s'}"
