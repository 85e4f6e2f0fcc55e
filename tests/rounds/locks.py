"""Where the runs of a round have their leases: in the store, or in a service beside it."""

from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.fakes.s3 import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from tests.fakes.tables import TableFake
from tests.programs import find
from tests.redis_servers import real_redis
from tests.rounds.places import BucketPlace, FolderPlace
from tests.rounds.plan import Lock

_TABLE = "locks"


def has_redis() -> bool:
    """Whether this machine has a Redis to start; a test fails where it must have one."""
    return find("redis-server") is not None


class Locks:
    """The services of one game: each is started when a round asks for it, and then goes on."""

    def __init__(self, folder: Path, place: FolderPlace | BucketPlace) -> None:
        """`folder` is a Redis's to work in; a bucket's server has tables, too."""
        self._folder = folder
        self._place = place
        self._open = ExitStack()
        self._variables: dict[Lock, dict[str, str]] = {
            "store": {"DATAFETCH_LOCK": "store"},
            "file": {"DATAFETCH_LOCK": "file"},
        }

    def of(self, lock: Lock) -> dict[str, str]:
        """The settings of runs that have their leases there."""
        if lock not in self._variables:
            self._variables[lock] = self._started(lock)
        return self._variables[lock]

    def _started(self, lock: Lock) -> dict[str, str]:
        if lock == "redis":
            return {"DATAFETCH_LOCK": self._open.enter_context(real_redis(self._folder)).url}
        assert isinstance(self._place, BucketPlace), lock
        table = self._open.enter_context(TableFake(_TABLE, self._place.server))
        # The keys of a server that is named by S3_SERVER_URL are not shown to DynamoDB.
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY}
        return table.environment | keys | {"AWS_REGION": REGION}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
