"""The App Builder's commands in JupyterLab's palette, as a person finds and uses them."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, TimeoutError, expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, Panel, wait_for


def found(panel: Panel, words: str) -> Locator:
    """The App Builder's command that the palette finds for ``words``."""
    item = panel.page.locator(".lm-CommandPalette-item").filter(has_text=words)

    def seen() -> bool:
        # JupyterLab closes it when something else takes the focus, as its own parts do while they appear.
        field = panel.page.locator(".lm-CommandPalette-input:visible")
        if field.count() == 0:
            panel.page.keyboard.press("Control+Shift+C")
        elif field.input_value() != words:
            field.fill(words)
        return item.count() > 0

    wait_for(seen, panel.page)
    return item


def choose(panel: Panel, words: str) -> None:
    """Carry out a command of the palette; one that JupyterLab closed in that moment is opened again."""

    def done() -> bool:
        try:
            found(panel, words).click(timeout=3000)
        except TimeoutError:
            return False
        return True

    wait_for(done, panel.page)


def test_what_the_panel_can_do_is_found_in_the_palette(open_lab: OpenLab, lab: Lab) -> None:
    panel = open_lab(lab.new_session(title="By palette")["id"])
    title = panel.root.get_by_role("heading", name="By palette")
    expect(title).to_be_visible(timeout=LONG)
    expect(panel.preview().get_by_role("heading", name="One page")).to_be_visible(timeout=LONG)
    for words in ("Model settings", "Approval rules", "Usage and budgets"):
        choose(panel, words)
        expect(panel.root.get_by_role("heading", level=2, name=words)).to_be_focused()
        panel.root.get_by_role("button", name="Back", exact=True).click()
        expect(title).to_be_visible()

    with panel.page.expect_download() as download:
        choose(panel, "Download the App as ZIP")
    assert download.value.suggested_filename.endswith(".zip")

    choose(panel, "New App")
    expect(panel.root.get_by_role("heading", name="Build an app")).to_be_visible()
    # JupyterLab's palette hides what makes no sense now.
    stop = found(panel, "Stop the App Builder")
    expect(stop).to_have_class(re.compile("lm-mod-disabled"))
    expect(stop).to_be_hidden()
