"""In each template an app reads handed-over data with its types, and an open page follows it where it stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from live.stage import Kernel, check, forecast, runtime_folder
from playwright.async_api import Page, expect
from previewed import browsing, running

from jupyter_appbuilder.datasets.base import LOADERS
from jupyter_appbuilder.datasets.loaders import KINDS
from jupyter_appbuilder.live.running import exposed
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.templates.templates import find_templates

from .stage import HOSTILE, every_type, hand_over

SHOW = """
(value) => JSON.stringify(value, (_key, one) =>
  typeof one === "bigint" ? `${one}n` : one instanceof Uint8Array ? `bytes ${[...one]}` : one)
""".strip()

TYPED = SHOW.replace("(value)", "(value: unknown)").replace("(_key, one)", "(_key: string, one: unknown)")

REACT = f"""
import {{ useTable }} from "@/datasets/use-table";

const show = {TYPED};

export default function App() {{
  const {{ rows, columns, count, asOf, loading, error }} = useTable("sales");
  return (
    <main>
      <input aria-label="Note" />
      <output data-testid="state">{{loading ? "loading" : error ? error.message : `${{count}} rows`}}</output>
      <output data-testid="as-of">{{asOf?.toISOString()}}</output>
      <pre data-testid="rows">{{show(rows)}}</pre>
      <pre data-testid="columns">{{show(columns)}}</pre>
    </main>
  );
}}
"""

VUE = f"""<script setup lang="ts">
import {{ useTable }} from "@/datasets/use-table";

const show = {TYPED};
const {{ rows, columns, count, asOf, loading, error }} = useTable("sales");
</script>

<template>
  <main>
    <input aria-label="Note" />
    <output data-testid="state">{{{{ loading ? "loading" : error ? error.message : `${{count}} rows` }}}}</output>
    <output data-testid="as-of">{{{{ asOf?.toISOString() }}}}</output>
    <pre data-testid="rows">{{{{ show(rows) }}}}</pre>
    <pre data-testid="columns">{{{{ show(columns) }}}}</pre>
  </main>
</template>
"""

STATIC_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Sales</title>
    <link rel="icon" type="image/svg+xml" href="assets/favicon.svg" />
    <script type="module" src="js/main.js"></script>
  </head>
  <body>
    <main>
      <input aria-label="Note" />
      <output data-testid="state"></output>
      <output data-testid="as-of"></output>
      <pre data-testid="rows"></pre>
      <pre data-testid="columns"></pre>
    </main>
  </body>
</html>
"""

STATIC = f"""
import {{ watchSales }} from "./datasets/sales.js";

const show = {SHOW};
const put = (name, text) => (document.querySelector(`[data-testid=${{name}}]`).textContent = text);
watchSales(({{ rows, columns, count, asOf, loading, error }}) => {{
  put("state", loading ? "loading" : error ? error.message : `${{count}} rows`);
  put("as-of", asOf?.toISOString() ?? "");
  put("rows", show(rows));
  put("columns", show(columns));
}});
"""

NEXT = REACT.replace("@/datasets", "@/lib/datasets").replace("App()", "Sales()")

NEXT_PAGE = """
import { RefreshData } from "@/lib/datasets/refresh-data";
import { readTable } from "@/lib/datasets/read-table";
import Sales from "@/components/sales";

export default async function Home() {
  const { rows, count } = await readTable("sales");
  return (
    <>
      <RefreshData />
      <p data-testid="on-the-server">{`${count}: ${rows[0]?.code ?? "none"}`}</p>
      <Sales />
    </>
  );
}
"""

# Where an app has a database, data is a table: a function asks it.
ASKING = """import type { Context, Tables } from "app";

export function GET(_request: Request, { db }: Context) {
  return db.all<Tables["sales"]>("SELECT * FROM sales ORDER BY rowid");
}
"""

COMPONENT = """import { useCall } from "app";

export default function Sales() {
  const { data } = useCall("sales");
  return (
    <>
      <input aria-label="Note" />
      <output data-testid="state">{data ? `${data.length} rows` : "loading"}</output>
      <pre data-testid="rows">{JSON.stringify(data)}</pre>
    </>
  );
}
"""
LAYOUT = json.dumps({"title": "Sales", "pages": [{"path": "/", "main": [{"component": "Sales"}]}]})
WRONG_ROW = 'import type { Tables } from "app";\nexport const f = (row: Tables["sales"]) => row.nope;\n'
IN_TABLES = {"serverless": {"components/Sales.tsx": COMPONENT, "functions/sales.ts": ASKING, "ui.json": LAYOUT}}

PAGES = {
    "react-vite": {"src/App.tsx": REACT},
    "fastapi-react": {"src/App.tsx": REACT},
    "vue-vite": {"src/views/HomeView.vue": VUE},
    "nextjs": {"components/sales.tsx": f'"use client";\n{NEXT}', "app/page.tsx": NEXT_PAGE},
    "static": {"index.html": STATIC_PAGE, "js/main.js": STATIC},
}

BY_ROUTES = {"fastapi-react", "nextjs"}
"""New apps of these have tables (tests/databases/test_other_stacks.py), older ones files."""
IN_FILES = sorted(PAGES.keys() - BY_ROUTES)

WRONG = {
    "react-vite": (
        "src/wrong.ts",
        'import type { SalesRow } from "@/datasets/sales";\nexport const f = (row: SalesRow) => row.nope;\n',
    ),
    "vue-vite": (
        "src/wrong.ts",
        'import type { SalesRow } from "@/datasets/sales";\nexport const f = (row: SalesRow) => row.nope;\n',
    ),
}
"""A file that takes a column that is not there."""


SHOW_FRAME = """
def show(frame):
    return "; ".join(f"{name} {frame[name].dtype} {frame[name].tolist()}" for name in frame).replace("<NA>", "NA")
"""

STREAMLIT = f"""
import streamlit as st

from load_table import as_of, load_table
{SHOW_FRAME}
frame = load_table("sales")
st.text_input("Note")
st.text(f"{{len(frame)}} rows, {{as_of('sales').isoformat(timespec='milliseconds')}}")
st.text(show(frame))
"""

PANEL = f"""
import panel as pn

from watch_table import watch_table
{SHOW_FRAME}
pn.extension()
sales = watch_table("sales")


def count(frame, as_of):
    return f"{{len(frame)}} rows, {{as_of.isoformat(timespec='milliseconds')}}"


pn.Column(
    pn.widgets.TextInput(name="Note"),
    pn.pane.Str(pn.bind(count, sales.param.frame, sales.param.as_of)),
    pn.pane.Str(pn.bind(show, sales.param.frame)),
).servable()
"""

PYTHON = {"streamlit": STREAMLIT, "panel": PANEL}

STREAMLIT_CALLS = """
import streamlit as st

from call_python import PythonError, call_python

region = st.text_input("Region", "North")
try:
    frame = call_python("forecast", region=region)
    total = call_python("check", region=region)
    st.text(f"{len(frame)} rows of {frame['region'][0]}, {frame['at'].dt.year[0]}, sum {total}")
except PythonError as error:
    st.text(f"{error.reason}: {error}")
"""

PANEL_CALLS = """
import panel as pn

from call_python import PythonError, call_python_async

pn.extension()


async def shown(region):
    try:
        frame = await call_python_async("forecast", region=region)
        total = await call_python_async("check", region=region)
        return f"{len(frame)} rows of {frame['region'][0]}, {frame['at'].dt.year[0]}, sum {total}"
    except PythonError as error:
        return f"{error.reason}: {error}"


region = pn.widgets.TextInput(name="Region", value="North")
pn.Column(region, pn.pane.Str(pn.bind(shown, region))).servable()
"""

CALLS = {"streamlit": STREAMLIT_CALLS, "panel": PANEL_CALLS}


KEPT = (
    "code str ['00070', nan, 'ünï 🐧']",
    "open boolean [True, NA, False]",
    "count Int64 [1, NA, -5]",
    "id int64 [1152921504606846977, 0, -4611686018427387904]",
    "price object [Decimal('12345678901234567890.12'), None, Decimal('-0.05')]",
    "day object [datetime.date(2024, 2, 29), None, datetime.date(1969, 12, 31)]",
    "at datetime64[us, Europe/Berlin] [Timestamp('2024-01-02 04:04:05+0100', tz='Europe/Berlin'), NaT",
    "took timedelta64[us] [Timedelta('0 days 00:00:01.500000'), NaT",
    "city category ['Oslo', 'Rome', 'Oslo']",
)
"""What a frame in the app has of the types that files of text lose."""


async def shown(page: Page, name: str) -> Any:
    return json.loads(await page.get_by_test_id(name).inner_text())


@pytest.mark.timeout(400)  # the first run installs packages
@pytest.mark.parametrize("template", IN_FILES)
async def test_a_page_shows_every_type_and_follows_new_rows_where_it_stands(template: str, tmp_path: Path) -> None:
    table, rows = every_type()
    async with running(tmp_path, template) as (session, builder, url):
        found = builder.library.find(template)
        given = await hand_over(session, "sales", table)
        for path, text in PAGES[template].items():
            await session.workspace.write(path, text)
        sandbox = await session.app.sandbox()
        check = await sandbox.exec(found.check)
        assert check.exit_code == 0, check.stdout + check.stderr
        if template in WRONG:
            await session.workspace.write(*WRONG[template])
            check = await sandbox.exec(found.check)
            assert "nope" in check.stdout + check.stderr
            await session.workspace.delete(WRONG[template][0])

        async with browsing(url) as (page, problems):
            await expect(page.get_by_test_id("state")).to_have_text("3 rows")
            assert await shown(page, "rows") == rows
            assert await shown(page, "columns") == {name: [row[name] for row in rows] for name in rows[0]}
            await expect(page.get_by_test_id("as-of")).to_have_text(given.as_of)

            await page.get_by_label("Note").fill("kept")
            given = await hand_over(session, "sales", table.slice(1))
            await expect(page.get_by_test_id("state")).to_have_text("2 rows")
            await expect(page.get_by_test_id("as-of")).to_have_text(given.as_of)
            assert await shown(page, "rows") == rows[1:]
            await expect(page.get_by_label("Note")).to_have_value("kept")
            assert problems == []


@pytest.mark.timeout(400)
@pytest.mark.parametrize("template", IN_FILES)
async def test_columns_with_hostile_names_are_text_like_any_other(template: str, tmp_path: Path) -> None:
    table = pa.table({name: pa.array([name or "empty"]) for name in ("code", *HOSTILE)})
    table = table.append_column("kind", pa.array([HOSTILE[2]]).dictionary_encode())
    async with running(tmp_path, template) as (session, builder, url):
        found = builder.library.find(template)
        await hand_over(session, "sales", table)
        for path, text in PAGES[template].items():
            await session.workspace.write(path, text)
        check = await (await session.app.sandbox()).exec(found.check)
        assert check.exit_code == 0, check.stdout + check.stderr
        async with browsing(url) as (page, problems):
            page.on("dialog", lambda dialog: problems.append(dialog.message))
            await expect(page.get_by_test_id("state")).to_have_text("1 rows")
            assert await shown(page, "rows") == table.to_pylist()
            assert problems == []


@pytest.mark.timeout(400)
@pytest.mark.parametrize("template", sorted(PYTHON))
async def test_a_python_app_has_a_frame_with_its_types_and_runs_again_for_new_rows(
    template: str, tmp_path: Path
) -> None:
    table, _ = every_type()
    async with running(tmp_path, template) as (session, builder, url):
        found = builder.library.find(template)
        given = await hand_over(session, "sales", table)
        await session.workspace.write("app.py", PYTHON[template])
        check = await (await session.app.sandbox()).exec(found.check)
        assert check.exit_code == 0, check.stdout + check.stderr
        async with browsing(url) as (page, _):
            await expect(page.get_by_text(f"3 rows, {given.as_of.removesuffix('Z')}")).to_be_visible()
            for values in KEPT:
                await expect(page.get_by_text(values)).to_be_visible()
            await page.get_by_label("Note").fill("kept")
            await page.get_by_label("Note").press("Tab")
            given = await hand_over(session, "sales", table.slice(1))
            await expect(page.get_by_text(f"2 rows, {given.as_of.removesuffix('Z')}")).to_be_visible()
            await expect(page.get_by_label("Note")).to_have_value("kept")

            # It calls functions of the notebook.
            with runtime_folder(tmp_path):
                await calls(template, session, found.check, page)


async def calls(template: str, session: Session, command: Sequence[str], page: Page) -> None:
    notebook = Kernel()
    for function in (forecast, check):
        await session.expose(exposed(function).told)
        await notebook.expose(function, session.id)
    await session.workspace.write("app.py", CALLS[template])
    checked = await (await session.app.sandbox()).exec(command)
    assert checked.exit_code == 0, checked.stdout + checked.stderr
    await expect(page.get_by_text("2 rows of North, 2026, sum 5")).to_be_visible()
    await page.get_by_label("Region").fill("Nowhere")
    await page.get_by_label("Region").press("Tab")
    await expect(page.get_by_text("declined: There is no such region.")).to_be_visible()
    await notebook.socket.close()
    await page.get_by_label("Region").fill("South")
    await page.get_by_label("Region").press("Tab")
    await expect(
        page.get_by_text("no_kernel: The notebook that has this app's functions does not run.")
    ).to_be_visible()


@pytest.mark.timeout(400)
async def test_where_an_app_has_a_database_a_page_shows_the_table_and_follows_new_rows(tmp_path: Path) -> None:
    columns = {"id": [1, 2], "when": [None, "2024-01-02"], "open": [True, False], "A": ["x", "y"], "a": [1.5, None]}
    async with running(tmp_path, "serverless") as (session, builder, url):
        await hand_over(session, "sales", pa.table(columns))
        for path, text in IN_TABLES["serverless"].items():
            await session.workspace.write(path, text)
        check = builder.library.find("serverless").check
        sandbox = await session.app.sandbox()
        checked = await sandbox.exec(check)
        assert checked.exit_code == 0, checked.stdout + checked.stderr
        await session.workspace.write("lib/wrong.ts", WRONG_ROW)
        checked = await sandbox.exec(check)
        assert "nope" in checked.stdout + checked.stderr
        await session.workspace.delete("lib/wrong.ts")
        async with browsing(url) as (page, problems):
            await expect(page.get_by_test_id("state")).to_have_text("2 rows")
            assert await shown(page, "rows") == [
                {"id": 1, "when": None, "open": 1, "A": "x", "a_2": 1.5},
                {"id": 2, "when": "2024-01-02", "open": 0, "A": "y", "a_2": None},
            ]
            await page.get_by_label("Note").fill("kept")
            await hand_over(session, "sales", pa.table(columns).slice(1))
            await expect(page.get_by_test_id("state")).to_have_text("1 rows")
            await expect(page.get_by_label("Note")).to_have_value("kept")
            assert problems == []


def test_every_template_is_tried() -> None:
    assert set(find_templates()) == {*PAGES, *IN_TABLES, *PYTHON}
    assert set(KINDS) == set(LOADERS)
