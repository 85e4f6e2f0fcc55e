"""Variables of the system before datafetch: told in one warning, with what to do instead."""

import json
from pathlib import Path

import pytest

from datafetch.env_file import EnvFile
from datafetch.environment import load_settings
from datafetch.errors import ConfigurationError
from datafetch.models.setting_problems import UnknownSetting, old_settings
from datafetch.old_settings import INSTEAD
from datafetch.setting_names import NAMES, unknown_settings
from datafetch.sources import Sources
from tests.processes import datafetch

GONE = [
    *("AUTO_REPAIR_CSV_FILES", "SELECTIVE_OG_REFRESH", "BOOKMARKS_SKIP_EXTERNAL_FETCH"),
    *("S3_READ_ONLY", "S3_FORCE_WRITE", "IS_DATA_UPDATER", "BOOKMARKS_PRELOAD_INTERVAL_MS"),
    *("TOTAL_PROCESS_MEMORY_BUDGET_BYTES", "IMAGE_RAM_BUDGET_BYTES", "DEBUG_BOOKMARKS"),
    *("BOOKMARK_METADATA_REFRESH_LIMIT", "S3_BOOKS_CRON"),
]
KEPT = [
    *("BOOKMARKS_API_URL", "MIN_BOOKMARKS_THRESHOLD", "ENABLE_TAG_CACHING", "MAX_TAGS_TO_CACHE"),
    *("BOOKMARKS_LOCK_TTL_MS", "S3_TEST_LIMIT", "NEXT_PUBLIC_S3_CDN_URL", "S3_LOGOS_CRON"),
    *("GITHUB_STATS_PENDING_DELAY_MS", "OG_RETRY_DELAY_MS", "GITHUB_REFRESH_SECRET"),
]
OF_THE_SITE = [
    *("SENTRY_DSN", "NEXT_PUBLIC_UMAMI_WEBSITE_ID", "USE_NEXTJS_CACHE", "INDEXNOW_KEY", "DEBUG"),
    *("VERBOSE", "LOAD_IMAGE_MANIFESTS_AT_BOOT", "STATIC_GEN_CONCURRENCY", "CACHE_API_KEY"),
]


def told(name: str, *, in_file: bool) -> list[UnknownSetting]:
    """What is said of a name that is set in the one place or in the other."""
    file = EnvFile(".env", Path(".env"), is_there=True, values={name: "1"}, lines={name: 4})
    sources = Sources({}, file) if in_file else Sources({name: "1"}, EnvFile())
    return list(unknown_settings(sources))


@pytest.mark.parametrize("in_file", [True, False], ids=["file", "environment"])
@pytest.mark.parametrize("name", GONE)
def test_what_is_gone_says_what_to_do_instead(name, in_file):
    """A switch of the old system was set and ignored in silence, the one against writing among them."""
    (found,) = told(name, in_file=in_file)
    assert (found.name, found.suggestion) == (name, None)
    assert found.instead
    assert found.where == ("in .env, line 4" if in_file else "in the environment")


@pytest.mark.parametrize("name", KEPT)
def test_what_has_its_name_still_is_not_told(name):
    """Most of the old names count here as well."""
    assert told(name, in_file=True) == []
    assert name not in INSTEAD


@pytest.mark.parametrize("name", OF_THE_SITE)
def test_what_only_the_site_reads_is_not_told(name):
    """The site's own variables stand in the same file, and nobody could take them away."""
    assert told(name, in_file=True) == []


def test_nothing_is_gone_that_is_a_setting():
    """A name that comes to be read again is not called meaningless."""
    assert INSTEAD.keys() & NAMES == set()


def test_what_has_the_same_place_stands_together():
    """Eight budgets for memory get one explanation, each with its line."""
    names = [
        UnknownSetting("A_B", "in .env, line 1", instead="do this"),
        UnknownSetting("C_D", "in .env, line 2", suggestion="C_E"),
        UnknownSetting("E_F", "in the environment", instead="do that"),
        UnknownSetting("G_H", "in .env, line 3", instead="do this"),
    ]
    assert old_settings(names) == (
        "A_B (in .env, line 1), G_H (in .env, line 3): do this; E_F (in the environment): do that"
    )
    assert old_settings(names[1:2]) == ""


def test_a_command_warns_once_of_all_of_them(tmp_path):
    """One warning, however many are set and however many operations the command has."""
    (tmp_path / ".env").write_text(
        "S3_READ_ONLY=true\nIMAGE_RAM_BUDGET_BYTES=1\nOG_RETRIES=1\nS3_FORCE_WRITE=\n"
    )
    done = datafetch("prefetch-build", "--log-format", "json", cwd=tmp_path, FORCE_LOGOS="true")
    events = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    (warning,) = [event for event in events if event["event"] == "old_settings"]
    assert warning["level"] == "warning"
    assert warning["settings"] == ["S3_READ_ONLY", "IMAGE_RAM_BUDGET_BYTES", "FORCE_LOGOS"]
    assert (
        "S3_READ_ONLY (in .env, line 1): this does not keep datafetch from writing"
        in warning["instead"]
    )
    assert "FORCE_LOGOS (in the environment): datafetch logos --force" in warning["instead"]
    (other,) = [event for event in events if event["event"] == "setting_unknown"]
    assert other["setting"] == "OG_RETRIES"


def test_people_read_it_as_a_sentence(tmp_path):
    """Names, what to do instead, and the guide that has the rest."""
    (tmp_path / ".env").write_text("AUTO_REPAIR_CSV_FILES=true\n")
    done = datafetch("prefetch-build", "--log-format", "console", cwd=tmp_path)
    (line,) = [line for line in done.err.splitlines() if "AUTO_REPAIR" in line]
    assert "warning: " in line
    assert "AUTO_REPAIR_CSV_FILES (in .env, line 1): a CSV that cannot be read is kept" in line
    assert line.endswith("`datafetch guide migrate` has all of them")


def test_a_command_that_has_none_of_them_says_nothing(tmp_path):
    """Nobody is told of a system that they never had."""
    done = datafetch("prefetch-build", "--log-format", "json", cwd=tmp_path)
    assert '"old_settings"' not in done.err


def test_beside_what_is_missing_they_are_not_told(tmp_path):
    """What an error names is to be mended; a variable without meaning harms nothing."""
    (tmp_path / ".env").write_text("BOOKMARKS_SKIP_EXTERNAL_FETCH=1\nOG_MAX_RETRIES=x\n")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert len(caught.value.problems) == 1
    assert "OG_MAX_RETRIES" in caught.value.problems[0]
