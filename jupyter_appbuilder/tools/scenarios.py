"""The tools for scenarios: what the person asked for, written down as steps and tried again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import Field

from ..errors import InvalidInput, NotFound, Unavailable
from ..eyes.base import DESKTOP, Theme
from ..eyes.scenarios import (
    FOLDER,
    Comparison,
    Listed,
    Outcome,
    Scenario,
    compared,
    digest,
    list_scenarios,
    name_for,
    try_all,
    written,
)
from ..eyes.steps import Steps, Width
from ..log.journal import StoredEvents
from ..turns.tried import last_tried
from .base import Arguments, Tool, ToolContext, ToolResult, tool

MOST_TOLD = 20  # failing ones
LONGEST_WHY = 300  # characters, in a line for people


class WriteScenario(Arguments):
    title: str = Field(
        description="What works, as the person would say it: A task can be added", min_length=3, max_length=120
    )
    steps: Steps = Field(description="Those of use_app, with expectations")
    width: Width = Field(DESKTOP, description="Of the window, in px")
    theme: Theme = Field("light", description="What the person's system prefers")
    reason: str = Field("", max_length=500, description="Only to change one that worked: why. The person reads it.")


@tool(
    effect="write",
    modes=("build",),
    verb=("Writing a scenario", "Wrote a scenario"),
    icon="check",
    finds=True,
    subject=["title"],
)
async def write_scenario(context: ToolContext, arguments: WriteScenario) -> ToolResult:
    """Write down something that the person asked for as steps and expectations, and try it. It is kept with the app
    (scenarios/*.yaml), and all of them are tried when you finish. One of the same title is replaced."""
    scenario = Scenario(title=arguments.title, width=arguments.width, theme=arguments.theme, steps=arguments.steps)
    if not any(step.do in ("expect", "wait") for step in scenario.steps):
        raise InvalidInput(
            "Nothing is expected in this scenario.",
            hint="Say with expect what is to be seen at the end.",
            field="steps",
        )
    name = name_for(scenario.title, await list_scenarios(context.workspace))
    before = tried_before(context).get(name)
    changed = bool(before and before.get("worked") and before["worked"] != digest(scenario))
    if changed and not arguments.reason.strip():
        raise InvalidInput(
            f'The scenario "{scenario.title}" worked, and these are other steps.',
            hint="Mend the app so that it works again. If the person wants something else now, say so in reason.",
            field="reason",
        )
    text = await asyncio.to_thread(written, name, scenario)
    await context.workspace.write(f"{FOLDER}{name}.yaml", text)
    listed = Listed(name, scenario)
    did = "Changed" if before else "Wrote"
    why = f" Why it was changed: {arguments.reason.strip()}" if changed else ""
    try:
        outcomes = await _try(context, [listed])
    except Unavailable as error:
        return ToolResult(
            f"{did} {listed.path}. It was not tried: {error}{why}",
            f'{did} the scenario "{scenario.title}", not tried.{why}',
            detail={"untried": str(error).rstrip(".")},
        )
    (outcome,) = outcomes
    went = "works." if outcome.ok else f"fails. {outcome.why[:LONGEST_WHY]}"
    return ToolResult(
        f"{did} {listed.path}. " + ("It works." if outcome.ok else f"It fails. {_described(outcome)}") + why,
        f'{did} the scenario "{scenario.title}": {went}{why}',
        ok=outcome.ok,
        detail={"scenarios": detail(outcomes, whole=False), "reason": arguments.reason.strip()},
    )


class TryScenarios(Arguments):
    names: list[str] = Field(
        default_factory=list, description="Names of files below scenarios/, without .yaml; none: all of them"
    )


@tool(
    effect="read", acts=True, modes=("build",), verb=("Trying scenarios", "Tried scenarios"), icon="check", finds=True
)
async def try_scenarios(context: ToolContext, arguments: TryScenarios) -> ToolResult:
    """Try the app's scenarios: all, or some by name."""
    listed = await list_scenarios(context.workspace)
    if unknown := sorted({*arguments.names} - {one.name for one in listed}):
        known = ", ".join(one.name for one in listed) or "none"
        raise NotFound(f"There is no scenario {unknown[0]!r}.", hint=f"There are: {known}.", field="names")
    if not listed:
        return ToolResult(
            "The app has no scenarios yet. The agent writes them (write_scenario), or the person does, in scenarios/.",
            "The app has no scenarios yet",
            detail={"scenarios": detail([], whole=True)},
        )
    wanted = [one for one in listed if not arguments.names or one.name in arguments.names]
    outcomes = await _try(context, wanted)
    failed = [one for one in outcomes if not one.ok]
    return ToolResult(
        told(outcomes, compared(_some(tried_before(context), wanted), outcomes)),
        headline(outcomes),
        ok=not failed,
        detail={"scenarios": detail(outcomes, whole=not arguments.names)},
    )


async def _try(context: ToolContext, listed: Sequence[Listed]) -> list[Outcome]:
    """Try scenarios in the running app. Raises ``Unavailable`` where it does not run, or nobody can look."""
    server = await context.app.ensure()
    if server.state != "ready":
        raise Unavailable(f"The dev server is {server.state}. {server.message}".rstrip(), reason="not_running")
    if context.app.eye is None:
        raise Unavailable("Nobody can look at the page.", reason="browser_missing")
    return await try_all(context.app.eye, listed, telling(context, len(listed)), trying=context.app.trying)


def telling(context: ToolContext, many: int) -> Callable[[Outcome], None]:
    """Tells who waits of each that was tried, as it was."""
    done = 0

    def tell(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        context.output("stdout", f"{done} of {many}: {outcome.title}: {'works' if outcome.ok else 'fails'}\n")

    return tell


def tried_before(context: ToolContext) -> Mapping[str, Mapping[str, Any]]:
    """The last outcomes, by scenario; none where no log is at hand."""
    log = context.service(StoredEvents, None)
    return last_tried(log.stored) if log else {}


def _some(before: Mapping[str, Mapping[str, Any]], wanted: Sequence[Listed]) -> dict[str, Mapping[str, Any]]:
    return {one.name: before[one.name] for one in wanted if one.name in before}


def headline(outcomes: Sequence[Outcome]) -> str:
    """For people: ``11 of 12 things work``."""
    well = sum(one.ok for one in outcomes)
    return f"{well} of {len(outcomes)} {'thing works' if len(outcomes) == 1 else 'things work'}"


def detail(outcomes: Sequence[Outcome], *, whole: bool) -> dict[str, Any]:
    """For a result's detail; ``turns.tried`` reads it."""
    return {"all": whole, "outcomes": [one.to_json() for one in outcomes]}


def told(outcomes: Sequence[Outcome], since: Comparison) -> str:
    """For the model: what fails, and what of that worked before."""
    failed = [one for one in outcomes if not one.ok]
    lines = [f"Scenarios: {headline(outcomes)}."]
    again = {one.name for one in since.regressions}
    for one in failed[:MOST_TOLD]:
        lines.append(f"- {'IT WORKED BEFORE: ' if one.name in again else ''}{_described(one)}")
    if len(failed) > MOST_TOLD:
        lines.append(f"- and {len(failed) - MOST_TOLD} more")
    if again:
        lines.append("What worked before is to work again: mend the app, not the scenario.")
    return "\n".join(lines)


def _described(outcome: Outcome) -> str:
    return f'"{outcome.title}" ({FOLDER}{outcome.name}.yaml): {outcome.why}'


SCENARIO_TOOLS: list[Tool[Any]] = [write_scenario, try_scenarios]
