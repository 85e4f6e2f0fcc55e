"""Reads the settings from the environment and `.env`, and names all problems at once."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import ValidationError

from datafetch.errors import ConfigurationError
from datafetch.settings import ENV_NAMES, Settings

STANDARD_VARIABLES = (
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"),
    *("NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
)
"""Names that libraries read from the environment themselves; `.env` may set them too."""


def load_settings(
    env_file: Path | None = Path(".env"), check: Callable[[Settings], None] | None = None
) -> Settings:
    """Read and validate all settings; the environment wins over the file.

    Args:
        env_file: settings as in a shell; ignored when it is None or not there.
        check: raises `ConfigurationError` for settings that the command needs and that are missing.

    Raises:
        ConfigurationError: some are invalid or missing; all problems at once, by name.
    """
    problems: list[str] = []
    defaults: dict[str, object] = {}
    try:
        _adopt_standard_variables(env_file)
        settings = _read(env_file)
    except ValidationError as error:
        problems = _sentences(error)
        # With defaults in place of the invalid values, the other settings can be checked, too.
        for problem in error.errors():
            # Only the first field of that name gets one: the two lock times share a name, and
            # pydantic-settings 2.16 fails with a KeyError when both are given values.
            name = problem["loc"][0]
            field = next(field for field, names in ENV_NAMES.items() if name in names)
            defaults[ENV_NAMES[field][0]] = Settings.model_fields[field].default
        settings = _read(env_file, **defaults)
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{env_file} is not a text file in UTF-8"]) from error
    except OSError as error:
        raise ConfigurationError([f"{env_file} cannot be read: {error.strerror}"]) from error
    problems += [
        problem for problem in _all_problems(settings, check) if problem.split()[0] not in defaults
    ]
    if problems:
        raise ConfigurationError(problems)
    return settings


def _read(env_file: Path | None, **values: object) -> Settings:
    return Settings(_env_file=env_file, _env_file_encoding="utf-8", **values)  # type: ignore[arg-type, call-arg]


def _all_problems(settings: Settings, check: Callable[[Settings], None] | None) -> Iterator[str]:
    yield from settings.problems()
    if check is not None:
        try:
            check(settings)
        except ConfigurationError as error:
            yield from error.problems


def _sentences(error: ValidationError) -> list[str]:
    sentences = []
    for problem in error.errors(include_url=False, include_input=False):
        names = next(names for names in ENV_NAMES.values() if names[0] == problem["loc"][0])
        name = next((name for name in names if os.environ.get(name)), names[0])
        said = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
        sentences.append(f"{name}: {_PLAIN.get(problem['type'], said)}")
    return list(dict.fromkeys(sentences))  # one name may set two fields, both wrong


_PLAIN = {
    "int_parsing": "should be a whole number",
    "float_parsing": "should be a number",
    "finite_number": "should be a number",
    "bool_parsing": "should be true or false",
}
"""Our words for some of pydantic's types of error; for the others pydantic's own are shown."""


def _adopt_standard_variables(env_file: Path | None) -> None:
    if env_file is None or not env_file.is_file():
        return
    from dotenv import dotenv_values

    values = dotenv_values(env_file)
    for name in STANDARD_VARIABLES:
        value = values.get(name)
        if value and name not in os.environ:
            os.environ[name] = value
