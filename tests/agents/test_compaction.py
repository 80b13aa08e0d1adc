"""A history that is shortened before it grows too long: over the wire, with the model on loopback."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from agents.memory_session import MemorySession
from model_server import ModelServer, model_server

from jupyter_appbuilder.agents import compaction
from jupyter_appbuilder.models.openai_compatible import Endpoint, OpenAICompatibleModel
from jupyter_appbuilder.models.profile import FULL
from jupyter_appbuilder.tools.base import ToolResult
from jupyter_appbuilder.usage.budgets import BudgetSettings
from jupyter_appbuilder.usage.quotas import LocalQuotas
from jupyter_appbuilder.usage.spending import Spending

TEXT = "The quick brown fox. " * 200  # 4,200 characters
SUMMARY = {"text": "## Goal\nA zoo of foxes.\n## Next step\nThe fourth fox."}


def model(server: ModelServer) -> OpenAICompatibleModel:
    return OpenAICompatibleModel(Endpoint("test", "Test", server.url, "key-123456"), "scripted")


def look(n: int, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{"name": "look", "arguments": {"n": n}}], **more}


def found(arguments: dict[str, Any]) -> ToolResult:
    return ToolResult(f"{arguments['n']}: {TEXT}", f"Looked at {arguments['n']}", detail={})


def asks_for_summary(request: Any) -> bool:
    return request.body["messages"][0]["content"] == compaction.INSTRUCTIONS


def session_with(server: ModelServer, **options: Any) -> MemorySession:
    return MemorySession(model(server), {"look": found}, profile=replace(FULL, compact_at=5_000), **options)


async def test_a_history_that_reaches_the_threshold_goes_on_as_a_summary_and_the_newest_steps():
    usage = {"prompt_tokens": 5_100, "completion_tokens": 40}
    steps = [look(1), look(2), look(3), look(4, usage=usage), SUMMARY, look(5), {"text": "All seen."}]
    async with model_server(steps) as server:
        session = session_with(server)
        outcome = await session.ask("Look at all the foxes")
        requests = [r for r in server.requests if not asks_for_summary(r)]
    assert (outcome.reason, outcome.message) == ("done", "")
    (compacted,) = session.journal.of("history.compacted")
    assert compacted["written_by"] == "model"
    assert compacted["tokens_before"] >= 5_100 > 2 * compacted["tokens_after"]
    after = requests[4].body["messages"]
    assert "A zoo of foxes." in after[1]["content"]
    assert "Looked at 1" in after[1]["content"]
    assert after[1]["content"].endswith("\n\nLook at all the foxes")  # what was asked stays as it was said
    assert after[-1]["content"].startswith("4: The quick")  # what the last step gave stays whole
    assert len(json.dumps(after)) < len(json.dumps(requests[3].body["messages"])) / 2
    # What follows only appends again.
    assert requests[5].body["messages"][: len(after)] == after
    assert session.journal.batches[[b[0] for b in session.journal.batches].index("history.compacted")] == [
        "history.compacted",
        "usage.recorded",
    ]


async def test_the_person_sees_that_it_is_being_shortened():
    steps = [look(1), look(2, usage={"prompt_tokens": 5_100, "completion_tokens": 1}), SUMMARY, {"text": "Seen."}]
    async with model_server(steps) as server:
        session = session_with(server)
        await session.ask("Look")
    shown = [data for type, data in session.journal.shown if type == "progress" and data["what"] == "memory"]
    assert "Shortening" in shown[0]["message"]
    assert shown[-1]["fraction"] == 1


@pytest.mark.parametrize(
    "answer",
    [{"text": ""}, {"status": 400, "body": {"error": {"message": "No."}}}, {"text": "Half", "drop_after": 2}, look(9)],
    ids=["empty", "refused", "broken off", "a call instead"],
)
async def test_without_a_summary_from_the_model_the_log_gives_one(answer: dict[str, Any]):
    steps = [look(1), look(2), look(3), look(4, usage={"prompt_tokens": 5_100, "completion_tokens": 1}), answer]
    async with model_server([*steps, {"text": "All seen."}]) as server:
        session = session_with(server)
        outcome = await session.ask("Look at all the foxes")
        last = server.requests[-1].body["messages"]
    assert outcome.reason == "done"
    (compacted,) = session.journal.of("history.compacted")
    assert compacted["written_by"] == "log"
    assert "Look at all the foxes" in compacted["summary"]
    assert "Looked at 2" in last[1]["content"]
    assert session.journal.of("response.completed")[-1]["text"] == "All seen."


async def test_a_conversation_that_the_provider_calls_too_long_is_shortened_and_asked_again():
    refusal = {"status": 400, "body": {"error": {"message": "This model's maximum context length is 4096 tokens."}}}
    async with model_server([look(1), look(2), refusal, SUMMARY, {"text": "All seen."}]) as server:
        session = MemorySession(model(server), {"look": found})
        outcome = await session.ask("Look")
        assert len(server.requests) == 5
        assert len(json.dumps(server.requests[4].body)) < len(json.dumps(server.requests[2].body)) / 2
    assert outcome.reason == "done"
    assert len(session.journal.of("history.compacted")) == 1


async def test_a_model_that_calls_everything_too_long_ends_the_turn_with_a_next_step():
    refusal = {"status": 400, "body": {"error": {"message": "Too many tokens: context length exceeded."}}}
    async with model_server([look(1), look(2), *[refusal] * 9]) as server:
        session = MemorySession(model(server), {"look": found})
        outcome = await session.ask("Look")
        assert len(server.requests) == 5  # the summary was refused too; then it was asked once more
    assert outcome.reason == "failed"
    assert outcome.hint


async def test_what_the_person_asked_in_earlier_turns_is_kept_word_for_word():
    steps: list[Any] = [{"text": f"Seen {n}. {TEXT}"} for n in range(4)]
    steps[-1] |= {"usage": {"prompt_tokens": 9_000, "completion_tokens": 1}}
    async with model_server([*steps, SUMMARY, {"text": "Fine."}]) as server:
        session = session_with(server)
        for n in range(4):
            await session.ask(f"Request {n}: a fox in «colour {n}»\n\nand a second line")
        await session.ask("And now?")
        last = server.requests[-1].body["messages"]
    assert session.journal.of("history.compacted")[0]["turn"] == "t5"
    for n in range(4):
        assert f"> Request {n}: a fox in «colour {n}»" in last[1]["content"]
    assert last[-1]["content"].endswith("\n\nAnd now?")
    assert len(last) == 2


async def test_a_provider_that_counts_wrong_does_not_have_it_shortened_again_and_again():
    wrong = {"usage": {"prompt_tokens": 10**9, "completion_tokens": 1}}
    steps = [look(n, **wrong) for n in range(12)]
    steps.insert(2, SUMMARY)
    async with model_server([*steps, {"text": "Seen."}], models=("scripted",)) as server:
        session = session_with(server)
        await session.ask("Look")
    assert 1 <= len(session.journal.of("history.compacted")) <= 6


async def test_a_summary_is_within_the_budget_too(tmp_path: Any):
    steps = [look(1), look(2), look(3, usage={"prompt_tokens": 5_100, "completion_tokens": 1}), SUMMARY]
    async with model_server(steps) as server:
        settings = BudgetSettings(tmp_path / "budgets.json", {("turn", "tokens"): 5_500})
        session = session_with(server, spending=Spending("test:scripted", quotas=LocalQuotas(settings)))
        outcome = await session.ask("Look")
        assert not any(asks_for_summary(request) for request in server.requests)
    assert outcome.reason == "budget"
    assert session.journal.of("history.compacted") == []


async def test_ten_thousand_events_of_an_old_log_are_shortened_before_they_are_sent():
    from jupyter_appbuilder.events import Draft

    async with model_server([SUMMARY, {"text": "Going on."}]) as server:
        session = MemorySession(model(server), {"look": found})
        usage = {"input_tokens": 0, "output_tokens": 0, "cached_tokens": 0, "cost": None, "estimated": True}
        for n in range(2_000):
            call = {"call": f"r{n}.0", "id": "", "tool": "look", "arguments": '{"n": 1}'}
            answer = {"turn": "t0", "response": f"r{n}", "model": "m", "recorded": False, "text": "", "usage": usage}
            result = {
                "turn": "t0",
                "call": f"r{n}.0",
                "tool": "look",
                "ok": True,
                "summary": "Looked",
                "text": "A fox.",
            }
            await session.journal.append(
                Draft("response.completed", answer | {"tool_calls": [call], "finish_reason": "tool_calls"}),
                Draft("tool.finished", result | {"detail": {}, "duration_ms": 1}),
            )
        outcome = await session.ask("Go on")
        assert [m["role"] for m in server.requests[-1].body["messages"]] == ["system", "user"]
    assert outcome.reason == "done"
