"""Requests, answers and their faults, over real sockets."""

import threading
from collections.abc import Iterator
from http.client import HTTPConnection

import httpx2
import pytest

from tests.fakes import faults
from tests.fakes.base import Action, App, FakeServer, Request, Response


class Echo(App):
    """Says what it was asked."""

    def answer(self, request: Request) -> Response:
        told = [request.method, request.target, request.body.decode()]
        return Response.json(told, headers={"X-Told": request.headers.get("x-tell", "")})


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """The echo on a port."""
    with Echo().served() as server:
        yield server


@pytest.fixture
def http(server: FakeServer) -> Iterator[httpx2.Client]:
    """A client of it."""
    with httpx2.Client(base_url=server.url, trust_env=False, timeout=10) as client:
        yield client


def test_requests_arrive_whole(server: FakeServer, http: httpx2.Client) -> None:
    """Method, path, query, headers and bodies (also chunked ones) are what was sent, and are logged."""
    first = http.post("/a%20b?x=1&x=2", content="größe", headers={"X-Tell": "it"})
    second = http.put("/c", content=iter([b"one ", b"two"]))
    assert (first.json(), first.headers["x-told"]) == (["POST", "/a b?x=1&x=2", "größe"], "it")
    assert second.json() == ["PUT", "/c", "one two"]
    logged = server.app.log.all()
    assert [(one.path, one.params, one.hostname) for one in logged] == [
        ("/a b", {"x": "2"}, "127.0.0.1"),
        ("/c", {}, "127.0.0.1"),
    ]


def test_connections_are_kept(server: FakeServer) -> None:
    """Many requests use one connection; HEAD has a length and no body."""
    client = HTTPConnection("127.0.0.1", server.port, timeout=10)
    for method in ("GET", "HEAD", "GET"):
        client.request(method, "/x")
        answer = client.getresponse()
        assert answer.status == 200
        assert bool(answer.read()) == (method == "GET")
        assert int(answer.headers["Content-Length"]) > 0
        assert server.open_connections == 1
    client.close()


def test_a_client_that_expects_100_is_told_to_go_on(server: FakeServer) -> None:
    """S3 clients wait for it before they send a body."""
    client = HTTPConnection("127.0.0.1", server.port, timeout=10)
    client.putrequest("PUT", "/x")
    client.putheader("Expect", "100-continue")
    client.putheader("Content-Length", "4")
    client.endheaders()
    assert client.sock.recv(64).startswith(b"HTTP/1.1 100 ")
    client.send(b"body")
    assert b'"body"' in client.getresponse().read()
    client.close()


def test_rules_act_on_what_they_match_and_pass(server: FakeServer, http: httpx2.Client) -> None:
    """A rule skips `after`, acts `times`, and leaves other requests alone; healing drops it."""
    rule = server.app.inject(faults.reply(503, "no", {"Retry-After": "1"}), "/b", times=2, after=1)
    server.app.inject(faults.redirect("/b"), lambda request: request.params.get("go") == "1")
    assert [http.get(path).status_code for path in ("/a", "/b", "/b", "/a", "/b", "/b")] == [
        200, 200, 503, 200, 503, 200,
    ]  # fmt: skip
    assert (rule.hits, http.get("/a?go=1").headers["location"]) == (2, "/b")
    server.app.heal()
    assert http.get("/a?go=1").status_code == 200


@pytest.mark.parametrize(
    "action",
    [
        faults.dropped(),
        faults.dropped("close"),
        faults.answer_lost(),
        faults.cut(5),
        faults.cut(5, "reset"),
        faults.lying_length(10_000),
    ],
    ids=["reset", "closed", "answer-lost", "cut-short", "reset-half-way", "length-too-large"],
)
def test_broken_answers_are_seen_as_broken(
    server: FakeServer, http: httpx2.Client, action: Action
) -> None:
    """A client notices each of them, and the next request is answered properly."""
    server.app.inject(action, times=1)
    with pytest.raises(httpx2.TransportError):
        http.get("/x")
    assert http.get("/x").status_code == 200


def test_held_answers_wait_for_the_event(server: FakeServer, http: httpx2.Client) -> None:
    """Nothing comes before the gate opens, and everything after."""
    gate = threading.Event()
    server.app.inject(faults.held(gate), times=1)
    found: list[int] = []
    asker = threading.Thread(target=lambda: found.append(http.get("/x").status_code))
    asker.start()
    server.app.log.wait_for(1)
    assert found == []
    gate.set()
    asker.join(10)
    assert found == [200]


def test_abandoned_requests_are_noticed(server: FakeServer, http: httpx2.Client) -> None:
    """A test can tell that a client closed its connection instead of waiting on."""
    server.app.inject(faults.held(threading.Event()), "/held")
    server.app.inject(faults.endless(), "/endless")
    with pytest.raises(httpx2.ReadTimeout):
        http.get("/held", timeout=0.05)
    with http.stream("GET", "/endless") as answer:
        assert len(next(answer.iter_raw())) > 0
    for request in server.app.log.all():
        assert request.abandoned.wait(10), request.path


def test_dripping_gives_a_piece_for_each_release(server: FakeServer, http: httpx2.Client) -> None:
    """The body comes as slowly as the test lets it, with its true length."""
    drops = threading.Semaphore(0)
    server.app.inject(faults.dripping(drops, size=4))
    with http.stream("GET", "/x") as answer:
        pieces = answer.iter_raw()
        drops.release()
        assert next(pieces) == b'["GE'
        drops.release(100)
        assert b"".join(pieces).endswith(b"]")


def test_large_bodies_are_made_while_they_are_sent(server: FakeServer, http: httpx2.Client) -> None:
    """Hundreds of megabytes cost the fake no memory and have a true length."""
    server.app.inject(faults.large(300 * 2**20))
    with http.stream("GET", "/x") as answer:
        assert int(answer.headers["content-length"]) == 300 * 2**20


def test_stopping_ends_open_connections() -> None:
    """No thread and no socket is left behind, even while an answer is held back."""
    before = threading.active_count()
    ended: list[type[Exception]] = []
    with Echo().served() as server, httpx2.Client(base_url=server.url, trust_env=False) as client:

        def ask() -> None:
            try:
                client.get("/held")
            except httpx2.TransportError as error:
                ended.append(type(error))

        server.app.inject(faults.held(threading.Event()))
        waiting = threading.Thread(target=ask)
        waiting.start()
        server.app.log.wait_for(1)
        server.stop()
        waiting.join(10)
    assert len(ended) == 1
    assert threading.active_count() == before
