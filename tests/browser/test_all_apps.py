"""The page of all apps in the main area."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, command, violations, wait_for

PAGE = ".jp-AppBuilder-appsWidget"


def test_apps_are_found_renamed_put_away_and_brought_back(open_lab: OpenLab, lab: Lab) -> None:
    """By keyboard, where nothing else is said. Other tests' apps are in the list, too: a word tells ours apart."""
    made = [lab.new_session(title=f"Zebra {name}") for name in ("clock", "board", "atlas")]
    lab.api("PATCH", f"sessions/{made[0]['id']}", {"tags": ["stripes"], "pinned": True})
    panel = open_lab()
    page = panel.page
    page.locator(".jp-LauncherCard", has_text="All Apps").click()
    apps = page.locator(PAGE)
    cards = apps.get_by_role("listitem")
    expect(cards.first).to_be_visible(timeout=LONG)
    apps.get_by_role("searchbox", name="Search your apps").fill("zebra")
    expect(cards).to_have_count(3)
    expect(cards.first.get_by_role("button", name="Open Zebra clock, pinned")).to_be_visible()
    expect(cards.first).to_contain_text("stripes")

    apps.get_by_label("Sort by").select_option("title")
    opens = apps.get_by_role("button", name=re.compile("^Open Zebra"))
    opens.first.focus()
    page.keyboard.press("ArrowRight")
    expect(apps.get_by_role("button", name="Open Zebra atlas")).to_be_focused()
    page.keyboard.press("F2")
    field = apps.get_by_role("textbox", name="New title of Zebra atlas")
    expect(field).to_be_focused()
    field.fill("Zebra map")
    page.keyboard.press("Enter")
    renamed = apps.get_by_role("button", name="Open Zebra map")
    expect(renamed).to_be_focused()
    page.keyboard.press("Delete")
    expect(apps.get_by_text("“Zebra map” is in the trash.")).to_be_visible()
    expect(cards).to_have_count(2)
    assert violations(page, PAGE) == []
    panel.picture("all-apps")
    apps.get_by_role("button", name="Undo").click()
    expect(renamed).to_be_visible()

    def listed() -> bool:
        titles = {app["title"] for app in lab.api("GET", "sessions?search=zebra")}
        return titles == {"Zebra clock", "Zebra board", "Zebra map"}

    wait_for(listed, page)  # shown at once, stored a little later

    apps.get_by_role("button", name="Actions for Zebra board").click()
    page.get_by_role("menuitem", name="Duplicate").click()
    expect(apps.get_by_role("button", name="Open Zebra board (fork)")).to_be_visible(timeout=LONG)
    renamed.focus()
    page.keyboard.press("Enter")
    expect(panel.root.get_by_role("heading", name="Zebra map")).to_be_visible(timeout=LONG)


def test_the_page_of_all_apps_is_readable_in_the_dark(open_lab: OpenLab, lab: Lab) -> None:
    lab.new_session(title="Nocturne")
    panel = open_lab(width=700)
    page = panel.page
    command(page, "apputils:change-theme", {"theme": "JupyterLab Dark"})
    command(page, "appbuilder:home")
    card = page.locator(PAGE).get_by_role("listitem").first
    expect(card).to_be_visible(timeout=LONG)
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", "JupyterLab Dark")
    found = violations(page, PAGE)
    command(page, "apputils:change-theme", {"theme": "JupyterLab Light"})
    assert found == []
