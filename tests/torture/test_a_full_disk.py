"""When nothing more can be stored, people are told; when there is room again, the session goes on where it was."""

from __future__ import annotations

import asyncio
import contextlib
import resource

import pytest
from building import call, scripted_builder, write
from plain_app import assert_sound, plain

from jupyter_appbuilder.errors import Unavailable


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
            with pytest.raises(Unavailable, match="cannot be used"):
                await session.send("two")
            (session.workspace.app / "hand.txt").write_text("by hand\n")
        await session.send("three")
        assert (await session.wait())["reason"] == "done"
        assert (session.workspace.app / "hand.txt").read_text() == "by hand\n"
        await assert_sound(session, tmp_path)
        turns = [event.data["reason"] for event in await session.events() if event.type == "turn.finished"]
        assert turns == ["failed", "done"]
