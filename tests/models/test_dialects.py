"""Endpoints with habits of their own: what they add comes back to them, and what they refuse is told in another way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from agents.memory_session import MemorySession
from growth import STRAIGHT, TIMES, growth
from model_server import ModelServer, model_server

from jupyter_appbuilder.agents.history import call_id
from jupyter_appbuilder.models.adaptive import AdaptiveModel
from jupyter_appbuilder.models.additions import MOST, Additions
from jupyter_appbuilder.models.base import NOTE, ToolDefinition
from jupyter_appbuilder.models.capabilities import CapabilityStore
from jupyter_appbuilder.models.completions import Assembly
from jupyter_appbuilder.models.dialects import (
    BLANK_THOUGHTS,
    Dialect,
    known_dialect,
    other_form,
    plain_schema,
    translate,
    translate_tools,
)
from jupyter_appbuilder.models.openai_compatible import Endpoint, OpenAICompatibleModel
from jupyter_appbuilder.tools.base import ToolResult

Judge = Callable[[Any], str]
SAID = {"text": "All is done."}


def adaptive(server: ModelServer, folder: Path, provider: str = "test", name: str = "m") -> AdaptiveModel:
    endpoint = Endpoint(provider, provider, server.url, "key-" + "k" * 20)
    return AdaptiveModel(OpenAICompatibleModel(endpoint, name), CapabilityStore(folder / "models.json"))


def session_with(model: AdaptiveModel) -> MemorySession:
    return MemorySession(model, {"look": lambda arguments: ToolResult(f"Saw {json.dumps(arguments)}.", "Looked")}, ())


def look(n: int, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{"name": "look", "arguments": {"n": n}, **more}]}


def all_calls(body: Any) -> list[dict[str, Any]]:
    return [call for message in body["messages"] for call in message.get("tool_calls") or []]


# What a provider adds comes back to it


def wants_reasoning(body: Any) -> str:
    bare = [m for m in body["messages"] if m["role"] == "assistant" and not m.get("reasoning_content")]
    return "The `reasoning_content` in the thinking mode must be passed back to the API." if bare else ""


async def test_reasoning_is_shown_and_comes_back_on_its_own_message(tmp_path: Path):
    steps = [
        look(1) | {"reasoning": "First I look."},
        look(2) | {"reasoning": "Once more."},
        SAID | {"reasoning": "Ok"},
    ]
    async with model_server(steps, judge=wants_reasoning) as server:
        session = session_with(adaptive(server, tmp_path))
        outcome = await session.ask("Look around")
        bodies = [request.body["messages"] for request in server.requests]
    assert (outcome.reason, outcome.message) == ("done", "")
    assert [m.get("reasoning_content") for m in bodies[-1] if m["role"] == "assistant"] == [
        "First I look.",
        "Once more.",
    ]
    assert bodies[-1][: len(bodies[1])] == bodies[1]  # the prompt only grows
    first, *_, last = session.journal.of("response.completed")
    assert (first["reasoning"], first["text"], last["text"]) == ("First I look.", "", "All is done.")
    live = [
        (kind, data["text"]) for kind, data in session.journal.shown if data.get("response") == "r1" and "text" in data
    ]
    assert {kind for kind, _ in live} == {"reasoning.delta"}
    assert "".join(text for _, text in live) == "First I look."


async def test_what_a_provider_added_to_a_call_comes_back_on_that_call_to_it_alone(tmp_path: Path):
    def signed(body: Any) -> str:
        return "" if all(c.get("extra_content") for c in all_calls(body)) else "a call came back without its signature"

    signature = {"google": {"thought_signature": "c2ln"}}
    details = [{"type": "reasoning.encrypted", "data": "b3BhcXVl", "index": 0}]
    step = look(1, more={"extra_content": signature}) | {"deltas": [{"reasoning_details": details}]}
    async with model_server([step, SAID], judge=signed) as server, model_server([SAID]) as other:
        session = session_with(adaptive(server, tmp_path))
        assert (await session.ask("Look around")).reason == "done"
        back = server.requests[-1].body["messages"][2]
        elsewhere = session_with(adaptive(other, tmp_path))
        elsewhere.journal.stored += session.journal.stored
        elsewhere.turns = 1
        assert (await elsewhere.ask("And now?")).reason == "done"
        told = other.requests[-1].body
    assert back["tool_calls"][0]["extra_content"] == signature
    assert back["reasoning_details"] == details
    assert "c2ln" not in json.dumps(told)
    assert "reasoning_details" not in json.dumps(told)
    assert all(re.fullmatch("[a-z0-9]{9}", call["id"]) for call in all_calls(told))
    sent = json.dumps([event.to_json() for event in session.journal.stored])
    assert "c2ln" not in sent  # no client is sent it


async def test_content_in_parts_is_joined_without_its_thinking_which_comes_back(tmp_path: Path):
    def part(text: str) -> dict[str, Any]:
        return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}

    steps = [
        look(1) | {"deltas": [part("I "), part("look.")]},
        {"deltas": [part("Hm."), {"content": [{"type": "text", "text": "All is"}]}, {"content": " done."}]},
        SAID,
    ]
    async with model_server(steps) as server:
        session = session_with(adaptive(server, tmp_path))
        assert (await session.ask("Look around")).reason == "done"
        await session.ask("Thanks")
        told = [m for m in server.requests[-1].body["messages"] if m["role"] == "assistant"]
    first, second, _ = session.journal.of("response.completed")
    assert (first["text"], first["reasoning"]) == ("", "I look.")
    assert (second["text"], second["reasoning"]) == ("All is done.", "Hm.")
    assert told[0]["content"] == [{"type": "thinking", "thinking": [{"type": "text", "text": "I look."}]}]
    assert told[1]["content"][1:] == [{"type": "text", "text": "All is done."}]


async def test_thinking_in_tags_is_reasoning_and_no_part_of_the_answer(tmp_path: Path):
    async with model_server([look(1), {"text": "<think>\nI weigh it.\n</think>\n\nAll is done.", "size": 3}]) as server:
        session = session_with(adaptive(server, tmp_path))
        await session.ask("Look around")
    last = session.journal.of("response.completed")[-1]
    assert (last["text"].strip(), last["reasoning"].strip()) == ("All is done.", "I weigh it.")


def test_additions_are_put_together_from_their_pieces():
    additions = Additions()
    for piece in (
        {"reasoning_details": [{"type": "reasoning.text", "text": "One ", "index": 0, "format": "f"}]},
        {"reasoning_details": [{"type": "reasoning.text", "text": "two", "index": 0, "format": "f"}], "content": "x"},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "abc", "index": 0}]},
        {"reasoning_details": [{"type": "reasoning.text", "signature": "sig", "index": 0}], "refusal": None},
        {"vendor": {"score": 1, "odd": float("nan"), "huge": 10**5000, "note": "a\ud800"}},
    ):
        additions.take_message(piece)
    whole = additions.whole("me", 0, lambda text: text)
    text = {"type": "reasoning.text", "text": "One two", "index": 0, "format": "f", "signature": "sig"}
    assert whole["message"] == {
        "reasoning_details": [text, {"type": "reasoning.encrypted", "data": "abc", "index": 0}],
        "vendor": {"score": 1, "note": "a?"},
    }
    json.dumps(whole, allow_nan=False).encode()


@pytest.mark.parametrize("kind", ["long", "deep"])
def test_additions_without_end_are_left_out_whole(kind: str):
    additions = Additions()
    additions.take_message({"kept": "x"})
    deep: Any = "x"
    for _ in range(200):
        deep = {"in": deep}
    for _ in range(MOST // 1000 + 2):
        additions.take_message({"long": "x" * 1000} if kind == "long" else {"deep": deep})
    assert additions.whole("me", 1, lambda text: text) == {"by": "me", "message": {}, "calls": []}


def test_content_in_many_parts_is_put_together_in_time():
    def put_together(parts: int) -> None:
        assembly = Assembly(by="me")
        for _ in range(parts):
            assembly.take({"choices": [{"delta": {"content": [{"type": "text", "text": "x" * 200}]}}]})
        assert assembly.response().text == "x" * 200 * parts

    assert growth(put_together, 20_000, 20_000 // TIMES) < STRAIGHT


async def test_a_key_that_comes_back_in_an_addition_is_taken_out(tmp_path: Path):
    async with model_server([look(1) | {"deltas": [{"vendor": {"debug": "key-" + "k" * 20}}]}, SAID]) as server:
        session = session_with(adaptive(server, tmp_path))
        await session.ask("Look")
    assert "kkkkkkkk" not in json.dumps([dict(event.data) for event in session.journal.stored])


# Dialects


def ordered(body: Any) -> str:
    after = any(a["role"] == "tool" and b["role"] == "user" for a, b in pairwise(body["messages"]))
    return "Unexpected role 'user' after role 'tool'" if after else ""


def nine(body: Any) -> str:
    bad = [call["id"] for call in all_calls(body) if not re.fullmatch("[a-zA-Z0-9]{9}", call["id"])]
    return f"Tool call id was {bad[0]} but must be a-z, A-Z, 0-9, with a length of 9." if bad else ""


def alternate(body: Any) -> str:
    pairs = pairwise(body["messages"])
    both = any(a["role"] == b["role"] == "user" for a, b in pairs)
    return "Conversation roles must alternate user/assistant/user/assistant/..." if both else ""


def no_null(body: Any) -> str:
    null = any(m["role"] == "assistant" and m.get("content") is None for m in body["messages"])
    return "content has to be text, not null" if null else ""


def no_empty(body: Any) -> str:
    empty = any(m["role"] == "assistant" and m.get("content", "x") in ("", None) for m in body["messages"])
    return "messages: text content blocks must be non-empty" if empty else ""


def no_system(body: Any) -> str:
    return "System role not supported" if body["messages"][0]["role"] == "system" else ""


def one_call(body: Any) -> str:
    several = any(len(m.get("tool_calls") or ()) > 1 for m in body["messages"])
    return "This model only supports single tool-calls at once!" if several else ""


def no_extra(body: Any) -> str:
    bad = any("reasoning_content" in m for m in body["messages"])
    return "'messages.2': property 'reasoning_content' is unsupported" if bad else ""


def plain_only(body: Any) -> str:
    bare = any(t["function"].get("parameters") == {"type": "object"} for t in body["tools"])
    return "parameters.properties: should be non-empty for OBJECT type" if bare else ""


def no_usage(body: Any) -> str:
    return "Extra inputs are not permitted: stream_options" if "stream_options" in body else ""


@pytest.mark.parametrize(
    "judge", [ordered, nine, alternate, no_null, no_empty, no_system, one_call, no_extra, plain_only, no_usage]
)
async def test_what_an_endpoint_refuses_is_told_in_another_way_and_remembered(tmp_path: Path, judge: Judge):
    two = {"tool_calls": [{"name": "look", "arguments": {"n": 1}, "id": "a-b.c"}, {"name": "look", "arguments": {}}]}
    steps = [two | {"reasoning": "Hm."}, look(3), SAID, look(4), SAID]
    async with model_server(steps, judge=judge) as server:
        session = session_with(adaptive(server, tmp_path))
        assert await ask_twice(session) == ["done", "done"]
        refused = sum(1 for request in server.requests if judge(request.body))
        again = session_with(adaptive(server, tmp_path))  # another process
        again.journal.stored += session.journal.stored
        again.turns = session.turns
        before = len(server.requests)
        assert (await again.ask("Once more")).reason == "done"
        later = [judge(request.body) for request in server.requests[before:]]
    assert refused <= 2  # the form that was refused is not tried again
    assert not any(later)


async def ask_twice(session: MemorySession) -> list[str]:
    """Two turns; the first one is stopped right behind a tool's result, as a person's Stop does."""
    outcomes = [(await session.ask("Look around")).reason]
    stored = session.journal.stored
    last = next(e for e in reversed(stored) if e.type == "tool.finished")
    del stored[last.seq :]  # the answer to it was never given
    session.history = type(session.history)(session.journal.events, "You build apps.")
    session.agent._history = session.agent._asking._history = session.history
    outcomes.append((await session.ask("Please go on")).reason)
    return outcomes


async def test_a_refusal_that_no_other_form_answers_is_no_loop(tmp_path: Path):
    said = "content null reasoning_content missing tool call id invalid 'system' role unsupported after tool user"
    async with model_server([SAID], judge=lambda body: said) as server:
        outcome = await session_with(adaptive(server, tmp_path)).ask("Hello")
        asked = len(server.requests)
    assert outcome.reason == "failed"
    assert asked < 10


async def test_a_session_changes_its_model_in_the_middle_and_back(tmp_path: Path):
    dashes = [look(1, id="tool_0-a"), SAID, look(3, id="tool_0-a"), SAID]
    async with (
        model_server(dashes) as first,
        model_server([look(2, id="abcdef001"), SAID], judge=lambda body: ordered(body) or nine(body)) as second,
    ):
        one, two = adaptive(first, tmp_path, "one"), adaptive(second, tmp_path, "two")
        session = session_with(one)
        assert (await session.ask("Look")).reason == "done"
        for model in (two, one):
            next_one = session_with(model)
            next_one.journal.stored += session.journal.stored
            next_one.turns = session.turns
            session = next_one
            assert (await session.ask("Look again")).reason == "done"
        ids = [call["id"] for call in all_calls(first.requests[-1].body)]
    assert ids == ["tool_0-a", call_id("r3.0"), call_id("r5.0")]  # its own comes back, each id stands for one call


def test_words_and_notes_that_follow_each_other_are_one_message_and_say_whose_they_are():
    note, words = f"{NOTE}\n\nA file changed.", "Make it blue"
    told = translate([{"role": "user", "content": note}, {"role": "user", "content": words}], Dialect(), "me")
    (message,) = told
    assert message["content"].endswith(f"{note}\n\n[The person says]\n\n{words}")
    assert not message["content"].startswith(NOTE)
    assert translate([{"role": "user", "content": words}], Dialect(), "me") == [{"role": "user", "content": words}]


def test_a_model_that_wants_reasoning_gets_a_blank_one_where_another_model_answered():
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    told = translate(history, known_dialect("deepseek api.deepseek.com", "deepseek-v4-pro"), "me")
    assert told[1] == {"role": "assistant", "content": "Hello", "reasoning_content": BLANK_THOUGHTS}


def test_gemini_gets_googles_stand_in_for_a_signature_that_another_model_does_not_give():
    calls = [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}} for _ in range(2)]
    dialect = known_dialect("custom generativelanguage.googleapis.com", "gemini-3-pro")
    (told,) = translate([{"role": "assistant", "content": None, "tool_calls": calls}], dialect, "me")
    assert ["extra_content" in call for call in told["tool_calls"]] == [True, False]


def test_a_schema_is_told_without_references_choices_and_empty_objects():
    schema: dict[str, Any] = {
        "type": "object",
        "$defs": {"Edit": {"type": "object", "properties": {"to": {"$ref": "#/$defs/To"}}, "required": ["to"]}},
        "properties": {
            "edits": {"type": "array", "items": {"$ref": "#/$defs/Edit"}, "default": []},
            "line": {"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "Where."},
            "more": {"type": "object"},
        },
        "required": ["edits"],
        "additionalProperties": False,
    }
    schema["$defs"]["To"] = {"type": ["string", "null"]}
    assert plain_schema(schema) == {
        "type": "object",
        "properties": {
            "edits": {
                "type": "array",
                "items": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
            },
            "line": {"type": "integer", "description": "Where."},
            "more": {"type": "string", "description": "(a JSON object, as text)"},
        },
        "required": ["edits"],
    }
    endless: dict[str, Any] = {"$defs": {"A": {"type": "array", "items": {"$ref": "#/$defs/A"}}}, "$ref": "#/$defs/A"}
    json.dumps(plain_schema(endless))
    tool: ToolDefinition = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    assert translate_tools([tool], Dialect(schemas="plain")) == [{"type": "function", "function": {"name": "f"}}]
    assert translate_tools([tool], Dialect()) == [tool]


@pytest.mark.parametrize(
    "said",
    [
        "",
        "The model `m` does not exist",
        "This model's maximum context length is 8192 tokens, however the messages content has 9000",
        "You exceeded your current quota",
    ],
)
def test_other_refusals_change_nothing(said: str):
    body = {"messages": [{"role": "user", "content": "Hi"}], "tools": [{"function": {"name": "f"}}], "max_tokens": 9}
    assert other_form(Dialect(), said, body) is None


@pytest.mark.parametrize(
    "said",
    [
        "The `reasoning_content` in the thinking mode must be passed back to the API.",
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
        "Reasoning content must be passed back and must not be empty",
        "messages.1.reasoning_content: Input should be a valid string",
    ],
)
def test_what_is_said_of_the_reasoning_is_not_said_of_the_content(said: str):
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    asked = {"role": "assistant", "content": None, "tool_calls": [call]}
    body = {"messages": [{"role": "user", "content": "Hi"}, asked], "max_tokens": 9}
    for dialect in (Dialect(), Dialect(thoughts=True)):
        found = other_form(dialect, said, body)
        assert found is None or found == replace(dialect, thoughts=True), said
    assert other_form(Dialect(thoughts=True), "messages.1.content must not be null", body) == Dialect(
        thoughts=True, blank="text"
    )
