"""When nothing more can be stored, people are told; when there is room again, the session goes on where it was."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import resource
import subprocess
import threading
import time

import pytest
from building import call, scripted_builder, write
from engines import prepared
from model_server import model_server_in_thread, numbers
from plain_app import assert_sound, plain

from jupyter_appbuilder import App
from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.events import Draft
from jupyter_appbuilder.sandbox.base import DevServer


@contextlib.contextmanager
def no_room_in(*files):
    """These files cannot grow: a limit of this process, at their present size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(file.stat().st_size for file in files if file.exists()), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_log_that_is_full_fails_the_turn_and_loses_nothing(tmp_path):
    steps = [
        {"tool_calls": [write("before.txt", "1\n")]},
        {"tool_calls": [write("meanwhile.txt", "2\n" * 5000), call("run_command", command="echo 3 > third.txt")]},
        {"text": "Done."},
        {"tool_calls": [write("after.txt", "4\n")]},
    ]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Full")
        await session.send("one")
        while not (session.workspace.app / "before.txt").exists():
            await asyncio.sleep(0.005)
        log = [tmp_path / "data" / "log.db-wal", tmp_path / "data" / "log.db"]
        with no_room_in(*log):
            end = await session.wait()
            assert end["reason"] == "failed"
            assert "disk" in end["hint"]
            with pytest.raises(Unavailable, match=r"cannot be (used|written)"):
                await session.send("two")
            (session.workspace.app / "hand.txt").write_text("by hand\n")
        await session.send("three")
        assert (await session.wait())["reason"] == "done"
        assert (session.workspace.app / "hand.txt").read_text() == "by hand\n"
        await assert_sound(session, tmp_path)
        turns = [event.data["reason"] for event in await session.events() if event.type == "turn.finished"]
        assert turns == ["failed", "done"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one megabyte, for the data folder."""
    disk = tmp_path / "data"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk):
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
    return filler


async def until(holds, seconds=60):
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.05)


async def test_a_session_mends_itself_once_there_is_room_and_says_what_happened(tmp_path, small_disk):
    held = threading.Event()
    steps = [
        {"tool_calls": [write("before.txt", "1\n")]},
        {"tool_calls": [write("meanwhile.txt", numbers(100_000))], "held": held},
        {"text": "Done."},
    ]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, server):
        session = await builder.create(title="Full")
        await session.send("one")
        await until(lambda: len(server.requests) == 2)
        filler = fill(small_disk)
        held.set()
        end = await session.wait()
        assert end["reason"] == "failed"
        assert "its disk is full" in end["message"]

        shown = session.to_json()
        assert shown["state"] == "ready", "nothing runs"
        assert "its disk is full" in shown["trouble"]["message"]
        assert "goes on by itself" in shown["trouble"]["hint"]
        for act in (session.stop, session.go_on, session.retry, lambda: session.send("two")):
            with pytest.raises(Unavailable, match="its disk is full"):
                await act()

        filler.unlink()  # nobody asks anything, nobody looks
        await until(lambda: session.trouble is None)
        assert session.to_json()["trouble"] is None
        [finished] = [event.data for event in await session.events() if event.type == "turn.finished"]
        assert finished["reason"] == "failed"
        assert "its disk is full" in finished["message"]
        assert "continue" in finished["hint"]
        await until(lambda: "its disk is full" in session.notebook.path.read_text())
        await session.go_on()
        assert (await session.wait())["reason"] == "done"
        await assert_sound(session, tmp_path)


NEEDS_ROOM = """import { existsSync } from 'node:fs'
if (!existsSync('room')) throw new Error('ENOSPC: no space left on device, write')
"""


async def starts_once_there_is_room(session, make_room):
    server = await session.app.ensure()
    assert server.state == "failed"
    assert session.app.preview["state"] == "failed", "it does not go on starting"
    assert "no space left on device" in f"{server.message} {server.log}".lower()
    make_room()  # nobody asks anything
    await until(lambda: session.app.preview["state"] == "ready")

    def told() -> list[str]:
        return [event.data["message"] for event in session.stored if event.type == "preview.error"]

    await until(lambda: told() and session.stored[-1].type == "preview.ready")
    said = told()[-1]
    assert "no space left on device" in said.lower()
    assert "There is room again" in said


async def test_a_sandbox_that_cannot_be_started_has_failed_and_starts_once_it_can(tmp_path, monkeypatch):
    monkeypatch.setattr("jupyter_appbuilder.apps.running.AGAIN_SECONDS", (0.1, 1.0))
    async with scripted_builder(tmp_path, [], **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Full")
        await session.ready()
        sandbox = await session.app.sandbox()
        await session.app.ensure()
        serve = sandbox.serve

        async def refuse(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        sandbox.serve = refuse
        sandbox._servers["app"].state = DevServer("stopped")  # as it leaves it
        await starts_once_there_is_room(session, lambda: setattr(sandbox, "serve", serve))


async def test_a_server_that_met_a_full_disk_starts_once_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setattr("jupyter_appbuilder.apps.running.AGAIN_SECONDS", (0.1, 1.0))
    async with scripted_builder(tmp_path, [], **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Full")
        await session.ready()
        await session.app.ensure()
        await session.app.stop()
        code = session.workspace.app / "server.mjs"
        code.write_text(NEEDS_ROOM + code.read_text())
        await starts_once_there_is_room(session, (session.workspace.app / "room").touch)


async def test_a_full_disk_does_not_keep_an_app_from_being_deleted(tmp_path, small_disk):
    async with scripted_builder(tmp_path, [], **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Full")
        await session.ready()
        (small_disk / "spare").write_bytes(bytes(100_000))
        fill(small_disk)
        with pytest.raises(Unavailable, match="its disk is full"):
            await session.append(Draft("session.updated", {"title": "x" * 90_000}))
        (small_disk / "spare").unlink()  # as deleting its files would, were they on this disk
        await builder.delete(session.id, files=True)
        assert not session.workspace.folder.exists()
        assert await builder.sessions() == []


def test_whoever_asked_is_told_and_does_not_wait_for_ever(tmp_path, small_disk):
    held = threading.Event()
    with model_server_in_thread() as server, prepared(tmp_path) as root:
        server.steps = [{"tool_calls": [write("meanwhile.txt", numbers(100_000))], "held": held}]
        endpoint = {"custom": {"base_url": server.url, "api_key": "sk-test-not-a-secret"}}
        settings = {"model": "custom:scripted", "providers": endpoint, **plain(tmp_path)}
        (tmp_path / "config" / "jupyter_server_config.json").write_text(json.dumps({"AppBuilder": settings}))
        app = App("full", root=root)

        def fill_meanwhile():
            while not server.requests:
                time.sleep(0.01)
            fill(small_disk)
            held.set()

        filling = threading.Thread(target=fill_meanwhile)
        filling.start()
        with pytest.raises(Unavailable, match="its disk is full"):
            app.build("one")
        filling.join()
