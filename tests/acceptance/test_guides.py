"""What the guides tell to type is typed here: the first run after the old system, and cron's lines."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from datafetch.ops.changes import signature
from datafetch.ops.metrics import SERIES
from tests.bookmarks.world import link
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.fakes.world import World
from tests.processes import ROOT, clean_environment, datafetch
from tests.programs import program as installed

GUIDES = ROOT / "datafetch" / "guides"
QUICK = {
    "GITHUB_STATS_PENDING_DELAY_MS": "1",
    "LOGO_BATCH_DELAY_MS": "0",
    "S3_CDN_URL": "https://cdn.example.org",
}
OURS = "json/datafetch"


def block(topic: str, name: str) -> str:
    """The lines below a mark in a guide, as they are typed."""
    text = (GUIDES / f"{topic}.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- run: {name} -->\n```sh\n(.*?)```\n", text, re.DOTALL)
    assert found is not None, name
    return found[1]


def program(folder: Path, name: str, lines: str) -> None:
    """Put a program into a folder that stands in `PATH`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{lines}\n")
    (folder / name).chmod(0o755)


def with_datafetch(folder: Path) -> Path:
    """A folder with a `datafetch` that runs this checkout."""
    program(folder, "datafetch", f'PYTHONPATH={ROOT} exec {sys.executable} -m datafetch "$@"')
    return folder


class Site:
    """A site's folder with its `.env`, a bookmark server with 12 bookmarks, and the programs of cron's lines."""

    def __init__(self, folder: Path, app: KarakeepApp, url: str) -> None:
        self.folder = folder
        self.app = app
        self.bin = with_datafetch(folder / ".venv" / "bin")
        (folder / ".env").write_text(
            f"DATAFETCH_STORE=file:./store\nBOOKMARKS_API_URL={url}\n"
            f"BOOKMARKS_LIST_ID={LIST_ID}\nBOOKMARK_BEARER_TOKEN={TOKEN}\n"
        )
        program(self.bin, "curl", f'echo curl "$@" >>"{folder}/called"')
        program(self.bin, "bun", f'echo bun "$@" | tee -a "{folder}/called"')
        (folder / "refresh-secret").write_text("s3cret\n")

    def run(self, lines: str) -> "subprocess.CompletedProcess[str]":
        """Run a guide's lines with a shell, with this folder in the place of `/opt/site`."""
        return subprocess.run(
            ["sh", "-c", lines.replace("/opt/site", str(self.folder))],
            cwd=self.folder.parent,
            env=clean_environment(PATH=f"{self.bin}:{os.environ['PATH']}"),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    @property
    def called(self) -> list[str]:
        """The calls of the other programs, since this was last asked."""
        file = self.folder / "called"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site before its first run."""
    (tmp_path / "site").mkdir()
    app = KarakeepApp(link(number) for number in range(12))
    with app.served() as server:
        yield Site(tmp_path / "site", app, server.url)


def test_a_line_runs_in_an_environment_as_poor_as_crons(site):
    """With `cd` and a `.env` a line needs nothing of the shell in which it was written."""
    done = site.run(block("cron", "poor"))
    assert (done.stdout, done.stderr) == ("exit code 0\n", "")
    assert (site.folder / "store/json/bookmarks/index-dev.json").is_file()


def test_a_poor_line_says_what_is_missing(site):
    """The line that is tried says by 78 which settings cron would not find."""
    (site.folder / ".env").write_text("BOOKMARKS_LIST_ID=x\n")
    done = site.run(block("cron", "poor"))
    assert done.stdout == "exit code 78\n"
    assert "BOOKMARK_BEARER_TOKEN is missing" in done.stderr
    assert str(site.folder / ".env") in done.stderr


def test_the_script_calls_the_site_after_a_change_only(site):
    """The site's own work is done when the list has changed, and cron has nothing to mail of it."""
    script = block("migrate", "after")
    first = site.run(script)
    assert (first.returncode, first.stderr) == (0, "")
    calls = site.called
    assert [line.split()[0] for line in calls] == ["curl", "bun", "bun"]
    assert "Authorization: Bearer s3cret https://site.example.com/api/revalidate/" in calls[0]
    assert calls[1] == "bun run --silent update-s3 -- --search-indexes"
    assert calls[2] == "bun run --silent submit-sitemap"
    assert first.stdout == ""
    second = site.run(script)
    assert second.returncode == 0
    assert site.called == []


def test_the_script_passes_on_how_it_ended(site):
    """The mail of cron depends on it: a run that failed calls nobody, and its code and words come out."""
    site.run(block("migrate", "after"))
    assert site.called
    for number in range(12):
        site.app.remove(f"b{number:03d}")
    done = site.run(block("migrate", "after"))
    assert done.returncode == 1
    assert site.called == []


def old_list(folder: Path) -> dict[str, str]:
    """Make what is stored in a folder what the old system would have left; the slugs by id.

    Slugs that we would not give, a relative picture, enrichment, fields that we do not know, a
    checksum of another form, and no state of ours.
    """
    shutil.rmtree(folder / OURS)
    bookmarks = folder / "json/bookmarks"
    items: list[dict[str, Any]] = json.loads((bookmarks / "bookmarks.json").read_bytes())
    for number, item in enumerate(items):
        item["slug"] = f"old-slug-{number}"
        item["ogDescription"] = f"old words {number}"
        item["scrapedContentText"] = "kept"
    items[0]["ogImage"] = "/api/assets/of-the-old-site"
    slugs = {item["id"]: item["slug"] for item in items}
    entries = {
        item["id"]: {name: item[name] for name in ("id", "slug", "url", "title")} for item in items
    }
    mapping = {
        "version": "1.0.0",
        "generated": "2025-11-26T08:00:00.000Z",
        "count": len(items),
        "checksum": hashlib.md5(b"in another form").hexdigest(),
        "slugs": entries,
        "reverseMap": {slug: key for key, slug in slugs.items()},
    }
    (bookmarks / "bookmarks.json").write_text(json.dumps(items))
    (bookmarks / "slug-mapping.json").write_text(json.dumps(mapping))
    for item in items:
        (bookmarks / "by-id" / f"{item['id']}.json").write_text(json.dumps(item))
    return slugs


def others(folder: Path) -> dict[str, bytes]:
    """Objects of the old system that nobody here makes, reads or removes."""
    keys = (
        "json/content-graph/related-content.json",
        "json/search/bookmarks-index.json",
        "json/image-data/education/manifest.json",
        "json/rate-limit/jina-fetch-limiter.json",
        "images/blog/cover.png",
    )
    for key in keys:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(key.encode())
    return {key: key.encode() for key in keys}


def test_the_first_run_after_the_old_system(tmp_path):
    """The lines of the guide, over what the old system left: slugs, enrichment and the rest stay."""
    store = tmp_path / "store"
    with World(30, 8, 3) as world:
        settings = {
            **world.environment(),
            **QUICK,
            "DATAFETCH_STORE": "file:./store",
            "DATAFETCH_ENV": "production",
        }
        made = datafetch("bookmarks", cwd=tmp_path, **settings)
        assert made.code == 0, made.err
        slugs = old_list(store)
        left = others(store)
        old = (store / "json/bookmarks/bookmarks.json").read_bytes()
        bin_folder = with_datafetch(tmp_path / "bin")
        for line in block("migrate", "first").splitlines():
            done = subprocess.run(
                ["sh", "-c", line.replace("/tmp/", f"{tmp_path}/")],
                cwd=tmp_path,
                env=clean_environment(
                    **settings, PATH=f"{bin_folder}:{os.environ['PATH']}", S3_READ_ONLY="true"
                ),
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
            assert done.returncode == 0, f"{line}: {done.stderr}"
            assert '"old_settings"' in done.stderr, line
            if line == "datafetch bookmarks --dry-run":
                assert (store / "json/bookmarks/bookmarks.json").read_bytes() == old
                assert not (store / OURS).exists()
        again = datafetch("bookmarks", "--json", cwd=tmp_path, **settings)
        assert again.result("bookmarks")["status"] == "unchanged"
        # The previews were published after the list. The world has one note, which is left out.
        planned = datafetch("bookmarks", "--restore", "2", "--dry-run", cwd=tmp_path, **settings)
        assert "would be published with 29 bookmarks" in planned.out
        backups = sorted((store / OURS / "backup/bookmarks").iterdir())
        assert backups[-2].read_bytes() == old
    items = json.loads((store / "json/bookmarks/bookmarks.json").read_bytes())
    assert {item["id"]: item["slug"] for item in items} == slugs
    assert all(item["scrapedContentText"] == "kept" for item in items)
    assert {key: (store / key).read_bytes() for key in left} == left
    assert (tmp_path / "generated/bookmarks/index.json").is_file()


# ------------------------------------------------------------------- monitoring


def snippet(name: str) -> str:
    """The code below a mark of the guide to monitoring."""
    text = (GUIDES / "monitoring.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```\n", text, re.DOTALL)
    assert found is not None, name
    return found[1]


SIGNED = (b'{"operation": "bookmarks", "notes": ["\xc3\xa9"]}', "sign-with-this")


@pytest.mark.parametrize(
    ("language", "program_of", "call"),
    [
        (
            "python",
            lambda: [sys.executable, "-c"],
            "import sys; print(is_from_datafetch(sys.stdin.buffer.read(), sys.argv[1], sys.argv[2]))",
        ),
        (
            "node",
            lambda: [installed("node"), "-e"],
            "console.log(isFromDatafetch(require('node:fs').readFileSync(0), process.argv[1], process.argv[2]))",
        ),
    ],
)
def test_the_signature_is_verified_as_the_guide_says(
    language: str, program_of: Callable[[], list[str]], call: str
) -> None:
    """The code to paste takes what is sent, and neither another body nor another secret."""
    body, secret = SIGNED
    code = f"{snippet(f'verify:{language}')}\n{call}\n"

    def verified(text: bytes, header: str, key: str) -> str:
        line = [*program_of(), code, header, key]
        done = subprocess.run(line, input=text, capture_output=True, check=True)
        return done.stdout.decode().strip().lower()

    header = signature(secret, body)
    assert verified(body, header, secret) == "true"
    assert verified(body + b" ", header, secret) == "false"
    assert verified(body, header, "another") == "false"
    assert verified(body, "sha256=", secret) == "false"


def test_the_alerts_name_series_that_are_there() -> None:
    """A renamed series left an alert that never fires."""
    rules = yaml.safe_load(snippet("rules"))["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules] == [
        "DatafetchStale",
        "DatafetchFailing",
        "DatafetchDeadLetters",
    ]
    for rule in rules:
        assert set(re.findall(r"datafetch_\w+", rule["expr"])) <= set(SERIES)
    text = (GUIDES / "monitoring.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `(datafetch_\w+)\{([a-z,]+)\}` \|", text, re.MULTILINE)
    assert {name: tuple(labels.split(",")) for name, labels in table} == {
        name: labels for name, (_, labels) in SERIES.items()
    }


ALERTS = """
rule_files: [rules.yml]
tests:
  - interval: 1m
    input_series:
      - {series: 'datafetch_last_run_timestamp_seconds{job="bookmarks"}', values: '0+0x60 7200+0x700'}
      - {series: 'datafetch_last_success_timestamp_seconds{job="bookmarks"}', values: '0+0x800'}
      - {series: 'datafetch_dead_letters{job="bookmarks"}', values: '51+0x1600'}
      - {series: 'datafetch_last_success_timestamp_seconds{job="github"}', values: '0+60x2400'}
    alert_rule_test:
      - {eval_time: 4h, alertname: DatafetchStale, exp_alerts: []}
      - eval_time: 6h
        alertname: DatafetchStale
        exp_alerts:
          - exp_labels: {severity: critical, job: bookmarks}
            exp_annotations: {summary: bookmarks has not succeeded for 6h 0m 0s}
      - {eval_time: 5h, alertname: DatafetchFailing, exp_alerts: []}
      - eval_time: 7h
        alertname: DatafetchFailing
        exp_alerts:
          - exp_labels: {severity: warning, job: bookmarks}
            exp_annotations: {summary: the runs of bookmarks have failed for five hours}
      - {eval_time: 23h, alertname: DatafetchDeadLetters, exp_alerts: []}
      - eval_time: 25h
        alertname: DatafetchDeadLetters
        exp_alerts:
          - exp_labels: {severity: warning, job: bookmarks}
            exp_annotations: {summary: 51 items of bookmarks fail again and again}
"""


def test_the_alerts_fire_when_they_should(tmp_path: Path) -> None:
    """Prometheus itself takes the rules, and fires each at its time and not before."""
    (tmp_path / "rules.yml").write_text(snippet("rules"))
    (tmp_path / "tests.yml").write_text(ALERTS)
    done = subprocess.run(
        [installed("promtool"), "test", "rules", "tests.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
