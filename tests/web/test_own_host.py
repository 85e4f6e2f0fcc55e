"""Names that lead to this machine and are somebody else's: DNS rebinding, against a real socket."""

import pytest

from datafetch.web.own_host import is_misled
from tests.ops.overviews import all_fine
from tests.web.page.scenes import Scene, shown
from tests.web.support import bearer

SHOWING = ("/", "/api/status", "/api/events", "/metrics")
CRON = {"BOOKMARK_CRON_REFRESH_SECRET": "tok-cron-1"}


def scope(host: str | None, server: str | None = "127.0.0.1"):
    """A request that came to this address and names this host."""
    headers = [] if host is None else [(b"host", host.encode("latin-1"))]
    return {"headers": headers, "server": server and (server, 8080)}


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:8080", "a.localhost:1", "127.0.0.1:8080", "192.0.2.7", "[::1]"),
        *("[::1]:8080", "fetcher", "fetcher:8080", "", None),
    ],
)
def test_hosts_of_this_machine(host):
    """Addresses, `localhost`, and names that no public name is."""
    assert not is_misled(scope(host))


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "EVIL.example:8080", "evil.example.", "127.0.0.1.evil.example:80"),
        *("localhost.evil.example", "evil-localhost.example", "a.b", "1.2.3.4.5", "é.example"),
    ],
)
def test_hosts_that_anybody_may_have_made_up(host):
    """At loopback, of either family; elsewhere the server is open to whoever reaches it."""
    assert is_misled(scope(host))
    assert is_misled(scope(host, "::1"))
    assert is_misled(scope(host, "::ffff:127.0.0.1"))
    assert not is_misled(scope(host, "192.0.2.1"))
    assert not is_misled(scope(host, None))


@pytest.mark.parametrize("path", SHOWING)
def test_a_site_that_leads_its_name_here_sees_nothing(path):
    """Neither as a page nor as data; the answer says what to set where a proxy asks."""
    with shown(Scene(all_fine()), **CRON) as server:
        answer = server.get(path, host="evil.example:8080")
        assert answer.status == 401
        assert "DATAFETCH_TRUSTED_PROXIES" in answer.text
        assert b"json/" not in answer.body
        assert server.get("/healthz", host="evil.example").status == 200


def test_with_the_secret_every_name_will_do():
    """A proxy that nobody has named passes programs and people on who have it."""
    with shown(Scene(all_fine()), **CRON) as server:
        for host in ("data.example.com", "localhost"):
            answer = server.get("/api/status", host=host, **bearer("tok-cron-1"))
            assert answer.status == 200


def test_behind_a_proxy_that_is_named_the_name_is_the_sites_own():
    """It passes on what browsers asked it for."""
    scene = Scene(all_fine())
    site = scene.site()
    site.keyring.has_proxy = True
    assert site.keyring.may_see(scope("data.example.com"))
    assert not scene.site().keyring.may_see(scope("data.example.com"))
