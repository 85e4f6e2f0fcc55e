"""One part of the job at a time, on a folder of its own: what the tests of single modules share."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from datafetch.job import JobContext
from datafetch.models.job_settings import OpenGraphSettings
from datafetch.models.run import JobName, RunOptions
from datafetch.net.base import HttpClient
from datafetch.opengraph.state import OpenGraphState
from datafetch.store.base import encode_json
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from datafetch.store.publish import Publisher
from tests.job_settings import opengraph_settings
from tests.stores import Fault, FaultyStore
from tests.support import FakeClock, make_context

KEYS = Keys("-test")
SETTINGS = replace(opengraph_settings(), retry_delay_s=0.0, max_retries=0, timeout_s=5)


@dataclass
class Parts:
    """A folder, a clock, and the context of one run after the other."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    calls: FaultyStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = LocalStore(self.folder, self.clock)

    def context(
        self,
        *,
        settings: OpenGraphSettings = SETTINGS,
        http: HttpClient | None = None,
        fault: Fault | None = None,
        cdn: str | None = "https://cdn.example.com",
        **options: Any,
    ) -> JobContext[OpenGraphSettings]:
        """The context of a run that begins now."""
        self.calls = FaultyStore(self.store, fault)
        return make_context(
            settings,
            self.calls,
            job=JobName.OPENGRAPH,
            options=RunOptions(**options),
            clock=self.clock,
            http=http,
            cdn=cdn,
        )

    def state(self, context: JobContext[OpenGraphSettings] | None = None) -> OpenGraphState:
        """The state as a run loads it."""
        state = OpenGraphState(context or self.context())
        state.load()
        return state

    def put(self, key: str, value: object) -> bytes:
        """Store bytes, or a value as JSON."""
        body = value if isinstance(value, bytes) else encode_json(value)
        self.store.put(key, body)
        return body

    def json(self, key: str) -> Any:
        """What is stored."""
        return self.store.get(key).json()

    def aside(self, key: str) -> list[bytes]:
        """The copies of an object that could not be read."""
        return [self.store.get(info.key).body for info in self.store.list(f"{key}.corrupt-")]

    @property
    def now_ms(self) -> int:
        """The time, epoch ms."""
        return round(self.clock.now() * 1000)


def publisher(context: JobContext[OpenGraphSettings]) -> Publisher:
    """A run's publisher."""
    return Publisher(context.store, context.keys, context.clock, context.engine, context.run_id)
