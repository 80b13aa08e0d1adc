"""What a process does for its sessions from time to time, and which turns go on after it died."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from building import app_builder, scripted_builder
from plain_app import plain

from jupyter_appbuilder import builder as building
from jupyter_appbuilder.events import Draft
from jupyter_appbuilder.recovery import MOST_RESUMED


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
    monkeypatch.setattr(building, "WATCH_SECONDS", 0.05)
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
        builder._sessions.clear()
        await builder.log_store.release(session.id)
        again = await builder.session(session.id)
        assert (await again.wait())["reason"] == reason
        await session.app.close()
