"""Retry drops what the last turn changed and asks again; Continue goes on from where it was cut short."""

import asyncio

import pytest
from building import app_builder, call, scripted_builder, write

from jupyter_appbuilder.errors import Conflict, Unavailable

ONE, TWO = "export const count = 1\n", "export const count = 2\n"


def only(events, type, *, whole=False):
    found = [event.data for event in events if event.type == type]
    return [data for data in found if data["finish_reason"] != "stopped"] if whole else found


def told(request):
    return "\n\n".join(str(message.get("content")) for message in request.body["messages"])


async def asked(session, text):
    await session.send(text)
    return await session.wait()


async def test_retry_puts_the_files_back_and_asks_again_without_showing_the_failed_try(tmp_path):
    steps = [
        {"tool_calls": [write("notes.txt", "kept\n")]},
        {"text": "First done."},
        {"text": "A poor idea.", "tool_calls": [write("notes.txt", "spoilt\n"), write("poor.txt", "poor\n")]},
        {"text": "Poor work done."},
        {"tool_calls": [write("notes.txt", "better\n")]},
        {"text": "Better."},
    ]
    async with scripted_builder(tmp_path, steps, template="static") as (builder, server):
        session = await builder.create(title="Again")
        await asked(session, "write notes")
        await asked(session, "improve the notes")
        spoilt = only(await session.events(), "checkpoint.created")[-1]
        assert await session.retry() == "t3"
        assert (await session.wait())["reason"] == "done"

        assert (session.workspace.app / "notes.txt").read_text() == "better\n"
        assert not (session.workspace.app / "poor.txt").exists()
        again = next(r for r in server.requests if "Poor work done." not in told(r) and r is server.requests[-2])
        assert told(again).count("improve the notes") == 1
        assert "poor" not in told(again).lower().replace("poorly", "")
        assert "First done." in told(again)
        assert [m["role"] for m in again.body["messages"]][:2] == ["system", "user"]

        events = await session.events()
        dropped = only(events, "turn.dropped")
        assert [data["turn"] for data in dropped] == ["t2"]
        requests = [(data["turn"], data["text"]) for data in only(events, "message.user")]
        assert requests[-2:] == [("t2", "improve the notes"), ("t3", "improve the notes")]
        # What was dropped can be had back.
        await session.restore(spoilt["checkpoint"])
        assert (session.workspace.app / "poor.txt").read_text() == "poor\n"


async def test_what_a_person_changed_after_the_turn_is_kept_as_a_version_when_it_is_dropped(tmp_path):
    steps = [
        {"tool_calls": [write("notes.txt", "agent\n")]},
        {"text": "Done."},
        {"text": "I cannot."},
    ]
    async with scripted_builder(tmp_path, steps, template="static") as (builder, _):
        session = await builder.create(title="Mine")
        await asked(session, "write notes")
        (session.workspace.app / "mine.txt").write_text("by hand\n")
        await session.retry()
        await session.wait()
        assert not (session.workspace.app / "mine.txt").exists()
        restored = only(await session.events(), "session.restored")[-1]
        await session.restore(restored["previous"])
        assert (session.workspace.app / "mine.txt").read_text() == "by hand\n"
        assert (session.workspace.app / "notes.txt").read_text() == "agent\n"


async def test_what_a_person_changed_before_the_turn_survives_its_retry(tmp_path):
    steps = [{"tool_calls": [write("notes.txt", "agent\n")]}, {"text": "Done."}, {"text": "Nothing to do."}]
    async with scripted_builder(tmp_path, steps, template="static") as (builder, _):
        session = await builder.create(title="Before")
        await session.ready()
        (session.workspace.app / "mine.txt").write_text("by hand\n")
        await asked(session, "write notes")
        await session.retry()
        await session.wait()
        assert (session.workspace.app / "mine.txt").read_text() == "by hand\n"
        assert not (session.workspace.app / "notes.txt").exists()


async def test_a_failed_turn_without_changes_is_simply_asked_again(tmp_path):
    steps = [{"status": 401, "body": {"error": {"message": "No such key."}}}, {"text": "Hello."}]
    async with scripted_builder(tmp_path, steps, template="static") as (builder, server):
        session = await builder.create(title="Key")
        assert (await asked(session, "say hello"))["reason"] == "failed"
        await session.retry()
        assert (await session.wait())["reason"] == "done"
        events = await session.events()
        assert not only(events, "session.restored")
        assert [data["title"] for data in only(events, "checkpoint.created")] == ["Start from the template"]
        assert told(server.requests[-1]).count("say hello") == 1


async def test_a_file_the_dropped_try_wrote_can_be_written_again_at_once(tmp_path):
    # What the agent saw in the dropped turn is not what the file holds now; it must not be told to read it again.
    steps = [
        {"tool_calls": [write("index.html", "<h1>One</h1>")]},
        {"text": "Done."},
        {"tool_calls": [write("index.html", "<h1>Two</h1>")]},
        {"text": "Done."},
    ]
    async with scripted_builder(tmp_path, steps, template="static") as (builder, _):
        session = await builder.create(title="Seen")
        await asked(session, "a heading")
        await session.retry()
        await session.wait()
        written = [data for data in only(await session.events(), "tool.finished") if data["tool"] == "write_file"]
        assert [data["ok"] for data in written] == [True, True]


async def test_nothing_can_be_retried_or_continued_before_something_was_asked(tmp_path):
    async with scripted_builder(tmp_path, template="static") as (builder, _):
        session = await builder.create(title="New")
        with pytest.raises(Conflict) as refused:
            await session.retry()
        assert refused.value.reason == "nothing_to_retry"
        with pytest.raises(Conflict) as refused:
            await session.go_on()
        assert refused.value.reason == "nothing_to_continue"


async def test_continue_tells_the_model_what_was_done_and_what_was_interrupted(tmp_path):
    command = "echo begun; sleep 300"
    steps = [
        {"tool_calls": [write("notes.txt", "half\n"), call("run_command", command=command, timeout_seconds=300)]},
        {"text": "All done now."},
    ]
    async with scripted_builder(tmp_path, steps, template="static") as (builder, server):
        session = await builder.create(title="On")
        watching = session.watch()
        await session.send("write the notes, then run it")
        async for message in watching:
            if message["kind"] == "live" and message["type"] == "tool.output":
                break
        await watching.aclose()
        await session.stop()
        assert (await session.wait())["reason"] == "stopped"
        assert await session.go_on() == "t2"
        assert (await session.wait())["reason"] == "done"
        note = server.requests[1].body["messages"][-1]["content"]
        assert note.endswith("\n\nContinue.")
        assert "write the notes, then run it" in note
        assert "notes.txt (created)" in note
        assert f"run_command {command}" in note
        assert "The person stopped it." in note
        assert (session.workspace.app / "notes.txt").read_text() == "half\n"
        with pytest.raises(Conflict, match="nothing to continue"):
            await session.go_on()


async def test_a_continued_turn_that_is_retried_still_knows_what_it_continues(tmp_path):
    steps = [
        {"status": 400, "body": {"error": {"message": "Broken."}}},
        {"text": "One."},
        {"text": "Two."},
    ]
    async with scripted_builder(tmp_path, steps, template="static") as (builder, server):
        session = await builder.create(title="Both")
        await asked(session, "make a clock")
        await session.go_on()
        await session.wait()
        await session.retry()
        await session.wait()
        begun = only(await session.events(), "turn.started")
        assert [data.get("continues") for data in begun] == [None, "t1", "t1"]
        assert told(server.requests[-1]).count("> make a clock") == 1
        assert "One." not in told(server.requests[-1])


async def test_a_recorded_demo_goes_on_with_the_step_it_stopped_at_and_can_be_retried(tmp_path):
    from jupyter_appbuilder.models.demo.recordings import find_recordings

    recording = find_recordings()["task-board"]
    spoken = [step.text for step in recording.steps]
    async with app_builder(tmp_path, model="demo:recorded", demo_pace=0.005) as builder:
        session = await builder.create(prompt=recording.prompt)
        await session.send(recording.prompt)
        while not only(await session.events(), "response.completed"):
            await asyncio.sleep(0.01)
        await session.stop()
        begun = len(only(await session.events(), "response.completed", whole=True))
        assert begun < len(spoken)
        await session.go_on()
        assert (await session.wait())["reason"] == "done"
        assert [data["text"] for data in only(await session.events(), "response.completed", whole=True)] == spoken
        tree = await session.workspace.snapshot()

        await session.retry()
        while len(only(await session.events(), "response.completed", whole=True)) < len(spoken) + 1:
            await asyncio.sleep(0.01)
        await session.stop()
        assert tree != await session.workspace.snapshot()
        again = [data["text"] for data in only(await session.events(), "response.completed", whole=True)][len(spoken) :]
        assert again == spoken[begun : begun + len(again)]  # the continued turn was what was asked again


async def test_a_retry_that_the_log_could_not_take_changes_nothing_for_good(tmp_path):
    steps = [
        {"tool_calls": [write("notes.txt", "one\n")]},
        {"text": "Done."},
        {"tool_calls": [write("notes.txt", "two\n")]},
        {"text": "Done again."},
    ]
    async with scripted_builder(tmp_path, steps, template="static") as (builder, _):
        session = await builder.create(title="Full")
        await asked(session, "write notes")
        store = session.record._log.append

        async def refuse(id, drafts):
            if any(draft.type == "turn.dropped" for draft in drafts):
                raise Unavailable("The disk is full.")
            return await store(id, drafts)

        session.record._log.append = refuse
        with pytest.raises(Unavailable):
            await session.retry()
        assert not session.busy
        assert "turn.dropped" not in [event.type for event in await session.events()]
        session.record._log.append = store
        kept = only(await session.events(), "checkpoint.created")[-1]["checkpoint"]
        await session.retry()
        assert (await session.wait())["reason"] == "done"
        assert (session.workspace.app / "notes.txt").read_text() == "two\n"
        await session.restore(kept)
        assert (session.workspace.app / "notes.txt").read_text() == "one\n"
