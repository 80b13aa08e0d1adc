"""Recovery after a crash or a failed write: restores the state that the log describes, then continues.

A response that the log holds is never asked for again. A call that the log holds no result of is made again if what it
does is the same each time (it reads, or writes whole files), and is reported to the model as interrupted otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..approvals.questions import closing, unanswered
from ..errors import AppBuilderError, of_the_disk
from ..events import Draft
from .ending import Ending, Endings

if TYPE_CHECKING:
    from ..tools.base import Tool
    from ..tools.runner import ToolRunner
    from ..workspace import Workspace
    from .record import Record
    from .versions import Versions

MOST_RESUMED = 3  # times in a row without a new response, until a turn counts as what takes the server down

log = logging.getLogger(__name__)


class Recovery:
    """Keeps the files and the log of one session in agreement, and lets one act on it at a time (``acting``)."""

    def __init__(
        self, record: Record, workspace: Workspace, runner: ToolRunner, versions: Versions, endings: Endings
    ) -> None:
        self._record = record
        self._workspace = workspace
        self._runner = runner
        self._versions = versions
        self._endings = endings
        self.lock = asyncio.Lock()  # whoever acts on the session holds it

    @contextlib.asynccontextmanager
    async def acting(self, prepare: Callable[[], Awaitable[None]] | None = None) -> AsyncGenerator[None]:
        """Act on the session in this block, alone, and after files and log agree; ``prepare`` is done before that.
        Raises ``Unavailable`` while the log still refuses."""
        async with self.lock:
            if prepare:
                await prepare()
            await self._reconcile()
            yield

    async def reconcile(self) -> None:
        """See to it that what the log says of the last turn can be relied on. Raises ``Unavailable`` while it still
        refuses."""
        if self._record.inconsistent:
            async with self.acting():
                pass

    async def take_over(self, *, resume: bool) -> str:
        """Close what a process that died left open. The turn that can go on where the log ends, with ``resume``."""
        record = self._record
        if record.summary.state == "creating":
            failed = {"message": "The server stopped while the session was made.", "hint": "Start a new session."}
            await record.append(Draft("session.failed", failed))
            return ""
        turn = self._resumable() if resume else ""
        try:
            await self._catch_up(turn)
        except (AppBuilderError, OSError) as error:
            # Without its files a session can still be read and deleted.
            log.warning("The files of session %s cannot be read: %s", record.id, error)
            turn = ""
        await self._close_open(turn)
        return turn

    async def _reconcile(self) -> None:
        if not self._record.inconsistent:
            return
        try:
            await self._catch_up()
            await self._close_open(unstored=self._record.trouble)
        except OSError as error:
            raise of_the_disk(error, self._workspace.folder) from error
        self._record.inconsistent = False
        self._endings.reconciled()
        self._record.trouble_with(None)

    def _resumable(self) -> str:
        """The turn that was under way, if it can go on: one that took the server down again and again cannot."""
        turn = self._record.summary.turn
        if turn is None or turn["reason"] is not None:
            return ""
        in_vain = 0
        for event in reversed(self._record.stored):
            if event.type in ("response.completed", "turn.started"):
                break
            in_vain += event.type == "turn.resumed"
        return turn["turn"] if in_vain < MOST_RESUMED else ""

    async def _catch_up(self, resuming: str = "") -> None:
        """Record what a process that died, or could not store it, did to the files. What calls of the turn
        ``resuming`` had done that will be made again is undone first."""
        record, workspace = self._record, self._workspace
        turn = record.summary.turn
        unfinished = turn["turn"] if turn and turn["reason"] is None else None
        for event in reversed(record.stored):
            if event.type in ("file.changed", "checkpoint.created", "session.restored"):
                if tree := event.data.get("tree"):
                    await workspace.know(tree)
                break
        for started in self._to_repeat(resuming) if resuming else ():
            await take_back(workspace, self._runner.tools.get(started["tool"]), started["arguments"])
        await self._versions.take_outside_changes(by="command" if unfinished else "person")
        kept = {event.data["checkpoint"] for event in record.stored if event.type == "checkpoint.created"}
        newest = (await workspace.checkpoints())[0]
        if newest.id not in kept and newest.tree == await workspace.known():
            await record.append(await self._versions.draft_of_left(newest, unfinished))

    def _open_calls(self) -> list[Mapping[str, Any]]:
        """Calls that started and have no end in the log."""
        events = self._record.stored
        finished = {event.data["call"] for event in events if event.type == "tool.finished"}
        return [e.data for e in events if e.type == "tool.started" and e.data["call"] not in finished]

    def _to_repeat(self, turn: str) -> list[Mapping[str, Any]]:
        """Open calls of a turn that can be made once more: what they do is the same each time."""
        return [
            started
            for started in self._open_calls()
            if started["turn"] == turn
            and (tool := self._runner.tools.get(started["tool"]))
            and tool.effect in ("read", "write")
        ]

    async def _close_open(self, resuming: str = "", unstored: AppBuilderError | None = None) -> None:
        """End the calls and the turn that have no end in the log, but for the turn ``resuming`` and its calls that
        will be made again. They were cut short by the end of the server, or could not be stored (``unstored``)."""
        record = self._record
        again = {started["call"] for started in self._to_repeat(resuming)} if resuming else set[str]()
        turn = record.summary.turn
        for approval in unanswered(record.stored):
            await record.append(closing(approval, "stopped" if unstored else "interrupted"))
        for started in self._open_calls():
            if started["call"] not in again:
                why = f"what came of it could not be stored: {unstored.message}" if unstored else ""
                await record.append(Draft("tool.finished", interrupted(started, why)))
        if turn and turn["reason"] is None and not resuming:
            end = self._endings.unstored
            if end is None:
                title = next(e.data["text"] for e in reversed(record.stored) if e.type == "message.user")
                message = unstored.message if unstored else "The server stopped while this turn was running."
                end = Ending(turn["turn"], title, "failed", message, "The work so far is kept. Try again to continue.")
            elif end.reason == "failed":
                end = replace(end, hint="That is over. What was done is kept: continue, or try again.")
            await self._endings.finish(end)


async def take_back(workspace: Workspace, tool: Tool[Any] | None, arguments: Mapping[str, Any]) -> None:
    """Undo what a call had already done to the files when its process died, so that it can be made again."""
    if tool is None or tool.undo is None:
        return
    try:
        await tool.undo(workspace, arguments)
    except (AppBuilderError, KeyError, UnicodeError, TypeError):
        pass  # arguments that the tool will refuse, or that fit nothing: there is nothing to undo
    except Exception:
        log.warning("What %s had done cannot be undone.", tool.name, exc_info=True)


def interrupted(started: Mapping[str, Any], why: str = "") -> dict[str, Any]:
    """The result of a tool call whose process died under it, or that had another end that nobody knows."""
    text = f"Interrupted: {why or 'the server stopped while this ran.'} It may have partly run."
    return {
        "turn": started["turn"],
        "call": started["call"],
        "tool": started["tool"],
        "ok": False,
        "summary": "Interrupted",
        "text": text,
        "detail": {"interrupted": True},
        "duration_ms": 0,
    }
