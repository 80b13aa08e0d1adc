"""Whatever happens in a session, its notebook rebuilds the identical files."""

from __future__ import annotations

import asyncio
import os
import random
import shutil

import pytest
from building import call, scripted_builder, write
from plain_app import assert_sound, assert_valid, edit_by_hand, plain, some_call

SEEDS = [int(seed) for seed in os.environ.get("TORTURE_SEEDS", "1,2,3").split(",")]


@pytest.mark.parametrize("seed", SEEDS)
async def test_any_mess_of_calls_edits_restores_and_stops_replays_to_the_identical_tree(tmp_path, seed):
    chance = random.Random(seed)
    steps = []
    for _ in range(4):
        for _ in range(5):
            calls = [some_call(chance) for _ in range(chance.randrange(1, 4))]
            steps.append({"tool_calls": calls, "size": 4000})
        steps.append({"text": "Done."})
    nothing_asks = [{"pattern": "*", "action": "allow"}]
    async with scripted_builder(tmp_path, steps, approval_rules=nothing_asks, **plain(tmp_path)) as (builder, server):
        session = await builder.create(title="Mess")
        await session.ready()
        app = session.workspace.app
        for turn in range(4):
            edit_by_hand(app, chance)
            await session.send(f"turn {turn}")

            async def disturb():
                while session.busy:
                    await asyncio.sleep(chance.random() * 0.15)
                    edit_by_hand(app, chance)

            disturbing = asyncio.create_task(disturb())
            if turn == 2:
                await asyncio.sleep(chance.random())
                await session.stop()
            await session.wait()
            await disturbing
            if turn == 1:
                checkpoint = chance.choice(await session.workspace.checkpoints())
                try:
                    restored = await session.restore(checkpoint.id)
                    await session.restore(restored.data["previous"])
                except Exception as error:
                    print("restore:", error)
            await session.look_for_edits()
            await assert_sound(session, tmp_path)
        for request in server.requests:
            assert_valid(request.body["messages"])


@pytest.mark.parametrize("late", [False, True])
async def test_edits_in_the_very_moment_a_tool_works_replay_in_their_order(tmp_path, monkeypatch, late):
    """A person's hand falls between a tool's look at the files and its change (or between its read and its write)."""
    steps = [
        {"tool_calls": [write("a", "a file\n"), write("b.js", "one\ntwo\n"), write("c/d.js", "1\n")]},
        {"text": "Done."},
        {"tool_calls": [write("a/b/c.css", "agent\n"), write("c/d.js", "agent\n"), write("b.js", "agent\n")]},
        {"tool_calls": [call("edit_file", path="b.js", edits=[{"search": "agent", "replace": "edited"}])]},
        {"tool_calls": [call("rename_file", old="b.js", new="e.js")]},
        {"text": "Done."},
    ]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Moments")
        await session.send("first")
        await session.wait()
        app = session.workspace.app
        hands = [
            lambda: ((app / "a").unlink(), (app / "a/b").mkdir(parents=True), (app / "a/b/c.css").write_text("hand\n")),
            lambda: shutil.rmtree(app / "c"),
            lambda: (app / "b.js").write_text("by hand\n"),
            lambda: (app / "b.js").write_text("agent\nand by hand\n"),
            lambda: (app / "b.js").write_text("by hand again\n"),
        ]
        for name in ("write", "rename"):
            original = getattr(session.workspace, name)

            async def in_between(*args, original=original, **options):
                if hands:
                    hands.pop(0)()
                return await original(*args, **options)

            monkeypatch.setattr(session.workspace, name, in_between)
        if late:  # nobody is in the way of the first ones
            hands[:3] = [lambda: None] * 3
        await session.send("second")
        await session.wait()
        assert not hands
        edit = next(
            e.data for e in await session.events() if e.type == "tool.finished" and e.data["tool"] == "edit_file"
        )
        assert (edit["ok"], edit["detail"]["reason"]) == (False, "file_changed")
        assert (app / "e.js").read_text() == "by hand again\n"
        await assert_sound(session, tmp_path)


@pytest.mark.parametrize("target", ["b.js", "lib"])
async def test_a_place_that_a_person_cleared_this_moment_can_be_moved_to_and_replays(tmp_path, monkeypatch, target):
    steps = [
        {"tool_calls": [write("a.js", "a\n"), write("b.js", "b\n"), write("lib/c.js", "c\n")]},
        {"tool_calls": [call("rename_file", old="a.js", new=target)]},
        {"text": "Done."},
    ]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, _):
        session = await builder.create(title="Cleared")
        await session.ready()
        app = session.workspace.app
        rename = session.workspace.rename

        async def cleared(*args):
            shutil.rmtree(app / "lib")
            (app / "b.js").unlink()
            return await rename(*args)

        monkeypatch.setattr(session.workspace, "rename", cleared)
        await session.send("move it")
        assert (await session.wait())["reason"] == "done"
        assert (app / target).read_text() == "a\n"
        await session.look_for_edits()
        await assert_sound(session, tmp_path)


async def test_half_a_surrogate_pair_is_told_to_the_model_and_fails_nothing(tmp_path):
    broken = {"name": "write_file", "arguments": '{"path": "a.txt", "content": "x\\ud83d"}'}
    async with scripted_builder(tmp_path, [{"tool_calls": [broken]}], **plain(tmp_path)) as (builder, server):
        session = await builder.create(title="Half")
        await session.send("half a \ud83d pair 🎈")
        assert (await session.wait())["reason"] == "done"
        said = next(event.data["text"] for event in await session.events() if event.type == "message.user")
        assert said == "half a \ufffd pair 🎈"
        assert "surrogate" in server.requests[1].body["messages"][-1]["content"]
        await assert_sound(session, tmp_path)
