"""Which tools a turn may use, by mode."""

from __future__ import annotations

from typing import Any

from ..errors import AppBuilderError, Conflict
from ..events import Mode
from ..turns.modes import WRITE_PLAN
from .base import Tool


def refusal(tool: Tool[Any], mode: Mode) -> AppBuilderError | None:
    """Why the agent may not use a tool in a turn of this mode; None where it may."""
    if tool.modes is not None:
        if mode in tool.modes:
            return None
        hint = "Do the work." if mode == "build" else "Answer in words."
        wanted = " or ".join(tool.modes)
        return Conflict(f"{tool.name} is for turns in {wanted} mode, and this is none.", hint=hint, reason="mode")
    if mode == "build" or (tool.effect == "read" and not tool.acts):
        return None
    if mode == "plan":
        what = "this turn is for planning only"
        hint = f"Write what you would do with it into the plan, and hand that over ({WRITE_PLAN}, or as your answer)."
    else:
        what = "this turn only answers a question"
        hint = "Answer in words from what you can read. The person can ask for a change in build mode."
    return Conflict(
        f"{tool.name} was not run: {what}, and nothing may be changed or run in it.", hint=hint, reason="mode"
    )
