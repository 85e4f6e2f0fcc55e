"""Who may ask for what: bearers, named headers, lists for rotation, and doors that are closed."""

import pytest

from datafetch.environment import load_settings
from datafetch.web.auth import Keyring, Secrets


def scope(*headers: tuple[str, str]):
    """A request with these headers."""
    return {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


def authorized(value: str):
    """A request with this `Authorization`."""
    return scope(("authorization", value))


@pytest.fixture
def keyring(monkeypatch):
    """The doors, with each secret a list of two."""
    for name, value in {
        "BOOKMARK_CRON_REFRESH_SECRET": "cron-one, cron-two",
        "GITHUB_CRON_REFRESH_SECRET": "github-cron",
        "GITHUB_REFRESH_SECRET": "named-one,named-two",
        "DATAFETCH_METRICS_TOKEN": "metrics-one,metrics-two",
    }.items():
        monkeypatch.setenv(name, value)
    return Keyring.of(load_settings())


@pytest.mark.parametrize("secret", ["cron-one", "cron-two"])
@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_each_secret_of_a_list_opens_the_door(keyring, secret, scheme):
    """While one secret takes the place of another, callers have either."""
    assert keyring.is_cron(authorized(scheme + secret))
    assert keyring.is_github(authorized(scheme + secret))


@pytest.mark.parametrize(
    "value",
    [
        *("", "Bearer", "Bearer ", "cron-one", "Basic cron-one", "Bearer cron-one, cron-two"),
        *("Bearer cron-on", "Bearer cron-onee", "Bearer CRON-ONE", "Bearer github-cron"),
        *("Bearer metrics-one", "Bearer named-one", "Bearer \xff\xfe", "Bearer " + "x" * 10_000),
    ],
)
def test_anything_else_stays_outside(keyring, value):
    """Neither parts nor other secrets are taken for the cron secret."""
    assert not keyring.is_cron(authorized(value))


def test_two_headers_are_none(keyring):
    """Which of two a proxy has checked is not known, so neither counts."""
    twice = scope(("authorization", "Bearer cron-one"), ("authorization", "Bearer x"))
    assert not keyring.is_cron(twice)


def test_githubs_data_has_secrets_of_its_own(keyring):
    """In `x-refresh-secret`, as the old site sends it, or as a bearer."""
    assert keyring.is_github(scope(("x-refresh-secret", "named-two")))
    assert keyring.is_github(authorized("Bearer github-cron"))
    assert not keyring.is_github(scope(("x-refresh-secret", "named")))
    assert not keyring.is_github(scope(("x-refresh-secret", "")))
    assert not keyring.is_github(authorized("Bearer metrics-one"))


def test_who_may_see(keyring):
    """With the token, the cron secret or a session; nobody else."""
    assert keyring.may_see(authorized("Bearer metrics-two"))
    assert keyring.may_see(authorized("Bearer cron-one"))
    assert not keyring.may_see(scope())
    assert not keyring.may_see(authorized("Bearer github-cron"))
    keyring.has_session = lambda _scope: True
    assert keyring.may_see(scope())


def test_without_a_token_everybody_may_see():
    """Nobody has closed the door."""
    keyring = Keyring.of(load_settings())
    assert keyring.may_see(scope())
    assert not keyring.has_proxy
    assert not keyring.is_cron(authorized("Bearer "))
    assert not keyring.is_github(scope(("x-refresh-secret", "")))


def test_named_proxies_are_known(monkeypatch):
    """Behind one the name of the host is whatever the site is called."""
    monkeypatch.setenv("DATAFETCH_TRUSTED_PROXIES", "127.0.0.1")
    assert Keyring.of(load_settings()).has_proxy


def test_secrets_are_in_no_text(keyring):
    """What is printed of a keyring by a debugger or an error holds no secret."""
    assert "cron-one" not in repr(keyring)
    assert "digests" not in repr(Secrets((b"x",)))


def test_what_is_typed_is_compared_alike(keyring):
    """For the form of the status page."""
    assert keyring.is_cron_secret("cron-two")
    assert not keyring.is_cron_secret("cron-two\ud800")
    assert keyring.is_metrics_token("metrics-one")
    assert not keyring.is_metrics_token("cron-one")
