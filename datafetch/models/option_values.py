"""The options of a run as JSON, for the worker processes that work on its items."""

from dataclasses import fields

from datafetch.models.json import JsonObject
from datafetch.models.run import RunOptions
from datafetch.models.shard import read_shard


def options_value(options: RunOptions) -> JsonObject:
    """The JSON of a run's options."""
    value: JsonObject = {field.name: getattr(options, field.name) for field in fields(options)}
    shard = None if options.shard is None else str(options.shard)
    return {**value, "only": list(options.only), "shard": shard}


def read_options(value: JsonObject) -> RunOptions:
    """The options that `options_value` wrote."""
    shard = None if value["shard"] is None else read_shard(value["shard"])
    return RunOptions(**{**value, "only": tuple(value["only"]), "shard": shard})
