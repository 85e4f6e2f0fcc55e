"""Texts: `.env` files and settings, log lines, addresses, slugs, domains and files of domains."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest import mock

from datafetch import redaction
from datafetch.bookmarks.rules.slugs import base_slug, tag_slug
from datafetch.bookmarks.rules.times import good_time, is_utc
from datafetch.cli.console import ConsoleFormatter
from datafetch.environment import load_settings
from datafetch.logos.domain_files import read_domain_file
from datafetch.logos.rules.domains import FIELDS, domains_of, normalise, registrable
from datafetch.logs import JsonFormatter
from datafetch.models.text import one_line
from datafetch.net.proxies import Proxies
from datafetch.opengraph.rules.places import is_gate, is_home, mentions_gate
from datafetch.printable import printable
from datafetch.redaction import redact
from datafetch.urls import (
    clean_address,
    host_of,
    page_address,
    passwords_in,
    publishable,
    resolve,
    written_path,
)
from tests.fuzz.target import KB, Target, shapes, text_of


@cache
def _folder() -> Path:
    """One folder for the files that are read; it goes with the process."""
    kept = tempfile.TemporaryDirectory(prefix="datafetch-fuzz-")
    _kept.append(kept)
    return Path(kept.name)


_kept: list[tempfile.TemporaryDirectory[str]] = []


@contextmanager
def _own_environment() -> Iterator[None]:
    """Settings go into the environment and into what is masked; afterwards both are as before."""
    secrets = set(redaction._secrets)
    with mock.patch.dict(os.environ):
        try:
            yield
        finally:
            redaction._secrets.clear()
            redaction._secrets.update(secrets)


def _env_file(data: bytes) -> None:
    path = _folder() / ".env"
    path.write_bytes(data)
    with _own_environment():
        load_settings(path)


_NAMES = (
    *("BOOKMARKS_API_URL", "BOOKMARKS_HEADERS", "GITHUB_EXCLUDE", "DATAFETCH_STORE", "S3_CDN_URL"),
    *(
        "DATAFETCH_ALLOW_HOSTS",
        "DATAFETCH_LOCK",
        "S3_BUCKET",
        "S3_REGION",
        "DATAFETCH_ENV",
        "GITHUB_API_URL",
    ),
    *("DATAFETCH_CONCURRENCY", "LOGO_DOMAIN_FILES", "HTTPS_PROXY", "NO_PROXY", "BOOKMARKS_LIST_ID"),
    *("S3_OBJECT_ACL", "GITHUB_TOKEN", "HTTP_USER_AGENT", "DATAFETCH_MAX_OUTPUT_MB"),
)


def _setting(data: bytes) -> None:
    """A value, without line ends, as each of some settings."""
    value = data.replace(b"\0", b"").decode("utf-8", "surrogateescape")
    with _own_environment():
        os.environ.update(dict.fromkeys(_NAMES, value))
        load_settings(None)


def _proxy(data: bytes) -> None:
    """A proxy's address in the first line, and what goes past it in the second; or one text as both."""
    text = text_of(data)
    proxy, line_end, past = text.partition("\n")
    Proxies({"HTTPS_PROXY": proxy, "ALL_PROXY": proxy, "no_proxy": past if line_end else text})


_JSON_LINES, _CONSOLE = JsonFormatter(), ConsoleFormatter(verbose=True, width=80)


def _log_line(data: bytes) -> None:
    text = text_of(data)
    about = {"error": text, "fields": {text[:50]: ["x"]}}
    record = logging.makeLogRecord(
        {"msg": "opengraph_failed", "levelno": logging.WARNING, "levelname": "WARNING", **about}
    )
    shown = _JSON_LINES.format(record), _CONSOLE.format(record), one_line(redact(text), 80)
    for line in shown:
        line.encode()  # a terminal or file takes nothing else
        assert printable(line) == line.replace("\n", "\\n")


def _url(data: bytes) -> None:
    text = text_of(data)
    for read in (
        publishable,
        clean_address,
        page_address,
        host_of,
        written_path,
        is_gate,
        is_home,
        mentions_gate,
    ):
        read(text)
    resolve(text, "https://a.example/b/c?d")
    resolve("x", text)
    list(passwords_in(text))


def _slug(data: bytes) -> None:
    text = text_of(data)
    tag_slug.__wrapped__(text)
    base_slug(f"https://a.example/{text}", text, "abc")
    base_slug("https://www.reddit.com/", text, "abc")
    base_slug("", text, text)
    good_time(text)
    is_utc(text)


def _domain(data: bytes) -> None:
    domain = normalise(text_of(data))
    if domain is not None:
        registrable(domain)


def _domain_file(data: bytes) -> None:
    kind, _, body = data.partition(b"\n")
    path = (
        _folder()
        / f"domains.{kind.decode('latin-1').strip() if kind in (b'json', b'csv') else 'txt'}"
    )
    path.write_bytes(body)
    list(domains_of(read_domain_file(str(path), FIELDS)))


_ENV = b"""# a comment
BOOKMARKS_API_URL=https://a.example
export GITHUB_TOKEN='ghp_x'
DATAFETCH_STORE="file:./store"  # where
S3_BUCKET=${OTHER:-x}
BOOKMARKS_HEADERS="A: b
C: d"
"""
_ENV_UNITS = (
    *(b"\n", b" ", b"=", b"A=", b"A\n", b"A=b\n", b"A='", b'A="', b"#", b"export ", b"A=${A}", b"${", b"$", b"\\", b"'"),
    *(b"A='a'b\n", b"'a' ", b"A=b #c\n", b"\r", b"\0", b"\xff", b"A='\\''", b"${A:-", b"A=${A}${A}\n", b"DATAFETCH_#N#=1\n"),
)  # fmt: skip
_LETTERS = (
    *(b"a", b"-", b".", b" ", b"\t", b":", b"/", b"@", b"=", b'"', b"'", b"\\", b"a-", b"a.", b"a=", b"//", b"://", b"%"),
    *(b"token", b"token=", b"token: ", b'"token": "', b"eyJ", b"eyJaaaaaaaa.", b"http://", b"a://b@", b"ghp_", b"authorization:"),
    *(b"\x1b[", "\u202e".encode(), "é".encode(), "́".encode(), "日".encode(), b"\xff", b"\xed\xa0\x80", b"A1", b"bearer "),
)  # fmt: skip

TARGETS = (
    Target(
        "env-file",
        _env_file,
        (_ENV, b"\xef\xbb\xbf" + _ENV.replace(b"\n", b"\r\n"), b"A=1\x00\nB\n=c\n'x'=y\nS3_ENDPOINT=http://u:p@h\n"),
        shapes(b"", _ENV_UNITS) + shapes(b"A=", (b"${A}", b"${A:-", b"$", b"\\")) + shapes(b"A='", (b"\\'", b"\n")) + shapes(b"A=x\n", (b"A=${A}${A}\n", b"B=${A}\n")) + shapes(b"A=", (b"${",), b":x}"),
        KB * KB,
        # Reading all settings takes some time for itself.
        extra_s=0.1,
    ),
    Target(
        "setting",
        _setting,
        (b"https://u:p@a.example:8443/x", b"file:./store", b"A: b\nC: d", b"1e9", b"owner/*,a/b", b"s3://bucket/prefix", b"true", b" "),
        shapes(b"", _LETTERS) + shapes(b"https://", _LETTERS) + shapes(b"", (b"A#N#: b\n", b"a/b,", b"a.b,")),
        64 * KB,
        extra_s=0.4,  # twenty settings are given each value
    ),
    Target(
        "proxy",
        _proxy,
        (
            b"http://u:p@proxy.example:3128\na.example,.b.example:80,10.0.0.0/8,[::1]:443,*",
            b"socks5://x",
        ),
        shapes(b"", (b"a,", b"10.0.0.0/8,", b".", b":", b"[", b"[::1]:1,", b"@", b"*,", b"1.", b"%")),
        64 * KB,
    ),
    Target(
        "log-line",
        _log_line,
        (
            b"GET https://u:p@a.example/x?token=abc: Authorization: Bearer abcdef123456",
            b'{"token": "s3cr3tvalue", "a": \'b\'} password=hunter22 eyJhbGciOi.eyJzdWIiOi.abcdefgh',
            "\x1b[31m \x9b \u202e \u2028 \ufeff".encode(),
        ),
        shapes(b"", _LETTERS),
        64 * KB,
    ),
    Target(
        "url",
        _url,
        (b"https://u:p@b\xc3\xbccher.example:8443/a/../b;c?d=e#f", b"javascript:alert(1)", b"//h/\\x", b"HTTP:\\\\a@b", b"https://a/login?next=/"),
        shapes(b"", _LETTERS) + shapes(b"https://a.example/", _LETTERS) + shapes(b"https://", _LETTERS) + shapes(b"https://a.example/?", (b"a=b&", b"&", b"%26")),
        64 * KB,
    ),
    Target(
        "slug",
        _slug,
        ("C++ & Node.js: Überblick 日本語".encode(), b"a--b__c  d", "e\u0301\u0327".encode(), b"2026-01-02T03:04:05.678Z"),
        shapes(b"", _LETTERS) + shapes(b"a", ("\u0301".encode(), "\u0327\u0301".encode(), "\u0f71\u0f72".encode(), b"+", b"#")),
        64 * KB,
    ),
    Target("domain", _domain, (b"https://www.a.co.uk:1/x", b"xn--bcher-kva.example", b"a@b.example"), shapes(b"", _LETTERS) + shapes(b"", (b"a.b.", b"www.")), 64 * KB),
    Target(
        "domain-file",
        _domain_file,
        (b'json\n[{"url": "https://a.example"}, ["b.example"]]', b"csv\ndomain,x\na.example,1\n", b"\n# c\na.example\n"),
        shapes(b"json\n", (b"[", b'{"urls":', b'"a.example",', b"1")) + shapes(b'json\n["', (b"a.", b"\\u0041"), b'"]')
        + shapes(b"csv\ndomain\n", (b'"', b",", b"a.example\n", b'""', b"\n", b"\0"))
        + shapes(b"\n", (b"a.example#N#.org\n", b"\n", b"# a\n", b" ", b"\r")),
        KB * KB,
    ),
)  # fmt: skip
