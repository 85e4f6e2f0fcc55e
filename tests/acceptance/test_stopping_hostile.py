"""A run that chews on the largest and slowest that is accepted ends at a signal, and cleans up.

The signal comes while the run is at it: what it was given comes again and again, so that it is never
done before. The grace of five seconds is a constant of ours, and not measured here.
"""

import io
import itertools
import json
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.fakes import faults
from tests.fakes.base import Action, Request, Response
from tests.fakes.world import World
from tests.processes import clean_environment, command_line, datafetch

STORE = {"DATAFETCH_STORE": "file:./store"}
HTML = {"Content-Type": "text/html"}
KIB = 1024
MIB = 1024 * KIB
_LONGEST_S = 100


@pytest.fixture(scope="module")
def synced(tmp_path_factory) -> Path:
    """A store with the bookmarks of the small world."""
    folder: Path = tmp_path_factory.mktemp("synced")
    with World(bookmarks=30, domains=12, repositories=12) as world:
        done = datafetch("bookmarks", cwd=folder, **world.environment(), **STORE)
        assert done.code == 0, done.err
    return folder / "store"


@dataclass
class Stopped:
    """A run that a signal ended."""

    code: int
    err: str
    result: dict[str, Any]
    store: Path
    job: str

    def assert_clean(self) -> None:
        """The exit code says SIGTERM, the lock is free, and the state says what happened."""
        assert self.code == 143, self.err
        assert self.result["status"] == "cancelled"
        lock = json.loads((self.store / f"json/datafetch/locks/{self.job}-dev.json").read_text())
        assert lock["owner"] is None
        state = json.loads((self.store / f"json/datafetch/jobs/{self.job}-dev.json").read_text())
        assert state["status"] == "cancelled"


def stopped(cwd: Path, world: World, command: str, job: str, when: Callable[[], object]) -> Stopped:
    """Start a command, wait until it is at it, and end it."""
    process = subprocess.Popen(
        command_line(command, "--json"),
        cwd=cwd,
        env=clean_environment(
            **world.environment(), **STORE, DATAFETCH_CONCURRENCY="2", OG_MAX_RETRIES="0"
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        when()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=_LONGEST_S)
    finally:
        process.kill()
        process.wait()
    (result,) = json.loads(out) if out else ({},)
    return Stopped(process.returncode, err, result, cwd / "store", job)


# ------------------------------------------------------------------- pages and their pictures


def saved(kind: str, size: tuple[int, int], **options: Any) -> bytes:
    """A picture of so many pixels, with some grain."""
    grain = Image.frombytes("L", (64, 64), random.Random(7).randbytes(4096)).resize(size)
    out = io.BytesIO()
    grain.convert("RGB").save(out, kind, **options)
    return out.getvalue()


def drawing() -> bytes:
    """An SVG of a mebibyte, of many small elements."""
    start = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    return start + b"<g/>" * ((MIB - 100) // 4) + b"</svg>"


def many_scans() -> bytes:
    """A progressive JPEG of 4.8 megapixels with 60 scans."""
    data = saved("JPEG", (2200, 2200), quality=30, progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:-2] + data[at:-2] * (60 - data.count(b"\xff\xda")) + b"\xff\xd9"


@cache
def page(number: int) -> bytes:
    """A page as long as is read, of what takes longest; each is another one."""
    return b"<head><meta name=n content=%d>" % number + b"<p>" * (170 * KIB)


PICTURES: dict[str, Callable[[], bytes]] = {
    "a drawing of 1 MiB": drawing,
    "a JPEG of 40 megapixels": lambda: saved("JPEG", (8000, 5000), quality=30),
    "a JPEG of 60 scans": many_scans,
    "a PNG of 16 megapixels": lambda: saved("PNG", (4000, 4000), compress_level=1),
    "a WebP of 16 megapixels": lambda: saved("WEBP", (4000, 4000), quality=10, method=0),
    "an AVIF of 16 megapixels": lambda: saved("AVIF", (4000, 4000), quality=10, speed=10),
}


def counted() -> Callable[[Request], int]:
    """A number for each request, so that no two answers are equal."""
    numbers = itertools.count()
    return lambda _request: next(numbers)


def _drips(over: threading.Event) -> Action:
    def bytes_for_ever() -> Iterator[bytes]:
        yield b"<head>"
        while not over.wait(1):
            yield b" "

    return lambda _request, _answer: Response(200, dict(HTML), chunks=bytes_for_ever())


def _led_on() -> Action:
    number = counted()
    return lambda request, _answer: Response(302, {"Location": f"/{number(request)}"})


@pytest.mark.parametrize("kind", PICTURES)
def test_a_run_that_decodes_a_picture_is_stopped(tmp_path, world, synced, kind):
    """Whatever decodes 16 megapixels, or reads a mebibyte of XML, does not keep a signal waiting."""
    shutil.copytree(synced, tmp_path / "store")
    body = PICTURES[kind]()
    show = b'<title>A page</title><meta property="og:image" content="/hostile"><body>'
    world.sites.inject(faults.reply(200, show, HTML), lambda asked: asked.path != "/hostile")
    world.sites.inject(faults.reply(200, body, {"Content-Type": "image/x"}))

    def is_at_it() -> None:
        world.sites.log.wait_for(3, "/hostile", timeout_s=_LONGEST_S)

    stopped(tmp_path, world, "refresh-opengraph", "opengraph", is_at_it).assert_clean()


@pytest.mark.parametrize("kind", ["long", "endless", "dripping", "redirects"])
def test_a_run_that_reads_a_page_is_stopped(tmp_path, world, synced, kind):
    """A page at its cap, one without end, one that drips, and one that leads on and on."""
    shutil.copytree(synced, tmp_path / "store")
    over = threading.Event()
    number = counted()
    actions: dict[str, Action] = {
        "long": lambda request, _answer: Response(200, dict(HTML), page(number(request))),
        "endless": faults.endless(b"<p>" * (16 * KIB)),
        "dripping": _drips(over),
        "redirects": _led_on(),
    }
    world.sites.inject(actions[kind])
    try:
        run = stopped(
            tmp_path,
            world,
            "refresh-opengraph",
            "opengraph",
            lambda: world.sites.log.wait_for(2, timeout_s=_LONGEST_S),
        )
    finally:
        over.set()
    run.assert_clean()


# ------------------------------------------------------------------- the bookmark server, the store


def test_a_run_that_reads_large_pages_of_json_is_stopped(tmp_path, world):
    """Each page is nearly as long as is taken, and there is always one more."""
    proper = json.dumps({"id": "a", "createdAt": "2026-01-01T00:00:00Z", "content": {}})
    filler = b" " * MIB

    def pages(request: Request, _answer: object) -> Response:
        cursor = int(request.params.get("cursor", "0")) + 1
        item = proper.replace('"a"', f'"a{cursor}"').encode()
        tail = b'],"nextCursor":"%d"}' % cursor
        parts = (b'{"bookmarks":[' + item, *itertools.repeat(filler, 60), tail)
        return Response(200, {"Content-Type": "application/json"}, chunks=parts)

    world.karakeep.inject(pages)
    run = stopped(
        tmp_path,
        world,
        "bookmarks",
        "bookmarks",
        lambda: world.karakeep.log.wait_for(3, timeout_s=_LONGEST_S),
    )
    run.assert_clean()


def test_a_run_that_reads_a_huge_stored_object_is_stopped(tmp_path, world, synced):
    """A stored list of 60 MB, which another program has written, is read while the signal comes."""
    shutil.copytree(synced, tmp_path / "store")
    key = tmp_path / "store" / "json" / "bookmarks" / "bookmarks-dev.json"
    (item, *_) = json.loads(key.read_text())
    items = (json.dumps({**item, "id": f"x{number}"}) for number in range(60_000))
    key.write_text("[" + ",".join(items) + "]")
    gate = threading.Event()
    world.karakeep.inject(faults.held(gate))

    def is_at_it() -> None:
        world.karakeep.log.wait_for(1, timeout_s=_LONGEST_S)
        gate.set()

    stopped(tmp_path, world, "bookmarks", "bookmarks", is_at_it).assert_clean()
