"""What an agent may do in each mode, with real tools; the model is scripted and does not obey."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from building import call, scripted_builder, write
from plain_app import assert_sound, plain

from jupyter_appbuilder.agents.history import messages
from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.errors import Conflict, InvalidInput, NotFound
from jupyter_appbuilder.events import Mode
from jupyter_appbuilder.models.base import NOTE
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.turns.modes import NOTES

PLAN = "# Dark mode\n\nPeople choose light or dark.\n\n- [ ] a switch in `index.html`\n- [ ] colours in `style.css`"

DISOBEYING = [
    write("mine.txt", "x"),
    call("edit_file", path="index.html", edits=[{"search": "first", "replace": "second"}]),
    call("delete_file", path="index.html"),
    call("rename_file", old="index.html", new="other.html"),
    call("run_command", command="echo ran > ran.txt"),
    call("install_packages", packages=["left-pad"]),
    call("request_network", host="api.example.org", reason="To send data away."),
    call("check_app"),
    call("tick_plan", items=[1]),
]


@asynccontextmanager
async def session_with(folder: Path, steps: list[dict[str, Any]]) -> AsyncIterator[tuple[Session, Any, AppBuilder]]:
    async with scripted_builder(folder, steps, **plain(folder)) as (builder, server):
        session = await builder.create(name="modes")
        await session.ready()
        yield session, server, builder


async def of(session: Session, type: str) -> list[Any]:
    return [event.data for event in await session.events() if event.type == type]


def told(server: Any, request: int) -> list[dict[str, Any]]:
    return server.requests[request].body["messages"]


@pytest.mark.parametrize("mode", ["plan", "ask"])
async def test_a_model_that_ignores_the_mode_changes_runs_and_asks_nothing(mode: Mode, tmp_path: Path) -> None:
    steps = [{"tool_calls": DISOBEYING}, {"text": "I could not."}]
    async with session_with(tmp_path, steps) as (session, server, _):
        before, versions = await session.workspace.snapshot(), len(await session.workspace.checkpoints())
        await session.send("Change everything", mode=mode)
        assert (await session.wait())["reason"] == "done"
        finished = await of(session, "tool.finished")
        assert [data["ok"] for data in finished] == [False] * len(DISOBEYING)
        assert {data["detail"]["reason"] for data in finished} == {"mode"}
        assert await session.workspace.snapshot() == before
        assert len(await session.workspace.checkpoints()) == versions
        assert not await of(session, "approval.requested")
        assert not await of(session, "file.changed")
        results = [message["content"] for message in told(server, 1) if message["role"] == "tool"]
        remedy = "write_plan" if mode == "plan" else "Answer in words"
        assert all("was not run" in text and remedy in text for text in results)
        await assert_sound(session, tmp_path)


async def test_the_prompt_and_the_tools_are_the_same_in_every_mode(tmp_path: Path) -> None:
    async with session_with(tmp_path, [{"text": "Yes."}] * 3) as (session, server, _):
        for mode in ("ask", "build", "plan"):
            await session.send("Say yes", mode=mode)
            await session.wait()
        bodies = [request.body for request in server.requests]
        assert bodies[0]["tools"] == bodies[1]["tools"] == bodies[2]["tools"]
        for earlier, later in itertools.pairwise(bodies):
            assert later["messages"][: len(earlier["messages"])] == earlier["messages"]
        notes = [m["content"] for m in bodies[2]["messages"] if m["role"] == "user" and NOTE in str(m["content"])]
        assert len(notes) == 3  # to ask, back to build, to plan
        assert "question about the app" in notes[0]
        assert "change the app again" in notes[1]
        assert "write_plan" in notes[2]


async def test_a_turn_that_only_ever_builds_is_told_of_no_mode(tmp_path: Path) -> None:
    async with session_with(tmp_path, [{"text": "Yes."}] * 2) as (session, server, _):
        for _ in range(2):
            await session.send("Say yes")
            await session.wait()
        assert not [m for m in told(server, 1)[1:] if any(note in str(m["content"]) for note in NOTES.values())]
        assert all("mode" not in data for data in await of(session, "turn.started"))


async def test_an_answer_may_read_the_app(tmp_path: Path) -> None:
    steps = [{"tool_calls": [call("read_file", path="index.html")]}, {"text": "It says first."}]
    async with session_with(tmp_path, steps) as (session, server, _):
        await session.send("What does it say?", mode="ask")
        assert (await session.wait())["reason"] == "done"
        assert "<p>first</p>" in told(server, 1)[-1]["content"]
        assert not await of(session, "plan.written")


async def test_an_edited_plan_is_built_as_the_person_edited_it(tmp_path: Path) -> None:
    steps = [
        {"tool_calls": [call("read_file", path="index.html")]},
        {"text": "Here is my plan.", "tool_calls": [call("write_plan", text=PLAN)]},
        {"tool_calls": [write("style.css", "body {}\n")]},
        {"text": "Built."},
    ]
    async with session_with(tmp_path, steps) as (session, server, _):
        await session.send("Add a dark mode", mode="plan")
        assert (await session.wait())["reason"] == "done"
        assert len(server.requests) == 2  # the plan ended the turn
        [plan] = session.plans()
        assert (plan.id, plan.text, plan.built) == ("p1", PLAN, "")

        edited = PLAN.replace("colours in `style.css`", "colours in `theme.css`")
        turn = await session.accept("p1", edited)
        assert (await session.wait())["reason"] == "done"
        [accepted] = await of(session, "plan.accepted")
        assert accepted == {"plan": "p1", "turn": turn, "edited": True, "by": "person"}
        asked = told(server, 2)[-1]["content"]
        assert "Build this plan: Dark mode\n" in asked
        assert edited in asked
        assert (session.workspace.app / "style.css").exists()
        assert (await of(session, "checkpoint.created"))[-1]["title"] == "Build this plan: Dark mode"
        with pytest.raises(Conflict, match="accepted already"):
            await session.accept("p1")
        await assert_sound(session, tmp_path)


async def test_items_of_a_plan_are_ticked_off_while_it_is_built(tmp_path: Path) -> None:
    steps = [
        {"tool_calls": [call("write_plan", text=PLAN)]},
        {"tool_calls": [write("style.css", "body {}\n"), call("tick_plan", items=[2])]},
        {"tool_calls": [call("tick_plan", items=[4]), call("tick_plan", items=[0])]},
        {"text": "Built."},
        {"tool_calls": [call("tick_plan", items=[1, 3])]},
        {"text": "All of it."},
        {"text": "Not quite."},
    ]
    async with session_with(tmp_path, steps) as (session, server, _):
        await session.send("Add a dark mode", mode="plan")
        await session.wait()
        fenced = "```\n- [ ] in a code block\n```\n"
        await session.accept("p1", f"{PLAN}\n{fenced}  1. [ ] tests")
        await session.wait()
        [ticked, *wrong] = [data for data in await of(session, "tool.finished") if data["tool"] == "tick_plan"]
        assert ticked["summary"] == "Ticked off colours in `style.css`"
        assert ticked["text"] == "1 of 3 items of the plan are done. Left: 1. a switch in `index.html`; 3. tests"
        assert [data["ok"] for data in wrong] == [False, False]
        assert all("has 3 items" in data["text"] for data in wrong)
        assert session.plans()[0].done == (2,)

        await session.send("And the rest")
        await session.wait()
        assert told(server, 5)[-1]["content"] == "3 of 3 items of the plan are done. All are."
        assert session.plans()[0].to_json()["done"] == [1, 2, 3]
        await session.retry()
        await session.wait()
        assert session.plans()[0].done == (2,)
        await assert_sound(session, tmp_path)


async def test_without_a_plan_there_is_nothing_to_tick_off(tmp_path: Path) -> None:
    steps = [
        {"tool_calls": [call("tick_plan", items=[1])]},
        {"text": "Fine."},
        {"text": "# Words\n\nOnly."},
        {"tool_calls": [call("tick_plan", items=[1])]},
    ]
    async with session_with(tmp_path, steps) as (session, _, _builder):
        await session.send("Tick it")
        await session.wait()
        await session.send("Plan it", mode="plan")
        await session.wait()
        await session.accept("p1")
        await session.wait()
        said = [data["text"] for data in await of(session, "tool.finished")]
        assert ["No plan was accepted" in said[0], "has no `- [ ]` items" in said[1]] == [True, True]


async def test_a_model_that_does_not_call_the_tool_has_its_answer_taken_for_the_plan(tmp_path: Path) -> None:
    async with session_with(tmp_path, [{"text": PLAN}]) as (session, _, _builder):
        await session.send("Add a dark mode", mode="plan")
        await session.wait()
        [written] = await of(session, "plan.written")
        assert (written["text"], written["source"]) == (PLAN, "r1")


async def test_asking_for_a_change_makes_another_plan(tmp_path: Path) -> None:
    steps = [{"tool_calls": [call("write_plan", text=text)]} for text in (PLAN, "# Less\n\n- [ ] one")]
    async with session_with(tmp_path, steps) as (session, server, _):
        await session.send("Add a dark mode", mode="plan")
        await session.wait()
        await session.send("Smaller, please", mode="plan")
        await session.wait()
        assert [(plan.id, plan.text) for plan in session.plans()] == [("p1", PLAN), ("p2", "# Less\n\n- [ ] one")]
        [shown] = [m["tool_calls"][0] for m in told(server, 1) if m["role"] == "assistant"]
        assert json.loads(shown["function"]["arguments"])["text"] == PLAN


async def test_what_is_said_meanwhile_keeps_to_the_mode_and_is_heard_before_the_plan_counts(tmp_path: Path) -> None:
    steps = [
        {"tool_calls": [call("write_plan", text=PLAN)], "delay": 0.2},
        {"tool_calls": [write("mine.txt", "x"), call("write_plan", text="# Blue")]},
    ]
    async with session_with(tmp_path, steps) as (session, server, _):
        turn = await session.send("Plan it", mode="plan")
        while not server.requests:
            await session.events()
            await asyncio.sleep(0.01)
        assert await session.send("Make it blue", mode="build") == turn
        assert (await session.wait())["reason"] == "done"
        assert len(server.requests) == 2
        assert not (session.workspace.app / "mine.txt").exists()
        assert [plan.text for plan in session.plans()] == ["# Blue"]


async def test_a_plan_cannot_be_written_in_other_modes(tmp_path: Path) -> None:
    steps = [{"tool_calls": [call("write_plan", text=PLAN)]}, {"text": "Sorry."}]
    async with session_with(tmp_path, steps) as (session, _, _builder):
        await session.send("Build it")
        await session.wait()
        assert [data["ok"] for data in await of(session, "tool.finished")] == [False]
        assert not session.plans()
        _, result = await session.call("write_plan", {"text": PLAN}, by="person")
        assert not result.ok


async def test_what_cannot_be_accepted_says_so(tmp_path: Path) -> None:
    async with session_with(tmp_path, [{"text": PLAN}]) as (session, _, _builder):
        with pytest.raises(NotFound, match="no plan 'p1'"):
            await session.accept("p1")
        await session.send("Plan it", mode="plan")
        await session.wait()
        with pytest.raises(InvalidInput, match="plan is empty"):
            await session.accept("p1", "  \n")
        assert not await of(session, "plan.accepted")


async def test_an_edit_by_hand_before_a_question_is_known_and_makes_no_version(tmp_path: Path) -> None:
    async with session_with(tmp_path, [{"text": "Fine."}, {"text": "Built."}]) as (session, _, _builder):
        (session.workspace.app / "mine.txt").write_text("by hand\n")
        await session.send("Is it fine?", mode="ask")
        await session.wait()
        assert [data["by"] for data in await of(session, "file.changed")] == ["person"]
        versions = await of(session, "checkpoint.created")
        assert [data["turn"] for data in versions] == [None, None]
        assert versions[-1]["title"] == "Edits by hand"
        await assert_sound(session, tmp_path)


async def test_a_plan_whose_building_is_tried_again_stays_accepted(tmp_path: Path) -> None:
    steps = [{"text": PLAN}, {"status": 401, "body": {"error": {"message": "no"}}}, {"text": "Built."}]
    async with session_with(tmp_path, steps) as (session, server, _):
        await session.send("Plan it", mode="plan")
        await session.wait()
        await session.accept("p1")
        assert (await session.wait())["reason"] == "failed"
        again = await session.retry()
        assert (await session.wait())["reason"] == "done"
        [plan] = session.plans()
        assert plan.built == again
        assert PLAN in told(server, 2)[-1]["content"]


async def test_a_plan_that_is_asked_for_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    steps = [{"tool_calls": [call("write_plan", text=text)]} for text in (PLAN, "# Other")]
    async with session_with(tmp_path, steps) as (session, _, _builder):
        await session.send("Plan it", mode="plan")
        await session.wait()
        await session.retry()
        await session.wait()
        assert [(plan.id, plan.text) for plan in session.plans()] == [("p2", "# Other")]
        with pytest.raises(NotFound):
            await session.accept("p1")


async def test_a_recording_makes_no_plans(tmp_path: Path) -> None:
    async with session_with(tmp_path, []) as (session, _, _builder):
        with pytest.raises(InvalidInput, match="recorded demo only builds"):
            await session.send("Plan it", mode="plan", model="demo:recorded")
        assert not await of(session, "turn.started")


async def test_the_same_events_tell_a_model_the_same(tmp_path: Path) -> None:
    steps = [{"tool_calls": [call("write_plan", text=PLAN)]}, {"text": "Built."}]
    async with session_with(tmp_path, steps) as (session, _, _builder):
        await session.send("Plan it", mode="plan")
        await session.wait()
        await session.accept("p1")
        await session.wait()
        events = await session.events()
        assert messages(events, "s") == messages(list(events), "s")
