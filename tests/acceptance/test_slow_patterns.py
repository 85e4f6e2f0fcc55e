"""The real command over texts that made patterns go back over them again and again.

Each run has a minute of processor time, whatever else the machine does; what is given here took
many minutes before. The operating system ends a run that takes more.
"""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.base import Action
from tests.fakes.karakeep import link
from tests.fakes.sites import Site
from tests.fakes.world import World
from tests.processes import Finished, clean_environment, command_line

PROCESSOR_S = 60
MARKS = "a" + "\u0315\u0327" * 50_000
MEMO = "https://calm.example.org/page"
DIGITS = "1" * 60_000
HTML = {"Content-Type": "text/html"}
HEAD = b"<title>Read</title><meta name=description content=Words>"


def page(start: bytes) -> Action:
    """A page that begins so, before its proper head."""
    return faults.reply(200, start + b">" + HEAD, HTML)


def drawing(attributes: str, inside: str = "") -> Action:
    """A drawing with these attributes."""
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}</svg>'
    return faults.reply(200, text, {"Content-Type": "image/svg+xml"})


PAGES: dict[str, Action] = {
    "meta": page(b"<meta" * 90 + b" charset=" + b" " * 400_000 + b"!"),
    "many-metas": page(b"<meta charset= " * 25_000),
    "header": faults.reply(
        200, HEAD, {"Content-Type": f"text/html; charset={' ' * 60_000}!"}
    ),
    "comments": page(b"<!--" * 100_000),
    "quotes": page(b"<meta content='" * 25_000),
    "spaces": faults.reply(200, b"<title>" + b" |" * 100_000 + b" " * 200_000 + b"x</title>", HTML),
    "marks": faults.reply(200, f"<meta charset=utf-8><title>{MARKS}</title>".encode(), HTML),
    "entities": faults.reply(200, b"<title>" + b"&amp;" * 80_000 + b"</title>", HTML),
}  # fmt: skip
"""Pages by what makes them slow to read."""

PICTURES: dict[str, Action] = {
    "width": drawing(f'width="{DIGITS}x" height="315"'),
    "box": drawing(f'viewBox="0 0 {DIGITS} {DIGITS}x"'),
    "gaps": drawing(f'viewBox="{" " * 60_000}1"'),
    "style": drawing('width="64" height="64"', f"<style>url{' ' * 60_000}x{'url( ' * 9000}</style>"),
    "prefix": faults.reply(200, b"<?x ?>" + b"<a:" * 60_000, {"Content-Type": "image/svg+xml"}),
}  # fmt: skip
"""Drawings by what makes them slow to check."""


def host_of(case: str) -> str:
    """Each case has a site of its own, so that no breaker of one stops another."""
    return f"{case}.example.org"


def run(folder: Path, *arguments: str, **variables: str) -> Finished:
    """Run the command with a minute of processor time."""
    limited = ["sh", "-c", f'ulimit -t {PROCESSOR_S}; exec "$@"', "sh", *command_line(*arguments)]
    done = subprocess.run(
        limited,
        cwd=folder,
        env=clean_environment(DATAFETCH_STORE="file:./store", DATAFETCH_ENV="test", **variables),
        capture_output=True,
        text=True,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Finished, Finished]]:
    """A sync of bookmarks of which one has such texts, and a run over all those sites."""
    world = World(bookmarks=0, domains=1, repositories=1)
    made = datetime(2025, 9, 1, tzinfo=UTC)
    for case in (*PAGES, *PICTURES):
        world.sites.sites[host_of(case)] = Site(host_of(case))
        world.karakeep.add(link(case, f"https://{host_of(case)}/page", made))
    tags = [{"id": "t1", "name": MARKS, "attachedBy": "human"}]
    world.karakeep.add(link("heaped", MEMO, made, {"title": MARKS}, tags=tags, title=MARKS))
    world.sites.sites["calm.example.org"] = Site("calm.example.org")
    folder = tmp_path_factory.mktemp("slow")
    with world:
        for case, action in PAGES.items():
            world.sites.inject(action, f"{host_of(case)}/page")
        for case, action in PICTURES.items():
            world.sites.inject(action, f"{host_of(case)}/img/")
        environment = world.environment()
        synced = run(folder, "bookmarks", "--json", **environment)
        fetched = run(folder, "refresh-opengraph", "--json", OG_MAX_RETRIES="0", **environment)
        yield folder, synced, fetched


def bookmark(folder: Path, case: str) -> dict[str, Any]:
    """A stored bookmark."""
    path = folder / "store" / "json" / "bookmarks" / "by-id-test" / f"{case}.json"
    found = json.loads(path.read_bytes())
    assert isinstance(found, dict)
    return found


def test_titles_and_tags_of_marks_are_synced(runs):
    """A title and a tag of 100,000 marks cost their item nothing, and the list no time."""
    folder, synced, _ = runs
    assert synced.code == 0, synced.err[-2000:]
    assert synced.result("bookmarks")["itemsFailed"] == 0
    assert len(bookmark(folder, "heaped")["slug"]) < 200


def letters_in(folder: Path) -> list[dict[str, Any]]:
    """What failed of the pages and pictures."""
    path = folder / "store" / "json" / "datafetch" / "dead-letters" / "opengraph-test.json"
    return list(json.loads(path.read_bytes()).values())


@pytest.mark.parametrize("case", PAGES)
def test_slow_pages_are_read(runs, case):
    """The run reaches each page, and ends."""
    folder, _, fetched = runs
    assert fetched.code == 0, (fetched.code, fetched.err[-2000:])
    assert [letter for letter in letters_in(folder) if host_of(case) in letter["item"]] == []
    assert bookmark(folder, case)["ogTitle"]


@pytest.mark.parametrize("case", PICTURES)
def test_slow_drawings_are_judged(runs, case):
    """A drawing whose size is no number has the size that browsers give it; others are refused."""
    folder, _, _ = runs
    kinds = {letter["item"]: letter["errorType"] for letter in letters_in(folder)}
    refused = {"picture of style": "Refused", "picture of prefix": "Malformed"}
    assert kinds.get(f"picture of {case}") == refused.get(f"picture of {case}")
    stored = list((folder / "store/images/opengraph").glob(f"{case}-example-org-*.svg"))
    assert len(stored) == (f"picture of {case}" not in refused)


@pytest.mark.parametrize("word", ["a-" * 50_000, "eyJ-" * 30_000, "token=" * 20_000, "[" * 99_999])
def test_a_message_about_a_long_word_is_short(tmp_path, word):
    """What is typed comes back in a message of a line, in which secrets were looked for."""
    done = run(tmp_path, "refresh-opengraph", "--url", word)
    assert done.code == 2
    assert "is not a web address" in " ".join(done.err.split())
    assert len(done.err) < 2000
