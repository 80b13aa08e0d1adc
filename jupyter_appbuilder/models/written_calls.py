"""Parses tool calls that a model wrote as text in its own markup instead of calling.

Read are the forms that models and servers publish: Hermes and Qwen (``<tool_call>{…}</tool_call>``), Qwen3-Coder and
Llama (``<function=name>``), Kimi K2 (``<|tool_calls_section_begin|>``), GLM (``<arg_key>``), DeepSeek
(``<｜tool▁calls▁begin｜>``), Mistral (``[TOOL_CALLS]``), Gemini (``tool_code``), gpt-oss (``to=functions.name``),
``<invoke name="…">``, and the like.

An answer may also quote such markup, from a file that somebody else wrote. So a call is read only where it names a tool
that was offered, is the end of the answer, stands in no code fence, quotation or code span, and its lines do not all
stand in what the model was shown. What is meant for a call and is not read is told to the model; it never ends a turn
as done.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..tools.names import known_name
from .base import Message, ToolCallRequest
from .object_answer import as_call, raw

LONG = 50_000  # characters
MOST_TRIES = 16  # beginnings of a call in one answer that are looked at
MOST_CALLS = 100  # in one answer
MOST_LINES = 20  # of a call, the longest, that are looked for in what the model was shown
NEAR = 300  # characters after such a beginning in which a tool has to be named
LONGEST_CODE = 400_000  # characters of Python that are parsed

_DECODER = json.JSONDecoder(strict=False)
_SPECIAL = r"<[|｜][^<>|｜\n]{1,60}[|｜]>"
_SPACE = r"(?:antml:|minimax:|[|｜]DSML[|｜])?"
_WRAPPER = rf"</?{_SPACE}(?:tool_calls?|toolcall|TOOLCALL|function_calls|tools?|function|invoke)>"

_OPENS = re.compile(
    rf"""
    <[|｜](?:tool[▁_]calls?(?:[▁_]section)?[▁_]begin|tool_call|python_tag|action_start|START_ACTION|channel)[|｜]>
    | <{_SPACE}(?:tool_calls?|toolcall|TOOLCALL|function_calls)>
    | <{_SPACE}(?:function|invoke)(?:=|\ name=)
    | \[TOOL_CALLS\]
    | ```(?:tool_code|tool_call)\b
    """,
    re.VERBOSE,
)
_NOISE = re.compile(rf"(?:\s++|[,;]|{_SPECIAL}|{_WRAPPER}|\[/?TOOL_CALLS\]|```\w*|function(?=<[|｜]))+")
_BEFORE_ARGUMENTS = re.compile(rf"(?:\s++|{_SPECIAL}|\[CALL_ID\]\w*|\[ARGS\]|```(?:json)?(?=\s))*")
_NAMED = re.compile(rf"""<{_SPACE}(?:function|invoke)(?:=|\s+name=)["']?([\w.:/-]+)["']?\s*>\s*""")
_PARAMETER = re.compile(rf"""\s*<{_SPACE}parameter(?:=|\s+name=)["']?([\w.-]+)["']?([^>\n]{{0,60}})>""")
_PARAMETER_END = re.compile(
    rf"</{_SPACE}parameter>(?=\s*(?:<{_SPACE}parameter[=\s]|</{_SPACE}(?:function|invoke)>|\Z))"
)
_NAME = re.compile(r"[A-Za-z_][\w.:/-]*")
_ARGUMENT = re.compile(r"\s*<arg_key>([^<]{1,100})</arg_key>\s*<arg_value>")
_HARMONY = re.compile(r"(?:<\|channel\|>\w+)?\s*to=([\w.:-]+)[^{<]{0,40}(?:<\|constrain\|>\w*)?\s*<\|message\|>\s*")
_PYTHON = re.compile(r"(?:print\s*\(\s*)?\[?\s*[A-Za-z_][\w.]*\s*\(")
_LAST_MARK = re.compile(rf"(?:```|{_SPECIAL}|{_WRAPPER})\Z")
LONGEST_MARK = 64  # characters
_AFTER = re.compile(r"\s*(?:[<\[]|\Z)")
_TAG = re.compile(r"<([A-Za-z_:]+)")
_TAGS = ("tool_call", "toolcall", "TOOLCALL", "function", "invoke", "antml:", "minimax:")
_MAY_BE = re.compile(r"""\{\s*(?:["}]|\Z)|\[\s*(?:[\w{"]|\Z)|`{1,2}\Z|```|<(?:[|｜]|\Z)""")
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})([^\n`]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Written:
    """``calls`` that an answer ends with, after ``text``; none where they could not be read, or must not be."""

    text: str
    calls: tuple[ToolCallRequest, ...] = ()


def written_calls(
    text: str, tools: Collection[str], was_shown: Callable[[str], bool] = lambda _: False
) -> Written | None:
    """The calls that an answer without any holds as text; None where it is just words.

    ``was_shown`` tells whether a piece of text stands in what the model was shown: then it is a quotation.
    """
    whole = text.strip()
    if whole.startswith(("{", "[")) and (calls := _read(whole, 0, tools)) is not None:  # and nothing beside it
        return _accepted("", whole, calls, was_shown)
    meant: Written | None = None
    fences: list[tuple[int, int]] | None = None
    for tries, opened in enumerate(_OPENS.finditer(text)):
        if tries == MOST_TRIES:
            break
        start = opened.start()
        if _is_quoted(text, start) or not _names_a_tool(text[start : start + NEAR], tools):
            continue
        fences = _fences(text) if fences is None else fences
        fenced = any(begins < start < ends for begins, ends in fences)
        calls = _read(text, start, tools)
        if calls is None and fenced:
            continue  # shown to the person as an example
        if calls is None or fenced:
            meant = meant or Written(text)
            continue
        return _accepted(text[:start].rstrip(), text[start:].strip(), calls, was_shown)
    return meant


async def ending_calls(text: str, tools: Collection[str], messages: Sequence[Message]) -> Written | None:
    """``written_calls`` of an answer to ``messages``, beside the event loop where it is long."""
    if len(text) < LONG:
        return written_calls(text, tools, shown_in(messages))
    return await asyncio.to_thread(written_calls, text, tools, shown_in(messages))


def shown_in(messages: Sequence[Message]) -> Callable[[str], bool]:
    """For ``written_calls``: whether the lines of a text stand in results of tools, or in what the person said. Results
    may put something before each line."""

    def was_shown(text: str) -> bool:
        said = [str(message.get("content")) for message in messages if message["role"] in ("tool", "user")]
        lines = sorted({line.strip() for line in text.splitlines()}, key=len)[-MOST_LINES:]
        return all(any(line in content for content in said) for line in lines)

    return was_shown


def may_begin_call(text: str) -> bool:
    """True if an answer that begins so, as far as it has come, may turn out to be a call."""
    tag = _TAG.match(text)
    if tag:
        return any(name.startswith(tag[1]) or tag[1].startswith(name) for name in _TAGS)
    return _MAY_BE.match(text) is not None


def begun_call(text: str, tools: Collection[str]) -> str:
    """The tool that an answer which begins so is about to call; empty where that cannot be told."""
    opened = _OPENS.match(text)
    if not opened:
        return ""
    for name in _NAME.finditer(text, opened.end(), opened.end() + NEAR):
        if name.end() < len(text) and (known := _tool(name[0], tools)):
            return known
    return ""


def _accepted(before: str, markup: str, calls: list[tuple[str, Any]], was_shown: Callable[[str], bool]) -> Written:
    if was_shown(markup):
        return Written(f"{before}\n{markup}" if before else markup)
    requests = tuple(ToolCallRequest(f"call_{n}", name, raw(given)) for n, (name, given) in enumerate(calls))
    return Written(before, requests)


def _read(text: str, place: int, tools: Collection[str]) -> list[tuple[str, Any]] | None:
    """The calls from ``place`` to the end of the text; None where anything else stands there."""
    found: list[tuple[str, Any]] = []
    while True:
        harmony = _HARMONY.match(text, place)
        noise = None if harmony else _NOISE.match(text, place)
        place = noise.end() if noise else place
        if place >= len(text):
            return found or None
        read = _one(text, place, tools)
        if read is None:
            return None
        calls, place = read
        if len(found) + len(calls) > MOST_CALLS:
            return None
        for name, given in calls:
            if not (known := _tool(name, tools)):
                return None
            found.append((known, given))


def _one(text: str, place: int, tools: Collection[str]) -> tuple[list[tuple[str, Any]], int] | None:
    if harmony := _HARMONY.match(text, place):
        return _with_object(text, harmony.end(), harmony[1])
    if named := _NAMED.match(text, place):
        return _with_parameters(text, named.end(), named[1])
    if text[place] in "{[" and (read := _objects(text, place, tools)):
        return read
    if _PYTHON.match(text, place):
        return _python(text, place, tools)
    if (name := _NAME.match(text, place)) and _tool(name[0], tools):
        return _with_arguments(text, name.end(), name[0])
    return None


def _with_object(text: str, place: int, name: str) -> tuple[list[tuple[str, Any]], int] | None:
    try:
        value, end = _DECODER.raw_decode(text, place)
    except (ValueError, RecursionError):
        return None
    return ([(name, value)], end) if isinstance(value, dict) else None


def _with_parameters(text: str, place: int, name: str) -> tuple[list[tuple[str, Any]], int] | None:
    """``<parameter=path>…</parameter>``, or one JSON object."""
    if text.startswith("{", place):
        return _with_object(text, place, name)
    given: dict[str, Any] = {}
    while begun := _PARAMETER.match(text, place):
        ended = _PARAMETER_END.search(text, begun.end())
        if not ended:
            return None
        value = text[begun.end() : ended.start()]
        if 'string="false"' in begun[2]:
            given[begun[1]] = _value(value)
        else:
            given[begun[1]] = value.removeprefix("\n").removesuffix("\n")
        place = ended.end()
    return [(name, given)], place


def _with_arguments(text: str, place: int, name: str) -> tuple[list[tuple[str, Any]], int] | None:
    """What follows a name: a JSON object, keys and values, or the end of a call without arguments."""
    if text.startswith("{", begun := cast("re.Match[str]", _BEFORE_ARGUMENTS.match(text, place)).end()):
        return _with_object(text, begun, name)
    given: dict[str, Any] = {}
    while key := _ARGUMENT.match(text, place):
        end = text.find("</arg_value>", key.end())
        if end < 0:
            return None
        given[key[1].strip()] = text[key.end() : end]
        place = end + len("</arg_value>")
    return ([(name, given)], place) if _AFTER.match(text, place) else None


def _objects(text: str, place: int, tools: Collection[str]) -> tuple[list[tuple[str, Any]], int] | None:
    try:
        value, end = _DECODER.raw_decode(text, place)
    except (ValueError, RecursionError):
        return None
    listed: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
    calls: list[tuple[str, Any]] = []
    for item in listed:
        call = as_call(cast("dict[str, Any]", item), tools) if isinstance(item, dict) else None
        if call is None:
            return None
        calls.append(call)
    return (calls, end) if calls else None


def _python(text: str, place: int, tools: Collection[str]) -> tuple[list[tuple[str, Any]], int] | None:
    """Calls as Python, up to the end: ``print(default_api.write_file(path="…"))``, ``[list_files()]``."""
    if len(text) - place > LONGEST_CODE:
        return None
    code = text[place : _end_of_code(text, place)]
    try:
        body = ast.parse(code).body
        calls = [call for statement in body for call in _python_calls(statement, tools)]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    return (calls, len(text)) if calls else None


def _end_of_code(text: str, place: int) -> int:
    """Where what stands at ``place`` ends, without the marks behind it."""
    end = len(text)
    while end > place:
        if text[end - 1].isspace():
            end -= 1
        elif (mark := _LAST_MARK.search(text, max(place, end - LONGEST_MARK), end)) is not None:
            end = mark.start()
        else:
            break
    return end


def _python_calls(statement: ast.stmt, tools: Collection[str]) -> list[tuple[str, Any]]:
    if not isinstance(statement, ast.Expr):
        raise ValueError
    value = statement.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "print":
        return [_python_call(item, tools) for item in value.args]
    return [_python_call(item, tools) for item in (value.elts if isinstance(value, ast.List) else [value])]


def _python_call(value: ast.expr, tools: Collection[str]) -> tuple[str, Any]:
    if not isinstance(value, ast.Call) or value.args:
        raise ValueError
    name = ast.unparse(value.func)
    if not _tool(name, tools):
        raise ValueError
    return name, {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in value.keywords}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _names_a_tool(text: str, tools: Collection[str]) -> bool:
    return any(_tool(name[0], tools) for name in _NAME.finditer(text))


def _tool(name: str, tools: Collection[str]) -> str:
    """The tool that a name in some markup means; empty if it means none."""
    known = known_name(name.removesuffix(".call"), tools)  # Llama: brave_search.call(query="…")
    return known if known in tools else ""


def _is_quoted(text: str, place: int) -> bool:
    """True if it stands in a quotation or in a code span."""
    line = text[text.rfind("\n", 0, place) + 1 : place].lstrip()
    return line.startswith(">") or (line.count("`") % 2 == 1 and not text.startswith("```", place))


def _fences(text: str) -> list[tuple[int, int]]:
    """Where code fences begin and end; one that is never closed goes to the end."""
    found: list[tuple[int, int]] = []
    begun, fence = 0, ""
    for line in _FENCE.finditer(text):
        if not fence:
            begun, fence = line.start(), line[1]
        elif line[1].startswith(fence) and not line[2].strip():
            found.append((begun, line.end()))
            fence = ""
    return [*found, (begun, len(text) + 1)] if fence else found
