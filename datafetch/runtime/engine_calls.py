"""What Dask's workers call: functions of this package by their names, with text and back.

A task holds the name of a function and text; neither the task's key nor what Dask logs of it says
anything about items. Nothing raises here: Dask writes a failed call's arguments into its log.

Which names are called is not restricted: whoever may send tasks to a Dask worker may send it any
code (https://distributed.dask.org/en/stable/limitations.html, "Security"). TLS keeps them out.
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
    """What a worker process says of itself; see `greet`."""

    version: str
    process: str
    key: str


_PROCESS = uuid4().hex
"""What tells this process from another that has taken its address."""


@cache
def _own_seal() -> Seal:
    return Seal()


class OtherProcess(Exception):
    """The call came to another process than the one that it was meant for, which has ended."""


def call(name: str, text: str, process: str | None = None) -> str:
    """Call a function by its name, `module:function`, with JSON, and return its answer as JSON.

    Nothing is called when `process` is not None and not what `greet` says here.
    """
    if process not in (None, _PROCESS):
        return json.dumps({"otherProcess": True})
    return json.dumps(_called(name, json.loads(text)))


def greet() -> str:
    """Say who this process is: its version, and the key with which `begin` opens what it is sent."""
    return json.dumps({"version": __version__, "process": _PROCESS, "key": _own_seal().public})


def begin(name: str, version: str, run_id: str, sealed: bytes) -> str:
    """Call the function that prepares this process for a run, and return its answer as `call` does.

    `version` is that of the process that asks, `sealed` what `sealed_charge` made of its charge.
    Nothing is called when that was sealed for another process.
    """
    try:
        charge = SecretStr(_own_seal().open(sealed).decode())
    except NotForUs:
        return json.dumps({"otherProcess": True})
    return json.dumps(_called(name, {"version": version, "run": run_id, "charge": charge}))


def sealed_charge(greeting: Greeting, charge: SecretStr) -> bytes:
    """What workers are given to work with, readable for this one alone."""
    return seal(greeting.key, charge.get_secret_value().encode())


def read_greeting(text: str) -> Greeting:
    """What a process said in `greet`."""
    value = json.loads(text)
    return Greeting(value["version"], value["process"], value["key"])


def own_version() -> str:
    """The version of this package in this process."""
    return __version__


def answer_of(text: str) -> JsonObject:
    """What a function answered to `call` or `begin`.

    Raises:
        DatafetchError: the one that it raised.
        OtherProcess: see there.
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
