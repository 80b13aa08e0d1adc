"""What a person sees of the App Builder in JupyterLab, as things to look at and use."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import FrameLocator, Locator, Page, TimeoutError, expect

AXE = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
POINT_AT_FRAME = """() => {
  const frames = [...document.querySelectorAll('iframe[title^="Preview of"]')];
  const frame = frames.find((frame) => frame.checkVisibility());
  if (!frame) return;
  const { x, y } = frame.getBoundingClientRect();
  const place = { clientX: x + 9, clientY: y + 9, screenX: Math.random(), screenY: Math.random() };
  frame.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, ...place }));
}"""

SHOTS = os.environ.get("APPBUILDER_SCREENSHOTS", "")
"""A folder that keeps pictures of the main states, to be looked at."""

LONG = 240_000
"""Milliseconds for what starts a dev server or plays a whole recording, on a machine that has much else to do: three
times what was measured there."""


class Panel:
    """The side panel and the previews beside it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator("#jp-appbuilder-panel")
        self.conversation = self.root.get_by_role("log", name="Conversation")
        self.turns = self.conversation.get_by_role("article")
        self.stop = self.root.get_by_role("button", name="Stop", exact=True)
        self.composer = self.root.get_by_role("textbox", name=re.compile("^(Your request|Describe the app you want)$"))

    def say(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")

    def finished(self, turns: int) -> None:
        """Wait until the conversation has this many turns and none is running."""
        expect(self.turns).to_have_count(turns, timeout=LONG)
        expect(self.turns.last.locator("footer")).to_be_visible(timeout=LONG)
        expect(self.stop).to_have_count(0)

    def card(self, words: str) -> Locator:
        """The line of a tool call in the feed, by its beginning: "Wrote src/App.tsx"."""
        # Playwright reads the pattern between slashes.
        pattern = re.escape(words).replace("/", r"\/")
        return self.conversation.get_by_role("button", name=re.compile(f"^{pattern}.*: details$"))

    def menu(self, entry: str) -> None:
        self.root.get_by_role("button", name="More actions").click()
        self.page.get_by_role("menuitem", name=entry).click()

    def choose_template(self, title: str) -> None:
        button = self.root.get_by_role("button", name=re.compile("^Template: "))
        choices = self.root.get_by_role("group", name="Start from")
        if button.get_attribute("aria-expanded") != "true":
            button.click()
        try:
            expect(choices).to_be_visible(timeout=3000)
        except AssertionError:  # it had opened by itself just then, as it does in a new Lab once there is a model
            button.click()
        choices.get_by_text(title, exact=True).click()
        expect(button).to_have_attribute("aria-label", f"Template: {title}")

    def open_model_settings(self) -> None:
        """From the first screen, which says it otherwise where no model answers."""
        wanted = re.compile("^(Set up a model|Model settings|Check its settings)$")
        self.root.get_by_role("button", name=wanted).first.click()

    def choose_model(self, id: str) -> None:
        button = self.root.get_by_role("button", name=re.compile("^Model: "))
        field = self.root.get_by_role("combobox", name="Search, or the name of a model")
        option = self.root.locator(f'[role="option"][data-model="{id}"]')

        def chosen() -> bool:  # a screen that comes in place of another takes its popup along
            if not field.is_visible():
                button.click()
            try:
                field.fill(id, timeout=3000)
                option.click(timeout=3000)
            except TimeoutError:
                return False
            return True

        wait_for(chosen, self.page)

    def text(self) -> str:
        """The conversation as read, without what changes by itself: how long ago something was."""
        return re.sub(r"(?m)^(now|\d+ \w+ ago|.*\bsec.* ago)$", "", self.conversation.inner_text())

    def preview(self, *, pointed: bool = True) -> FrameLocator:
        """The app in its frame, which the pointer is over if ``pointed``."""
        if pointed:
            # A browser under remote control tells only the frame of a pointer over it; a real one tells the page, too.
            self.page.evaluate(POINT_AT_FRAME)
        return self.page.frame_locator('iframe[title^="Preview of"]:visible')

    def widen(self, width: float) -> None:
        """Give the panel so much room, with the mouse, as a person does."""
        box = self.root.bounding_box()
        assert box
        mouse = self.page.mouse
        mouse.move(box["x"] - 2, box["y"] + 300)
        mouse.down()
        mouse.move(box["x"] + box["width"] - width, box["y"] + 300, steps=5)
        mouse.up()

    def narrow(self) -> Any:
        """Make the panel as narrow as it gets. Where it is then."""
        self.widen(240)
        narrow = self.root.bounding_box()
        assert narrow
        assert narrow["width"] < 300
        return narrow

    def picture(self, name: str) -> None:
        if SHOTS:
            self.page.screenshot(path=Path(SHOTS) / f"{name}.png")


def wait_for(condition: Callable[[], bool], page: Page | None = None) -> None:
    """Wait until something holds that is not in the page, which goes on meanwhile if it is given."""
    end = time.monotonic() + LONG / 1000
    while not condition():
        assert time.monotonic() < end, "It did not happen."
        if page:
            page.wait_for_timeout(50)
        else:
            time.sleep(0.05)


AUDIT = """async scope => {
    const { violations } = await axe.run({ include: [scope], exclude: [['iframe']] }, { resultTypes: ['violations'] });
    const told = node => `${node.html.slice(0, 300)} ${node.failureSummary}`;
    return violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(told) }));
}"""


def violations(page: Page, scope: str) -> list[dict[str, Any]]:
    """What axe-core finds to report below the element ``scope``."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text())
    return page.evaluate(AUDIT, scope)


def command(page: Page, name: str, args: dict[str, Any] | None = None) -> None:
    """Run a JupyterLab command by its id, for what is not this product's to offer (the theme, opening a file)."""
    run = "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)"
    page.evaluate(run, [name, args or {}])
