"""The loop against a real HTTP model on loopback; the tools are plain functions."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import Any

import pytest
from agents.memory_session import MemorySession
from model_server import ModelServer, model_server

from jupyter_appbuilder.agents import asking
from jupyter_appbuilder.agents.loop import Limits
from jupyter_appbuilder.models.openai_compatible import Endpoint, OpenAICompatibleModel
from jupyter_appbuilder.tools.base import ToolResult


def model(server: ModelServer) -> OpenAICompatibleModel:
    return OpenAICompatibleModel(Endpoint("test", "Test", server.url, "key-123456"), "scripted")


def succeed(arguments: dict[str, Any]) -> ToolResult:
    return ToolResult(f"Did it with {json.dumps(arguments)}", "Did it")


def fail(arguments: dict[str, Any]) -> ToolResult:
    return ToolResult("No match in the file.", "No match", ok=False)


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"tool_calls": [{"name": name, "arguments": arguments}]}


async def test_what_an_answer_suggests_is_apart_from_its_words_and_told_the_model_again():
    ends = "\nNext: Sort by name\nNext: Sort by name\nNext: a dark mode\nNext: more"
    said = f"It works.\n\n- **Next:** Add a search box{ends}"
    steps = [{"text": said}, {"text": "Next: look\nat it, and then it works."}]
    async with model_server(steps) as server:
        session = MemorySession(model(server), {})
        await session.ask("Build it")
        await session.ask("And now?")
        asked = server.requests[1].body["messages"]
    first, second = session.journal.of("response.completed")
    assert first["suggestions"] == ["Add a search box", "Sort by name", "a dark mode"]
    assert "suggestions" not in second
    assert second["text"] == session.journal.text_shown("r2") == "Next: look\nat it, and then it works."
    assert asked[2]["content"] == "It works.\n\nNext: Add a search box\nNext: Sort by name\nNext: a dark mode"
    assert session.journal.text_shown("r1").strip() == first["text"] == "It works."


async def test_a_turn_streams_runs_its_tools_and_ends_when_the_model_stops_calling_them():
    steps = [
        {
            "text": "I will look first.",
            "tool_calls": [{"name": "look", "arguments": {"n": 1}}, {"name": "look", "arguments": {"n": 2}}],
        },
        {"text": "All is well."},
    ]
    async with model_server(steps) as server:
        session = MemorySession(model(server), {"look": succeed})
        outcome = await session.ask("Look around")
        asked = server.requests[1].body["messages"]
    assert outcome.reason == "done"
    assert outcome.message == ""
    first, second = session.journal.of("response.completed")
    assert (first["response"], second["response"]) == ("r1", "r2")
    assert [c["call"] for c in first["tool_calls"]] == ["r1.0", "r1.1"]
    assert session.journal.text_shown("r1") == first["text"] == "I will look first."
    pieces = [d for t, d in session.journal.shown if t == "tool.delta" and d["call"] == "r1.1"]
    assert "".join(piece["arguments"] for piece in pieces) == '{"n": 2}'
    assert {piece["tool"] for piece in pieces} == {"look"}
    assert [m["role"] for m in asked] == ["system", "user", "assistant", "tool", "tool"]
    assert asked[4]["content"] == 'Did it with {"n": 2}'
    assert asked[4]["tool_call_id"] == asked[2]["tool_calls"][1]["id"] == first["tool_calls"][1]["id"]


async def test_a_response_is_stored_with_its_usage_before_its_tools_run():
    seen: list[str] = []

    def look(arguments: dict[str, Any]) -> ToolResult:
        seen.extend(session.journal.batches[-2])
        return succeed(arguments)

    async with model_server([call("look"), {"text": "Done"}]) as server:
        session = MemorySession(model(server), {"look": look})
        await session.ask("Look")
    assert seen == ["response.completed", "usage.recorded"]


async def test_every_request_begins_with_the_request_before_it():
    steps = [
        call("write_file", path="a", content="1"),
        call("check_app"),
        {"text": "Done"},
        call("look"),
        {"text": "Ok"},
    ]
    async with model_server(steps) as server:
        session = MemorySession(model(server), {"write_file": succeed, "look": succeed, "check_app": succeed})
        await session.ask("Write")
        await session.ask("Look")
        requests = [r.body["messages"] for r in server.requests]
    assert len(requests) == 5
    for earlier, later in itertools.pairwise(requests):
        assert later[: len(earlier)] == earlier
        assert len(later) > len(earlier)


async def test_arguments_that_are_no_json_and_tools_that_do_not_exist_are_told_to_the_model():
    bad = {"tool_calls": [{"name": "look", "arguments": '{"path": "a'}, {"name": "fly", "arguments": {}}]}
    async with model_server([bad, {"text": "Sorry"}]) as server:
        session = MemorySession(model(server), {"look": succeed})
        outcome = await session.ask("Look")
        asked = server.requests[1].body["messages"]
    assert outcome.reason == "done"
    assert "not valid JSON" in asked[3]["content"]
    assert "no tool fly" in asked[4]["content"]
    assert json.loads(asked[2]["tool_calls"][0]["function"]["arguments"]) == {}  # what servers can parse
    assert session.journal.of("response.completed")[0]["tool_calls"][0]["arguments"] == '{"path": "a'


async def test_an_answer_cut_off_at_the_output_limit_is_told_to_the_model_and_goes_on():
    cut = {"tool_calls": [{"name": "look", "arguments": '{"path": "a'}], "finish_reason": "length"}
    async with model_server([cut, {"text": "Shorter now"}]) as server:
        session = MemorySession(model(server), {"look": succeed})
        outcome = await session.ask("Write a long file")
        asked = server.requests[1].body["messages"]
    assert outcome.reason == "done"
    assert "cut off" in asked[-1]["content"]


async def test_answers_that_are_always_cut_off_end_the_turn():
    async with model_server([{"text": "Long", "finish_reason": "length"}] * 5) as server:
        outcome = await MemorySession(model(server)).ask("Write")
    assert outcome.reason == "limit"
    assert "cut off" in outcome.message


async def test_an_empty_answer_is_asked_for_once_more():
    async with model_server([{"text": ""}, {"text": "Here I am"}]) as server:
        session = MemorySession(model(server))
        outcome = await session.ask("Hello")
    assert outcome.reason == "done"
    assert [r["text"] for r in session.journal.of("response.completed")] == ["Here I am"]
    assert len(session.journal.of("usage.recorded")) == 2  # it was paid for


async def test_two_empty_answers_fail_the_turn_with_a_next_step():
    async with model_server([{"text": ""}, {"text": " "}]) as server:
        outcome = await MemorySession(model(server)).ask("Hello")
    assert outcome.reason == "failed"
    assert "empty" in outcome.message
    assert outcome.hint


async def test_an_answer_that_breaks_off_is_asked_for_again_under_a_new_id(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asking, "RETRY_DELAY", 0)
    async with model_server(
        [{"text": "Half an answer, then", "drop_after": 3, "size": 4}, {"text": "Whole"}]
    ) as server:
        session = MemorySession(model(server))
        outcome = await session.ask("Hello")
    assert outcome.reason == "done"
    (stored,) = session.journal.of("response.completed")
    assert stored["text"] == session.journal.text_shown(stored["response"]) == "Whole"
    assert any(type == "progress" and "again" in data["message"] for type, data in session.journal.shown)


STUCK = "OK I'm in a dead loop. Let me just write the summary. "


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "I will look. " + STUCK * 20_000},
        {"reasoning": "Hm. " + "and " * 250_000},
        call("write_file", path="a.txt", content="<li>One</li>\n" * 80_000),
        {"tool_calls": [{"name": "write_file", "arguments": '{"path": "a.txt",' + "\n" * 1_000_000}]},
    ],
    ids=["text", "reasoning", "arguments", "blanks"],
)
async def test_a_model_that_says_the_same_over_and_over_is_hung_up_on(answer: dict[str, Any]):
    """As reported of many: https://github.com/zed-industries/zed/issues/58884"""
    # It waits after 120,000 characters: whoever is not hung up on by then never is.
    async with model_server([{"size": 200, "hang_after": 600} | answer]) as server:
        session = MemorySession(model(server), {"write_file": succeed})
        outcome = await session.ask("Write the summary.")
        async with asyncio.timeout(10):
            while not server.closed_early:  # else the model goes on writing, and that costs
                await asyncio.sleep(0.01)
        assert len(server.requests) == 1
    assert outcome.reason == "failed"
    assert "kept repeating itself" in outcome.message
    assert outcome.hint
    shown = "".join(data.get("text") or data.get("arguments") or "" for _, data in session.journal.shown)
    assert len(shown) < 50_000
    (paid,) = session.journal.of("usage.recorded")
    assert paid["usage"]["output_tokens"] > 1000
    assert not session.journal.of("tool.started")


async def test_a_long_table_of_much_the_same_is_written():
    rows = "".join(f"  [{n}, 0, 0, 0, 0, 0, 0, 0],\n" for n in range(3000)) + "0, " * 10_000
    async with model_server(
        [{"size": 500} | call("write_file", path="map.js", content=rows), {"text": "Done"}]
    ) as server:
        session = MemorySession(model(server), {"write_file": succeed})
        assert (await session.ask("Draw a map.")).reason == "done"
    (written,) = session.journal.of("tool.started")
    assert written["arguments"]["content"] == rows


async def test_a_refused_key_fails_the_turn_and_the_log_does_not_hold_it():
    refusal = {"status": 401, "body": {"error": {"message": "Bad key key-123456"}}}
    async with model_server([refusal]) as server:
        session = MemorySession(model(server))
        outcome = await session.ask("Hello")
    assert outcome.reason == "failed"
    assert "key" in outcome.hint
    assert "key-123456" not in json.dumps([event.to_json() for event in session.journal.stored])


async def test_the_limit_on_steps_ends_the_turn_and_says_how_to_go_on():
    steps = [call("look", n=n) for n in range(9)]
    async with model_server(steps) as server:
        outcome = await MemorySession(model(server), {"look": succeed}, limits=Limits(max_steps=3)).ask("Look")
        assert len(server.requests) == 3
    assert outcome.reason == "limit"
    assert "3 steps" in outcome.message
    assert "max_steps" in outcome.hint


async def test_the_limit_on_time_cuts_a_running_answer():
    async with model_server([{"text": "So slow", "hang_after": 2}]) as server:
        session = MemorySession(model(server), limits=Limits(max_seconds=3))
        outcome = await session.ask("Hello")
    assert outcome.reason == "limit"
    assert "time" in outcome.message
    assert [(data["text"], data["finish_reason"]) for data in session.journal.of("response.completed")] == [
        (session.journal.text_shown("r1"), "stopped")
    ]


async def test_stopping_closes_the_stream_at_once():
    async with model_server([{"text": "Talking and talking", "hang_after": 2}]) as server:
        session = MemorySession(model(server))
        task = asyncio.create_task(session.ask("Hello"))
        while not session.journal.shown:
            await asyncio.sleep(0.01)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        took = time.monotonic() - began
        for _ in range(100):
            if server.closed_early or not server._connections:
                break
            await asyncio.sleep(0.01)
        assert not server._connections
    assert took < 10  # seconds; `python -m benchmarks stop` has the figure
    (kept,) = session.journal.of("response.completed")
    assert (kept["text"], kept["finish_reason"]) == (session.journal.text_shown("r1"), "stopped")
    assert [data["response"] for data in session.journal.of("usage.recorded")] == ["r1"]


@pytest.mark.parametrize(
    ("step", "kept"),
    [
        ({"text": "So far so good. " * 9, "drop_after": 8}, True),
        ({"text": "So far", "error": {"message": "Pay first", "code": 402}}, True),
        ({"text": "So far", "error": {"message": "maximum context length is 9 tokens", "code": 400}}, False),
    ],
)
async def test_a_turn_that_fails_in_the_middle_of_an_answer_keeps_its_words(
    step: dict[str, Any], kept: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "RETRY_DELAY", 0)
    async with model_server([step] * 9) as server:
        session = MemorySession(model(server))
        assert (await session.ask("Hello")).reason == "failed"
    last = session.journal.of("response.completed")
    assert [data["finish_reason"] for data in last] == (["stopped"] if kept else [])
    assert all(data["text"] == session.journal.text_shown(data["response"]) for data in last)


async def test_a_turn_whose_process_died_right_after_it_was_stopped_is_not_gone_on_with():
    async with model_server([{"text": "Talking and talking", "hang_after": 2}, {"text": "More."}]) as server:
        session = MemorySession(model(server))
        task = asyncio.create_task(session.ask("Hello"))
        while not session.journal.shown:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        asked = len(server.requests)
        assert (await session.agent.run("t1")).reason == "stopped"
        assert len(server.requests) == asked


async def test_stopping_reaches_a_running_tool():
    stopped = asyncio.Event()

    async def sleep(arguments: dict[str, Any]) -> ToolResult:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.set()
            raise
        return succeed(arguments)

    async with model_server([call("sleep")]) as server:
        session = MemorySession(model(server), {"sleep": sleep})
        task = asyncio.create_task(session.ask("Sleep"))
        while not session.journal.of("tool.started"):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert stopped.is_set()


async def test_after_a_stop_the_next_turn_tells_the_model_what_did_not_run():
    async def never(arguments: dict[str, Any]) -> ToolResult:
        await asyncio.sleep(60)
        return succeed(arguments)

    both = {"tool_calls": [{"name": "never", "arguments": {}}, {"name": "look", "arguments": {}}]}
    async with model_server([both, {"text": "I see"}]) as server:
        session = MemorySession(model(server), {"never": never, "look": succeed})
        task = asyncio.create_task(session.ask("Go"))
        while not session.journal.of("tool.started"):
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        outcome = await session.ask("Where were we?")
        asked = server.requests[1].body["messages"]
    assert outcome.reason == "done"
    assert "may have partly run" in asked[3]["content"]
    assert "Not run" in asked[4]["content"]
    assert session.journal.of("response.completed")[-1]["response"] == "r2"


async def test_the_loop_checks_the_app_when_the_model_forgot():
    async with model_server([call("write_file", path="a"), {"text": "Done!"}]) as server:
        session = MemorySession(model(server), {"write_file": succeed, "check_app": succeed})
        outcome = await session.ask("Write")
        assert len(server.requests) == 2
    assert outcome.reason == "done"
    assert outcome.message == ""
    (check,) = [c for c in session.journal.of("tool.started") if c["tool"] == "check_app"]
    assert check["by"] == "loop"
    assert check["call"] == "r2.check"


async def test_the_loop_does_not_check_again_what_the_model_checked():
    steps = [call("write_file", path="a"), call("check_app"), {"text": "Done!"}]
    async with model_server(steps) as server:
        session = MemorySession(model(server), {"write_file": succeed, "check_app": succeed})
        await session.ask("Write")
    checks = [c for c in session.journal.of("tool.started") if c["tool"] == "check_app"]
    assert [c["by"] for c in checks] == ["agent"]


async def test_a_turn_that_changes_nothing_is_not_checked():
    async with model_server([call("look"), {"text": "It is a task board."}]) as server:
        session = MemorySession(model(server), {"look": succeed, "check_app": fail})
        outcome = await session.ask("What is this?")
    assert outcome.reason == "done"
    assert [c["tool"] for c in session.journal.of("tool.started")] == ["look"]


async def test_what_a_check_finds_is_told_to_the_model_which_repairs_it():
    verdicts = iter([ToolResult("src/App.tsx:3 Type error", "1 problem", ok=False), ToolResult("No problems", "Clean")])
    steps = [
        call("write_file", path="a", n=1),
        {"text": "Done!"},
        call("write_file", path="a", n=2),
        {"text": "Fixed."},
    ]
    async with model_server(steps) as server:
        session = MemorySession(model(server), {"write_file": succeed, "check_app": lambda arguments: next(verdicts)})
        outcome = await session.ask("Write")
        told = server.requests[2].body["messages"][-1]
    assert outcome.reason == "done"
    assert outcome.message == ""
    assert told["role"] == "user"
    assert "not from the person" in told["content"]
    assert "Type error" in told["content"]


async def test_problems_that_stay_are_not_hidden():
    steps = [call("write_file", path="a"), *[{"text": "Done, really."}] * 9]
    async with model_server(steps) as server:
        session = MemorySession(model(server), {"write_file": succeed, "check_app": fail})
        outcome = await session.ask("Write")
        assert len(server.requests) == 4
    assert outcome.reason == "done"
    assert "problems remain" in outcome.message


async def test_the_same_failing_edit_three_times_ends_the_turn():
    async with model_server([call("edit_file", path="src/App.tsx")] * 9) as server:
        outcome = await MemorySession(model(server), {"edit_file": fail}).ask("Edit")
        assert len(server.requests) == 3
    assert outcome.reason == "limit"
    assert "edit_file src/App.tsx" in outcome.message
    assert "restore" in outcome.hint


async def test_the_same_step_with_the_same_result_four_times_ends_the_turn():
    async with model_server([call("look", path="a")] * 9) as server:
        outcome = await MemorySession(model(server), {"look": succeed}).ask("Look")
        assert len(server.requests) == 4
    assert outcome.reason == "limit"


@pytest.mark.parametrize("places", ["ab", "abc"])
async def test_going_back_and_forth_ends_the_turn(places: str):
    async with model_server([call("look", path=place) for place in places] * 9) as server:
        outcome = await MemorySession(model(server), {"look": succeed}).ask("Look")
        assert len(server.requests) == 3 * len(places)
    assert outcome.reason == "limit"
    assert "back and forth" in outcome.message


async def test_the_same_step_with_new_results_is_progress():
    count = iter(range(99))
    steps = [*[call("look", path="a")] * 8, {"text": "Done"}]
    async with model_server(steps) as server:
        session = MemorySession(model(server), {"look": lambda arguments: ToolResult(f"line {next(count)}", "ok")})
        outcome = await session.ask("Look")
    assert outcome.reason == "done"
