"""The loop with the real tools on a real workspace under git; only the model is a stand-in."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from agents.memory_session import MemorySession
from model_server import model_server

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.eyes.check import Report
from jupyter_appbuilder.models.base import NOTE, Model
from jupyter_appbuilder.models.demo.model import DemoModel
from jupyter_appbuilder.models.demo.recordings import Recording, find_recordings
from jupyter_appbuilder.models.openai_compatible import Endpoint, OpenAICompatibleModel
from jupyter_appbuilder.sandbox.base import DevServer, Sandbox
from jupyter_appbuilder.templates.templates import find_template
from jupyter_appbuilder.tools.base import ToolContext
from jupyter_appbuilder.tools.registry import load_tools
from jupyter_appbuilder.tools.runner import ToolRunner
from jupyter_appbuilder.workspace import Workspace


class ReadyServer:
    """A dev server that is always up: what runs in a sandbox is tested elsewhere."""

    looked = False
    eye = None
    printed = ""

    async def ensure(self) -> DevServer:
        return DevServer("ready")

    async def restart(self) -> DevServer:
        return DevServer("ready")

    async def problems(self) -> list[dict[str, Any]]:
        return []

    @contextlib.asynccontextmanager
    async def trying(self) -> AsyncIterator[None]:
        yield

    async def look_over(self) -> Report:
        raise Unavailable("There is no browser.")


async def no_sandbox() -> Sandbox:
    raise AssertionError("No tool in this test needs a sandbox")


async def session_in(folder: Path, files: Path, model: Model) -> tuple[MemorySession, Workspace]:
    workspace = Workspace(folder)
    await workspace.create(files)

    def context(output: Any) -> ToolContext:
        return ToolContext(workspace, no_sandbox, ReadyServer(), output)

    return MemorySession(model, make_runner=lambda journal: ToolRunner(load_tools(), context, journal)), workspace


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "template" / "src").mkdir(parents=True)
    (tmp_path / "template" / "src" / "App.tsx").write_text("export const title = 'Hello'\n")
    return tmp_path / "template"


async def test_an_edit_that_does_not_match_is_repaired_and_a_persons_edit_is_told(tmp_path: Path, files: Path):
    def edit(search: str, replace: str) -> dict[str, Any]:
        arguments = {"path": "src/App.tsx", "edits": [{"search": search, "replace": replace}]}
        return {"tool_calls": [{"name": "edit_file", "arguments": arguments}]}

    steps = [
        edit("export const name = 'Hello'", "x"),
        edit("export const title = 'Hello'", "export const title = 'Tasks'"),
        {"text": "The title says Tasks."},
        {"text": "I see what you did."},
    ]
    async with model_server(steps) as server:
        endpoint = Endpoint("test", "Test", server.url)
        session, workspace = await session_in(tmp_path / "s", files, OpenAICompatibleModel(endpoint, "scripted"))
        outcome = await session.ask("Call it Tasks")
        assert outcome.reason == "done"
        assert await workspace.read_text("src/App.tsx") == "export const title = 'Tasks'\n"
        by_hand = workspace.app / "src" / "own.ts"
        by_hand.write_text("export {}\n")
        await session.runner.run("list_files", {}, call="p1", by="person")
        await session.ask("And now?")
        told = [request.body["messages"] for request in server.requests]
    failed = told[1][-1]
    assert failed["role"] == "tool"
    assert "title = 'Hello'" in failed["content"]  # the nearest text
    checks = [c for c in session.journal.of("tool.finished") if c["tool"] == "check_app"]
    assert [(c["call"], c["ok"]) for c in checks] == [("r3.check", True)]
    notes = [m["content"] for m in told[-1] if m["role"] == "user" and NOTE in m["content"]]
    assert "check_app" in notes[0]
    assert "src/own.ts" in notes[-1]


def chains() -> list[list[Recording]]:
    """Each shipped recording with those it goes on from before it. Those over a notebook or what runs, functions of the
    app or of a notebook, are played in tests/eyes/test_demos.py and tests/live/test_tutorial.py."""
    recordings = find_recordings()

    def chain(recording: Recording) -> list[Recording]:
        return [*(chain(recordings[recording.after]) if recording.after else []), recording]

    found = [chain(recording) for recording in recordings.values() if not (recording.function or recording.notebook)]
    return [each for each in found if find_template(each[0].template).database is None]


@pytest.mark.parametrize("chain", chains(), ids=lambda chain: chain[-1].name)
async def test_every_call_of_a_shipped_recording_succeeds_on_its_template(tmp_path: Path, chain: list[Recording]):
    template = find_template(chain[0].template)
    session, workspace = await session_in(tmp_path / "s", template.files, DemoModel(pace=0))
    for path, content in chain[0].seed_files().items():
        await workspace.write(path, content)
    for recording in chain:
        outcome = await session.ask(recording.prompt)
        assert outcome.reason == "done"
    results = session.journal.of("tool.finished")
    assert [(c["call"], c["text"]) for c in results if not c["ok"]] == []
    asked = sum(len(step.tool_calls) for recording in chain for step in recording.steps)
    assert len([c for c in results if not c["call"].endswith(".check")]) == asked
