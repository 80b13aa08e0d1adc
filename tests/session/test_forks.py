"""A fork begins where another session was; that one stays as it is."""

import asyncio
import json
import multiprocessing
import os
import signal

import pytest
from building import app_builder, call, scripted_builder, write

from jupyter_appbuilder.errors import Conflict, InvalidInput, NotFound
from jupyter_appbuilder.notebook.replay import replay

STEPS = [
    {"tool_calls": [write("one.txt", "1\n")]},
    {"text": "One is there."},
    {"tool_calls": [write("two.txt", "2\n"), write("one.txt", "spoilt\n")]},
    {"text": "Two is there."},
]


def only(events, type):
    return [event.data for event in events if event.type == type]


async def asked(session, text):
    await session.send(text)
    return await session.wait()


async def two_turns(builder, **settings):
    session = await builder.create(title="Numbers", **settings)
    await asked(session, "make one")
    await asked(session, "make two")
    return session


def content(session):
    return {path.name: path.read_text() for path in session.workspace.app.glob("*.txt")}


async def test_a_fork_has_the_files_the_history_and_the_checkpoints_of_before_the_message(tmp_path):
    steps = [*STEPS, {"tool_calls": [write("three.txt", "3\n")]}, {"text": "Three."}]
    async with scripted_builder(tmp_path, steps, template="static") as (builder, server):
        source = await two_turns(builder)
        (source.workspace.app / "later.txt").write_text("by hand, later\n")
        before, files = await source.events(), content(source)
        message = next(event.seq for event in before if event.type == "message.user" and event.data["turn"] == "t2")

        fork, point = await builder.fork(source.id, message=message)
        assert (fork.summary.state, point.message) == ("creating", message)
        await fork.ready()
        assert (fork.summary.name, fork.summary.title) == ("numbers-fork", "Numbers (fork)")
        assert fork.summary.to_json()["forked"] == {"source": source.id, "name": "numbers"}
        assert fork.summary.state == "ready"
        assert content(fork) == {"one.txt": "1\n"}
        events = await fork.events()
        taken = [event for event in events if event.seq < message - 1]
        assert [(e.seq, e.at, e.type, e.data) for e in taken[1:]] == [
            (e.seq, e.at, e.type, e.data) for e in before[1 : message - 2]
        ]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert [c.title for c in await fork.workspace.checkpoints()] == ["make one", "Start from the template"]

        assert await fork.send("make three") == "t2"
        assert (await fork.wait())["reason"] == "done"
        heard = json.dumps(server.requests[-2].body["messages"])
        assert "make one" in heard
        assert "One is there." in heard
        assert "make two" not in heard
        assert content(fork) == {"one.txt": "1\n", "three.txt": "3\n"}

        assert [event.seq for event in await source.events()] == [event.seq for event in before]
        assert content(source) == files


async def test_the_notebook_of_a_fork_rebuilds_the_fork(tmp_path):
    steps = [*STEPS, {"tool_calls": [write("three.txt", "3\n")]}, {"text": "Three."}]
    async with scripted_builder(tmp_path, steps, template="static") as (builder, _):
        source = await two_turns(builder)
        fork, _ = await builder.fork(source.id, turn="t2")
        await asked(fork, "make three")
        await fork.notebook.flush()
        rebuilt = await replay(fork.notebook.path, tmp_path / "rebuilt")
        assert (rebuilt.workspace / "app/three.txt").read_text() == "3\n"
        assert rebuilt.verified
        assert await fork.workspace.snapshot() == rebuilt.tree
        text = fork.notebook.path.read_text()
        assert "Forked from **numbers**" in text
        assert "make two" not in text


async def test_what_the_source_used_is_not_counted_again(tmp_path):
    async with scripted_builder(tmp_path, STEPS, template="static") as (builder, _):
        source = await two_turns(builder)
        fork, _ = await builder.fork(source.id, turn="t2")
        await fork.ready()
        assert source.summary.input_tokens > 0
        assert (fork.summary.input_tokens, fork.summary.output_tokens, fork.summary.cost) == (0, 0, 0.0)
        assert (await builder.log_store.summary(fork.id)).input_tokens == 0
        assert [used.session for used in await builder.log_store.used(0)] == [source.id]


async def test_a_message_during_a_turn_forks_from_its_beginning_and_a_checkpoint_from_its_end(tmp_path):
    async with scripted_builder(tmp_path, STEPS, template="static") as (builder, _):
        source = await two_turns(builder)
        events = await source.events()
        first = only(events, "checkpoint.created")[1]
        fork, _ = await builder.fork(source.id, checkpoint=first["checkpoint"])
        await fork.ready()
        assert content(fork) == {"one.txt": "1\n"}
        assert only(await fork.events(), "turn.finished")[-1]["turn"] == "t1"
        again, _ = await builder.fork(fork.id, turn="t1")
        await again.ready()
        assert (again.summary.name, again.summary.title) == ("numbers-fork-2", "Numbers (fork 2)")
        assert content(again) == {}
        start, _ = await builder.fork(source.id, checkpoint=only(events, "checkpoint.created")[0]["checkpoint"])
        await start.ready()
        assert start.summary.state == "ready"


async def test_a_place_that_is_not_there_is_named(tmp_path):
    async with scripted_builder(tmp_path, STEPS, template="static") as (builder, _):
        source = await two_turns(builder)
        with pytest.raises(InvalidInput, match="Say where"):
            await builder.fork(source.id)
        with pytest.raises(NotFound, match="t9") as missing:
            await builder.fork(source.id, turn="t9")
        assert "t1 to t2" in missing.value.hint
        with pytest.raises(NotFound, match="not a message"):
            await builder.fork(source.id, message=1)
        with pytest.raises(Conflict, match="exists already"):
            await builder.fork(source.id, turn="t1", name="numbers")
        assert len(await builder.sessions()) == 1


async def test_a_session_that_works_can_be_forked_and_goes_on(tmp_path):
    slow = {"tool_calls": [call("run_command", command="echo begun; sleep 300", timeout_seconds=300)]}
    async with scripted_builder(tmp_path, [*STEPS[:2], slow], template="static") as (builder, _):
        source = await builder.create(title="Numbers")
        await asked(source, "make one")
        watching = source.watch()
        await source.send("be slow")
        async for message in watching:
            if message["kind"] == "live" and message["type"] == "tool.output":
                break
        await watching.aclose()
        fork, _ = await builder.fork(source.id, turn="t2")
        assert (await asked(fork, "something else"))["reason"] == "done"
        assert source.busy
        assert content(fork) == {"one.txt": "1\n"}
        await source.stop()


def own_it(folder, pipe):
    async def run():
        async with scripted_builder(folder, STEPS, template="static") as (builder, _):
            source = await two_turns(builder)
            pipe.send(source.id)
            await asyncio.Event().wait()

    asyncio.run(run())


async def test_a_session_that_another_process_owns_can_be_forked(tmp_path):
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    other = context.Process(target=own_it, args=(tmp_path, there))
    other.start()
    try:
        source = await asyncio.to_thread(here.recv)
        async with app_builder(tmp_path) as builder:
            fork, _ = await builder.fork(source, turn="t2", model="demo:recorded")
            await fork.ready()
            assert fork.owned
            assert content(fork) == {"one.txt": "1\n"}
            assert await builder.log_store.owner_of(source)
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.join()


async def test_a_fork_cut_short_by_a_killed_server_is_failed_and_can_be_deleted(tmp_path):
    async with scripted_builder(tmp_path, STEPS, template="static") as (builder, _):
        source = await two_turns(builder)
        fork, _ = await builder.fork(source.id, turn="t2")
        # As a process leaves it that dies at this moment: nothing more is written, no lease is given back.
        await fork.creation.cancel()
        fork_id, folder = fork.id, fork.workspace.folder
    async with app_builder(tmp_path) as builder:
        await builder.recover()
        found = await builder.session(fork_id)
        assert found.summary.state == "failed"
        await builder.delete(fork_id, files=True)
        assert not folder.exists()
        assert [session["id"] for session in await builder.sessions()] == [source.id]


async def test_a_host_that_was_taken_back_since_is_not_allowed_in_the_fork(tmp_path):
    async with scripted_builder(tmp_path, STEPS, template="static") as (builder, _):
        source = await builder.create(title="Numbers")
        await source.allow_host("api.example.org")
        await source.allow_host("kept.example.org")
        await asked(source, "make one")
        await source.revoke_host("api.example.org")
        fork, _ = await builder.fork(source.id, turn="t1")
        await fork.ready()
        assert [host.to_json()["name"] for host in await fork.network.hosts()] == ["kept.example.org"]
        assert fork.network.allowed("kept.example.org:443")


async def test_a_fork_without_the_sources_versions_fails_and_says_so(tmp_path):
    from jupyter_appbuilder.workspace.folder import remove_folder

    async with scripted_builder(tmp_path, STEPS, template="static") as (builder, _):
        source = await two_turns(builder)
        remove_folder(source.workspace.folder / ".git")
        fork, _ = await builder.fork(source.id, turn="t2")
        with pytest.raises(NotFound, match="not in"):
            await fork.ready()
        assert fork.summary.state == "failed"
