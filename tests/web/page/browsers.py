"""A real browser for tests of pages: headless Chromium, which loads nothing but the server's pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.programs import program

Theme = Literal["light", "dark"]

PHONE, DESKTOP = (390, 844), (1280, 900)

_SOON_MS = 30_000
expect.set_options(timeout=_SOON_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser of a module's tests."""
    with sync_playwright() as play:
        made = play.chromium.launch(
            executable_path=program("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield made
        made.close()


@contextmanager
def opened(
    browser: Browser,
    *,
    theme: Theme = "light",
    size: tuple[int, int] = DESKTOP,
    script: bool = True,
    expected: tuple[str, ...] = (),
) -> Iterator[Page]:
    """A page in a profile of its own; at the end the test fails if the browser has complained.

    `expected` are parts of complaints that the test provokes.
    """
    context = browser.new_context(
        color_scheme=theme,
        reduced_motion="reduce",  # else colours are still on their way when they are looked at
        viewport={"width": size[0], "height": size[1]},
        java_script_enabled=script,
    )
    context.set_default_timeout(_SOON_MS)
    page = context.new_page()
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    left = [text for text in complaints if not any(part in text for part in expected)]
    assert left == []


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is now: rule, and where."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]
