"""Many sessions, watchers, processes and requests at once; deletions and closings in the middle of turns."""

from __future__ import annotations

import asyncio
import random
import shutil
from contextlib import aclosing

import pytest
from building import app_builder, call, scripted_builder, write
from model_server import model_server
from plain_app import assert_sound, plain

from jupyter_appbuilder.errors import AppBuilderError, Conflict, NotFound, SessionBusy


def steps(count=4):
    for number in range(count):
        yield {"tool_calls": [write(f"src/{number}.js", f"{number}\n"), call("list_files")], "size": 50, "delay": 0.002}
    yield {"tool_calls": [call("run_command", command="cat src/*.js > all.txt")]}
    yield {"text": "Done."}


async def watched(session, chance):
    """Somebody who looks now and then, and must see every event once."""
    seen = 0
    while True:
        async with aclosing(session.watch(seen)) as messages:
            async for message in messages:
                for event in message.get("events", ()):
                    assert event["seq"] == seen + 1
                    seen = event["seq"]
                    if event["type"] == "turn.finished":
                        return seen
                if chance.random() < 0.05:
                    break
        await asyncio.sleep(chance.random() * 0.05)


async def test_twenty_sessions_with_turns_and_watchers_that_come_and_go(tmp_path):
    chance = random.Random(3)
    async with model_server(list(steps()), repeat=True) as server:
        providers = {"custom": {"base_url": server.url}}
        async with app_builder(tmp_path, providers=providers, model="custom:scripted", **plain(tmp_path)) as builder:
            sessions = await asyncio.gather(*(builder.create(title="One of many") for _ in range(20)))
            assert len({session.workspace.folder for session in sessions}) == 20
            watching = [asyncio.create_task(watched(s, chance)) for s in sessions for _ in range(2)]
            await asyncio.gather(*(session.send("go") for session in sessions))
            doomed = sessions[:3]
            await asyncio.sleep(0.5)
            await asyncio.gather(*(builder.delete(session.id, files=True) for session in doomed))
            for session in sessions[3:]:
                assert (await session.wait())["reason"] in ("done", "limit")
            await asyncio.wait_for(asyncio.gather(*watching[6:]), 20)
            for task in watching[:6]:
                task.cancel()
            assert len(await builder.sessions()) == 17
            assert not any(session.workspace.folder.exists() for session in doomed)
            for session in sessions[3:7]:
                await assert_sound(session, tmp_path)


async def test_of_two_messages_at_the_same_moment_one_starts_a_turn(tmp_path):
    async with scripted_builder(tmp_path, [{"text": "…", "delay": 0.01}], **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Race")
        outcomes = await asyncio.gather(*(session.send(f"{n}") for n in range(5)), return_exceptions=True)
        assert outcomes.count("t1") == 1
        assert sum(isinstance(outcome, SessionBusy) for outcome in outcomes) == 4
        await session.update(title="Renamed meanwhile")
        await session.wait()
        assert session.summary.title == "Renamed meanwhile"
        assert sum(event.type == "turn.started" for event in await session.events()) == 1


async def test_a_restore_and_a_turn_at_the_same_moment_come_one_after_the_other(tmp_path):
    async with scripted_builder(tmp_path, list(steps()) * 6, **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Restores")
        await session.send("go")
        await session.wait()
        for _ in range(4):
            first = (await session.workspace.checkpoints())[-1].id
            results = await asyncio.gather(session.restore(first), session.send("go"), return_exceptions=True)
            assert all(isinstance(result, SessionBusy) or not isinstance(result, Exception) for result in results)
            await session.wait()
            await assert_sound(session, tmp_path)


async def test_a_restored_version_is_what_the_preview_serves_also_with_another_package_json(tmp_path):
    page = "<!doctype html><title>Second</title>\n"
    manifest = '{"name": "plain", "private": true, "version": "2.0.0"}\n'
    script = [{"tool_calls": [write("index.html", page), write("package.json", manifest)]}, {"text": "Done."}]
    async with scripted_builder(tmp_path, script, **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Served")
        await session.send("second")
        await session.wait()
        await session.start_preview()

        async def served():
            server = await session.app.ensure()
            assert server.state == "ready", server
            reader, writer = await asyncio.open_unix_connection(str(server.address.socket))
            writer.write(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            body = (await reader.read()).decode()
            writer.close()
            return body

        assert "Second" in await served()
        first = (await session.workspace.checkpoints())[-1]
        event = await session.restore(first.id)
        assert await session.workspace.snapshot() == first.tree
        assert "first" in await served()
        await session.restore(event.data["previous"])
        assert "Second" in await served()
        await assert_sound(session, tmp_path)


async def test_closing_in_the_middle_of_a_turn_ends_it_and_the_next_owner_goes_on_at_once(tmp_path):
    slow = [{"tool_calls": [write("a.txt", "1\n"), call("run_command", command="echo begun > b.txt; sleep 99")]}]
    async with scripted_builder(tmp_path, slow, **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Handed over")
        await session.send("go")
        while not (session.workspace.app / "b.txt").exists():
            await asyncio.sleep(0.02)
        async with model_server([{"text": "Done."}]) as server:
            providers = {"custom": {"base_url": server.url}}
            async with app_builder(tmp_path, providers=providers, model="custom:scripted", **plain(tmp_path)) as other:
                theirs = await other.session(session.id)
                assert not theirs.owned
                with pytest.raises(Conflict):
                    await theirs.send("me too")
                await builder.close()
                theirs = await other.session(session.id)
                assert theirs.owned
                assert theirs.summary.turn["reason"] == "stopped"
                await assert_sound(theirs, tmp_path)
                await theirs.send("and now?")
                assert (await theirs.wait())["reason"] == "done"
                await assert_sound(theirs, tmp_path)


async def test_a_session_whose_folder_is_gone_can_be_read_and_deleted(tmp_path):
    async with scripted_builder(tmp_path, list(steps()), **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Gone")
        await session.send("go")
        await session.wait()
    shutil.rmtree(tmp_path / "root" / "appbuilder" / "gone")
    async with scripted_builder(tmp_path, **plain(tmp_path)) as (builder, _):
        (summary,) = await builder.sessions()
        session = await builder.session(summary["id"])
        assert any(event.type == "turn.finished" for event in await session.events())
        with pytest.raises(AppBuilderError, match=r"folder|repository"):
            await session.send("go on")
        await builder.delete(session.id)
        with pytest.raises(NotFound):
            await builder.session(session.id)
