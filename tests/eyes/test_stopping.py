"""A person's try of scenarios ends when they stop it, and the next one begins as if it had not been."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from building import app_builder

from jupyter_appbuilder.errors import Conflict

SCENARIO = """title: Something is there
steps:
  - {do: expect, role: heading, is: count, value: 1}
"""


async def test_a_try_is_stopped_and_can_be_begun_again(tmp_path: Path) -> None:
    async with app_builder(tmp_path, model="demo:recorded", browser="") as builder:
        session = await builder.create(name="app", template="static")
        await session.start_preview()
        for number in range(12):
            arguments = {"path": f"scenarios/{number}.yaml", "content": SCENARIO}
            await session.call("write_file", arguments, by="person")
        async with aclosing(session.watch()) as messages:
            trying = asyncio.create_task(session.call("try_scenarios", {}, by="person"))
            async for message in messages:
                if message["kind"] == "events" and any(
                    event["type"] == "tool.started" and event["data"]["tool"] == "try_scenarios"
                    for event in message["events"]
                ):
                    break
        await session.stop()
        with pytest.raises(Conflict, match="was stopped"):
            await trying
        (ended,) = [
            event.data
            for event in await session.events()
            if event.type == "tool.finished" and event.data["tool"] == "try_scenarios"
        ]
        assert ended["detail"]["reason"] == "stopped"
        assert "scenarios" not in ended["detail"]

        _, result = await session.call("try_scenarios", {}, by="person")
        assert len(result.detail["scenarios"]["outcomes"]) == 12
