"""`GET /api/logo` over real HTTP: who is asked, what is answered, what is stored, and what is refused."""

import asyncio
import hashlib
import json
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.types import Message, Scope

from datafetch.store.base import encode_json
from datafetch.store.local import LocalStore
from datafetch.web.app import make_app
from datafetch.web.logos import endpoint as logo
from datafetch.web.logos.cache import LogoPicture
from tests.fakes import faults
from tests.fakes.pictures import colour_of, picture
from tests.fakes.providers import Icon
from tests.fakes.sites import Site
from tests.logos.world import KEYS
from tests.stores import Call, FaultyStore
from tests.web.logos.world import CDN, SECRET, SOON_S, LogoSite, logo_site
from tests.web.support import bearer, served_here

A, B, C = "a.example.com", "b.example.org", "c.example.net"
FAVICONS = "/s2/favicons"


@pytest.fixture
def logos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogoSite]:
    """A server with an empty store and a CDN."""
    with logo_site(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def folder_logos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogoSite]:
    """A server whose store is a folder that nobody else shows."""
    with logo_site(tmp_path, monkeypatch, S3_CDN_URL=None) as made:
        yield made


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process open as many files as 1,000 connections need, with both their ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def asked_for(logos: LogoSite, domain: str) -> int:
    """How often Google was asked for a domain."""
    return logos.world.google.log.count(f"domain={domain}&")


def test_an_unknown_logo_is_fetched_stored_and_redirected_to(logos: LogoSite) -> None:
    """The first visitor causes what a run of the job would have stored; the next ones cost nothing."""
    logos.world.bookmark(A)
    logos.world.at_google(A, 128)
    answers = [logos.get(f"domain={A}") for _ in range(3)]
    entry = logos.world.manifest[A]
    assert entry["cdnUrl"].startswith(f"{CDN}/{KEYS.logo(A, 'google', 'png')}?v=")
    assert "onDemand" not in entry
    assert logos.world.logo(A, "google") == picture("png", 128, 128, colour_of(A))
    for answer in answers:
        assert (answer.status, answer.headers["location"]) == (301, entry["cdnUrl"])
        assert answer.headers["cache-control"] == "public, max-age=3600"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert asked_for(logos, A) == 1
    assert logos.counted() == {"provider": 1, "memory": 2}


def test_the_next_run_of_the_job_keeps_it(logos: LogoSite) -> None:
    """A logo that was fetched for a visitor is no news for the job, stranger or not."""
    logos.world.bookmark(A)
    for domain in (A, B):
        logos.world.at_google(domain)
        assert logos.get(f"domain={domain}").status == 301
    before = logos.world.manifest
    report = logos.world.run()
    assert (report.processed, report.changed) == (1, 0)
    assert logos.world.asked == 0
    assert logos.world.manifest == before
    assert before[B]["onDemand"] is True


def test_a_strangers_domain_that_is_bookmarked_is_a_stranger_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run knows it: it holds none of the strangers' places any more."""
    with logo_site(tmp_path, monkeypatch, LOGO_ON_DEMAND_MAX=1) as logos:
        for domain in (A, B):
            logos.world.at_google(domain)
        logos.get(f"domain={A}")
        entry = logos.world.manifest[A]
        key = KEYS.logo_manifest()
        logos.world.store.put(key, encode_json({A: {**entry, "theirs": 7}}))
        logos.world.bookmark(A)
        report = logos.world.run()
        assert (report.processed, report.changed, logos.world.asked) == (1, 0, 0)
        del entry["onDemand"]
        assert logos.world.manifest == {A: {**entry, "theirs": 7}}
        logos.clock.advance(61)
        assert logos.get(f"domain={B}").status == 301
        assert logos.world.manifest[B]["onDemand"] is True


@pytest.mark.usefixtures("many_files")
def test_a_thousand_visitors_at_once_cause_one_fetch(logos: LogoSite) -> None:
    """However many ask for an unknown logo at the same time, each provider is asked for it once."""
    gate = threading.Event()
    logos.world.at_google(A)
    logos.world.google.inject(faults.held(gate), f"domain={A}&")

    async def visit(arrived: asyncio.Semaphore) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", logos.server.port)
        writer.write(f"GET /api/logo?domain={A} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await writer.drain()
        arrived.release()
        line = await reader.readline()
        writer.close()
        return line

    async def visit_all() -> list[bytes]:
        arrived = asyncio.Semaphore(0)
        visits = [asyncio.create_task(visit(arrived)) for _ in range(1000)]
        for _ in visits:
            await arrived.acquire()
        gate.set()
        return await asyncio.gather(*visits)

    lines = asyncio.run(visit_all())
    assert {line.split()[1] for line in lines} == {b"301"}
    assert asked_for(logos, A) == 1
    assert logos.world.ddg.log.count(A) == 0


def test_what_the_store_knows_asks_no_provider(logos: LogoSite) -> None:
    """The manifest is read once, and asked in memory; the providers are not asked at all."""
    logos.world.bookmark(A, B)
    logos.world.at_google(A)
    logos.world.at_google(B)
    logos.world.run()
    asked = logos.world.asked
    manifest = logos.world.manifest
    for domain in (A, B):
        assert logos.get(f"domain={domain}").headers["location"] == manifest[domain]["cdnUrl"]
    assert logos.world.asked == asked
    assert logos.counted() == {"store": 2}


def test_what_a_run_has_stored_since_is_seen(logos: LogoSite) -> None:
    """The manifest is read again when its ETag has changed, a minute later at the latest."""
    assert logos.get(f"domain={A}").status == 502  # no such site
    logos.world.bookmark(B)
    logos.world.at_google(B)
    logos.world.run()
    logos.clock.advance(61)
    asked = logos.world.asked
    assert logos.get(f"domain={B}").status == 301
    assert logos.world.asked == asked


def test_a_known_domain_without_logo_is_remembered_as_the_job_does(logos: LogoSite) -> None:
    """A 404 says which domain; it counts as one attempt of the stored negative cache."""
    logos.world.bookmark(A)
    answer = logos.get(f"website=https://www.{A}/about")
    assert (answer.status, answer.body) == (404, b"")
    assert answer.headers["x-logo-domain"] == A
    assert answer.headers["x-logo-error"] == "No logo found"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert logos.get(f"domain={A}").status == 404
    assert asked_for(logos, A) == 1
    logos.close()
    assert logos.world.negative[A]["attempts"] == 1
    assert logos.counted() == {"none": 1, "memory": 1}


def test_a_stranger_without_logo_is_not_stored(logos: LogoSite) -> None:
    """Strangers must not push known domains out of the negative cache, which has 5,000 places."""
    logos.world.sites.sites[B] = Site(B)
    assert logos.get(f"domain={B}").status == 404
    logos.close()
    assert logos.world.negative == {}


def test_the_negative_cache_is_believed(logos: LogoSite) -> None:
    """A domain that the job has asked for in vain six times is not asked for again."""
    now = round(logos.clock.now() * 1000)
    record = {"item": A, "attempts": 6, "lastAttempt": now, "permanentFailure": True, "reason": ""}
    logos.world.store.put(KEYS.logo_failed_domains(), encode_json({A: record}))
    logos.world.at_google(A)
    assert logos.get(f"domain={A}").status == 404
    assert asked_for(logos, A) == 0
    assert logos.get(f"domain={A}&forceRefresh=true", **bearer(SECRET)).status == 301
    assert logos.world.negative == {}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "website=",
        "domain=%20",
        f"domain={A}&website={A}",
        f"domain={A}&domain={B}",
        "domain=localhost",
        "domain=127.0.0.1",
        "website=http://169.254.169.254/latest",
        "website=http://[::1]/",
        "domain=router.lan",
        "domain=2130706433",
        "domain=0x7f000001.0",
        "domain=single",
        "domain=a..com",
        "domain=" + "a" * 64 + ".com",
        "domain=" + "a." * 200 + "com",
        "domain=" + "a" * 3000,
        "domain=a%00.com",
        "domain=a%0d%0aSet-Cookie:x.com",
        "domain=%e2%80%ae.com",
        "domain=%ff%fe",
        "website=javascript:alert(1)",
        "website=mailto:who@example.com",
        "company=%0a",
        "&".join(f"x{number}=1" for number in range(100)),
    ],
)
def test_bad_questions_are_refused(logos: LogoSite, query: str) -> None:
    """Whoever asks for nothing, for two things or for a private host is told so, and nobody is asked."""
    answer = logos.get(query)
    assert answer.status == 400
    assert list(answer.json) == ["error"]
    assert answer.json["error"].isprintable()
    assert logos.world.asked == 0
    assert not logos.world.proxy.connects


def test_company_names_are_looked_up_in_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old site's callers ask by company; case and spaces do not count, and only files are believed."""
    companies = [{"name": "Big Ideas, Inc.", "website": f"https://www.{A}/"}, {"name": "No Domain"}]
    (tmp_path / "investments.json").write_text(json.dumps({"list": companies}))
    files = f"{tmp_path}/investments.json,{tmp_path}/missing.json"
    with logo_site(tmp_path, monkeypatch, LOGO_DOMAIN_FILES=files) as logos:
        logos.world.at_google(A)
        assert logos.get("company=big%20ideas,inc.").status == 301
        assert "onDemand" not in logos.world.manifest[A]
        for unknown in ("No Domain", "bigideas", B):
            answer = logos.get(f"company={unknown.replace(' ', '+')}")
            assert (answer.status, answer.headers["x-logo-error"]) == (404, "Unknown company")


def test_a_wrong_secret_forces_nothing(logos: LogoSite) -> None:
    """Who could force without it would have the providers asked as often as they like."""
    assert logos.get(f"domain={A}&forceRefresh=true", **bearer("wrong")).status == 401
    assert logos.world.asked == 0


def test_a_browser_that_misses_a_logo_has_it_mended(logos: LogoSite) -> None:
    """The old site's pages ask so, without a secret, when a picture does not load; then they try it again."""
    logos.world.at_google(A, 128)
    first = logos.get(f"domain={A}")
    asked = logos.world.asked
    # While the picture is there, nobody is asked.
    again = logos.get(f"website=https://{A}/&forceRefresh=true")
    assert (again.status, again.headers["location"]) == (301, first.headers["location"])
    assert logos.world.asked == asked
    key = logos.world.manifest[A]["key"]
    logos.world.store.delete(key)
    logos.world.at_google(A, 64)  # smaller than what was there, and all there is now
    mended = logos.get(f"domain={A}&forceRefresh=true")
    assert mended.status == 301
    assert logos.world.manifest[A]["width"] == 64
    assert logos.world.store.get(key).body


def test_browsers_that_miss_a_logo_are_counted(logos: LogoSite) -> None:
    """Each look into the store counts as a fetch; beyond the limit the known address is the answer."""
    logos.world.at_google(A, 128)
    logos.get(f"domain={A}")
    for _ in range(40):
        assert logos.get(f"domain={A}&forceRefresh=true").status == 301
    logos.world.store.delete(logos.world.manifest[A]["key"])
    asked = logos.world.asked
    assert logos.get(f"domain={A}&forceRefresh=true").status == 301
    assert logos.world.asked == asked


def test_forcing_asks_again_and_keeps_the_better_logo(logos: LogoSite) -> None:
    """It goes past memory and store; a worse picture never replaces a stored one."""
    logos.world.at_google(A, 128)
    first = logos.get(f"domain={A}").headers["location"]
    logos.world.at_google(A, 256)
    larger = logos.get(f"domain={A}&forceRefresh=true", **bearer(SECRET)).headers["location"]
    assert larger != first
    assert logos.get(f"domain={A}").headers["location"] == larger
    logos.world.at_google(A, 32)
    kept = logos.get(f"domain={A}&forceRefresh=true", **bearer(SECRET))
    assert (kept.status, kept.headers["location"]) == (301, larger)
    assert logos.world.manifest[A]["width"] == 256


def test_a_provider_that_fails_is_no_missing_logo(logos: LogoSite) -> None:
    """A fault is told as one, remembered for seconds, and never counts as "no logo"."""
    logos.world.bookmark(A)
    logos.world.google.inject(faults.reply(500), times=None)
    logos.world.at_ddg(A, 32)
    answer = logos.get(f"domain={A}")
    assert answer.status in (502, 503)
    assert int(answer.headers["retry-after"]) <= 60
    assert answer.headers["cache-control"] == "no-store"
    asked = logos.world.google.log.count()
    assert logos.get(f"domain={A}").status == answer.status
    assert logos.world.google.log.count() == asked
    logos.close()
    assert logos.world.negative == {}


def test_a_stored_logo_outlives_a_failing_provider(logos: LogoSite) -> None:
    """A refresh in vain answers with what is stored, and says that it is not fresh."""
    logos.world.at_google(A)
    stored = logos.get(f"domain={A}").headers["location"]
    logos.world.google.inject(faults.reply(500), times=None)
    logos.world.ddg.inject(faults.reply(500), times=None)
    answer = logos.get(f"domain={A}&forceRefresh=true", **bearer(SECRET))
    assert (answer.status, answer.headers["location"]) == (301, stored)
    assert answer.headers["x-logo-error"] == "The logo could not be refreshed"
    assert answer.headers["cache-control"] == "no-store"


def test_misses_are_limited_hits_are_not(logos: LogoSite) -> None:
    """A client that asks for 31 unknown logos in a minute has to wait; known ones cost nobody anything."""
    logos.world.at_google(A)
    assert logos.get(f"domain={A}").status == 301
    unknown = [f"d{number}.example.com" for number in range(30)]
    logos.world.sites.sites.update({domain: Site(domain) for domain in (B, *unknown)})
    assert [logos.get(f"domain={domain}").status for domain in unknown] == [404] * 29 + [429]
    answer = logos.get(f"domain={B}")
    assert answer.json["code"] == "RATE_LIMITED"
    assert answer.json["retryAfter"] == int(answer.headers["retry-after"]) > 0
    assert {logos.get(f"domain={A}").status for _ in range(200)} == {301}
    logos.clock.advance(61)
    assert logos.get(f"domain={B}").status == 404


def test_all_clients_together_are_limited_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many addresses are cheap to have: 120 misses a minute are all that is fetched."""
    with logo_site(tmp_path, monkeypatch, DATAFETCH_TRUSTED_PROXIES="127.0.0.1") as logos:
        unknown = [f"d{number}.example.com" for number in range(121)]
        logos.world.sites.sites.update({domain: Site(domain) for domain in unknown})
        statuses = [
            logos.get(f"domain={domain}", x_forwarded_for=f"198.51.{number}.7").status
            for number, domain in enumerate(unknown)
        ]
        assert statuses == [404] * 120 + [429]


def test_a_picture_of_a_folder_is_sent_itself(folder_logos: LogoSite) -> None:
    """Without a CDN the server shows the picture: its type, an ETag, and nothing that could run."""
    folder_logos.world.at_google(A, 64, "svg")
    first = folder_logos.get(f"domain={A}")
    folder_logos.clock.advance(3601)
    for answer in (first, folder_logos.get(f"domain={A}"), folder_logos.get(f"domain={A}")):
        assert answer.status == 200
        assert answer.body == folder_logos.world.logo(A, "google", "svg")
        assert answer.headers["content-type"] == "image/svg+xml"
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert policy == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    again = folder_logos.get(f"domain={A}", if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    head = folder_logos.server.ask(f"/api/logo?domain={A}", "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == "image/svg+xml"


def test_a_large_picture_is_sent_bit_by_bit(folder_logos: LogoSite) -> None:
    """Many slow clients, each with a copy of all its bytes, would fill the memory."""
    body = bytes(range(256)) * 1000
    folder_logos.site.logos.cache.put(A, LogoPicture(body, "image/png", "v"), 60.0)
    sent: list[bytes] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))

    async def ask() -> None:
        scope: Scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/logo",
            "query_string": f"domain={A}".encode(),
            "headers": [],
            "client": ("127.0.0.1", 1),
        }
        await make_app(folder_logos.site)(scope, receive, send)

    asyncio.run(ask())
    assert b"".join(sent) == body
    assert max(map(len, sent)) <= 64 * 1024
    answer = folder_logos.get(f"domain={A}")
    assert (answer.body, answer.headers["content-length"]) == (body, str(len(body)))


def test_what_nobody_foresaw_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says why, and the providers are not asked for it by every visitor."""
    store = FaultyStore(LocalStore(tmp_path / "store"))

    def fail(call: Call) -> None:
        if call.key == KEYS.bookmarks():
            raise RuntimeError("unforeseen")

    with logo_site(tmp_path, monkeypatch, store) as logos:
        logos.world.at_google(A)
        store.before = fail
        answers = [logos.get(f"domain={A}") for _ in range(3)]
    assert {(answer.status, answer.headers["retry-after"]) for answer in answers} == {(500, "45")}
    assert asked_for(logos, A) == 1
    assert caplog.text.count("RuntimeError: unforeseen") == 1


def test_a_picture_that_is_gone_is_fetched_again(folder_logos: LogoSite) -> None:
    """The manifest may name a picture that somebody has removed."""
    folder_logos.world.at_google(A)
    assert folder_logos.get(f"domain={A}").status == 200
    folder_logos.world.store.delete(KEYS.logo(A, "google", "png"))
    folder_logos.clock.advance(3601)
    assert folder_logos.get(f"domain={A}").status == 200


def test_a_hanging_store_keeps_one_thread_for_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many ask for it, it is read once; who has waited for long enough is told to come back."""
    gate, hangs = threading.Event(), threading.Event()
    store = FaultyStore(LocalStore(tmp_path / "store"))

    def hang(call: Call) -> None:
        if call.method == "get" and call.key.endswith(".png"):
            hangs.set()
            assert gate.wait(SOON_S)

    with logo_site(tmp_path, monkeypatch, store, S3_CDN_URL=None) as logos:
        logos.world.at_google(A)
        body = logos.get(f"domain={A}").body
        logos.clock.advance(301)
        store.before = hang
        tiers = logos.site.logos
        with served_here(Starlette(routes=logo.routes(logos.site, longest_s=0.0))) as hasty:
            for _ in range(3):
                answer = hasty.get(f"/api/logo?domain={A}")
                assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert hangs.wait(SOON_S)
        reading = tiers.picture(A)
        gate.set()
        assert reading is not None
        reading.result(SOON_S)
        assert logos.get(f"domain={A}").body == body
        assert [key.endswith(".png") for key in store.keys("get")].count(True) == 1


def test_entries_of_the_old_site_are_served(logos: LogoSite) -> None:
    """What the old site has stored is known, and its URL stays as it is."""
    url = f"{CDN}/images/logos/a_old.png"
    entry = {"cdnUrl": url, "originalSource": "clearbit"}
    logos.world.store.put(KEYS.logo_manifest(), encode_json({A: entry}))
    assert logos.get(f"domain={A}").headers["location"] == url
    assert logos.world.asked == 0


@pytest.mark.parametrize(
    ("url", "location"),
    [
        (
            f"{CDN}/images/logos/a.png?v=\r\nSet-Cookie: x=1",
            f"{CDN}/images/logos/a.png?v=Set-Cookie:%20x=1",
        ),
        (f"{CDN}/images/logos/a.png?v=\u2603", f"{CDN}/images/logos/a.png?v=%E2%98%83"),
    ],
)
def test_a_manifest_cannot_write_headers(logos: LogoSite, url: str, location: str) -> None:
    """Whatever stands in an old entry, the address that is sent is one."""
    entry = {"cdnUrl": url, "originalSource": "clearbit"}
    logos.world.store.put(KEYS.logo_manifest(), encode_json({A: entry}))
    answer = logos.get(f"domain={A}")
    assert (answer.status, answer.headers["location"]) == (301, location)
    assert "set-cookie" not in answer.headers


def test_a_manifest_cannot_open_other_objects(folder_logos: LogoSite) -> None:
    """An entry that names state of datafetch shows it to nobody."""
    folder_logos.world.at_google(A)
    assert folder_logos.get(f"domain={A}").status == 200
    secret = "json/datafetch/secret.json"
    folder_logos.world.store.put(secret, b"hidden")
    entry = folder_logos.world.manifest[A]
    stored = encode_json({B: {**entry, "key": secret}})
    folder_logos.world.store.put(KEYS.logo_manifest(), stored)
    folder_logos.clock.advance(61)
    folder_logos.world.sites.sites[B] = Site(B)
    answer = folder_logos.get(f"domain={B}")
    assert answer.status == 404
    assert answer.body == b""


@pytest.mark.parametrize(
    "broken", [b"", b"{", b"[]", b'{"a.example.com": 7}', b"\xff\xfe", b'{"x":' + b"[" * 5000]
)
def test_a_broken_manifest_stops_nobody(logos: LogoSite, broken: bytes) -> None:
    """It is kept aside when the next logo is stored; until then logos are fetched."""
    logos.world.store.put(KEYS.logo_manifest(), broken)
    logos.world.at_google(A)
    assert logos.get(f"domain={A}").status == 301
    assert set(logos.world.manifest) == {A}


def test_while_the_job_runs_logos_come_from_memory(logos: LogoSite) -> None:
    """A run of the job has the lock: the picture is sent at once, and merged when the run has ended."""
    logos.world.at_google(A)
    with logos.logo_job_running():
        answer = logos.get(f"domain={A}")
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
        assert answer.body == picture("png", 128, 128, colour_of(A))
        logos.clock.await_wait()
        logos.world.at_google(B)
        assert logos.get(f"domain={B}").status == 200
        assert not logos.world.pictures
        logos.clock.try_again()
        logos.clock.await_wait()
    logos.clock.try_again()
    _await_stored(logos, A, B)
    for domain in (A, B):
        assert logos.get(f"domain={domain}").headers["location"].startswith(f"{CDN}/images/logos/")
    assert (asked_for(logos, A), asked_for(logos, B)) == (1, 1)


def _await_stored(logos: LogoSite, *domains: str) -> None:
    """Ask again and again, until nothing of these waits to be stored."""
    for domain in domains:
        assert any(logos.get(f"domain={domain}").status == 301 for _ in range(10_000))
    assert set(domains) <= set(logos.world.manifest)


def test_what_waits_is_stored_when_the_server_stops(logos: LogoSite) -> None:
    """A stop tries once more to store what was found."""
    logos.world.at_google(A)
    with logos.logo_job_running():
        assert logos.get(f"domain={A}").status == 200
        logos.clock.await_wait()
    logos.close()
    assert set(logos.world.manifest) == {A}


def test_strangers_are_stored_up_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond it a stranger's logo is sent from memory; the count outlives the server."""
    strangers = [f"s{number}.example.com" for number in range(4)]

    def ask(logos: LogoSite) -> list[int]:
        for domain in (A, *strangers):
            logos.world.at_google(domain)
        return [logos.get(f"domain={domain}").status for domain in strangers]

    with logo_site(tmp_path, monkeypatch, LOGO_ON_DEMAND_MAX="2") as logos:
        assert ask(logos) == [301, 301, 200, 200]
        assert ask(logos) == [301, 301, 200, 200]
        assert set(logos.world.manifest) == set(strangers[:2])
        assert len(logos.world.pictures) == 2
    with logo_site(tmp_path, monkeypatch, LOGO_ON_DEMAND_MAX="2") as logos:
        assert ask(logos) == [301, 301, 200, 200]
        logos.world.bookmark(A)
        logos.clock.advance(61)
        assert logos.get(f"domain={A}").status == 301


def test_an_old_logo_of_a_stranger_is_refreshed_for_the_next_one(logos: LogoSite) -> None:
    """The job does not look after it; who asks is not kept waiting for it."""
    logos.world.at_google(A)
    assert logos.get(f"domain={A}").status == 301
    before = logos.world.manifest[A]["fetchedAt"]
    logos.clock.advance(31 * 86_400)
    assert logos.get(f"domain={A}").status == 301
    logos.world.google.log.wait_for(2, f"domain={A}&")
    fetch = logos.site.logos.flights.joined(A)
    if fetch is not None:
        fetch.result(SOON_S)
    assert logos.world.manifest[A]["fetchedAt"] > before


def test_a_hanging_provider_does_not_keep_the_others(logos: LogoSite) -> None:
    """While one fetch hangs, others are made, and known logos are sent."""
    gate = threading.Event()
    logos.world.google.inject(faults.held(gate), f"domain={A}&")
    logos.world.at_google(A)
    logos.world.at_google(B)
    hanging = threading.Thread(target=logos.get, args=[f"domain={A}"])
    hanging.start()
    logos.world.google.log.wait_for(1, f"domain={A}&")
    assert logos.get(f"domain={B}").status == 301
    gate.set()
    hanging.join(SOON_S)


def test_a_slow_fetch_goes_on_without_its_visitor(logos: LogoSite) -> None:
    """Who has waited for long enough is told to come back; the logo is there then."""
    gate = threading.Event()
    logos.world.at_google(A)
    logos.world.google.inject(faults.held(gate), f"domain={A}&")
    with served_here(Starlette(routes=logo.routes(logos.site, longest_s=0.0))) as hasty:
        answer = hasty.get(f"/api/logo?domain={A}")
        assert (answer.status, answer.headers["retry-after"]) == (504, "5")
        fetch = logos.site.logos.flights.joined(A)
        gate.set()
        assert fetch is not None
        fetch.result(SOON_S)
        assert hasty.get(f"/api/logo?domain={A}").status == 301
    assert asked_for(logos, A) == 1


def test_too_many_fetches_at_once_are_refused(logos: LogoSite) -> None:
    """Forced ones are not counted for each client, so the places for those that wait are their limit."""
    gate = threading.Event()
    logos.world.google.inject(faults.held(gate), times=None)
    domains = [f"d{number}.example.com" for number in range(72)]
    for domain in domains:
        assert logos.site.logos.fetched(domain, forced=True) is not None
    answer = logos.get(f"domain={A}&forceRefresh=true", **bearer(SECRET))
    assert (answer.status, answer.json["code"]) == (503, "BUSY")
    assert answer.headers["retry-after"] == "5"
    gate.set()


def test_a_hanging_store_keeps_nobody_from_a_known_logo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store is asked whether something has changed, what was known is answered."""
    gate = threading.Event()
    store = FaultyStore(LocalStore(tmp_path / "store"))

    def hang(call: Call) -> None:
        if call == Call("head", KEYS.logo_manifest()):
            assert gate.wait(SOON_S)

    with logo_site(tmp_path, monkeypatch, store) as logos:
        logos.world.at_google(A)
        location = logos.get(f"domain={A}").headers["location"]
        logos.clock.advance(301)
        store.before = hang
        for _ in range(50):
            assert logos.get(f"domain={A}").headers["location"] == location
        gate.set()


def test_a_logo_of_the_job_that_came_first_is_the_one_that_is_sent(folder_logos: LogoSite) -> None:
    """A better one that was stored during the search stays, and visitors get it at once."""
    gate = threading.Event()
    world = folder_logos.world
    world.at_google(A, 64)
    world.google.inject(faults.held(gate), f"domain={A}&")
    fetch = folder_logos.site.logos.fetched(A)
    world.google.log.wait_for(1, f"domain={A}&")
    world.at_ddg(A, 256)
    body = picture("png", 256, 256, colour_of(A))
    key = KEYS.logo(A, "duckduckgo", "png")
    world.store.put(key, body, content_type="image/png")
    entry = {
        "cdnUrl": f"/{key}",
        "key": key,
        "originalSource": "duckduckgo",
        "contentType": "image/png",
        "bytes": len(body),
        "width": 256,
        "height": 256,
        "sha256": hashlib.sha256(body).hexdigest(),
        "fetchedAt": 1,
    }
    world.store.put(KEYS.logo_manifest(), encode_json({A: entry}))
    gate.set()
    assert fetch is not None
    fetch.result(SOON_S)
    assert folder_logos.get(f"domain={A}").body == body


def test_generic_pictures_are_no_logos(logos: LogoSite) -> None:
    """The globe that a service sends for unknown domains, with 200, is none on demand either."""
    logos.world.google.none_status = logos.world.ddg.none_status = 200
    logos.world.sites.sites[A] = Site(A)
    assert logos.get(f"domain={A}").status == 404


def test_the_sites_own_icon_counts(logos: LogoSite) -> None:
    """The same providers, in the same order, by the same rules as in the job."""
    logos.world.at_site(A, touch=Icon(180))
    assert "_direct_" in logos.get(f"domain={A}").headers["location"]
