"""A model that has to be loaded before it can answer: the turn begins all the same, says so, and can be stopped."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

from building import app_builder
from model_server import model_server
from plain_app import plain


async def test_what_is_loaded_is_told_and_stopping_does_not_wait_for_it(tmp_path: Path) -> None:
    async with model_server([{"text": "Hello."}], ollama=True, models=["tiny"], window=20_000, loading=60) as server:
        providers = {"ollama": {"base_url": server.url}}
        async with app_builder(tmp_path, model="ollama:tiny", providers=providers, **plain(tmp_path)) as builder:
            session = await builder.create(name="loads")
            async with asyncio.timeout(20), aclosing(session.watch()) as messages:
                turn = await session.send("Say hello")
                async for message in messages:
                    if message.get("type") == "progress" and message["data"]["what"] == "model":
                        assert message["data"]["message"] == "Ollama is loading tiny …"
                        break
                await session.stop()
            ended = await session.wait()
            assert (ended["turn"], ended["reason"]) == (turn, "stopped")
            async with aclosing(session.watch()) as messages:
                snapshot = await anext(message async for message in messages if message["kind"] == "snapshot")
            assert not [shown for shown in snapshot["progress"] if shown["what"] == "model"]
            assert not server.requests
            server.loading = 0
            await session.go_on()
            assert (await session.wait())["reason"] == "done"
            said = [message["content"] for message in server.requests[0].body["messages"]]
            assert any("Say hello" in str(text) for text in said)
