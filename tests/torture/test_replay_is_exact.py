"""Whatever happens in a session, its notebook rebuilds the identical files."""

from __future__ import annotations

import asyncio
import random
import os

import pytest
from building import scripted_builder
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
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, server):
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
