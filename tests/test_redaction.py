"""What no output may show is masked, and nothing else."""

import ast
import base64
import html
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from datafetch import errors, redaction, upstream_errors
from datafetch.redaction import redact, register_secrets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET https://a.example/x?key=1#f done", "GET https://a.example/x done"),
        ("https://user:pw@a.example/x", "https://a.example/x"),
        ("redis://:p@ss:w@h:6379/0 is down", "redis://h:6379/0 is down"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: ***"),
        ("proxy-authorization: Basic YTpi\nnext", "proxy-authorization: ***\nnext"),
        ("X-Refresh-Secret: abc; x-api-key: d", "X-Refresh-Secret: *** x-api-key: ***"),
        ("Cookie: session=1", "Cookie: ***"),
        ('{"token": "abc123"}', '{"token": "***"}'),
        ("{'password': 'a, \\'b', 'x': 1}", "{'password': '***', 'x': 1}"),
        ("api_key=abc&x=1", "api_key=***&x=1"),
        ("S3_ACCESS_KEY_ID=abc DEBUG=1", "S3_ACCESS_KEY_ID=*** DEBUG=1"),
        ("connect(token='a b', timeout=1)", "connect(token='***', timeout=1)"),
        ("password: hunter22", "password: ***"),
        ("with bearer abcdefghijklmnopqrstuvwxyz", "with bearer ***"),
        ("token aBcDeFgHiJ", "token ***"),
        ("ghp_abcdefghij0123456789 is not accepted", "*** is not accepted"),
        ("sent eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk", "sent ***"),
        ("nothing to hide: 202 at 10:15", "nothing to hide: 202 at 10:15"),
    ],
)
def test_credentials_and_queries_are_redacted(text, expected):
    """Tokens and query strings in logs."""
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Check BOOKMARK_BEARER_TOKEN and what it may read.",
        "GITHUB_TOKEN is missing: a token that may read the owner's repositories",
        "the token doesnotmatch, see token configuration, Basic authentication and so on",
        "BOOKMARK_BEARER_TOKEN: a token has no spaces, line ends or letters beyond ASCII",
        "the fencing token 1795507202 is older; secret: /run/secrets/db-1.txt cannot be read",
        "--password should be left out",
    ],
)
def test_words_of_sentences_stay(text):
    """A redaction that ate the sentence: hints said "Check the token *** what it may read"."""
    assert redact(text) == text


PACKAGE = Path(redaction.__file__).parent


def sentences(tree: ast.AST) -> Iterator[str]:
    """The texts of a module that people may read: all of several words, docstrings left out."""
    owners = ast.Module | ast.ClassDef | ast.FunctionDef
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr)
    }
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "value"
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and id(node) not in docstrings | parts:
            yield str(node.value)


def test_every_sentence_of_the_package_passes_unchanged():
    """Redaction replaces the values of secrets, never words of our own messages, hints and help."""
    found = [
        text
        for path in sorted(PACKAGE.rglob("*.py"))
        # The patterns, and programs that nobody is shown.
        if path.name not in {"redaction.py", "redis_scripts.py"}
        for text in sentences(ast.parse(path.read_text(encoding="utf-8")))
        if text.count(" ") > 1
    ]
    classes = [*vars(errors).values(), *vars(upstream_errors).values()]
    found += [kind.__doc__ or "" for kind in classes if isinstance(kind, type)]
    assert len(found) > 400
    assert any("BOOKMARK_BEARER_TOKEN" in text for text in found)
    found = [text for text in found if not text.startswith("curl -X POST -H 'x-refresh-secret")]
    assert [text for text in found if redact(text) != text] == []


@pytest.mark.parametrize(
    "text",
    [
        *("a-" * 50_000, "http://" * 20_000, "token" * 20_000, "token':'" * 20_000),
        *(
            "token " * 20_000,
            "eyJ" + "a." * 50_000,
            "eyJ" + "." * 400_000,
            "authorization:" * 10_000,
            'token="\\' * 20_000,
        ),
    ],
    ids=lambda text: text[:8],
)
@pytest.mark.timeout(20)
def test_a_hostile_text_costs_its_length(text):
    """Patterns that backtrack on a log line froze the process for minutes."""
    assert len(redact(text)) <= len(text)


def test_a_secret_that_is_no_text_is_masked_too():
    """Bytes that are not UTF-8 in a proxy's password ended every command with a traceback."""
    register_secrets(["p\udce1ss-w\ud800rd"])
    assert redact("the password p\udce1ss-w\ud800rd is wrong") == "the password *** is wrong"


def test_known_secrets_are_masked_wherever_they_stand(monkeypatch):
    """A secret of the settings never appears, whatever text it got into."""
    monkeypatch.setattr(redaction, "_secrets", set())
    register_secrets(["s3cr3t-value", "abc"])
    assert redact("x s3cr3t-value y abc") == "x *** y abc"
    register_secrets(["p/ss w+rd"])
    assert redact("/p%2Fss%20w%2Brd/p/ss w+rd/") == "/***/***/"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("www.example.com.eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeK.", "www.example.com.***."),
        ("key-eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeK, then", "key-***, then"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx", "eyJhbGciOiJI.eyJzdWIiOiIx"),
        ("eyJhbGciOiJI.short.SflKxwRJSMeK", "eyJhbGciOiJI.short.SflKxwRJSMeK"),
        ("greyJacket.of.the.keyJar", "greyJacket.of.the.keyJar"),
    ],
)
def test_web_tokens_are_masked_among_dots(text, shown):
    """A JSON Web Token is three long parts, wherever it stands; file names and hosts are none."""
    assert redact(text) == shown


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Credential=AKIA5/20261127/eu&X-Amz-Signature=9f8e7d6c",
        "X-Amz-Security-Token=9f8e7d6c",
        "sv=2026&sig=9f8e7d6c%3D",
        "token=9f8e7d6c",
    ],
)
def test_a_signed_query_is_masked_without_its_host(query: str) -> None:
    """A path and a query stood in an error of S3: whoever read the log could read the object."""
    assert "9f8e7d6c" not in redact(f"GET /bucket/object?{query} failed")
    assert "9f8e7d6c" not in redact(f"https://b.example/object?{query}")


def test_a_secret_is_masked_as_it_stands_in_urls_and_in_base64() -> None:
    """A server repeated the header of Basic authentication, and a token with its slashes escaped."""
    secret = "s3cr+t/of=redaction"
    register_secrets([secret])
    encoded = base64.b64encode(secret.encode()).decode()
    for form in (secret, quote(secret), quote(secret, safe=""), encoded, encoded.rstrip("=")):
        assert "***" in redact(f"got {form} here")
        assert form.rstrip("=") not in redact(f"got {form} here")


@pytest.mark.parametrize("secret", ['c0rr&ct<h"rs/e+1', "b4tt\\ery's>stäple/2"])
def test_a_secret_is_masked_as_servers_repeat_it_in_json_and_markup(secret: str) -> None:
    """A server's JSON error repeated a password with its quotes and slashes escaped."""
    register_secrets([secret])
    in_json = json.dumps(secret)[1:-1]
    in_url = quote(secret, safe="")
    lower = "".join(
        f"%{byte:02x}" if chr(byte) in "&<\"/+\\'>" or byte > 127 else chr(byte)
        for byte in secret.encode()
    )
    said = [
        in_json,
        in_json.replace("/", "\\/"),
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        html.escape(secret, quote=False),
        in_url,
        lower,
    ]
    assert [redact(f"no: <{text}>") for text in said] == ["no: <***>"] * len(said)
