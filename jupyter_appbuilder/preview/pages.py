"""Our own pages in the preview's frame: while there is no app to show, and after it has ended."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from .capabilities import Preview, Visit

_FOLDER = Path(__file__).parent / "pages"
_LOG_LINES = 200


def status_of(preview: Preview) -> dict[str, Any]:
    """Where the dev server stands: ``{state, message, fraction, log}``, as the waiting page polls it."""
    server = preview.target.server
    if preview.problem and server.state != "ready":
        return {"state": "failed", "message": preview.problem, "fraction": None, "log": _tail(server.log)}
    state = server.state
    if state in ("stopped", "asleep") and preview.starting and not preview.starting.done():
        state = "starting"
    return {"state": state, "message": server.message, "fraction": server.fraction, "log": _tail(server.log)}


def waiting(visit: Visit) -> str:
    """The page shown until the dev server answers; it follows the status by itself and shows why it failed."""
    data = {"base": visit.path, "status": status_of(visit.preview)}
    return _page("waiting.html").replace("/*STATUS*/null", embedded(data))


def ended() -> str:
    return _page("ended.html")


def embedded(data: Any) -> str:
    """``data`` as JSON that can stand in a script element."""
    text = json.dumps(data)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _tail(log: str) -> str:
    return "\n".join(log.splitlines()[-_LOG_LINES:])


@cache
def _page(name: str) -> str:
    style = (_FOLDER / "pages.css").read_text(encoding="utf-8")
    return (_FOLDER / name).read_text(encoding="utf-8").replace("/*STYLE*/", style)
