"""The settings: each with its origin, what is wrong with them, and names that mean nothing."""

from collections.abc import Callable, Iterator, Mapping

from datafetch.doctor.findings import Finding, Form, Group, Status, fail, ok, warn
from datafetch.environment import STANDARD_VARIABLES, Survey
from datafetch.errors import ConfigurationError
from datafetch.job_groups import bookmarks_group, github_group, is_configured
from datafetch.models.places import Environment
from datafetch.models.run import SHARED_JOBS, JobName
from datafetch.models.setting_problems import Missing
from datafetch.models.store_place import FolderPlace
from datafetch.models.text import one_line
from datafetch.redaction import MASK, redact
from datafetch.settings import ENV_NAMES, SECRET_NAMES, Settings
from datafetch.sources import SetValue
from datafetch.urls import has_password

_SET_BY_SHELLS = frozenset({"ci", "github_actions", "completion_index", "array_index"})
_MOST_SHOWN = 120
_SECRET_STANDARD = frozenset(
    name for name in STANDARD_VARIABLES if "KEY" in name or "TOKEN" in name
)
_GROUPS: Mapping[JobName, Callable[[Settings], object]] = {
    JobName.BOOKMARKS: bookmarks_group,
    JobName.GITHUB: github_group,
}
"""For each job with required settings: the function that makes its group of settings."""

_SHARED = ", ".join(sorted(SHARED_JOBS))

_TABLE = "Correct it there: the README's table of settings says what it may be."


class SettingsCheck:
    """Looks at the settings; nothing is asked."""

    name = "settings"
    group = Group.SETTINGS
    limit_s = 10.0

    def __init__(self, survey: Survey) -> None:
        """`survey`: all settings that were found, wrong ones included."""
        self._survey = survey

    def look(self) -> Iterator[Finding]:
        """The file, the problems, the jobs, unknown names, then each setting that was not told yet."""
        told: set[str] = set()
        yield self._file()
        for look in (
            self._problems,
            self._jobs,
            self._hazards,
            self._halves,
            self._shares,
            self._unknown,
        ):
            for finding in look():
                told.add(finding.check)
                yield finding
        yield from (finding for finding in self._values() if finding.check not in told)

    def _file(self) -> Finding:
        file = self._survey.file
        if not file.label:
            return ok("settings file", "none was asked for; only the environment was read")
        if not file.is_there:
            return ok("settings file", f"there is no {file.path}; only the environment was read")
        number = len(file.values)
        return ok("settings file", f"{file.path}, {number} value{'' if number == 1 else 's'}")

    def _problems(self) -> Iterator[Finding]:
        for problem in self._survey.problems:
            is_somewhere = problem.endswith(")") and "(in " in problem
            yield _problem(problem, _TABLE if is_somewhere else self._survey.hint)

    def _jobs(self) -> Iterator[Finding]:
        settings = self._survey.settings
        for job in _GROUPS:
            if not is_configured(settings, job):
                said = "not configured: none of the settings that it needs is set"
                yield Finding(f"job {job.value}", Status.OK, said, form=Form.SKIPPED)
                continue
            for problem in _lacking(settings, job):
                if isinstance(problem, Missing) and self._is_told(problem):
                    continue
                hint = "Set it as well, or unset the job's other settings when it is not wanted."
                yield _problem(f"{problem} (the job {job.value} needs it)", hint)

    def _is_told(self, problem: Missing) -> bool:
        """Whether the setting is set and invalid: then another finding has said so."""
        return any(
            not set(ENV_NAMES[field]).isdisjoint(problem.names) for field in self._survey.invalid
        )

    def _hazards(self) -> Iterator[Finding]:
        settings = self._survey.settings
        if self._survey.invalid & {"store", "s3_bucket"}:
            return
        if settings.store_is_default:
            yield warn(
                "DATAFETCH_STORE",
                "not set: objects live in the folder .datafetch of the working folder",
                "Fine for a try. Scheduled runs refuse it: set DATAFETCH_STORE or S3_BUCKET.",
            )
        is_bucket = not isinstance(settings.place, FolderPlace)
        if is_bucket and settings.env is Environment.PRODUCTION and settings.cdn_url is None:
            yield warn(
                "S3_CDN_URL",
                "not set, in production: stored pictures are shown by the bucket's own address",
                "Set S3_CDN_URL to the public address of the bucket.",
            )

    def _halves(self) -> Iterator[Finding]:
        """A warning for each setting that does nothing without another one, which is not set."""
        settings, invalid = self._survey.settings, self._survey.invalid
        site = self._survey.values.get("site_url")
        needed = {"site_url", "bookmark_refresh_secret", "github_refresh_secret"}
        if site is not None and not invalid & needed:
            for_github = settings.github_refresh_secret is not None
            enough = for_github and not is_configured(settings, JobName.BOOKMARKS)
            if settings.bookmark_refresh_secret is None and not enough:
                yield warn(
                    site.name,
                    f"{site.where}: the site is not told of changes, since there is no secret for it",
                    "Set BOOKMARK_CRON_REFRESH_SECRET to what the site expects as bearer.",
                )
        signs = self._survey.values.get("change_secret")
        if signs is not None and settings.change_url is None and "change_url" not in invalid:
            yield warn(
                signs.name,
                f"{signs.where}: signs nothing, since DATAFETCH_CHANGE_URL is not set",
                "Set DATAFETCH_CHANGE_URL to the address that is to be told of changes.",
            )

    def _shares(self) -> Iterator[Finding]:
        """Which share runs here; a warning when an index is set, but not the number of shares."""
        settings, values = self._survey.settings, self._survey.values
        index = values.get("completion_index") or values.get("array_index")
        if self._survey.invalid & {"shards", "completion_index", "array_index"}:
            return
        if settings.share is not None and "shards" in values:
            where = values["shards"].where
            said = f"{settings.shards} ({where}): {_SHARED} run share {settings.share} here"
            yield ok("DATAFETCH_SHARDS", said)
        elif settings.shards is None and index is not None:
            yield warn(
                index.name,
                f"{index.text} ({index.where}), and DATAFETCH_SHARDS is not set: each pod or child "
                "works on whole jobs",
                "Set DATAFETCH_SHARDS to the number of pods or children, if they are to share jobs.",
            )

    def _unknown(self) -> Iterator[Finding]:
        for name in self._survey.unknown:
            if name.instead is not None:
                said = f"{name.where}: means nothing to datafetch"
                yield warn(name.name, said, f"Remove it: {name.instead}.")
            else:
                meant = f"Did you mean {name.suggestion}?" if name.suggestion else "Remove it."
                yield warn(name.name, f"{name.where}: is no setting", meant)

    def _values(self) -> Iterator[Finding]:
        survey = self._survey
        for field, names in ENV_NAMES.items():
            if field in survey.invalid:
                continue
            value = survey.values.get(field)
            if value is not None:
                yield ok(value.name, f"{_shown(value, names)} ({value.where})")
            elif field not in _SET_BY_SHELLS:
                yield _unset(survey.settings, field, _usual_name(names))
        for value in survey.standard:
            yield ok(value.name, f"{_shown(value, (value.name,))} ({value.where})")


def _problem(problem: str, hint: str) -> Finding:
    """A failure by its sentence; the setting's name at its start is cut, as the line has it already."""
    name = _named_in(problem)
    return fail(name, problem.removeprefix(f"{name}: ").removeprefix(f"{name} "), hint)


def _lacking(settings: Settings, job: JobName) -> tuple[str, ...]:
    try:
        _GROUPS[job](settings)
    except ConfigurationError as error:
        return error.problems
    return ()


def _unset(settings: Settings, field: str, name: str) -> Finding:
    default = getattr(settings, field)
    if default is None:
        return Finding(name, Status.OK, "not set", form=Form.UNSET)
    text = str(default).lower() if isinstance(default, bool) else str(default).removesuffix(".0")
    return Finding(name, Status.OK, f"{text} (default)", form=Form.DEFAULT)


def _usual_name(names: tuple[str, ...]) -> str:
    """The name to set when a setting has several; for tokens the last, which other tools know."""
    return names[0] if SECRET_NAMES.isdisjoint(names) else names[-1]


def _shown(value: SetValue, names: tuple[str, ...]) -> str:
    """A value as it may be shown: secrets, and addresses with a password, only as a mask."""
    secret = not SECRET_NAMES.isdisjoint(names) or not _SECRET_STANDARD.isdisjoint(names)
    if secret or has_password(value.text):
        return MASK
    return one_line(redact(value.text), _MOST_SHOWN)


def _named_in(problem: str) -> str:
    """The name of the setting with which a sentence begins; `settings` when it begins with none."""
    first = problem.replace(":", " ").split(maxsplit=1)[0] if problem.strip() else ""
    return first if first.isupper() and first.replace("_", "").isalnum() else "settings"
