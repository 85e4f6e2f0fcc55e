"""Every part of the package that reads what others wrote: what is fuzzed, by tests and `scripts/fuzz`."""

from tests.fuzz import answers, pages, pictures, stored, texts
from tests.fuzz.target import Target

ROOMS: dict[str, tuple[Target, ...]] = {
    "pages": pages.TARGETS,
    "pictures": pictures.TARGETS,
    "answers": answers.TARGETS,
    "stored": stored.TARGETS,
    "texts": texts.TARGETS,
}
TARGETS: dict[str, Target] = {
    target.name: target for targets in ROOMS.values() for target in targets
}
