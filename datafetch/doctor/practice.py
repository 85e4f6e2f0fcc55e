"""Makes all checks from the settings that were found, and lays what they find in order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from datafetch.clock import CancelToken, Clock, ClockSkew, stopped_by
from datafetch.doctor.addresses_check import PublicAddressCheck, logo_services
from datafetch.doctor.anonymous import Anonymous
from datafetch.doctor.bookmark_server import BookmarkServerCheck
from datafetch.doctor.cluster_check import ClusterCheck
from datafetch.doctor.examination import Check, Examined, examine
from datafetch.doctor.findings import Finding, Group, fail, skipped
from datafetch.doctor.github_check import GitHubCheck
from datafetch.doctor.hurried import HurriedClient
from datafetch.doctor.machine import (
    CertificatesCheck,
    DiskCheck,
    RuntimeCheck,
    ZonesCheck,
    temporary_folder,
)
from datafetch.doctor.schedule_check import ScheduleCheck, Surroundings, Wanted
from datafetch.doctor.settings_check import SettingsCheck
from datafetch.doctor.shared_state import LockServiceCheck, PausesCheck, clock_finding
from datafetch.doctor.store_check import StoreCheck, StoreFacts
from datafetch.doctor.versions import VersionsCheck
from datafetch.environment import Survey
from datafetch.errors import ConfigurationError, DatafetchError
from datafetch.factory import account_of, make_http
from datafetch.job_groups import bookmarks_group, github_group, is_configured
from datafetch.logos.providers import SERVICES
from datafetch.models.lock_place import RedisPlace, TablePlace
from datafetch.models.run import JobName
from datafetch.models.store_place import BucketPlace, FolderPlace, WebPlace
from datafetch.net.base import HttpClient
from datafetch.ops.leases.reach import reach
from datafetch.runtime.folder import RuntimeFolder
from datafetch.settings import Settings
from datafetch.store.base import Cuttable, ObjectStore
from datafetch.store.keys import Keys
from datafetch.store.public_urls import PublicUrls
from datafetch.store_factory import make_store

_STORE_FIELDS = frozenset(
    {
        *("store", "s3_bucket", "s3_server_url", "s3_access_key_id", "s3_secret_access_key"),
        *("s3_session_token", "s3_region", "s3_addressing", "s3_client"),
    }
)
_BOOKMARK_FIELDS = frozenset(
    {"bookmarks_api_url", "bookmarks_list_id", "bookmark_bearer_token", "bookmarks_headers"}
)
_GITHUB_FIELDS = frozenset({"github_token", "github_repo_owner", "github_api_url"})
_STORE_TIMEOUT_S = 4.0
_OFFLINE = "--offline"
_ALL_UPSTREAMS = "bookmark server, GitHub, logo services"


@dataclass
class Practice:
    """The checks for one set of settings; `close` ends those that still wait.

    Attributes:
        checks: all that are to be made, in the order in which they are shown.
        said: findings that need no check, each with its group.
    """

    survey: Survey
    clock: Clock
    cancel: CancelToken
    around: Surroundings
    offline: bool = False
    checks: list[Check] = field(default_factory=list)
    said: list[Examined] = field(default_factory=list)
    _skew: ClockSkew = field(default_factory=ClockSkew)
    _closers: list[Callable[[], None]] = field(default_factory=list)

    def findings(self) -> list[tuple[Group, Finding]]:
        """Make all checks, and return what they find, group by group.

        Raises:
            Cancelled: the command was asked to stop.
        """
        self._of_machine()
        if self.offline:
            self._leave_out(Group.STORE, "store", _OFFLINE)
            self._leave_out(Group.UPSTREAMS, _ALL_UPSTREAMS, _OFFLINE)
            self._leave_out(Group.SCHEDULE, "pauses", _OFFLINE)
            self._leave_out(Group.MACHINE, "clock", _OFFLINE)
        else:
            self._of_network()
        examined = [*self.said, *examine(self.checks, self.clock, self.cancel)]
        if not self.offline:
            last = clock_finding(self._skew)
            examined.append(Examined(Group.MACHINE, (last,)))
        return [
            (group, finding)
            for group in Group
            for found in examined
            if found.group is group
            for finding in found.findings
        ]

    def close(self) -> None:
        """Cut off what is still under way, so that the process can end."""
        for closer in self._closers:
            closer()

    # ------------------------------------------------------------------ steps

    def _of_machine(self) -> None:
        settings = self.survey.settings
        self.checks += [
            SettingsCheck(self.survey),
            ScheduleCheck(_wanted(settings), self.around),
            VersionsCheck(),
            CertificatesCheck(),
            ZonesCheck(),
            DiskCheck(_folders(settings)),
        ]
        self._of_cluster(settings)
        if "runtime_dir" not in self.survey.invalid:
            self.checks.append(RuntimeCheck(RuntimeFolder(settings.runtime_folder)))

    def _of_cluster(self, settings: Settings) -> None:
        why = "DATAFETCH_CLUSTER is invalid"
        try:
            place = settings.cluster_place
        except ValueError:  # told among the settings
            self._leave_out(Group.MACHINE, "cluster", why)
            return
        if self.survey.invalid & {"cluster", "cluster_insecure"}:
            self._leave_out(Group.MACHINE, "cluster", why)
        elif place is not None and place.local is None and self.offline:
            self._leave_out(Group.MACHINE, "cluster", _OFFLINE)
        elif place is not None:
            self.checks.append(ClusterCheck(place))

    def _of_network(self) -> None:
        settings = self.survey.settings
        try:
            http = self._http(settings)
        except ConfigurationError as error:
            self.said.append(Examined(Group.MACHINE, (fail("proxy", str(error), error.hint),)))
            why = "the proxy of the environment cannot be used"
            self._leave_out(Group.STORE, "store", why)
            self._leave_out(Group.UPSTREAMS, _ALL_UPSTREAMS, why)
            return
        self._of_store(settings, http)
        self._of_upstreams(settings, http)

    def _http(self, settings: Settings) -> HttpClient:
        place = settings.place
        return self._made(
            make_http(
                settings,
                stopped_by(self.clock, self.cancel),
                self.cancel,
                skew=self._skew,
                own_servers=(
                    settings.s3_server_url,
                    settings.cdn_url,
                    place.base if isinstance(place, WebPlace) else None,
                ),
            )
        )

    def _of_store(self, settings: Settings, http: HttpClient) -> None:
        if self.survey.invalid & _STORE_FIELDS:
            self._leave_out(Group.STORE, "store", "a setting of it is invalid")
            return
        try:
            store = make_store(
                settings,
                self.clock,
                http,
                self._skew,
                timeout_s=_STORE_TIMEOUT_S,
                max_retries=1,
            )
        except DatafetchError as error:
            self.said.append(Examined(Group.STORE, (fail("store", str(error), error.hint),)))
            return
        if isinstance(store, Cuttable):
            cuttable = store
            self._closers.insert(0, lambda: cuttable.cut(for_good=True))
        keys = Keys(settings.env.suffix)
        anonymous = Anonymous(http)
        self.checks.append(StoreCheck(store, keys, _facts(settings), anonymous))
        self._of_public(settings, store, keys, anonymous)
        self._of_locks(settings, store)
        if not isinstance(settings.place, WebPlace):
            self.checks.append(PausesCheck(store, keys, self.clock))

    def _of_public(
        self, settings: Settings, store: ObjectStore, keys: Keys, anonymous: Anonymous
    ) -> None:
        place = settings.place
        # A web address is a public one itself, and a folder has one only if the settings say so.
        is_bucket = isinstance(place, BucketPlace)
        has_address = is_bucket or (isinstance(place, FolderPlace) and settings.cdn_url is not None)
        if has_address and "cdn_url" not in self.survey.invalid:
            urls = PublicUrls(settings.cdn_url, store.url, settings.allowed_hosts)
            self.checks.append(PublicAddressCheck(store, keys, urls, anonymous))

    def _of_locks(self, settings: Settings, store: ObjectStore) -> None:
        if "lock" in self.survey.invalid:
            self._leave_out(Group.STORE, "lock service", "DATAFETCH_LOCK is invalid")
            return
        place = settings.lock_place
        if isinstance(place, RedisPlace | TablePlace):
            label = place.address if isinstance(place, RedisPlace) else f"dynamodb://{place.table}"
            account = account_of(settings, store)
            self.checks.append(
                LockServiceCheck(label, lambda: reach(place, account, self.clock, self._skew))
            )

    def _of_upstreams(self, settings: Settings, http: HttpClient) -> None:
        self._of_job(
            JobName.BOOKMARKS,
            "bookmark server",
            _BOOKMARK_FIELDS,
            lambda: BookmarkServerCheck(http, bookmarks_group(settings)),
        )
        self._of_job(
            JobName.GITHUB,
            "GitHub",
            _GITHUB_FIELDS,
            lambda: GitHubCheck(http, github_group(settings), self.clock),
        )
        self.checks += logo_services(SERVICES, Anonymous(http))

    def _of_job(
        self, job: JobName, label: str, fields: frozenset[str], make: Callable[[], Check]
    ) -> None:
        if self.survey.invalid & fields:
            self._leave_out(Group.UPSTREAMS, label, "a setting of it is invalid")
        elif is_configured(self.survey.settings, job):  # others are named among the settings
            try:
                self.checks.append(make())
            except ConfigurationError:  # told among the settings, by name
                self._leave_out(Group.UPSTREAMS, label, "a setting of it is missing")

    def _leave_out(self, group: Group, label: str, why: str) -> None:
        self.said.append(Examined(group, (skipped(label, why),)))

    def _made(self, http: HttpClient) -> HttpClient:
        self._closers.append(http.close)
        return HurriedClient(http)


def _wanted(settings: Settings) -> list[Wanted]:
    found = []
    for job in JobName:
        if is_configured(settings, job):
            schedule = settings.schedule_of(job)
            expression = schedule.expression if schedule else None
            found.append(Wanted(job, expression, settings.cron_name_of(job)))
    return found


def _folders(settings: Settings) -> tuple[tuple[str, Path], ...]:
    temporary = ("temporary", temporary_folder())
    folder = _folder(settings)
    return (temporary,) if folder is None else (("store", folder), temporary)


def _folder(settings: Settings) -> Path | None:
    place = settings.place
    if not isinstance(place, FolderPlace):
        return None
    try:
        return Path(place.path).expanduser().absolute()
    except RuntimeError:  # `~nobody`; making the store tells it
        return None


def _facts(settings: Settings) -> StoreFacts:
    return StoreFacts(
        folder=_folder(settings),
        is_web=isinstance(settings.place, WebPlace),
        locks_elsewhere=settings.lock_place != "store",
        one_machine=settings.lock_place == "file",
        acl=settings.s3_object_acl,
        cdn=settings.cdn_url,
    )
