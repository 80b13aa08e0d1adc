"""A component of an app below a notebook's cell: props from Python and values back, and code that follows the app's."""

from __future__ import annotations

import re

from nbconvert import HTMLExporter
from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, command
from .test_data_in_an_app import themed
from .test_entry_points import notebook, run_all

BARS = """
import { useEffect } from "react";

import { Button } from "@/components/ui/button";

interface Props {
  data: { city: string; sold: number }[];
  value?: string | null;
  unit: string;
  onChange?: (city: string) => void;
  onHover?: (row: { city: string }, at: number) => void;
}

export function Bars({ data, value, unit, onChange, onHover }: Props) {
  useEffect(() => onHover?.(data[0]!, data.length), [data, onHover]);
  return (
    <ul className="grid gap-2 bg-card p-4 text-card-foreground">
      {data.map((row) => (
        <li key={row.city} className="flex items-center gap-3">
          <Button variant={row.city === value ? "default" : "outline"} onClick={() => onChange?.(row.city)}>
            {row.city}
          </Button>
          <span className="h-3 rounded bg-chart-1" style={{ width: row.sold * 10 }} />
          {row.sold} {unit}
        </li>
      ))}
    </ul>
  );
}
"""

BEGIN = f"""
import pandas as pd
from jupyter_appbuilder import App

app = App("bars", template="react-vite")
app.write("src/components/bars.tsx", {BARS!r})
sales = pd.DataFrame({{"city": ["Oslo", "Köln </script> 🐧"], "sold": [12, 30]}})
"""
SHOW = """
seen = []
def hovered(row, count):
    seen.append((row["city"], count))
    bars.seen = len(seen)  # which shows it anew
bars = app.widget("Bars", data=sales, unit="pieces", seen=0, onHover=hovered)
bars
"""
SET = 'bars.unit = "boxes"; bars.data = pd.concat([sales, pd.DataFrame({"city": ["Rome"], "sold": [3]})])'
GOT = 'print("got", bars.value, seen)'
BROKEN = """app.edit("src/components/bars.tsx", "export function Bars", "export function Bars(((")"""
MENDED = """
app.edit("src/components/bars.tsx", "export function Bars(((", "export function Bars")
app.edit("src/components/bars.tsx", "{row.sold} {unit}", "{row.sold} {unit} sold")
"""


def test_a_component_takes_props_from_python_hands_values_back_and_follows_its_code(
    open_lab: OpenLab, lab: Lab
) -> None:
    notebook(lab.root / "bars.ipynb", BEGIN, SHOW)
    panel = open_lab()
    page = panel.page
    run_all(page, "bars.ipynb")
    output = page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea")
    component = output.frame_locator("iframe")
    expect(component.get_by_text("12 pieces")).to_be_visible(timeout=LONG)
    expect(component.get_by_role("button", name="Köln </script> 🐧")).to_be_visible()
    output.scroll_into_view_if_needed()
    themed(page, panel, "component")

    # It is of an origin of its own and reaches nothing.
    frame = page.frames[-1]
    assert frame.evaluate("origin") == "null"
    assert (
        frame.evaluate("fetch(document.referrer || 'http://127.0.0.1/').then(() => 'there', () => 'refused')")
        == "refused"
    )

    component.get_by_role("button", name="Oslo").click()
    expect(component.get_by_role("button", name="Oslo")).to_have_class(re.compile(r"bg-primary"))

    def run(code: str, number: int) -> None:
        command(page, "notebook:insert-cell-below")
        cell = page.locator(".jp-CodeCell").nth(number)
        expect(cell).to_have_class(re.compile("jp-mod-active"))
        command(page, "notebook:enter-edit-mode")
        page.keyboard.insert_text(code)
        command(page, "notebook:run-cell")

    run(GOT, 2)
    expect(page.locator(".jp-CodeCell").nth(2)).to_contain_text("got Oslo [('Oslo', 2)]", timeout=LONG)
    run(SET, 3)
    expect(component.get_by_text("3 boxes")).to_be_visible(timeout=LONG)

    run(BROKEN, 4)
    expect(output.get_by_role("status")).to_contain_text("The newest code is not shown", timeout=LONG)
    expect(component.get_by_text("3 boxes")).to_be_visible()
    output.scroll_into_view_if_needed()
    panel.picture("component-broken")
    run(MENDED, 5)
    expect(component.get_by_text("3 boxes sold")).to_be_visible(timeout=LONG)
    expect(output.get_by_role("status")).to_be_empty()

    # Readers without a kernel see it as it was when the cell ran.
    command(page, "docmanager:save")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    copy = lab.root / "bars.html"
    copy.write_text(HTMLExporter().from_filename(str(lab.root / "bars.ipynb"))[0])
    page.goto(copy.as_uri())
    stored = page.frame_locator('iframe[title="Bars of the app"]')
    expect(stored.get_by_text("12 pieces")).to_be_visible(timeout=LONG)
    panel.picture("component-copy")
