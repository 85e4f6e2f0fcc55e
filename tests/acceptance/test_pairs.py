"""Two machines that start one scheduled job in the same second, and a cron that fires twice."""

from pathlib import Path

from tests.bookmarks.world import link
from tests.fakes.base import FakeServer
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.fakes.s3 import S3Fake
from tests.pairs import pairs
from tests.processes import datafetch

COUNT = 6


def test_of_two_machines_in_the_same_second_exactly_one_runs(
    tmp_path: Path, s3_fake: S3Fake
) -> None:
    """Whichever is faster runs the slot; the other ends with 0 and `unchanged`, and no run is doubled."""
    played = [*pairs(COUNT, s3_fake, tmp_path)]
    assert len(played) == COUNT
    assert {pair.number: pair.wrong for pair in played if pair.wrong} == {}


def test_a_double_fire_costs_a_read_and_writes_nothing(tmp_path: Path, s3_fake: S3Fake) -> None:
    """A cron that fires twice asks the store once, no other server, writes nothing, and ends with 0."""
    karakeep = KarakeepApp(link(number) for number in range(3))
    with karakeep.served() as server:
        environment = _environment(server, s3_fake)
        first = datafetch("bookmarks", "--scheduled", "--json", cwd=tmp_path, **environment)
        assert first.result("bookmarks")["status"] == "succeeded"
        before = s3_fake.etags("")
        s3_fake.app.count_from_here()
        karakeep.log.clear()
        again = datafetch("bookmarks", "--scheduled", "--json", cwd=tmp_path, **environment)
    assert (again.code, again.result("bookmarks")["status"]) == (0, "unchanged")
    assert s3_fake.requests() == [("GET", "json/datafetch/jobs/bookmarks.json")]
    assert karakeep.log.count() == 0
    assert s3_fake.etags("") == before


def _environment(server: FakeServer, s3: S3Fake) -> dict[str, str]:
    return {
        **s3.environment,
        "DATAFETCH_ENV": "production",
        "MIN_BOOKMARKS_THRESHOLD": "1",
        "BOOKMARKS_API_URL": server.url,
        "BOOKMARKS_LIST_ID": LIST_ID,
        "BOOKMARK_BEARER_TOKEN": TOKEN,
    }
