"""Schedules and runs in words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

STATES = {
    "running": "is running",
    "done": "went well",
    "failed": "failed",
    "stopped": "was stopped",
    "interrupted": "was interrupted",
}


def absolute(notebook: str | Path) -> str | Path:
    """A notebook's path; that of this kernel's for "", where it is known."""
    if not notebook and (own := os.environ.get("JPY_SESSION_NAME", "")).endswith(".ipynb"):
        notebook = own
    return Path(notebook).expanduser().absolute() if notebook else ""


def said_of_schedule(overview: Mapping[str, Any]) -> list[str]:
    """A schedule, what comes next and what came last, a line each."""
    plan, runs = overview["schedule"], overview["runs"]
    if plan is None:
        return ['The data are not refreshed by a schedule. Set one: jupyter appbuilder schedule APP "0 6 * * *"']
    lines = [f"{plan['cron']} ({plan['zone']}), by {plan['notebook']}, for readers at {plan['target']}"]
    if plan["paused"]:
        lines.append("Paused.")
    elif plan["next"]:
        lines.append(f"Next: {', '.join(_local(moment, plan['zone']) for moment in plan['next'])}")
    if overview["data_as_of"]:
        late = ": older than promised" if overview["late"] else ""
        lines.append(f"Readers' data are as of {_local(overview['data_as_of'], plan['zone'])}{late}.")
    if runs:
        lines += said_of_run(runs[0], whole=False)
    return lines


def said_of_run(run: Mapping[str, Any], *, whole: bool = True) -> list[str]:
    """A run: in its first line how it went, then, with ``whole``, its cells and what publishing said."""
    rows = ", ".join(f"{name} {count:,} rows" for name, count in run["datasets"].items())
    released = f", release {run['release']}" if run["release"] else ""
    said = f"Run {run['number']} ({run['began'][:16].replace('T', ' ')} UTC) {STATES[run['state']]}{released}"
    said += f": {rows}" if rows and run["state"] == "done" else ""
    lines = [f"{said}{': ' + run['message'] if run['message'] else ''}"]
    if not whole:
        return lines
    lines += [line for line in (run["hint"], *run["notes"]) if line]
    for cell in run["cells"]:
        how = "left out" if cell["left_out"] else "done" if cell["ok"] else "failed"
        lines.append(f"[cell {cell['number']}] {how}, {cell['seconds']:.1f} s")
        lines += [f"    {line}" for line in cell["output"].splitlines()]
    lines += run["log"].splitlines()
    return lines


def _local(moment: str, zone: str) -> str:
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).strftime("%a %Y-%m-%d %H:%M")
