"""Readers' data are refreshed on a schedule: set in the panel, seen to go well and to fail, and told of in the app."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations
from .test_accessibility import PANEL, wear
from .test_entry_points import notebook
from .test_publish_page import write
from .test_published_pages import publish

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sales</title>
<style>body { font: 16px Georgia, serif; background: BACK; color: FORE }</style>
<main><h1>Sales</h1><p>Of all regions.</p><button>Last</button></main></html>
"""
ROWS = "region,amount\nNorth,1\n"
BEGIN = """import pandas as pd
from jupyter_appbuilder import App
app = App.open("NAME")"""
HANDS = 'app.data("sales", pd.DataFrame({"region": ["North", "South"], "amount": [3, 4]}))'


def give(lab: Lab, id: str) -> None:
    """Hand the app a table, as a file that is sent."""
    at = f"sessions/{id}/datasets/uploads"
    token = lab.api("POST", at, {"file": "sales.csv", "size": len(ROWS)})["upload"]
    sent = httpx.put(
        f"{lab.url}appbuilder/api/{at}/{token}",
        content=ROWS,
        headers={"Authorization": f"token {lab.token}", "Content-Type": "application/octet-stream"},
        timeout=60,
        trust_env=False,
    )
    assert sent.is_success, sent.text
    lab.api("POST", f"{at}/{token}", {"name": "sales"})


def said(page: Page) -> str:
    """What of the app's page stands in the element that says from when its data are, as it is read aloud."""
    session: Any = page.context.new_cdp_session(page)
    tree: Any = session.send("Accessibility.getFullAXTree")
    names = [node.get("name", {}).get("value", "") for node in tree["nodes"] if not node.get("ignored")]
    return next((name for name in names if name.startswith("Data as of")), "") and " ".join(names)


def test_a_schedule_is_set_run_seen_to_fail_and_told_of_in_the_app(lab: Lab, open_lab: OpenLab) -> None:
    made: dict[str, Any] = lab.new_session(title="Sales of the year", template="static")
    id, name = made["id"], made["name"]
    write(lab, id, "index.html", PAGE.replace("BACK", "#fff").replace("FORE", "#222"))
    panel = open_lab(id)
    page, root = panel.page, panel.root
    publish(lab, id, "sales-fresh")
    panel.menu("Publish")
    fresh = root.get_by_role("region", name="Fresh data")
    expect(fresh.get_by_text("The app has no data of a notebook's.")).to_be_visible(timeout=LONG)
    panel.picture("fresh-none")
    give(lab, id)
    publish(lab, id, "sales-fresh")
    begin = BEGIN.replace("NAME", name)
    notebook(lab.root / "sales.ipynb", begin, f"print('Reads the warehouse')\n{HANDS}")

    fresh.get_by_role("button", name="Set times…").click(timeout=LONG)
    form = fresh.get_by_role("form", name="Times of refreshing")
    expect(form.get_by_role("combobox", name="When")).to_be_focused()
    cron = form.get_by_role("textbox", name="Cron text")
    cron.fill("61 6 * * *")
    expect(form.get_by_role("alert")).to_contain_text("is no time of cron")
    panel.picture("fresh-form-wrong")
    cron.fill("0 6 * * *")
    form.get_by_label("When").select_option(label="Monday to Friday")
    form.get_by_label("At", exact=True).fill("06:30")
    expect(cron).to_have_value("30 6 * * 1-5")
    form.get_by_label("Time zone").fill("Europe/Berlin")
    expect(form.get_by_role("status")).to_contain_text(re.compile("Monday to Friday at .*30.*Next: .*30"))
    form.get_by_label("Promised within").select_option(label="2 days")
    form.get_by_label("Notebook").fill("sales.ipynb")
    panel.picture("fresh-form-light")
    assert violations(page, PANEL) == []
    panel.narrow()
    panel.picture("fresh-form-250")
    panel.widen(700)
    wear(page, "JupyterLab Dark")
    panel.picture("fresh-form-700-dark")
    assert violations(page, PANEL) == []
    form.get_by_role("button", name="Set", exact=True).click()
    expect(fresh.get_by_text("Monday to Friday at")).to_be_visible()
    expect(fresh.get_by_text("promised within 2 days")).to_be_visible()

    fresh.get_by_role("button", name="Run now").click()
    expect(fresh.get_by_text(re.compile("Running the notebook|Publishing the new rows"))).to_be_visible()
    panel.picture("fresh-running-dark")
    expect(fresh.get_by_role("button", name="Run now")).to_be_visible(timeout=LONG)
    fresh.get_by_role("button", name="Runs (1)").click()
    expect(fresh.get_by_text("sales: 2 rows")).to_be_visible()
    fresh.get_by_role("button", name="Show run 1").click()
    expect(fresh.get_by_text("Reads the warehouse")).to_be_visible()
    panel.picture("fresh-done-700-dark")
    assert violations(page, PANEL) == []
    wear(page, "JupyterLab Light")
    panel.widen(400)
    panel.picture("fresh-done-400-light")

    # The app says so, and marks it once it is too old.
    address = f"{lab.url}appbuilder/apps/sales-fresh/"
    reader = page.context.new_page()
    reader.set_viewport_size({"width": 700, "height": 300})
    reader.goto(address)
    element = reader.locator("appbuilder-as-of")
    expect(element).to_be_visible(timeout=LONG)
    assert "older than promised" not in said(reader)
    assert said(reader)
    if_shots(panel, reader, "as-of-light")
    reader.keyboard.press("Tab")
    reader.keyboard.press("Tab")
    reader.keyboard.press("Enter")
    expect(element).to_be_hidden()
    reader.reload()
    expect(element).to_be_hidden()
    reader.clock.install(time=datetime.now(UTC) + timedelta(days=3))
    reader.set_viewport_size({"width": 320, "height": 300})
    reader.reload()
    expect(element).to_be_visible(timeout=LONG)
    assert "older than promised (2 days)" in said(reader)
    if_shots(panel, reader, "as-of-late-320")
    reader.close()

    # A run that fails: readers keep what they have, and who is elsewhere is told.
    notebook(lab.root / "sales.ipynb", begin, 'print("Asks")\nraise OSError("no route to the warehouse")')
    fresh.get_by_role("button", name="Run now").click()
    alert = fresh.get_by_role("alert")
    expect(alert).to_contain_text("no route to the warehouse", timeout=LONG)
    alert.get_by_role("button", name="Show the run").click()
    expect(fresh.get_by_text("Cell 2 failed after")).to_be_visible()
    panel.picture("fresh-failed-400-light")
    assert violations(page, PANEL) == []
    panel.narrow()
    panel.picture("fresh-failed-250")
    panel.widen(420)
    fresh.get_by_role("button", name="Pause").click()
    expect(fresh.get_by_text("paused", exact=True)).to_be_visible()
    fresh.get_by_role("button", name="Run now").click()
    root.get_by_role("button", name="Back", exact=True).first.click()
    notice = page.locator(".jp-toast, .Toastify__toast").filter(has_text="Readers’ data were not refreshed")
    expect(notice).to_contain_text("no route to the warehouse", timeout=LONG)
    expect(panel.conversation.get_by_text("Readers’ data were not refreshed").first).to_be_visible()
    panel.picture("fresh-conversation")
    page.evaluate("window.jupyterapp.commands.execute('appbuilder:home').then(() => null)")
    apps = page.locator(".jp-AppBuilder-appsWidget")
    expect(apps.get_by_text(re.compile("refresh failed")).first).to_be_visible(timeout=LONG)
    panel.picture("fresh-apps")


def if_shots(panel: Any, reader: Page, name: str) -> None:
    from .panel import SHOTS

    if SHOTS:
        reader.screenshot(path=f"{SHOTS}/{name}.png")
