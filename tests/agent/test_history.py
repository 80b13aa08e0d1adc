"""What the model is told of a session."""

from __future__ import annotations

from typing import Any

from jupyter_appbuilder.agent.history import NOTE, call_id, is_note, messages
from jupyter_appbuilder.events import Draft, Event

USAGE = {"input_tokens": 0, "output_tokens": 0, "cached_tokens": 0, "cost": None}


def log(*entries: tuple[str, dict[str, Any]]) -> list[Event]:
    return [Event("s", i, 0.0, type, Draft(type, data).data) for i, (type, data) in enumerate(entries, 1)]


def user(text: str, turn: str = "t1") -> tuple[str, dict[str, Any]]:
    return "message.user", {"turn": turn, "text": text}


def response(text: str, *calls: str, id: str = "r1", finish: str = "stop", arguments: str = "{}"):
    data = [{"call": call, "id": f"id-{call}", "tool": "look", "arguments": arguments} for call in calls]
    fields = {"turn": "t1", "response": id, "model": "m", "recorded": False, "text": text, "tool_calls": data}
    return "response.completed", fields | {"finish_reason": finish, "usage": USAGE}


def started(call: str) -> tuple[str, dict[str, Any]]:
    return "tool.started", {"turn": "t1", "call": call, "tool": "look", "arguments": {}, "by": "agent"}


def finished(call: str, text: str, ok: bool = True) -> tuple[str, dict[str, Any]]:
    result = {"turn": "t1", "call": call, "tool": "look", "ok": ok, "summary": "", "text": text, "detail": {}}
    return "tool.finished", result | {"duration_ms": 1}


def edited(path: str, by: str = "person") -> tuple[str, dict[str, Any]]:
    return "file.changed", {"path": path, "change": "modified", "by": by, "added": 3, "removed": 1}


def test_the_system_prompt_comes_first_and_prompts_and_answers_follow():
    told = messages(log(user("Build it"), response("Built."), user("Change it", "t2")), "You build apps.")
    assert told == [
        {"role": "system", "content": "You build apps."},
        {"role": "user", "content": "Build it"},
        {"role": "assistant", "content": "Built."},
        {"role": "user", "content": "Change it"},
    ]


def test_results_stand_in_the_order_of_the_calls_whatever_the_order_they_came_in():
    events = log(
        user("Go"), response("", "r1.0", "r1.1"), started("r1.0"), started("r1.1"), finished("r1.1", "B"),
        finished("r1.0", "A"),
    )  # fmt: skip
    told = messages(events, "")
    assert [(m["tool_call_id"], m["content"]) for m in told if m["role"] == "tool"] == [
        (call_id("r1.0"), "A"),
        (call_id("r1.1"), "B"),
    ]


def test_calls_that_were_stopped_are_told_apart_from_calls_that_never_ran():
    told = messages(log(user("Go"), response("", "r1.0", "r1.1"), started("r1.0")), "")
    assert "may have partly run" in told[-2]["content"]
    assert told[-1]["content"].startswith("Not run")


def test_a_persons_edits_are_told_where_they_happened_and_never_between_calls_and_results():
    events = log(
        user("Go"), response("", "r1.0"), edited("src/App.tsx"), started("r1.0"), finished("r1.0", "A"),
        edited("src/own.ts", by="agent"), response("Done", id="r2"), edited("README.md"), user("More", "t2"),
    )  # fmt: skip
    told = messages(events, "")
    assert [m["role"] for m in told] == ["system", "user", "assistant", "tool", "user", "assistant", "user", "user"]
    assert "src/App.tsx (+3 −1)" in told[4]["content"]
    assert "README.md" in told[6]["content"]
    assert "own.ts" not in str(told)
    assert [is_note(m) for m in told] == [False, False, False, False, True, False, True, False]


def test_going_back_to_a_version_is_told_by_its_title():
    checkpoint = {"checkpoint": "c1", "tree": "x", "parent": None, "turn": "t1", "title": "Add a search box"}
    events = log(
        ("checkpoint.created", checkpoint | {"files": 1, "added": 1, "removed": 0}),
        ("session.restored", {"checkpoint": "c1", "tree": "x", "previous": "c2"}),
    )
    (_, note) = messages(events, "")
    assert note["content"].startswith(NOTE)
    assert "Add a search box" in note["content"]


def test_a_stop_is_told():
    end = {"turn": "t1", "reason": "stopped", "message": "", "hint": ""}
    told = messages(log(user("Go"), response("Half"), ("turn.finished", end), user("Go on", "t2")), "")
    assert "stopped" in told[-2]["content"]
    assert is_note(told[-2])


def test_long_results_are_bounded_and_the_same_each_time():
    events = log(user("Go"), response("", "r1.0"), started("r1.0"), finished("r1.0", "line\n" * 200_000))
    told = messages(events, "")
    assert len(told[-1]["content"]) < 100_000
    assert messages(events, "") == told


def test_what_happens_later_never_changes_what_was_told_before():
    events = log(
        user("Go"), response("", "r1.0"), edited("a"), started("r1.0"), finished("r1.0", "A"),
        response("Cut", id="r2", finish="length"), response("Done", id="r3"), edited("b"), user("More", "t2"),
        response("Ok", id="r4"),
    )  # fmt: skip
    asked_at = [1, 5, 6, 9]  # after these events the model was asked
    told = [messages(events[:n], "S") for n in asked_at]
    for earlier, later in zip(told, told[1:], strict=False):  # noqa: RUF007
        assert later[: len(earlier)] == earlier


def test_an_answer_with_nothing_in_it_is_left_out():
    assert [m["role"] for m in messages(log(user("Go"), response(" ")), "")] == ["system", "user"]
