"""The status page of `datafetch serve` as a process: real runs, of other processes and of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from datafetch.models.run import JobName
from datafetch.ops.dead_letters import LETTERS
from datafetch.store.keys import Keys
from datafetch.store.local import LocalStore
from tests.bookmarks.world import link
from tests.fakes.karakeep import LIST_ID, TOKEN, KarakeepApp
from tests.processes import datafetch
from tests.web.page.browsers import browser, opened
from tests.web.page.scenes import CRON, letter
from tests.web.support import served

__all__ = ["browser"]

KEYS = Keys("-test")


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A folder, and a bookmark server with a list of 12."""
    with KarakeepApp(link(number) for number in range(12)).served() as server:
        yield {
            "DATAFETCH_ENV": "test",
            "DATAFETCH_STORE": f"file:{tmp_path}/store",
            "BOOKMARKS_API_URL": server.url,
            "BOOKMARKS_LIST_ID": LIST_ID,
            "BOOKMARK_BEARER_TOKEN": TOKEN,
        }


def test_a_run_of_cron_and_a_retry_show_without_a_reload(
    browser: Browser, settings: dict[str, str], tmp_path: Path
):
    """The page of a new site follows the first run, and then what its own button starts."""
    secret = {"BOOKMARK_CRON_REFRESH_SECRET": CRON}
    with served(tmp_path, **settings, **secret) as server, opened(browser) as page:
        page.goto(f"{server.url}/login")
        page.get_by_label("Secret").fill(CRON)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{server.url}/")
        expect(page.get_by_text("Nothing ran yet")).to_be_visible()
        expect(page.locator("#live")).to_have_text("Live")
        page.evaluate("window.sameDocument = true")

        assert datafetch("bookmarks", cwd=tmp_path, **settings).code == 0
        card = page.locator("#job-bookmarks")
        expect(card).to_contain_text("succeeded")
        expect(card).to_contain_text("12 items, 12 changed")

        lost = letter(JobName.BOOKMARKS, link(3)["id"], "it could not be read")
        store = LocalStore(tmp_path / "store")
        store.put(
            KEYS.dead_letters(JobName.BOOKMARKS), LETTERS.dump_json({lost.id: lost}, by_alias=True)
        )
        expect(page.locator("#letters-bookmarks")).to_be_visible()
        assert page.evaluate("window.sameDocument")
        page.locator("#letters-bookmarks summary").click()
        page.get_by_role("button", name="Try it again").click()
        expect(page.get_by_role("status")).to_contain_text("1 item of bookmarks is tried again now")
        expect(page.locator("#letters-bookmarks")).to_have_count(0)
        expect(card).to_contain_text("The last 2 runs")
