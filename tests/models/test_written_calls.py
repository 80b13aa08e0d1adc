"""Calls that models write into their answers, in the forms that their makers publish."""

from __future__ import annotations

import json

import pytest
from growth import STRAIGHT, growth, shorter

from jupyter_appbuilder.models.written_calls import begun_call, may_begin_call, shown_in, written_calls

TOOLS = {"write_file", "list_files", "read_file"}
NOTE = {"path": "notes.txt", "content": 'a "b"\n<div>{x}</div>\n'}
JSON = json.dumps(NOTE)
NAMED = json.dumps({"name": "write_file", "arguments": NOTE})
PARAMETERS = "".join(f"<parameter={name}>\n{value}\n</parameter>\n" for name, value in NOTE.items())
PYTHON = f"write_file(path='notes.txt', content={NOTE['content']!r})"
DEEPSEEK = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"

FORMS = {
    # https://github.com/NousResearch/Hermes-Function-Calling
    "Hermes": f"<tool_call>\n{NAMED}\n</tool_call>",
    "Hermes, cut": f"<tool_call>\n{NAMED}",
    "Hermes, in a list": f"<tool_calls>[{NAMED}]</tool_calls>",
    # https://huggingface.co/Qwen/Qwen3-Coder-30B-A3B-Instruct (qwen3coder_tool_parser.py)
    "Qwen3-Coder": f"<tool_call>\n<function=write_file>\n{PARAMETERS}</function>\n</tool_call>",
    "Qwen3-Coder, its beginning lost": f"<function=write_file>\n{PARAMETERS}</function>\n</tool_call>",
    # https://huggingface.co/moonshotai/Kimi-K2-Instruct (docs/tool_call_guidance.md)
    "Kimi K2": "<|tool_calls_section_begin|><|tool_call_begin|>functions.write_file:0<|tool_call_argument_begin|>"
    f"{JSON}<|tool_call_end|><|tool_calls_section_end|>",
    # https://huggingface.co/zai-org/GLM-4.5 (chat_template.jinja)
    "GLM": "<tool_call>write_file\n"
    + "".join(f"<arg_key>{name}</arg_key>\n<arg_value>{value}</arg_value>\n" for name, value in NOTE.items())
    + "</tool_call>",
    # https://huggingface.co/deepseek-ai/DeepSeek-V3 and DeepSeek-V3.1 (tokenizer_config.json, README)
    "DeepSeek V3": DEEPSEEK.format(f"function<｜tool▁sep｜>write_file\n```json\n{JSON}\n```"),
    "DeepSeek V3.1": DEEPSEEK.format(f"write_file<｜tool▁sep｜>{JSON}"),
    # https://huggingface.co/deepseek-ai/DeepSeek-V3.2 (encoding)
    "DeepSeek V3.2": '<｜DSML｜function_calls>\n<｜DSML｜invoke name="write_file">\n'
    + "".join(
        f'<｜DSML｜parameter name="{name}" string="true">{value}</｜DSML｜parameter>\n' for name, value in NOTE.items()
    )
    + "</｜DSML｜invoke>\n</｜DSML｜function_calls>",
    # https://www.llama.com/docs/model-cards-and-prompt-formats/llama3_1/
    "Llama, a function": f"<function=write_file>{JSON}</function>",
    "Llama, JSON": "<|python_tag|>" + json.dumps({"name": "write_file", "parameters": NOTE}) + "<|eom_id|>",
    "Llama, Python": f"<|python_tag|>write_file.call{PYTHON.removeprefix('write_file')}",
    # https://docs.mistral.ai/cookbooks/concept-deep-dive-tokenization-tool_calling
    "Mistral": f"[TOOL_CALLS][{NAMED}]",
    "Mistral, later": f"[TOOL_CALLS]write_file[ARGS]{JSON}",
    "Mistral, with ids": f"[TOOL_CALLS]write_file[CALL_ID]a1b2c3d4e[ARGS]{JSON}",
    # https://ai.google.dev/gemma/docs/capabilities/function-calling
    "Gemini": f"```tool_code\nprint(default_api.{PYTHON})\n```",
    "Gemma": f"```tool_code\n{PYTHON}\n```",
    # https://cookbook.openai.com/articles/openai-harmony
    "gpt-oss": f"<|channel|>commentary to=functions.write_file <|constrain|>json<|message|>{JSON}<|call|>",
    "invoke": '<function_calls>\n<invoke name="write_file">\n'
    + "".join(f'<parameter name="{name}">{value}</parameter>\n' for name, value in NOTE.items())
    + "</invoke>\n</function_calls>",
    # https://huggingface.co/ibm-granite/granite-3.3-8b-instruct, https://huggingface.co/microsoft/Phi-4-mini-instruct
    "Granite": f"<|tool_call|>[{NAMED}]",
    "Phi-4": f"<|tool_call|>[{NAMED}]<|/tool_call|>",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("before", ["", "I write it.\n", "Look:\n```js\nlet a = 1\n```\n", "It is `a`. "])
def test_a_call_at_the_end_of_an_answer_is_read(form: str, before: str):
    if "```" in FORMS[form][:3] and before.endswith(" "):
        before += "\n"  # a fence begins a line
    found = written_calls(before + FORMS[form], TOOLS)
    assert found
    (made,) = found.calls
    made_of = json.loads(made.arguments)
    assert (made.name, made_of["path"]) == ("write_file", NOTE["path"])
    assert made_of["content"].rstrip("\n") == NOTE["content"].rstrip("\n")
    assert found.text == before.strip()


@pytest.mark.parametrize("form", FORMS)
def test_what_begins_so_is_known_for_a_call_early(form: str):
    assert begun_call(FORMS[form], TOOLS) == "write_file"


@pytest.mark.parametrize("form", FORMS)
def test_a_call_may_be_one_from_its_first_character_on(form: str):
    assert all(may_begin_call(FORMS[form][:length]) for length in range(1, 25))


@pytest.mark.parametrize("text", ["<12", "<p", "<!doctype", "`a", "{a", "[ ]", "Words", "<b>"])
def test_what_begins_otherwise_is_none(text: str):
    assert not may_begin_call(text)


def test_several_calls_and_such_without_arguments_are_read():
    twice = (
        "<tool_call>\n" + NAMED + '\n</tool_call>\n<tool_call>\n{"name": "list_files", "arguments": {}}\n</tool_call>'
    )
    assert [call.name for call in (written_calls(twice, TOOLS) or pytest.fail("not read")).calls] == [
        "write_file",
        "list_files",
    ]
    for text in ("<tool_call>list_files\n</tool_call>", "<function=list_files>\n</function>\n</tool_call>"):
        assert [call.name for call in (written_calls(text, TOOLS) or pytest.fail("not read")).calls] == ["list_files"]


def test_an_answer_that_is_nothing_but_a_call_in_json_is_one():
    assert (written_calls(NAMED, TOOLS) or pytest.fail("not read")).calls
    assert (written_calls(f"[{PYTHON}]", TOOLS) or pytest.fail("not read")).calls
    assert written_calls(f"For example: {NAMED}", TOOLS) is None
    assert written_calls('{"name": "write_file-demo", "version": "1.0.0"}', TOOLS) is None


@pytest.mark.parametrize("form", FORMS)
def test_what_is_shown_or_quoted_is_no_call(form: str):
    markup = FORMS[form]
    line = markup.replace("\n", " ")
    for text in (
        f"A model writes `{line.replace('`', '')}` for a call.",
        f"The file says:\n> {line}\n",
    ):
        assert written_calls(text, TOOLS) is None
    if not markup.startswith("```"):
        assert written_calls(f"Models write calls so:\n~~~~\n{markup}\n~~~~\nThat is all.", TOOLS) is None
    assert written_calls(markup, {"other_tool"}) is None, "of tools that there are not"


@pytest.mark.parametrize("form", FORMS)
def test_what_is_meant_for_a_call_and_not_read_is_known_as_such(form: str):
    markup = FORMS[form]
    for text in (f"{markup}\nNow I wait for the result.", f"I quote it:\n{markup}"):
        shown = [{"role": "tool", "content": f"index.html:\n{markup}\n"}]
        found = written_calls(text, TOOLS, shown_in(shown))
        assert found
        assert found.calls == (), "words follow it, or it stands in a file that the model read"
        assert markup in found.text
    broken = written_calls('<tool_call>\n{"name": "write_file", "arguments": {"path": ]}\n</tool_call>', TOOLS)
    assert broken
    assert broken.calls == ()


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>write_file " * 90_000,
        "[TOOL_CALLS]write_file" * 90_000,
        "```tool_code\nwrite_file(\n" * 70_000,
        "<function=write_file><parameter=a>x</parameter>" * 40_000 + "<",
        "<tool_call>" + '{"name": "write_file", "arguments": {"a":' * 40_000,
        "<tool_call>write_file" + "<arg_key>a</arg_key><arg_value>" * 60_000,
        "<tool_call>" + "write_file " * 180_000,
        "<｜" * 700_000 + "write_file",
        "```\n" * 500_000 + "<tool_call>write_file",
        "<tool_call>write_file(" + "(" * 1_000_000,
        "<tool_call>write_file" + "\n" * 2_000_000 + "x",
        " \n" * 1_000_000 + "<function=write_file><parameter=a>" + "</parameter> " * 80_000,
        "[TOOL_CALLS] write_file(" + " " * 300_000 + "x",
        "[TOOL_CALLS] write_file(" + "```" * 100_000 + "x",
        "[TOOL_CALLS] write_file(" + "</tool_call>" * 25_000,
    ],
    ids=range(15),
)
def test_two_megabytes_of_it_take_no_time_to_speak_of(text: str):
    assert growth(lambda text: written_calls(text, TOOLS), text, shorter(text)) < STRAIGHT
    assert growth(lambda text: begun_call(text, TOOLS), text, shorter(text)) < STRAIGHT
