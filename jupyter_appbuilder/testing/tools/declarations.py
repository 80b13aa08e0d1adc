"""What a tool says of itself: to models, the feed, rules and the notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from ...events import Mode
from ...tools.base import Effect, Icon, Tool
from ...tools.names import sendable_name
from ...tools.registry import GROUP, load_tools
from .examples import Suite

LONGEST_DESCRIPTION = 1024  # characters; OpenAI takes no more
LARGEST_SCHEMA = 8000  # characters: it is sent with each request
DEEPEST = 8
FIELD = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # a name that every endpoint takes

KNOWN = frozenset(
    {
        *("type", "description", "enum", "const", "anyOf", "oneOf", "default", "examples", "format", "pattern"),
        *("properties", "required", "additionalProperties", "items", "minItems", "maxItems", "uniqueItems"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
    }
)
"""The words of JSON schema that no family of models stumbles over, or that are left out for those that do
(``models.dialects.plain_schema``)."""


class Declarations(Suite):
    """What is declared is whole, and fits together."""

    def test_every_tool_of_the_package_has_an_example(self) -> None:
        """Each tool that the package registers has an example, so that nothing of it goes untried."""
        tried = {example.tool.name for example in self.examples}
        packages = {_package(example.tool) for example in self.examples}
        assert tried, f"{type(self).__name__} has no examples: see ToolSuite."
        registered = {tool.name for tool in load_tools().values() if _package(tool) in packages}
        assert sorted(registered - tried) == []

    def test_it_is_registered_under_a_name_of_its_own(self, tool: Tool[Any]) -> None:
        """The tool is in a list under the entry-point group ``jupyter_appbuilder.tools``. No other tool has its name,
        which is made of letters, digits, ``_`` and ``-``, 64 at most."""
        assert tool.name == sendable_name(tool.name)
        found = load_tools().get(tool.name)
        assert found is not None, f"No installed package lists it under {GROUP!r}: install yours, e.g. pip install -e ."
        assert found is tool, f"The name is taken by {found.run.__module__}."

    def test_the_model_is_told_what_it_does_and_what_each_argument_means(self, tool: Tool[Any]) -> None:
        """The function's docstring says what the tool does, in 20 to 1,024 characters; each argument has a
        ``description``."""
        assert 20 <= len(tool.description) <= LONGEST_DESCRIPTION
        fields: Mapping[str, Any] = tool.schema.get("properties", {})
        assert [name for name, field in fields.items() if not field.get("description")] == []

    def test_every_family_of_models_takes_its_schema(self, tool: Tool[Any]) -> None:
        """The arguments are an object of fields whose names are letters, digits, ``_`` and ``-``. Each value in it
        says its type, its choices or both; no references (a model that holds itself), tuples, ``allOf`` or conditions;
        8 deep and 8,000 characters at most."""
        schema = tool.schema
        assert schema["type"] == "object"
        assert not schema.keys() & {"anyOf", "oneOf"}, "the arguments themselves are no choice"
        assert len(json.dumps(schema)) <= LARGEST_SCHEMA
        assert [fault for place, node, depth in _nodes(schema) for fault in _faults(place, node, depth)] == []

    def test_its_facts_are_declared_and_agree(self, tool: Tool[Any]) -> None:
        """Effect, modes and icon are known ones; a call has a verb, which stands in one line. What facts name are
        arguments. Only what reads may be for turns that plan or ask, or ``acts``; ``replay`` needs a ``cell``; ``undo``
        is for what writes, since nothing else is taken back."""
        fields = tool.arguments.model_fields
        assert tool.effect in get_args(Effect)
        assert tool.icon in get_args(Icon)
        assert tool.verb, "the feed has no words for it: verb=('Inviting', 'Invited')"
        assert all(word.strip() == word and word.isprintable() and 0 < len(word) <= 60 for word in tool.verb)
        assert set(tool.modes or ()) <= set(get_args(Mode))
        assert not {"plan", "ask"} & set(tool.modes or ()) or tool.effect == "read"
        assert not tool.acts or tool.effect == "read"
        named = {*tool.subject, *tool.files, *(tool.replay or ()), *([tool.opens] if tool.opens else [])}
        assert sorted(named - fields.keys()) == [], "these are no arguments of it"
        assert tool.cell or tool.replay is None
        assert tool.effect == "write" or tool.undo is None
        json.dumps(tool.to_json(), allow_nan=False)


def _package(tool: Tool[Any]) -> str:
    return tool.run.__module__.partition(".")[0]


def _nodes(schema: Mapping[str, Any], place: str = "", depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any], int]]:
    """Each schema within one, where it stands, and how deep."""
    yield place or "arguments", schema, depth
    fields: Mapping[str, Any] = schema.get("properties", {})
    inner = [(f"{place}.{name}".lstrip("."), field) for name, field in fields.items()]
    inner += [(f"{place}[]", schema["items"])] if "items" in schema else []
    for path, node in inner:
        yield from _nodes(node, path, depth + 1)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _nodes(choice, place, depth)


def _faults(place: str, node: Mapping[str, Any], depth: int) -> Iterator[str]:
    for word in sorted(node.keys() - KNOWN):
        yield f"{place}: {word}"
    if not node.keys() & {"type", "enum", "const", "anyOf", "oneOf"}:
        yield f"{place}: anything at all"
    if node.get("type") == "array" and "items" not in node:
        yield f"{place}: a list of anything"
    if depth > DEEPEST:
        yield f"{place}: too deep"
    fields: Mapping[str, Any] = node.get("properties", {})
    for name in fields:
        if not FIELD.fullmatch(name):
            yield f"{place}: the name {name!r}"
