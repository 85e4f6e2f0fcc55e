"""What a source of advisories said of the locked libraries, as pip-audit tells it in JSON."""

import json
from typing import NamedTuple


class Hole(NamedTuple):
    """A known hole of a locked library.

    Attributes:
        fixed_in: the versions without it; empty when there is none yet.
    """

    library: str
    version: str
    name: str
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        fixed = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "not fixed yet"
        return f"{self.library} {self.version}: {self.name}, {fixed}"


class Answer(NamedTuple):
    """What a source knows.

    Attributes:
        looked_up: how many libraries it knows.
        unknown: the libraries that it does not know.
    """

    looked_up: int
    unknown: tuple[str, ...]
    holes: tuple[Hole, ...]


def read_answer(report: str) -> Answer | None:
    """Read a report of pip-audit; None when the source did not answer.

    Without a network there is no report at all. An index that stands for another one and has no
    advisories says 404 to each question. pip-audit then skips every library and finds no holes.
    """
    try:
        libraries = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    known = [library for library in libraries if "skip_reason" not in library]
    if not known:
        return None
    return Answer(
        len(known),
        tuple(library["name"] for library in libraries if "skip_reason" in library),
        tuple(
            Hole(library["name"], library["version"], hole["id"], tuple(hole["fix_versions"]))
            for library in known
            for hole in library["vulns"]
        ),
    )


def verdict(answer: Answer | None) -> tuple[int, list[str]]:
    """The exit code and what to say: 1 when a hole is known that a newer version has not."""
    if answer is None:
        return 0, ["Advisories: not checked, since no source of them answered."]
    said = [str(hole) for hole in answer.holes]
    if answer.unknown:
        said.append(f"Not looked up: {', '.join(answer.unknown)}")
    said.append(f"Advisories: {answer.looked_up} libraries, {len(answer.holes)} known holes.")
    return int(any(hole.fixed_in for hole in answer.holes)), said
