"""Gets all objects out of a store of the tests, and puts some into it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tests.fakes.s3 import S3Fake


class Place(Protocol):
    """A store from the outside: what a program is told to find it, and what it holds."""

    settings: dict[str, str]

    def objects(self) -> dict[str, bytes]:
        """All of them, by key."""

    def fill(self, objects: Mapping[str, bytes]) -> None:
        """Add objects, as somebody else left them."""


class Folder:
    """A store that is a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.settings = {"DATAFETCH_STORE": f"file:{root}"}

    def objects(self) -> dict[str, bytes]:
        """Without what a folder keeps for itself, whose names begin with a dot."""
        files = (path for path in self._root.rglob("*") if path.is_file())
        return {
            path.relative_to(self._root).as_posix(): path.read_bytes()
            for path in files
            if not path.name.startswith(".")
        }

    def fill(self, objects: Mapping[str, bytes]) -> None:
        """Keys with an empty part, such as `tags//page-1.json`, are none that a folder can hold."""
        for key, body in objects.items():
            if "//" not in key:
                path = self._root / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)


class Bucket:
    """A store that is a bucket of the S3 fake."""

    def __init__(self, fake: S3Fake) -> None:
        self._fake = fake
        self.settings = fake.environment

    def objects(self) -> dict[str, bytes]:
        found = (self._fake.get(key) for key in self._fake.keys())  # noqa: SIM118 - its method
        return {stored.key: stored.body for stored in found if stored is not None}

    def fill(self, objects: Mapping[str, bytes]) -> None:
        for key, body in objects.items():
            self._fake.put(key, body)


def place_of(kind: str, folder: Path, fake: S3Fake) -> Place:
    """A `folder` or a `bucket`."""
    return Folder(folder / "store") if kind == "folder" else Bucket(fake)
