"""Tools for models that cannot call them: each answer is one JSON object that names a tool and its arguments.

The schema holds the model to it while it writes, the instructions tell it what the tools are for, and the conversation
is told in plain messages, which every chat template knows. All three are pure functions of what they are given, the
same bytes each time, so that a server's prompt cache stays warm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from .base import Message, ToolDefinition

ANSWER = "answer"
"""The tool that is none: what the model says to the person, and the end of its work."""

REPAIR = (
    "That was not one JSON object. Answer again, with exactly one JSON object and nothing before or after it: "
    '{"tool": NAME, "arguments": {…}}. To say something to the person, use the tool "answer".'
)

_KEPT = ("type", "enum", "const", "minItems")
"""What a schema keeps of an argument. Bounds of lengths make grammars too large to compile, texts are told once, in the
instructions."""


def answer_schema(tools: Sequence[ToolDefinition]) -> dict[str, Any]:
    """One object: any of the tools, or the answer."""
    answer = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    functions = [tool["function"] for tool in tools]
    offered = [(function["name"], function.get("parameters") or {"type": "object"}) for function in functions]
    return {"anyOf": [_call_schema(name, parameters) for name, parameters in [*offered, (ANSWER, answer)]]}


def instructions(tools: Sequence[ToolDefinition]) -> str:
    """The part of the system prompt that describes them."""
    lines = [_told(tool["function"]) for tool in tools]
    return "\n".join(
        [
            "# How you act",
            "",
            "You act by calling one tool at a time. Each of your messages is exactly one JSON object, without anything "
            "before or after it:",
            "",
            _example(tools),
            "",
            "The next message tells you the result. Then call the next tool. The tools (? marks what may be left out):",
            "",
            *lines,
            f"- {ANSWER}(text: string): Say something to the person. It ends your work: use it only when everything is "
            "done, or to ask what you cannot find out.",
        ]
    )


def _example(tools: Sequence[ToolDefinition]) -> str:
    """A call as it is to be written. Of a tool without arguments if there is one: small models copy what they see."""
    functions = [tool["function"] for tool in tools]
    free = [f["name"] for f in functions if not (f.get("parameters") or {}).get("required")]
    return called(free[0], {}) if free else called("read_file", {"path": "src/main.js"})


def plain_messages(messages: Sequence[Message], tools: Sequence[ToolDefinition]) -> list[Message]:
    """The conversation without tool calls: calls as the objects above, results as the other side's words.

    Roles take turns, as many chat templates insist on. Without ``tools`` nothing is said about how to act.
    """
    results = {m["tool_call_id"]: str(m.get("content") or "") for m in messages if m["role"] == "tool"}
    told: list[Message] = []
    for message in messages:
        content = message.get("content") or ""
        match message["role"]:
            case "system" if tools and not told:
                _add(told, "system", f"{str(content).rstrip()}\n\n{instructions(tools)}\n")
            case "assistant" if message.get("tool_calls"):
                for call in message["tool_calls"]:  # made together, told one after the other
                    name = call["function"]["name"]
                    _add(told, "assistant", called(name, _object(call["function"]["arguments"])))
                    if call["id"] in results:
                        _add(told, "user", f"Result of {name}:\n{results[call['id']]}")
            case "assistant":
                _add(told, "assistant", called(ANSWER, {"text": content}))
            case "tool":
                pass
            case role:
                _add(told, role, content)
    return told


def called(name: str, arguments: Mapping[str, Any]) -> str:
    """A call as the model is expected to write it."""
    return json.dumps({"tool": name, "arguments": arguments}, ensure_ascii=False)


def _add(told: list[Message], role: str, content: Any) -> None:
    last = told[-1] if told else None
    if last and last["role"] == role and role != "assistant" and isinstance(content, str) and _is_text(last):
        last["content"] += f"\n\n{content}"
    else:
        told.append({"role": role, "content": content})


def _is_text(message: Message) -> bool:
    return isinstance(message["content"], str)


def _object(arguments: str) -> dict[str, Any]:
    try:
        value: Any = json.loads(arguments)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _call_schema(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"tool": {"const": name}, "arguments": _lean(parameters)},
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }


def _lean(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with what a grammar needs and no more. What may be null may also be left out: the null goes."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        return _lean(choices[0])
    lean: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    if choices:
        lean["anyOf"] = [_lean(choice) for choice in choices]
    if "items" in schema:
        lean["items"] = _lean(schema["items"])
    if schema.get("type") == "object":
        lean["properties"] = {name: _lean(field) for name, field in schema.get("properties", {}).items()}
        lean["required"] = list(schema.get("required", ()))
        lean["additionalProperties"] = False
    return lean


def _told(function: Mapping[str, Any]) -> str:
    parameters: dict[str, Any] = function.get("parameters") or {}
    required: Sequence[str] = parameters.get("required", ())
    fields: dict[str, Any] = parameters.get("properties", {})
    arguments = ", ".join(
        f"{name}{'' if name in required else '?'}: {_kind(_lean(field))}" for name, field in fields.items()
    )
    description = " ".join(str(function.get("description") or "").split())
    return f"- {function['name']}({arguments}): {description}"


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"[{_kind(schema.get('items', {}))}]"
        case "object" if schema.get("properties"):
            return "{" + ", ".join(f"{name}: {_kind(field)}" for name, field in schema["properties"].items()) + "}"
        case kind:
            return str(kind or "any")
