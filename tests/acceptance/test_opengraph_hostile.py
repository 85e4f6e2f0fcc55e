"""A whole run of the real command over a web in which every page and picture misbehaves in its own way."""

import gzip
import json
import os
import subprocess
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from datafetch.urls import url_hash
from tests.fakes import faults
from tests.fakes.base import Action, Answer
from tests.fakes.karakeep import link
from tests.fakes.message import Request, Response
from tests.fakes.pictures import picture
from tests.fakes.sites import Site
from tests.fakes.world import World
from tests.processes import clean_environment, command_line

HTML = {"Content-Type": "text/html"}
PNG = {"Content-Type": "image/png"}
NEW = "<title>Said while hostile</title><meta name=description content=Words><body>"
MIB = 1024 * 1024
CDN = "https://cdn.example.com"
IMPATIENT = {
    "DATAFETCH_CONCURRENCY": "8",
    "DATAFETCH_RETRY_MAX_SECONDS": "2",
    "OG_FETCH_TIMEOUT_MS": "1000",
    "OG_MAX_RETRIES": "0",
}
_LONGEST_S = 90
_NEWEST = datetime(2025, 9, 1, tzinfo=UTC)


def drip(over: threading.Event, headers: Mapping[str, str]) -> Action:
    """A byte now and then, each in time, the whole never."""

    def bytes_for_ever() -> Iterator[bytes]:
        while not over.wait(0.05):
            yield b" "

    return lambda _request, _answer: Response(200, dict(headers), chunks=bytes_for_ever())


def packed(body: bytes, encoding: str, headers: Mapping[str, str]) -> Action:
    """A body that says how it is packed."""
    return faults.reply(200, body, {**headers, "Content-Encoding": encoding})


def bomb(start: bytes = b"") -> bytes:
    """300 MB of zeros after a beginning, in 300 kB; nobody comes to its missing end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * 300


def to_itself(request: Request, _answer: Answer) -> Response:
    """A redirect without end."""
    return Response(302, {"Location": f"{request.url}&again" if request.query else "?again"})


def cookies(request: Request, answer: Answer) -> Response:
    """The proper answer with a hundred cookies, which nobody shall send back."""
    many = tuple(f"c{number}={'x' * 40}; Path=/" for number in range(90))
    given = request.headers.get("cookie", "")
    assert not given
    return answer(request).changed(cookies=many)


def lying(_request: Request, _answer: Answer) -> Response:
    """Half a head that promises more than comes."""
    return Response(200, dict(HTML), b"<title>x", declared_length=99_999, ending="close")


BOMB = bomb()
OVER = threading.Event()

FAILING: dict[str, tuple[Action, str]] = {
    "an endless body": (faults.endless(headers=HTML), "Malformed"),
    "a slow drip": (drip(OVER, HTML), "TransientError"),
    "silence": (faults.held(OVER), "TransientError"),
    "a compression bomb": (packed(BOMB, "gzip", HTML), "Malformed"),
    "a compression bomb in a compression bomb": (
        packed(gzip.compress(BOMB), "gzip, gzip", HTML),
        "Malformed",
    ),
    "an encoding nobody asked for": (packed(b"x", "br", HTML), "Malformed"),
    "a packing that is none": (packed(b"<title>x", "gzip", HTML), "Malformed"),
    "a length that lies": (lying, "TransientError"),
    "a cut": (faults.cut(30), "TransientError"),
    "a reset": (faults.dropped(), "TransientError"),
    "a reset half-way": (faults.cut(30, "reset"), "TransientError"),
    "a redirect loop": (to_itself, "Refused"),
    "a redirect to this machine": (faults.redirect("http://127.0.0.1:1/"), "Refused"),
    "a redirect to a private network": (faults.redirect("http://10.0.0.1/"), "Refused"),
    "a redirect to a cloud's metadata": (
        faults.redirect("http://169.254.169.254/latest/"),
        "Refused",
    ),
    "a redirect to an address in octal": (faults.redirect("http://0177.1/"), "Refused"),
    "a redirect to a mapped address": (faults.redirect("http://[::ffff:7f00:1]/"), "Refused"),
    "a redirect to a file": (faults.redirect("file:///etc/passwd"), "Refused"),
    "a wrong type": (faults.reply(200, b"%PDF-1.7", {"Content-Type": "application/pdf"}), "Malformed"),
    "a picture in place of the page": (faults.reply(200, picture(), PNG), "Malformed"),
    "300 MB without a head": (faults.large(300 * MIB, HTML), "Malformed"),
    "headers without end": (
        faults.reply(200, NEW, {**HTML, "X-Long": "x" * 300_000}),
        "TooLarge",
    ),
    "a captcha": (faults.reply(200, "<title>Just a moment...</title>", HTML), "Denied"),
    "an error page": (faults.reply(503, NEW, HTML), "TransientError"),
}  # fmt: skip
"""What a page may do to us, and how that is called; none of it is metadata."""

UNTRUSTED = {"a stranger's certificate": "untrusted", "another's certificate": "wrong-name"}
"""Pages whose connection cannot be trusted."""

HARMLESS: dict[str, Action] = {
    "an endless body after its head": faults.endless(head=NEW.encode(), headers=HTML),
    "300 MB after its head": faults.large(300 * MIB, HTML, NEW.encode().ljust(65536)),
    "a compression bomb after its head": packed(bomb(NEW.encode()), "gzip", HTML),
    "a charset that is wrong": faults.reply(
        200, NEW, {"Content-Type": "text/html; charset=utf-16"}
    ),
    "a charset that is none": faults.reply(200, NEW, {"Content-Type": "text/html; charset=\xff"}),
}
"""What is odd, and has a head all the same."""

PICTURES: dict[str, tuple[Action, str]] = {
    "an endless picture": (faults.endless(headers=PNG), "TooLarge"),
    "a picture that drips": (drip(OVER, PNG), "TransientError"),
    "a picture of 300 MB": (faults.large(300 * MIB, PNG), "TooLarge"),
    "a picture that inflates": (packed(BOMB, "gzip", PNG), "TooLarge"),
    "a picture that is cut": (faults.cut(300), "TransientError"),
    "a picture that is cut and says so": (
        faults.reply(200, picture("png", 600, 315)[:-40], PNG),
        "Malformed",
    ),
    "a page in place of the picture": (faults.reply(200, "<!doctype html><p>", PNG), "Malformed"),
    "a picture at a private address": (faults.redirect("http://192.168.0.1/a.png"), "Refused"),
    "a picture that runs in circles": (to_itself, "Refused"),
    "a drawing with a script": (
        faults.reply(
            200,
            '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><script>alert(1)</script></svg>',
            {"Content-Type": "image/svg+xml"},
        ),
        "Refused",
    ),
    "a picture that resets": (faults.dropped(), "TransientError"),
}
CALM = ("calm one", "calm two", "calm three")


def host_of(case: str) -> str:
    """Each case has a site of its own, so that no breaker of one stops another."""
    return f"s{url_hash(case)[:10]}.example.org"


def url_of(case: str) -> str:
    """The page of a case."""
    return f"https://{host_of(case)}/page"


CASES = (*FAILING, *UNTRUSTED, *HARMLESS, *PICTURES, "a hundred cookies", *CALM)
IDS = {case: f"b{number}" for number, case in enumerate(CASES)}


@dataclass(frozen=True)
class Ran:
    """How a run ended; `peak` in MB."""

    code: int
    result: dict[str, Any]
    log: str
    peak: float


@dataclass
class Hostile:
    """The store after a friendly run, and after a hostile one."""

    folder: Path
    world: World
    before: dict[str, bytes] = field(default_factory=dict)
    after: dict[str, bytes] = field(default_factory=dict)

    def run(self, *arguments: str, **variables: str) -> Ran:
        """One run of the real command, within its time."""
        environment = clean_environment(
            **self.world.environment(),
            DATAFETCH_STORE="file:./store",
            DATAFETCH_ENV="test",
            S3_CDN_URL=CDN,
            **variables,
        )
        out, err = self.folder / "out", self.folder / "err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                command_line(*arguments, "--json"),
                cwd=self.folder,
                env=environment,
                stdout=stdout,
                stderr=stderr,
            )
        killer = threading.Timer(_LONGEST_S, process.kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)
        killer.cancel()
        process.returncode = code = os.waitstatus_to_exitcode(status)
        assert code >= 0, f"it did not end within {_LONGEST_S} s"
        return Ran(code, json.loads(out.read_bytes())[0], err.read_text(), usage.ru_maxrss / 1024)

    def stored(self) -> dict[str, bytes]:
        """All objects."""
        root = self.folder / "store"
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }

    def letters(self) -> dict[str, str]:
        """Item and error type of each dead letter after the hostile run."""
        letters = json.loads(self.after["json/datafetch/dead-letters/opengraph-test.json"])
        return {letter["item"]: letter["errorType"] for letter in letters.values()}

    @staticmethod
    def keys(case: str) -> tuple[str, str]:
        """The keys of a case's metadata and bookmark."""
        name = url_hash(url_of(case))
        return (
            f"json/opengraph/metadata/{name}.json",
            f"json/bookmarks/by-id-test/{IDS[case]}.json",
        )

    def title(self, case: str) -> str:
        """What the page's stored metadata and its bookmark say after the hostile run."""
        metadata, bookmark = (json.loads(self.after[key]) for key in self.keys(case))
        assert metadata["title"] == bookmark["ogTitle"]
        return str(metadata["title"])


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hostile, Ran, Ran, Ran]]:
    """A friendly run, a hostile one over all pages, and a last one when all is well again."""
    world = World(bookmarks=0, domains=1, repositories=1)
    for number, case in enumerate(CASES):
        world.sites.sites[host_of(case)] = Site(host_of(case))
        made = _NEWEST - timedelta(hours=number)
        world.karakeep.add(link(IDS[case], url_of(case), made))
    with world:
        it = Hostile(tmp_path_factory.mktemp("hostile"), world)
        it.run("bookmarks")
        friendly = it.run("refresh-opengraph")
        it.before = it.stored()
        spoil(world)
        worst = it.run("refresh-opengraph", "--force", **IMPATIENT)
        it.after = it.stored()
        OVER.set()
        world.sites.heal()
        world.proxy.trouble.clear()
        healed = it.run("refresh-opengraph", "--force")
        yield it, friendly, worst, healed


def spoil(world: World) -> None:
    """Every site does what its case is named after."""
    for case, (action, _) in FAILING.items():
        world.sites.inject(action, f"{host_of(case)}/page")
    for case, action in HARMLESS.items():
        world.sites.inject(action, f"{host_of(case)}/page")
    for case, (action, _) in PICTURES.items():
        world.sites.inject(action, f"{host_of(case)}/img/")
    world.sites.inject(cookies, host_of("a hundred cookies"))
    for case in CALM:
        world.sites.inject(faults.reply(200, NEW, HTML), f"{host_of(case)}/page")
    for case, trouble in UNTRUSTED.items():
        world.proxy.trouble[host_of(case)] = trouble  # type: ignore[assignment]


def test_the_friendly_run_stored_everything(hostile) -> None:
    """Each page had metadata and a picture before it turned hostile."""
    it, friendly, _, _ = hostile
    assert (friendly.code, friendly.result["itemsFailed"]) == (0, 0), friendly.log[-2000:]
    for case in CASES:
        metadata, bookmark = (json.loads(it.before[key]) for key in it.keys(case))
        assert metadata["source"] == "external"
        assert bookmark["ogImage"].startswith(f"{CDN}/images/opengraph/")


@pytest.mark.parametrize(
    ("case", "kind"),
    [(case, kind) for case, (_, kind) in FAILING.items()]
    + [(case, "CannotConnect") for case in UNTRUSTED],
)
def test_a_hostile_page_is_a_dead_letter_and_changes_nothing(hostile, case: str, kind: str) -> None:
    """The page ends in time with a dead letter; metadata, picture and bookmark stay to the byte."""
    it, _, _, _ = hostile
    assert it.letters()[url_of(case)] == kind
    for key in it.keys(case):
        assert it.after[key] == it.before[key]


@pytest.mark.parametrize("case", HARMLESS)
def test_what_has_a_head_is_read_and_left(hostile, case: str) -> None:
    """However much comes after the head, and whatever is said of its letters: the head counts."""
    it, _, _, _ = hostile
    assert url_of(case) not in it.letters()
    assert it.title(case) == "Said while hostile"


@pytest.mark.parametrize(("case", "kind"), [(case, kind) for case, (_, kind) in PICTURES.items()])
def test_a_hostile_picture_is_a_dead_letter_and_the_stored_one_stays(
    hostile, case: str, kind: str
) -> None:
    """A truncated or lying download never reaches the store; the picture that was good stays."""
    it, _, _, _ = hostile
    assert it.letters()[f"picture of {IDS[case]}"] == kind
    for key in it.keys(case)[1:]:
        assert it.after[key] == it.before[key]


def test_no_stored_picture_is_touched(hostile) -> None:
    """All pictures are the bytes they were, none is missing, and the manifest lists them all."""
    it, _, _, _ = hostile
    pictures = {key: body for key, body in it.before.items() if key.startswith("images/")}
    assert len(pictures) == len(CASES)
    assert {key: it.after.get(key) for key in pictures} == pictures
    manifest = json.loads(it.after["json/image-data/opengraph/manifest-test.json"])
    assert {url.removeprefix(f"{CDN}/").partition("?")[0] for url in manifest} == set(pictures)


def test_all_others_are_done(hostile) -> None:
    """Three bad sites blocked all sites: here forty do not, and the result counts them."""
    it, _, worst, _ = hostile
    for case in CALM:
        assert it.title(case) == "Said while hostile"
    failed = len(FAILING) + len(UNTRUSTED) + len(PICTURES)
    assert worst.result["itemsFailed"] == failed
    assert worst.result["itemsProcessed"] == len(CASES)
    assert worst.code == 1, "more than half of the pages failed, which is not the pages' fault"
    assert set(it.letters()) == (
        {url_of(case) for case in (*FAILING, *UNTRUSTED)}
        | {f"picture of {IDS[case]}" for case in (*UNTRUSTED, *PICTURES)}
    )


def test_hundreds_of_megabytes_are_never_held(hostile) -> None:
    """Pages of 300 MB, and small ones that inflate to that, were read whole before they were cut."""
    _, friendly, worst, _ = hostile
    assert worst.peak < friendly.peak + 64


def test_nothing_is_told_of_secrets_or_of_our_insides(hostile) -> None:
    """However a site fails, the log has a line for it and no traceback."""
    _, _, worst, _ = hostile
    assert "Traceback" not in worst.log
    assert worst.log.count('"opengraph_failed"') >= len(FAILING)


def test_when_all_is_well_again_all_is_fetched(hostile) -> None:
    """No page is lost for good by what it once did: the next forced run reads all of them."""
    it, _, _, healed = hostile
    assert (healed.code, healed.result["itemsFailed"]) == (0, 0), healed.log[-2000:]
    letters = it.stored()["json/datafetch/dead-letters/opengraph-test.json"]
    assert json.loads(letters) == {}
