"""Who is told of changed data, and of which."""

import pytest
from pydantic import SecretStr

from datafetch.models.run import JobName, Operation, RunResult, RunStatus
from datafetch.ops.changes import (
    ChangeSettings,
    change_notice,
    first_token,
    has_changed,
    revalidation,
    signature,
)

CRON, GITHUB = SecretStr("cron-1, cron-2"), SecretStr("github-1")


def result(**fields: object) -> RunResult:
    """A run of bookmarks that changed something."""
    about: dict[str, object] = {"change_detected": True, "items_changed": 2} | fields
    return RunResult(Operation.BOOKMARKS, RunStatus.SUCCEEDED, "run-1", **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("job", "github", "told"),
    [
        (JobName.BOOKMARKS, GITHUB, ("bookmarks", "cron-1")),
        (JobName.OPENGRAPH, GITHUB, ("bookmarks", "cron-1")),
        (JobName.GITHUB, GITHUB, ("github-activity", "github-1")),
        (JobName.GITHUB, None, ("github-activity", "cron-1")),
        (JobName.LOGOS, GITHUB, None),
    ],
)
def test_the_site_is_told_of_its_data(
    job: JobName, github: SecretStr | None, told: tuple[str, str] | None
) -> None:
    """Its cache showed old data for hours; of several secrets the first is sent."""
    settings = ChangeSettings("https://s.example/base", CRON, github)
    found = revalidation(settings, job)
    if told is None:
        assert found is None
        return
    assert found is not None
    assert found.url == f"https://s.example/base/api/revalidate/{told[0]}"
    assert (found.body, found.headers) == (b"", {"authorization": f"Bearer {told[1]}"})


@pytest.mark.parametrize(
    "settings", [ChangeSettings("https://s.example"), ChangeSettings(None, CRON)]
)
def test_without_an_address_or_a_secret_it_is_not(settings: ChangeSettings) -> None:
    """Each run of a developer, whose `.env` has the site's address, would be refused."""
    assert revalidation(settings, JobName.BOOKMARKS) is None


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({}, True),
        ({"change_detected": False}, False),
        ({"dry_run": True}, False),
        ({"exit_code": 1}, True),
        ({"exit_code": 1, "items_changed": 0}, False),
    ],
)
def test_only_what_is_stored_is_a_change(fields: dict[str, object], changed: bool) -> None:
    """A run that found a change and failed before it stored it has changed nothing."""
    assert has_changed(result(**fields)) is changed


def test_the_signature_is_that_of_the_guide() -> None:
    """RFC 4231, test case 2: whoever verifies it by another library finds the same."""
    assert signature("Jefe", b"what do ya want for nothing?") == (
        "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_a_url_without_a_secret_gets_no_signature() -> None:
    """An empty key would sign for everybody."""
    open_url = change_notice(ChangeSettings(url=SecretStr("https://h.example/x?key=1")), result())
    assert open_url is not None
    assert set(open_url.headers) == {"content-type"}
    assert (open_url.host, open_url.hides_path) == ("h.example", True)
    assert change_notice(ChangeSettings(), result()) is None
    assert first_token(None) == ""


@pytest.mark.parametrize(
    ("login", "header"), [("t0ken", "Bearer t0ken"), ("user:pass", "Basic dXNlcjpwYXNz")]
)
def test_what_stands_before_the_host_is_a_header(login: str, header: str) -> None:
    """Web hooks behind a password were refused as if they were no URLs."""
    settings = ChangeSettings(url=SecretStr(f"https://{login}@h.example/x?key=1"))
    told = change_notice(settings, result())
    assert told is not None
    assert (told.url, told.host) == ("https://h.example/x?key=1", "h.example")
    assert told.headers["authorization"] == header
