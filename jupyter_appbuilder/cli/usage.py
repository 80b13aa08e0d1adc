"""``usage``: tokens and cost of all sessions, by day and model, and the budgets."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidInput
from ..usage.accounts import MOST_DAYS
from ..usage.budgets import amount
from .sessions import builder_of
from .terminal import Terminal, say

SCOPES = {"turn": "a request", "session": "a session", "day": "a day"}


def usage(options: argparse.Namespace, terminal: Terminal) -> int:
    if not 1 <= options.days <= MOST_DAYS:
        raise InvalidInput(f"--days must be from 1 to {MOST_DAYS}, not {options.days}.")

    async def read() -> dict[str, Any]:
        builder = builder_of(options)
        try:
            return await builder.usage.of_days(options.days)
        finally:
            await builder.close()

    found = asyncio.run(read())
    if options.json:
        print(json.dumps(found))
        return 0
    if not found["total"]["requests"]:
        terminal.note(f"No model was asked in the last {_days(options.days)}.")
    else:
        _table("Day", [(day["day"], day["usage"]) for day in found["days"]], found["total"])
        say("")
        _table("Model", [(model["model"], model["usage"]) for model in found["models"]])
        say("")
        apps = [(it["title"] or "(a deleted app)", it["usage"]) for it in found["sessions"]]
        _table("App", apps)
    _budgets(found)
    if estimated := found["total"]["estimated"]:
        terminal.note(f"≈ {estimated} requests are estimated: the provider did not report token counts.")
    if any(not model["priced"] for model in found["models"]):
        terminal.note("Set unknown prices with c.AppBuilder.prices.")
    return 0


def _table(head: str, rows: Sequence[tuple[str, Mapping[str, Any]]], total: Mapping[str, Any] | None = None) -> None:
    lines = [(head, "Requests", "Input", "Cached", "Output", "Cost")]
    lines += [_line(name, used) for name, used in rows]
    if total is not None and len(rows) > 1:
        lines.append(_line("Total", total))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        cells = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        say("  ".join(cells))


def _line(name: str, used: Mapping[str, Any]) -> tuple[str, str, str, str, str, str]:
    mark = "≈ " if used["estimated"] else ""
    numbers = [f"{used[key]:,}" for key in ("requests", "input_tokens", "cached_tokens", "output_tokens")]
    return (name[:40], numbers[0], mark + numbers[1], numbers[2], mark + numbers[3], cost(used))


def cost(used: Mapping[str, Any]) -> str:
    """Say what requests cost, as far as it is known: "≥" where a part is not."""
    if not used["unpriced"]:
        return amount("dollars", used["dollars"])
    return "not known" if used["unpriced"] == used["requests"] else f"≥ {amount('dollars', used['dollars'])}"


def _budgets(found: Mapping[str, Any]) -> None:
    used = {(budget["unit"], budget["source"]): budget for budget in found["budgets"]}
    for (unit, _), budget in used.items():
        left = f"{amount(unit, budget['used'])} of {amount(unit, budget['limit'])}"
        say(f"Today's budget: {left} used{', used up' if budget['over'] else ''}")
    for whose, key in (("Your", "own"), ("The administrator's", "configured")):
        limits = [
            f"{amount(unit, limit)} {SCOPES[scope]}"
            for scope, units in found["settings"][key].items()
            for unit, limit in units.items()
            if limit
        ]
        if limits:
            say(f"{whose} budgets: {', '.join(limits)}")


def _days(days: int) -> str:
    return "day" if days == 1 else f"{days} days"
