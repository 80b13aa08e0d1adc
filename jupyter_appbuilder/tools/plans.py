"""The tool that hands a plan to the person."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..errors import Conflict, InvalidInput
from ..plans import name_of
from .base import Arguments, Tool, ToolContext, ToolResult, tool


class WritePlan(Arguments):
    text: str = Field(min_length=1, max_length=60_000, description="The whole plan, in Markdown.")


@tool(effect="read")
async def write_plan(context: ToolContext, arguments: WritePlan) -> ToolResult:
    """Hand a plan to the person, who edits it and accepts it or asks for another. Only in a turn that a note says is
    for planning; it ends that turn."""
    if context.turn is None:
        raise Conflict(
            "write_plan belongs to a turn in plan mode.",
            hint="Ask for a plan: send a message in plan mode.",
            reason="mode",
        )
    text = arguments.text.strip()
    if not text:
        raise InvalidInput("The plan is empty.", hint="Send the whole plan as text.", field="text")
    return ToolResult(
        "The plan was handed to the person.", f"Plan: {name_of(text)}", detail={"lines": len(text.split("\n"))}
    )


PLAN_TOOLS: list[Tool[Any]] = [write_plan]
