"""What Dask's workers run: it calls a function of this package by its name, with JSON both ways.

A task holds the name of a function, and JSON. Neither the task's key nor what Dask logs of it says
anything about items. `call`, `greet` and `begin` return errors as JSON and do not raise them: Dask
would write the arguments of a failed call into its log.

Any function may be named: whoever may send tasks to a Dask worker can send it any code anyway
(https://distributed.dask.org/en/stable/limitations.html, "Security"). TLS keeps strangers out.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import cast
from uuid import uuid4

from pydantic import SecretStr

from datafetch import __version__
from datafetch.models.error_values import error_value, read_error
from datafetch.models.json import JsonObject
from datafetch.runtime.engine_seal import NotForUs, Seal, seal


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a worker process says of itself in `greet`.

    Attributes:
        version: its version of this package.
        process: tells it from every other process, also from one that had its address before.
        key: its `Seal.public`.
    """

    version: str
    process: str
    key: str


_PROCESS = uuid4().hex
"""Tells this process from another one that has, or had, the same address."""


@cache
def _own_seal() -> Seal:
    return Seal()


class OtherProcess(Exception):
    """The call was meant for a process that has ended; another one has its address now."""


def call(name: str, text: str, process: str | None = None) -> str:
    """Call the function `name`, `module:function`, with the JSON in `text`; return its answer as JSON.

    `process` is the `Greeting.process` that the call is meant for, None for any. In another process
    nothing is called.
    """
    if process not in (None, _PROCESS):
        return json.dumps({"otherProcess": True})
    return json.dumps(_called(name, json.loads(text)))


def greet() -> str:
    """Say who this process is; `read_greeting` reads it."""
    return json.dumps({"version": __version__, "process": _PROCESS, "key": _own_seal().public})


def begin(name: str, version: str, run_id: str, sealed: bytes) -> str:
    """Call the function `name`, which prepares this process for a run; return its answer as `call` does.

    `version` is the version of the process that asks, `sealed` what `sealed_charge` made of its
    charge. When that was sealed for another process, nothing is called.
    """
    try:
        charge = SecretStr(_own_seal().open(sealed).decode())
    except NotForUs:
        return json.dumps({"otherProcess": True})
    return json.dumps(_called(name, {"version": version, "run": run_id, "charge": charge}))


def sealed_charge(greeting: Greeting, charge: SecretStr) -> bytes:
    """The charge of a run (see `WorkerCalls`), sealed so that only the process that greeted reads it."""
    return seal(greeting.key, charge.get_secret_value().encode())


def read_greeting(text: str) -> Greeting:
    """What a process said in `greet`."""
    value = json.loads(text)
    return Greeting(value["version"], value["process"], value["key"])


def own_version() -> str:
    """The version of this package in this process."""
    return __version__


def answer_of(text: str) -> JsonObject:
    """The function's answer in what `call` or `begin` returned.

    Raises:
        DatafetchError: the error that the function raised.
        OtherProcess: the call was meant for a process that has ended.
    """
    value: JsonObject = json.loads(text)
    if "otherProcess" in value:
        raise OtherProcess
    if "failed" in value:
        raise read_error(value["failed"])
    answer: JsonObject = value["answer"]
    return answer


def module_of(name: str) -> str:
    """The module of the function that has this name."""
    return name.partition(":")[0]


def _called(name: str, value: JsonObject) -> JsonObject:
    try:
        answer = _function(name)(value)
        json.dumps(answer)  # an answer that is no JSON is an error as well
    except Exception as error:  # noqa: BLE001 - told to the process that asks, which raises it
        return {"failed": error_value(error)}
    else:
        return {"answer": answer}


def _function(name: str) -> Callable[[JsonObject], object]:
    module, _, function = name.partition(":")
    return cast("Callable[[JsonObject], object]", getattr(import_module(module), function))
