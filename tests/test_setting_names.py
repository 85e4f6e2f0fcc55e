"""Names that are no settings: warned of with the nearest one, and others' left alone."""

import json
from pathlib import Path

import pytest

from datafetch.env_file import EnvFile
from datafetch.environment import load_settings
from datafetch.errors import ConfigurationError
from datafetch.models.setting_problems import UnknownSetting
from datafetch.setting_names import NAMES, unknown_settings
from datafetch.settings import ENV_NAMES, SECRET_NAMES
from datafetch.sources import Sources
from tests.processes import datafetch

LATER = [
    *("API_BASE_URL", "BOOKMARKS_MAX_ITEMS"),
    *("BOOKMARK_CRON_REFRESH_SECRET", "DATAFETCH_CHANGE_SECRET", "DATAFETCH_CHANGE_URL"),
    *("DATAFETCH_CLUSTER", "DATAFETCH_CLUSTER_INSECURE", "DATAFETCH_JITTER_SECONDS"),
    *("DATAFETCH_METRICS_FILE", "DATAFETCH_METRICS_TOKEN"),
    *("DATAFETCH_NOTIFY", "DATAFETCH_NOTIFY_AFTER", "DATAFETCH_PING_URL"),
    *("DATAFETCH_PUSHGATEWAY", "DATAFETCH_SHARDS", "DATAFETCH_TIMEOUT_SECONDS"),
    *("DATAFETCH_TRUSTED_PROXIES", "GITHUB_CRON_REFRESH_SECRET", "GITHUB_REFRESH_SECRET"),
    *("LOGO_ON_DEMAND_MAX", "NEXT_PUBLIC_SITE_URL", "S3_BOOKMARKS_CRON", "S3_GITHUB_CRON"),
    *("S3_LOGOS_CRON", "S3_OPENGRAPH_CRON"),
]
"""Settings that are promised, whether or not this version reads them."""


def in_the_file(name: str) -> list[tuple[str, str | None]]:
    """What is said of this name in a `.env` file: name and suggestion."""
    file = EnvFile(".env", Path(".env"), is_there=True, values={name: "x"}, lines={name: 1})
    return [(each.name, each.suggestion) for each in unknown_settings(Sources({}, file))]


def unknown(**variables: str) -> list[tuple[str, str | None]]:
    """What is said of these variables of the environment: name and suggestion."""
    found = unknown_settings(Sources(variables, EnvFile()))
    assert all(name.where == "in the environment" for name in found)
    return [(name.name, name.suggestion) for name in found]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("DATAFETCH_CONCURENCY", "DATAFETCH_CONCURRENCY"),
        ("DATAFETCH_STORAGE", "DATAFETCH_STORE"),
        ("DATAFETCH_TIMEOUT", "DATAFETCH_TIMEOUT_SECONDS"),
        ("DATAFETCH_S3_BUCKET", "S3_BUCKET"),
        ("BOOKMARKS_BEARER_TOKEN", "BOOKMARK_BEARER_TOKEN"),
        ("BOOKMARKS_TOKEN", "BOOKMARK_BEARER_TOKEN"),
        ("BOOKMARK_API_URL", "BOOKMARKS_API_URL"),
        ("S3_BUCKET_NAME", "S3_BUCKET"),
        ("S3_ENDPOINT", "S3_SERVER_URL"),
        ("S3_SECRET_KEY", "S3_SECRET_ACCESS_KEY"),
        ("s3_bucket", "S3_BUCKET"),
        ("LOGO_BATCHSIZE", "LOGO_BATCH_SIZE"),
        ("OG_RETRIES", "OG_MAX_RETRIES"),
        ("OG_TIMEOUT_MS", "OG_FETCH_TIMEOUT_MS"),
        # near ones that do not begin like ours
        ("MIN_BOOKMARK_THRESHOLD", "MIN_BOOKMARKS_THRESHOLD"),
        ("GITHUB_REPO_OWNR", "GITHUB_REPO_OWNER"),
        ("GITHUB_EXCLUDES", "GITHUB_EXCLUDE"),
    ],
)
def test_a_name_that_is_no_setting_is_told_with_the_nearest(written, meant):
    """A misspelt name was ignored in silence, and the default counted."""
    assert unknown(**{written: "x"}) == [(written, meant)]


@pytest.mark.parametrize(
    "written",
    [
        *("DATAFETCH_COLOUR", "DATAFETCH_SECONDS", "S3_URL", "OG_IMAGE_CACHE"),
        *("LOGO_PROVIDER", "BOOKMARKS_PREFETCH", "S3_KEY"),
    ],
)
def test_a_name_that_is_near_to_none_has_no_suggestion(written):
    """A suggestion that is only a guess, or one of two, sends people the wrong way."""
    assert in_the_file(written) == [(written, None)]


@pytest.mark.parametrize(
    "other",
    [
        *("S3_FORCE_PATH_STYLE", "S3_USE_SSL", "S3_BACKUP_BUCKET", "S3_CACHE_FOLDER"),
        *("LOGO_DEV_TOKEN", "LOGO_PATH", "OG_IMAGE_URL", "og_title"),
    ],
)
def test_common_first_words_are_left_to_other_programs_in_the_environment(other):
    """Backups and sites set such names for themselves; nobody could make the warning go."""
    assert unknown(**{other: "x"}) == []
    assert in_the_file(other) == [(other, None)]


def test_our_own_first_words_are_told_wherever_they_stand():
    """Nobody else has names like these, so one that is near to none is a mistake, too."""
    assert unknown(DATAFETCH_COLOUR="x") == [("DATAFETCH_COLOUR", None)]
    assert unknown(BOOKMARKS_PREFETCH="x") == [("BOOKMARKS_PREFETCH", None)]


@pytest.mark.parametrize("service", ["DATAFETCH", "BOOKMARKS", "BOOKMARKS_API", "S3", "LOGO", "OG"])
def test_variables_of_services_are_left_alone(service):
    """Kubernetes and Docker's links tell each container of its neighbours by such names."""
    address = "tcp://10.0.0.7:3000"
    told = {
        "PORT": address,
        "SERVICE_HOST": "10.0.0.7",
        "SERVICE_PORT": "3000",
        "SERVICE_PORT_HTTP_ALT": "3000",
        "PORT_3000_TCP": address,
        "PORT_3000_TCP_PROTO": "tcp",
        "PORT_3000_TCP_PORT": "3000",
        "PORT_3000_TCP_ADDR": "10.0.0.7",
        "NAME": "/site/neighbour",
        "ENV_NODE_VERSION": "24",
    }
    assert unknown(**{f"{service}_{name}": value for name, value in told.items()}) == []


@pytest.mark.parametrize("name", ["DATAFETCH_PORT", "DATAFETCH_NAME", "BOOKMARKS_ENV_X"])
def test_a_name_that_only_looks_like_that_of_a_service_is_told(name):
    """A port without an address is what a user sets, not Kubernetes."""
    assert unknown(**{name: "8080"}) == [(name, None)]


@pytest.mark.parametrize(
    "other",
    [
        # what GitHub Actions and other build services set
        *("GITHUB_REPOSITORY_OWNER", "GITHUB_REPOSITORY", "GITHUB_ACTIONS", "GITHUB_SERVER_URL"),
        *(
            "GITHUB_ACTION",
            "GITHUB_GRAPHQL_URL",
            "GITHUB_REF",
            "GITHUB_ENV",
            "CI_JOB_TOKEN",
            "CI_API_V4_URL",
        ),
        # what a site sets for itself
        *("NEXT_PUBLIC_BASE_URL", "NEXT_PUBLIC_CDN_URL", "NODE_ENVS"),
        *("NEXT_PUBLIC_SITE_NAME", "NODE_OPTIONS", "API_KEY", "MAX_JOBS", "PATH", "AWS_REGIONS"),
        *("DEPLOYMENT_URL", "GH_TOKEN"),
    ],
)
def test_names_of_other_programs_are_left_alone(other):
    """Whoever runs it in a build service is not warned of forty names that are not ours."""
    assert unknown(**{other: "x"}) == []


@pytest.mark.parametrize(
    "name", sorted({*LATER, *(n for names in ENV_NAMES.values() for n in names)})
)
def test_every_promised_name_is_known(name):
    """A setting that a later version reads is no misspelling today."""
    assert name in NAMES
    assert unknown(**{name: "x"}) == []


@pytest.mark.parametrize("name", [*sorted(SECRET_NAMES), "DATAFETCH_PING_URL", "S3_BUCKET"])
def test_the_file_of_a_secret_or_a_text_is_known(name):
    """`NAME_FILE` stands for any of them."""
    assert unknown(**{f"{name}_FILE": "x"}) == []


def test_of_thousands_of_unknown_names_the_first_have_a_suggestion():
    """Each comparison takes a millisecond: of a hundred names it is made, and all are told."""
    values = {f"DATAFETCH_CONCURENCY{number}": "x" for number in range(3000)}
    file = EnvFile(".env", Path(".env"), is_there=True, values=values)
    found = unknown_settings(Sources({}, file))
    assert len(found) == 3000
    suggested = [name.suggestion for name in found]
    assert set(suggested[:100]) == {"DATAFETCH_CONCURRENCY"}
    assert set(suggested[100:]) == {None}


def test_a_name_without_a_value_is_not_told():
    """Compose files pass on variables that nobody has set."""
    assert unknown(DATAFETCH_CONCURENCY=" ") == []


def test_a_name_is_told_once_and_where_it_stands(tmp_path, monkeypatch):
    """What stands in both places is told for the file, where it can be mended."""
    (tmp_path / ".env").write_text("A=1\nDATAFETCH_CONCURENCY=3\nS3_\x1bX=1\n")
    monkeypatch.setenv("DATAFETCH_CONCURENCY", "3")
    found = load_settings().unknown
    assert found == (
        UnknownSetting("DATAFETCH_CONCURENCY", "in .env, line 2", "DATAFETCH_CONCURRENCY"),
        UnknownSetting(r"S3_\x1bX", "in .env, line 3", None),
    )
    assert str(found[0]) == (
        "DATAFETCH_CONCURENCY in .env, line 2 is no setting: did you mean DATAFETCH_CONCURRENCY?"
    )


def test_beside_an_error_the_names_are_told_with_it(tmp_path):
    """Whoever mends what is wrong sees in the same go what was misspelt."""
    (tmp_path / ".env").write_text("DATAFETCH_CONCURENCY=3\nOG_MAX_RETRIES=x\n")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert caught.value.problems[1:] == (
        "DATAFETCH_CONCURENCY in .env, line 1 is no setting: did you mean DATAFETCH_CONCURRENCY?",
    )


def test_a_command_warns_of_each_name_once(tmp_path: Path) -> None:
    """However many jobs the command has, the warning comes once, on stderr, and nothing else changes."""
    (tmp_path / ".env").write_text("DATAFETCH_CONCURENCY=3\nS3_BUCKT=s3cret\n")
    done = datafetch("prefetch-build", "--log-format", "json", cwd=tmp_path)
    assert done.code == 1  # nothing is stored
    told = [line for line in done.err.splitlines() if '"setting_unknown"' in line]
    events = [json.loads(line) for line in told]
    assert [(e["level"], e["setting"], e["where"], e["suggestion"]) for e in events] == [
        ("warning", "DATAFETCH_CONCURENCY", "in .env, line 1", "DATAFETCH_CONCURRENCY"),
        ("warning", "S3_BUCKT", "in .env, line 2", "S3_BUCKET"),
    ]
    assert "s3cret" not in done.out + done.err
