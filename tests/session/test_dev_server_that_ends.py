"""A dev server that ends by itself, or whose sandbox is lost, while nobody asks anything of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from building import app_builder
from plain_app import plain


async def test_whoever_watches_is_told_and_the_next_look_starts_it_anew(tmp_path: Path) -> None:
    async with app_builder(tmp_path, **plain(tmp_path)) as builder:
        session = await builder.create(title="Lost")
        await session.app.ensure()
        assert session.app.preview["state"] == "ready"
        sandbox = await session.app.sandbox()
        share = sandbox._share  # type: ignore[attr-defined]
        for pid in sorted(share.pids()):
            with contextlib.suppress(ProcessLookupError):  # the first takes others with it
                os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            while session.app.preview["state"] != "failed":
                await asyncio.sleep(0.05)
        assert session.app.preview["message"]
        problems: list[str] = []
        async with asyncio.timeout(20):
            while not problems:  # stored just after it is shown
                await asyncio.sleep(0.05)
                problems = [event.data["kind"] for event in await session.events() if event.type == "preview.error"]
        assert problems == ["server"]
        _, result = await session.call("run_command", {"command": "cat index.html"}, by="person")
        assert "first" in result.text
        assert (await session.app.ensure()).state == "ready"
        assert session.app.preview["state"] == "ready"
