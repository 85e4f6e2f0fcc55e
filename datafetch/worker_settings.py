"""The settings that worker processes are given: of the secrets only those that items need.

They are sent as one text, the charge. It is a secret: wherever it is printed, asterisks appear.
Settings that concern only the run itself are left out.
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
"""The secrets that workers are given: to write objects, and to ask servers that want a secret."""

_LEFT_OUT = frozenset(
    {
        # The run decides these: who works, and on which items.
        *("cluster", "cluster_insecure", "shards", "test_limit", "dry_run"),
        # These belong to the run and its machine. Workers take no locks, so they need no folder.
        *("lock", "runtime_dir", "metrics_file"),
    }
)


def charge_of(settings: Settings) -> SecretStr:
    """The charge for workers, made from the run's settings; `settings_of` reads it."""
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
    if isinstance(place, FolderPlace):  # absolute: a worker may be started in any folder
        values["store"] = f"file:{Path(place.path).expanduser().absolute()}"
    if settings.lock_place != "store":
        # Workers take no locks, and the URL of the locks may hold a password. "file" tells them
        # only that the locks are not in the store, which then may keep no conditions.
        values["lock"] = "file"
    return SecretStr(compact_json({"values": values, "names": dict(settings.names_used)}))


def settings_of(charge: SecretStr) -> Settings:
    """The settings in a charge. From now on the log masks their secrets."""
    told = read_json(charge.get_secret_value())
    assert isinstance(told, dict)
    values = told["values"]
    register_secrets(values[name] for name in _SECRETS if name in values)
    for value in values.values():
        if isinstance(value, str):
            register_secrets(passwords_in(value))
    settings = Settings.model_validate(values, by_alias=False, by_name=True)
    # A server gets each header's value by itself and may repeat it, so each is masked by itself.
    register_secrets(value.get_secret_value() for _, value in settings.bookmarks_header_fields)
    return settings.model_copy(update={"names_used": told["names"]})
