"""Words of others on a terminal and in a log: shown, never obeyed, and no line of theirs looks like ours."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes.base import App
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp, link
from tests.fakes.message import Request, Response
from tests.processes import datafetch
from tests.terminals import in_a_terminal

EVIL = (
    "sorry\x9b2J\x9d0;title\x9c \u202egnp.exe\u202c \u2066x\u2069 \u200f \u061c \u00ad\ufeff\u200b"
    " \U000e0041\U000e0101 \u3164 \x85forged line\u2028forged line\u2029forged line"
)
"""C1 commands, turned and hidden text, and all ends of lines beyond ASCII; XML and JSON can hold it."""

WORSE = (
    EVIL + "\x1b[2J\x1b]0;title\x07\x7f\r\nforged line\nforged line\x0bforged line\x1cforged line"
)
"""The same with C0 and DEL."""


class Evil(App):
    """Every upstream at once: whatever it is asked, its answer is made of such words."""

    def answer(self, request: Request) -> Response:
        """An S3 error, a refusal of GitHub, a redirect or a page, by the path."""
        path = request.path
        if path.startswith("/bucket"):
            body = f"<Error><Code>{EVIL}</Code><Message>{EVIL}</Message></Error>"
            return Response(403, {"Content-Type": "application/xml"}, body.encode())
        if path.startswith("/github"):
            body = json.dumps({"message": WORSE, "errors": [{"type": WORSE, "message": WORSE}]})
            return Response(403, {"Content-Type": "application/json"}, body.encode())
        if path.startswith("/moved"):
            return Response(302, {"Location": f"http://10.0.0.1/{in_a_header(EVIL)}"})
        if path.startswith("/odd"):
            return Response(200, {"Content-Type": in_a_header(EVIL)}, WORSE.encode())
        return Response(200, {"Content-Type": "text/html"}, f"<title>{WORSE}</title>".encode())


def in_a_header(text: str) -> str:
    """A text as the value of a header, whose bytes are its UTF-8."""
    return text.encode().decode("latin-1")


@pytest.fixture
def evil() -> Iterator[str]:
    """The upstream's address."""
    with Evil().served() as server:
        yield server.url


def check(folder: Path, *arguments: str, environment: Mapping[str, str], code: int) -> str:
    """What the command shows on a terminal, after it was looked at there, in pipes and in JSON."""
    shown = in_a_terminal(*arguments, cwd=folder, environment=environment, columns=2000)
    assert shown.code == code, shown.raw
    texts = [shown.raw]
    for form in ("console", "json"):
        more = ("--json", "-v", "--log-format", form)
        done = datafetch(*arguments, *more, cwd=folder, **environment)
        assert done.code == code, done.err
        if done.out:
            json.loads(done.out)
        texts += [done.out, done.err]
    for text in texts:
        assert not re.search(r"\x1b(?!\[(?:[\d;]*[mAK]|\?25[hl]))", text)
        plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text).replace("\r", "")
        lines = plain.split("\n")
        assert [line for line in lines if not line.isprintable() or "\u3164" in line] == []
        assert [line for line in lines if line.startswith(("forged", "gnp", "sorry"))] == []
    return "\n".join(shown.lines)


def test_words_of_a_bucket(tmp_path: Path, evil: str) -> None:
    """Code and message of an error of S3 are its server's."""
    environment = {
        "S3_BUCKET": "bucket",
        "S3_SERVER_URL": evil,
        "S3_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "S3_SECRET_ACCESS_KEY": "x" * 40,
        "DATAFETCH_ENV": "test",
        "BOOKMARKS_API_URL": evil,
        "BOOKMARKS_LIST_ID": LIST_ID,
        "BOOKMARK_BEARER_TOKEN": TOKEN,
    }
    assert "sorry" in check(tmp_path, "bookmarks", environment=environment, code=1)


def test_words_of_github(tmp_path: Path, evil: str) -> None:
    """Messages of GitHub, or of what answers in its place."""
    environment = {
        "GITHUB_API_URL": f"{evil}/github",
        "GITHUB_TOKEN": "ghp_" + "x" * 36,
        "GITHUB_REPO_OWNER": "somebody",
        "DATAFETCH_RETRY_MAX_SECONDS": "0",
    }
    assert "sorry" in check(tmp_path, "github", environment=environment, code=1)


def test_words_of_bookmarks_and_their_sites(tmp_path: Path, evil: str) -> None:
    """Titles, ids and addresses of a list, and the redirects and types that its sites answer with."""
    made = datetime(2026, 11, 1, tzinfo=UTC)
    pages = [link(f"b{path}", f"{evil}/{path}", made) for path in ("moved", "odd", "page")]
    odd = [{**link("b1", f"{evil}/x/{WORSE}", made), "title": WORSE}]
    broken = [link(f"b-{WORSE}", f"{evil}/y", made), {**link("b2", evil, made), "tags": WORSE}]
    app = KarakeepApp([*pages, *odd, *broken])
    with app.served() as server:
        environment = {
            "DATAFETCH_STORE": "file:./store",
            "BOOKMARKS_API_URL": server.url,
            "BOOKMARKS_LIST_ID": LIST_ID,
            "BOOKMARK_BEARER_TOKEN": TOKEN,
            "DATAFETCH_ALLOW_HOSTS": "127.0.0.1",
            "DATAFETCH_MAX_FAILURE_RATIO": "1",
            "DATAFETCH_RETRY_MAX_SECONDS": "0",
            "OG_MAX_RETRIES": "0",
        }
        assert "sorry" in check(tmp_path, "bookmarks", environment=environment, code=0)
        check(tmp_path, "refresh-opengraph", "--force", environment=environment, code=0)
        environment["BOOKMARKS_LIST_ID"] = "l" + EVIL
        check(tmp_path, "bookmarks", environment=environment, code=1)
    letters = (tmp_path / "store/json/datafetch/dead-letters/opengraph-dev.json").read_text()
    assert {letter["errorType"] for letter in json.loads(letters).values()} >= {"Refused"}
    assert all(letter["error"].isprintable() for letter in json.loads(letters).values())


def test_words_of_a_file_of_settings(tmp_path: Path) -> None:
    """A name that is no setting, and a value that is wrong, stand in warnings and errors."""
    (tmp_path / ".env").write_bytes(
        f"DATAFETCH_STORE=ftp://{EVIL}/x\nBOOKMARKS_LIST_{EVIL}=1\nS3_{EVIL} y\n".encode()
    )
    check(tmp_path, "bookmarks", environment={}, code=78)
