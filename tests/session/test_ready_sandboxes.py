"""A new app whose sandbox stood ready before: it shows at once, and is in every way the session's own."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import websocket
from building import app_builder
from plain_app import assert_sound, plain, plain_template
from running import pid_runs

from jupyter_appbuilder.apps.process_socket import ask_all
from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.preview.upstream import origin_of, upstreams
from jupyter_appbuilder.sandbox.local import pool as pools
from jupyter_appbuilder.session import Session


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(pools, "SPARE_MEMORY", 0)


@asynccontextmanager
async def building(folder: Path, **traits: Any) -> AsyncGenerator[AppBuilder]:
    traits = {"model": "demo:recorded", "pooling": True, **plain(folder), **traits}
    async with app_builder(folder, **traits) as builder:
        yield builder


async def standing(builder: AppBuilder, state: str = "ready") -> pools.Ready:
    """The next sandbox that stands ready; whoever looks at the list of apps has it made."""
    await builder.sessions()
    pool: Any = builder.sandboxes.provider().pool  # type: ignore[attr-defined]
    async with asyncio.timeout(60):
        while True:
            for wish in pool._wishes.values():
                for ready in wish.ready:
                    if ready.sandbox.server.state == state:
                        return ready
            await asyncio.sleep(0.01)


async def page(session: Session, path: str = "") -> str:
    address = session.app.server.address
    assert address, session.app.server
    url = origin_of(address) + session.app.base_path + path
    response = await upstreams.pool(address).request("GET", url, headers={"Host": "localhost"})
    return response.content.decode()


def pids(ready: pools.Ready) -> set[int]:
    return set(ready.sandbox._share.pids())  # type: ignore[union-attr]


async def ended(running: set[int]) -> bool:
    """Whether they all end: the kernel takes a moment."""
    for _ in range(100):
        if not any(map(pid_runs, running)):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_new_app_takes_the_dev_server_that_stands_ready(tmp_path: Path):
    async with building(tmp_path) as builder:
        ready = await standing(builder)
        running = pids(ready)
        assert builder.previews.find(ready.base_path.rstrip("/").rpartition("/")[2]) is None  # nobody's yet
        session = await builder.create(title="Quick")
        await session.ready()
        server = await session.app.ensure()
        assert server.state == "ready"
        assert running == pids(ready)  # no process was started for it
        assert session.app.base_path == ready.base_path
        assert "first" in await page(session)

        # It is the session's own: its files are the template's, edits show, commands and the log agree with it.
        events = await session.events()
        assert await session.workspace.snapshot() == events[0].data["template_tree"]
        assert [event.type for event in events][1:3] == ["checkpoint.created", "session.ready"]
        await session.call("write_file", {"path": "index.html", "content": "<p>second"}, by="person")
        assert "second" in await page(session)
        _, result = await session.call(
            "run_command", {"command": "pwd; cat index.html; echo new > made.txt"}, by="person"
        )
        assert "/workspace" in result.text
        assert "second" in result.text
        assert (session.workspace.app / "made.txt").read_text() == "new\n"
        (session.workspace.app / "index.html").write_text("<p>third")
        assert "third" in await page(session)
        await session.look_for_edits()
        await assert_sound(session, tmp_path)
        assert len([event for event in await session.events() if event.type == "preview.ready"]) == 1

        # Also what comes later: sleep, a new start, the end.
        await session.app.sleep()
        assert session.app.server.state == "asleep"
        assert await ended(running)
        assert (await session.app.ensure()).state == "ready"
        assert "third" in await page(session)
        assert (await session.app.restart()).state == "ready"
        assert "third" in await page(session)
        last = pids(ready)
        await session.app.stop()
        assert await ended(last)


async def test_the_next_app_finds_another_one_and_they_keep_apart(tmp_path: Path):
    async with building(tmp_path) as builder:
        sessions: list[Session] = []
        for name in ("one", "two"):
            await standing(builder)
            session = await builder.create(name=name)
            await session.ready()
            await session.app.ensure()
            await session.call("write_file", {"path": "index.html", "content": name}, by="person")
            sessions.append(session)
        assert [await page(session) for session in sessions] == ["one", "two"]
        assert len({session.app.base_path for session in sessions}) == 2


async def test_one_that_is_still_starting_is_taken_as_well(tmp_path: Path):
    async with building(tmp_path) as builder:
        ready = await standing(builder, "starting")
        session = await builder.create()
        assert (await session.app.ensure()).state == "ready"
        assert session.app.base_path == ready.base_path
        assert "first" in await page(session)


async def test_a_template_edited_meanwhile_is_followed(tmp_path: Path):
    async with building(tmp_path) as builder:
        ready = await standing(builder)
        old = pids(ready)
        (tmp_path / "templates/plain/files/index.html").write_text("<p>edited")
        session = await builder.create()
        await session.ready()
        await session.app.ensure()
        assert "edited" in await page(session)
        assert await ended(old)
        assert not ready.folder.exists()


async def test_a_dev_server_that_changes_files_hands_over_none_of_them(tmp_path: Path):
    shelf = plain_template(tmp_path)
    server = shelf / "plain/files/server.mjs"
    server.write_text(
        server.read_text() + "\nimport { writeFileSync } from 'node:fs'\nwriteFileSync('mine.txt', 'x')\n"
    )
    traits = {"template_path": [str(shelf)], "template": "plain", "pooling": True, "model": "demo:recorded"}
    async with app_builder(tmp_path, **traits) as builder:
        ready = await standing(builder)
        session = await builder.create()
        await session.ready()
        checkpoint = (await session.workspace.checkpoints())[0]
        assert checkpoint.tree == (await session.events())[0].data["template_tree"]
        assert not ready.folder.exists()
        assert (await session.app.ensure()).state == "ready"


async def test_nothing_stands_ready_where_the_administrator_wants_none(tmp_path: Path):
    async with building(tmp_path) as builder:
        builder.sandboxes.provider().pool.size = 0  # type: ignore[attr-defined]
        await builder.sessions()
        await asyncio.sleep(0.3)
        assert not (tmp_path / "root/appbuilder/.ready").exists()
        assert (await (await builder.create()).app.ensure()).state == "ready"


async def test_when_nobody_is_there_any_more_its_memory_is_given_back(tmp_path: Path):
    async with building(tmp_path) as builder:
        pool: Any = builder.sandboxes.provider().pool  # type: ignore[attr-defined]
        running = pids(await standing(builder))
        pool._idle = 0.5
        pool.touch()
        async with asyncio.timeout(60):
            while running & set(psutil.pids()):
                pool._changed.set()
                await asyncio.sleep(0.1)
        async with asyncio.timeout(5):
            while (tmp_path / "root/appbuilder/.ready").exists():
                await asyncio.sleep(0.05)


async def test_a_template_that_cannot_start_keeps_nobody_from_working(tmp_path: Path):
    shelf = plain_template(tmp_path)
    (shelf / "plain/files/server.mjs").write_text("process.exit(3)")
    traits = {"template_path": [str(shelf)], "template": "plain", "pooling": True, "model": "demo:recorded"}
    async with app_builder(tmp_path, **traits) as builder:
        await builder.sessions()
        pool: Any = builder.sandboxes.provider().pool  # type: ignore[attr-defined]
        async with asyncio.timeout(60):
            while not any(wish.not_before for wish in pool._wishes.values()):
                await asyncio.sleep(0.05)
        session = await builder.create()
        assert (await session.app.ensure()).state == "failed"
        await session.call("write_file", {"path": "a.txt", "content": "works"}, by="person")
        assert not list((tmp_path / "root/appbuilder").glob(".ready/*"))


async def test_a_session_deleted_at_once_leaves_nothing_running(tmp_path: Path, monkeypatch: Any):
    async with building(tmp_path) as builder:
        ready = await standing(builder)
        running = pids(ready)
        monkeypatch.setattr(pools, "QUIET_SECONDS", 60.0)  # or the next one would stand there
        session = await builder.create()
        await builder.delete(session.id, files=True)
        assert await ended(running)
        assert not session.workspace.folder.exists()
        assert not ready.folder.exists()


async def test_nothing_is_left_when_the_server_ends(tmp_path: Path):
    async with building(tmp_path) as builder:
        running = pids(await standing(builder))
        assert running & set(psutil.pids())
    assert await ended(running)
    assert not list((tmp_path / "root/appbuilder").glob(".*"))


def keep_ready(folder: Path, told: Any) -> None:
    async def main() -> None:
        pools.QUIET_SECONDS, pools.SPARE_MEMORY = 0.0, 0
        async with building(folder) as builder:
            told.send(sorted(pids(await standing(builder))))
            await asyncio.sleep(60)

    asyncio.run(main())


async def test_nothing_is_left_of_a_killed_server(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    receive, send = multiprocessing.Pipe(duplex=False)
    process = context.Process(target=keep_ready, args=(tmp_path, send))
    process.start()
    running = set(await asyncio.to_thread(receive.recv))
    (left,) = (tmp_path / "root/appbuilder/.ready").iterdir()
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert await ended(running)
    async with building(tmp_path) as builder:
        ready = await standing(builder)
        assert ready.folder.exists()
        assert not left.exists()


async def test_the_watchers_of_a_taken_dev_server_see_edits_and_new_files(tmp_path: Path):
    """Vite's own: they were set up before the files moved."""
    async with building(tmp_path, template="react-vite") as builder:
        ready = await standing(builder)
        running = pids(ready)
        session = await builder.create()
        await session.ready()
        await session.app.ensure()
        assert running == pids(ready)
        app = session.workspace.app
        source = (app / "src/App.tsx").read_text()
        assert await page(session, "src/App.tsx")
        updates = await hot_updates(session)
        try:
            await session.call("write_file", {"path": "src/App.tsx", "content": source + "\n// edited\n"}, by="person")
            assert "/src/App.tsx" in await updates("update")
            assert "// edited" in await page(session, "src/App.tsx")
            (app / "src/parts").mkdir()
            (app / "src/parts/Fresh.tsx").write_text("export const a = 1\n")
            assert "a = 1" in await page(session, "src/parts/Fresh.tsx")
            await asyncio.sleep(0.2)
            (app / "src/parts/Fresh.tsx").write_text("export const a = 2\n")
            assert "Fresh.tsx" in await updates("Fresh.tsx")
            assert "a = 2" in await page(session, "src/parts/Fresh.tsx")
        finally:
            await updates("")


async def hot_updates(session: Session) -> Callable[[str], Awaitable[str]]:
    """What Vite tells a page: ``await told(words)`` is the next message that holds them; no words end it."""
    token = re.search(r'wsToken = "([^"]+)"', await page(session, "@vite/client"))
    assert token
    address = session.app.server.address
    assert address
    pipe = socket.socket(socket.AF_UNIX)
    pipe.connect(str(address.socket))
    url = f"ws://localhost{session.app.base_path}?token={token[1]}"
    connection = await asyncio.to_thread(
        websocket.create_connection, url, timeout=10, socket=pipe, subprotocols=["vite-hmr"]
    )

    async def told(words: str) -> str:
        if not words:
            connection.close()
            return ""
        while words not in (message := str(await asyncio.to_thread(connection.recv))):
            pass
        return message

    return told


async def test_no_package_is_fetched_unasked(tmp_path: Path):
    shelf = plain_template(tmp_path)
    manifest = {"private": True, "dependencies": {"is-number": "7.0.0"}}
    (shelf / "plain/files/package.json").write_text(json.dumps(manifest))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/cache").mkdir()  # of its own, and empty
    traits = {"template_path": [str(shelf)], "template": "plain", "pooling": True, "model": "demo:recorded"}
    async with app_builder(tmp_path, **traits) as builder:
        await builder.sessions()
        pool: Any = builder.sandboxes.provider().pool  # type: ignore[attr-defined]
        async with asyncio.timeout(60):
            while not any(wish.not_before for wish in pool._wishes.values()):
                await asyncio.sleep(0.05)
        assert not list((tmp_path / "data/cache/deps").glob("*"))
        assert not (tmp_path / "data/cache/npm").exists()


async def test_where_folders_cannot_be_moved_nothing_stands_ready(tmp_path: Path):
    """Without mounts a dev server knows its files by the paths they had."""
    async with building(tmp_path) as builder:
        provider: Any = builder.sandboxes.provider()
        provider.isolation = "landlock"
        await builder.sessions()
        async with asyncio.timeout(60):
            while not any(wish.not_before for wish in provider.pool._wishes.values()):
                await asyncio.sleep(0.05)
        session = await builder.create()
        assert (await session.app.ensure()).state == "ready"
        assert "first" in await page(session)
        assert not list((tmp_path / "root/appbuilder").glob(".ready/*"))


async def test_a_sandbox_that_waits_is_listed_and_counted(tmp_path: Path):
    async with building(tmp_path) as builder:
        await standing(builder)
        [waiting] = await builder.sandboxes.describe()
        assert (waiting["session"], waiting["template"], waiting["state"]) == ("", "plain", "waiting")
        assert waiting["memory"] > 1_000_000
        assert builder.sandboxes.placed() == [("local", "waiting")]
        [answer] = [it for it in await ask_all({"do": "list"}) if it["pid"] == os.getpid()]
        assert [it["state"] for it in answer["sandboxes"]] == ["waiting"]
