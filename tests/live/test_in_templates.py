"""In each template a page calls a function of the notebook, and shows what it had while the notebook does not run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import expect
from previewed import browsing, running

from jupyter_appbuilder.datasets.base import LOADERS
from jupyter_appbuilder.live.clients import KINDS
from jupyter_appbuilder.live.running import exposed
from jupyter_appbuilder.session import Session

from .stage import Kernel, check, forecast, runtime_folder

REACT = """
import { useState } from "react";
import { callPython } from "@/python/call-python";
import { usePython } from "@/python/use-python";

export default function App() {
  const [region, setRegion] = useState("North");
  const [said, setSaid] = useState("");
  const { data, loading, error, stale, reload } = usePython("forecast", { region });
  const failed = (error: Error) => setSaid(error.message);
  const check = () => callPython("check", { region }).then((sum: number) => setSaid(`sum ${sum}`), failed);
  const shown = data?.map((row) => `${row.region} ${row.sold} ${row.at.getUTCFullYear()}`);
  return (
    <main>
      <input aria-label="Region" value={region} onChange={(event) => setRegion(event.target.value)} />
      <button onClick={check}>Check</button>
      <button onClick={reload}>Again</button>
      <output data-testid="said">{said}</output>
      <output data-testid="state">{loading ? "loading" : stale ? "stale" : "fresh"}</output>
      <output data-testid="error">{error?.message}</output>
      <output data-testid="rows">{shown?.join(", ")}</output>
    </main>
  );
}
"""

VUE = """<script setup lang="ts">
import { computed, ref } from "vue";
import { callPython } from "@/python/call-python";
import { usePython } from "@/python/use-python";

const region = ref("North");
const said = ref("");
const { data, loading, error, stale, reload } = usePython("forecast", () => ({ region: region.value }));
const failed = (error: Error) => (said.value = error.message);
const check = () =>
  callPython("check", { region: region.value }).then((sum: number) => (said.value = `sum ${sum}`), failed);
const shown = computed(() => data.value?.map((row) => `${row.region} ${row.sold} ${row.at.getUTCFullYear()}`));
</script>

<template>
  <main>
    <input aria-label="Region" v-model="region" />
    <button @click="check">Check</button>
    <button @click="reload">Again</button>
    <output data-testid="said">{{ said }}</output>
    <output data-testid="state">{{ loading ? "loading" : stale ? "stale" : "fresh" }}</output>
    <output data-testid="error">{{ error?.message }}</output>
    <output data-testid="rows">{{ shown?.join(", ") }}</output>
  </main>
</template>
"""

STATIC_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Forecast</title>
    <link rel="icon" type="image/svg+xml" href="assets/favicon.svg" />
    <script type="module" src="js/main.js"></script>
  </head>
  <body>
    <main>
      <label>Region <input value="North" /></label>
      <button id="check">Check</button>
      <button id="again">Again</button>
      <output data-testid="said"></output>
      <output data-testid="state"></output>
      <output data-testid="error"></output>
      <output data-testid="rows"></output>
    </main>
  </body>
</html>
"""

STATIC = """
import { watchPython } from "./python/call-python.js";
import { check } from "./python/check.js";

const put = (name, text) => (document.querySelector(`[data-testid=${name}]`).textContent = text);
const input = document.querySelector("input");
const watched = watchPython("forecast", { region: input.value }, ({ data, loading, error, stale }) => {
  put("state", loading ? "loading" : stale ? "stale" : "fresh");
  put("error", error?.message ?? "");
  put("rows", data?.map((row) => `${row.region} ${row.sold} ${row.at.getUTCFullYear()}`).join(", ") ?? "");
});
input.addEventListener("input", () => watched.reload({ region: input.value }));
document.querySelector("#again").addEventListener("click", () => watched.reload());
document.querySelector("#check").addEventListener("click", () => {
  check({ region: input.value }).then((sum) => put("said", `sum ${sum}`), (error) => put("said", error.message));
});
"""

ROUTE = """
import { callPython, PythonError } from "@/lib/python/call-python";

export async function GET(request: Request) {
  const region = new URL(request.url).searchParams.get("region") ?? "";
  try {
    const sum: number = await callPython("check", { region });
    const rows = await callPython("forecast", { region });
    return Response.json({ rows: rows.map((row) => `${row.region} ${row.sold} ${row.at.getUTCFullYear()}`), sum });
  } catch (error) {
    if (!(error instanceof PythonError)) throw error;
    return Response.json({ detail: error.message }, { status: error.status });
  }
}
"""

PYTHON_ROUTE = """
import time

from fastapi import FastAPI

from .call_python import call_python, call_python_async
from .models import Health

app = FastAPI()
STARTED = time.time()


@app.get("/api/health")
def health() -> Health:
    return Health(started=STARTED)


@app.get("/api/rows")
async def rows(region: str) -> dict[str, object]:
    found = await call_python_async("check", region=region)
    rows = await call_python_async("forecast", region=region)
    return {"rows": [f"{row['region']} {row['sold']} {row['at'][:4]}" for row in rows], "sum": found}


@app.get("/api/total")
def total(region: str) -> dict[str, int]:
    return {"sum": call_python("check", region=region)}
"""

NEXT = REACT.replace("@/python", "@/lib/python").replace("App()", "Forecast()")

PAGES = {
    "react-vite": {"src/App.tsx": REACT},
    "fastapi-react": {"src/App.tsx": REACT, "api/main.py": PYTHON_ROUTE},
    "vue-vite": {"src/views/HomeView.vue": VUE},
    "nextjs": {
        "components/forecast.tsx": f'"use client";\n{NEXT}',
        "app/page.tsx": 'import Forecast from "@/components/forecast";\n\n'
        "export default function Home() {\n  return <Forecast />;\n}\n",
        "app/api/forecast/route.ts": ROUTE,
    },
    "static": {"index.html": STATIC_PAGE, "js/main.js": STATIC},
}

ROWS = {"rows": ["North 0 2026", "North 1 2026"], "sum": 5}
ON_SERVER = {"nextjs": {"api/forecast": ROWS}, "fastapi-react": {"api/total": {"sum": 5}, "api/rows": ROWS}}
"""What routes of the app's own server answer that call functions, for the region North."""

WRONG = {
    "react-vite": ("src/wrong.ts", "@/python"),
    "vue-vite": ("src/wrong.ts", "@/python"),
    "nextjs": ("lib/wrong.ts", "@/lib/python"),
}
"""A file that calls a function by arguments that it does not take."""


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path) -> Iterator[Path]:
    with runtime_folder(tmp_path) as folder:
        yield folder


def test_every_kind_of_template_is_thought_of():
    assert set(KINDS) == set(LOADERS)


async def exposing(session: Session) -> Kernel:
    kernel = Kernel()
    for function in (forecast, check):
        await session.expose(exposed(function).told)
        await kernel.expose(function, session.id)
    return kernel


async def asked(address: str, region: str) -> tuple[int, Any]:
    async with httpx.AsyncClient(timeout=170) as http:
        response = await http.get(address, params={"region": region})
        return response.status_code, response.json()


@pytest.mark.timeout(400)  # the first run installs packages
@pytest.mark.parametrize("template", sorted(PAGES))
async def test_a_page_calls_a_function_and_shows_what_it_had_while_the_notebook_does_not_run(
    template: str, tmp_path: Path
) -> None:
    async with running(tmp_path, template) as (session, builder, url):
        found = builder.library.find(template)
        notebook = await exposing(session)
        for path, text in PAGES[template].items():
            await session.workspace.write(path, text)
        sandbox = await session.app.sandbox()
        checked = await sandbox.exec(found.check)
        assert checked.exit_code == 0, checked.stdout + checked.stderr
        if template in WRONG:
            path, place = WRONG[template]
            wrong = f'import {{ callPython }} from "{place}/call-python";\n'
            wrong += 'void callPython("forecast", { regin: "N" });\n'
            await session.workspace.write(path, wrong)
            checked = await sandbox.exec(found.check)
            assert "regin" in checked.stdout + checked.stderr
            await session.workspace.delete(path)

        async with browsing(url) as (page, problems):
            rows, state = page.get_by_test_id("rows"), page.get_by_test_id("state")
            await expect(rows).to_have_text("North 0 2026, North 1 2026")
            await expect(state).to_have_text("fresh")
            await page.get_by_label("Region").fill("South")
            await expect(rows).to_have_text("South 0 2026, South 1 2026")
            await page.get_by_role("button", name="Check").click()
            await expect(page.get_by_test_id("said")).to_have_text("sum 5")
            assert problems == []
            await page.get_by_label("Region").fill("Nowhere")
            await page.get_by_role("button", name="Check").click()
            await expect(page.get_by_test_id("said")).to_have_text("There is no such region.")
            await page.get_by_label("Region").fill("Broken")
            await page.get_by_role("button", name="Check").click()
            await expect(page.get_by_test_id("said")).to_contain_text("check failed in the notebook (ValueError)")
            assert "hunter2" not in await page.content()
            assert "hunter2" in notebook.said[0]
            await expect(rows).to_contain_text("Broken 0")

            # So does the app's own server.
            for path, wanted in ON_SERVER.get(template, {}).items():
                answers = [await asked(url + path, region) for region in ("North", "Nowhere")]
                assert answers == [(200, wanted), (422, {"detail": "There is no such region."})]

            await notebook.socket.close()
            await page.get_by_role("button", name="Again").click()
            await expect(page.get_by_test_id("error")).to_contain_text("does not run")
            await expect(state).to_have_text("stale")
            await expect(rows).to_contain_text("Broken 0")

            await exposing(session)  # the page asks again by itself
            await expect(page.get_by_test_id("error")).to_be_empty()
            await expect(state).to_have_text("fresh")
