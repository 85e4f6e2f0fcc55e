"""What Dask's workers call: functions of this package by their names, with text and back.

A task holds the name of a function and text; neither the task's key nor what Dask logs of it says
anything about items. Nothing raises here: Dask writes a failed call's arguments into its log.

Which names are called is not restricted: whoever may send tasks to a Dask worker may send it any
code (https://distributed.dask.org/en/stable/limitations.html, "Security"). TLS keeps them out.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import cast

from datafetch import __version__
from datafetch.models.json import JsonObject


@dataclass(frozen=True, slots=True)
class Charge:
    """What workers are given to work with; its text shows nothing of it.

    Attributes:
        value: see `WorkerCalls.charge`.
    """

    value: object = field(repr=False)


def call(name: str, text: str) -> str:
    """Call a function by its name, `module:function`, with JSON, and return its answer as JSON.

    Returns:
        `{"answer": …}`, or `{"unexpected": …}` with the error in one line when it raised one.
    """
    return json.dumps(_called(name, json.loads(text)))


def begin(name: str, version: str, charge: Charge) -> str:
    """Call the function that prepares this process for a run, and return its answer as `call` does.

    `version` is that of the process that asks.
    """
    return json.dumps(_called(name, {"version": version, "charge": charge.value}))


def own_version() -> str:
    """The version of this package in this process."""
    return __version__


def _called(name: str, value: JsonObject) -> JsonObject:
    try:
        answer = _function(name)(value)
        json.dumps(answer)  # an answer that is no JSON is an error as well
    except Exception as error:  # noqa: BLE001 - told to the process that asks, which raises it
        text = " ".join(str(error).split())
        return {"unexpected": f"{type(error).__name__}{': ' if text else ''}{text}"}
    else:
        return {"answer": answer}


def _function(name: str) -> Callable[[JsonObject], object]:
    module, _, function = name.partition(":")
    return cast(Callable[[JsonObject], object], getattr(import_module(module), function))
