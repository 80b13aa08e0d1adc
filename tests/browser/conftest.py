"""One JupyterLab, one Chromium, and a scripted model, for tests that drive the product as a person does."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import PATIENCE, launch_options
from model_server import ModelServer, model_server_in_thread
from playwright.sync_api import Browser, Page, expect, sync_playwright

from .lab import Lab
from .panel import LONG, Panel

OpenLab = Callable[..., Panel]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test here may wait for ``LONG`` more than once."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(4 * LONG / 1000))


@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    """Not pytest-jupyter's: it would close the loop that Playwright runs."""


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    """No server runs in this process."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(**launch_options())
        yield started
        started.close()


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab for all tests; each makes sessions of its own in it."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    lab.start()
    yield lab
    lab.stop()


SECRET = "sk-typed-by-jane-0123456789"


@pytest.fixture
def model(lab: Lab) -> Iterator[ModelServer]:
    """The model ``custom:scripted``; set its ``steps``."""
    with model_server_in_thread() as server:
        lab.api("PUT", "providers/custom", {"base_url": server.url, "api_key": SECRET})
        yield server


_workspaces = itertools.count()


@pytest.fixture
def open_lab(lab: Lab, browser: Browser) -> Iterator[OpenLab]:
    """``open_lab("<session id>")``: JupyterLab in a browser of its own, with that session open or the first screen."""
    opened: list[Page] = []

    def open_(session: str = "", lab: Lab = lab, width: int = 1400) -> Panel:
        page = visit(browser, lab, session or "open", width=width)
        opened.append(page)
        return Panel(page)

    yield open_
    for page in opened:
        page.context.close()


def visit(browser: Browser, lab: Lab, appbuilder: str, *, width: int = 1400, **options: Any) -> Page:
    """JupyterLab in a browser that is logged in by token, in a workspace (Lab's, of windows) that nobody else has."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    context.set_default_timeout(PATIENCE)
    context.set_default_navigation_timeout(LONG)
    page = context.new_page()
    page.goto(f"{lab.url}login?token={lab.token}&next=/user/jane/api/status")
    page.goto(f"{lab.url}lab/workspaces/w{next(_workspaces)}?appbuilder={appbuilder}")
    expect(page.locator("#jp-appbuilder-panel")).to_be_visible(timeout=LONG)
    # It takes the words out of the address when it has done what they say; then it gives the composer the focus.
    page.wait_for_function("() => !new URLSearchParams(location.search).has('appbuilder')", timeout=LONG)
    if appbuilder == "open":
        expect(page.locator(".jp-Launcher")).to_be_visible(timeout=LONG)  # it takes the focus when it appears
    page.evaluate("new Promise(requestAnimationFrame)")
    return page
