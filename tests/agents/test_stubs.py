"""Old calls in the model's view: short, valid, and only where they no longer matter."""

from __future__ import annotations

import itertools
import json
from typing import Any

from agents.test_history import USAGE, log, user

from jupyter_appbuilder.agents.history import View, messages
from jupyter_appbuilder.events import Event

FILE = "export const line = 1\n" * 400  # 8,800 characters


def begun(turn: str) -> tuple[str, dict[str, Any]]:
    return "turn.started", {"turn": turn, "model": "m"}


def step(number: int, turn: str, tool: str, arguments: dict[str, Any], text: str, ok: bool = True, **detail: Any):
    """A response with one call, and how the call ended."""
    call = f"r{number}.0"
    data = {"call": call, "id": call, "tool": tool, "arguments": json.dumps(arguments)}
    response = {"turn": turn, "response": f"r{number}", "model": "m", "recorded": False, "text": "", "usage": USAGE}
    result = {"turn": turn, "call": call, "tool": tool, "ok": ok, "summary": f"{tool} done", "text": text}
    return [
        ("response.completed", response | {"tool_calls": [data], "finish_reason": "tool_calls"}),
        ("tool.finished", result | {"detail": detail, "duration_ms": 1}),
    ]


def ended(turn: str) -> tuple[str, dict[str, Any]]:
    return "turn.finished", {"turn": turn, "reason": "done", "message": "", "hint": ""}


def two_turns() -> list[Event]:
    return log(
        begun("t1"),
        user("Build it", "t1"),
        *step(1, "t1", "write_file", {"path": "a.ts", "content": FILE}, "Created a.ts."),
        *step(2, "t1", "read_file", {"path": "b.ts"}, FILE, start_line=1, end_line=400),
        *step(3, "t1", "edit_file", {"path": "b.ts", "edits": [{"search": "x", "replace": FILE}]}, "Edited: " + FILE),
        *step(4, "t1", "run_command", {"command": "ls"}, "Error: " + FILE, ok=False),
        ended("t1"),
        begun("t2"),
        user("Change it", "t2"),
    )


def test_files_written_and_read_in_an_earlier_turn_are_told_in_one_line_each():
    told = messages(two_turns(), "S")
    calls = [call["function"] for m in told for call in m.get("tool_calls", [])]
    results = [m["content"] for m in told if m["role"] == "tool"]
    assert FILE not in json.dumps([calls[:3], results[:3]])
    assert json.loads(calls[0]["arguments"])["path"] == "a.ts"
    assert "400 lines" in json.loads(calls[0]["arguments"])["content"]
    assert isinstance(json.loads(calls[2]["arguments"])["edits"][0]["replace"], str)
    assert json.loads(calls[2]["arguments"])["edits"][0]["search"] == "x"
    assert results[0] == "Created a.ts."  # short already
    assert "400 lines, read again" in results[1]
    assert len("".join(results[:3])) < 500


def test_what_the_running_turn_read_stays_whole():
    events = two_turns()
    running = [e for e in events if e.type != "turn.finished" and e.data.get("turn") == "t1"]
    told = messages(running, "S")
    assert [m["content"] for m in told if m["role"] == "tool"][1] == FILE
    assert json.loads(told[2]["tool_calls"][0]["function"]["arguments"])["content"] == FILE


def test_the_newest_of_it_stays_whole_where_a_new_turn_begins():
    kept = messages(two_turns(), "S")
    assert [m["content"] for m in kept if m["role"] == "tool"][3].startswith("Error: export")
    none = messages(two_turns(), "S", View(between=0))
    failed = [m["content"] for m in none if m["role"] == "tool"][3]
    assert failed.startswith("Error: export")
    assert len(failed) < 600


def long_turn(steps: int) -> list[Event]:
    entries: list[Any] = [begun("t1"), user("Build it", "t1")]
    for number in range(1, steps + 1):
        entries += step(number, "t1", "read_file", {"path": f"{number}.ts"}, FILE, start_line=1, end_line=400)
    return log(*entries)


def test_a_long_turn_shrinks_in_few_large_steps_and_keeps_the_last_calls_whole():
    events, view = long_turn(60), View(step=60_000)
    requests = [messages(events[: 2 + 2 * n], "S", view) for n in range(61)]
    breaks = sum(later[: len(earlier)] != earlier for earlier, later in itertools.pairwise(requests))
    assert 5 <= breaks <= 15
    for told in requests[2:]:
        assert FILE in (told[-1]["content"], told[-3]["content"])
        assert sum(len(m.get("content") or "") for m in told) < 60_000 + 2 * len(FILE) + 60 * 200


def test_the_same_log_gives_the_same_bytes_whatever_was_asked_before():
    events = long_turn(40)
    whole = messages(events, "S", View(step=60_000))
    for n in range(0, 82, 6):
        messages(events[:n], "S", View(step=60_000))
    assert json.dumps(messages(events, "S", View(step=60_000))) == json.dumps(whole)
