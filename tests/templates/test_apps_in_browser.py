"""The template's page and the recorded apps work for a person in a browser.

``APPBUILDER_SCREENSHOTS=<folder>`` keeps pictures of each, to be looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chromium import PATIENCE, launch_options
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from jupyter_appbuilder.models.demo.recordings import SHIPPED, load

from .template_app import TemplateApp


@pytest.fixture  # one each: a running Playwright would hold the event loop that other fixtures close
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(**launch_options())
        yield started
        started.close()


@contextmanager
def opened(browser: Browser, folder: Path, recording: str | None = None) -> Generator[Page]:
    """A page showing the running app. Fails at the end if the page reported an error, a warning or a failed request."""
    app = TemplateApp(folder / "app")
    if recording:
        app.play(load(SHIPPED / recording))
    with app.serve() as url:
        page = browser.new_page(color_scheme="light", viewport={"width": 1280, "height": 860})
        page.set_default_timeout(PATIENCE)
        page.set_default_navigation_timeout(60_000)  # the first load waits for Vite to bundle the dependencies
        problems: list[str] = []

        def heard(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                problems.append(message.text)

        page.on("console", heard)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("requestfailed", lambda request: problems.append(f"{request.url}: {request.failure}"))
        page.goto(url)
        yield page
        page.close()
    assert problems == []


def picture(page: Page, name: str) -> None:
    """Light, dark and narrow, when asked for."""
    folder = os.environ.get("APPBUILDER_SCREENSHOTS")
    if not folder:
        return
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(400)
        page.screenshot(path=f"{folder}/{name}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(400)
    page.screenshot(path=f"{folder}/{name}-narrow.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the screen"
    page.set_viewport_size({"width": 1280, "height": 860})


def column(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def test_the_templates_page_is_live_and_switches_its_theme(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path) as page:
        expect(page.get_by_role("heading", level=1)).to_contain_text("Describe your app")
        picture(page, "template")
        expect(page.get_by_text(re.compile(r"^0:0[1-9]$"))).to_be_visible()
        page.get_by_role("button", name="Switch to the dark theme").click()
        expect(page.locator("html")).to_have_class("dark")


def test_the_templates_page_works_on_an_opaque_origin_and_updates_there(browser: Browser, tmp_path: Path) -> None:
    app = TemplateApp(tmp_path / "app")
    with app.serve() as url:
        page = browser.new_page()
        page.set_default_timeout(2 * PATIENCE)  # the first to ask for the packages, bundled here
        page.set_content(f'<iframe sandbox="allow-scripts allow-forms" src="{url}" width="900" height="700"></iframe>')
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("heading", level=1)).to_contain_text("Describe your app")
        source = app.folder / "src" / "App.tsx"
        source.write_text(source.read_text().replace("Describe your app.", "Changed while it runs."))
        expect(frame.get_by_role("heading", level=1)).to_contain_text("Changed while it runs.")
        page.close()


def test_the_task_board_adds_moves_edits_deletes_and_remembers(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, "task-board") as page:
        picture(page, "task-board")
        page.get_by_role("button", name="Add task", exact=True).click()
        page.get_by_label("Title").fill("Water the plants")
        page.get_by_label("Notes").fill("The fern too")
        if folder := os.environ.get("APPBUILDER_SCREENSHOTS"):
            page.wait_for_timeout(300)
            page.screenshot(path=f"{folder}/task-board-dialog.png")
        page.get_by_role("dialog").get_by_role("button", name="Add task").click()
        card = page.get_by_role("listitem", name="Water the plants, Medium priority")
        expect(column(page, "To do").get_by_role("listitem")).to_have_count(3)

        page.get_by_role("button", name="Move Water the plants to In progress").click()
        expect(column(page, "In progress").get_by_text("Water the plants")).to_be_visible()
        expect(card).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(column(page, "Done").get_by_text("Water the plants")).to_be_visible()
        card.drag_to(column(page, "To do").get_by_role("heading", name="To do"))
        expect(column(page, "To do").get_by_text("Water the plants")).to_be_visible()

        page.get_by_role("button", name="Edit Water the plants").click()
        page.get_by_label("Title").fill("Water all plants")
        page.get_by_role("button", name="Save").click()
        page.reload()
        expect(column(page, "To do").get_by_text("Water all plants")).to_be_visible()

        page.get_by_role("button", name="Delete Water all plants").click()
        expect(column(page, "To do").get_by_role("listitem")).to_have_count(2)
        page.get_by_role("button", name="Undo").click()
        expect(column(page, "To do").get_by_role("listitem")).to_have_count(3)


@pytest.mark.walk
def test_the_dashboard_draws_every_bird_and_its_filters_act_on_all(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, "dashboard") as page:
        count = page.get_by_test_id("count")
        expect(count).to_have_text("344 of 344")
        dots = page.locator(".recharts-scatter-symbol")
        expect(dots).to_have_count(342)  # two birds lack bill measurements
        expect(page.locator(".recharts-bar-rectangle path").first).to_be_attached()
        picture(page, "dashboard")

        page.get_by_role("button", name="Gentoo").click()
        expect(count).to_have_text("220 of 344")
        expect(dots).to_have_count(219)
        page.get_by_role("combobox", name="Island").click()
        page.get_by_role("option", name="Dream").click()
        expect(count).to_have_text("124 of 344")
        page.get_by_role("combobox", name="Sex").click()
        page.get_by_role("option", name="Female", exact=True).click()
        expect(count).to_have_text("61 of 344")
        for name in ("Adelie", "Chinstrap"):
            page.get_by_role("button", name=name).click()
        expect(page.get_by_text("No penguin matches these filters.")).to_be_visible()
        page.get_by_role("button", name="Show all").click()
        expect(count).to_have_text("344 of 344")
        page.get_by_role("button", name="Next page").click()
        expect(page.get_by_text("9–16 of 344")).to_be_visible()


@pytest.mark.walk
def test_the_follow_up_brings_search_and_a_dark_mode_that_is_remembered(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, "task-board-dark-search") as page:
        picture(page, "follow-up")
        cards = page.locator("li[draggable]")
        expect(cards).to_have_count(4)
        page.keyboard.press("/")
        page.keyboard.type("thursday low")
        expect(cards).to_have_count(1)
        expect(page.get_by_text("Book a room for Thursday")).to_be_visible()
        page.keyboard.press("Escape")
        expect(cards).to_have_count(4)

        page.get_by_role("button", name="Switch to the dark theme").click()
        expect(page.locator("html")).to_have_class("dark")
        page.reload()
        expect(page.locator("html")).to_have_class("dark")
        expect(cards).to_have_count(4)
