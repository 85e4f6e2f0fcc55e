"""Says in sentences what is wrong with settings: wrong values, missing names, and where to set them."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from datafetch.env_file import EnvFile
from datafetch.models.json import JsonObject
from datafetch.models.setting_problems import Missing
from datafetch.models.setting_values import WEEK_MS
from datafetch.setting_names import written_for
from datafetch.settings import Settings
from datafetch.sources import SetValue, Sources

_PROJECT = "https://github.com/datafetch/datafetch"

_UNITS = {
    "_MS": " of milliseconds",
    "_SECONDS": " of seconds",
    "_HOURS": " of hours",
    "_DAYS": " of days",
}
"""What a number counts, by how the setting's name ends."""

_SOME = 10
"""An example of a number for settings that have no default."""


def wrong_values(
    error: ValidationError, values: Mapping[str, SetValue]
) -> dict[str, tuple[str, ...]]:
    """What is wrong, by field: a sentence that names the variable which set the wrong value.

    It says what is wrong with the value, or what it should be, and where it stands.
    """
    sentences: dict[str, tuple[str, ...]] = {}
    for problem in error.errors(include_url=False, include_input=False):
        field = str(problem["loc"][0])
        value = values[field]
        if problem["type"] == "value_error":
            said = str(problem["ctx"]["error"])
        else:
            said = _expected(field, value.name)
        if field == "environment" and value.name != "DATAFETCH_ENV":
            said += f"; if {value.name} is for another program, set DATAFETCH_ENV, which goes first"
        sentences[field] = (value.sentence(said),)
    return sentences


def missing(problem: Missing, sources: Sources) -> str:
    """That a setting is missing or empty, and what the user may have set in its place."""
    for name in problem.names:
        empty = sources.where_empty(name)
        if empty:
            return f"{name} is empty ({empty}): {problem.what}"
    near = written_for(problem, sources)
    if near is None:
        return problem
    place = near.where.removeprefix("in ").partition(", line ")[0]
    meant = "did you mean this?" if len(problem.names) == 1 else f"did you mean {near.suggestion}?"
    return f"{problem} ({place} has {near.name}: {meant})"


def where_to_set(file: EnvFile, *, something_missing: bool) -> str:
    """Which places were read, and where the user can set what is missing or change what is wrong."""
    table = f"what each may be: the README's table of settings, {_PROJECT}"
    if file.is_there:
        return f"Settings were read from the environment and {file.path}; {table}"
    if not file.label:
        return f"Settings were read from the environment; {table}"
    return f"{_no_file(file, something_missing=something_missing)}; {table}"


def _no_file(file: EnvFile, *, something_missing: bool) -> str:
    folder, name = file.path.parent, file.path.name
    if file.path.is_dir():
        return f"{file.path} is a folder, so that only the environment was read: --env-file PATH"
    said = f"There is no {name} in {folder}"
    if folder == Path.cwd():
        said += " (the working folder)"
    if not something_missing:
        return f"{said}, so that only the environment was read"
    above = next((place for place in folder.parents if (place / name).is_file()), None)
    if above is not None:
        return f"{said}, but in {above}: cd to it, or --env-file {above / name}"
    beside = next((other for other in _like(name) if (folder / other).is_file()), None)
    if beside is not None:
        return f"{said}, but {beside}: --env-file {folder / beside}, or rename it to {name}"
    return f"{said}: cd to it, or --env-file PATH, or set them in the environment"


def _like(name: str) -> tuple[str, ...]:
    """Names under which the file is found instead: a framework's, an editor's, one without a dot."""
    return f"{name}.local", f"{name}.txt", name.removeprefix(".")


def _expected(field: str, name: str) -> str:
    """What the value of a number or a switch should be, with its range and an example."""
    whole = Settings.model_json_schema(by_alias=False)["properties"][field]
    schema: JsonObject = whole.get("anyOf", [whole])[0]
    if schema["type"] == "boolean":
        return "should be true or false"
    is_whole = schema["type"] == "integer"
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    most = schema.get("maximum")
    example = whole["default"] if whole.get("default") is not None else max(_SOME, least)
    unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
    week = " (a week)" if most == WEEK_MS else ""
    bounds = f"{least:g} or more" if most is None else f"from {least:g} to {most}{week}"
    number = f"a whole number{unit}" if is_whole else f"a number{unit}"
    return f"should be {number}, {bounds}, such as {example if is_whole else f'{example:g}'}"
