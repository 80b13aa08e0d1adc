"""Tracks which file contents the agent has seen: a file changed since then must be read before it is edited.

An edit whose search happens to fit a file that has moved on can land in the wrong place; a whole file written from
memory undoes what a person did meanwhile. What was seen is in the log: the results of the file tools tell, as
``detail.sha``, which content they showed or wrote.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import Conflict
from ..turns.requests import without_dropped

if TYPE_CHECKING:
    from ..events import Event


def digest(content: str | bytes) -> str:
    """Names a file's content: 16 hexadecimal digits."""
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()[:16]


class Seen:
    """The content of each file as the agent last saw it, by path."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._files: dict[str, str] = {}
        agents: set[str] = set()
        for event in without_dropped(list(events)):
            if event.type == "tool.started" and event.data["by"] == "agent":
                agents.add(event.data["call"])
            elif event.type == "tool.finished" and event.data["call"] in agents and event.data["ok"]:
                self.learn(event.data["detail"])

    def learn(self, detail: Mapping[str, Any]) -> None:
        """Take in the result of a call of the agent's that went well: ``ToolResult.detail``."""
        match detail:
            case {"old": str(old), "path": str(new)}:
                moved = {path: sha for path, sha in self._files.items() if path == old or path.startswith(f"{old}/")}
                for path, sha in moved.items():
                    del self._files[path]
                    self._files[new + path.removeprefix(old)] = sha
            case {"change": "deleted", "path": str(path)}:
                self._files.pop(path, None)
            case {"sha": str(sha), "path": str(path)}:
                self._files[path] = sha
            case _:
                pass

    def require(self, path: str, content: str | bytes) -> None:
        """Raise ``Conflict`` when the file at ``path`` was seen and holds something else now."""
        if self._files.get(path, "") not in ("", digest(content)):
            raise Conflict(
                f"{path} has changed since you last saw it: a person or a command changed it. Nothing was written.",
                hint="Read it again, then make the change on what it holds now.",
                reason="stale",
                field="path",
            )
