import asyncio
import json
import multiprocessing
import os
import signal
import sqlite3
from contextlib import asynccontextmanager

import pytest

from jupyter_appbuilder.errors import Conflict, NotFound, Unavailable
from jupyter_appbuilder.events import Draft, UnknownEvent
from jupyter_appbuilder.log import EventLog, Owner
from jupyter_appbuilder.log.migrations import MIGRATIONS

CREATED = Draft(
    "session.created",
    {
        "name": "board",
        "title": "Task board",
        "root": "/srv",
        "path": "appbuilder/board",
        "template": "react-vite",
        "template_tree": "0" * 40,
        "model": "demo:recorded",
        "sandbox": "local",
    },
)


def usage(cost: float | None) -> Draft:
    counts = {"input_tokens": 10, "output_tokens": 5, "cached_tokens": 0, "cost": cost}
    return Draft("usage.recorded", {"turn": "t1", "model": "demo:recorded", "usage": counts})


@asynccontextmanager
async def open_log(path, **owner):
    log = EventLog(path, Owner(**owner))
    try:
        yield log
    finally:
        await log.close()


async def test_events_are_numbered_densely_and_read_after_any_number(tmp_path):
    async with open_log(tmp_path / "log.db") as log:
        await log.claim("s")
        await log.append("s", [CREATED, Draft("session.ready")])
        await log.append("s", [Draft("session.updated", {"title": "Mine"})])
        assert [event.seq for event in await log.read("s")] == [1, 2, 3]
        assert [event.type for event in await log.read("s", after=1)] == ["session.ready", "session.updated"]
        assert [event.seq for event in await log.read("s", after=1, limit=1)] == [2]


async def test_many_appends_at_once_neither_lose_nor_double_a_number(tmp_path):
    async with open_log(tmp_path / "log.db") as log:
        await log.claim("s")
        await asyncio.gather(*(log.append("s", [Draft("session.updated", {"title": str(n)})] * 2) for n in range(100)))
        assert [event.seq for event in await log.read("s")] == list(range(1, 201))


async def test_an_event_of_another_shape_is_refused():
    with pytest.raises(UnknownEvent, match="missing \\['root'"):
        Draft("session.created", {k: v for k, v in CREATED.data.items() if k != "root"})
    with pytest.raises(UnknownEvent, match=r"unknown \['colour'\]"):
        Draft("session.updated", {"colour": "red"})
    with pytest.raises(UnknownEvent, match=r"session\.exploded"):
        Draft("session.exploded")


async def test_the_summary_follows_the_events(tmp_path):
    async with open_log(tmp_path / "log.db") as log:
        await log.claim("s")
        await log.append("s", [CREATED])
        assert (await log.summary("s")).state == "creating"
        await log.append("s", [Draft("session.ready"), Draft("turn.started", {"turn": "t1", "model": "m"}), usage(0.5)])
        assert (await log.summary("s")).state == "busy"
        end = {"turn": "t1", "reason": "done", "message": "", "hint": ""}
        await log.append("s", [usage(0.25), Draft("turn.finished", end)])
        summary = await log.summary("s")
        assert (summary.state, summary.cost, summary.input_tokens, summary.turn["reason"]) == (
            "ready",
            0.75,
            20,
            "done",
        )
        await log.append("s", [usage(None)])
        assert (await log.summary("s")).cost is None


async def test_sessions_are_listed_latest_first_and_found_by_words_of_their_title(tmp_path):
    async with open_log(tmp_path / "log.db") as log:
        for name, title in (("a", "Task board"), ("b", "Penguin dashboard")):
            await log.claim(name)
            await log.append(name, [Draft("session.created", {**CREATED.data, "name": name, "title": title})])
        assert [summary.id for summary in await log.summaries()] == ["b", "a"]
        assert [summary.id for summary in await log.summaries("BOARD task")] == ["a"]
        assert await log.summaries("50%") == []


async def test_a_summary_of_an_older_fold_is_rebuilt_from_the_events(tmp_path):
    path = tmp_path / "log.db"
    async with open_log(path) as log:
        await log.claim("s")
        await log.append("s", [CREATED, Draft("session.ready")])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE sessions SET summary = ?", [json.dumps({"projection": 0, "id": "s", "title": "stale"})])
    async with open_log(path) as log:
        assert (await log.summary("s")).title == "Task board"
        assert [summary.title for summary in await log.summaries()] == ["Task board"]


async def test_an_unknown_session_is_said_to_be_unknown(tmp_path):
    async with open_log(tmp_path / "log.db") as log:
        with pytest.raises(NotFound, match="no session 'nope'"):
            await log.summary("nope")


async def test_only_the_owner_can_append(tmp_path):
    path = tmp_path / "log.db"
    async with open_log(path, label="http://localhost:8888") as first, open_log(path) as second:
        assert await first.claim("s")
        await first.append("s", [CREATED])
        assert not await second.claim("s")
        assert await second.owner_of("s") == "http://localhost:8888"
        with pytest.raises(Conflict, match="open in http://localhost:8888"):
            await second.append("s", [Draft("session.ready")])
        assert len(await second.read("s")) == 1
        await first.release("s")
        assert await second.claim("s")
        await second.append("s", [Draft("session.ready")])
        with pytest.raises(Conflict):
            await first.append("s", [Draft("session.ready")])


def _append_for_ever(path, ready):
    async def main():
        log = EventLog(path)
        await log.claim("s")
        await log.append("s", [CREATED])
        number = 0
        while True:
            number += 1
            events = await log.append("s", [Draft("session.updated", {"title": str(number)})])
            ready.send(events[0].seq)

    asyncio.run(main())


async def test_a_killed_owner_loses_its_lease_at_once_and_none_of_its_events(tmp_path):
    path = tmp_path / "log.db"
    receive, send = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_append_for_ever, args=(path, send))
    process.start()
    acknowledged = 0
    while acknowledged < 50:
        acknowledged = receive.recv()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while receive.poll():
        acknowledged = receive.recv()
    async with open_log(path) as log:
        assert await log.claim("s")
        events = await log.read("s")
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert len(events) >= acknowledged
        assert (await log.summary("s")).last_seq == len(events)


async def test_a_log_of_a_newer_version_is_left_alone(tmp_path):
    path = tmp_path / "log.db"
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    async with open_log(path) as log:
        with pytest.raises(Unavailable, match="newer version"):
            await log.summaries()


async def test_a_deleted_session_is_gone(tmp_path):
    async with open_log(tmp_path / "log.db") as log:
        await log.claim("s")
        await log.append("s", [CREATED])
        await log.delete("s")
        assert await log.read("s") == []
        assert await log.summaries() == []


async def test_the_log_is_readable_by_its_user_only(tmp_path):
    async with open_log(tmp_path / "data" / "log.db") as log:
        await log.claim("s")
        assert (tmp_path / "data" / "log.db").stat().st_mode & 0o077 == 0
