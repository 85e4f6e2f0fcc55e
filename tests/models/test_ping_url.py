"""The request that tells a monitor of an event, by the form of its URL."""

from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafetch.models.ping_url import PLACEHOLDERS, Event, Ping, read_ping_url, secrets_in

RID = "66361315-3f97-5a0c-b2ba-3831ef4c642d"
EVENTS: tuple[Event, ...] = ("start", "success", "fail", "log")
ALL = "https://m.example/p?" + "&".join(f"{name}={{{name}}}" for name in PLACEHOLDERS)


def asked(pattern: str, event: Event, **more: str | int) -> str:
    """The URL that tells of an event; empty when it is not told."""
    request = read_ping_url(pattern).request(Ping(event, "logos", RID, **more))  # type: ignore[arg-type]
    return "" if request is None else request.url


@pytest.mark.parametrize(
    ("event", "path"), [("start", "/start"), ("success", ""), ("fail", "/fail"), ("log", "/log")]
)
def test_healthchecks_paths_go_before_the_query(event: Event, path: str) -> None:
    """`create=1` stood in the middle of the path, and no check was made."""
    url = asked("https://hc.example/key/site-{job}/?create=1", event)
    assert url == f"https://hc.example/key/site-logos{path}?create=1&rid={RID}"


def test_all_but_the_start_carry_the_log() -> None:
    """A run that was locked out came without a word on who has the lock; all of them are POSTs."""
    target = read_ping_url("https://hc.example/uuid")
    requests = [target.request(Ping(event, "logos", RID)) for event in EVENTS]
    assert [(found.post, found.has_log) for found in requests if found] == [
        (True, False),
        (True, True),
        (True, True),
        (True, True),
    ]


def test_each_placeholder_has_its_words() -> None:
    """The words of each event are those that Kuma, Cronitor and Gatus know."""
    told = {event: parse_qs(urlsplit(asked(ALL, event)).query) for event in EVENTS}
    words = {
        event: [(query.get(name) or [""])[0] for name in ("event", "state", "status", "success")]
        for event, query in told.items()
    }
    assert words == {
        "start": ["start", "run", "up", "true"],
        "success": ["success", "complete", "up", "true"],
        "fail": ["fail", "fail", "down", "false"],
        "log": ["log", "", "up", "true"],
    }
    assert told["start"]["rid"] == [RID]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("event={event}", ["start", "success", "fail", "log"]),
        ("state={state}", ["start", "success", "fail"]),
        ("status={status}&m={message}", ["success", "fail"]),
    ],
)
def test_a_template_without_an_event_is_sent_at_the_end_only(query: str, told: list[str]) -> None:
    """Uptime Kuma would have taken the start of a run for its success."""
    assert [event for event in EVENTS if asked(f"https://m.example/?{query}", event)] == told


@given(st.text(max_size=400))
def test_what_is_filled_in_stays_one_value(message: str) -> None:
    """An error with `&`, `#` or a line end adds nothing to the URL; a long one is cut."""
    text = message.encode(errors="replace").decode()
    url = urlsplit(asked("https://m.example/a?x={message}&y=1", "fail", message=text))
    assert parse_qs(url.query, keep_blank_values=True) == {"x": [text[:300]], "y": ["1"]}
    assert (url.netloc, url.path, url.fragment) == ("m.example", "/a", "")


@pytest.mark.parametrize(
    ("login", "header"),
    [
        ("", ""),
        ("t0k%2Fen@", "Bearer t0k/en"),
        ("me:p%40ss@", "Basic bWU6cEBzcw=="),
    ],
)
def test_what_stands_before_the_at_is_a_header(login: str, header: str) -> None:
    """It never goes over the wire as a part of the URL."""
    request = read_ping_url(f"POST https://{login}m.example/p").request(Ping("fail", "logos", RID))
    assert request is not None
    assert (request.authorization, request.url, request.post) == (
        header,
        "https://m.example/p",
        True,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hc-ping.com/uuid", "starts with http"),
        ("ftp://hc.example/x", "starts with http"),
        ("https://{job}.example/x", "in its host"),
        ("https://m.example/{jobs}", "placeholders"),
        ("https://m.example/{job", "braces"),
        ("https://m.example/x#y", "a # or white space"),
        ("https://m.example/x y", "white space"),
        ("POST", "starts with http"),
        ("https:///m.example/x", "starts with http"),
        ("https://me:pw@/m.example/x", "starts with http"),
        ("https://m.example:0/x", "starts with http"),
        ("", "starts with http"),
    ],
)
def test_what_is_no_such_url_is_refused(text: str, said: str) -> None:
    """The message says what is wrong, and repeats nothing of the secret."""
    with pytest.raises(ValueError, match=said) as caught:
        read_ping_url(text)
    assert "example" not in str(caught.value)


@given(st.text(max_size=80) | st.text(alphabet="htps:/{}@?&=. job", max_size=60))
def test_no_text_is_a_traceback(text: str) -> None:
    """It is read, or refused with a sentence."""
    with suppress(ValueError):
        assert read_ping_url(text).host


@pytest.mark.parametrize(
    ("text", "secrets", "words"),
    [
        ("https://hc.example/9f8d-uuid/site-{job}", {"9f8d-uuid"}, {"site", "hc.example"}),
        (
            "POST https://t0ken1@g.example/api/v1/endpoints/core/external?success={success}",
            {"t0ken1"},
            {"external", "endpoints", "success"},
        ),
        ("https://k.example/api/push/aB3dEf?status={status}&msg={message}", {"aB3dEf"}, {"push"}),
        ("https://me:pAss%40w0rd@p.example", {"pAss%40w0rd"}, {"p.example"}),
        ("json://me.example/x mailto://me:Secr3t@mail.example", {"Secr3t"}, {"mailto"}),
        ("https://h.example/build?token=q9w8e7&branch=master", {"q9w8e7"}, {"master"}),
    ],
)
def test_the_secret_parts_of_urls_are_known(text: str, secrets: set[str], words: set[str]) -> None:
    """A part may come back alone in an error; common words of paths are not masked everywhere."""
    found = set(secrets_in(text))
    assert secrets <= found
    assert words.isdisjoint(found)
