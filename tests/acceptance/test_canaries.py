"""No secret of the settings is written or sent anywhere but to its own server, whatever command runs.

Each secret is a canary. All commands run as processes, against servers that work and against servers
that repeat what they were sent in every answer, and every byte that comes out is searched.
"""

import base64
import json
import socketserver
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import typer.main

from datafetch.cli.app import app as typer_app
from datafetch.settings import SECRET_NAMES
from tests.fakes.base import App
from tests.fakes.karakeep import LIST_ID
from tests.fakes.message import Request, Response
from tests.fakes.monitors import ListenerApp
from tests.fakes.s3 import S3Fake
from tests.fakes.world import World
from tests.processes import Finished, datafetch
from tests.web.support import Answer, bearer, served

CANARIES = {
    "S3_ACCESS_KEY_ID": "c4naryS3id00",
    "S3_SECRET_ACCESS_KEY": "c4narys3+key/01=",
    "S3_SESSION_TOKEN": "c4narys3/tok+02=",
    "BOOKMARK_BEARER_TOKEN": "c4naryBmk/tok+03",
    "BOOKMARKS_HEADERS": "c4naryHead~pass+04",
    "GITHUB_ACCESS_TOKEN_COMMIT_GRAPH": "c4naryGh+tok/05",
    "GITHUB_API_TOKEN": "c4naryGhB+tok/06",
    "GITHUB_TOKEN": "c4naryGhC+tok/07",
    "BOOKMARK_CRON_REFRESH_SECRET": "c4naryCron+one/08",
    "GITHUB_CRON_REFRESH_SECRET": "c4naryCronG+one/09",
    "DATAFETCH_PING_URL": "c4naryPing10",
    "DATAFETCH_NOTIFY": "c4naryChat11",
    "DATAFETCH_CHANGE_URL": "c4naryHook12",
    "DATAFETCH_CHANGE_SECRET": "c4narySign+key/13",
    "DATAFETCH_PUSHGATEWAY": "c4naryPush14",
    "GITHUB_REFRESH_SECRET": "c4naryDoor+one/16",
    "DATAFETCH_METRICS_TOKEN": "c4naryLook+one/17",
}
"""A value for each secret; those in URLs are a part of their path, or the password."""

STANDARD = {
    "AWS_ACCESS_KEY_ID": "c4naryAid20xyz",
    "AWS_SECRET_ACCESS_KEY": "c4naryAsec+21/xyz",
    "AWS_SESSION_TOKEN": "c4naryAtok/22+xyz",
    "HTTPS_PROXY": "c4naryProxy+23",
    "DATAFETCH_LOCK": "c4naryRedis+24",
}
"""Those that libraries read from the environment, and the passwords in other settings."""

ALL = CANARIES | STANDARD

SECOND = "c4naryCron+two/15"
"""The second one of the cron secrets, which nobody is ever sent."""

ARGUMENTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    **dict.fromkeys(("bookmarks", "github", "logos", "refresh-opengraph"), ((),)),
    "update": (("--force",),),
    "prefetch-build": (("--full",),),
    "prefetch-dev": ((),),
    "schedule": ((), ("--crontab",), ("--systemd",), ("--kubernetes",)),
    "run-due": ((),),
    "pause": (("logos", "--for", "1h"),),
    "resume": (("logos",),),
    "status": ((), ("--json",)),
    "history": ((), ("--json",)),
    "dead-letters": (("list",), ("list", "--json"), ("retry", "--all"), ("drop", "--all")),
    "doctor": ((), ("--json",)),
    "serve": (),  # see `ask_server`
    "worker": ((),),
    "guide": (("monitoring",),),
    "help": ((),),
}
"""How each command is called."""

ASKING = ("update", "prefetch-build", "run-due", "status", "history", "dead-letters", "doctor")
"""Those that ask servers, each in its own way, and those that show what was stored of it."""

QUICK = {
    "DATAFETCH_RETRY_MAX_SECONDS": "0",
    "OG_MAX_RETRIES": "0",
    "LOGO_BATCH_DELAY_MS": "0",
    "GITHUB_STATS_PENDING_DELAY_MS": "1",
    "GITHUB_STATS_PENDING_MAX_ATTEMPTS": "1",
}


class Parrot(App):
    """Refuses everything, and repeats what it was sent: plain, for URLs, in Base64 and as words."""

    def answer(self, request: Request) -> Response:
        said = [request.url, *(f"{name}: {value}" for name, value in request.headers.items())]
        logins = [value[6:] for value in request.headers.values() if value.startswith("Basic ")]
        said += [base64.b64decode(login).decode() for login in logins]
        words = [word for line in said for word in line.replace(":", " ").split()] + logins
        words.sort(key=lambda word: word not in logins and "c4nary" not in word)
        encoded = [base64.b64encode(word.encode()).decode() for word in words]
        texts = [*map(quote, words), *said, *reversed(encoded)]
        if request.path.startswith("/bucket"):
            code = "".join(f"<K>{quote(text)} {_xml(text)}</K>" for text in texts)
            body = f"<Error><Code>AccessDenied</Code><Message>{_xml(' '.join(texts))}</Message>{code}</Error>"
            return Response(403, {"Content-Type": "application/xml"}, body.encode())
        if self.log.count() % 2:  # what is repeated first is what is told, since words are cut
            texts.reverse()
        message = " ".join(texts)
        body = json.dumps({"message": message, "error": message, "code": message[:40]})
        return Response(401, {"Content-Type": "application/json"}, body.encode())


class _RedisParrot(socketserver.StreamRequestHandler):
    """Refuses each command, and repeats it (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            words = []
            for _ in range(int(line[1:])):
                size = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(size + 2)[:size])
            said = b" ".join(b" ".join(words).split())
            self.wfile.write(b"-ERR you said " + said[:400] + b"\r\n")


@contextmanager
def redis_parrot() -> Iterator[str]:
    """Serve as a Redis that repeats what it is sent; its host and port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _RedisParrot) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def forms(secret: str) -> Iterator[bytes]:
    """How a secret may stand in a text: as it is, in a URL, in JSON, in Base64 at each alignment."""
    yield from (secret.encode(), quote(secret, safe="").encode(), quote(secret).encode())
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + secret.encode())
        whole = len(encoded) - len(encoded) % 4
        # The first and last letters depend on what stands around.
        inner = encoded[(before * 8 + 5) // 6 if before else 0 : whole - 4]
        yield from (inner, inner.replace(b"+", b"-").replace(b"/", b"_"))


def found_in(text: bytes, names: tuple[str, ...] = tuple(ALL)) -> list[str]:
    """The secrets that stand in a text."""
    values = {name: ALL[name] for name in names}
    return [name for name, secret in values.items() if any(form in text for form in forms(secret))]


class Place:
    """The servers of a run, each with the secrets that belong to it, and the command's settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, str] = {}
        self.owners: list[tuple[App, tuple[str, ...]]] = []
        self.outputs: list[tuple[str, bytes]] = []

    def run(self, *arguments: str, log_format: str, **more: str) -> Finished:
        """Run a command, with more settings; what it wrote is kept."""
        log = f"{len(self.outputs)}.log"
        options = ("-v", "--log-format", log_format, "--log-file", log)
        done = datafetch(*arguments, *options, cwd=self.folder, **self.settings | more)
        command = " ".join(arguments)
        self.outputs += [(f"stdout of {command}", done.out.encode())]
        self.outputs += [(f"stderr of {command}", done.err.encode())]
        return done

    def leaks(self) -> list[str]:
        """Each secret that stands where it does not belong, and where that is."""
        texts = list(self.outputs)
        texts += [
            (str(path.relative_to(self.folder)), str(path).encode() + path.read_bytes())
            for path in self.folder.rglob("*")
            if path.is_file()
        ]
        leaks = [f"{name} in {where}" for where, text in texts for name in found_in(text)]
        leaks += [f"the second in {where}" for where, text in texts if SECOND.encode() in text]
        for app, own in self.owners:
            others = tuple(set(ALL) - set(own))
            for request in app.log.all():
                sent = repr((request.url, sorted(request.headers.items()))).encode()
                whole = sent + request.body
                leaks += [
                    f"{name} sent to {request.url.partition('?')[0]}"
                    for name in found_in(whole, others)
                ]
                if any(form in whole for form in forms(SECOND)):
                    leaks.append(f"the second secret sent to {request.host}")
        return sorted(set(leaks))


OF_S3 = ("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_SESSION_TOKEN")
OF_KARAKEEP = ("BOOKMARK_BEARER_TOKEN", "BOOKMARKS_HEADERS")
OF_GITHUB = ("GITHUB_ACCESS_TOKEN_COMMIT_GRAPH",)


def told(stack: ExitStack, place: Place, make: type[App]) -> None:
    """Servers for those who are told of runs, and the settings that lead to them."""
    urls = {}
    for name, own in {
        "ping": ("DATAFETCH_PING_URL",),
        "chat": ("DATAFETCH_NOTIFY",),
        "hook": ("DATAFETCH_CHANGE_URL",),
        "push": ("DATAFETCH_PUSHGATEWAY",),
        "site": ("BOOKMARK_CRON_REFRESH_SECRET", "GITHUB_CRON_REFRESH_SECRET"),
    }.items():
        app = make()
        urls[name] = stack.enter_context(app.served()).url.removeprefix("http://")
        place.owners.append((app, own))
    secrets = CANARIES
    place.settings |= {
        "DATAFETCH_PING_URL": f"http://{urls['ping']}/{secrets['DATAFETCH_PING_URL']}/{{job}}",
        "DATAFETCH_NOTIFY": f"json://{urls['chat']}/{secrets['DATAFETCH_NOTIFY']}",
        "DATAFETCH_CHANGE_URL": f"http://{urls['hook']}/x?key={secrets['DATAFETCH_CHANGE_URL']}",
        "DATAFETCH_CHANGE_SECRET": secrets["DATAFETCH_CHANGE_SECRET"],
        "DATAFETCH_PUSHGATEWAY": f"http://me:{secrets['DATAFETCH_PUSHGATEWAY']}@{urls['push']}",
        "DATAFETCH_METRICS_FILE": "./metrics.prom",
        "API_BASE_URL": f"http://{urls['site']}",
        "BOOKMARK_CRON_REFRESH_SECRET": f"{secrets['BOOKMARK_CRON_REFRESH_SECRET']},{SECOND}",
        "GITHUB_CRON_REFRESH_SECRET": secrets["GITHUB_CRON_REFRESH_SECRET"],
    }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder, with the settings that are the same everywhere."""
    made = Place(tmp_path)
    plain = {*OF_S3, "BOOKMARK_BEARER_TOKEN"} | {name for name in CANARIES if "GITHUB" in name}
    made.settings = QUICK | {name: CANARIES[name] for name in plain}
    made.settings |= {
        "BOOKMARKS_HEADERS": f"X-Pass: {CANARIES['BOOKMARKS_HEADERS']}",
        "BOOKMARKS_LIST_ID": LIST_ID,
        "GITHUB_REPO_OWNER": "octo",
        "DATAFETCH_ENV": "test",
    }
    return made


def commands() -> list[str]:
    """The names of all commands, as the program has them."""
    group = typer.main.get_command(typer_app)
    return list(group.commands)  # type: ignore[attr-defined]


def test_each_secret_and_each_command_is_tried() -> None:
    """A secret or a command that is added tomorrow is one of those below."""
    assert set(CANARIES) == SECRET_NAMES
    assert set(commands()) <= set(ARGUMENTS)


def test_a_secret_is_found_in_each_form() -> None:
    """The search itself can fail: as it is, in a URL, and in Base64 wherever it begins."""
    for name, secret in ALL.items():
        for before in ("", "a", "ab", "me:", "abcd"):
            text = f"{before}{secret}zz".encode()
            assert name in found_in(b"=" + base64.b64encode(text) + b" ")
            assert name in found_in(text)
        assert name in found_in(quote(secret, safe="").encode())
    assert found_in(b"nothing of the kind") == []


def run_all(place: Place, log_format: str, names: Sequence[str] = ()) -> None:
    """Run each command, or those of these names, in each of its ways."""
    for name in names or commands():
        for arguments in ARGUMENTS[name]:
            done = place.run(name, *arguments, log_format=log_format)
            assert "Traceback (most recent call last)" not in done.out


def ask_server(place: Place) -> None:
    """Ask `serve` for everything, with each secret where it belongs and where it does not."""
    with served(place.folder, **place.settings) as server:
        for secret in CANARIES.values():
            headers = {
                **bearer(secret),
                "x-refresh-secret": secret,
                "cookie": f"datafetch={secret}; __Host-datafetch={secret}",
                "x-forwarded-for": secret,
                "content-type": "application/x-www-form-urlencoded",
            }
            form = f"secret={quote(secret, safe='')}&id={quote(secret, safe='')}".encode()
            for path in (*SHOWN, f"/{quote(secret)}", "/api/logo?domain=site0.example"):
                answer = server.get(f"{path}{'&' if '?' in path else '?'}token={quote(secret)}")
                place.outputs.append((f"GET {path.partition('?')[0]}", whole(answer)))
                place.outputs.append((f"GET {path}", whole(server.ask(path, headers=headers))))
            for path in (*REFRESHED, "/login", "/logout", "/dead-letters/retry"):
                answer = server.ask(path, "POST", form, headers)
                place.outputs.append((f"POST {path}", whole(answer)))
        server.end()
        server.await_event("serve_stopped")
        place.outputs.append(("the log of serve", json.dumps(server.seen).encode()))


SHOWN = ("/", "/api/status", "/metrics", "/healthz", "/readyz", "/api/bookmarks/refresh")
REFRESHED = tuple(
    f"/api/{name}/refresh" for name in ("bookmarks", "github-activity", "logos", "opengraph")
)


def whole(answer: Answer) -> bytes:
    """An answer's headers and body; a path that was asked for may come back, and does not."""
    return repr(sorted(answer.headers.items())).encode() + answer.body


@pytest.mark.timeout(300)  # some thirty processes, one after the other
def test_servers_that_work(place: Place, s3_fake: S3Fake) -> None:
    """Jobs that succeed, builds, and looks at them: nothing is stored, printed or sent elsewhere."""
    with World(bookmarks=6, domains=3, repositories=2) as world, ExitStack() as stack:
        world.karakeep.token = CANARIES["BOOKMARK_BEARER_TOKEN"]
        world.github.token = CANARIES["GITHUB_ACCESS_TOKEN_COMMIT_GRAPH"]
        told(stack, place, ListenerApp)
        place.settings = s3_fake.environment | world.environment() | place.settings
        place.settings["GITHUB_REPO_OWNER"] = world.github.activity.login
        place.owners += [
            (world.karakeep, OF_KARAKEEP),
            (world.github, OF_GITHUB),
            (world.sites, ()),
            (world.google, ()),
            (world.duckduckgo, ()),
        ]
        run_all(place, "json")
        work = ("update", "opengraph", "github", "logos", "--force")
        assert place.run(*work, log_format="json", DATAFETCH_CLUSTER="local[1]").code == 0
        ask_server(place)
        for key in s3_fake.keys():  # noqa: SIM118 - no mapping
            stored = s3_fake.get(key)
            assert stored is not None
            place.outputs.append((f"the object {key}", key.encode() + stored.body))
    assert place.leaks() == []
    assert (place.folder / "metrics.prom").read_text().count("datafetch_dead_letters{") == 4
    asked = {id(app): app.log.count() for app, _ in place.owners}
    assert sum(count > 0 for count in asked.values()) >= 8, "not everybody was asked"


@pytest.mark.timeout(300)  # some thirty processes, one after the other
@pytest.mark.parametrize(("store", "log_format"), [("folder", "console"), ("bucket", "json")])
def test_servers_that_repeat_what_they_are_sent(place: Place, store: str, log_format: str) -> None:
    """An upstream's error went into the log, the dead letters, the history, a message and a ping."""
    with ExitStack() as stack:
        told(stack, place, Parrot)
        for setting, path, own in (
            ("BOOKMARKS_API_URL", "", OF_KARAKEEP),
            ("GITHUB_API_URL", "/api/v3", OF_GITHUB),
            ("S3_SERVER_URL", "", OF_S3),
        ):
            app = Parrot()
            place.settings[setting] = stack.enter_context(app.served()).url + path
            place.owners.append((app, own))
        place.settings |= (
            {"S3_BUCKET": "bucket"} if store == "bucket" else {"DATAFETCH_STORE": "file:./store"}
        )
        run_all(place, log_format)
        if log_format == "json":
            ask_server(place)
    assert place.leaks() == []


def test_secrets_that_libraries_read(place: Place) -> None:
    """A bucket and a Redis refuse, and repeat the keys and the password that no setting of ours holds."""
    for name in OF_S3:
        del place.settings[name]
    with ExitStack() as stack:
        told(stack, place, Parrot)
        bucket = Parrot()
        place.owners.append((bucket, ("AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN")))
        password = quote(STANDARD["DATAFETCH_LOCK"], safe="")
        place.settings |= {name: text for name, text in STANDARD.items() if "AWS" in name}
        place.settings |= {
            "S3_BUCKET": "bucket",
            "S3_SERVER_URL": stack.enter_context(bucket.served()).url,
            "BOOKMARKS_API_URL": "http://127.0.0.1:1",
            "GITHUB_API_URL": "http://127.0.0.1:1",
            "DATAFETCH_LOCK": f"redis://me:{password}@{stack.enter_context(redis_parrot())}/0",
        }
        run_all(place, "json", ASKING)
    assert place.leaks() == []
    assert bucket.log.count() > 0
    assert any(b"you said" in text for _, text in place.outputs), "the lock was not asked"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_password_of_a_proxy(place: Place, scheme: str) -> None:
    """It refuses, and repeats what it was sent, in place of the server behind it."""
    with ExitStack() as stack:
        told(stack, place, Parrot)
        proxy = Parrot()
        at = stack.enter_context(proxy.served()).url.removeprefix("http://")
        # Base64 of `joe:` and the password does not hold that of the password alone.
        at = f"http://joe:{quote(STANDARD['HTTPS_PROXY'], safe='')}@{at}"
        own = OF_KARAKEEP + OF_GITHUB if scheme == "http" else ()
        place.owners.append((proxy, ("HTTPS_PROXY", *own)))
        place.settings |= {
            "DATAFETCH_STORE": "file:./store",
            "BOOKMARKS_API_URL": f"{scheme}://books.example",
            "GITHUB_API_URL": f"{scheme}://github.example/api/v3",
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), at),
            "NO_PROXY": "127.0.0.1",
        }
        run_all(place, "json", ASKING)
    assert place.leaks() == []
    assert proxy.log.count() > 0
