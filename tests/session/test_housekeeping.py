"""What a process does for its sessions from time to time, and which turns go on after it died."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from dataclasses import replace

import pytest
from building import app_builder, scripted_builder
from plain_app import plain

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.events import Draft
from jupyter_appbuilder.session import housekeeping
from jupyter_appbuilder.session.recovery import MOST_RESUMED


@contextlib.asynccontextmanager
async def watched(*sessions):
    async def watch(session):
        async for _ in session.watch():
            pass

    tasks = [asyncio.create_task(watch(session)) for session in sessions]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(holds):
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)


def edited(session, path):
    return any(event.type == "file.changed" and event.data["path"] == path for event in session.stored)


@pytest.mark.parametrize("lost", ["the folder", "the app", "the disk hangs"])
async def test_what_is_wrong_with_one_app_is_no_other_ones_concern(tmp_path, monkeypatch, caplog, lost):
    monkeypatch.setattr(housekeeping, "WATCH_SECONDS", 0.05)
    async with app_builder(tmp_path, model="demo:recorded", **plain(tmp_path)) as builder:
        one, other = [await builder.create(title=title) for title in ("One", "Other")]
        await asyncio.gather(one.ready(), other.ready())
        gone, away = (one.workspace.app if lost == "the app" else one.workspace.folder), tmp_path / "away"
        async with watched(one, other):
            if lost == "the disk hangs":

                async def hang():
                    await asyncio.Event().wait()

                monkeypatch.setattr(one, "look_for_edits", hang)
                (other.workspace.app / "mine.txt").write_text("mine")
                await until(lambda: edited(other, "mine.txt"))
                return
            gone.rename(away)
            await until(lambda: one.trouble)
            for number in range(3):
                (other.workspace.app / f"{number}.txt").write_text("mine")
                await until(lambda number=number: edited(other, f"{number}.txt"))
            shown = one.to_json()["trouble"]
            assert f"The app's folder {one.workspace.app} does not exist" in shown["message"]
            assert "Move it back" in shown["hint"]
            assert other.to_json()["trouble"] is None
            told = [record.message for record in caplog.records if record.name.startswith("jupyter_appbuilder.session")]
            assert len(told) == 1, told
            assert "does not exist" in told[0]

            away.rename(gone)
            await until(lambda: one.trouble is None)
            (one.workspace.app / "mine.txt").write_text("mine")
            await until(lambda: edited(one, "mine.txt"))
            assert not [event for event in one.stored if event.data.get("change") == "deleted"]


RESPONSE = {
    "turn": "t1",
    "model": "custom:scripted",
    "text": "",
    "tool_calls": [],
    "finish_reason": "stop",
    "usage": {"input_tokens": 1, "output_tokens": 1, "cached_tokens": 0, "cost": None},
    "recorded": False,
}


@pytest.mark.parametrize(
    ("times", "in_vain", "reason"),
    [(MOST_RESUMED + 3, MOST_RESUMED - 1, "done"), (0, MOST_RESUMED, "failed"), (1, MOST_RESUMED, "failed")],
)
async def test_a_turn_goes_on_as_long_as_each_server_gets_further(tmp_path, times, in_vain, reason):
    async with scripted_builder(tmp_path, [{"text": "There."}], resuming=True, **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Long")
        await session.ready()
        asked = Draft("message.user", {"turn": "t1", "text": "Build"})
        await session.append(Draft("turn.started", {"turn": "t1", "model": "custom:scripted"}), asked)
        for number in range(times):
            said = Draft("response.completed", {**RESPONSE, "response": f"r{number}"})
            await session.append(Draft("turn.resumed", {"turn": "t1"}), said)
        await session.append(*[Draft("turn.resumed", {"turn": "t1"})] * in_vain)
        # As after a kill: nobody holds the session, and nothing of it is in memory.
        await session.notebook.close(write=False)
        builder._sessions.opened.clear()
        await builder.log_store.release(session.id)
        again = await builder.session(session.id)
        assert (await again.wait())["reason"] == reason
        await session.app.close()


async def test_an_app_that_cannot_be_put_to_sleep_is_said_once_and_can_be_used(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(housekeeping, "WATCH_SECONDS", 0.02)
    async with app_builder(tmp_path, model="demo:recorded", idle_seconds=0.0, **plain(tmp_path)) as builder:
        session = await builder.create(title="Awake")
        await session.ready()
        tried = 0

        async def fail():
            nonlocal tried
            tried += 1
            raise Unavailable("The cloud does not answer.")

        monkeypatch.setattr(session.app, "sleep", fail)
        await until(lambda: tried > 3)
        assert session.to_json()["trouble"] is None
        told = [record for record in caplog.records if "The cloud does not answer." in caplog.handler.format(record)]
        assert len(told) == 1


async def test_what_is_stored_while_another_process_opens_the_session_is_there_once(tmp_path, monkeypatch):
    async with app_builder(tmp_path, **plain(tmp_path)) as owner, app_builder(tmp_path) as other:
        session = await owner.create(title="Shared")
        await session.ready()
        claim = other.log_store.claim

        async def claim_late(id):
            await session.update(title="Shared by two")
            return await claim(id)

        monkeypatch.setattr(other.log_store, "claim", claim_late)
        watching = await other.session(session.id)
        assert watching.summary.title == "Shared by two"
        await session.update(title="Still shared")
        await watching.record.refresh()
        assert [event.seq for event in await watching.events()] == [event.seq for event in await session.events()]


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")])
async def test_a_connection_that_breaks_is_no_fault_of_the_files(tmp_path, monkeypatch, error):
    async with scripted_builder(tmp_path, [{"text": "There."}], **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Broken")
        await session.ready()

        async def fail(*_):
            raise error

        monkeypatch.setattr(session._turns, "_agents", replace(session._turns._agents, make=fail))
        await session.send("Build")
        end = await session.wait()
        assert end["reason"] == "failed"
        assert "files" not in end["message"]
