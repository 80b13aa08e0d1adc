"""From a notebook in the file browser, or open with its kernel, to an app that shows its data."""

from __future__ import annotations

import json
import threading
from typing import Any

from analyses.notebooks import code, notebook, sales_notebook, table
from model_server import ModelServer
from playwright.sync_api import Locator, Page, expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, Panel, violations
from .test_data_in_an_app import themed
from .test_entry_points import run_all

PAGE = """
import { useTable } from "@/datasets/use-table";

export default function App() {
  const { rows } = useTable("NAME");
  return <ul>{rows.map((row, at) => <li key={at}>{row.region}: {row.units} sold</li>)}</ul>;
}
"""


def builds(dataset: str, when: threading.Event) -> list[dict[str, Any]]:
    """A model that writes such a page once the preview is there: a page that loads meanwhile has no hot update yet."""
    arguments = {"path": "src/App.tsx", "content": PAGE.replace("NAME", dataset)}
    return [{"tool_calls": [{"name": "write_file", "arguments": arguments}], "held": when}, {"text": "Here it is."}]


def opens(page: Page, name: str) -> Locator:
    """The dialog about a notebook in the file browser."""
    row = page.locator(".jp-DirListing-item", has_text=name)
    expect(row).to_be_visible(timeout=LONG)
    row.click(button="right")
    page.get_by_role("menuitem", name="Make an App of This Notebook").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(f"Make an app of “{name}”")).to_be_visible(timeout=LONG)
    return dialog


def shows(panel: Panel, dataset: str, text: str, when: threading.Event) -> None:
    expect(panel.card(f"Added data {dataset}")).to_be_visible(timeout=LONG)
    expect(panel.preview().get_by_text("It will appear here.")).to_be_visible(timeout=LONG)
    when.set()
    expect(panel.preview().get_by_text(text)).to_be_visible(timeout=LONG)
    panel.finished(1)


def test_a_notebook_in_the_file_browser_becomes_an_app_with_its_data(open_lab: OpenLab, lab: Lab, model: ModelServer):
    sales_notebook(lab.root, code("orders = pd.read_sql('select 1', engine)"))
    when = threading.Event()
    model.steps = builds("sales", when)
    panel = open_lab()
    page = panel.page
    dialog = opens(page, "sales.ipynb")
    expect(dialog.get_by_text("4 cells, 1 chart, 1 table.")).to_be_visible()
    expect(dialog.get_by_role("checkbox", name="df, as the dataset sales")).to_be_checked()
    expect(dialog.get_by_text("orders (read_sql), read in cell 4")).to_be_visible()
    expect(dialog.get_by_role("checkbox", name="Frames that its kernel holds")).to_have_count(0)
    assert violations(page, ".jp-Dialog") == []
    dialog.get_by_role("combobox", name="Model").select_option("custom:scripted")
    expect(dialog.get_by_text("go to scripted")).to_be_visible()
    themed(page, panel, "from-notebook-dialog")
    dialog.get_by_role("textbox", name="What to make of it").fill("A list of what was sold")
    dialog.get_by_role("button", name="Make the App").click()
    expect(dialog).to_have_count(0)
    shows(panel, "sales", "North: 3 sold", when)
    expect(panel.conversation.get_by_text("A list of what was sold")).to_be_visible()
    expect(panel.card("Read sales.ipynb")).to_be_visible()
    asked = json.dumps([request.body for request in model.requests])
    assert "groupby('region'" in asked
    assert "dataset sales" in asked
    panel.card("Added data sales").click()
    themed(page, panel, "from-notebook-app")
    panel.narrow()
    panel.picture("from-notebook-narrow")


def test_frames_of_an_open_notebooks_kernel_come_along(open_lab: OpenLab, lab: Lab, model: ModelServer):
    make = "import pandas as pd\ntop = pd.DataFrame({'region': ['Nordkap'], 'units': [7]})\ntop"
    (lab.root / "kernel.ipynb").write_bytes(notebook(code(make, table())))
    when = threading.Event()
    model.steps = builds("top", when)
    panel = open_lab()
    page = panel.page
    run_all(page, "kernel.ipynb")
    expect(page.locator(".jp-NotebookPanel").get_by_role("cell", name="Nordkap")).to_be_visible(timeout=LONG)
    page.locator(".jp-NotebookPanel-toolbar").get_by_role("button", name="Make an app of this notebook").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("One expression is run in the kernel")).to_be_visible(timeout=LONG)
    expect(dialog.get_by_role("checkbox", name="Frames that its kernel holds, among top")).to_be_checked()
    dialog.get_by_role("combobox", name="Model").select_option("custom:scripted")
    dialog.get_by_role("button", name="Make the App").click()
    shows(panel, "top", "Nordkap: 7 sold", when)


def test_a_notebook_with_nothing_in_it_says_what_to_do(open_lab: OpenLab, lab: Lab):
    (lab.root / "empty.ipynb").write_bytes(notebook())
    page = open_lab().page
    row = page.locator(".jp-DirListing-item", has_text="empty.ipynb")
    row.click(button="right")
    page.get_by_role("menuitem", name="Make an App of This Notebook").click()
    expect(page.get_by_text("Load data in a cell, look at it, draw a chart")).to_be_visible(timeout=LONG)
