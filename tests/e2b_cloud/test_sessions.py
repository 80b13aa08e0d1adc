"""A whole session in the cloud: the agent builds, a person looks in a browser and edits by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from building import app_builder, call, scripted_builder, write
from chromium import launch_options
from playwright.async_api import Page, async_playwright
from preview.stage import served

from .cloud import BuiltTemplate, Cloud, cloud
from .stage import plain, until


def use(there: Cloud, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("E2B_API_KEY", there.key)
    patch.setenv("E2B_API_URL", there.url)
    patch.setenv("E2B_SANDBOX_URL", there.url)


@contextlib.asynccontextmanager
async def browsing(session: Any, builder: Any) -> AsyncGenerator[Page]:
    """The session's preview in Chromium, through the real proxy."""
    async with served(builder.previews) as origin, async_playwright() as playwright:
        browser = await playwright.chromium.launch(**launch_options())
        try:
            page = await browser.new_page()
            await page.goto(origin + session.app.base_path)
            yield page
        finally:
            await browser.close()


async def shows(page: Page, words: str) -> None:
    await page.get_by_text(words, exact=False).first.wait_for(timeout=30_000)


VITE = """
title = "Vite"
summary = "Vite, and nothing else."
[serve]
command = [
  "node", "node_modules/vite/bin/vite.js",
  "--host", "127.0.0.1", "--port", "{port}", "--strictPort", "--base", "{base}",
]
[check]
command = ["true"]
"""
PAGE = "import {{ words }} from './words.js'\ndocument.querySelector('h1').textContent = words\n{hot}\n"
HOT = "import.meta.hot.accept('./words.js', (next) => { document.querySelector('h1').textContent = next.words })"


def vite_template(folder: Path) -> Path:
    """A shelf with a template that has packages and hot updates, and is installed quickly."""
    files = folder / "shelf" / "vite" / "files"
    files.mkdir(parents=True)
    (files.parent / "template.toml").write_text(VITE)
    (files / "package.json").write_text('{"private": true, "type": "module", "devDependencies": {"vite": "^8.3.8"}}\n')
    (files / "index.html").write_text("<!doctype html><h1></h1><script type=module src=main.js></script>\n")
    (files / "main.js").write_text(PAGE.format(hot=HOT))
    (files / "words.js").write_text("export const words = 'first'\n")
    return files.parent.parent


async def test_an_app_is_built_in_the_cloud_and_seen_in_a_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Packages, Vite and hot updates: an edit by hand shows without the page being loaded again."""
    steps: list[dict[str, Any]] = [
        {"tool_calls": [write("words.js", "export const words = 'Made in the cloud'\n")]},
        {"tool_calls": [call("run_command", command="uname -n; echo made > made-there.txt")]},
        {"text": "Done."},
    ]
    async with cloud(tmp_path / "cloud", internet=True) as there:
        use(there, monkeypatch)
        traits: dict[str, Any] = {"template_path": [str(vite_template(tmp_path))], "sandbox": "e2b"}
        async with scripted_builder(tmp_path, steps, base_url="/user/ada/", **traits) as (builder, _):
            session = await builder.create(name="cloudy", template="vite")
            await session.send("Make it.")
            done = await session.wait()
            assert done["reason"] == "done", done
            events = await session.events()
            results = [event.data for event in events if event.type == "tool.finished"]
            assert "e2b.local" in str(results), results  # the name of the machine there
            assert (session.workspace.app / "made-there.txt").read_text() == "made\n"
            assert (session.workspace.app / "package-lock.json").exists()  # made there, kept here
            assert not (session.workspace.app / "node_modules" / "vite").exists()
            server = await session.app.ensure()
            assert server.state == "ready", server
            async with browsing(session, builder) as page:
                await shows(page, "Made in the cloud")
                await page.evaluate("window.kept = 1")
                (session.workspace.app / "words.js").write_text("export const words = 'Edited by hand'\n")
                await shows(page, "Edited by hand")
                assert await page.evaluate("window.kept") == 1
            assert {host.partition(":")[0] for host in there.hosts} == {"localhost"}  # else Vite refuses them
            assert not await session.app.problems()
            assert there.key not in str([event.to_json() for event in await session.events()])
            assert there.key not in session.notebook.path.read_text()
        assert not there.sandboxes


async def test_what_the_agent_breaks_is_found_there_in_the_background_and_what_it_writes_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    template = plain(tmp_path)
    manifest = template.folder / "template.toml"
    checker = "touch checked.txt; sleep 1; cat note.txt | sed 's/^/note.txt:1: error: /'; rm checked.txt"
    manifest.write_text(manifest.read_text() + f'[diagnostics]\ncommand = ["sh", "-c", "{checker}"]\n')
    steps: list[dict[str, Any]] = [
        {"tool_calls": [write("note.txt", "BAD\n")]},
        {"tool_calls": [write("while.txt", "one\n")], "first_byte": 1.0},  # the checker is at work
        {"tool_calls": [write("while.txt", "two\n")]},
        {"tool_calls": [call("list_files")], "first_byte": 8.0},
        {"text": "Done."},
    ]
    async with cloud(tmp_path / "cloud") as there:
        there.templates["appbuilder-plain"] = BuiltTemplate("tplain", "appbuilder-plain", "b1")
        use(there, monkeypatch)
        traits: dict[str, Any] = {"template_path": [str(template.folder.parent)], "template": "plain"}
        async with scripted_builder(tmp_path, steps, sandbox="e2b", **traits) as (builder, _):
            session = await builder.create(name="checked")
            await session.send("Write notes.")
            assert (await session.wait())["reason"] == "done"
            results = [event.data for event in await session.events() if event.type == "tool.finished"]
            told = [p["message"] for data in results for p in data["detail"].get("diagnostics", {}).get("problems", [])]
            assert told == ["BAD"]
            assert (session.workspace.app / "while.txt").read_text() == "two\n"
            assert not list(session.workspace.app.glob("*.sandbox")), "a version of the cloud's lies beside ours"


async def test_a_session_finds_its_sandbox_again_after_the_server_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    template = plain(tmp_path)
    async with cloud(tmp_path / "cloud") as there:
        there.templates["appbuilder-plain"] = BuiltTemplate("tplain", "appbuilder-plain", "b1")
        use(there, monkeypatch)
        traits: dict[str, Any] = {"template_path": [str(template.folder.parent)], "template": "plain"}
        async with app_builder(tmp_path, **traits) as builder:
            session = await builder.create(name="kept", sandbox="e2b")
            await until(lambda: session.app.server.state == "ready")
            assert session.summary.sandbox == "e2b"
            sandbox = await session.app.sandbox()
            await sandbox.exec("echo here > there.txt; mkdir -p node_modules && echo kept > node_modules/kept")
            (first,) = there.sandboxes
            # As after kill -9: nobody stops it, nobody asks for it any more.
            provider = builder.sandboxes.provider("e2b")
            monkeypatch.setattr(type(sandbox.guarded), "stop", lambda self: asyncio.sleep(0))
            for task in list(sandbox._tasks):  # type: ignore[attr-defined]
                task.cancel()
            number = session.id
            assert provider.running  # type: ignore[attr-defined]
        monkeypatch.undo()
        use(there, monkeypatch)
        (session.workspace.app / "index.html").write_text("<p>edited meanwhile</p>")
        async with app_builder(tmp_path, **traits) as builder:
            session = await builder.session(number)
            server = await session.app.ensure()
            assert server.state == "ready", server
            assert list(there.sandboxes) == [first]
            sandbox = await session.app.sandbox()
            assert (await sandbox.exec("cat there.txt node_modules/kept index.html")).stdout == (
                "here\nkept\n<p>edited meanwhile</p>"
            )
            assert (await sandbox.stats()).processes == 1  # one dev server, not two
        assert not there.sandboxes
