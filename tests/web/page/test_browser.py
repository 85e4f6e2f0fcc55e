"""The status page in a real browser: with and without script, live, by keyboard, for everybody."""

import re
from contextlib import ExitStack
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from datafetch.errors import Cancelled, StoreUnavailable
from tests.ops.overviews import all_fine, empty, failing, running
from tests.web.page.browsers import DESKTOP, PHONE, Theme, browser, opened, violations
from tests.web.page.scenes import (
    CRON,
    TOKEN,
    Scene,
    healthy,
    many_letters,
    shown,
    some_letters,
    strange_letters,
    very_full,
)
from tests.web.page.test_events import listening, until
from tests.web.support import Server

__all__ = ["browser"]

SECRET = {"BOOKMARK_CRON_REFRESH_SECRET": CRON}


def log_in(page: Page, server: Server, secret: str = CRON) -> None:
    """Log in as a person does."""
    page.goto(f"{server.url}/login")
    page.get_by_label("Secret").fill(secret)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{server.url}/")


def look_again(page: Page) -> None:
    """Have the page look whether it is seen, and fetch itself again."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def unfold(page: Page) -> None:
    """Open all that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


FEW_RUNS = 8
"""Runs of each job in pages that axe looks at: it looks at each bar and each cell, at each time anew."""


@pytest.mark.parametrize(
    ("scene", "looks"),
    [
        (Scene(healthy(FEW_RUNS)), [("light", PHONE), ("dark", DESKTOP)]),
        (Scene(failing(), some_letters()), [("light", DESKTOP), ("dark", PHONE)]),
        (Scene(empty()), [("light", PHONE), ("dark", DESKTOP)]),
        (
            Scene(very_full(FEW_RUNS), strange_letters()),
            [("light", PHONE), ("dark", DESKTOP), ("dark", PHONE), ("light", DESKTOP)],
        ),
    ],
    ids=["healthy", "failing", "empty", "full"],
)
def test_nobody_is_kept_out(
    browser: Browser, scene: Scene, looks: list[tuple[Theme, tuple[int, int]]]
):
    """No violations of accessibility, in both themes, on phone and desktop, folded and not."""
    with shown(scene, **SECRET) as server, opened(browser) as page:
        log_in(page, server)
        expect(page.locator("#live")).to_have_text("Live")
        for theme, (width, height) in looks:
            page.emulate_media(color_scheme=theme)
            page.set_viewport_size({"width": width, "height": height})
            assert violations(page) == []
            unfold(page)


@pytest.mark.parametrize("width", [320, 640, 1280, 1920])
def test_nothing_scrolls_sideways(browser: Browser, width: int):
    """Neither on the smallest phone, which is the same as 400 % on a desktop, nor on a wide screen."""
    scene = Scene(very_full(), many_letters())
    with shown(scene, **SECRET) as server, opened(browser, size=(width, 640)) as page:
        log_in(page, server)
        unfold(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_runs_in_words_stand_below_their_bars(browser: Browser):
    """In a failing job's card, too, whose facts at the left are higher than the bars at the right."""
    made = failing()
    last = made.jobs[0].last
    assert last is not None
    noted = replace(last, error="", notes=("Many words. " * 100,))
    scene = Scene(replace(made, jobs=(replace(made.jobs[0], last=noted), *made.jobs[1:])))
    with shown(scene, **SECRET) as server, opened(browser, size=DESKTOP) as page:
        log_in(page, server)
        card = page.locator(".card.bad:has(.chart)").first
        bars, words, facts = (
            box
            for part in (".chart > :last-child", ".runs > summary", ".facts")
            if (box := card.locator(part).bounding_box()) is not None
        )
        assert facts["x"] < bars["x"]
        assert facts["y"] + facts["height"] > words["y"] + words["height"]
        assert words["y"] - (bars["y"] + bars["height"]) < words["height"]


def test_what_can_be_pressed_is_large_enough(browser: Browser):
    """24 pixels at least (WCAG 2.2, 2.5.8), links in sentences excepted."""
    scene = Scene(failing(), some_letters())
    with shown(scene, **SECRET) as server, opened(browser, size=PHONE) as page:
        log_in(page, server)
        unfold(page)
        sizes = page.evaluate(
            "[...document.querySelectorAll('button, summary, nav a, .account a, .brand a')]"
            ".map(one => one.getBoundingClientRect()).map(box => [box.width, box.height])"
        )
        assert len(sizes) > 10
        assert all(width >= 24 and height >= 24 for width, height in sizes)


def test_without_script_all_can_be_read_and_done(browser: Browser):
    """Filter, table, log-in, and trying again work as plain links and forms."""
    scene = Scene(failing(), some_letters())
    with shown(scene, **SECRET) as server, opened(browser, script=False) as page:
        log_in(page, server)
        expect(page.get_by_role("heading", level=1)).to_have_text("Failing")
        page.get_by_role("link", name="Only failing").click()
        expect(page.locator("#job-bookmarks")).to_be_visible()
        expect(page.locator("#job-github")).to_have_count(0)
        page.get_by_text("These 5 runs in words").click()
        expect(page.get_by_role("table")).to_contain_text("401 Unauthorized")
        page.locator("summary", has_text="slow.example").click()
        page.get_by_role("button", name="Try these again").click()
        expect(page.get_by_role("status")).to_contain_text("7 items of opengraph are tried again")
        assert len(scene.await_runs(1)[0].options.only) == 7
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("link", name="Log in").first).to_be_visible()


def test_changes_show_without_a_reload_and_nothing_moves(browser: Browser):
    """Focus, what is unfolded, the place on the screen and the selection stay; the new sentence is read out."""
    scene = Scene(healthy(), some_letters())
    with shown(scene, **SECRET) as server, opened(browser) as page:
        log_in(page, server)
        expect(page.locator("#live")).to_have_text("Live")
        page.evaluate("window.sameDocument = true")
        page.locator("#group-" + _first_group(page) + " > summary").click()
        page.evaluate("getSelection().selectAllChildren(document.getElementById('name-github'))")
        button = page.get_by_role("button", name=re.compile("^Try again")).first
        button.focus()
        page.evaluate("window.focused = document.activeElement")
        top = "window.focused.getBoundingClientRect().top"
        before = page.evaluate(top)
        scene.overview = failing()
        scene.put_letters(some_letters())
        scene.clock.advance(5)
        expect(page.get_by_role("heading", level=1)).to_have_text("Failing")
        expect(page.locator("#announce")).to_contain_text("bookmarks: failing since")
        assert page.title() == "Failing – datafetch"
        assert page.evaluate("window.sameDocument && document.activeElement === window.focused")
        assert page.evaluate("window.focused.isConnected")
        assert page.evaluate("getSelection().toString()") == "github"
        assert abs(page.evaluate(top) - before) < 1
        assert page.locator("details.group[open]").count() == 1


def test_times_alone_are_not_read_out(browser: Browser):
    """What was said stays said: the sentence changes each minute, and nothing has happened."""
    scene = Scene(all_fine())
    with shown(scene) as server, opened(browser) as page:
        page.goto(server.url)
        expect(page.locator("#live")).to_have_text("Live")
        scene.clock.advance(600)
        look_again(page)
        expect(page.locator("#job-bookmarks .fresh")).to_contain_text("12 minutes ago")
        assert page.locator("#announce").text_content() == ""


def test_focus_in_what_vanishes_goes_to_what_is_around_it(browser: Browser):
    """The button of a letter that is gone takes nobody back to the top of the page."""
    scene = Scene(all_fine(), some_letters())
    with shown(scene, **SECRET) as server, opened(browser) as page:
        log_in(page, server)
        expect(page.locator("#live")).to_have_text("Live")
        unfold(page)
        page.locator("#letters-logos button").last.focus()
        scene.put_letters([one for one in some_letters() if one.job != "logos"])
        scene.clock.advance(5)
        expect(page.locator("#letters-logos")).to_have_count(0)
        assert page.evaluate("document.activeElement.id") == "letters"


def test_trying_again_is_said_once(browser: Browser):
    """The notice has the focus, so that it is read out; a reload does not say it again."""
    scene = Scene(running(), some_letters())
    with shown(scene, **SECRET) as server, opened(browser) as page:
        log_in(page, server)
        page.get_by_role("button", name="Try all again of logos").click()
        notice = page.get_by_role("status")
        expect(notice).to_contain_text("1 item of logos is tried again now")
        expect(notice).to_be_focused()
        assert scene.await_runs(1)[0].options.only == ("shop.example",)
        scene.overview = failing()
        scene.clock.advance(5)
        expect(page.get_by_role("heading", level=1)).to_have_text("Failing")
        expect(notice).to_be_focused()
        page.reload()
        expect(page.get_by_role("status")).to_have_count(0)


def test_a_wrong_secret_is_said(browser: Browser):
    """By an alert that the field names; the closed page shows nothing else, and passes axe."""
    closed = {"DATAFETCH_METRICS_TOKEN": TOKEN}
    refusals = ("401 (Unauthorized)",)
    with shown(Scene(all_fine()), **closed) as server, opened(browser, expected=refusals) as page:
        page.goto(server.url)
        assert violations(page) == []
        page.get_by_label("Secret").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("neither the cron secret")
        assert violations(page) == []
        page.get_by_label("Secret").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("All is well")


def test_the_answer_of_a_proxy_is_not_taken_for_the_page(browser: Browser):
    """A proxy in front of a server that is away answers something, and nobody shall think it is live."""
    scene = Scene(all_fine())
    with shown(scene) as server, opened(browser, expected=("503 (Service",)) as page:
        page.goto(server.url)
        expect(page.locator("#live")).to_have_text("Live")
        for status in (503, 200):
            page.route(server.url + "/", lambda route: route.fulfill(status=status, body="<p>No."))  # noqa: B023 - asked for in the same round
            look_again(page)
            expect(page.locator("#live")).to_have_text("Connection lost, trying again")
            expect(page.locator("#announce")).to_have_text("Connection lost, trying again")
            expect(page.get_by_role("heading", level=1)).to_have_text("All is well")
            page.unroute(server.url + "/")
            look_again(page)
            expect(page.locator("#live")).to_have_text("Live")


def test_a_server_that_is_back_behind_its_proxy_is_listened_to_soon(browser: Browser):
    """A proxy's answer ends the stream for good, so the page itself begins a new one."""
    with shown(Scene(all_fine())) as server, opened(browser, expected=("502 (Bad",)) as page:
        page.clock.install()
        page.add_init_script("Math.random = () => 0.9")  # else the next try after a minute may come
        page.route(re.compile("events$"), lambda route: route.fulfill(status=502))
        page.goto(server.url)
        expect(page.locator("#live")).to_have_text("Updated each half minute")
        page.route(server.url + "/", lambda route: route.fulfill(status=502))
        page.clock.fast_forward(30_000)
        expect(page.locator("#live")).to_have_text("Connection lost, trying again")
        page.unroute_all()
        page.clock.fast_forward(30_000)
        expect(page.locator("#live")).not_to_have_class(re.compile("lost"))
        page.clock.fast_forward(4_000)
        expect(page.locator("#live")).to_have_text("Live")


def test_a_session_that_has_ended_is_told_with_a_way_back(browser: Browser):
    """The page stays as it was, and has a link to log in at."""
    scene = Scene(all_fine())
    closed = {"DATAFETCH_METRICS_TOKEN": TOKEN}
    with shown(scene, **closed) as server, opened(browser, expected=("401 (Unauth",)) as page:
        log_in(page, server, TOKEN)
        expect(page.locator("#live")).to_have_text("Live")
        scene.clock.advance(12 * 3600 + 1)
        look_again(page)
        expect(page.locator("#announce")).to_have_text("Log in again to see what is new")
        page.get_by_role("link", name="Log in again to see what is new").click()
        expect(page.get_by_label("Secret")).to_be_visible()


def test_a_page_in_the_background_holds_no_connection(browser: Browser):
    """Browsers open six to a server: a seventh page would not load. Its title still says how things are."""
    scene = Scene(all_fine())
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true})"
    with shown(scene) as server, opened(browser) as page:
        page.clock.install()
        alone = scene.listeners()
        page.goto(server.url)
        expect(page.locator("#live")).to_have_text("Live")
        page.evaluate(hide % "true")
        look_again(page)
        assert scene.listeners() > alone
        page.clock.fast_forward(10_000)
        until(lambda: scene.listeners() == alone)
        scene.overview = failing()
        scene.clock.advance(5)
        page.clock.fast_forward(30_000)
        expect(page).to_have_title("Failing – datafetch")
        page.evaluate(hide % "false")
        look_again(page)
        expect(page.locator("#live")).to_have_text("Live")


def test_without_a_stream_the_page_is_fetched_again(browser: Browser):
    """Where events do not get through, the page is half a minute behind at most, and says so."""
    scene = Scene(all_fine())
    refusals = ("429 (Too Many", "MIME")
    with shown(scene) as server, ExitStack() as stack, opened(browser, expected=refusals) as page:
        for _ in range(20):
            stack.enter_context(listening(server))
        page.clock.install()
        page.goto(server.url)
        expect(page.locator("#live")).to_have_text("Updated each half minute")
        scene.overview = failing()
        scene.clock.advance(5)
        page.clock.fast_forward(30_000)
        expect(page.get_by_role("heading", level=1)).to_have_text("Failing")
        expect(page.locator("#announce")).to_contain_text("bookmarks: failing since")


def test_a_lost_connection_is_seen_and_found_again(browser: Browser):
    """The sign says so, and the page goes on to show what was known."""
    scene = Scene(all_fine())
    with opened(browser, expected=("ERR_",)) as page:
        with shown(scene) as server:
            page.goto(server.url)
            expect(page.locator("#live")).to_have_text("Live")
            scene.cancel.cancel(Cancelled("it stops"))
        expect(page.locator("#live")).to_have_text("Connection lost, trying again")
        expect(page.locator("#live")).to_have_class(re.compile("lost"))
        expect(page.get_by_role("heading", level=1)).to_have_text("All is well")


def test_a_store_that_does_not_answer_shows_what_was_known(browser: Browser):
    """The page says so and how old it is, live as well as after a reload."""
    scene = Scene(all_fine())
    with shown(scene) as server, opened(browser, expected=("503 (Service",)) as page:
        page.goto(server.url)
        expect(page.locator("#live")).to_have_text("Live")
        scene.failure = StoreUnavailable("s3://site did not answer")
        scene.clock.advance(120)
        expect(page.get_by_role("heading", level=1)).to_have_text("Unknown")
        expect(page.locator(".hero")).to_contain_text("2 minutes ago")
        expect(page.locator("#job-bookmarks")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("Unknown")


def test_paper_is_white_in_the_dark_too(browser: Browser):
    """What is printed from the dark theme has the light one's colours, for browsers print no tints."""
    scene = Scene(failing(), some_letters())
    with shown(scene) as server, opened(browser, theme="dark") as page:
        page.goto(server.url)
        page.emulate_media(media="print", color_scheme="dark")
        assert violations(page) == []
        colour = "getComputedStyle(document.querySelector('h1')).color"
        assert page.evaluate(colour) == "rgb(169, 38, 29)"
        expect(page.locator(".filter")).to_be_hidden()


def test_the_page_is_used_by_keyboard(browser: Browser):
    """The first Tab finds the way past the head; each stop has a focus that is seen."""
    with shown(Scene(failing(), some_letters()), **SECRET) as server, opened(browser) as page:
        log_in(page, server)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Tab")
        for _ in range(10):
            style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert style == "solid"
            page.keyboard.press("Tab")


def _first_group(page: Page) -> str:
    found = page.locator("details.group").first.get_attribute("id")
    assert found is not None
    return found.removeprefix("group-")
