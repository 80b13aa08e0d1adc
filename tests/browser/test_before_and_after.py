"""How an app looked in two versions: pictures of a real page, compared by the person."""

from __future__ import annotations

import re

from eyes.stage import html
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, command, violations


def test_two_versions_are_compared_by_their_looks(open_lab: OpenLab, lab: Lab) -> None:
    made = lab.new_session(title="Before and after")
    id = made["id"]

    def write(body: str) -> str:
        arguments = {"path": "index.html", "content": html(body)}
        lab.api("POST", f"sessions/{id}/tools/write_file", {"arguments": arguments})
        return lab.api("GET", f"sessions/{id}/checkpoints")[0]["id"]

    style = "body { margin: 24px; font: 20px sans-serif } p { width: 200px; height: 90px; background: #ddd }"
    first = write(f"<style>{style}</style><h1>Tasks</h1><p>Milk</p>")
    lab.api("POST", f"sessions/{id}/checkpoints/{first}/picture")
    second = write(f"<style>{style}</style><h1>Tasks</h1><p>Milk</p><p style='background: #36c'>Bread</p>")

    panel = open_lab(id)
    page = panel.page
    panel.menu("Versions")
    newest = panel.root.locator(".jp-AppBuilder-version").first
    newest.get_by_role("button", name="Before and after").click()
    compared = panel.root.get_by_role("region", name="Compare two versions")
    expect(compared.get_by_label("From version")).to_have_value(first)
    expect(compared.get_by_label("To version")).to_have_value(second)

    # Of one of them there is a picture; the other is the present one, and can be looked at.
    expect(compared.get_by_text("was never looked at")).to_be_visible()
    expect(compared.get_by_role("button", name="Slider")).to_be_disabled()
    panel.picture("before-and-after-empty")
    compared.get_by_role("button", name="Look at it now").click()
    expect(compared.get_by_role("img", name=re.compile("1280 px wide"))).to_have_count(2, timeout=LONG)
    panel.picture("before-and-after-beside")

    compared.get_by_role("button", name="Difference").click()
    expect(compared.get_by_role("status")).to_have_text(re.compile(r"^ ?\d.* % of the picture differs, in one place\."))
    panel.picture("before-and-after-difference")
    compared.get_by_role("button", name="Phone, 390 px").click()
    expect(compared.get_by_role("img", name=re.compile("of the picture differs"))).to_be_visible()

    compared.get_by_role("button", name="Slider").click()
    slider = compared.get_by_role("slider")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "60 % before, 40 % after")
    page.keyboard.press("Home")
    expect(slider).to_have_value("0")
    page.keyboard.press("End")
    panel.picture("before-and-after-slider")
    compared.get_by_role("button", name="Larger").click()
    large = page.get_by_role("dialog", name="Before and after")
    expect(large.get_by_role("slider")).to_be_visible()
    panel.picture("before-and-after-large")
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    command(page, "apputils:change-theme", {"theme": "JupyterLab Dark"})
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", "JupyterLab Dark")
    assert violations(page, ".jp-AppBuilder-comparison") == []
    compared.get_by_role("button", name="Desktop, 1280 px").click()
    expect(slider).to_be_visible()
    panel.narrow()
    panel.picture("before-and-after-dark")
    command(page, "apputils:change-theme", {"theme": "JupyterLab Light"})
