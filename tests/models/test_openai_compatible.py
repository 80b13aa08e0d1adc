"""Models over real HTTP on loopback: what goes out, what is understood, what is said when it fails."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest
from growth import STRAIGHT, TIMES, growth
from model_server import ModelServer, model_server

from jupyter_appbuilder.models import openai_compatible
from jupyter_appbuilder.models.base import (
    ModelError,
    ModelResponse,
    ModelSettings,
    TextDelta,
    ToolCallDelta,
)
from jupyter_appbuilder.models.completions import LONGEST_LINE, Assembly, BadStream, stream_events
from jupyter_appbuilder.models.openai_compatible import Endpoint, OpenAICompatibleModel
from jupyter_appbuilder.models.redaction import public_url, redact

KEY = "sk-proj-abcdefgh12345678"
HELLO = [{"role": "user", "content": "Hello"}]


def model(server: ModelServer, key: str = KEY, provider: str = "ollama", **options: Any) -> OpenAICompatibleModel:
    endpoint = Endpoint(provider, "The endpoint", server.url, key, "THE_KEY", keys_url="https://keys.example")
    return OpenAICompatibleModel(endpoint, "scripted", **options)


async def ask(model: OpenAICompatibleModel, tools: Any = ()) -> tuple[list[Any], ModelResponse]:
    items = [item async for item in model.stream(HELLO, tools, ModelSettings())]
    assert isinstance(items[-1], ModelResponse)
    return items[:-1], items[-1]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures are reported without the SDK's retries, which take their time."""
    monkeypatch.setattr(openai_compatible, "RETRIES", 0)


async def failure(step: dict[str, Any], **options: Any) -> ModelError:
    async with model_server([step] * 5) as server:
        with pytest.raises(ModelError) as caught:
            await ask(model(server, **options))
    return caught.value


async def test_text_arrives_while_it_is_written():
    async with model_server([{"text": "one two three", "size": 4, "hang_after": 3}]) as server:
        stream = model(server).stream(HELLO, [], ModelSettings())
        async with contextlib.aclosing(stream):
            assert await asyncio.wait_for(anext(stream), 30) == TextDelta("one ")
            assert await asyncio.wait_for(anext(stream), 30) == TextDelta("two ")


async def test_text_tool_calls_and_usage_are_put_together():
    calls = [{"name": "a", "arguments": {"x": 1}, "id": "A"}, {"name": "b", "arguments": {"y": "z" * 30}, "id": "B"}]
    usage = {"prompt_tokens": 50, "completion_tokens": 7, "cached_tokens": 40}
    async with model_server([{"text": "Hi", "reasoning": "hmm", "tool_calls": calls, "usage": usage}]) as server:
        deltas, response = await ask(model(server), [{"type": "function", "function": {"name": "a"}}])
        sent = server.requests[0]
    assert response.text == "Hi"
    assert [(c.id, c.name) for c in response.tool_calls] == [("A", "a"), ("B", "b")]
    assert response.tool_calls[1].arguments == '{"y": "' + "z" * 30 + '"}'
    assert response.finish_reason == "tool_calls"
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.cached_tokens) == (50, 7, 40)
    pieces = [d for d in deltas if isinstance(d, ToolCallDelta) and d.index == 1]
    assert pieces[0].name == "b"
    assert "".join(d.arguments for d in pieces) == response.tool_calls[1].arguments
    assert not any("hmm" in d.text for d in deltas if isinstance(d, TextDelta))
    assert sent.body["stream_options"] == {"include_usage": True}
    assert sent.body["tools"][0]["function"]["name"] == "a"
    assert sent.headers["authorization"] == f"Bearer {KEY}"


async def test_an_endpoint_that_refuses_the_usage_option_is_asked_without_it():
    async with model_server([{"refuse_usage": True, "text": "Hi", "usage": None}, {"text": "Again"}]) as server:
        asked = model(server)
        _, response = await ask(asked)
        await ask(asked)
        sent = [("stream_options" in request.body) for request in server.requests]
    assert response.text == "Hi"
    assert response.usage.input_tokens == response.usage.output_tokens == 0
    assert sent == [True, False, False]


async def test_an_endpoint_that_does_not_stream_is_understood():
    step = {"plain": True, "text": "Whole", "tool_calls": [{"name": "a", "arguments": {}}]}
    async with model_server([step]) as server:
        deltas, response = await ask(model(server))
    assert deltas[0] == TextDelta("Whole")
    assert response.tool_calls[0].name == "a"


async def test_one_connection_serves_several_requests():
    async with model_server([{"text": "1"}, {"text": "2"}]) as server:
        asked = model(server)
        await ask(asked)
        await ask(asked)
        assert len(server.requests) == 2
        assert server.closed_early == 0


async def test_a_busy_endpoint_is_asked_again():
    async with model_server(
        [{"status": 429, "headers": {"retry-after": "0"}}, {"status": 500}, {"text": "Ok"}]
    ) as server:
        _, response = await ask(model(server))
    assert response.text == "Ok"


async def test_without_a_key_nobody_elses_key_is_sent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai-12345")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    async with model_server([{"text": "Hi"}]) as server:
        await ask(model(server, key=""))
        headers = server.requests[0].headers
    assert "authorization" not in headers
    assert "org-secret" not in str(headers)


def test_calls_that_all_have_the_index_0_are_told_apart_by_their_ids():
    assembly = Assembly()
    for id in ("A", "B"):
        call = {"index": 0, "id": id, "function": {"name": id.lower(), "arguments": {"n": id}}}
        assembly.take({"choices": [{"delta": {"tool_calls": [call]}}]})
    assert [(c.id, c.name, c.arguments) for c in assembly.response().tool_calls] == [
        ("A", "a", '{"n": "A"}'),
        ("B", "b", '{"n": "B"}'),
    ]


def test_calls_without_index_and_id_are_understood():
    assembly = Assembly()
    for function in ({"name": "a", "arguments": '{"n"'}, {"arguments": ": 1}"}):
        assembly.take({"choices": [{"delta": {"tool_calls": [{"function": function}]}}]})
    (call,) = assembly.response().tool_calls
    assert call.arguments == '{"n": 1}'
    assert call.id


@pytest.mark.parametrize("first", [{}, {"name": None}, {"name": ""}])
def test_a_name_that_comes_behind_its_call_is_its_name(first: dict[str, Any]):
    """As DeepSeek's and Kimi's are sent by some gateways: https://github.com/vercel/ai/issues/14722"""
    assembly = Assembly()
    deltas: list[Any] = []
    for call in (
        {"index": 0, "id": "A", "function": first | {"arguments": '{"n"'}},
        {"index": 0, "id": "A", "function": {"name": "look", "arguments": ": 1"}},
        {"index": 0, "id": "A", "function": {"name": "look", "arguments": "}"}},
        {"index": 1, "function": {"name": "list"}},
    ):
        deltas += assembly.take({"choices": [{"delta": {"tool_calls": [call]}}]})
    assert [(call.name, call.arguments) for call in assembly.response().tool_calls] == [
        ("look", '{"n": 1}'),
        ("list", "{}"),
    ]
    assert [(delta.index, delta.name) for delta in deltas if delta.name] == [(0, "look"), (1, "list")]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("status", "message", "reason", "hint"),
    [
        (401, "Incorrect API key provided", "unauthorized", "or set THE_KEY"),
        (402, "Insufficient balance", "quota", "billing"),
        (404, "No such model", "unknown_model", "Check the model"),
        (400, "This model's maximum context length is 8192 tokens", "context_length", "new session"),
        (400, "scripted does not support tools", "no_tools", "call tools"),
        (429, "Slow down", "rate_limited", "Wait a minute"),
        (500, "Oops", "model_down", "Try again"),
    ],
)
async def test_a_refusal_says_what_to_do(status: int, message: str, reason: str, hint: str):
    error = await failure({"status": status, "body": {"error": {"message": message}}, "headers": {"retry-after": "0"}})
    assert error.reason == reason
    assert hint in error.hint
    assert message in error.message or reason == "unauthorized"


PAGE = "<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>502</h1>nginx</body></html>"
GOOGLE = [{"error": {"code": 400, "message": "the key is not one of ours", "status": "INVALID_ARGUMENT"}}]
PASSED_ON = {"message": "Provider returned error", "code": 429, "metadata": {"raw": '{"error": {"message": "Slow."}}'}}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("status", "body", "reason", "said"),
    [
        (400, GOOGLE, "unauthorized", "did not accept the API key. It said: the key is not one of ours"),
        (400, [{"error": {"message": "API key not valid. Pass a valid one."}}], "unauthorized", "It said: API key"),
        (400, {"error": {"message": "Unknown key 'seed' in the body"}}, "", "It said: Unknown key 'seed'"),
        (502, PAGE, "model_down", "(502). It said: 502 Bad Gateway"),
        (503, "upstream connect error", "model_down", "It said: upstream connect error"),
        (422, {"detail": [{"loc": ["body"], "msg": "Field required"}]}, "", "It said: Field required"),
        (400, {"status": 400, "error": "Bad Request", "message": "The model is asleep"}, "", "The model is asleep"),
        (429, {"error": PASSED_ON}, "rate_limited", "It said: Provider returned error: Slow."),
        (429, {"error": "the load balancer is busy"}, "rate_limited", "gets too many requests"),
        (429, {"error": "Load-balanced upstreams rebalance"}, "rate_limited", "gets too many requests"),
        (429, {"error": "You exceeded your quota. Please retry in 12s."}, "rate_limited", "gets too many requests"),
        (429, {"error": "You exceeded your current quota, check your billing details"}, "quota", "no credit left"),
        (429, {"error": "Insufficient Balance"}, "quota", "no credit left"),
        (400, "x" * 100_000, "", "xxx…"),
    ],
)
async def test_whatever_an_error_is_written_as_it_is_told_in_a_sentence(status: int, body: Any, reason: str, said: str):
    error = await failure({"status": status, "body": body, "headers": {"retry-after": "0"}})
    assert error.reason == (reason or error.default_reason)
    assert said in error.message
    assert len(error.message) < 500
    assert "<" not in error.message


@pytest.mark.parametrize(
    ("reported", "reason", "said"),
    [
        ({"message": "Too fast", "type": "rate_limit_error"}, "interrupted", "gets too many requests. It said: Too"),
        ({"message": "Too fast", "code": "429"}, "interrupted", "gets too many requests"),
        ({"message": "Pay first", "code": "insufficient_quota"}, "quota", "no credit left"),
        ({"message": "Overloaded", "type": "overloaded_error"}, "interrupted", "middle of an answer: Overloaded"),
        ({"message": "maximum context length is 8192 tokens", "code": 400}, "context_length", "has grown longer"),
        ({"message": "Your prompt exceeds the context window"}, "context_length", "has grown longer"),
        ({"message": "Key expired", "code": 401}, "unauthorized", "did not accept the API key"),
        ({"message": "seed must be a number", "code": 400}, "", "refused the request (400). It said: seed must"),
        ("GPU lost", "interrupted", "middle of an answer: GPU lost"),
        ([{"message": "GPU lost"}], "interrupted", "middle of an answer: GPU lost"),
        ({"code": 500}, "interrupted", "it gave no reason"),
    ],
)
@pytest.mark.parametrize("step", [{"text": "Hel"}, {"text": ""}, {"plain": True}], ids=["amid", "first", "document"])
async def test_an_error_in_an_answer_means_the_same_as_one_instead_of_it(
    step: dict[str, Any], reported: Any, reason: str, said: str
):
    if "plain" in step:
        step = {"status": 200, "body": {"error": reported}, "headers": {"content-type": "application/json"}}
    else:
        step = step | {"error": reported}
    error = await failure(step)
    assert error.reason == (reason or error.default_reason)
    assert said in error.message


@pytest.mark.parametrize(
    "body", ['error: {"message": "GPU lost"}\n\n', '[{"error": {"message": "GPU lost"}}]\n', "GPU lost"]
)
async def test_an_error_that_is_no_event_is_told_too(body: str):
    error = await failure({"status": 200, "body": body, "headers": {"content-type": "text/event-stream"}})
    assert error.reason == "interrupted"
    assert "GPU lost" in error.message


def test_a_line_without_end_is_given_up_in_time():
    sent = 0

    async def chunks(number: int) -> AsyncIterator[bytes]:
        nonlocal sent
        yield b"data: "
        for _ in range(number):
            sent += 640
            yield b"x" * 640

    async def read(number: int) -> None:
        async for _ in stream_events(chunks(number)):
            pass

    with pytest.raises(BadStream, match="without an end"):
        asyncio.run(read(1_000_000))
    assert sent <= LONGEST_LINE + 640
    longest = LONGEST_LINE // 640 - 1
    assert growth(lambda number: asyncio.run(read(number)), longest, longest // TIMES) < STRAIGHT


async def test_an_unknown_model_is_answered_with_those_there_are():
    error = await failure({"status": 404}, known=lambda: ["qwen3", "scripted"])
    assert "ollama pull scripted" in error.hint
    assert "It offers: qwen3." in error.hint


@pytest.mark.usefixtures("at_once")
async def test_a_server_that_is_not_there_is_named_with_how_to_start_it():
    endpoint = Endpoint("ollama", "Ollama", "http://127.0.0.1:9/v1", start_hint="Is Ollama running?")
    with pytest.raises(ModelError) as caught:
        await ask(OpenAICompatibleModel(endpoint, "x"))
    assert caught.value.reason == "unreachable"
    assert caught.value.hint == "Is Ollama running?"
    assert "http://127.0.0.1:9/v1" in caught.value.message


async def test_a_web_page_instead_of_an_answer_points_at_the_url():
    error = await failure({"status": 200, "body": "<html>Welcome</html>"})
    assert "/v1" in error.hint


@pytest.mark.parametrize(
    "step",
    [
        {"text": "x" * 100, "drop_after": 3},
        {"text": "a", "malformed": '{"choices": [tr'},
        {"text": "a", "error": {"message": "Upstream failed"}},
    ],
)
async def test_an_answer_that_breaks_off_is_marked_so_that_it_can_be_asked_for_again(step: dict[str, Any]):
    error = await failure(step)
    assert error.reason == "interrupted"


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
async def test_a_key_in_an_error_body_is_not_repeated(status: int):
    body = {"error": {"message": f"You sent Bearer {KEY}, also known as sk-pr***5678, and key={KEY}"}}
    error = await failure({"status": status, "body": body, "headers": {"retry-after": "0", "x-key": KEY}})
    shown = str(error) + str(error.to_json()) + "".join(traceback.format_exception(error))
    assert KEY not in shown
    assert "5678" not in shown


@pytest.mark.usefixtures("at_once")
async def test_a_key_in_the_url_is_used_and_not_shown():
    async with model_server([{"text": "Hi"}, {"status": 404, "body": "not at /v1?token=query-secret"}]) as server:
        url = server.url.replace("://", "://me:pass%20word@") + "?token=query-secret"
        asked = OpenAICompatibleModel(Endpoint("custom", "Custom", url), "x")
        await ask(asked)
        with pytest.raises(ModelError) as caught:
            await ask(asked)
        assert server.requests[0].path.endswith("?token=query-secret")
        assert server.requests[0].headers["authorization"].startswith("Basic ")
    with pytest.raises(ModelError) as unreachable:
        await ask(
            OpenAICompatibleModel(Endpoint("custom", "Custom", "http://me:hush-hush@127.0.0.1:9/v1?key=abc99"), "x")
        )
    for error in (caught.value, unreachable.value):
        assert not any(s in str(error) for s in ("query-secret", "pass%20word", "pass word", "hush-hush", "abc99"))


async def test_a_key_that_looks_like_nothing_is_redacted_too():
    error = await failure({"status": 400, "body": {"error": "the horse is correct-horse"}}, key="correct-horse")
    assert "correct-horse" not in str(error)
    assert "the horse is" in str(error)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("key", ["horse\nbattery-staple", "hörse-battery-staple"])
async def test_a_key_that_cannot_be_sent_is_not_shown_either(key: str):
    async with model_server() as server:
        with pytest.raises(ModelError) as caught:
            await ask(model(server, key))
    assert "battery-staple" not in str(caught.value)


def test_an_endpoint_does_not_show_its_key_when_printed():
    assert KEY not in repr(Endpoint("openai", "OpenAI", "https://api.openai.com/v1", KEY))


def test_redaction_leaves_ordinary_text_alone():
    text = "The model gpt-6.1-sol at https://api.example.com/v1 said: max_tokens is too large, see key results."
    assert redact(text, ["a-real-secret"]) == text
    assert public_url("https://u:p@h.example:8443/v1?key=1#f") == "https://h.example:8443/v1"


@pytest.mark.parametrize("size", [1, 7, 500])
async def test_a_key_that_an_endpoint_sends_back_is_in_nothing_it_says(size: int):
    step = {
        "text": f"I was asked with {KEY}, and {KEY[:9]} is how it begins: {KEY[:5]}",
        "tool_calls": [{"name": f"a{KEY}", "id": KEY, "arguments": {"path": KEY, "tail": KEY[:-1]}}],
        "finish_reason": KEY,
        "size": size,
    }
    async with model_server([step, {"text": "Hm", "error": {"message": f"Bad {KEY}"}}]) as server:
        deltas, response = await ask(model(server))
        with pytest.raises(ModelError) as caught:
            await ask(model(server))
    said = "".join(d.text for d in deltas if isinstance(d, TextDelta))
    assert said == response.text == f"I was asked with •••, and {KEY[:9]} is how it begins: {KEY[:5]}"
    arguments = "".join(d.arguments for d in deltas if isinstance(d, ToolCallDelta))
    assert arguments == response.tool_calls[0].arguments
    assert KEY[:-1] in arguments, "what only resembles it stays"
    assert KEY not in f"{deltas} {response} {caught.value}"


async def test_a_short_key_is_no_secret_among_words():
    async with model_server([{"text": "Use ollama, of course."}]) as server:
        _, response = await ask(model(server, key="ollama"))
    assert response.text == "Use ollama, of course."


async def test_a_limit_on_the_answer_is_asked_for_by_the_name_that_is_known():
    refusal = {"status": 400, "body": {"error": {"message": "Use 'max_completion_tokens' instead of 'max_tokens'."}}}
    async with model_server([refusal, {"text": "Hi"}]) as server:
        asked = model(server)
        items = [item async for item in asked.stream(HELLO, [], ModelSettings(max_output_tokens=9))]
        assert items[-1].text == "Hi"
        assert [("max_tokens" in r.body, "max_completion_tokens" in r.body) for r in server.requests] == [
            (True, False),
            (False, True),
        ]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (500, "tools param requires --jinja flag", "no_tools"),
        (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', "no_tools"),
        (404, "No endpoints found that support tool use.", "no_tools"),
        (400, "'response_format.type' must be 'json_schema' or 'text'", "no_format"),
        (400, "failed to parse grammar", "no_format"),
        (400, "Invalid schema for function 'a': unsupported keyword in parameters", "model_error"),
        (404, "model 'tools' not found", "unknown_model"),
    ],
)
async def test_what_servers_say_when_they_cannot_is_understood(status: int, message: str, reason: str):
    error = await failure({"status": status, "body": {"error": {"message": message}}})
    assert error.reason == reason


AZURE = "https://mine.openai.azure.com/openai/deployments/d?api-version=1"


@pytest.mark.parametrize(
    ("provider", "url", "key", "own", "bearer"),
    [
        ("azure", AZURE, "k1", True, False),
        ("custom", AZURE, "k1", True, False),
        ("azure", AZURE, "eyJ0eXAi.e30.c2ln", False, True),
        ("azure", "https://gateway.example.org/v1", "k1", True, True),
        ("custom", "https://mine.openai.azure.com.example.org/v1", "k1", False, True),
    ],
)
def test_azure_takes_a_key_in_its_own_header_and_a_token_as_a_bearer(
    provider: str, url: str, key: str, own: bool, bearer: bool
):
    headers = Endpoint(provider, provider, url, key).headers
    assert headers.pop("api-key", "") == (key if own else "")
    assert ("Authorization" not in headers) == bearer  # it is there to be left out
