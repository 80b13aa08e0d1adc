"""What the servers that people run say when they cannot do what was asked, in their own words."""

from __future__ import annotations

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


def refuses_tools(status: int, said: str) -> bool:
    """Whether an answer means that tools cannot be called there. A complaint about one tool's schema does not."""
    return (
        status in (400, 404, 405, 422, 500, 501)
        and _names(said, _TOOLS)
        and _names(said, _CANNOT[:-2])
        and not _names(said, ("schema", "parameters", "response_format"))
    )


def refuses_format(status: int, said: str) -> bool:
    """Whether an answer means that it cannot be held to a format in the way it was asked for."""
    return status in (400, 404, 405, 422, 500, 501) and _names(said, _FORMATS) and _names(said, (*_CANNOT, "failed"))


def _names(said: str, signs: tuple[str, ...]) -> bool:
    lower = said.lower()
    return any(sign in lower for sign in signs)
