"""Our own pages in the preview's frame: before the app runs and after it has ended."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from .capabilities import Preview, Visit

_FOLDER = Path(__file__).parent / "pages"
_LOG_LINES = 200


def status_of(preview: Preview) -> dict[str, Any]:
    """The dev server's state for the waiting page: ``{state, message, fraction, log}``."""
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


def framed(visit: Visit) -> str:
    """A page that goes on as it is in a frame, and to the address that all share in a tab.

    For browsers that do not say which it is, as on plain HTTP: a tab's address bar may be a copy of somebody else's.
    """
    data = embedded({"own": visit.path + "__appbuilder/", "shared": visit.preview.path, "base": visit.path})
    return f"""<!doctype html><meta charset="utf-8"><title>Opening the app</title><script>
const {{ own, shared, base }} = {data};
if (parent === window) location.replace(shared + location.href.slice((location.origin + base).length));
else fetch(own + "framed", {{ method: "POST" }}).then(() => location.reload());
</script>"""


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
    return (_FOLDER / name).read_text(encoding="utf-8").replace("/*STYLE*/", style())


def style() -> str:
    """The style sheet of our own pages."""
    return (_FOLDER / "pages.css").read_text(encoding="utf-8")
