"""Recognises refusals of self-hosted model servers by their messages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

LONGEST = 300  # characters of what a server said
FARTHEST = 20_000  # characters of a text in which it is looked for
LARGEST_BODY = 500_000  # characters of JSON that are read

_CANNOT = (
    "support",  # Ollama: "… does not support tools"; OpenRouter: "No endpoints found that support tool use"
    "requires --",  # llama.cpp: "tools param requires --jinja flag"; vLLM: "… requires --enable-auto-tool-choice"
    "not allowed",
    "not permitted",
    "not implemented",
    "not enabled",
    "unrecognized",
    "unknown",
    "unexpected",
    "extra inputs",
    "must be",  # LM Studio: "'response_format.type' must be 'json_schema' or 'text'"
    "invalid",
)
_TOOLS = ("tools", "tool use", "tool choice", "tool call", "tool_choice", "function call")
_FORMATS = ("response_format", "json_schema", "json schema", "json_object", "grammar", "structured output", "guided")


TOO_LONG = (
    "context length",
    "context_length",
    "context window",
    "context size",
    "too many tokens",
    "prompt is too long",
    "input is too long",
    "maximum number of tokens",
    "maximum context",
    "exceeds the maximum number of input tokens",
)
"""What servers say of a conversation that is longer than the model can read."""

_SPENT = re.compile(r"\b(?:quota|billing|credits?|(?<!load )(?<!load-)balance)\b(?!d)", re.IGNORECASE)
_SOON = re.compile(r"\b(?:retry|try again) (?:in|after)\b|\bper (?:minute|second|hour|day)\b", re.IGNORECASE)
_KEY = re.compile(r"\b(?:api[ _-]?key|(?:the|your|this|access|auth\w*) (?:key|token)|credentials?)\b", re.IGNORECASE)
_WRONG = re.compile(
    r"\b(?:not|no|in?valid|incorrect|wrong|unknown|expired|revoked|missing|denied|refused|rejected)\b|_INVALID\b",
    re.IGNORECASE,
)
_FAILED_CALL = re.compile(
    r"failed to call a function|tool call validation failed|attempted to call tool .{0,100}not in request"
    r"|failed_generation|model (?:generated|produced) .{0,40}(?:not|n't) be parsed",
    re.IGNORECASE,
)
_IMAGES = re.compile(
    r"\b(?:images?|pictures?|vision|multi-?modal)\b|image_?url|input_image"
    # Servers that take nothing but text say so of the content: Groq, DeepSeek, Z.ai.
    r"|\bcontent\b.{0,40}\b(?:must|should) be a (?:valid )?string|sequence, expected a string"
    r"|untagged enum \w*content|\bcontent\.type\b.{0,60}\['text'\]"
    r"|(?:entity|payload|content) too large",
    re.IGNORECASE,
)
_DATA = re.compile(
    r"data:[\w/+.-]{0,100};base64,[\w+/=-]*|(?:iVBORw0KGgo|/9j/|UklGR)[\w+/]{40,}={0,2}"
)  # PNG, JPEG, WebP
_TITLE = re.compile(r"<(title|h1)[^>]{0,200}>([^<]{1,500})", re.IGNORECASE)

_KINDS = {
    "rate_limit": 429,
    "too_many_requests": 429,
    "resource_exhausted": 429,
    "overloaded": 503,
    "unavailable": 503,
    "insufficient_quota": 402,
    "billing": 402,
    "authentication": 401,
    "unauthenticated": 401,
    "invalid_api_key": 401,
    "permission": 403,
    "not_found": 404,
    "context_length": 400,
    "invalid_request": 400,
    "invalid_argument": 400,
    "bad_request": 400,
}
"""What servers call the kinds of their errors, and the status that they stand for."""


def said_in(body: Any) -> str:
    """What an error's body tells people, in at most 300 characters: of JSON its message, of a page its title."""
    text = without_data(" ".join(_message(body, 0)[:FARTHEST].split()))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def without_data(said: str) -> str:
    """What a server said without a picture that it quotes."""
    return _DATA.sub("data:…", said)


def reported_in(event: Mapping[str, Any]) -> Any:
    """The error that an event of a stream, or a document, reports; None for an answer."""
    if error := event.get("error"):
        return error
    if event.get("object") == "error" or event.get("type") == "error":
        return event
    choices: Any = event.get("choices")
    first: Any = cast("list[Any]", choices)[0] if isinstance(choices, list) and choices else None
    if isinstance(first, dict) and (error := cast("dict[str, Any]", first).get("error")):
        return error
    return None if event.get("choices") or "detail" not in event else event


def status_of(error: Any) -> int:
    """The HTTP status that a reported error stands for; 0 where it does not say."""
    if isinstance(error, list) and error:
        error = cast("list[Any]", error)[0]
    if not isinstance(error, dict):
        return 0
    fields = cast("dict[str, Any]", error)
    if isinstance(inner := fields.get("error"), dict):
        return status_of(cast("dict[str, Any]", inner))
    told = [fields.get(name) for name in ("code", "status_code", "status", "type", "reason")]
    for value in told:
        if isinstance(value, (int, str)) and str(value).isdecimal() and 400 <= int(str(value)[:4]) < 600:
            return int(value)
    names = " ".join(str(value).lower() for value in told if isinstance(value, str))
    return next((status for name, status in _KINDS.items() if name in names), 0)


def is_too_long(status: int, said: str) -> bool:
    """True if the conversation is longer than the model can read."""
    return status == 413 or _names(said, TOO_LONG)


def is_about_the_key(status: int, said: str) -> bool:
    """True if the key was refused. Some servers answer 400, and only the words tell."""
    return status in (401, 403) or (status in (400, 422) and bool(_KEY.search(said) and _WRONG.search(said)))


def is_spent(status: int, said: str) -> bool:
    """True if the account has no credit left, and waiting helps nothing."""
    return status == 402 or (bool(_SPENT.search(said)) and not _SOON.search(said))


def is_failed_call(said: str) -> bool:
    """True if the model's answer, not the request, was at fault: some servers (Groq) check calls themselves, and answer
    400 to those that do not fit. Asked again, it may do better."""
    return bool(_FAILED_CALL.search(said))


def _message(value: Any, depth: int) -> str:
    if depth > 6 or value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return _of_text(value.strip(), depth)
    if isinstance(value, list):
        found = (_message(item, depth + 1) for item in cast("list[Any]", value)[:5])
        return next((text for text in found if text), "")
    if not isinstance(value, dict):
        return ""
    fields = cast("dict[str, Any]", value)
    error = fields.get("error")
    inner = None if isinstance(error, str) else error  # which is often only the status in words
    for value in (inner, *(fields.get(name) for name in ("message", "msg", "detail", "error_description"))):
        if text := _message(value, depth + 1):
            return _with_source(text, fields.get("metadata"), depth)
    for value in (error, fields.get("errors"), fields.get("title")):
        if text := _message(value, depth + 1):
            return text
    return ""


def _with_source(text: str, metadata: Any, depth: int) -> str:
    """Gateways say "Provider returned error", and what it was beside that."""
    source = _message(cast("dict[str, Any]", metadata).get("raw"), depth + 1) if isinstance(metadata, dict) else ""
    return f"{text}: {source}" if source and source not in text else text


def _of_text(text: str, depth: int) -> str:
    if text.startswith(("{", "[")) and len(text) < LARGEST_BODY:
        try:
            return _message(json.loads(text), depth + 1) or text
        except (ValueError, RecursionError):
            return text
    if text.startswith("<"):
        title = _TITLE.search(text, 0, FARTHEST)
        return title[2].strip() if title else ""
    return text


def refuses_tools(status: int, said: str) -> bool:
    """True if an answer means that tools cannot be called there. A complaint about one tool's schema does not."""
    return (
        status in (400, 404, 405, 422, 500, 501)
        and _names(said, _TOOLS)
        and _names(said, _CANNOT[:-2])
        and not _names(said, ("schema", "parameters", "response_format"))
    )


def refuses_format(status: int, said: str) -> bool:
    """True if an answer means that it cannot be held to a format in the way it was asked for."""
    return status in (400, 404, 405, 422, 500, 501) and _names(said, _FORMATS) and _names(said, (*_CANNOT, "failed"))


def refuses_images(said: str) -> bool:
    """True if the refusal of a request with pictures may be about these. Whether it was, is told by the answer to the
    same request without them."""
    return _IMAGES.search(said) is not None


def _names(said: str, signs: tuple[str, ...]) -> bool:
    lower = said.lower()
    return any(sign in lower for sign in signs)
