"""Translates errors of the Redis client into ours, with what to do.

Redis begins a refusal with a code in capitals, for which the client has classes; where there is
only `ERR`, the sentence counts (redis.io/docs/latest/develop/reference/protocol-spec).
"""

from dataclasses import dataclass

from redis import exceptions as refused

from datafetch.certificates import chain, tls_fault
from datafetch.errors import ConfigurationError, DatafetchError, StoreUnavailable
from datafetch.models.lock_place import RedisPlace
from datafetch.models.text import one_line
from datafetch.redaction import MASK

_SETTING = "DATAFETCH_LOCK"
_LONGEST_MESSAGE = 200
_LATER = "Nothing was written; the next run tries again."


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a refusal means.

    Attributes:
        said: what happened, as the rest of a sentence that begins with the server's address.
        hint: what to do next.
        is_wrong: whether a setting has to be changed; if not, it may pass by itself.
    """

    said: str
    hint: str
    is_wrong: bool = True


_CLUSTER = _Meaning(
    "is a node of a cluster, and the lock belongs to another node",
    f"Set {_SETTING} to a Redis that is no cluster, or to a proxy that hides its nodes.",
)
_NO_SCRIPTS = _Meaning(
    "does not run scripts (EVAL), without which a lock cannot be given back safely",
    f"Set {_SETTING} to the Redis itself, not to a proxy before it, and allow EVAL there.",
)
_NO_RIGHTS = _Meaning(
    "does not let this user do what locks need",
    "Allow it: ACL SETUSER NAME ~datafetch:* +eval +get +set +del +pttl +pexpire +hmget +hset +time"
    " (+select, too, for a database other than 0).",
)
_REPLICA = _Meaning(
    "is a read-only replica",
    f"Set {_SETTING} to the primary. While another one takes over that place, try again.",
)
_FULL = _Meaning(
    "has no memory left (maxmemory)",
    f"Raise its maxmemory, or name another Redis in {_SETTING}. {_LATER}",
    is_wrong=False,
)
_LOGIN = ":PASSWORD@ or USER:PASSWORD@ before the host, with an @ of their own as %40"

_BY_CLASS: tuple[tuple[type[Exception], _Meaning], ...] = (
    (
        refused.AuthenticationWrongNumberOfArgsError,
        _Meaning(
            "knows no users, since it is older than 6.0",
            f"Leave the user out of {_SETTING}: write :PASSWORD@ before the host.",
        ),
    ),
    (refused.NoPermissionError, _NO_RIGHTS),
    (refused.ReadOnlyError, _REPLICA),
    (refused.MovedError, _CLUSTER),
    (refused.AskError, _CLUSTER),
    (refused.ClusterCrossSlotError, _CLUSTER),
    (
        refused.BusyLoadingError,
        _Meaning("is loading its data", f"Try again in a minute. {_LATER}", is_wrong=False),
    ),
    (refused.OutOfMemoryError, _FULL),
    (
        refused.MasterDownError,  # one of the next class, too
        _Meaning(
            "is a replica that has lost its primary",
            f"Set {_SETTING} to the primary, or mend the connection. {_LATER}",
            is_wrong=False,
        ),
    ),
    (
        refused.ClusterDownError,
        _Meaning("belongs to a cluster that is down", f"Mend it. {_LATER}", is_wrong=False),
    ),
)

_BY_TEXT: tuple[tuple[str, _Meaning], ...] = (
    # What a script met has no code of its own, or, before Redis 7.0, stands within a sentence.
    ("the user executing the script can't", _NO_RIGHTS),
    ("acl failure in script", _NO_RIGHTS),
    ("readonly you can't write", _REPLICA),
    ("oom command not allowed", _FULL),
    (
        "called without any password configured",
        _Meaning(
            "asks for no password, and one is given",
            f"Leave the password out of {_SETTING}, or give the Redis one (requirepass).",
        ),
    ),
    (
        "authentication required",
        _Meaning("asks for a password", f"Put it into {_SETTING}: {_LOGIN}."),
    ),
    (
        "invalid username-password pair",
        _Meaning(
            "does not accept the user and the password",
            f"Check both in {_SETTING}: {_LOGIN}. Without a user the password is that of `default`.",
        ),
    ),
    (
        "invalid password",
        _Meaning("does not accept the password", f"Check it in {_SETTING}: {_LOGIN}."),
    ),
    ("unknown command", _NO_SCRIPTS),
    (
        "db index is out of range",
        _Meaning(
            "has no database of that number",
            f"Take a smaller number behind the host in {_SETTING}; most have 0 to 15.",
        ),
    ),
    (
        "select is not allowed in cluster mode",
        _Meaning(
            "is a node of a cluster, which has database 0 only",
            f"Set {_SETTING} to a Redis that is no cluster.",
        ),
    ),
    (
        "non deterministic commands",
        _Meaning("is older than 5.0", f"Set {_SETTING} to a Redis from 5.0 on."),
    ),
    (
        "protected mode",
        _Meaning(
            "serves its own machine only (protected mode)",
            "Give it a password (requirepass), or the address to listen on (bind).",
        ),
    ),
    (
        "wrongtype",
        _Meaning(
            "holds something else under the names of our locks (datafetch:…)",
            f"Take a database that is free, by another number behind the host in {_SETTING}.",
        ),
    ),
    (
        "max number of clients reached",
        _Meaning(
            "has as many clients as it may (maxclients)", f"Raise that. {_LATER}", is_wrong=False
        ),
    ),
    (
        "misconf",
        _Meaning(
            "takes no writes, because it cannot save its data to disk",
            f"Look into its log: the disk may be full. {_LATER}",
            is_wrong=False,
        ),
    ),
    (
        "noreplicas",
        _Meaning(
            "takes no writes, because it has too few replicas (min-replicas-to-write)",
            f"Look after its replicas. {_LATER}",
            is_wrong=False,
        ),
    ),
    (
        "busy ",
        _Meaning(
            "is held up by another program's script",
            f"End that: SCRIPT KILL. {_LATER}",
            is_wrong=False,
        ),
    ),
)
"""Pieces of Redis's sentences, in lower case."""


def is_of_use_again(error: Exception) -> bool:
    """Whether a script may be sent once more: nobody knows whether it was run."""
    return type(error) in (refused.ConnectionError, refused.TimeoutError) and (
        tls_fault(error) is None and _meaning(error) is None
    )


def translate(error: Exception, place: RedisPlace, silence_s: float) -> DatafetchError:
    """Our error for one of the client's, which waited `silence_s` seconds for an answer."""
    meaning = _meaning(error) or _tls(error) or _unreachable(error, place, silence_s)
    if meaning.is_wrong:
        return ConfigurationError(
            [f"{_SETTING}: {place.address} {meaning.said}"], hint=meaning.hint
        )
    return StoreUnavailable(
        f"the Redis that keeps the locks, {place.address}, {meaning.said}", hint=meaning.hint
    )


def _meaning(error: Exception) -> _Meaning | None:
    for kind, meaning in _BY_CLASS:
        if isinstance(error, kind):
            return meaning
    text = str(error).lower()
    return next((meaning for piece, meaning in _BY_TEXT if piece in text), None)


def _tls(error: Exception) -> _Meaning | None:
    fault = tls_fault(error, _SETTING, schemes=("redis://", "rediss://"))
    return None if fault is None else _Meaning(f"cannot be trusted: {fault.said}", fault.hint)


def _unreachable(error: Exception, place: RedisPlace, silence_s: float) -> _Meaning:
    if isinstance(error, refused.TimeoutError):
        said = f"did not answer within {silence_s:g} s"
    elif isinstance(error, refused.ConnectionError) and (reason := _reason(error)):
        said = f"cannot be reached: {reason}"
    elif isinstance(error, refused.ConnectionError):
        said = "closed the connection"
    else:
        said = f"answered: {_shown(error, place)}"
    tls = (
        " A port that speaks no TLS needs redis://."
        if place.tls
        else " A port that speaks TLS only needs rediss://."
    )
    hint = f"Check {_SETTING}, the network, and whether the Redis runs.{tls} {_LATER}"
    return _Meaning(said, hint, is_wrong=False)


def _reason(error: Exception) -> str:
    """What the system says of a connection that could not be made or broke."""
    return next(
        (cause.strerror for cause in chain(error) if isinstance(cause, OSError) and cause.strerror),
        "",
    )


def _shown(error: Exception, place: RedisPlace) -> str:
    """Foreign text as a message may hold it; Redis repeats what it was sent, also a password."""
    text = str(error) or type(error).__name__
    password = place.password.get_secret_value() if place.password else ""
    if password:
        text = text.replace(password, MASK)
    return one_line(text, _LONGEST_MESSAGE)
