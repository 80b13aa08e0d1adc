"""Converts chat requests to what one endpoint's chat format accepts.

Each row of ``FAMILIES`` holds what is known of a provider or model in advance. The rest is learned from refusals:
``other_form`` reads a refusal and returns the form to try instead; the caller stores it (``capabilities``). Everything
here is pure: the same history gives the same bytes, so prompt caches stay valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import groupby
from typing import Any, Literal, cast, get_args, get_type_hints

from .additions import text_in
from .base import Given, Message, ToolDefinition, is_note
from .refusals import is_failed_call, is_too_long, refuses_images

Ids = Literal["own", "nine"]
Blank = Literal["null", "text", "absent"]
System = Literal["system", "developer", "user"]
Limit = Literal["max_tokens", "max_completion_tokens"]
Schemas = Literal["full", "plain"]
Images = Literal["none", "one", "all"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """``ids``: own, a model's own ids go back to it; nine, only nine letters and digits are taken. ``blank``: what
    stands for no text beside calls. ``images``: how many pictures a request may show; "none" also where that is not
    known."""

    ids: Ids = "own"
    blank: Blank = "null"
    system: System = "system"
    limit: Limit = "max_tokens"
    schemas: Schemas = "full"
    images: Images = "none"
    user_after_tool: bool = True
    parallel: bool = True  # several calls in one message
    usage: bool = True  # a stream can be asked to report its usage
    additions: bool = True  # what the provider added to an answer is taken back
    thoughts: bool = False  # every answer has to have a reasoning_content
    signed: bool = False  # calls have to have Google's signature


FAMILIES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    # (provider or host, model, what is different); each a pattern, the later row wins
    (r"^(openai|azure)\b", "", {"limit": "max_completion_tokens"}),
    # https://docs.mistral.ai/capabilities/function_calling: nine letters or digits; tool messages end with an answer.
    ("", r"mistral|magistral|ministral|devstral|codestral|mixtral", {"ids": "nine", "user_after_tool": False}),
    (r"^mistral\b|\bmistral\.ai\b", "", {"ids": "nine", "user_after_tool": False}),
    # https://api-docs.deepseek.com/guides/thinking_mode: answers come back with their reasoning, in all later requests.
    (r"^deepseek\b|\bdeepseek\.com\b", "", {"thoughts": True}),
    # https://platform.moonshot.ai/docs: the same; an empty text does not count.
    (r"^(moonshot|kimi)\b|\bmoonshot\.(ai|cn)\b|\bkimi\.com\b", "", {"thoughts": True}),
    # https://ai.google.dev/gemini-api/docs/thought-signatures: a stand-in where the call is another model's.
    (r"\bgoogleapis\.com\b", "gemini", {"signed": True, "schemas": "plain"}),
    # Models that take images wherever they run. Of others it is known where the server says so (``server_facts``), or
    # where the test of the model settings showed it one.
    ("", r"claude-(?!2|instant)|gemini-\d|gpt-4o|gpt-4\.1|gpt-4-turbo|gpt-[5-9]", {"images": "all"}),
    ("", r"(?:^|/)o(?:1|3|4-mini)(?:$|-(?!mini|preview))", {"images": "all"}),
    ("", r"pixtral|qwen[\d.]*-vl|glm-[\d.]+v|llama-4-|nova-(?:lite|pro|premier)", {"images": "all"}),
)

BLANK_THOUGHTS = " "  # an empty text is refused like none
UNSIGNED = {"google": {"thought_signature": "skip_thought_signature_validator"}}
ANSWERED = "Noted."  # the model's, between a tool's result and the person's words
FROM_BOTH = "[From the person, and from the app builder around it]"
PERSON = "[The person says]"


def known_dialect(place: str, model: str) -> Dialect:
    """What is known beforehand of ``place`` ("provider host") and a model."""
    known: dict[str, Any] = {}
    for where, which, differs in FAMILIES:
        if re.search(where, place.lower()) and re.search(which, model.lower()):
            known |= differs
    return replace(Dialect(), **known)


def learned_fields(value: Any) -> dict[str, Any]:
    """What was learned, as far as it has the right shape: it was kept in a file."""
    if not isinstance(value, dict):
        return {}
    kinds = get_type_hints(Dialect)
    found = cast("dict[str, Any]", value)
    return {
        field.name: found[field.name]
        for field in fields(Dialect)
        if field.name in found
        and (
            isinstance(found[field.name], bool)
            if kinds[field.name] is bool
            else found[field.name] in get_args(kinds[field.name])
        )
    }


def difference(old: Dialect, new: Dialect) -> dict[str, Any]:
    before = asdict(old)
    return {name: value for name, value in asdict(new).items() if value != before[name]}


# How a conversation is told


def translate(messages: Sequence[Message], dialect: Dialect, mark: str) -> list[Message]:
    """The messages as ``dialect`` has them, for the endpoint and model that ``mark`` names."""
    messages = with_images(messages, dialect.images)
    told = [_returned(m, dialect, mark) for m in with_own_ids(messages, mark if dialect.ids == "own" else "")]
    if not dialect.parallel:
        told = list(_one_by_one(told))
    told = _joined(told, dialect)
    if dialect.thoughts:
        told = [m if m["role"] != "assistant" else {"reasoning_content": BLANK_THOUGHTS} | m for m in told]
    if dialect.signed:
        told = [_signed(m) for m in told]
    return _with_system(told, dialect)


def with_own_ids(messages: Sequence[Message], mark: str) -> list[Message]:
    """The messages with the ids that whoever ``mark`` names gave its calls, each once. Others' mean nothing to it."""
    used: set[str] = set()
    ids: dict[str, str] = {}
    told: list[Message] = []
    for message in messages:
        given: Given | None = message.get("given")
        if message["role"] == "tool":
            told.append({**message, "tool_call_id": ids.get(message["tool_call_id"], message["tool_call_id"])})
        elif message.get("tool_calls") and given and given["added"]["by"] == mark:
            calls: list[Any] = []
            for call, own in zip(message["tool_calls"], given["ids"], strict=True):
                if own and own not in used:
                    used.add(own)
                    ids[call["id"]] = own
                calls.append({**call, "id": ids.get(call["id"], call["id"])})
            told.append({**message, "tool_calls": calls})
        else:
            told.append(message)
    return told


def with_images(messages: Sequence[Message], images: Images) -> list[Message]:
    """The messages with as many pictures as may be: the newest of those that notes show. A note whose pictures go goes
    with them: the result that it belongs to says the same in words."""
    if images == "all":
        return list(messages)
    left = 1 if images == "one" else 0
    told: list[Message] = []
    for message in reversed(messages):
        if not is_note(message) or not _shows(message):
            told.append(message)
        elif left:
            first, *_, last = message["content"]
            told.append({**message, "content": [first, last]})
            left = 0
    return told[::-1]


def _shows(message: Message) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(part.get("type") == "image_url" for part in cast("list[Any]", content))


def _returned(message: Message, dialect: Dialect, mark: str) -> Message:
    """A message with what was added to it, if it goes to whoever added it."""
    given: Given | None = message.get("given")
    told = {key: value for key, value in message.items() if key != "given"}
    calls: list[dict[str, Any]] = told.get("tool_calls") or []
    if calls and not told.get("content") and dialect.blank != "null":
        told["content"] = ""
        if dialect.blank == "absent":
            del told["content"]
    if not given or given["added"]["by"] != mark or not dialect.additions:
        return told
    added = given["added"]
    told |= added["message"]
    if calls and len(added["calls"]) == len(calls):
        told["tool_calls"] = [_call_with(call, more) for call, more in zip(calls, added["calls"], strict=True)]
    return told


def _call_with(call: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    inner: dict[str, Any] = more.get("function") or {}
    return {**call, **more, "function": {**call["function"], **inner}} if more else call


def _one_by_one(messages: Sequence[Message]) -> Iterable[Message]:
    """Calls that were made together as calls made one after the other."""
    results = {m["tool_call_id"]: m for m in messages if m["role"] == "tool"}
    for message in messages:
        calls: list[dict[str, Any]] = message.get("tool_calls") or []
        if message["role"] == "tool":
            continue
        if len(calls) < 2:
            yield message
            yield from (results[call["id"]] for call in calls if call["id"] in results)
            continue
        for number, call in enumerate(calls):
            blank = {} if "content" not in message else {"content": message["content"] and ""}
            yield {**message, **(blank if number else {}), "tool_calls": [call]}
            if call["id"] in results:
                yield results[call["id"]]


def _joined(messages: Sequence[Message], dialect: Dialect) -> list[Message]:
    """The person's words and our notes that follow each other as one message: many chat templates have roles take
    turns. Where notes come with words, it says whose is what."""
    told: list[Message] = []
    group: list[Message] = []

    def close() -> None:
        if not group:
            return
        if told and told[-1]["role"] == "tool" and not dialect.user_after_tool:
            told.append({"role": "assistant", "content": ANSWERED})
        told.append(group[0] if len(group) == 1 else {"role": "user", "content": _together(group)})
        group.clear()

    for message in messages:
        if message["role"] == "user":
            group.append(message)
            continue
        close()
        told.append(message)
    close()
    return told


def _together(group: Sequence[Message]) -> str | list[dict[str, Any]]:
    notes = [is_note(message) for message in group]
    parts: list[dict[str, Any]] = [_text(FROM_BOTH)] if notes[0] and not all(notes) else []
    for place, message in enumerate(group):
        if not notes[place] and place and notes[place - 1]:
            parts.append(_text(PERSON))
        content = message["content"]
        parts += [_text(content)] if isinstance(content, str) else content
    told: list[dict[str, Any]] = []
    for kind, following in groupby(parts, lambda part: part["type"]):
        run = list(following)
        told += [_text("\n\n".join(part["text"] for part in run))] if kind == "text" else run
    return told[0]["text"] if len(told) == 1 and told[0]["type"] == "text" else told


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _signed(message: Message) -> Message:
    """Google wants a signature on the first call of each answer."""
    calls: list[dict[str, Any]] = message.get("tool_calls") or []
    if not calls or calls[0].get("extra_content"):
        return message
    return {**message, "tool_calls": [{**calls[0], "extra_content": UNSIGNED}, *calls[1:]]}


def _with_system(messages: list[Message], dialect: Dialect) -> list[Message]:
    if dialect.system == "system" or not messages or messages[0]["role"] != "system":
        return messages
    first, *rest = messages
    if dialect.system == "developer":
        return [{**first, "role": "developer"}, *rest]
    if rest and rest[0]["role"] == "user" and isinstance(rest[0]["content"], str):
        return [{"role": "user", "content": f"{first['content'].rstrip()}\n\n{rest[0]['content']}"}, *rest[1:]]
    return [{"role": "user", "content": first["content"]}, *rest]


# How tools are told

_KEPT = ("type", "description", "enum", "minimum", "maximum", "minItems", "maxItems")
DEEPEST = 12


def translate_tools(tools: Sequence[ToolDefinition], dialect: Dialect) -> list[ToolDefinition]:
    if dialect.schemas == "full":
        return list(tools)
    return [{**tool, "function": _plain_function(tool["function"])} for tool in tools]


def _plain_function(function: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = function.get("parameters") or {}
    rest = {key: value for key, value in function.items() if key not in ("parameters", "strict")}
    # An object without fields is refused by those that need this.
    return {**rest, "parameters": plain_schema(schema)} if schema.get("properties") else rest


def plain_schema(schema: Mapping[str, Any], whole: Mapping[str, Any] | None = None, depth: int = 0) -> dict[str, Any]:
    """A schema of types, fields and lists: without references, choices and null, which some servers do not know.
    What may be null may also be left out."""
    whole = schema if whole is None else whole
    if depth > DEEPEST:
        return {"type": "object"}
    if isinstance(reference := schema.get("$ref"), str):
        found = _found(whole, reference)
        return plain_schema({**found, **{k: v for k, v in schema.items() if k != "$ref"}}, whole, depth + 1)
    choices = [c for key in ("anyOf", "oneOf", "allOf") for c in schema.get(key, ()) if c.get("type") != "null"]
    if choices:
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf", "allOf")}
        return plain_schema({**choices[0], **rest}, whole, depth + 1)
    plain: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    if isinstance(kinds := plain.get("type"), list):
        plain["type"] = next((kind for kind in cast("list[Any]", kinds) if kind != "null"), "string")
    if "const" in schema:
        plain |= {"type": plain.get("type", "string"), "enum": [schema["const"]]}
    if isinstance(schema.get("items"), dict):
        plain["items"] = plain_schema(schema["items"], whole, depth + 1)
    elif plain.get("type") == "array":
        plain["items"] = {"type": "string"}
    if schema.get("properties"):
        named: dict[str, Any] = schema["properties"]
        plain["properties"] = {name: plain_schema(field, whole, depth + 1) for name, field in named.items()}
        plain["required"] = [name for name in schema.get("required", ()) if name in named]
        if not plain["required"]:
            del plain["required"]
    elif plain.get("type") == "object":
        told = f"{plain.get('description', '')} (a JSON object, as text)".strip()
        plain = {"type": "string", "description": told}
    return plain


def _found(whole: Mapping[str, Any], reference: str) -> dict[str, Any]:
    value: Any = whole
    for part in reference.removeprefix("#/").split("/"):
        value = cast("dict[str, Any]", value).get(part, {}) if isinstance(value, dict) else {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


# What a refusal says

_REFUSED = (
    "support", "not permitted", "not allowed", "unrecognized", "unknown", "unexpected", "extra", "invalid", "forbidden",
    "not accepted", "cannot", "can't", "must not", "should not", "no such", "additional propert",
)  # fmt: skip
_THOUGHTS = re.compile(r"\b(?:reasoning|thinking)[\s_-]?(?:content|text)")
"""How refusals name an answer's reasoning: what they say of it is not said of the answer's content."""
_MISSING = ("missing", "must be passed", "must include", "must contain", "require", "without", "lacks", "passed back")


def other_form(dialect: Dialect, said: str, body: Mapping[str, Any]) -> Dialect | None:
    """The dialect in which a request that was refused with these words may be taken. None where they name nothing that
    can be told in another way, or that way was it already."""
    said = said.lower()
    if not said or is_too_long(0, said) or is_failed_call(said):
        return None
    for reader in _READERS:
        found = reader(dialect, said, body)
        if found is not None and found != dialect:
            return found
    return None


def _names(said: str, signs: Iterable[str]) -> bool:
    return any(sign in said for sign in signs)


def _calls(body: Mapping[str, Any]) -> list[Message]:
    return [m for m in body["messages"] if m.get("tool_calls")]


def _images_form(dialect: Dialect, said: str, body: Mapping[str, Any]) -> Dialect | None:
    if dialect.images == "none" or not any(_shows(message) for message in body["messages"]):
        return None
    # vLLM, as reported in https://github.com/vllm-project/vllm/issues/13397
    if "at most 1 image" in said and dialect.images == "all":
        return replace(dialect, images="one")
    return replace(dialect, images="none") if refuses_images(said) else None


def _usage_form(dialect: Dialect, said: str, body: Mapping[str, Any]) -> Dialect | None:
    if "stream_options" in said or "include_usage" in said:
        return replace(dialect, usage=False)
    return None


def _limit_form(dialect: Dialect, said: str, body: Mapping[str, Any]) -> Dialect | None:
    if dialect.limit in body and dialect.limit in said:
        other: Limit = "max_tokens" if dialect.limit == "max_completion_tokens" else "max_completion_tokens"
        if other in said.replace(dialect.limit, "") or _names(said, _REFUSED):
            return replace(dialect, limit=other)
    return None


def _additions_form(dialect: Dialect, said: str, body: Mapping[str, Any]) -> Dialect | None:
    """Reasoning and signatures: wanted and not there, or there and not wanted."""
    if "signature" in said and _names(said, _MISSING) and _calls(body):
        return replace(dialect, signed=True)
    named = sorted(_added_fields(body["messages"]), key=len, reverse=True)
    mentioned = any(re.search(rf"\b{re.escape(name)}\b", said) for name in named)
    if _THOUGHTS.search(said) and _names(said, _MISSING) and not dialect.thoughts:
        return replace(dialect, thoughts=True)
    if mentioned and _names(said, _REFUSED):
        return replace(dialect, additions=False, thoughts=False, signed=False)
    return None


def _added_fields(messages: Sequence[Message]) -> set[str]:
    own = {"role", "content", "tool_calls"}
    found = {key for m in messages if m["role"] == "assistant" for key in m.keys() - own}
    found |= {key for m in messages for c in m.get("tool_calls") or () for key in c.keys() - {"id", "type", "function"}}
    parts = (m["content"] for m in messages if m["role"] == "assistant" and isinstance(m.get("content"), list))
    return found | {str(p.get("type")) for content in parts for p in content if p.get("type") != "text"}


_ORDER = re.compile(
    r"user\W.{0,60}(after|behind|following|follow|next to).{0,40}\btool"
    r"|\btool\b.{0,60}(followed by|before).{0,40}\buser"
    r"|alternat|take turns|invalid_request_message_order|(order|sequence) of (the )?(messages|roles)"
    r"|(after|behind) (a |the )?tool.{0,40}\b(expected|only) .{0,20}assistant"
)
_ID = re.compile(r"\bids?\b|tool_call_id|\bidentifier")
_ID_FORM = re.compile(
    r"length|nine\b|\bletters|a-z|pattern|alphanumeric|characters|too long|invalid|match|format|must be"
)


def _order_form(dialect: Dialect, said: str, body: Mapping[str, Any]) -> Dialect | None:
    if not _ORDER.search(said):
        return None
    if dialect.user_after_tool:
        return replace(dialect, user_after_tool=False)
    return replace(dialect, system="user") if "system" in said else None


def _id_form(dialect: Dialect, said: str, body: Mapping[str, Any]) -> Dialect | None:
    if _ID.search(said) and _ID_FORM.search(said) and _names(said, ("call", "tool")) and _calls(body):
        return replace(dialect, ids="nine")
    return None


def _system_form(dialect: Dialect, said: str, body: Mapping[str, Any]) -> Dialect | None:
    if not re.search(r"['\"`]system['\"`]|system (role|message|prompt|instruction)|role:? system|developer", said):
        return None
    if not _names(said, (*_REFUSED, "must be")):
        return None
    developer = "developer" in said and "system" in said and dialect.system == "system"
    return replace(dialect, system="developer" if developer else "user")


def _parallel_form(dialect: Dialect, said: str, body: Mapping[str, Any]) -> Dialect | None:
    several = re.search(r"(single|one|multiple|several|parallel)[ _]tool", said)
    return replace(dialect, parallel=False) if several else None


def _schema_form(dialect: Dialect, said: str, body: Mapping[str, Any]) -> Dialect | None:
    if not body.get("tools"):
        return None
    if _names(said, ("$ref", "$defs", "anyof", "any_of", "oneof", "additionalproperties", "function_declarations")) or (
        _names(said, ("schema", "parameters", "properties"))
        and _names(said, ("tool", "function", "parameters", "object"))
        and "response_format" not in said
    ):
        return replace(dialect, schemas="plain")
    return None


_BLANKS: tuple[Blank, ...] = ("null", "text", "absent")


def _blank_form(dialect: Dialect, said: str, body: Mapping[str, Any]) -> Dialect | None:
    blank = any(not text_in(m.get("content")) for m in _calls(body))
    said = _THOUGHTS.sub("", said)
    if not blank or not re.search(r"(?<!\w)contents?\b", said):
        return None
    if not _names(said, ("null", "none", "string", "text", "empty", "blank", "must", "require", "missing", "valid")):
        return None
    return replace(dialect, blank=_BLANKS[(_BLANKS.index(dialect.blank) + 1) % len(_BLANKS)])


def _anything_extra(dialect: Dialect, said: str, body: Mapping[str, Any]) -> Dialect | None:
    """A field that is not named is too much: what is least missed goes first."""
    if not _names(said, ("extra", "additional propert", "unrecognized", "unknown field", "unknown param")):
        return None
    if dialect.additions and _added_fields(body["messages"]):
        return replace(dialect, additions=False, thoughts=False, signed=False)
    return replace(dialect, usage=False)


_READERS = (
    _images_form, _usage_form, _limit_form, _additions_form, _id_form, _order_form, _parallel_form, _system_form,
    _schema_form, _blank_form, _anything_extra,
)  # fmt: skip
