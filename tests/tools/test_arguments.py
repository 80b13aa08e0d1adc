"""Arguments as models, cells and requests send them, made into what a tool asks for."""

import json

import pytest

from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.tools.arguments import fitted, understood
from jupyter_appbuilder.tools.names import known_name
from jupyter_appbuilder.tools.registry import load_tools

TOOLS = load_tools()
FILE = {"path": "a.txt", "content": "x"}
EDITS = [{"search": "a", "replace": "b"}]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(FILE),
        json.dumps(json.dumps(FILE)),
        json.dumps(json.dumps(json.dumps(FILE))),
        json.dumps(FILE) * 2,
        json.dumps(FILE) + "\n" + json.dumps(FILE),
        "{}" + json.dumps(FILE),
        json.dumps([FILE]),
    ],
)
def test_what_can_only_be_meant_one_way_is_taken_that_way(text: str):
    assert understood(text) == FILE


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": NaN}', "a is NaN"),
        ('{"a": {"b": [1, -1e999]}}', "a.b.1 is -Infinity"),
        ('{"a": ' + "1" * 5000 + "}", "thousands of digits"),
        ('{"a": "\\udc00"}', "a holds half of a surrogate pair"),
        ('{"\\udc00": 1}', "a name in it holds half of a surrogate pair"),
        ('{"a":' * 300 + "1" + "}" * 300, "more than 200 deep"),
        ("[" * 100_000, "more than 200 deep"),
        ('{"a": 1}{"a": 2}', "2 different JSON values"),
        ("[1, 2]", "not a JSON object, but a list of 2"),
        ("null", "but null"),
        ('"write it"', "not valid JSON"),
    ],
)
def test_anything_else_is_an_error_that_says_what_was_understood(text: str, told: str):
    with pytest.raises(InvalidInput, match=told):
        understood(text)


@pytest.mark.parametrize(
    ("tool", "given", "meant"),
    [
        ("edit_file", {"path": "a", "edits": json.dumps(EDITS)}, {"path": "a", "edits": EDITS}),
        ("edit_file", {"path": "a", "edits": json.dumps(json.dumps(EDITS))}, {"path": "a", "edits": EDITS}),
        ("edit_file", {"path": "a", "edits": EDITS[0]}, {"path": "a", "edits": EDITS}),
        ("edit_file", {"path": "a", "edits": json.dumps(EDITS[0])}, {"path": "a", "edits": EDITS}),
        ("edit_file", {"path": "a", "edits": [json.dumps(EDITS[0])]}, {"path": "a", "edits": EDITS}),
        ("install_packages", {"packages": "zod"}, {"packages": ["zod"]}),
        ("install_packages", {"packages": '["zod", "react"]'}, {"packages": ["zod", "react"]}),
        ("list_files", {"path": None}, {}),
        ("read_file", {"arguments": {"path": "a"}}, {"path": "a"}),
        ("read_file", {"arguments": '{"path": "a"}'}, {"path": "a"}),
        ("write_file", {"path": "a.json", "content": '["a"]'}, {"path": "a.json", "content": '["a"]'}),
        ("edit_file", {"path": "a", "edits": "replace a by b"}, {"path": "a", "edits": "replace a by b"}),
        ("install_packages", {"packages": '["zod", '}, {"packages": '["zod", '}),
    ],
)
def test_values_take_the_form_that_the_schema_asks_for(tool: str, given: dict[str, object], meant: dict[str, object]):
    assert fitted(given, TOOLS[tool].schema) == meant
    assert fitted(meant, TOOLS[tool].schema) == meant


@pytest.mark.parametrize(
    "name",
    [
        "functions.write_file",
        "default_api:write_file",
        "default_api.write_file",
        "functions.write_file:0",
        "mcp__app__write_file",
        "tools/write_file",
        "a::b::write_file",
        "write_file:12",
        "write_file#1",
        "write_file<|channel|>commentary",
    ],
)
def test_a_namespace_before_a_name_is_left_off(name: str):
    assert known_name(name, TOOLS) == "write_file"


@pytest.mark.parametrize("name", ["", "bash", "functions.bash", "overwrite_file", "write_file.bash", "a." * 9000])
def test_a_name_that_means_no_tool_stays_as_it_is(name: str):
    assert known_name(name, TOOLS) == name


def test_a_tool_that_has_a_namespace_of_its_own_is_found_first():
    assert known_name("a.write_file", ["write_file", "a.write_file"]) == "a.write_file"
    assert known_name("x.a.write_file", ["write_file", "a.write_file"]) == "a.write_file"
