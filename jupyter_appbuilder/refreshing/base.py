"""The words of refreshing: a plan says when a notebook is run again for an app, a run is what came of it once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

RunState = Literal["running", "done", "failed", "stopped", "interrupted"]
"""``interrupted``: its process ended in the middle."""

COLLECT = "APPBUILDER_COLLECT"
"""A variable of the environment, a folder: this kernel refreshes an app's data, which are laid aside there."""

SECONDS = 1800
"""How long all cells may take, unless a plan says another time."""

MEMORY = 4 * 1024**3
"""Bytes that the kernel, with all that it starts, may hold."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When and how the data of a session's app are refreshed. ``handled``: until when its times were taken care of;
    ``datasets``: what the notebook handed over last, all of which has to come again."""

    cron: str
    zone: str
    notebook: str  # an absolute path
    target: str
    paused: bool
    promise: int | None  # seconds
    seconds: int
    memory: int
    set_at: str  # ISO 8601, UTC
    handled: str
    datasets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CellRun:
    """A cell as it went. ``number`` counts all of the notebook's cells from 1; ``left_out``: it asks the agent."""

    number: int
    ok: bool
    seconds: float
    output: str = ""
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """``message`` and ``hint`` say why it failed; ``release`` is what readers got of it."""

    number: int
    by: Literal["schedule", "person"]
    state: RunState
    began: str
    ended: str | None = None
    message: str = ""
    hint: str = ""
    reason: str = ""
    cells: Sequence[CellRun] = ()
    datasets: Mapping[str, int] | None = None
    """Rows by dataset."""
    notes: Sequence[str] = ()
    release: int | None = None
    log: str = ""
    """Of publishing."""

    def to_json(self, *, whole: bool = True) -> dict[str, Any]:
        """As the API shows it; without outputs and log unless ``whole``."""
        cells = [
            {
                "number": cell.number,
                "ok": cell.ok,
                "seconds": round(cell.seconds, 2),
                "left_out": cell.left_out,
                "output": cell.output,
            }
            for cell in self.cells
        ]
        return {
            "number": self.number,
            "by": self.by,
            "state": self.state,
            "began": self.began,
            "ended": self.ended,
            "message": self.message,
            "hint": self.hint,
            "reason": self.reason,
            "datasets": dict(self.datasets or {}),
            "notes": list(self.notes),
            "release": self.release,
            **({"cells": cells, "log": self.log} if whole else {}),
        }
