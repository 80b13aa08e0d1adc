"""Templates with pictures, an app that becomes one, and the settings."""

from __future__ import annotations

from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, command, violations


def test_an_app_becomes_a_template_that_makes_apps_and_is_removed(lab: Lab, open_lab: OpenLab) -> None:
    session = lab.new_session(title="Sales board")
    (lab.app(session) / "index.html").write_text("<h1>Sales by region</h1>")
    panel = open_lab(session["id"])
    panel.menu("Save as template")
    panel.root.get_by_label("Description").fill("Numbers by region.")
    expect(panel.root.get_by_text("Goes along: 2 files of the app")).to_be_visible()
    panel.picture("save-as-template-light")
    panel.root.get_by_role("button", name="Save as template").click()
    panel.root.get_by_role("button", name="Show the templates").click()

    card = panel.root.get_by_role("listitem").filter(has=panel.page.get_by_text("Numbers by region."))
    expect(card).to_be_visible()
    shipped = panel.root.get_by_role("button", name="Start an app from React app")
    expect(shipped.locator("img").first).to_have_js_property("naturalWidth", 480)
    panel.picture("templates-light")
    assert not violations(panel.page, "#jp-appbuilder-panel")
    panel.narrow()
    assert (
        panel.page.evaluate("(e => e.scrollWidth - e.clientWidth)(document.querySelector('.jp-AppBuilder-pageBody'))")
        == 0
    )
    panel.picture("templates-250-light")

    card.get_by_role("button", name="Start an app from Sales board").click()
    expect(panel.root.get_by_role("button", name="Template: Sales board")).to_be_visible()
    [name] = [one["name"] for one in lab.api("GET", "templates") if one["title"] == "Sales board"]
    made = lab.new_session(template=name, title="Made of it")
    panel = open_lab(made["id"])
    expect(panel.preview().get_by_role("heading", name="Sales by region")).to_be_visible(timeout=LONG)

    command(panel.page, "appbuilder:settings", {"page": "templates"})
    panel.root.get_by_role("button", name="Remove Sales board").click()
    panel.root.get_by_role("button", name="Remove", exact=True).click()
    expect(panel.root.get_by_text("Sales board was removed.")).to_be_visible()
    lab.api("POST", f"sessions/{made['id']}/preview", {"action": "restart"})
    expect(panel.preview().get_by_role("heading", name="Sales by region")).to_be_visible(timeout=LONG)


def test_each_page_of_the_settings_has_an_address(lab: Lab, open_lab: OpenLab) -> None:
    panel = open_lab("open&appbuilder-page=settings")
    row = panel.root.locator("dl > div").filter(has_text="Folders with templates")
    expect(row.get_by_text("Administrator")).to_be_visible()
    assert not violations(panel.page, "#jp-appbuilder-panel")
    panel.picture("settings-light")
    panel.root.get_by_role("button", name="Sandbox", exact=True).click()
    expect(panel.root.get_by_text("Works: ")).to_be_visible()
    panel.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.root.get_by_role("button", name="Copy the address of this page").click()
    expect(panel.page.get_by_text("The address was copied.")).to_be_visible()
    address = panel.page.evaluate("navigator.clipboard.readText()")
    panel.page.goto(address)
    expect(panel.root.get_by_role("heading", name="Sandbox")).to_be_visible(timeout=LONG)
