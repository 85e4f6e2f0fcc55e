"""Writes our errors as JSON in one process, and reads them in another.

Only the classes in this module's table are written. An error of a class derived from one of them,
such as a domain's own, is written as the nearest class of the table: retries and dead letters go by
that class. An error that is none of ours is written as an `Unexpected`.
"""

from datafetch import errors, upstream_errors
from datafetch.errors import (
    Cancelled,
    ConfigurationError,
    CorruptObject,
    DatafetchError,
    LeaseHeld,
    LeaseHolder,
    StoreError,
    Unexpected,
)
from datafetch.models.json import JsonObject
from datafetch.upstream_errors import BreakerOpen, Malformed, RateLimited, UpstreamError

_CLASSES: dict[str, type[DatafetchError]] = {
    value.__name__: value
    for module in (errors, upstream_errors)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, DatafetchError)
}
"""The classes that are written, by name; a name that is not here is refused when it is read."""


def error_value(error: BaseException) -> JsonObject:
    """The JSON of an error: its class, message, hint and the attributes that its readers need.

    Bodies of answers (`UpstreamError.body`) are left out: only the process that read them needs them.
    """
    ours = error if isinstance(error, DatafetchError) else Unexpected.of(error)
    name = next(kind.__name__ for kind in type(ours).__mro__ if _CLASSES.get(kind.__name__) is kind)
    value: JsonObject = {"class": name, "message": str(ours), "hint": ours.hint}
    match ours:
        case UpstreamError():
            value |= {"url": ours.url, "status": ours.status, "byProxy": ours.by_proxy}
            if isinstance(ours, RateLimited | BreakerOpen):
                value["until"] = ours.until
            if isinstance(ours, Malformed):
                value |= {"contentType": ours.content_type, "words": ours.words}
        case StoreError() | CorruptObject():
            value["key"] = ours.key
        case ConfigurationError():
            value["problems"] = list(ours.problems)
        case Cancelled():
            value["signal"] = ours.signal
        case LeaseHeld():
            value["holder"] = None if ours.holder is None else _holder_value(ours.holder)
    return value


def read_error(value: JsonObject) -> DatafetchError:
    """The error that `error_value` wrote.

    Raises:
        ValueError: the value was not written by `error_value`.
    """
    try:
        kind = _CLASSES[value["class"]]
        return _made(kind, value)
    except (KeyError, TypeError) as error:
        raise ValueError("this is no error as datafetch writes them") from error


def _made(kind: type[DatafetchError], value: JsonObject) -> DatafetchError:
    message, hint = value["message"], value["hint"]
    if issubclass(kind, UpstreamError):
        return _made_upstream(kind, value)
    if issubclass(kind, StoreError | CorruptObject):
        return kind(message, key=value["key"], hint=hint)
    if issubclass(kind, ConfigurationError):
        return kind(value["problems"], hint=hint)
    if issubclass(kind, Cancelled):
        return kind(message, signal=value["signal"], hint=hint)
    if issubclass(kind, LeaseHeld):
        holder = value["holder"]
        return kind(message, hint=hint, holder=None if holder is None else _read_holder(holder))
    return kind(message, hint=hint)


def _made_upstream(kind: type[UpstreamError], value: JsonObject) -> UpstreamError:
    message, hint, url, status = value["message"], value["hint"], value["url"], value["status"]
    made: UpstreamError
    if issubclass(kind, RateLimited | BreakerOpen):
        made = kind(message, url=url, status=status, until=value["until"], hint=hint)
    else:
        made = kind(message, url=url, status=status, hint=hint)
    if isinstance(made, Malformed):
        made.content_type, made.words = value["contentType"], value["words"]
    made.by_proxy = value["byProxy"]
    return made


def _holder_value(holder: LeaseHolder) -> JsonObject:
    return {
        "host": holder.host,
        "pid": holder.pid,
        "run": holder.run_id,
        "since": holder.since,
        "until": holder.until,
        "seenHere": holder.seen_here,
    }


def _read_holder(value: JsonObject) -> LeaseHolder:
    return LeaseHolder(
        value["host"],
        value["pid"],
        value["run"],
        value["since"],
        value["until"],
        value["seenHere"],
    )
