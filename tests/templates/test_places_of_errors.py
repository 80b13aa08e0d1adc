"""An error in the page of a real app is told in the app's own lines, whatever its dev server made of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from building import app_builder, scripted_builder
from model_server import ModelServer
from preview.stage import chromium

from jupyter_appbuilder.events import Event
from jupyter_appbuilder.eyes.base import Look
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.testing.sandboxes.stage import BASE_URL, served, soon

REACT = """import { useState } from "react";

type Row = { name: string; value: number };

interface Nothing {
  more: string;
}

export default function App() {
  const [rows, setRows] = useState<Row[]>([]);
  function add(): void {
    const broken = rows as unknown as Nothing;
    setRows([...rows, { name: broken.more.trim(), value: 1 }]); // here
  }
  return (
    <main>
      <button onClick={add}>Add</button>
    </main>
  );
}
"""
VUE = """<template>
  <main>
    <button @click="add">Add</button>
  </main>
</template>

<script setup lang="ts">
import { ref } from "vue";

interface Nothing {
  more: string;
}
const rows = ref<string[]>([]);

function add(): void {
  const broken = rows.value as unknown as Nothing;
  rows.value.push(broken.more.trim()); // here
}
</script>
"""
APPS = {
    "react-vite": ("src/App.tsx", REACT),
    "vue-vite": ("src/App.vue", VUE),
    "nextjs": ("app/page.tsx", '"use client";\n' + REACT),
}

# Of these a part fails while it is drawn.
REACT_PART = """import { useState } from "react";

function Part({ text }: { text?: string }) {
  return <p>{text!.trim()}</p>; // here
}

export default function App() {
  const [text, setText] = useState<string | undefined>("whole");
  return (
    <main>
      <button onClick={() => setText(undefined)}>Add</button>
      <Part text={text} />
    </main>
  );
}
"""
VUE_PART = """<template>
  <main>
    <button @click="add">Add</button>
    <p>{{ shown() }}</p>
  </main>
</template>

<script setup lang="ts">
import { ref } from "vue";

const text = ref<string | undefined>("whole");

function shown(): string {
  return text.value!.trim(); // here
}

function add(): void {
  text.value = undefined;
}
</script>
"""
PARTS = {
    "react-vite": ("src/App.tsx", REACT_PART),
    "vue-vite": ("src/views/HomeView.vue", VUE_PART),
    "nextjs": ("app/page.tsx", '"use client";\n' + REACT_PART),
    "fastapi-react": ("src/App.tsx", REACT_PART),
}


def place_in(text: str) -> str:
    """Line and column of what throws."""
    lines = text.split("\n")
    number = next(number for number, line in enumerate(lines) if "// here" in line)
    return f"{number + 1}:{lines[number].index('trim') + 1}"


@asynccontextmanager
async def shown(
    folder: Path, template: str, apps: dict[str, tuple[str, str]] = APPS
) -> AsyncIterator[tuple[Session, Any, ModelServer]]:
    """An app whose button throws when it is clicked, and its page in a browser."""
    path, text = apps[template]
    async with scripted_builder(folder, [{"text": "I see."}] * 2, base_url=BASE_URL) as (builder, server):
        session = await builder.create(title="Broken", template=template)
        await session.ready()
        await write(session, path, text)
        assert (await session.app.ensure()).state == "ready"
        async with served(builder.previews) as origin, chromium() as browser:
            page = await browser.new_page()
            await page.goto(origin + session.app.base_path)
            await page.get_by_role("button", name="Add").wait_for()
            yield session, page, server


async def write(session: Session, path: str, text: str) -> None:
    _, result = await session.call("write_file", {"path": path, "content": text}, by="person")
    assert result.ok, result.text


async def thrown(session: Session, page: Any, after: int = 0) -> dict[str, Any]:
    """What the log says of a click, as soon as it does."""

    async def logged() -> Event:
        while True:
            for event in await session.events(after):
                if event.type == "preview.error" and event.data["kind"] == "page":
                    return event
            # A page that has just been made may not listen yet.
            await page.get_by_role("button", name="Add").click()
            await page.wait_for_timeout(300)

    return dict((await soon(logged())).data)


@pytest.mark.parametrize("template", APPS)
async def test_a_click_that_throws_is_told_by_file_line_and_column(tmp_path: Path, template: str) -> None:
    path, text = APPS[template]
    async with shown(tmp_path, template) as (session, page, server):
        error = await thrown(session, page)
        await session.send("Go on.")
        await session.wait()
    place = f"{path}:{place_in(text)}"
    asked = str(server.requests[0].body["messages"])
    assert f">   at {place}" in asked, "the model knows it without a word"
    assert "reading \\'trim\\'" in asked or "reading 'trim'" in asked
    assert error["source"] == place
    assert error["stack"].splitlines()[1:] == [f"    at add ({place})"]
    assert "reading 'trim'" in error["message"]


@pytest.mark.parametrize("template", APPS)
async def test_the_browser_that_looks_tells_it_in_the_same_lines(tmp_path: Path, template: str) -> None:
    path, text = APPS[template]
    async with app_builder(tmp_path, browser="") as builder:
        session = await builder.create(title="Broken", template=template)
        await session.ready()
        await write(session, path, text)
        assert (await session.app.ensure()).state == "ready"
        assert session.app.eye
        async with session.app.eye.open(Look()) as page:
            assert (await page.act({"do": "click", "role": "button", "name": "Add"})).ok
            (error,) = [one for one in await page.findings() if "reading 'trim'" in one["message"]]
    assert error["source"] == f"{path}:{place_in(text)}"
    assert error["stack"].splitlines()[1:] == [f"    at add ({path}:{place_in(text)})"]


@pytest.mark.parametrize("template", APPS)
async def test_after_a_hot_update_the_place_is_that_of_the_code_that_ran(tmp_path: Path, template: str) -> None:
    path, text = APPS[template]
    moved = text.replace("interface", "// moved\n\n\ninterface").replace(">Add<", ">Add one<")
    moved = moved.replace("const broken", "console.log(1);\n  const broken")
    async with shown(tmp_path, template) as (session, page, _):
        await thrown(session, page)
        after = (await session.events())[-1].seq
        await write(session, path, moved)
        await page.get_by_role("button", name="Add one").wait_for()
        error = await thrown(session, page, after)
    # Turbopack tells nowhere which lines it has sent to a page that is open.
    assert error["source"] == (path if template == "nextjs" else f"{path}:{place_in(moved)}")


@pytest.mark.parametrize("template", PARTS)
async def test_a_page_that_fails_while_it_is_drawn_is_told_and_offers_a_reload(tmp_path: Path, template: str) -> None:
    path, text = PARTS[template]
    async with shown(tmp_path, template, PARTS) as (session, page, _):
        await page.get_by_role("button", name="Add").click()
        await page.get_by_role("heading", name="Something went wrong").wait_for()

        async def told() -> list[dict[str, Any]]:
            while not (found := [one for one in await session.app.problems() if "trim" in one["message"]]):
                await page.wait_for_timeout(100)
            return found

        error = (await soon(told()))[0]
        assert error["source"] == f"{path}:{place_in(text)}"
        await page.get_by_role("button", name="Reload the page").click()
        await page.get_by_text("whole").wait_for()
        if template == "nextjs":
            return  # it tells nobody of a hot update: the box stays until Try again
        await page.get_by_role("button", name="Add").click()
        await page.get_by_role("heading", name="Something went wrong").wait_for()
        await write(session, path, text.replace(".trim()", "?.trim()"))
        await page.get_by_text("whole").wait_for()  # the box goes with what it told
