"""The settings that worker processes are given: all that work on items needs, and nothing else.

They travel as one text, which is never shown: what shows it shows asterisks, as of any secret.
"""

from enum import Enum
from pathlib import Path

from pydantic import SecretStr

from datafetch.models.json import JsonObject, compact_json, read_json
from datafetch.models.store_place import FolderPlace
from datafetch.redaction import register_secrets
from datafetch.settings import ENV_NAMES, Settings
from datafetch.urls import passwords_in

_SECRETS = frozenset(
    {
        *("s3_access_key_id", "s3_secret_access_key", "s3_session_token"),
        *("bookmark_bearer_token", "bookmarks_headers", "github_token"),
    }
)
"""The secrets that work on items needs: to write objects, and to ask whoever asks for them."""

_LEFT_OUT = frozenset(
    {
        # A worker has no workers, and its batches say which items it is given.
        *("cluster", "cluster_insecure", "shards", "test_limit", "dry_run"),
        # Of the machine and the process where the run is.
        *("lock", "runtime_dir", "metrics_file"),
    }
)


def charge_of(settings: Settings) -> SecretStr:
    """What workers are given to work with, for `settings_of`."""
    values: JsonObject = {}
    for name in ENV_NAMES:
        value = getattr(settings, name)
        if value is None or name in _LEFT_OUT:
            continue
        if isinstance(value, SecretStr):
            if name in _SECRETS:
                values[name] = value.get_secret_value()
        else:
            values[name] = value.value if isinstance(value, Enum) else value
    place = settings.place
    if isinstance(place, FolderPlace):  # whichever folder a worker was started in
        values["store"] = f"file:{Path(place.path).expanduser().absolute()}"
    if settings.lock_place != "store":
        # Workers take no locks. That they live elsewhere says that the store keeps no conditions;
        # where they live may hold a password.
        values["lock"] = "file"
    place_of_cluster = settings.cluster_place
    if place_of_cluster is not None and place_of_cluster.local is not None:
        values |= {"runtime_dir": settings.runtime_dir} if settings.runtime_dir else {}
    return SecretStr(compact_json({"values": values, "names": dict(settings.names_used)}))


def settings_of(charge: SecretStr) -> Settings:
    """The settings in what a worker was given; their secrets are masked in the log from now on."""
    told = read_json(charge.get_secret_value())
    assert isinstance(told, dict)
    values = told["values"]
    secrets = [values[name] for name in _SECRETS if name in values]
    register_secrets(secrets)
    # Each header's value is sent, and so may come back, without the others.
    lines = values.get("bookmarks_headers", "").splitlines()
    register_secrets(line.partition(":")[2].strip() for line in lines)
    for value in values.values():
        if isinstance(value, str):
            register_secrets(passwords_in(value))
    settings = Settings.model_validate(values, by_alias=False, by_name=True)
    return settings.model_copy(update={"names_used": told["names"]})
