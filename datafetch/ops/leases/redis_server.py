"""One Redis server: runs scripts there, within bounds of time.

Each script has a connection of its own. A lease is renewed every few minutes; until then servers,
proxies and firewalls would have dropped an idle connection, and nobody would have told.
"""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from datafetch.errors import ConfigurationError, DatafetchError, StoreUnavailable
from datafetch.models.lock_place import RedisPlace

if TYPE_CHECKING:
    from redis import Redis

Answer = list[int | bytes]
"""What a script returns."""

_SILENCE_S = 5.0
"""Seconds without an answer, to the connection or to the script, after which Redis has failed."""

_ATTEMPTS = 2
"""The second finds out what became of the first: scripts may be sent twice."""

_PROTOCOL = 2
"""RESP2, which every Redis and every proxy before it speaks; 3 begins with a command of its own."""


class RedisServer:
    """Runs scripts; connects to nothing, and does not load the client, before the first one."""

    def __init__(self, place: RedisPlace, silence_s: float = _SILENCE_S) -> None:
        """The server and database that the setting names; it has failed after `silence_s`."""
        self._place = place
        self._silence_s = silence_s
        self._guard = threading.Lock()
        self._open: set[Redis] = set()
        self._cuts = 0
        self._is_over = False

    def run(self, script: str, keys: Sequence[str], *arguments: str | int) -> Answer:
        """Run a script, once more when it is not known whether it was run.

        Raises:
            ConfigurationError: the extra is not installed, or Redis refuses for good what
                `DATAFETCH_LOCK` asks for.
            StoreUnavailable: Redis did not answer, or cannot do it now.
        """
        try:
            from redis.exceptions import RedisError

            from datafetch.ops.leases.redis_errors import is_of_use_again, translate
        except ModuleNotFoundError as error:
            if error.name != "redis":
                raise
            raise ConfigurationError(
                [f"DATAFETCH_LOCK: {self._place.address} needs an extra that is not installed"],
                hint="Install it where datafetch is: pip install 'datafetch[redis]'",
            ) from None
        cuts = self._cuts
        attempt = 1
        while True:
            try:
                return self._run_once(script, keys, arguments)
            except DatafetchError:
                raise
            except (RedisError, OSError) as error:
                if self._cuts != cuts:
                    raise self._cut_off() from error
                if attempt >= _ATTEMPTS or not is_of_use_again(error):
                    raise translate(error, self._place, self._silence_s) from error
            except Exception as error:  # the client stumbles over what is closed under it
                if self._cuts == cuts:
                    raise
                raise self._cut_off() from error
            attempt += 1

    def cut(self, *, for_good: bool = False) -> None:
        """See `Cuttable.cut`. A connection that is being made ends by itself, after 5 s at most."""
        with self._guard:
            self._cuts += 1
            self._is_over = self._is_over or for_good
            under_way = list(self._open)
        for client in under_way:
            client.connection_pool.disconnect()

    @property
    def is_over(self) -> bool:
        """See `Cuttable.is_over`."""
        return self._is_over

    def _run_once(self, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Answer:
        client = self._client()
        with self._guard:
            if self._is_over:
                raise self._cut_off()
            self._open.add(client)
        try:
            # Not by its hash (EVALSHA): proxies and shards would have to know it each for itself.
            answer: Answer = client.execute_command(  # type: ignore[no-untyped-call]
                "EVAL", script, len(keys), *keys, *arguments
            )
            return answer
        finally:
            with self._guard:
                self._open.discard(client)
            client.close()

    def _client(self) -> "Redis":
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        place = self._place
        return Redis(
            host=place.host,
            port=place.port,
            db=place.number,
            username=place.user,
            password=place.password.get_secret_value() if place.password else None,
            ssl=place.tls,  # with the certificates that SSL_CERT_FILE names, else the system's
            socket_timeout=self._silence_s,
            socket_connect_timeout=self._silence_s,
            retry=Retry(NoBackoff(), 0),  # `run` does it
            protocol=_PROTOCOL,
        )

    def _cut_off(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"what {self._place.address} was asked was ended, because the run ends",
            hint="The lock ends by itself after its time.",
        )
