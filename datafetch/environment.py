"""Reads the settings from the environment and `.env`, and names all problems at once."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from datafetch.env_file import EnvFile, read_env_file
from datafetch.errors import ConfigurationError
from datafetch.models.ping_url import secrets_in
from datafetch.models.setting_problems import Missing, UnknownSetting
from datafetch.models.setting_values import copied_wrong
from datafetch.redaction import register_secrets
from datafetch.setting_fit import misfits
from datafetch.setting_names import unknown_settings
from datafetch.setting_words import missing, where_to_set, wrong_values
from datafetch.settings import ENV_NAMES, FILE_NAMES, SECRET_NAMES, Settings
from datafetch.sources import SetValue, Sources
from datafetch.urls import has_password, passwords_in

_STANDARD_SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

STANDARD_VARIABLES = (
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"),
    *("NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *(*_STANDARD_SECRETS, "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE"),
    *("AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    "AWS_ENDPOINT_URL_DYNAMODB",
)
"""Names that libraries read from the environment themselves; `.env` may set them too."""


@dataclass(frozen=True, slots=True)
class Survey:
    """All that was found where settings stand, wrong and missing ones included.

    Attributes:
        settings: the valid ones; each invalid one has its default.
        problems: a sentence for each setting that is invalid or missing, by name and place.
        invalid: the fields whose value cannot be used.
        values: the value of each field that is set and valid, and where it stands.
        standard: the values of `STANDARD_VARIABLES` that are set.
        file: the `.env` file.
        hint: where the problems can be mended.
    """

    settings: Settings
    problems: tuple[str, ...]
    invalid: frozenset[str]
    values: Mapping[str, SetValue] = field(repr=False)
    standard: tuple[SetValue, ...] = field(repr=False)
    file: EnvFile
    hint: str

    @property
    def unknown(self) -> tuple[UnknownSetting, ...]:
        """The names that look like a setting and are none."""
        return self.settings.unknown


def load_settings(
    env_file: Path | None = Path(".env"), check: Callable[[Settings], None] | None = None
) -> Settings:
    """Read and validate all settings; their secrets are masked in the log from now on.

    Of the names of one setting the first that is set anywhere counts, and for one name the
    environment goes before the file.

    Args:
        env_file: settings as in a shell; ignored when it is None or not there.
        check: raises `ConfigurationError` for settings that the command needs and that are missing.

    Returns:
        The settings; with them, in `unknown`, the names that look like a setting and are none.

    Raises:
        ConfigurationError: some are invalid or missing; all problems at once, by name, and where
            they can be mended.
    """
    survey = survey_settings(env_file, check)
    if survey.problems:
        # An unknown name that one of the problems mentions is not told once more.
        told = set(re.findall(r"\w+", " ".join(survey.problems)))
        unknown = (name for name in survey.unknown if name.instead is None)
        problems = [*survey.problems, *(str(name) for name in unknown if name.name not in told)]
        # one name may set two fields
        raise ConfigurationError(list(dict.fromkeys(problems)), hint=survey.hint)
    return survey.settings


def survey_settings(
    env_file: Path | None = Path(".env"), check: Callable[[Settings], None] | None = None
) -> Survey:
    """Read all settings as `load_settings` does, and tell what is wrong in place of raising it."""
    file = read_env_file(env_file, _is_secret)
    sources = Sources(os.environ, file)
    problems = [*file.problems, *_wrong_standard_variables(sources)]
    _adopt_standard_variables(file)
    values, wrong = _choose(sources)
    _mask(values)
    try:
        settings = _validated(values)
    except ValidationError as error:
        wrong |= wrong_values(error, values)
        # With defaults in place of the invalid values, the other settings can be checked, too.
        values = {key: value for key, value in values.items() if key not in wrong}
        settings = _validated(values)
    for name in ENV_NAMES:
        problems += wrong.get(name, ())
    lacking: list[str] = []
    if not file.problems:  # what is missing may stand on a line that cannot be read
        said = {name for key in wrong for name in ENV_NAMES[key]}
        found = [*misfits(settings), *_problems_of(check, settings)]
        lacking = [problem for problem in found if said.isdisjoint(re.findall(r"\w+", problem))]
        problems += [_in_words(problem, sources) for problem in lacking]
    names = {key: value.name for key, value in values.items()}
    places = {value.name: value.where for value in values.values()}
    return Survey(
        settings=settings.model_copy(
            update={
                "unknown": unknown_settings(sources),
                "names_used": names,
                "places_used": places,
            }
        ),
        problems=tuple(dict.fromkeys(problems)),
        invalid=frozenset(wrong),
        values=values,
        standard=tuple(filter(None, map(sources.find, STANDARD_VARIABLES))),
        file=file,
        hint=where_to_set(
            file, something_missing=any(isinstance(problem, Missing) for problem in lacking)
        ),
    )


def _validated(values: Mapping[str, SetValue]) -> Settings:
    return Settings.model_validate(_texts(values), by_alias=False, by_name=True)


def _in_words(problem: str, sources: Sources) -> str:
    return missing(problem, sources) if isinstance(problem, Missing) else problem


def asks_for_dry_run(env_file: Path | None) -> bool:
    """Whether `DRY_RUN` is true, for results of a command whose other settings are wrong."""
    try:
        values, _ = _choose(Sources(os.environ, read_env_file(env_file, _is_secret)))
        text = values["dry_run"].text if "dry_run" in values else ""
        return Settings.model_validate({"dry_run": text}, by_alias=False, by_name=True).dry_run
    except (ConfigurationError, ValidationError):
        return False


def _is_secret(name: str, text: str) -> bool:
    return name in SECRET_NAMES or name in _STANDARD_SECRETS or has_password(text)


def _choose(sources: Sources) -> tuple[dict[str, SetValue], dict[str, tuple[str, ...]]]:
    """The value of each field that is set; the problems of each whose value cannot be had."""
    values: dict[str, SetValue] = {}
    wrong: dict[str, tuple[str, ...]] = {}
    for key, names in ENV_NAMES.items():
        try:
            value = sources.first(names, held_by_files=FILE_NAMES)
        except ConfigurationError as error:
            wrong[key] = error.problems
            continue
        if value is None:
            continue
        trouble = _trouble(value)
        if trouble is None:
            values[key] = value
        else:
            wrong[key] = (value.sentence(trouble),)
    return values, wrong


def _trouble(value: SetValue) -> str | None:
    """What is wrong with a value, whichever setting it is for; None when nothing is."""
    if not _is_unicode(value.text):
        return "should be text in UTF-8"
    return copied_wrong(value.name, value.text)


def _wrong_standard_variables(sources: Sources) -> Iterable[str]:
    """A sentence for each of `STANDARD_VARIABLES` whose value is wrong, such as one in quotes."""
    for value in filter(None, map(sources.find, STANDARD_VARIABLES)):
        trouble = _trouble(value)
        if trouble is not None:
            yield value.sentence(trouble)


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
    # Of a URL that is secret a part may come back alone, and of a list each token is used alone.
    for name in ("ping_url", "notify", "change_url", "pushgateway"):
        register_secrets(secrets_in(texts.get(name, "")))
    for name in (
        "bookmark_refresh_secret",
        "github_refresh_secret",
        "endpoint_secret",
        "metrics_token",
    ):
        register_secrets(token.strip() for token in texts.get(name, "").split(","))
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


def _adopt_standard_variables(file: EnvFile) -> None:
    for name in STANDARD_VARIABLES:
        value = file.values.get(name)
        if value and name not in os.environ:
            os.environ[name] = value
