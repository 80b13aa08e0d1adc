"""Scenarios as tests for Playwright's own runner, which runs them here on a page that is served as an export is."""

from __future__ import annotations

import io
import json
import os
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from chromium import ARGUMENTS, launch_options
from templates.template_app import NODE, installed

from jupyter_appbuilder.errors import NotFound
from jupyter_appbuilder.eyes.playwright_tests import playwright_tests, scenario_tests, spec
from jupyter_appbuilder.eyes.scenarios import Listed, Scenario
from jupyter_appbuilder.workspace import Workspace

PAGE = """<!doctype html>
<html lang="en">
  <title>Tasks</title>
  <h1>Tasks</h1>
  <form id="form">
    <label>New task <input id="title"></label>
    <input placeholder="Note" id="note" value="none">
    <label>List <select id="kind"><option>Home</option><option value="w">Work</option></select></label>
    <label><input type="checkbox" id="urgent"> Urgent</label>
    <label>Import <input type="file" id="file"></label>
    <button>Add</button>
    <button type="button" disabled>Add all</button>
  </form>
  <ul id="list"></ul>
  <a href="more.html">More</a>
  <button id="export">Export</button>
  <button id="clear">Clear</button>
  <button id="break">Break</button>
  <script>
    const find = (id) => document.getElementById(id);
    find("form").addEventListener("submit", (event) => {
      event.preventDefault();
      const item = document.createElement("li");
      item.textContent = `${find("title").value} (${find("kind").value}${find("urgent").checked ? ", urgent" : ""})`;
      find("list").append(item);
    });
    find("title").addEventListener("keydown", ({ key }) => key === "Escape" && (find("title").value = ""));
    find("file").addEventListener("change", async () => (find("note").value = await find("file").files[0].text()));
    find("export").addEventListener("click", () => {
      const href = URL.createObjectURL(new Blob(["a,b"]));
      Object.assign(document.createElement("a"), { href, download: "tasks-1.csv" }).click();
    });
    find("clear").addEventListener("click", () => confirm("Really?") && (find("note").value = ""));
    find("break").addEventListener("click", () => { throw new Error("no archive yet"); });
  </script>
</html>
"""
OPTIONS = ("--config", "here.config.ts", "--reporter", "json", "--workers", "2", "--timeout", "20000")
MORE = '<!doctype html><html lang="en"><meta charset="utf-8"><title>More</title><h1>More “things”</h1></html>'


def scenario(title: str, *steps: dict[str, Any], **more: Any) -> Scenario:
    return Scenario.model_validate({"title": title, "steps": list(steps), **more})


WORKS = [
    scenario(
        "A task can be added",
        {"do": "expect", "role": "listitem", "is": "count", "count": 0},
        {"do": "fill", "name": "New task", "value": "Milk"},
        {"do": "select", "name": "List", "value": "Work"},
        {"do": "check", "role": "checkbox", "name": "Urgent", "value": True},
        {"do": "expect", "role": "checkbox", "name": "Urgent", "is": "checked"},
        {"do": "expect", "role": "button", "name": "Add all", "is": "disabled"},
        {"do": "click", "role": "button", "name": "Add"},
        {"do": "wait", "text": "Milk"},
        {"do": "expect", "role": "listitem", "text": "Milk"},
        {"do": "expect", "role": "listitem", "is": "value", "value": "Milk (w*)"},
        {"do": "expect", "text": "Bread", "is": "hidden"},
    ),
    scenario(
        'Keys, files and "quotes"',
        {"do": "open", "path": "/"},
        {"do": "fill", "role": "textbox", "name": "New task", "value": "Milk"},
        {"do": "press", "role": "textbox", "name": "New task", "key": "Escape"},
        {"do": "expect", "role": "textbox", "name": "New task", "is": "value", "value": ""},
        {"do": "upload", "name": "Import", "files": [{"name": "a.txt", "content": "it's `here`\n"}]},
        {"do": "expect", "name": "Note", "role": "textbox", "is": "value", "value": "it's*"},
        {"do": "click", "role": "button", "name": "Clear"},
        {"do": "expect", "name": "Note", "role": "textbox", "is": "value", "value": ""},
        {"do": "click", "name": "Export"},
        {"do": "expect", "is": "download", "value": "tasks-*.csv"},
        {"do": "click", "role": "link", "name": "More"},
        {"do": "expect", "is": "address", "value": "/more.html"},
        {"do": "expect", "role": "heading", "name": "More “things”"},
        width=360,
        theme="dark",
    ),
]
FAILS = [
    scenario("What is not there", {"do": "expect", "text": "Nothing left"}),
    scenario("What throws", {"do": "click", "role": "button", "name": "Break"}),
]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def runner() -> Path:
    """A folder with Playwright's test runner of the same release as the Python package's, installed once."""
    release = ".".join(version("playwright").split(".")[:2])
    files = {"package.json": json.dumps({"private": True})}
    return installed(f"playwright-{release}", files, "install", f"@playwright/test@~{release}.0")


def test_a_scenario_passes_as_a_test_and_what_does_not_work_fails(tmp_path: Path) -> None:
    site, app = tmp_path / "site", tmp_path / "app"
    site.mkdir()
    app.mkdir()
    (site / "index.html").write_text(PAGE)
    (site / "more.html").write_text(MORE)
    listed = [Listed(f"s{number}", one) for number, one in enumerate((*WORKS, *FAILS))]
    for path, text in playwright_tests(listed).items():
        (app / path).parent.mkdir(exist_ok=True)
        (app / path).write_text(text)
    (app / "node_modules").symlink_to(runner() / "node_modules")
    # As an app's own configuration would have it: the browser of this machine.
    launch = {"executablePath": launch_options()["executable_path"], "args": list(ARGUMENTS)}
    (app / "here.config.ts").write_text(
        'import config from "./playwright.config.ts";\n'
        f"export default {{ ...config, use: {{ ...config.use, launchOptions: {json.dumps(launch)} }} }};\n"
    )
    with served(site) as url:
        done = subprocess.run(
            [NODE / "bin" / "node", "node_modules/@playwright/test/cli.js", "test", *OPTIONS],
            cwd=app,
            capture_output=True,
            text=True,
            timeout=240,
            env=os.environ | {"BASE_URL": url},
        )
    report = json.loads(done.stdout)
    assert report["errors"] == []
    specs = [one for suite in report["suites"] for one in suite["specs"]]
    failed = {one["title"]: one["tests"][0]["results"][0]["error"]["message"] for one in specs if not one["ok"]}
    assert failed.keys() == {one.title for one in FAILS}, failed
    assert len(specs) == len(WORKS) + len(FAILS)
    assert "no archive yet" in failed["What throws"]


def test_a_test_reads_like_one_that_was_written_by_hand() -> None:
    adding = scenario(
        "A task can be added",
        {"do": "fill", "role": "textbox", "name": "New task", "value": "Milk"},
        {"do": "click", "role": "button", "name": "Add", "nth": 2},
        {"do": "expect", "text": "Milk"},
    )
    assert spec(adding) == (
        'import { expect, test } from "@playwright/test";\n'
        "\n"
        'test("A task can be added", async ({ page }) => {\n'
        "  const thrown: Error[] = [];\n"
        '  page.on("pageerror", (error) => thrown.push(error));\n'
        '  page.on("dialog", (dialog) => dialog.accept());\n'
        '  await page.goto("./");\n'
        '  await page.getByRole("textbox", { name: "New task", exact: true }).fill("Milk");\n'
        '  await page.getByRole("button", { name: "Add", exact: true }).nth(1).click();\n'
        '  await expect(page.getByText("Milk").first()).toBeVisible();\n'
        "  expect(thrown).toEqual([]);\n"
        "});\n"
    )


async def created(tmp_path: Path) -> Workspace:
    files = tmp_path / "files"
    files.mkdir()
    (files / "index.html").write_text(PAGE)
    workspace = Workspace(tmp_path / "app")
    await workspace.create(files)
    return workspace


async def test_an_export_with_tests_replaces_none_of_the_apps_files(tmp_path: Path) -> None:
    workspace = await created(tmp_path)
    await workspace.write("scenarios/add.yaml", "title: A task can be added\nsteps: [{do: expect, text: Tasks}]\n")
    await workspace.write("scenarios/broken.yaml", "title: [\n")
    await workspace.write("playwright.config.ts", "// mine\n")
    archive = zipfile.ZipFile(io.BytesIO(await workspace.zip(await scenario_tests(workspace))))
    assert archive.read("playwright.config.ts") == b"// mine\n"
    assert 'test("A task can be added"' in archive.read("tests/add.spec.ts").decode()
    assert "tests/broken.spec.ts" not in archive.namelist()


async def test_an_app_without_scenarios_says_so(tmp_path: Path) -> None:
    workspace = await created(tmp_path)
    with pytest.raises(NotFound, match="no scenarios"):
        await scenario_tests(workspace)
