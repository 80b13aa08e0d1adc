"""Models that cannot call tools: found out once, then held to one JSON object an answer. Same loop, same log."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from building import call, scripted_builder, write
from growth import STRAIGHT, growth, shorter
from model_server import ModelServer, Step, model_server
from plain_app import plain

from jupyter_appbuilder.models.adaptive import UNDECIDED, AdaptiveModel
from jupyter_appbuilder.models.base import (
    ModelError,
    ModelResponse,
    ModelSettings,
    TextDelta,
    ToolCallDelta,
)
from jupyter_appbuilder.models.capabilities import CapabilityStore
from jupyter_appbuilder.models.object_answer import ObjectReader, Thoughts, without_thoughts
from jupyter_appbuilder.models.openai_compatible import Endpoint, OpenAICompatibleModel
from jupyter_appbuilder.models.tool_objects import answer_schema, plain_messages

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "write_file",
            "description": "Write a file.",
            "parameters": {
                "type": "object",
                "properties": {"path": {"type": "string", "maxLength": 99}, "content": {"type": "string"}},
                "required": ["path", "content"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "read_file",
            "description": "Read a file.",
            "parameters": {
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "start_line": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
                },
                "required": ["path"],
            },
        },
    },
]
HELLO = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Write a note."}]
NOTE = {"path": "notes.txt", "content": 'first "line"\nsecond\\ {line}\n'}
CALL = json.dumps({"tool": "write_file", "arguments": NOTE})


def said(tool: str, **arguments: Any) -> Step:
    return {"text": json.dumps({"tool": tool, "arguments": arguments})}


class Stage:
    """A server, what is known of its models, and a model there."""

    def __init__(self, server: ModelServer, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def model(self, name: str = "scripted", url: str = "", **options: Any) -> AdaptiveModel:
        endpoint = Endpoint("custom", "The endpoint", url or self.server.url, "sk-test-not-a-secret")
        return AdaptiveModel(
            OpenAICompatibleModel(endpoint, name), CapabilityStore(self.folder / "models.json"), **options
        )

    async def ask(self, model: AdaptiveModel | None = None, messages: Any = HELLO) -> tuple[list[Any], ModelResponse]:
        items = [item async for item in (model or self.model()).stream(messages, TOOLS, ModelSettings())]
        assert isinstance(items[-1], ModelResponse)
        return items[:-1], items[-1]


@contextlib.asynccontextmanager
async def stage(folder: Path, steps: Sequence[Step], **options: Any) -> AsyncIterator[Stage]:
    async with model_server(steps, **options) as server:
        yield Stage(server, folder)


def arguments(response: ModelResponse) -> dict[str, Any]:
    return json.loads(response.tool_calls[0].arguments)


# How it is found out


async def test_a_model_that_calls_tools_is_known_by_its_first_answer_at_no_extra_cost(tmp_path: Path):
    async with stage(tmp_path, [{"tool_calls": [write("a", "b")]}, {"text": '{"tool": "write_file"}'}]) as on:
        _, first = await on.ask()
        _, second = await on.ask()
        assert first.tool_calls[0].name == "write_file"
        assert second.text == '{"tool": "write_file"}', "of a model that calls tools, text is text"
        assert len(on.server.requests) == 2
        assert on.server.other_requests == []


async def test_a_model_that_only_talks_is_tried_once_and_its_answer_kept_if_it_can(tmp_path: Path):
    async with stage(tmp_path, [{"text": "Which colour?"}, {"text": "And which size?"}]) as on:
        _, first = await on.ask()
        _, second = await on.ask()
        assert (first.text, second.text) == ("Which colour?", "And which size?")
        assert first.usage.input_tokens == 190, "the trial's tokens are counted"
        assert second.usage.input_tokens == 100
        assert len(on.server.other_requests) == 1


async def test_a_model_that_only_talks_and_ignores_tools_is_asked_in_another_way(tmp_path: Path):
    steps = [{"text": "Sure! Here is how you write a note."}, said("write_file", **NOTE), said("answer", text="Done.")]
    async with stage(tmp_path, steps, tools="ignored") as on:
        model = on.model()
        with pytest.raises(ModelError) as caught:
            await on.ask(model)
        assert caught.value.reason == "interrupted", "what was shown of it is dropped, and the loop asks again"
        _, response = await on.ask(model)
        assert arguments(response) == NOTE
        assert response.usage.input_tokens == 90 + 100, "with the trial; a broken answer is counted by the loop"
        assert "tools" not in on.server.requests[1].body
        _, last = await on.ask()  # another process: it is remembered
        assert (last.text, last.finish_reason) == ("Done.", "stop")
        assert "tools" not in on.server.requests[2].body
        assert len(on.server.other_requests) == 1


async def test_a_call_written_as_text_is_understood_and_the_next_are_held_to_a_schema(tmp_path: Path):
    hermes = "<tool_call>\n" + json.dumps({"name": "write_file", "arguments": NOTE}) + "\n</tool_call>"
    async with stage(tmp_path, [{"text": hermes}, said("answer", text="Done.")], tools="ignored") as on:
        deltas, response = await on.ask()
        assert arguments(response) == NOTE
        assert response.finish_reason == "tool_calls"
        assert not [delta for delta in deltas if isinstance(delta, TextDelta)], "the person sees no JSON"
        await on.ask()
        assert on.server.requests[1].body["response_format"]["type"] == "json_schema"
        assert len(on.server.other_requests) == 1, "a trial tells that it calls no tools"


async def test_a_model_that_writes_a_call_as_text_now_and_then_goes_on_calling_tools(tmp_path: Path):
    hermes = "I do.\n<tool_call>\n" + json.dumps({"name": "write_file", "arguments": NOTE}) + "\n</tool_call>"
    async with stage(tmp_path, [{"text": hermes}, {"text": hermes}, {"tool_calls": [write("a", "b")]}]) as on:
        for _ in range(2):
            _, response = await on.ask()
            assert (response.text, arguments(response)) == ("I do.", NOTE)
        await on.ask()
        assert all("tools" in request.body for request in on.server.requests)
        assert len(on.server.other_requests) == 1, "one trial is enough"


async def test_what_looks_like_a_call_and_is_none_is_not_shown_before_it_is_known_what_it_is(tmp_path: Path):
    fenced = {"text": "```html\n<h1>Hello</h1>\n```"}
    async with stage(tmp_path, [fenced, said("write_file", **NOTE)], tools="ignored") as on:
        deltas, response = await on.ask()
        assert arguments(response) == NOTE
        assert not [delta for delta in deltas if isinstance(delta, TextDelta)]
        assert response.usage.input_tokens == 100 + 90 + 100, "all that was asked for is counted"


async def test_nothing_in_the_middle_of_an_answer_is_held_back(tmp_path: Path):
    text = "So it goes: " + "`a` <b> [c] {d} ```\n{e}\n``` <tool_call> " * 20
    async with stage(tmp_path, [{"text": text, "size": 3}]) as on:
        deltas, response = await on.ask()
        pieces = [delta.text for delta in deltas if isinstance(delta, TextDelta)]
        assert "".join(pieces) == response.text == text
        assert max(map(len, pieces)) <= 3, "each piece is shown as it comes"


async def test_what_begins_like_a_call_is_shown_once_it_is_clear_that_it_is_none(tmp_path: Path):
    text = "```html\n" + "<p>{ Hello }</p>\n" * 100 + "```"
    async with stage(tmp_path, [{"text": text, "size": 10}]) as on:
        deltas, response = await on.ask()
        pieces = [delta.text for delta in deltas if isinstance(delta, TextDelta)]
        assert "".join(pieces) == response.text == text
        assert len(pieces[0]) <= UNDECIDED + 10
        assert max(map(len, pieces[1:])) <= 10


async def test_a_file_shows_while_a_call_is_written_as_text(tmp_path: Path):
    long = {"path": "notes.txt", "content": "a line\n" * 200}
    hermes = "<tool_call>\n" + json.dumps({"name": "write_file", "arguments": long}) + "\n</tool_call>"
    async with stage(tmp_path, [{"text": hermes, "size": 10}]) as on:
        deltas, response = await on.ask()
        assert arguments(response) == long
        assert not [delta for delta in deltas if isinstance(delta, TextDelta)]
        assert json.loads("".join(delta.arguments for delta in deltas)) == long
        assert len(deltas) > 20


async def test_a_call_in_a_models_own_markup_behind_words_is_read(tmp_path: Path):
    markup = "<function=write_file>\n<parameter=path>\nnotes.txt\n</parameter>\n<parameter=content>\nhi\n</parameter>\n"
    steps = [{"text": f"I write it.\n{markup}</function>\n</tool_call>"}, said("answer", text="Done.")]
    async with stage(tmp_path, steps, tools="ignored") as on:
        _, response = await on.ask()
        assert (response.text, response.finish_reason) == ("I write it.", "tool_calls")
        assert arguments(response) == {"path": "notes.txt", "content": "hi"}
        await on.ask()
        assert "response_format" in on.server.requests[1].body, "the next are held to a schema"


async def test_an_object_among_words_is_not_run_but_asked_for_in_another_way(tmp_path: Path):
    quoting = {"text": f"The file holds ```json\n{CALL}\n``` as I read it."}
    async with stage(tmp_path, [quoting, said("answer", text="Done.")], tools="ignored") as on:
        model = on.model()
        with pytest.raises(ModelError) as caught:
            await on.ask(model)
        assert caught.value.reason == "interrupted"
        _, response = await on.ask(model)
        assert (response.text, response.tool_calls) == ("Done.", ())


async def test_an_endpoint_that_refuses_tools_is_asked_in_another_way_at_once(tmp_path: Path):
    async with stage(tmp_path, [said("write_file", **NOTE), said("answer", text="Done.")], tools="refused") as on:
        _, response = await on.ask()
        assert arguments(response) == NOTE
        await on.ask()
        assert [("tools" in request.body) for request in on.server.requests] == [True, False, False]


async def test_what_is_known_belongs_to_the_address(tmp_path: Path):
    async with stage(tmp_path, [said("answer", text="1")], tools="refused") as on:
        await on.ask()
        assert on.model().capabilities.calling == "schema"
        assert on.model(url=on.server.url.replace("127.0.0.1", "localhost")).capabilities.calling == ""
        assert on.model("another").capabilities.calling == ""
        on.model("another").learn(calling="native")
        assert on.model().capabilities.calling == "schema"
        text = (tmp_path / "models.json").read_text()
        assert "sk-test" not in text
        assert str(on.server.port) not in text, "an address may hold secrets"


async def test_a_trusted_provider_is_never_tried(tmp_path: Path):
    async with stage(tmp_path, [{"text": CALL}], tools="ignored") as on:
        _, response = await on.ask(on.model(trusted=True))
        assert (response.text, response.tool_calls) == (CALL, ())
        assert on.server.other_requests == []


async def test_the_context_window_is_asked_for_once_and_kept(tmp_path: Path):
    async with stage(tmp_path, [], window=8192) as on:
        await on.model().prepare()
        asked = len(on.server.other_requests)
        again = on.model()
        await again.prepare()
        assert again.context_window == 8192
        assert len(on.server.other_requests) == asked


async def test_an_endpoint_that_tells_nothing_is_not_asked_each_time(tmp_path: Path):
    async with stage(tmp_path, []) as on:
        await on.model().prepare()
        asked = len(on.server.other_requests)
        await on.model().prepare()
        assert len(on.server.other_requests) == asked
    assert asked
    nowhere = on.model("later")
    await nowhere.prepare()  # nobody is there: it never fails
    assert (nowhere.context_window, nowhere.capabilities.asked) == (None, False)


async def test_ollama_is_asked_how_much_it_loads_a_model_with_and_what_it_can(tmp_path: Path):
    async with stage(tmp_path, [], window=4096, ollama=True, tools="refused", models=["tiny"]) as on:
        endpoint = Endpoint("ollama", "Ollama", on.server.url)
        model = AdaptiveModel(OpenAICompatibleModel(endpoint, "tiny"), CapabilityStore(None))
        await model.prepare()
        assert model.context_window == 4096, "not the million that the model was trained for"
        assert model.capabilities.calling == "schema"


# How it is asked


async def test_the_strictest_form_that_an_endpoint_takes_is_used_and_remembered(tmp_path: Path):
    for formats, used in (
        (["json_schema"], ["json_schema"]),
        (["json_object"], ["json_schema", "json_object"]),
        ([], ["json_schema", "json_object", "json_object", None]),
    ):
        folder = tmp_path / str(len(used))
        async with stage(folder, [said("write_file", **NOTE)] * 2, tools="refused", formats=formats) as on:
            on.model().learn(calling="schema")
            _, response = await on.ask()
            assert arguments(response) == NOTE
            asked = [(request.body.get("response_format") or {}).get("type") for request in on.server.requests]
            assert asked == used
            await on.ask()
            assert len(on.server.requests) == len(used) + 1


async def test_a_file_shows_while_it_is_written_and_an_answer_as_words(tmp_path: Path):
    async with stage(tmp_path, [{"text": CALL, "size": 5}, said("answer", text='Done:\n"ok" é \U0001f600')]) as on:
        on.model().learn(calling="schema")
        deltas, response = await on.ask()
        pieces = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
        assert pieces[0].name == "write_file"
        assert len(pieces) > 5
        assert json.loads("".join(piece.arguments for piece in pieces)) == arguments(response) == NOTE
        assert response.tool_calls[0].id
        deltas, response = await on.ask()
        assert "".join(delta.text for delta in deltas) == response.text == 'Done:\n"ok" é \U0001f600'


async def test_an_answer_that_names_no_tool_is_sent_back_once(tmp_path: Path):
    steps = [{"text": "I would write the note now."}, said("write_file", **NOTE)]
    async with stage(tmp_path, [*steps, {"text": "All done!"}, {"text": "Really."}]) as on:
        on.model().learn(calling="text")
        _, response = await on.ask()
        assert arguments(response) == NOTE
        assert response.usage.input_tokens == 200
        asked = on.server.requests[1].body["messages"]
        assert [message["role"] for message in asked[-2:]] == ["assistant", "user"]
        assert "JSON object" in asked[-1]["content"]
        deltas, response = await on.ask()
        assert (response.text, response.tool_calls, response.finish_reason) == ("Really.", (), "stop")
        assert deltas == [TextDelta("Really.")]


async def test_an_answer_that_is_cut_off_ends_as_a_call_that_is_cut_off(tmp_path: Path):
    async with stage(tmp_path, [{"text": CALL[:70], "finish_reason": "length"}]) as on:
        on.model().learn(calling="schema")
        _, response = await on.ask()
        assert response.finish_reason == "length"
        (cut,) = response.tool_calls
        assert json.dumps(NOTE).startswith(cut.arguments)


async def test_a_model_that_writes_blanks_for_ever_is_stopped(tmp_path: Path):
    async with stage(tmp_path, [{"text": '{"tool": "write_file", ' + " \n" * 50_000, "delay": 0.001}]) as on:
        on.model().learn(calling="schema")
        _, response = await on.ask()
        assert response.finish_reason == "length"


# What models make of it


@pytest.mark.parametrize(
    "text",
    [
        CALL,
        f"Sure, I write it now:\n```json\n{CALL}\n```\nThat is all.",
        json.dumps({"name": "write_file", "parameters": NOTE}),
        json.dumps({"arguments": NOTE, "tool": "write_file"}),
        json.dumps({"tool": "write_file", "arguments": json.dumps(NOTE)}),
        json.dumps({"tool": "write_file", **NOTE}),
        json.dumps([{"name": "write_file", "arguments": NOTE}]),
        json.dumps({"type": "function", "function": {"name": "write_file", "arguments": json.dumps(NOTE)}}),
        json.dumps({"tool_calls": [{"function": {"name": "write_file", "arguments": NOTE}}]}),
        f"[TOOL_CALLS][{json.dumps({'name': 'write_file', 'arguments': NOTE})}]",
        f"<function=write_file>{json.dumps(NOTE)}</function>",
        f"For an object like {{a: 1}} I call {CALL}",
        CALL.replace("\\n", "\n"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_call_is_understood_however_it_is_written(text: str, size: int):
    reader = ObjectReader({"write_file", "read_file"})
    deltas = [delta for start in range(0, len(text), size) for delta in reader.feed(text[start : start + size])]
    (made,) = reader.close().calls
    assert (made.name, json.loads(made.arguments)) == ("write_file", NOTE)
    assert not [delta for delta in deltas if isinstance(delta, TextDelta)]


@pytest.mark.parametrize(
    "text",
    [
        "Just words.",
        '{"name": "my-app", "version": "1.0.0"}',
        '{"role": "tool", "content": "ok"}',
        '{"tool": 7}',
        "{" * 5000,
    ],
)
def test_what_names_no_tool_is_no_call(text: str):
    reader = ObjectReader({"write_file"})
    reader.feed(text)
    answer = reader.close()
    assert (answer.calls, answer.understood) == ((), False)


MEGABYTE = 1_000_000
HOSTILE = {
    "braces": "{" * MEGABYTE,
    "objects": '{"a":' * (MEGABYTE // 5),
    "strings": '{"a": "' * (MEGABYTE // 7),
    "nested": '{"x":' * 900 + '"' + "y" * MEGABYTE + '"' + "}" * 900,
    "small ones": '{"a":1}' * (MEGABYTE // 7),
    "a list": '[{"a":1},' * (MEGABYTE // 9),
    "a call that is cut off": '{"tool":"write_file","arguments":{"path":"a","content":"' + "x{\\n" * (MEGABYTE // 4),
    "an answer full of escapes": '{"tool":"answer","arguments":{"text":"' + "\\n" * (MEGABYTE // 2),
    "an answer without a text": '{"tool":"answer","arguments":{"txt":"' + "x" * MEGABYTE,
    "thoughts": "<think></think>" * (MEGABYTE // 15),
    "blanks": " " * MEGABYTE,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("size", [20, 2 * MEGABYTE])
def test_a_megabyte_takes_no_time_to_speak_of(text: str, size: int):
    def read(text: str) -> None:
        reader, thoughts = ObjectReader({"write_file"}), Thoughts()
        for start in range(0, len(text), size):
            reader.feed(text[start : start + size])
            thoughts.feed(text[start : start + size])
        reader.close()
        without_thoughts(text)

    assert growth(read, text, shorter(text)) < STRAIGHT


def test_half_a_surrogate_pair_breaks_nothing():
    reader = ObjectReader({"write_file"})
    reader.feed(
        '{"tool": "write_file", "arguments": {"path": "\\ud83d"}} {"tool": "answer", "arguments": {"text": "\\ud83d"}}'
    )
    answer = reader.close()
    (answer.text + answer.calls[0].arguments).encode()


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_thoughts_are_not_shown(size: int):
    text = '<think>\nI could {"tool": "x"}.</think>\n\n<think>Hm.</think>Hello <think> you'
    thoughts = Thoughts()
    shown = "".join(thoughts.feed(text[start : start + size]) for start in range(0, len(text), size)) + thoughts.rest()
    assert shown.strip() == "Hello <think> you"
    assert without_thoughts("Hm, hm.</think>\n\nHello") == "Hello"
    assert without_thoughts("<think>never ends") == ""


# What it is told


def test_the_schema_is_lean_and_names_every_tool():
    schema = answer_schema(TOOLS)
    assert [choice["properties"]["tool"]["const"] for choice in schema["anyOf"]] == [
        "write_file",
        "read_file",
        "answer",
    ]
    text = json.dumps(schema)
    assert not any(word in text for word in ("maxLength", "description", "default", "null"))
    assert schema["anyOf"][1]["properties"]["arguments"]["required"] == ["path"]


def test_the_conversation_is_told_in_turns_and_only_ever_grows():
    made = [
        {"id": "1", "type": "function", "function": {"name": "read_file", "arguments": '{"path": "a"}'}},
        {"id": "2", "type": "function", "function": {"name": "read_file", "arguments": '{"path": "b"}'}},
    ]
    messages: list[dict[str, Any]] = [
        *HELLO,
        {"role": "assistant", "content": "I look.", "tool_calls": made},
        {"role": "tool", "tool_call_id": "1", "content": "A"},
        {"role": "tool", "tool_call_id": "2", "content": "B"},
        {"role": "user", "content": "[Note] It was checked."},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "Thanks."},
    ]
    told = plain_messages(messages, TOOLS)
    assert [message["role"] for message in told] == ["system", *["user", "assistant"] * 3, "user"]
    assert "write_file(path: string, content: string): Write a file." in told[0]["content"]
    assert "start_line?: integer" in told[0]["content"]
    assert told[3]["content"] == "Result of read_file:\nA"
    assert told[5]["content"] == "Result of read_file:\nB\n\n[Note] It was checked."
    assert json.loads(told[6]["content"]) == {"tool": "answer", "arguments": {"text": "Done."}}
    assert plain_messages(messages[:6], TOOLS) == told[:6]
    assert json.dumps(plain_messages(messages, TOOLS)) == json.dumps(told)


# The whole


async def test_a_session_of_such_a_model_has_the_same_log_as_any_other(tmp_path: Path):
    steps = [
        said("write_file", path="notes.txt", content="one\n"),
        said("read_file", path="notes.txt"),
        said("edit_file", path="notes.txt", edits=[{"search": "one", "replace": "two"}]),
        said("check_app"),
        said("answer", text="The note says two."),
    ]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, server):
        server.tools = "refused"
        session = await builder.create(name="small")
        await session.send("Write a note.")
        ended = await session.wait()
        assert (ended["reason"], ended["message"]) == ("done", "Done, not seen: nobody has looked at the page.")
        assert (session.workspace.app / "notes.txt").read_text() == "two\n"
        responses = [event.data for event in await session.events() if event.type == "response.completed"]
        assert [r["tool_calls"][0]["tool"] for r in responses[:-1]] == [
            "write_file",
            "read_file",
            "edit_file",
            "check_app",
        ]
        assert responses[-1]["text"] == "The note says two."
        asked = [request.body["messages"] for request in server.requests if "tools" not in request.body]
        for before, after in itertools.pairwise(asked):
            assert after[: len(before)] == before, "a prompt only ever grows"
        assert not any(message["role"] == "tool" for message in asked[-1])

        server.tools, server.steps, server._next = "native", [{"tool_calls": [call("list_files")]}], 0
        await session.send("Go on.", model="custom:able")  # a model that can takes the same session on
        assert (await session.wait())["reason"] == "done"
        assert any(message["role"] == "tool" for message in server.requests[-1].body["messages"])


async def test_a_session_goes_on_when_its_model_turns_out_not_to_call_tools(tmp_path: Path):
    steps = [
        {"text": "Sure! Put this into notes.txt:\n\n```\none\n```"},
        said("write_file", path="notes.txt", content="one\n"),
        said("check_app"),
        said("answer", text="The note is written."),
    ]
    async with scripted_builder(tmp_path, steps, **plain(tmp_path)) as (builder, server):
        server.tools = "ignored"
        session = await builder.create(name="talker")
        await session.send("Write a note.")
        ended = await session.wait()
        assert (ended["reason"], ended["message"]) == ("done", "Done, not seen: nobody has looked at the page.")
        assert (session.workspace.app / "notes.txt").read_text() == "one\n"
        events = await session.events()
        texts = [event.data["text"] for event in events if event.type == "response.completed"]
        assert texts == ["", "", "The note is written."], "what it only said is dropped"
        used = [event.data["usage"]["input_tokens"] for event in events if event.type == "usage.recorded"]
        assert len(used) == 4
        assert used[0] > 0, "but counted"
        assert used[1] == 90 + 100, "with the trial"
