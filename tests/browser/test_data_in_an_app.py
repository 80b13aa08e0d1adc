"""A notebook's data in an app beside it: a cell that is run again brings the open page its new rows."""

from __future__ import annotations

import re

from playwright.sync_api import FrameLocator, Page, expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, Panel, command
from .test_entry_points import notebook, run_all

APP = """
import { Card, CardContent, CardHeader, CardTitle } from "@/components/ui/card";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { useTable } from "@/datasets/use-table";

export default function App() {
  const { rows, count, asOf, loading, error } = useTable("sales");
  if (error) return <p role="alert">{error.message}</p>;
  return (
    <main className="mx-auto grid max-w-2xl gap-4 p-6">
      <h1 className="text-2xl font-semibold">Sales</h1>
      <Card>
        <CardHeader>
          <CardTitle>{loading ? "Loading …" : `${count} cities`}</CardTitle>
          <p className="text-muted-foreground">Data as of {asOf?.toLocaleString("en-GB")}</p>
        </CardHeader>
        <CardContent>
          <Table>
            <TableHeader>
              <TableRow><TableHead>City</TableHead><TableHead>Post code</TableHead></TableRow>
            </TableHeader>
            <TableBody>
              {rows.map((row) => (
                <TableRow key={row.city}><TableCell>{row.city}</TableCell><TableCell>{row.code}</TableCell></TableRow>
              ))}
            </TableBody>
          </Table>
        </CardContent>
      </Card>
    </main>
  );
}
"""

BEGIN = """
import pandas as pd
from jupyter_appbuilder import App

app = App("sales-page", template="react-vite")
cities = ["Oslo"]
"""

HAND_OVER = """
cities.append(["Rome", "Köln 🐧"][len(cities) - 1])
app.data("sales", pd.DataFrame({"city": cities, "code": [f"0007{at}" for at in range(len(cities))]}))
"""

SHOW = f"""
app.write("src/App.tsx", {APP!r})
app.preview()
"""


def themed(page: Page, panel: Panel, name: str) -> None:
    for theme, scheme in (("JupyterLab Dark", "dark"), ("JupyterLab Light", "light")):
        command(page, "apputils:change-theme", {"theme": theme})
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("#jupyterlab-splash")).to_have_count(0)
        panel.picture(f"{name}-{scheme}")


def test_a_cell_that_is_run_again_brings_the_open_page_its_new_rows(open_lab: OpenLab, lab: Lab) -> None:
    notebook(lab.root / "sales.ipynb", BEGIN, HAND_OVER, SHOW)
    panel = open_lab()
    page = panel.page
    run_all(page, "sales.ipynb")
    output = page.locator(".jp-CodeCell").nth(2).locator(".jp-OutputArea")
    app: FrameLocator = output.frame_locator("iframe")
    expect(app.get_by_text("2 cities")).to_be_visible(timeout=LONG)
    expect(app.get_by_role("cell", name="00071")).to_be_visible()
    output.scroll_into_view_if_needed()
    themed(page, panel, "data-before")

    app.locator("body").evaluate("(body) => (body.dataset.page = 'the same')")
    command(page, "notebook:move-cursor-up")
    expect(page.locator(".jp-CodeCell").nth(1)).to_have_class(re.compile("jp-mod-active"))
    command(page, "notebook:run-cell")
    expect(app.get_by_text("3 cities")).to_be_visible(timeout=LONG)
    expect(app.get_by_role("cell", name="Köln 🐧")).to_be_visible()
    expect(app.locator("body")).to_have_attribute("data-page", "the same")
    output.scroll_into_view_if_needed()
    themed(page, panel, "data-after")
