"""An exported app: the machine it needs, what it says of itself, and how its build runs elsewhere."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from chromium import launch_options
from playwright.sync_api import Browser, sync_playwright

from jupyter_appbuilder.templates.templates import find_templates

from .template_app import NODE, TemplateApp

NODE_TEMPLATES = sorted(name for name, found in find_templates().items() if (found.files / "package.json").is_file())

UNFIT = """
const semver = require(process.argv[1]);
const [ours, ...theirs] = JSON.parse(process.argv[2]);
const unfit = theirs.filter((range) => !semver.subset(ours, range));
if (!semver.satisfies(process.version, ours)) unfit.push(`this ${process.version}`);
console.log(JSON.stringify(unfit));
"""


@pytest.mark.parametrize("template", NODE_TEMPLATES)
def test_every_package_runs_on_the_nodes_that_an_export_names(template: str) -> None:
    found = find_templates()[template]
    ours = json.loads((found.files / "package.json").read_text())["engines"]["node"]
    locked = json.loads((found.files / found.lock).read_text())["packages"].values()
    needed: list[dict[str, Any]] = [package for package in locked if not package.get("optional")]
    engines: list[dict[str, str]] = [package.get("engines") or {} for package in needed]
    asked = {one["node"] for one in engines if "node" in one}
    assert asked
    semver = NODE / "lib" / "node_modules" / "npm" / "node_modules" / "semver"
    command = [NODE / "bin" / "node", "-e", UNFIT, semver, json.dumps([ours, *sorted(asked)])]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(told.stdout) == []


def test_what_starts_vite_is_the_same_code_in_each_template() -> None:
    found = find_templates()
    starts = [found[name].folder / "runtime" / "vite.mjs" for name in ("react-vite", "vue-vite", "fastapi-react")]
    assert len({start.read_bytes() for start in starts}) == 1


@pytest.mark.parametrize("template", sorted(find_templates()))
def test_an_export_tells_how_it_is_run_and_what_a_host_sends(template: str) -> None:
    files = find_templates()[template].files
    told = (files / "README.md").read_text()
    assert "X-Content-Type-Options: nosniff" in told
    if not (files / "package.json").is_file():
        return
    package = json.loads((files / "package.json").read_text())
    for command in ("npm ci && npm run dev", "npm run build", "npm start"):
        assert command in told
    assert {"dev", "build", "start", "check"} <= package["scripts"].keys()


REACT = """
import { useState } from "react";
import { ErrorBoundary } from "@/components/error-boundary";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Input } from "@/components/ui/input";
import { RadioGroup, RadioGroupItem } from "@/components/ui/radio-group";
import { Select, SelectTrigger, SelectValue } from "@/components/ui/select";
import { Switch } from "@/components/ui/switch";
import { Tabs, TabsList, TabsTrigger } from "@/components/ui/tabs";
import { Toggle } from "@/components/ui/toggle";

function Page({ broken }: { broken: boolean }) {
  if (broken) throw new Error("the page is broken");
  return <p>A whole page</p>;
}

export default function App() {
  const [broken, setBroken] = useState(false);
  return (
    <main>
      <h1>Controls</h1>
      <Button size="sm" onClick={() => setBroken(true)}>Break</Button>
      <Button size="icon" aria-label="Icon">x</Button>
      <Toggle aria-label="Toggle">b</Toggle>
      <Input aria-label="Name" />
      <Checkbox aria-label="Done" defaultChecked />
      <Switch aria-label="On" defaultChecked />
      <RadioGroup defaultValue="a"><RadioGroupItem value="a" aria-label="A" /></RadioGroup>
      <Select><SelectTrigger aria-label="Kind"><SelectValue placeholder="Kind" /></SelectTrigger></Select>
      <Tabs defaultValue="a"><TabsList><TabsTrigger value="a">A</TabsTrigger></TabsList></Tabs>
      <ErrorBoundary><Page broken={broken} /></ErrorBoundary>
    </main>
  );
}
"""

VUE = """<script setup lang="ts">
import { defineComponent, h, ref } from "vue";
import ErrorBoundary from "@/components/ErrorBoundary.vue";
import AppButton from "@/components/ui/AppButton.vue";
import AppCheckbox from "@/components/ui/AppCheckbox.vue";
import AppInput from "@/components/ui/AppInput.vue";
import AppSelect from "@/components/ui/AppSelect.vue";
import AppSwitch from "@/components/ui/AppSwitch.vue";
import AppTabs from "@/components/ui/AppTabs.vue";

const broken = ref(false);
const tabs = [{ value: "a", label: "A" }];
const Page = defineComponent(() => () => {
  if (broken.value) throw new Error("the page is broken");
  return h("p", "A whole page");
});
</script>

<template>
  <main>
    <h1>Controls</h1>
    <AppButton size="sm" @click="broken = true">Break</AppButton>
    <AppButton size="icon" aria-label="Icon">x</AppButton>
    <AppInput aria-label="Name" />
    <AppCheckbox aria-label="Done" :model-value="true" />
    <AppSwitch aria-label="On" :model-value="true" />
    <AppSelect label="Kind" :options="tabs" />
    <AppTabs :tabs="tabs" model-value="a"><template #a>A tab</template></AppTabs>
    <ErrorBoundary><Page /></ErrorBoundary>
  </main>
</template>
"""

APPS = {"react-vite": ("src/App.tsx", REACT), "vue-vite": ("src/views/HomeView.vue", VUE)}

SMALL = """() => [...document.querySelectorAll("button, input:not([type=hidden], [aria-hidden])")]
  .map((control) => ({ name: control.ariaLabel ?? control.textContent, box: control.getBoundingClientRect() }))
  .filter(({ box }) => box.width && (box.width < 44 || box.height < 44))
  .map(({ name, box }) => `${name}: ${box.width} x ${box.height}`)"""


@pytest.fixture  # one each: a running Playwright would hold the event loop that other fixtures close
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        with playwright.chromium.launch(**launch_options()) as started:
            yield started


@contextmanager
def below_a_path(folder: Path, readme: str) -> Iterator[str]:
    """Serve a built app at a deep path of a server that knows nothing of it, with the headers it asks for; its URL."""
    policy = readme.partition("`Content-Security-Policy: ")[2].partition("`")[0]
    assert "default-src 'self'" in policy
    base = "/some/sub/path/"

    class Handler(SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            asked = path.partition("?")[0]
            inside = asked.removeprefix(base) if asked.startswith(base) else "nothing is here"
            return str(folder / (inside or "index.html"))

        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", policy)
            self.send_header("X-Content-Type-Options", "nosniff")
            super().end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{base}"
        server.shutdown()


@pytest.mark.parametrize("template", APPS)
def test_a_build_runs_below_any_path_for_fingers_and_outlives_an_error(
    browser: Browser, tmp_path: Path, template: str
) -> None:
    app = TemplateApp(tmp_path / "app", template)
    path, source = APPS[template]
    (app.folder / path).write_text(source)
    vite = ["node", "node_modules/vite/bin/vite.js", "build", "--configLoader", "runner"]
    subprocess.run(vite, cwd=app.folder, env=app.environment, check=True, capture_output=True, timeout=120)
    # Where the page is written is known in development alone.
    built = b"".join(file.read_bytes() for file in (app.folder / "dist").rglob("*") if file.is_file())
    assert not [word for word in (b"appbuilder", path.encode(), b"jsxDEV") if word in built]
    with below_a_path(app.folder / "dist", (app.folder / "README.md").read_text()) as url:
        context = browser.new_context(viewport={"width": 360, "height": 800}, has_touch=True, is_mobile=True)
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: message.type != "error" or problems.append(message.text))
        page.on("response", lambda answer: answer.ok or problems.append(f"{answer.status} {answer.url}"))
        page.goto(url)
        page.get_by_text("A whole page").wait_for()
        assert page.evaluate(SMALL) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert problems == []
        page.get_by_role("button", name="Break").click()
        page.get_by_role("alert").get_by_text("the page is broken").wait_for()
        assert page.get_by_role("heading", name="Controls").is_visible()
        assert any("the page is broken" in problem for problem in problems)
        page.get_by_role("button", name="Reload the page").click()
        page.get_by_text("A whole page").wait_for()
        context.close()
