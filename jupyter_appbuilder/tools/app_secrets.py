"""``request_secret``: asks the person for a key or password that the app's server needs. Its value is nobody's but
theirs: the agent gets to know whether it is set."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..templates.templates import Template
from .base import Arguments, Secrets, Tool, ToolContext, ToolResult, tool


class RequestSecret(Arguments):
    name: str = Field(description="As the code reads it: API_KEY for env.API_KEY", max_length=100)
    why: str = Field(
        min_length=1, max_length=1000, description="What it is for and where to get it, in one sentence for the person"
    )


@tool(
    effect="read",
    acts=True,
    asks=True,
    needs="secrets",
    verb=("Asking for", "Asked for"),
    icon="key",
    subject=["name"],
)
async def request_secret(context: ToolContext, arguments: RequestSecret) -> ToolResult:
    """Ask the person for a secret that the server's code needs (an API key, a password); functions get it as env.NAME,
    others by secret("NAME"), nothing else does. Never ask for one in the chat, never write one into a file."""
    secrets = context.service(Secrets)
    name = secrets.ask(arguments.name.strip())
    detail: dict[str, Any] = {"name": name}
    calls = (template := context.service(Template, None)) is not None and not template.functions
    read = f'secret("{name}")' if calls else f"env.{name}"
    told = f"The code reads it as {read}; its value is shown to nobody, and masked where it is printed."
    if await secrets.is_set(name):
        return ToolResult(f"{name} is set. {told}", f"{name} is set", detail=detail | {"set": True})
    answer = await context.ask(
        f"The app needs the secret {name}.", kind="secret", subject=name, reason=arguments.why.strip()
    )
    if await secrets.is_set(name):
        return ToolResult(f"The person has set {name}. {told}", f"{name} is set", detail=detail | {"set": True})
    why = (
        "Nobody could be asked." if answer.cause == "unattended" else "The person has not set it, and may do so later."
    )
    text = (
        f"{name} is not set. {why} Go on without asking again: write the code so that it answers 503 with a "
        f"sentence that names {name} while {read} is missing."
    )
    return ToolResult(text, f"{name} is not set yet", detail=detail | {"set": False})


SECRET_TOOLS: list[Tool[Any]] = [request_secret]
