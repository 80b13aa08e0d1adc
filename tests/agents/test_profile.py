from __future__ import annotations

from pathlib import Path

from building import scripted_builder, write

from jupyter_appbuilder.agents.history import messages, view_of
from jupyter_appbuilder.agents.prompt import system_prompt
from jupyter_appbuilder.events import stored
from jupyter_appbuilder.models.profile import FULL, SMALL, profile_of
from jupyter_appbuilder.templates.templates import find_template
from jupyter_appbuilder.tools.registry import load_tools


def test_the_context_window_decides_unless_a_profile_was_chosen():
    assert profile_of(None) is FULL
    assert profile_of(200_000) == FULL
    assert profile_of(16_384).name == "small"
    assert profile_of(16_385).name == "full"
    assert profile_of(8_192, "full").name == "full"
    assert profile_of(200_000, "small").name == "small"
    assert profile_of(None, "small") is SMALL


def test_what_a_model_is_given_leaves_room_for_its_answer():
    for window in (4_096, 8_192, 16_384, 32_768, 128_000):
        profile = profile_of(window)
        assert profile.compact_at <= window * 6 // 10
        if profile.name == "small":
            assert profile.result_limit / 4 < window / 4  # a result is no more than a quarter of what it can read


def test_the_small_prompt_and_its_tools_fit_a_small_window():
    tools = load_tools()
    assert SMALL.tools
    assert SMALL.tools <= tools.keys()
    prompt = system_prompt(find_template("static"), SMALL)
    described = str([tools[name].definition() for name in sorted(SMALL.tools)])
    assert "Plain website (static)" in prompt
    assert (len(prompt) + len(described)) / 4 < 1_600  # tokens, roughly
    assert len(prompt) < len(system_prompt(find_template("static"))) / 3


async def test_a_small_model_is_offered_fewer_tools_and_the_short_prompt(tmp_path: Path):
    steps = [{"tool_calls": [write("index.html", "<h1>Hello</h1>")]}, {"text": "There it is."}]
    async with scripted_builder(tmp_path, steps, template="static", profile="small") as (builder, server):
        session = await builder.create(name="page")
        await session.send("A page that says hello")
        await session.wait()
        asked = [request.body for request in server.requests if request.body.get("tools")]
        assert {tool["function"]["name"] for tool in asked[0]["tools"]} == SMALL.tools
        read = next(tool["function"] for tool in asked[0]["tools"] if tool["function"]["name"] == "read_file")
        assert list(read["parameters"]["properties"]) == ["path"]
        assert asked[0]["messages"][0]["content"] == system_prompt(builder.library.find("static"), SMALL)
        look = next(tool["function"] for tool in asked[0]["tools"] if tool["function"]["name"] == "look_at_app")
        whole = builder.tools["look_at_app"].definition()["function"]
        assert len(look["description"]) < len(whole["description"]) / 2
        assert list(look["parameters"]["properties"]) == ["path", "width"]
        assert all(request["tools"] == asked[0]["tools"] for request in asked)
        assert (await session.workspace.read_text("index.html")) == "<h1>Hello</h1>"


def test_a_small_model_is_told_less_of_a_page_than_of_a_file():
    view = view_of(profile_of(16_384))
    text = "\n".join(f"- listitem: number {n}" for n in range(1_000))
    for tool, most in (("read_file", 6_000), ("look_at_app", 1_500)):
        call = {"call": "r1.0", "id": "1", "tool": tool, "arguments": "{}"}
        answer = {"turn": "t1", "response": "r1", "model": "m", "recorded": False, "text": "", "tool_calls": [call]}
        result = {"turn": "t1", "call": "r1.0", "tool": tool, "ok": True, "summary": "", "text": text, "detail": {}}
        usage = {"input_tokens": 0, "output_tokens": 0, "cached_tokens": 0, "cost": None}
        events = [
            stored("s", 1, 0.0, "message.user", {"turn": "t1", "text": "Go"}),
            stored("s", 2, 0.0, "response.completed", answer | {"finish_reason": "tool_calls", "usage": usage}),
            stored("s", 3, 0.0, "tool.finished", result | {"duration_ms": 1}),
        ]
        told = messages(events, "", view)[-1]["content"]
        assert most * 0.9 < len(told) < most + 250
