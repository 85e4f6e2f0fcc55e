"""The README's table of what each job needs, beside what the jobs ask for and do."""

import re
from collections.abc import Callable, Iterator

import pytest

from datafetch.errors import ConfigurationError
from datafetch.github.barriers import PERMISSIONS
from datafetch.job_groups import bookmarks_group, github_group, logo_group, opengraph_group
from datafetch.models.run import JobName
from datafetch.settings import ENV_NAMES, Settings
from tests.fakes.base import Request
from tests.fakes.s3 import S3Fake
from tests.fakes.world import World
from tests.job_settings import settings
from tests.processes import ROOT, datafetch

README = (ROOT / "README.md").read_text(encoding="utf-8")
COLUMNS = ("job", "required", "optional", "rights", "actions", "hosts")
TABLE = {
    row["job"].strip("`"): row
    for line in README.split("<!-- needs:begin -->")[1].split("<!-- needs:end -->")[0].splitlines()
    if line.startswith("| `")
    for row in (dict(zip(COLUMNS, line.strip("| ").split(" | "), strict=True)),)
}
COMMANDS = {
    "bookmarks": ("bookmarks",),
    "opengraph": ("refresh-opengraph",),
    "github": ("github",),
    "logos": ("logos",),
    "prefetch-build": ("prefetch-build", "--full"),
}
BOOKMARK_SERVER = "the bookmark server"
THE_WEB = {"logos": "the sites themselves", "opengraph": "the pages and their pictures"}
READING = {"s3:GetObject", "s3:ListBucket"}
WRITING = {"s3:PutObject", "s3:DeleteObject"}


def named(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def test_the_table_has_a_row_for_each_job() -> None:
    """And one for the build, which needs least."""
    assert set(TABLE) == {*(job.value for job in JobName), "prefetch-build"}


@pytest.mark.parametrize("job", [*JobName], ids=lambda job: job.value)
def test_required_settings_are_those_that_a_job_misses_when_nothing_is_set(job: JobName) -> None:
    """Whoever copies the names from the table into `.env` can start the job."""
    makers: dict[JobName, Callable[[Settings], object]] = {
        JobName.BOOKMARKS: bookmarks_group,
        JobName.GITHUB: github_group,
        JobName.LOGOS: logo_group,
        JobName.OPENGRAPH: opengraph_group,
    }
    missing: list[str] = []
    try:
        makers[job](settings())
    except ConfigurationError as error:
        missing = [problem.split()[0] for problem in error.problems]
    assert named(TABLE[job.value]["required"]) == missing


def test_each_setting_of_the_table_exists() -> None:
    """Optional ones, too."""
    known = {name for names in ENV_NAMES.values() for name in names}
    for row in TABLE.values():
        assert {*named(row["required"]), *named(row["optional"])} <= known


def test_the_rights_of_both_kinds_of_github_token_are_those_of_the_messages() -> None:
    """What the README says and what the error says is the same, word by word."""
    classic, _, fine_grained = TABLE["github"]["rights"].partition("; ")
    scopes = named(classic)
    permissions = fine_grained.removeprefix("fine-grained: ").split(", ")
    assert f"scopes {' and '.join(scopes)};" in PERMISSIONS
    assert f"permissions {' and '.join(permissions)} (read)" in PERMISSIONS


@pytest.fixture(scope="module", name="seen")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, "Seen"]]:
    """What each command asked of the store and of the world, one after the other."""
    folder = tmp_path_factory.mktemp("site")
    found: dict[str, Seen] = {}
    with World(40, 30, 8, 1) as world, S3Fake("needs") as s3:
        variables = world.environment() | s3.environment
        variables |= {
            "DATAFETCH_ENV": "test",
            "S3_OBJECT_ACL": "public-read",
            "S3_CDN_URL": "https://cdn.example.org",
            "GITHUB_STATS_PENDING_DELAY_MS": "1",
            "LOGO_BATCH_DELAY_MS": "0",
        }
        for job, arguments in COMMANDS.items():
            world.clear_logs()
            s3.app.count_from_here()
            done = datafetch(*arguments, cwd=folder, **variables)
            assert done.code == 0, done.err[-3000:]
            found[job] = Seen(
                actions={action for request in s3.app.log.all() for action in actions_of(request)},
                scopes={scope_of(request.path) for request in world.karakeep.log.all()},
                hosts={r.host for app in world.apps.values() for r in app.log.all()},
                upstreams={name for name, count in world.requests().items() if count},
            )
        # What is only done when something goes wrong, or is no longer there.
        s3.app.count_from_here()
        world.clear_logs()
        world.karakeep.leave_list(world.karakeep.ids()[0])
        done = datafetch("bookmarks", "--force", cwd=folder, **variables)
        assert done.code == 0, done.err[-3000:]
        usual = found["bookmarks"]
        usual.actions.update(a for r in s3.app.log.all() for a in actions_of(r))
        usual.scopes.update(scope_of(r.path) for r in world.karakeep.log.all())
        yield found


class Seen:
    """What was recorded of one command."""

    def __init__(
        self, actions: set[str], scopes: set[str], hosts: set[str], upstreams: set[str]
    ) -> None:
        self.actions = actions
        self.scopes = scopes
        self.hosts = hosts
        self.upstreams = upstreams


def actions_of(request: Request) -> set[str]:
    """The actions that a policy must allow for a request.

    Amazon S3 user guide, "Required permissions for Amazon S3 API operations".
    """
    on_bucket = "/" not in request.path.strip("/")
    match request.method:
        case "GET" | "HEAD":
            return {"s3:ListBucket" if on_bucket else "s3:GetObject"}
        case "PUT":
            acl = {"s3:PutObjectAcl"} if "x-amz-acl" in request.headers else set()
            return {"s3:PutObject", *acl}
        case "DELETE":
            return {"s3:DeleteObject"}
        case other:
            return {other}


def scope_of(path: str) -> str:
    """The scope of Karakeep's key for a path (its API description, `security`)."""
    parts = path.removeprefix("/api/v1/").split("/")
    if parts[0] == "assets":
        return "assets:read"
    if parts[0] == "lists" and parts[-1] == "bookmarks":
        return "bookmarks:read"
    return "lists:read" if "lists" in parts else "bookmarks:read"


@pytest.mark.parametrize("job", COMMANDS)
def test_the_actions_are_those_that_were_needed(seen: dict[str, Seen], job: str) -> None:
    """A policy of these actions is enough, and the build's is not larger than it must be."""
    words = TABLE[job]["actions"].split(", ")
    allowed = (READING if "read" in words else set()) | (WRITING if "write" in words else set())
    if "write" in words:
        allowed.add("s3:PutObjectAcl")
    assert seen[job].actions <= allowed
    assert ("s3:PutObject" in seen[job].actions) == ("write" in words)


def test_every_action_that_the_readme_names_is_used(seen: dict[str, Seen]) -> None:
    """No right is asked for that nothing needs."""
    text = README.split("## What each job needs")[1].split("\n## ")[0]
    told = {word for word in named(text) if re.fullmatch(r"s3:\w+", word)}
    used = {action for one_job in seen.values() for action in one_job.actions}
    assert told == used == READING | WRITING | {"s3:PutObjectAcl"}


@pytest.mark.parametrize("job", COMMANDS)
def test_the_scopes_of_the_bookmark_server_are_those_that_were_needed(
    seen: dict[str, Seen], job: str
) -> None:
    """A key with these scopes alone is let in everywhere."""
    rights = TABLE[job]["rights"]
    told = set(named(rights)) if rights.startswith("Karakeep") else set()
    assert told == seen[job].scopes


@pytest.mark.parametrize("job", COMMANDS)
def test_the_hosts_are_those_that_were_asked(seen: dict[str, Seen], job: str) -> None:
    """A firewall that lets these through is enough."""
    cell = TABLE[job]["hosts"]
    told = {host for host in named(cell) if "*" not in host}
    asked = seen[job].hosts
    assert told <= asked
    assert (BOOKMARK_SERVER in cell) == ("karakeep" in seen[job].upstreams)
    others = {
        host
        for host in asked - told
        if not host.endswith(".gstatic.com") and not host.startswith("karakeep.")
    }
    assert bool(others) == (job in THE_WEB)
    assert job not in THE_WEB or THE_WEB[job] in cell
