"""The tools that look at an app and use it, on a real app in its sandbox."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from building import call, scripted_builder, write
from engines import prepared

from jupyter_appbuilder import App
from jupyter_appbuilder.apps.findings import MOST_FINDINGS
from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.eyes.base import Eye, Look, Page
from jupyter_appbuilder.eyes.viewers import STOPPED
from jupyter_appbuilder.templates.templates import SOURCE
from jupyter_appbuilder.tools import looking

APP = """import { useState } from "react";

export default function App() {
  const [tasks, setTasks] = useState<string[]>([]);
  const [title, setTitle] = useState("");
  return (
    <main>
      <h1>Tasks</h1>
      <form onSubmit={(event) => { event.preventDefault(); setTasks([...tasks, title]); }}>
        <label>New task <input value={title} onChange={(event) => setTitle(event.target.value)} /></label>
        <button>Add</button>
      </form>
      <button onClick={() => { throw new Error("no archive yet"); }}>Archive</button>
      <ul>{tasks.map((task) => <li key={task}>{task}</li>)}</ul>
    </main>
  );
}
"""


async def test_an_app_is_looked_at_used_and_checked(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path, browser="") as (builder, _):
        session = await builder.create(title="Tasks")
        await session.call("write_file", {"path": "src/App.tsx", "content": APP}, by="person")

        _, seen = await session.call("look_at_app", {"width": 360}, by="person")
        assert '- heading "Tasks" [level=1]' in seen.text
        assert "No errors." in seen.text
        assert seen.pictures[0].width == 360

        _, used = await session.call(
            "use_app",
            {
                "steps": [
                    {"do": "fill", "name": "New task", "value": "Milk"},
                    {"do": "click", "role": "button", "name": "Add"},
                    {"do": "expect", "role": "listitem", "is": "count", "count": 1},
                    {"do": "click", "role": "button", "name": "Archive"},
                ]
            },
            by="person",
        )
        assert "appeared: " in used.text
        assert "- listitem: Milk" in used.text
        assert "no archive yet" in used.text
        assert used.ok

        _, failed = await session.call(
            "use_app", {"steps": [{"do": "click", "role": "button", "name": "Remove"}]}, by="person"
        )
        assert not failed.ok
        assert 'There is no button "Remove"' in failed.text

        _, checked = await session.call("check_app", {}, by="person")
        assert "Page: loaded afresh at 360, 768, 1280 px" in checked.text


@pytest.mark.walk
async def test_a_page_past_its_speed_budget_is_warned_of_and_other_hosts_are_told_once(tmp_path: Path) -> None:
    large, tiny = "load_ms = 600000\ncls = 10\nrequests = 10000\n", "load_ms = 1\ncls = 10\nrequests = 0\n"
    for name, budget in (("large", large), ("tiny", tiny)):
        folder = tmp_path / "templates" / name
        shutil.copytree(SOURCE / "static", folder)
        manifest = folder / "template.toml"
        before, _, rest = manifest.read_text().partition("[check.budget]")
        manifest.write_text(f"{before}[check.budget]\n{budget}\n[diagnostics]{rest.partition('[diagnostics]')[2]}")
    async with scripted_builder(tmp_path, browser="", template_path=[str(tmp_path / "templates")]) as (builder, _):
        for template in ("large", "tiny"):
            session = await builder.create(title=template, template=template)
            await session.ready()
            page = await session.workspace.read_text("index.html")
            slow = "<script>for (const until = performance.now() + 60; performance.now() < until; );</script>"
            picture = '<img src="https://tiles.example.org/1.png" alt="A map" width="20" height="20">'
            changed = page.replace("</main>", f"{slow}{picture}</main>", 1)
            await session.call("write_file", {"path": "index.html", "content": changed}, by="person")
            _, checked = await session.call("check_app", {}, by="person")
            assert checked.ok, checked.text
            told = "The page asks other hosts (tiles.example.org), which cannot be reached here"
            assert checked.text.count(told) == 1
            if template == "large":
                assert "Speed:" not in checked.text
            else:
                assert "ms until it had loaded (budget 1)" in checked.text
                assert "requests (budget 0)" in checked.text
                assert "layout shifts" not in checked.text
                assert "past its speed budget" in checked.summary
            await session.app.stop()


async def test_an_app_without_scenarios_says_so_and_a_failed_one_says_why(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path, browser="") as (builder, _):
        session = await builder.create(title="Tasks", template="static")
        _, none = await session.call("try_scenarios", {}, by="person")
        assert none.summary == "The app has no scenarios yet"
        assert none.detail["scenarios"] == {"all": True, "outcomes": []}
        steps = [{"do": "click", "role": "button", "name": "Fly"}, {"do": "expect", "text": "Flown"}]
        _, wrote = await session.call("write_scenario", {"title": "It flies", "steps": steps}, by="person")
        assert wrote.summary.startswith('Wrote the scenario "It flies": fails. Step 1: click button "Fly": There is no')
        said: list[str] = []

        async def hear() -> None:
            async for message in session.watch(session.summary.last_seq):
                if message["kind"] == "live" and message["type"] == "tool.output":
                    said.append(message["data"]["text"])

        hearing = asyncio.create_task(hear())
        await session.call("check_app", {}, by="person")
        hearing.cancel()
        assert said == ["Looking at the page …\n", "Trying 1 scenario …\n", "1 of 1: It flies: fails\n"]


async def test_without_a_browser_a_check_says_that_nobody_has_looked(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path) as (builder, _):
        session = await builder.create(title="Tasks")
        _, checked = await session.call("check_app", {}, by="person")
        _, seen = await session.call("look_at_app", {}, by="person")
    assert checked.ok
    assert "nobody has looked at the page" in checked.text
    assert "nobody has looked at the page" in checked.summary
    assert not seen.ok
    assert seen.text.startswith("Nobody has looked at the page")


async def test_steps_that_take_too_long_together_are_not_all_tried_and_it_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "USE_SECONDS", 1.0)
    steps = [{"do": "expect", "role": "heading"}, {"do": "expect", "text": "It flies"}, {"do": "open", "path": "/"}]
    async with scripted_builder(tmp_path, browser="") as (builder, _):
        session = await builder.create(title="Tasks", template="static")
        late = 'setTimeout(() => h.append(" It flies"), 2000)'
        page = f'<!doctype html><title>T</title><h1 id="h">Tasks</h1><script>{late}</script>'
        await session.call("write_file", {"path": "index.html", "content": page}, by="person")
        _, used = await session.call("use_app", {"steps": steps}, by="person")
    assert not used.ok
    assert "Nothing was tried from step 3 on: 1 seconds were over." in used.text
    assert "Nothing was tried from step 3 on" in used.summary


ADDING = {
    "title": "A task can be added",
    "steps": [
        {"do": "fill", "name": "New task", "value": "Milk"},
        {"do": "click", "role": "button", "name": "Add"},
        {"do": "expect", "role": "listitem", "text": None, "is": "count", "count": 1},
    ],
}


async def test_what_worked_is_tried_again_and_a_change_of_it_needs_a_reason(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path, browser="") as (builder, _):
        session = await builder.create(title="Tasks")
        await session.call("write_file", {"path": "src/App.tsx", "content": APP}, by="person")
        _, wrote = await session.call("write_scenario", ADDING, by="person")
        assert wrote.summary == 'Wrote the scenario "A task can be added": works.'
        text = await session.workspace.read_text("scenarios/a-task-can-be-added.yaml")
        assert "- {do: fill, name: New task, value: Milk}" in text

        # The app loses what it could do.
        broken = APP.replace("[...tasks, title]", "[]")
        await session.call("write_file", {"path": "src/App.tsx", "content": broken}, by="person")
        _, checked = await session.call("check_app", {}, by="person")
        assert not checked.ok
        assert "1 scenario of 1 failed" in checked.summary
        assert 'IT WORKED BEFORE: "A task can be added"' in checked.text

        other = ADDING | {"steps": [{"do": "expect", "role": "heading", "name": "Tasks"}]}
        _, refused = await session.call("write_scenario", other, by="person")
        assert not refused.ok
        assert "worked, and these are other steps" in refused.text
        _, changed = await session.call("write_scenario", other | {"reason": "No list any more"}, by="person")
        assert changed.ok
        assert "No list any more" in changed.summary
        _, checked = await session.call("try_scenarios", {}, by="person")
        assert checked.summary == "1 of 1 thing works"


async def test_a_turn_that_nobody_saw_says_so_and_one_that_was_seen_does_not(tmp_path: Path) -> None:
    steps = [{"tool_calls": [write("src/App.tsx", APP)]}, {"text": "Done."}]
    unseen = "Done, not seen: nobody has looked at the page."
    checks = {"tool_calls": [call("check_app")]}  # the agent itself, as its last act
    for browser, own, message in (("none", [], unseen), ("none", [checks], unseen), ("", [], "")):
        folder = tmp_path / f"{browser}{len(own)}"
        folder.mkdir()
        harmless = APP.replace('throw new Error("no archive yet")', "setTasks([])")
        written = [{"tool_calls": [write("src/App.tsx", harmless)]}, *own, *steps[1:]]
        async with scripted_builder(folder, written, browser=browser) as (builder, _):
            session = await builder.create(title="Tasks")
            await session.send("tasks")
            ended = await session.wait()
        assert (ended["reason"], ended["message"]) == ("done", message)


class Leaving:
    """A person's preview that looks once, and is then stopped."""

    name = "preview"

    def __init__(self, eye: Eye) -> None:
        self._eye = eye
        self._left = False

    async def ready(self) -> Leaving:
        return self

    @asynccontextmanager
    async def open(self, look: Look) -> AsyncGenerator[Page]:
        if self._left:
            raise Unavailable("The person stopped it in their preview.", reason=STOPPED)
        self._left = True
        async with self._eye.open(look) as page:
            yield page

    async def close(self) -> None:
        await self._eye.close()


@pytest.mark.walk
async def test_a_turn_whose_scenarios_nobody_could_try_again_says_so(tmp_path: Path) -> None:
    harmless = APP.replace('throw new Error("no archive yet")', "setTasks([])")
    steps = [{"tool_calls": [write("src/App.tsx", harmless.replace("Archive", "Archive all"))]}, {"text": "Done."}]
    async with scripted_builder(tmp_path, steps, browser="") as (builder, _):
        session = await builder.create(title="Tasks")
        await session.call("write_file", {"path": "src/App.tsx", "content": harmless}, by="person")
        await session.call("write_scenario", ADDING, by="person")
        eye = session.app.eye
        assert eye
        session.app.eye = Leaving(eye)
        _, checked = await session.call("check_app", {}, by="person")
        assert checked.summary.endswith("; the scenarios were not tried")
        assert "Scenarios: NOT tried: The person stopped it in their preview." in checked.text
        session.app.eye = Leaving(eye)
        await session.send("tasks")
        ended = await session.wait()
    told = "Done, not tried: what worked before was not tried again."
    assert (ended["reason"], ended["message"]) == ("done", told)


@pytest.mark.walk
def test_what_works_is_tried_from_python_and_the_command_line(tmp_path: Path) -> None:
    """In both, a thing that fails is named with its step."""
    with prepared(tmp_path) as root:
        settings = tmp_path / "config" / "jupyter_server_config.json"
        settings.write_text(json.dumps({"AppBuilder": {"browser": ""}}))
        app = App("tasks")
        assert app.try_().text.startswith("The app has no scenarios yet")
        app.write("src/App.tsx", APP)
        app.call("write_scenario", **ADDING)
        steps = [{"do": "click", "role": "button", "name": "Remove"}, {"do": "expect", "text": "Nothing left"}]
        app.call("write_scenario", title="All can be removed", steps=steps)
        tried = app.try_()
        assert tried.summary == "1 of 2 things work"
        app.close()
        command = [sys.executable, "-m", "jupyter_appbuilder.cli", "try", "--root", str(root), "tasks"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1
        assert "✓ A task can be added" in done.stdout
        assert "✗ All can be removed (step 1)" in done.stdout
        done = subprocess.run([*command, "nope"], capture_output=True, text=True, timeout=120)
        assert "There are: a-task-can-be-added, all-can-be-removed." in done.stdout


LOUD = """export default function App() {
  for (let i = 0; i < 300; i++) setTimeout(() => { throw new Error(`${Math.random()} ${"x".repeat(5000)}`); });
  return <h1>Loud</h1>;
}
"""


@pytest.mark.walk
async def test_a_page_does_not_fill_the_log_with_what_a_check_finds(tmp_path: Path) -> None:
    async with scripted_builder(tmp_path, browser="") as (builder, _):
        session = await builder.create(title="Loud")
        await session.call("write_file", {"path": "src/App.tsx", "content": LOUD}, by="person")
        for _ in range(2):
            _, checked = await session.call("check_app", {}, by="person")
            assert not checked.ok
            assert len(checked.detail["problems"]) <= MOST_FINDINGS + 1
        found = [event for event in await session.events() if event.type == "preview.error"]
        assert len(found) <= MOST_FINDINGS
