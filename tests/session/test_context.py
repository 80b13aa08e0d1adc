"""What a model is told of an app, and that what comes before it stays the same, byte by byte."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from building import call, scripted_builder, write
from plain_app import plain

from jupyter_appbuilder.models.base import NOTE
from jupyter_appbuilder.session import Session


async def ask(session: Session, text: str, **options: Any) -> None:
    await session.send(text, **options)
    ended = await session.wait()
    assert ended["reason"] == "done", ended


def notes(request: Any) -> list[str]:
    return [m["content"] for m in request.body["messages"] if m["role"] == "user" and NOTE in str(m["content"])]


async def test_the_prompt_and_the_tools_stay_the_same_over_turns_modes_and_restarts(tmp_path: Path) -> None:
    traits = plain(tmp_path)
    steps = [{"tool_calls": [write("src/a.js", "export const one = 1\n")]}, *[{"text": f"Done {n}."} for n in range(9)]]
    async with scripted_builder(tmp_path, steps, **traits) as (builder, server):
        session = await builder.create(name="stable")
        await session.ready()
        await ask(session, "Build it")
        await ask(session, "What is one?", mode="ask")
        await ask(session, "Plan more", mode="plan")
        id = session.id
        first = list(server.requests)
    async with scripted_builder(tmp_path, [{"text": "Again."}], **traits) as (builder, server):
        await ask(await builder.session(id), "Go on")
        requests = [*first, *server.requests]
    assert len(requests) >= 5
    assert len({request.body["messages"][0]["content"] for request in requests}) == 1
    assert len({json.dumps(request.body["tools"]) for request in requests}) == 1


async def test_a_turn_begins_with_a_map_of_the_project_and_its_rules_told_once(tmp_path: Path) -> None:
    page = "export function Page() {}\nexport const TITLE = 'x'\n"
    steps = [
        {"text": "Looked."},
        {"tool_calls": [write("src/page.js", page), write("src/other.js", "let a\n")]},
        {"text": "Done."},
        {"text": "Unchanged."},
    ]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, server):
        session = await builder.create(name="mapped")
        await session.ready()
        (session.workspace.app / "APPBUILDER.md").write_text("Prices are in euros.\n")
        await ask(session, "Look at it")
        await ask(session, "Add a page")
        await ask(session, "Thanks")
        await ask(session, "Bye")
        events = await session.events()
        requests = server.requests
    told = [note for note in notes(requests[0]) if "main.js" in note]
    assert len(told) == 1
    assert "main.js: a, b, c" in told[0]
    assert "> Prices are in euros." in told[0]
    # Nothing changed before the second turn; the third is told of the new file, in place of the old map.
    briefed = [event.data["turn"] for event in events if event.type == "turn.briefed"]
    assert briefed == ["t1", "t3"]
    maps = [note for note in notes(requests[-1]) if "main.js: a, b, c" in note]
    assert len(maps) == 1
    assert "page.js: Page, TITLE" in maps[0]
    assert maps[0].endswith("\n\nThanks")
    # Within a turn each request begins with the one before it.
    for earlier, later in itertools.pairwise(requests[1:3]):
        assert later.body["messages"][: len(earlier.body["messages"])] == earlier.body["messages"]


async def test_a_placeholder_of_a_text_is_not_written_as_the_text(tmp_path: Path) -> None:
    text = "export const line = 1\n" * 900
    steps = [{"tool_calls": [write("src/a.js", text)]}, {"text": "Done."}]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, server):
        session = await builder.create(name="copied")
        await session.ready()
        await ask(session, "Write it")
        server.steps = [*steps, {"tool_calls": [call("list_files")]}]
        await ask(session, "Again")
        shown = server.requests[-1].body["messages"]
        (old,) = [m["tool_calls"][0] for m in shown if m.get("tool_calls") and "src/a.js" in str(m["tool_calls"])]
        given = json.loads(old["function"]["arguments"])
        assert len(given["content"]) < 100
        _, result = await session.call("write_file", given, by="person")
        assert not result.ok
        assert "placeholder" in result.text
        assert (session.workspace.app / "src" / "a.js").read_text() == text
