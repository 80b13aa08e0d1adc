"""Tools that write a plan and tick off its items."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..errors import Conflict, InvalidInput
from ..log.journal import StoredEvents
from ..turns.plans import checklist, name_of
from .base import Arguments, Tool, ToolContext, ToolResult, tool


class WritePlan(Arguments):
    text: str = Field(min_length=1, max_length=60_000, description="The whole plan, in Markdown.")


@tool(effect="read", modes=["plan"], verb=("Writing a plan", "Wrote a plan"), icon="plan")
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


class TickPlan(Arguments):
    items: list[int] = Field(
        min_length=1, max_length=200, description="Numbers of the `- [ ]` items that are done, counted from 1."
    )


@tool(effect="read", acts=True, verb=("Ticking off the plan", "Ticked off the plan"), icon="check")
async def tick_plan(context: ToolContext, arguments: TickPlan) -> ToolResult:
    """Tick off items of the plan that you build, for the person to see. Call it beside the call that begins the next
    item, or that checks the app; not for what is not done yet."""
    known = checklist(context.service(StoredEvents).stored)
    if known is None or not known.items:
        what = "The plan has no `- [ ]` items" if known else "No plan was accepted"
        raise Conflict(f"{what}: there is nothing to tick off.", hint="Go on without.", reason="no_plan")
    wrong = [number for number in arguments.items if not 1 <= number <= len(known.items)]
    if wrong:
        raise InvalidInput(
            f"The plan has {len(known.items)} items, and no number {wrong[0]}.",
            hint="Count its `- [ ]` items from 1, those of sublists too.",
            field="items",
        )
    ticked = sorted(set(arguments.items))
    done = {*known.done, *ticked}
    left = [f"{number}. {item}" for number, item in enumerate(known.items, 1) if number not in done]
    text = f"{len(done)} of {len(known.items)} items of the plan are done. "
    text += f"Left: {'; '.join(left)}" if left else "All are."
    named = known.items[ticked[0] - 1] if len(ticked) == 1 else f"{len(ticked)} items of the plan"
    detail = {"plan": known.plan, "done": ticked, "items": [known.items[number - 1] for number in ticked]}
    return ToolResult(text, f"Ticked off {named}", detail=detail)


PLAN_TOOLS: list[Tool[Any]] = [write_plan, tick_plan]
