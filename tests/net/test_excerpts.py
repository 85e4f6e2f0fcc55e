"""What came in place of JSON is told in a few words, as data and in a sentence."""

import pytest

from datafetch.net.base import Answer
from datafetch.net.excerpts import excerpt
from datafetch.redaction import register_secrets
from datafetch.upstream_errors import Malformed


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"", "", ("empty", "", "", "an empty body")),
        (
            b"<!doctype html><TITLE lang=en>Sign in &amp; go</TITLE>",
            "Text/HTML; charset=utf-8",
            ("page", "text/html", "Sign in & go", 'a web page titled "Sign in & go" (text/html)'),
        ),
        (b"\xef\xbb\xbf\n<html><body>x", "", ("page", "", "", "a web page")),
        (b"hello", "text/html", ("page", "text/html", "", "a web page (text/html)")),
        (
            b"Bad\r\n\x1b[31mGateway",
            "text/plain",
            ("text", "text/plain", "Bad [31mGateway", 'begins "Bad [31mGateway" (text/plain)'),
        ),
        (b"\x89PNG\0\0", "image/png", ("binary", "image/png", "", "no text (image/png)")),
        (b'{"name":"private/repo', "", ("json", "", "", "breaks off")),
    ],
    ids=["nothing", "page", "no-title", "by-type", "text", "picture", "cut-off"],
)
def test_a_body_is_told_in_few_words(
    body: bytes, content_type: str, expected: tuple[str, str, str, str]
) -> None:
    """Media type and title or first words come as data; values of JSON, which may be private, do not."""
    found = excerpt(body, content_type)
    assert (found.kind, found.content_type, found.words) == expected[:3]
    assert expected[3] in str(found)


@pytest.mark.parametrize("body", [b"x" * 10_000, b"<title>" + b"y" * 10_000 + b"</title>"])
def test_foreign_words_are_short_and_hold_no_secret(body: bytes) -> None:
    """Whatever a server sends, a message stays one line of some eighty characters."""
    register_secrets(["s3cr3t-value"])
    assert len(excerpt(body, "").words) == 80
    assert excerpt(b"you sent s3cr3t-value", "").words == "you sent ***"
    assert "s3cr" not in excerpt(b"x" + b" " * 312 + b"s3cr3t-value", "").words


def test_a_title_with_a_number_without_end_is_told() -> None:
    """A character's number of more digits than Python reads was an error of Python's, not of ours."""
    page = b"<title>Sorry &#" + b"1" * 5000 + b";</title>"
    assert excerpt(page, "text/html").words.startswith("Sorry ")


def test_an_answer_that_is_not_json_says_who_answered_what() -> None:
    """The error names host, status, type and title, as data too; the query stays out."""
    answer = Answer(
        200,
        "https://login.example.com:8443/start?next=secret",
        {"content-type": "text/html"},
        b"<html><title>Log in</title>",
    )
    with pytest.raises(Malformed) as caught:
        answer.json()
    error = caught.value
    assert str(error) == (
        'login.example.com:8443 answered 200 with a web page titled "Log in" (text/html), not JSON'
    )
    assert (error.url, error.status) == ("https://login.example.com:8443/start", 200)
    assert (error.content_type, error.words) == ("text/html", "Log in")
    assert "login.example.com:8443" in error.hint
    assert "curl -i https://login.example.com:8443/start" in error.hint
    assert "secret" not in f"{error}{error.hint}"
