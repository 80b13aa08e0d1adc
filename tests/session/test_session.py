"""A session's life, with a real workspace, real tools, a real sandbox, and a scripted model."""

import asyncio
import multiprocessing
import os
import random
import signal
import time
from contextlib import aclosing, suppress

import pytest
from building import app_builder, call, scripted_builder, write
from model_server import model_server
from plain_app import plain

from jupyter_appbuilder.errors import AppBuilderError, Conflict, InvalidInput, NotFound, SessionBusy
from jupyter_appbuilder.session.versions import checked_name


def types(events):
    return [event.type for event in events]


def only(events, type):
    return [event.data for event in events if event.type == type]


async def test_a_turn_writes_files_makes_a_checkpoint_and_ends(tmp_path):
    steps = [
        {"text": "I add a file.", "tool_calls": [write("src/hello.ts", "export const hello = 1\n")]},
        {"text": "Done."},
    ]
    async with scripted_builder(tmp_path, steps) as (builder, _):
        session = await builder.create(title="Hello")
        await session.send("add hello.ts")
        end = await session.wait()
        assert (end["reason"], end["turn"]) == ("done", "t1")
        assert (session.workspace.app / "src/hello.ts").read_text() == "export const hello = 1\n"
        events = await session.events()
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        order = types(events)
        assert order.index("response.completed") < order.index("tool.started") < order.index("tool.finished")
        checkpoint = only(events, "checkpoint.created")[-1]
        assert (checkpoint["title"], checkpoint["turn"]) == ("add hello.ts", "t1")
        assert session.summary.state == "ready"


async def test_the_loop_checks_the_app_when_the_agent_forgets(tmp_path):
    broken = "export const wrong: number = 'text'\n"
    fix = call("edit_file", path="src/wrong.ts", edits=[{"search": "'text'", "replace": "1"}])
    steps = [
        {"tool_calls": [write("src/wrong.ts", broken)]},
        {"text": "Done."},
        {"tool_calls": [fix]},
        {"text": "Fixed."},
    ]
    async with scripted_builder(tmp_path, steps) as (builder, server):
        session = await builder.create(title="Checked")
        await session.send("add wrong.ts")
        assert (await session.wait())["reason"] == "done"
        checks = [data for data in only(await session.events(), "tool.finished") if data["tool"] == "check_app"]
        assert [check["ok"] for check in checks] == [False, True]
        assert "wrong.ts" in checks[0]["text"]
        told = str(server.requests[2].body["messages"])
        assert "wrong.ts" in told
        assert "not assignable" in told


@pytest.mark.parametrize("where", ["model", "command"])
async def test_stop_takes_effect_at_once_also_in_the_middle_of_a_command(tmp_path, where):
    slow = {"text": "Thinking " * 50, "hang_after": 3}
    command = {"tool_calls": [call("run_command", command="echo begun; sleep 300", timeout_seconds=300)]}
    async with scripted_builder(tmp_path, [slow if where == "model" else command]) as (builder, _):
        session = await builder.create(title="Slow")
        async with aclosing(session.watch()) as messages:
            await session.send("be slow")
            wanted = "text.delta" if where == "model" else "tool.output"
            async for message in messages:
                if message["kind"] == "live" and message["type"] == wanted:
                    break
        began = time.monotonic()
        await session.stop()
        assert time.monotonic() - began < 10  # seconds; `python -m benchmarks stop` has the figure
        events = await session.events()
        assert only(events, "turn.finished")[-1]["reason"] == "stopped"
        started = {data["call"] for data in only(events, "tool.started")}
        assert started == {data["call"] for data in only(events, "tool.finished")}
        assert session.summary.state == "ready"


async def test_stop_also_ends_a_tool_that_a_person_runs(tmp_path):
    async with scripted_builder(tmp_path) as (builder, _):
        session = await builder.create(title="By hand")
        await session.ready()
        async with aclosing(session.watch()) as messages:
            arguments = {"command": "echo begun; sleep 300", "timeout_seconds": 300}
            running = asyncio.create_task(session.call("run_command", arguments, by="person"))
            async for message in messages:
                if message["kind"] == "live" and message["type"] == "tool.output":
                    break
        began = time.monotonic()
        await session.stop()
        with pytest.raises(Conflict, match="was stopped"):
            await running
        assert time.monotonic() - began < 10  # seconds; `python -m benchmarks stop` has the figure
        ended = only(await session.events(), "tool.finished")[-1]
        assert (ended["ok"], ended["summary"]) == (False, "Stopped")
        _, result = await session.call("list_files", {}, by="person")
        assert result.ok


async def test_a_stopped_session_goes_on_with_the_next_message(tmp_path):
    steps = [{"text": "Thinking", "hang_after": 2}, {"text": "Here I am."}]
    async with scripted_builder(tmp_path, steps) as (builder, server):
        session = await builder.create(title="Again")
        await session.send("first")
        while not server.requests:
            await asyncio.sleep(0.02)
        await session.stop()
        assert await session.send("second") == "t2"
        assert (await session.wait())["reason"] == "done"


async def test_what_was_said_before_a_stop_stays_said_and_the_call_that_was_coming_is_not_made(tmp_path):
    half = {"text": "I write the notes now.", "tool_calls": [write("notes.txt", "x" * 4000)], "hang_after": 40}
    async with scripted_builder(tmp_path, [half, {"text": "Here I am."}]) as (builder, server):
        session = await builder.create(title="Half")
        watching = session.watch()
        await session.send("write the notes")
        async for message in watching:
            if message["kind"] == "live" and message["type"] == "tool.delta":
                break
        await watching.aclose()
        await session.stop()
        (kept,) = only(await session.events(), "response.completed")
        assert (kept["text"], kept["tool_calls"]) == ("I write the notes now.", [])
        assert kept["usage"]["output_tokens"] > 0
        assert await session.send("go on") == "t2"
        assert (await session.wait())["reason"] == "done"
        said, note, *_ = server.requests[1].body["messages"][2:]
        assert (said["role"], said["content"]) == ("assistant", "I write the notes now.")
        assert "nothing of that ran" in note["content"]
        assert "The person stopped your work here" in note["content"]
        assert not (session.workspace.app / "notes.txt").exists()
        notebook = await session.notebook.notebook()
        assert any("I write the notes now." in "".join(cell["source"]) for cell in notebook["cells"])


async def test_a_busy_session_lets_nobody_else_change_the_app(tmp_path):
    async with scripted_builder(tmp_path, [{"text": "…", "hang_after": 1}]) as (builder, _):
        session = await builder.create(title="Busy")
        await session.send("first")
        with pytest.raises(SessionBusy):
            await session.call("write_file", {"path": "a.txt", "content": ""}, by="person")
        with pytest.raises(SessionBusy):
            await session.restore("HEAD")
        (session.workspace.app / "half-written.txt").write_text("…")
        with pytest.raises(SessionBusy):
            await session.checkpoint("In the middle")
        assert [version.title for version in await session.workspace.checkpoints()] == ["Start from the template"]
        assert len(only(await session.events(), "message.user")) == 1


async def test_a_message_during_a_turn_is_seen_at_the_next_step(tmp_path):
    steps = [
        {"tool_calls": [write("src/a.ts", "export const a = 1\n")], "first_byte": 0.5},
        {"tool_calls": [write("src/b.ts", "export const b = 1\n")]},
        {"text": "Blue it is."},
    ]
    async with scripted_builder(tmp_path, steps) as (builder, server):
        session = await builder.create(title="Steered")
        turn = await session.send("Make it.")
        while not server.requests:
            await asyncio.sleep(0.02)
        assert await session.send("In blue, please.") == turn
        assert (await session.wait())["reason"] == "done"
        contents = [[message["content"] for message in request.body["messages"]] for request in server.requests]
        assert not any("In blue, please." in str(content) for content in contents[0])
        places = [
            next(at for at, content in enumerate(contents[1]) if text in str(content))
            for text in ("Make it.", "In blue")
        ]
        assert places == sorted(set(places))
        # What was sent before stands at the beginning of what is sent next: providers' caches stay warm.
        for before, after in zip(server.requests, server.requests[1:], strict=False):
            assert after.body["messages"][: len(before.body["messages"])] == before.body["messages"]
        events = await session.events()
        assert len(only(events, "turn.started")) == 1
        assert [data["text"] for data in only(events, "message.user")] == ["Make it.", "In blue, please."]


async def test_a_message_that_comes_with_the_last_word_is_answered_too(tmp_path):
    steps = [
        {"text": "I am done. " * 20, "delay": 0.02},
        {"text": "Changed that as well."},
    ]
    async with scripted_builder(tmp_path, steps) as (builder, server):
        session = await builder.create(title="Late")
        turn = await session.send("Make it.")
        while not server.requests:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        assert await session.send("One thing more.") == turn
        assert (await session.wait())["reason"] == "done"
        said = [data["text"] for data in only(await session.events(), "response.completed")]
        assert said[-1] == "Changed that as well."
        assert server.requests[-1].body["messages"][-1]["content"] == "One thing more."


async def test_messages_at_any_moment_are_all_answered(tmp_path):
    steps = [{"tool_calls": [write("n.txt", str(number))], "delay": 0.002} for number in range(6)]
    async with scripted_builder(tmp_path, steps) as (builder, server):
        session = await builder.create(title="Talkative")
        await session.send("Start.")
        said = ["Start."]
        for number in range(12):
            await asyncio.sleep(0.05)
            said.append(f"And {number}.")
            await session.send(said[-1])
        await session.wait()
        heard = [message["content"] for message in server.requests[-1].body["messages"] if message["role"] == "user"]
        lines = "\n".join(heard).splitlines()
        assert [text for text in lines if text in said] == said
        events = await session.events()
        assert len(only(events, "turn.started")) == len(only(events, "turn.finished"))


async def test_an_empty_message_and_an_unknown_tool_are_named(tmp_path):
    async with scripted_builder(tmp_path) as (builder, _):
        session = await builder.create(title="Careful")
        with pytest.raises(InvalidInput) as empty:
            await session.send("  \n")
        assert empty.value.field == "text"
        with pytest.raises(NotFound, match="no tool 'dance'"):
            await session.call("dance", {}, by="person")


async def test_a_model_that_refuses_fails_the_turn_with_the_next_step_and_without_the_key(tmp_path):
    steps = [{"status": 401, "body": {"error": {"message": "Incorrect API key provided: sk-test-not-a-secret"}}}]
    async with scripted_builder(tmp_path, steps) as (builder, _):
        session = await builder.create(title="Refused")
        await session.send("hello")
        end = await session.wait()
        assert end["reason"] == "failed"
        assert end["hint"]
        assert "sk-test" not in str([event.to_json() for event in await session.events()])


async def test_edits_made_in_an_editor_are_picked_up_and_kept(tmp_path):
    steps = [{"tool_calls": [write("src/a.ts", "export const a = 1\n")]}, {"text": "Done."}]
    async with scripted_builder(tmp_path, steps) as (builder, server):
        session = await builder.create(title="Shared")
        await session.ready()
        (session.workspace.app / "NOTES.md").write_text("Mine\n")
        await session.look_for_edits()
        edit = only(await session.events(), "file.changed")[-1]
        assert (edit["path"], edit["change"], edit["by"]) == ("NOTES.md", "created", "person")
        assert "+Mine" in edit["patch"]
        await session.send("add a.ts")
        await session.wait()
        assert "NOTES.md" in str(server.requests[0].body["messages"])
        assert (session.workspace.app / "NOTES.md").read_text() == "Mine\n"
        mine = [data for data in only(await session.events(), "file.changed") if data["by"] == "person"]
        assert [data["path"] for data in mine] == ["NOTES.md"]


async def test_a_restore_brings_files_back_and_can_be_undone(tmp_path):
    steps = [
        {"tool_calls": [write("src/a.ts", "export const a = 1\n")]},
        {"text": "One."},
        {"tool_calls": [write("src/a.ts", "export const a = 2\n"), write("src/b.ts", "export const b = 1\n")]},
        {"text": "Two."},
    ]
    async with scripted_builder(tmp_path, steps) as (builder, _):
        session = await builder.create(title="Undo")
        for text in ("one", "two"):
            await session.send(text)
            await session.wait()
        one, two = (data["checkpoint"] for data in only(await session.events(), "checkpoint.created")[-2:])
        a, b = session.workspace.app / "src/a.ts", session.workspace.app / "src/b.ts"
        a.write_text("export const a = 'mine'\n")
        event = await session.restore(one)
        assert (a.read_text(), b.exists()) == ("export const a = 1\n", False)
        await session.restore(event.data["previous"])
        assert (a.read_text(), b.exists()) == ("export const a = 'mine'\n", True)
        await session.restore(two)
        assert a.read_text() == "export const a = 2\n"
        with pytest.raises(NotFound):
            await session.restore("0" * 40)


def test_a_name_of_a_version_is_one_line_that_can_be_read():
    chance = random.Random(80)
    signs = "a", "ß", "👩\u200d💻", "می\u200dخ", " ", "\n", "\t", "\u202e", "\x1b", "\0"
    for _ in range(500):
        text = "".join(chance.choices(signs, k=chance.randint(0, 60)))
        if set(text) & set("\u202e\x1b\0") or len(" ".join(text.split())) > 80:
            with pytest.raises(InvalidInput):
                checked_name(text, "a" * 40, {})
            continue
        name = checked_name(text, "a" * 40, {})
        assert name.split() == text.split()
        assert "\n" not in name
        assert checked_name(name, "a" * 40, {"a" * 40: name}) == name
        if name:
            with pytest.raises(Conflict):
                checked_name(" " + name.replace("a", "A"), "a" * 40, {"b" * 40: name})


async def test_a_version_has_the_name_it_was_given_in_forks_and_notebooks_too(tmp_path):
    steps = [{"tool_calls": [write("src/a.ts", "export const a = 1\n")]}, {"text": "One."}]
    async with scripted_builder(tmp_path, steps) as (builder, _):
        session = await builder.create(title="Names")
        await session.send("one")
        await session.wait()
        one, first = [version.id for version in await session.checkpoints()]
        await session.name_version(one[:10], "  Before   the *demo* ")
        await session.name_version(one, "Before the *demo*")
        assert [version.name for version in await session.checkpoints()] == ["Before the *demo*", ""]
        for wrong in ("a" * 81, "two\x1b[31m", "dir\u202eected"):
            with pytest.raises(InvalidInput, match="The name h"):
                await session.name_version(one, wrong)
        with pytest.raises(Conflict, match="already"):
            await session.name_version(first, "before the *DEMO*")
        with pytest.raises(NotFound):
            await session.name_version("0" * 40, "Nothing")
        fork, _ = await builder.fork(session.id, checkpoint=one)
        await fork.ready()
        assert [version.name for version in await fork.checkpoints()] == ["Before the *demo*", ""]
        twice = [session.name_version(version, "Twice") for version in (one, first)]
        assert {type(told) for told in await asyncio.gather(*twice, return_exceptions=True)} == {type(None), Conflict}
        await session.name_version(one, "")
        named = only(await session.events(), "version.named")
        assert named == [{"checkpoint": one, "name": name} for name in ("Before the *demo*", "Twice", "")]
        await session.notebook.flush()
        assert r"is called **Before the \\*demo" in session.notebook.path.read_text()


async def test_a_session_is_found_again_after_a_restart(tmp_path):
    steps = [{"tool_calls": [write("src/a.ts", "export const a = 1\n")]}, {"text": "Done."}]
    async with scripted_builder(tmp_path, steps) as (builder, _):
        session = await builder.create(title="Lasting")
        await session.send("add a.ts")
        await session.wait()
        before = [event.to_json() for event in await session.events()]
    async with app_builder(tmp_path) as builder:
        (summary,) = await builder.sessions("lasting")
        session = await builder.session(summary["id"])
        assert [event.to_json() for event in await session.events()][: len(before)] == before
        assert session.summary.state == "ready"


def _hang(folder, steps, ready):
    async def main():
        async with scripted_builder(folder, steps) as (builder, _):
            session = await builder.create(title="Killed")
            await session.ready()
            async with aclosing(session.watch()) as messages:
                await session.send("run it")
                async for message in messages:
                    if message["kind"] == "live" and message["type"] == "tool.output":
                        break
            ready.send(session.id)
            await asyncio.sleep(300)

    asyncio.run(main())


async def test_a_killed_server_leaves_a_turn_that_the_next_start_fails_cleanly(tmp_path):
    steps = [
        {"tool_calls": [write("src/a.ts", "export const a = 1\n")]},
        {"tool_calls": [call("run_command", command="echo begun; sleep 300", timeout_seconds=300)]},
    ]
    receive, send = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_hang, args=(tmp_path, steps, send))
    process.start()
    session_id = await asyncio.to_thread(receive.recv)
    async with app_builder(tmp_path) as observer:
        watched = await observer.session(session_id)
        assert not watched.owned
        with pytest.raises(Conflict, match="is open in"):
            await watched.send("me too")
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    async with app_builder(tmp_path) as builder:
        await builder.recover()
        session = await builder.session(session_id)
        assert session.owned
        assert session.summary.state == "ready"
        events = await session.events()
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert only(events, "turn.finished")[-1]["reason"] == "failed"
        started = [data["call"] for data in only(events, "tool.started")]
        assert sorted(started) == sorted(data["call"] for data in only(events, "tool.finished"))
        assert only(events, "checkpoint.created")[-1]["turn"] == "t1"
        assert (session.workspace.app / "src/a.ts").exists()


async def test_two_sessions_at_once_do_not_mix(tmp_path):
    def steps(name):
        return [
            {"tool_calls": [write(f"src/{name}{n}.ts", f"export const {name} = {n}\n")], "delay": 0.005}
            for n in range(5)
        ]

    async with model_server(steps("a")) as a, model_server(steps("b")) as b:
        providers = {name: {"base_url": server.url} for name, server in (("a", a), ("b", b))}
        async with app_builder(tmp_path, providers=providers) as builder:
            sessions = [await builder.create(title="App", model=f"{name}:scripted") for name in "ab"]
            for session in sessions:
                await session.send("go")
            for session, name in zip(sessions, "ab", strict=True):
                assert (await session.wait())["reason"] == "done"
                made = {data["path"] for data in only(await session.events(), "file.changed")}
                assert made == {f"src/{name}{n}.ts" for n in range(5)}


async def test_names_are_made_unique_and_bad_ones_refused(tmp_path):
    async with scripted_builder(tmp_path) as (builder, _):
        names = [(await builder.create(prompt="Build me a task board!")).summary.name for _ in range(2)]
        assert names == ["task-board", "task-board-2"]
        with pytest.raises(Conflict, match="exists already"):
            await builder.create(name="task-board")
        for bad in ("../up", "A B", "", "x" * 65):
            if bad:
                with pytest.raises(InvalidInput):
                    await builder.create(name=bad)
        with pytest.raises(NotFound, match="no template 'cobol'"):
            await builder.create(template="cobol")


async def test_a_deleted_session_leaves_its_files_unless_asked(tmp_path):
    async with scripted_builder(tmp_path) as (builder, _):
        kept, gone = await builder.create(title="Kept"), await builder.create(title="Gone")
        await kept.ready()
        await gone.ready()
        await builder.delete(kept.id)
        await builder.delete(gone.id, files=True)
        assert (tmp_path / "root/appbuilder/kept/app").is_dir()
        assert not (tmp_path / "root/appbuilder/gone").exists()
        assert await builder.sessions() == []
        with pytest.raises(NotFound):
            await builder.session(kept.id)


@pytest.mark.parametrize("how", ["delete", "release"])
async def test_who_looks_at_a_session_while_it_goes_does_not_bring_it_back(tmp_path, how):
    """As a panel does that shows it: it asks for its preview again."""
    async with app_builder(tmp_path, model="demo:recorded", **plain(tmp_path)) as builder:
        session = await builder.create(name="going")
        await session.app.ensure()
        folder = session.workspace.folder
        done = asyncio.Event()
        seen = []

        async def look():
            while not done.is_set():
                with suppress(AppBuilderError):
                    found = await builder.session(session.id)
                    seen.append(found)
                    await found.app.ensure()
                await asyncio.sleep(0)

        looking = [asyncio.create_task(look()) for _ in range(3)]
        await asyncio.sleep(0.05)
        if how == "delete":
            await builder.delete(session.id, files=True)
            done.set()
            await asyncio.gather(*looking)
            assert set(seen) == {session}
            assert not folder.exists()
            assert not await builder.sessions()
        else:
            await builder.release(session.id)
            assert session.app.server.state == "stopped"
            done.set()
            await asyncio.gather(*looking)
            assert (await builder.session(session.id)) is not session
            assert (await builder.session(session.id)).owned
