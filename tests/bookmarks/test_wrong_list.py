"""A list that the server does not know: each way to get it wrong, and what to set instead."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from datafetch.bookmarks.karakeep import BookmarkApi
from datafetch.net.base import HttpClient
from datafetch.upstream_errors import Missing, Rejected, UpstreamError
from tests.fakes.base import FakeServer
from tests.fakes.faults import dropped, reply
from tests.fakes.karakeep import LIST_ID, KarakeepApp
from tests.job_settings import bookmarks_settings
from tests.support import make_http

SPOKEN = f"lists this token can read: Reading = {LIST_ID}"


@pytest.fixture
def http() -> Iterator[HttpClient]:
    """A real client."""
    client = make_http()
    yield client
    client.close()


@pytest.fixture
def app() -> KarakeepApp:
    """A server with two lists; `Reading` is that of the tests' settings."""
    found = KarakeepApp()
    found.name(LIST_ID, "Reading")
    found.name("zzz999", "Recipes")
    return found


def failure(
    app: KarakeepApp, http: HttpClient, list_id: str, retry_max_s: float = 0.0
) -> UpstreamError:
    """How reading a list with this id fails; only one request more than the list's is made."""
    with FakeServer(app) as server:
        found = replace(bookmarks_settings(server.url), retry_max_s=retry_max_s, list_id=list_id)
        with pytest.raises(UpstreamError) as caught:
            list(BookmarkApi(http, found).pages())
        assert f"{server.url}/api/v1" in str(caught.value)
    assert app.log.count() <= 2
    return caught.value


def test_wrong_id_names_the_lists(app: KarakeepApp, http: HttpClient) -> None:
    """The user picks from names and ids; before, he was told to check two settings."""
    error = failure(app, http, "abc124")
    assert isinstance(error, Missing)
    assert 'no list "abc124" at ' in str(error)
    assert "/api/v1 (404); " in str(error)
    assert SPOKEN in str(error)
    assert "Recipes = zzz999" in str(error)
    assert "BOOKMARKS_LIST_ID" in error.hint


def test_id_with_a_slip_is_guessed(app: KarakeepApp, http: HttpClient) -> None:
    """One wrong letter: the right id stands in the hint, to be copied."""
    error = failure(app, http, LIST_ID[:-1] + "x")
    assert error.hint == f"Did you mean BOOKMARKS_LIST_ID={LIST_ID}?"


@pytest.mark.parametrize("given", ["Reading", "reading", ' "Reading"'])
def test_name_in_place_of_the_id(app: KarakeepApp, http: HttpClient, given: str) -> None:
    """The name is what users see; the id to set is told."""
    error = failure(app, http, given)
    assert "the name of a list, not its id" in str(error)
    assert error.hint == f"Set BOOKMARKS_LIST_ID={LIST_ID}."


def test_name_that_two_lists_have(app: KarakeepApp, http: HttpClient) -> None:
    """Neither is guessed: both ids are told."""
    app.name("zzz999", "Reading")
    hint = failure(app, http, "Reading").hint
    assert hint == f"Set BOOKMARKS_LIST_ID={LIST_ID} or BOOKMARKS_LIST_ID=zzz999."


@pytest.mark.parametrize(
    "given",
    [
        f"https://karakeep.example.com/dashboard/lists/{LIST_ID}",
        f"https://karakeep.example.com/dashboard/lists/{LIST_ID}/?sort=asc#top",
        f"/dashboard/lists/{LIST_ID}",
        f'"https://karakeep.example.com/dashboard/lists/{LIST_ID}"',
    ],
)
def test_address_in_place_of_the_id(app: KarakeepApp, http: HttpClient, given: str) -> None:
    """The address of the list's page, copied from the browser, holds the id: it is taken out."""
    error = failure(app, http, given)
    assert f"the list's id in it is {LIST_ID}" in str(error)
    assert error.hint == f"Set BOOKMARKS_LIST_ID={LIST_ID}."


def test_address_of_a_list_that_the_token_cannot_read(app: KarakeepApp, http: HttpClient) -> None:
    """What would not work either is not advised: the lists that can be read are named."""
    error = failure(app, http, "https://karakeep.example.com/dashboard/lists/other1")
    assert SPOKEN in str(error)
    assert "BOOKMARKS_LIST_ID=other1" not in error.hint


@pytest.mark.parametrize("mark", ['"', "'"])
def test_quotes_that_docker_kept(app: KarakeepApp, http: HttpClient, mark: str) -> None:
    """`docker run --env-file` takes quotes for a part of the value."""
    error = failure(app, http, f"{mark}{LIST_ID}{mark}")
    assert "quotes" in str(error)
    assert "--env-file" in str(error)
    assert error.hint == f"Set BOOKMARKS_LIST_ID={LIST_ID}, without quotes."


def test_spaces(app: KarakeepApp, http: HttpClient) -> None:
    """An id has none: around it they are named, inside it too, with the lists."""
    around = failure(app, http, f" {LIST_ID} ")
    assert around.hint == f"Set BOOKMARKS_LIST_ID={LIST_ID}, without spaces."
    app.log.clear()
    inside = failure(app, http, "My Reading List")
    assert 'no list "My Reading List" at ' in str(inside)
    assert "an id has no spaces" in str(inside)
    assert SPOKEN in str(inside)


def test_key_without_the_scope_says_so(app: KarakeepApp, http: HttpClient) -> None:
    """Without lists:read the lists cannot be named; where an id is found is said all the same."""
    app.scopes.discard("lists:read")
    error = failure(app, http, "abc124")
    assert isinstance(error, Missing)
    assert "lacks the scope lists:read" in str(error)
    assert "/dashboard/lists/ID" in error.hint
    app.log.clear()
    error = failure(app, http, f'"{LIST_ID}"')
    assert error.hint == f"Set BOOKMARKS_LIST_ID={LIST_ID}, without quotes."


@pytest.mark.parametrize("status", [400, 404])
def test_proxy_that_refuses_an_odd_path(app: KarakeepApp, http: HttpClient, status: int) -> None:
    """Apache answers an encoded slash with a page of its own; the address given is told from it."""
    page = reply(status, "<title>404 Not Found</title>", {"Content-Type": "text/html"})
    app.inject(page, lambda request: "dashboard" in request.path)
    error = failure(app, http, f"https://karakeep.example.com/dashboard/lists/{LIST_ID}")
    assert error.hint == f"Set BOOKMARKS_LIST_ID={LIST_ID}."


def test_other_server_at_that_address(app: KarakeepApp, http: HttpClient) -> None:
    """Where the lists are not found either, it is the address that is wrong, not the list."""
    app.inject(reply(404, "404 page not found\n"), times=None)
    error = failure(app, http, LIST_ID)
    assert "is BOOKMARKS_API_URL the address of Karakeep itself?" in str(error)


@pytest.mark.parametrize("fault", [dropped(), reply(500), reply(200, "<html>"), reply(200, "[]")])
def test_lists_that_do_not_come_hide_nothing(
    app: KarakeepApp, http: HttpClient, fault: Any
) -> None:
    """The second request is a help only: when it fails, the first failure is told."""
    app.inject(fault, lambda request: request.path.endswith("/lists"), times=None)
    error = failure(app, http, "abc124", retry_max_s=60.0)
    assert isinstance(error, Missing)
    assert 'no list "abc124"' in str(error)
    assert "could not be asked for" in str(error)


def test_words_of_real_servers(app: KarakeepApp, http: HttpClient) -> None:
    """Servers answer with a text, or refuse an id that they cannot read with 400."""
    for answer in (reply(404, "List not found"), reply(400, '{"message":"Invalid id"}')):
        app.heal()
        app.log.clear()
        app.inject(answer, lambda request: "bookmarks" in request.path)
        error = failure(app, http, "abc124")
        assert isinstance(error, Missing)
        assert SPOKEN in str(error)


def test_a_cursor_that_is_refused_is_not_the_lists_fault(
    app: KarakeepApp, http: HttpClient
) -> None:
    """A 400 in the middle of the list does not say that there is no such list."""
    app.inject(reply(400, "no such cursor"), lambda request: "cursor" in request.query)
    app.inject(
        reply(200, '{"bookmarks":[{}],"nextCursor":"odd"}'),
        lambda request: "cursor" not in request.query,
    )
    error = failure(app, http, LIST_ID)
    assert isinstance(error, Rejected)
    assert not isinstance(error, Missing)
    assert "no such cursor" in str(error)


def test_server_without_lists(http: HttpClient) -> None:
    """A key of another user sees no list at all."""
    app = KarakeepApp()
    app.drop_list(LIST_ID)
    error = failure(app, http, LIST_ID)
    assert "this token can read no list at all" in str(error)
    assert "API key" in error.hint


def test_names_of_lists_are_foreign_text(http: HttpClient) -> None:
    """Many lists, long names and control characters make one line of bounded length."""
    app = KarakeepApp()
    for number in range(200):
        app.name(f"id{number:03d}", f"n{number}\x1b[2J\n" + "x" * 1000)
    error = failure(app, http, "qqqqqq\x07")
    assert str(error).isprintable()
    assert len(str(error)) < 1200
    assert "and 191 more" in str(error)
