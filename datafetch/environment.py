"""Reads the settings from the environment and `.env`, and names all problems at once."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from datafetch.errors import ConfigurationError
from datafetch.logs import register_secrets
from datafetch.settings import ENV_NAMES, FILE_NAMES, SECRET_NAMES, Settings
from datafetch.sources import EnvFile, SetValue, Sources, read_env_file
from datafetch.urls import has_password, passwords_in

_STANDARD_SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

STANDARD_VARIABLES = (
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"),
    *("NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *(*_STANDARD_SECRETS, "AWS_PROFILE"),
)
"""Names that libraries read from the environment themselves; `.env` may set them too."""


def load_settings(
    env_file: Path | None = Path(".env"), check: Callable[[Settings], None] | None = None
) -> Settings:
    """Read and validate all settings; their secrets are masked in the log from now on.

    Of the names of one setting the first that is set anywhere counts, and for one name the
    environment goes before the file.

    Args:
        env_file: settings as in a shell; ignored when it is None or not there.
        check: raises `ConfigurationError` for settings that the command needs and that are missing.

    Raises:
        ConfigurationError: some are invalid or missing; all problems at once, by name.
    """
    file = read_env_file(env_file, _is_secret)
    _adopt_standard_variables(file)
    values, wrong = _choose(Sources(os.environ, file))
    _mask(values)
    try:
        settings = Settings.model_validate(_texts(values), by_alias=False, by_name=True)
    except ValidationError as error:
        wrong |= _sentences(error, values)
        # With defaults in place of the invalid values, the other settings can be checked, too.
        right = {field: value for field, value in values.items() if field not in wrong}
        settings = Settings.model_validate(_texts(right), by_alias=False, by_name=True)
    problems = [*file.problems]
    for field in ENV_NAMES:
        problems += wrong.get(field, ())
    if not file.problems:  # what is missing may stand on a line that cannot be read
        said = {name for field in wrong for name in ENV_NAMES[field]}
        found = [*settings.problems(), *_problems_of(check, settings)]
        problems += [problem for problem in found if said.isdisjoint(re.findall(r"\w+", problem))]
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))  # one name may set two fields
    return settings


def _is_secret(name: str, text: str) -> bool:
    return name in SECRET_NAMES or name in _STANDARD_SECRETS or has_password(text)


def _choose(sources: Sources) -> tuple[dict[str, SetValue], dict[str, tuple[str, ...]]]:
    """The value of each field that is set; the problems of each whose value cannot be had."""
    values: dict[str, SetValue] = {}
    wrong: dict[str, tuple[str, ...]] = {}
    for field, names in ENV_NAMES.items():
        try:
            value = sources.first(names, held_by_files=FILE_NAMES)
        except ConfigurationError as error:
            wrong[field] = error.problems
            continue
        if value is None:
            continue
        if _is_unicode(value.text):
            values[field] = value
        else:
            wrong[field] = (_sentence(value, "should be text in UTF-8"),)
    return values, wrong


def _is_unicode(text: str) -> bool:
    """False for what Python makes of bytes in the environment that are not UTF-8 (PEP 383)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(values: Mapping[str, SetValue]) -> dict[str, str]:
    return {field: value.text for field, value in values.items()}


def _mask(values: Mapping[str, SetValue]) -> None:
    """Mask all secrets, and each address with a password, in whichever setting it stands."""
    texts = _texts(values)
    register_secrets(text for field, text in texts.items() if ENV_NAMES[field][0] in SECRET_NAMES)
    # Each header's value is sent, and so may come back, without the others.
    headers = texts.get("bookmarks_headers", "").splitlines()
    register_secrets(line.partition(":")[2].strip() for line in headers)
    register_secrets(os.environ.get(name, "") for name in _STANDARD_SECRETS)
    # A proxy may be written without its scheme.
    standard = (os.environ.get(name, "") for name in STANDARD_VARIABLES)
    for text in (*texts.values(), *(text if "//" in text else f"//{text}" for text in standard)):
        register_secrets(passwords_in(text))


def _problems_of(check: Callable[[Settings], None] | None, settings: Settings) -> Iterable[str]:
    try:
        if check is not None:
            check(settings)
    except ConfigurationError as error:
        return error.problems
    return ()


def _sentences(
    error: ValidationError, values: Mapping[str, SetValue]
) -> dict[str, tuple[str, ...]]:
    """What is wrong, by field; a sentence begins with the variable that has the wrong value."""
    sentences: dict[str, tuple[str, ...]] = {}
    for problem in error.errors(include_url=False, include_input=False):
        field = str(problem["loc"][0])
        said = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
        sentence = _sentence(values[field], _PLAIN.get(problem["type"], said))
        sentences[field] = (sentence,)
    return sentences


def _sentence(value: SetValue, said: str) -> str:
    return f"{value.name}: {said} ({value.where})" if value.where else f"{value.name}: {said}"


_PLAIN = {
    "int_parsing": "should be a whole number",
    "int_parsing_size": "should be a smaller number",
    "float_parsing": "should be a number",
    "finite_number": "should be a number",
    "bool_parsing": "should be true or false",
}
"""Our words for some of pydantic's types of error; for the others pydantic's own are shown."""


def _adopt_standard_variables(file: EnvFile) -> None:
    for name in STANDARD_VARIABLES:
        value = file.values.get(name)
        if value and name not in os.environ:
            os.environ[name] = value
