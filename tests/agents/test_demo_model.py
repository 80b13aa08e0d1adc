"""The recorded model: playing, following up, and what it says to everything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from agents.memory_session import MemorySession

from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.models.demo import recordings
from jupyter_appbuilder.models.demo.model import DemoModel, explanation
from jupyter_appbuilder.models.demo.recordings import SHIPPED, find_recordings, load, match
from jupyter_appbuilder.tools.base import ToolResult


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    written = {"path": "a", "content": {"$file": "files/a.txt"}}
    board = {
        "name": "zz-board",
        "title": "Test board",
        "prompt": "Build a test board!",
        "aliases": ["make me a test board"],
        "template": "react-vite",
        "app_title": "Test board",
        "after": None,
        "seed": [{"path": "public/data/x.csv", "file": "seed/x.csv"}],
        "steps": [
            {"text": "First.\n\n", "tool_calls": [{"tool": "write_file", "arguments": written}]},
            {"text": "", "tool_calls": [{"tool": "edit_file", "arguments": {"path": "a"}}]},
            {"text": "It is done."},
        ],
    }
    more = board | {"name": "zz-more", "title": "More", "prompt": "Add more to the test", "aliases": [], "seed": []}
    more |= {"after": "zz-board", "steps": [{"text": "More it is."}]}
    for recording in (board, more):
        folder = tmp_path / recording["name"]
        folder.mkdir()
        (folder / "recording.json").write_text(json.dumps(recording))
    (tmp_path / "zz-board" / "files").mkdir()
    (tmp_path / "zz-board" / "files" / "a.txt").write_text("Grüße\n" * 50)
    (tmp_path / "zz-board" / "seed").mkdir()
    (tmp_path / "zz-board" / "seed" / "x.csv").write_bytes(b"a,b\r\n1,2\r\n")
    return tmp_path


def session(shelf: Path, failing: tuple[str, ...] = ()) -> tuple[MemorySession, list[tuple[str, dict[str, Any]]]]:
    ran: list[tuple[str, dict[str, Any]]] = []

    def tool(name: str, ok: bool = True):
        def run(arguments: dict[str, Any]) -> ToolResult:
            ran.append((name, arguments))
            return ToolResult("text", "summary", ok=ok)

        return run

    names = ("write_file", "edit_file", "check_app")
    offered = {name: tool(name, ok=name not in failing) for name in names}
    return MemorySession(DemoModel([shelf], pace=0), offered, writes=names[:2]), ran


async def test_a_recording_is_played_through_the_real_loop(shelf: Path):
    played, ran = session(shelf)
    outcome = await played.ask("  build a TEST board ")
    assert outcome.reason == "done"
    assert outcome.message == ""
    assert [name for name, _ in ran] == ["write_file", "edit_file", "check_app"]
    assert ran[0][1] == {"path": "a", "content": "Grüße\n" * 50}
    responses = played.journal.of("response.completed")
    assert [r["text"] for r in responses] == ["First.\n\n", "", "It is done."]
    assert all(r["recorded"] for r in responses)
    assert played.journal.text_shown("r1") == "First.\n\n"
    pieces = [d["arguments"] for t, d in played.journal.shown if t == "tool.delta" and d["call"] == "r1.0"]
    assert len(pieces) > 3
    assert "".join(pieces) == responses[0]["tool_calls"][0]["arguments"]


async def test_a_follow_up_plays_only_after_what_it_follows(shelf: Path):
    played, _ = session(shelf)
    await played.ask("Add more to the test")
    assert "Ask for this first" in played.journal.of("response.completed")[-1]["text"]
    await played.ask("Make me a test board")
    assert played.journal.of("response.completed")[-1]["suggestions"] == ["Add more to the test"]
    await played.ask("Add more to the test")
    assert played.journal.of("response.completed")[-1]["text"] == "More it is."


async def test_a_persons_edit_in_between_is_not_taken_for_a_prompt(shelf: Path):
    from jupyter_appbuilder.events import Draft

    played, ran = session(shelf)
    edit = {"path": "b", "change": "modified", "by": "person", "added": 1, "removed": 0}
    await played.journal.append(Draft("file.changed", edit))
    original = played.runner.tools["write_file"]

    async def edited_meanwhile(arguments: dict[str, Any]) -> ToolResult:
        await played.journal.append(Draft("file.changed", edit))
        result = original(arguments)
        assert isinstance(result, ToolResult)
        return result

    played.runner.tools["write_file"] = edited_meanwhile
    outcome = await played.ask("Build a test board!")
    assert outcome.reason == "done"
    assert [name for name, _ in ran] == ["write_file", "edit_file", "check_app"]


async def test_a_step_that_fails_does_not_stop_the_recording_and_problems_are_told(shelf: Path):
    played, ran = session(shelf, failing=("edit_file", "check_app"))
    outcome = await played.ask("Build a test board!")
    assert [name for name, _ in ran] == ["write_file", "edit_file", "check_app"]
    assert outcome.reason == "done"
    assert "problems" in outcome.message


async def test_go_on_after_a_stop_continues_the_recording(shelf: Path):
    played, ran = session(shelf)
    played.agent._limits = played.agent._limits.__class__(max_steps=1)
    assert (await played.ask("Build a test board!")).reason == "limit"
    played.agent._limits = played.agent._limits.__class__()
    await played.ask("Go on")
    assert [name for name, _ in ran] == ["write_file", "edit_file", "check_app"]


async def test_any_other_prompt_gets_an_explanation_that_gets_people_to_a_real_model(shelf: Path):
    played, ran = session(shelf)
    outcome = await played.ask("Build me an operating system")
    text = played.journal.of("response.completed")[-1]["text"]
    assert outcome.reason == "done"
    assert ran == []
    assert "recorded" in text
    for needed in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "Ollama", "c.AppBuilder.model", "Build a test board!"):
        assert needed in text
    assert played.journal.text_shown("r1") == text


def test_seed_files_come_with_the_prompt(shelf: Path):
    recordings = find_recordings([shelf])
    recording = match("Build a test board", (), recordings)
    assert recording is not None
    assert recording.seed_files() == {"public/data/x.csv": b"a,b\r\n1,2\r\n"}
    assert match("Something else", (), recordings) is None


def test_a_recording_of_a_notebook_is_offered_where_its_data_can_be_handed_over(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
):
    manifest = shelf / "zz-board" / "recording.json"
    data = json.loads(manifest.read_text())
    assert load(manifest.parent).offered
    manifest.write_text(json.dumps(data | {"notebook": "analysis.ipynb"}))
    recording = load(manifest.parent)
    assert recording.notebook == (shelf / "zz-board" / "analysis.ipynb").resolve()
    for there in (True, False):
        monkeypatch.setattr(f"{recordings.__name__}.find_spec", lambda _, there=there: there or None)
        assert recording.offered is there


def test_a_recording_that_is_wrong_names_the_file_and_the_key(tmp_path: Path):
    (tmp_path / "recording.json").write_text('{"name": "x", "steps": []}')
    with pytest.raises(InvalidInput, match=r"recording\.json lacks the key 'title'"):
        load(tmp_path)
    steps = [{"tool_calls": [{"tool": "write_file", "arguments": {"content": {"$file": "../../secret"}}}]}]
    (tmp_path / "recording.json").write_text(json.dumps({"steps": steps}))
    with pytest.raises(InvalidInput, match="outside its folder"):
        load(tmp_path)


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in SHIPPED.glob("*/recording.json")))
def test_every_shipped_recording_loads_and_is_found_by_its_prompt(folder: str):
    recording = load(SHIPPED / folder)
    assert recording.steps
    assert not recording.steps[-1].tool_calls  # it ends by saying what was done
    before = find_recordings()[recording.after].prompt if recording.after else None
    for prompt in (recording.prompt, *recording.aliases):
        assert match(prompt, [before] if before else []) == recording
    assert (recording.prompt in explanation(find_recordings())) is recording.offered
    for _, file in recording.seed.items():
        assert file.is_file()
