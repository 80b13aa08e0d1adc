"""The versions of an app as a timeline, and one of them running beside the present one, read-only."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations, wait_for
from .test_accessibility import PANEL, wear


def page_of(word: str) -> str:
    return f"<!doctype html><title>App</title><h1>{word}</h1><input aria-label='Note'>\n"


def test_a_version_is_looked_at_beside_the_app_named_and_gone_back_to(lab: Lab, open_lab: OpenLab) -> None:
    made = lab.new_session(title="Look back")
    id = made["id"]
    for word in ("First page", "Second page", "Third page"):
        arguments = {"path": "index.html", "content": page_of(word)}
        lab.api("POST", f"sessions/{id}/tools/write_file", {"arguments": arguments})
    assert len(lab.api("GET", f"sessions/{id}/checkpoints")) == 4
    panel = open_lab(id)
    page = panel.page
    panel.menu("Versions")
    timeline = panel.root.get_by_role("region", name="Versions")
    rows = timeline.locator(".jp-AppBuilder-version")
    expect(rows).to_have_count(4)
    expect(panel.composer).to_have_count(0)
    second = rows.nth(2)
    expect(second.get_by_role("heading")).to_have_text(re.compile("^2 "))
    expect(rows.first).to_have_attribute("aria-current", "true")
    panel.picture("versions-light")
    assert violations(page, PANEL) == []
    panel.narrow()
    panel.picture("versions-narrow")

    # With room for both, the conversation stays beside it.
    panel.widen(640)
    expect(panel.composer).to_be_visible()
    expect(rows).to_have_count(4)
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(second).to_be_focused()
    second.get_by_role("button", name="Name the version").click()
    page.keyboard.type("Before the demo")
    page.keyboard.press("Enter")
    expect(second.get_by_role("heading")).to_have_text("2 Before the demo")
    wear(page, "JupyterLab Dark")
    panel.picture("versions-beside-dark")
    assert violations(page, PANEL) == []

    second.get_by_role("button", name="Preview").click()
    shown = page.get_by_role("region", name="Version 2, read-only")
    expect(shown.get_by_text("Version 2 — read-only")).to_be_visible()
    inside = page.frame_locator('iframe[title="Version 2, read-only"]')
    expect(inside.get_by_role("heading", name="First page")).to_be_visible(timeout=LONG)
    expect(second.get_by_role("button", name="Preview")).to_have_attribute("aria-pressed", "true")
    panel.picture("version-shown-dark")
    assert "Third page" in lab.app(made).joinpath("index.html").read_text()
    wear(page, "JupyterLab Light")
    panel.picture("version-shown-light")
    assert violations(page, ".jp-AppBuilder-versionPane") == []

    # One at a time: another takes its tab's place; closing that leaves nothing.
    rows.nth(1).get_by_role("button", name="Preview").click()
    third = page.get_by_role("region", name="Version 3, read-only")
    expect(
        page.frame_locator('iframe[title="Version 3, read-only"]').get_by_role("heading", name="Second page")
    ).to_be_visible(timeout=LONG)
    expect(shown).to_have_count(0)
    third.get_by_role("button", name="Restore").click()
    expect(third).to_have_count(0, timeout=LONG)
    expect(rows).to_have_count(5)
    assert "Second page" in lab.app(made).joinpath("index.html").read_text()
    wait_for(lambda: not (lab.root / "appbuilder/.versions").exists(), page)
    panel.picture("versions-after")
