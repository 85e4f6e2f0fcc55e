"""The main job end to end: real processes, real HTTP, an S3 server or a folder."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.s3 import S3Fake, StoredObject
from tests.fakes.world import World
from tests.processes import Finished, datafetch

OPERATIONS = [
    "bookmarks",
    "opengraph",
    "github-activity",
    "logos",
    "bookmarks-prefetch",
    "github-activity-prefetch",
]
QUICK = {"GITHUB_STATS_PENDING_DELAY_MS": "1", "LOGO_BATCH_DELAY_MS": "0"}
CDN = {"S3_CDN_URL": "https://cdn.example.org"}


def _run(command: str, cwd: Path, world: World, **variables: str) -> Finished:
    return datafetch(command, "--json", cwd=cwd, **world.environment(), **QUICK, **CDN, **variables)


def _json(body: bytes) -> Any:
    return json.loads(body)


def _check_objects(objects: dict[str, bytes], suffix: str) -> None:
    """Every key of the contract's tables is there, with its shape."""
    index = _json(objects[f"json/bookmarks/index{suffix}.json"])
    master = _json(objects[f"json/bookmarks/bookmarks{suffix}.json"])
    assert index["count"] == len(master) == 29
    assert index["pageSize"] == 24
    pages = [
        _json(objects[f"json/bookmarks/pages{suffix}/page-{number}.json"])
        for number in range(1, index["totalPages"] + 1)
    ]
    assert [item for page in pages for item in page] == master
    mapping = _json(objects[f"json/bookmarks/slug-mapping{suffix}.json"])
    assert mapping["version"] == "1.0.0"
    assert {item["id"] for item in master} == set(mapping["slugs"])
    for item in master:
        assert _json(objects[f"json/bookmarks/by-id{suffix}/{item['id']}.json"]) == item
        for tag in item["tags"]:
            assert f"json/bookmarks/tags{suffix}/{tag['slug']}/index.json" in objects
    assert _json(objects[f"json/bookmarks/heartbeat{suffix}.json"])["success"] is True

    github = "json/github-activity"
    activity = _json(objects[f"{github}/activity_data{suffix}.json"])
    assert activity["trailingYearData"]["dataComplete"] is True
    assert 365 <= len(activity["trailingYearData"]["data"]) <= 372
    for name in ("github_stats_summary", "github_stats_summary_all_time"):
        assert "linesOfCodeByCategory" in _json(objects[f"{github}/{name}{suffix}.json"])
    assert _json(objects[f"{github}/aggregated_weekly_activity{suffix}.json"])
    assert any(
        re.fullmatch(rf"{github}/repo_raw_weekly_stats{suffix}/[^/]+\.csv", key) for key in objects
    )

    logos = _json(objects[f"json/image-data/logos/manifest{suffix}.json"])
    assert logos
    for entry in logos.values():
        assert entry["key"] in objects
        assert entry["cdnUrl"].startswith("https://cdn.example.org/images/logos/")
    previews = _json(objects[f"json/image-data/opengraph/manifest{suffix}.json"])
    assert previews
    assert all(url.startswith("https://cdn.example.org/images/opengraph/") for url in previews)
    assert any(key.startswith("json/opengraph/metadata/") for key in objects)
    for job in ("bookmarks", "opengraph", "github", "logos"):
        state = _json(objects[f"json/datafetch/jobs/{job}{suffix}.json"])
        assert state["status"] == "completed"
        assert _json(objects[f"json/datafetch/locks/{job}{suffix}.json"])["owner"] is None
    asked = _json(objects[f"json/datafetch/history/github{suffix}.json"])[0]["upstreams"]
    assert set(asked) <= {"github-graphql", "github-rest"}


def _check_headers(stored: StoredObject, *, public: bool) -> None:
    """Content type, cache header and ACL follow from what the object is."""
    if stored.key.startswith("images/"):
        assert stored.content_type.startswith("image/")
        assert stored.cache_control == "public, max-age=31536000, immutable"
    elif stored.key.endswith(".csv"):
        assert stored.content_type.startswith("text/csv")
    else:
        assert stored.content_type == "application/json"
    private = stored.key.startswith(("json/datafetch/", "json/rate-limit/"))
    assert public == (not private and not stored.key.endswith(".csv")), stored.key


def _check_runs(first: Finished, second: Finished) -> None:
    assert first.code == 0, first.err[-3000:]
    assert [result["operation"] for result in first.results] == OPERATIONS
    assert second.code == 0, second.err[-3000:]
    statuses = {result["operation"]: result["status"] for result in second.results}
    assert statuses["bookmarks"] == "unchanged"
    assert statuses["logos"] in ("unchanged", "partial")
    assert statuses["opengraph"] in ("unchanged", "partial")
    for result in second.results:
        if result["operation"] in ("logos", "opengraph", "bookmarks"):
            assert result["itemsChanged"] == 0


def test_everything_reaches_a_folder(tmp_path, world):
    """A newcomer runs one command and has all data; a second run finds nothing to do."""
    store = {"DATAFETCH_STORE": "file:./store"}
    first = _run("prefetch-dev", tmp_path, world, **store)
    second = _run("prefetch-dev", tmp_path, world, **store)
    _check_runs(first, second)
    root = tmp_path / "store"
    objects = {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }
    _check_objects(objects, "-dev")
    generated = sorted(
        str(path.relative_to(tmp_path / "generated"))
        for path in (tmp_path / "generated").rglob("*.json")
    )
    assert generated == [
        "bookmarks/bookmarks.json",
        "bookmarks/index.json",
        "bookmarks/slug-mapping.json",
        "github-activity/activity_data.json",
        "github-activity/aggregated_weekly_activity.json",
        "github-activity/github_stats_summary.json",
        "github-activity/github_stats_summary_all_time.json",
    ]


def test_everything_reaches_a_bucket(tmp_path, world, s3_fake: S3Fake):
    """The same against S3: content types, cache headers, ACLs and the production's bare keys."""
    store = s3_fake.environment | {
        "DATAFETCH_ENV": "production",
        "S3_OBJECT_ACL": "public-read",
    }
    first = _run("prefetch-dev", tmp_path, world, **store)
    second = _run("prefetch-dev", tmp_path, world, **store)
    _check_runs(first, second)
    stored = [found for key in s3_fake.keys() if (found := s3_fake.get(key))]  # noqa: SIM118
    _check_objects({found.key: found.body for found in stored}, "")
    for found in stored:
        _check_headers(found, public=s3_fake.acl_grants_public_read(found.key))
    assert s3_fake.open_uploads() == 0


@pytest.mark.parametrize("command", ["bookmarks", "github"])
def test_a_wrong_token_is_one_clear_line(tmp_path, world, command):
    """A wrong token is exit 1, says so, and stores nothing under the job's keys."""
    wrong = {
        "BOOKMARK_BEARER_TOKEN": "wrong-token-here",
        "GITHUB_ACCESS_TOKEN_COMMIT_GRAPH": "wrong-token-here",
        "DATAFETCH_STORE": "file:./store",
    }
    done = datafetch(command, cwd=tmp_path, **{**world.environment(), **QUICK, **wrong})
    assert done.code == 1
    assert "token" in done.out.lower()
    assert "wrong-token-here" not in done.out + done.err
    assert "Traceback" not in done.err
    assert not list((tmp_path / "store/json/bookmarks").rglob("bookmarks-dev.json"))
    assert not list((tmp_path / "store").rglob("activity_data-dev.json"))


def test_an_unreachable_store_is_exit_1_before_anything_is_asked(tmp_path, world):
    """Store unreachable: exit 1, a clear line, no upstream request."""
    done = datafetch(
        "bookmarks",
        cwd=tmp_path,
        **world.environment(),
        S3_BUCKET="nowhere",
        S3_SERVER_URL="http://127.0.0.1:9",
        S3_ACCESS_KEY_ID="some-key-id",
        S3_SECRET_ACCESS_KEY="some-secret",
        DATAFETCH_ENV="test",
    )
    assert done.code == 1
    assert "nothing listens at http://127.0.0.1:9" in done.out
    assert "S3_SERVER_URL" in done.out
    assert "some-secret" not in done.out + done.err
    assert world.requests().get("karakeep", 0) == 0
