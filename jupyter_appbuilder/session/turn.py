"""Runs a turn: starts it, lets the agent work, passes further messages on, stops and ends it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import FULL, AppBuilderError, Conflict, InvalidInput, of_the_disk
from ..events import Draft, Person, PointedData
from ..turns.modes import mode_of
from ..turns.requests import Beginning, message, start_of, without_dropped
from .ending import Ending

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..agents.base import Agent, Outcome
    from ..events import Attachment
    from ..models.base import Model
    from ..tools.runner import ToolRunner
    from ..workspace import Workspace
    from .ending import Endings
    from .record import Record
    from .recovery import Recovery
    from .versions import Versions

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Agents:
    """How a session gets who works for it. ``seeds(model, request, earlier requests)`` gives files that a turn begins
    with: a recording's data."""

    find_model: Callable[[str], Model]  # of that name, at once
    make: Callable[[Model], Awaitable[Agent]]  # may have to wait for the model
    seeds: Callable[[str, str, Sequence[str]], Mapping[str, bytes]]


class Turns:
    """The turns of one session, one at a time."""

    def __init__(
        self,
        record: Record,
        workspace: Workspace,
        runner: ToolRunner,
        agents: Agents,
        versions: Versions,
        endings: Endings,
        recovery: Recovery,
    ) -> None:
        self._record = record
        self._workspace = workspace
        self._runner = runner
        self._agents = agents
        self._versions = versions
        self._endings = endings
        self._recovery = recovery
        self._stopping = False
        self._speaking = asyncio.Lock()
        self._ending = False  # the agent is done, the end of the turn is being stored
        self._listening = ""  # the turn whose agent takes further messages
        self._turn: asyncio.Task[None] | None = None
        self._work: asyncio.Task[Any] | None = None

    @property
    def busy(self) -> bool:
        return self._turn is not None and not self._turn.done()

    async def begin(self, beginning: Beginning, model: str = "") -> str:
        """Start a turn; its id. Raises ``InvalidInput`` for a model that there is not."""
        # The model is looked for before anything is stored: a wrong name is an error, not a failed turn.
        name = model or self._record.summary.model
        found = self._agents.find_model(name)
        if found.recorded and (beginning.mode != "build" or beginning.accepted):
            raise InvalidInput(
                "The recorded demo only builds: it has no answers and makes no plans.",
                hint="Choose a model, or build mode.",
                reason="recorded",
                field="mode",
            )
        started = asyncio.get_running_loop().create_future()
        self._stopping = False
        self._turn = asyncio.create_task(self._run(found, name, beginning, started))
        return await asyncio.shield(started)

    async def interject(
        self,
        text: str,
        attachments: Sequence[Attachment] = (),
        pointed: Sequence[PointedData] = (),
        by_whom: Person | None = None,
    ) -> str:
        """Say something to the agent at work; its turn, or nothing when none listens any more."""
        async with self._speaking:
            turn = "" if self._stopping else self._listening
            if turn:
                self._record.require_owned()
                await self._record.append(message(turn, text, attachments, pointed, by_whom))
                return turn
        if self._turn is not None and self._ending:
            await asyncio.wait([self._turn])
        return ""

    async def resume(self, turn: str) -> None:
        """Let a turn that a process left open go on where the log ends."""
        record = self._record
        started = start_of(record.stored, turn)
        assert started is not None
        asked = [e.data["text"] for e in record.stored if e.type == "message.user" and e.data["turn"] == turn]
        await record.append(Draft("turn.resumed", {"turn": turn}))
        name = started.data["model"]
        try:
            model = self._agents.find_model(name)
        except AppBuilderError as error:
            await self._endings.finish(Ending(turn, asked[0], "failed", error.message, error.hint, error.reason))
            return

        async def go_on() -> None:
            async with self._recovery.lock:  # not ``acting``: that would close the turn which is to go on
                await self._carry_out(model, turn, name, asked[0])

        self._stopping = False
        self._turn = asyncio.create_task(go_on())

    async def stop(self) -> None:
        """Stop the running turn or piece of work, also in the middle of a command. Returns when it has ended."""
        self._stopping = True
        if (work := self._work) is not None:
            work.cancel()
            await asyncio.wait([work])
        if self._turn is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(self._turn)

    async def stoppable(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something beside turns that ``stop`` ends. Raises ``CancelledError`` then."""
        self._work = asyncio.create_task(work)
        try:
            return await self._work
        finally:
            self._work = None

    async def wait(self) -> Mapping[str, Any]:
        """Wait for the running turn; the data of the last ``turn.finished``."""
        if self._turn is not None:
            await asyncio.shield(self._turn)
        if (end := self._endings.unstored) and (trouble := self._record.trouble):
            return {"turn": end.turn, "reason": "failed", "message": trouble.message, "hint": trouble.hint}
        for event in reversed(self._record.stored):
            if event.type == "turn.finished":
                return event.data
        raise Conflict("Nothing was asked yet.", hint="Send a message first.", reason="no_turn")

    async def _run(self, model: Model, name: str, beginning: Beginning, started: asyncio.Future[str]) -> None:
        try:
            async with self._recovery.acting():
                turn = await self._start(name, beginning)
                started.set_result(turn)
                await self._carry_out(model, turn, name, beginning.text)
        except BaseException as error:
            if started.done():
                raise
            self._versions.renew_beside()
            started.set_exception(of_the_disk(error, self._workspace.folder) if isinstance(error, OSError) else error)
            started.exception()

    async def _start(self, model: str, beginning: Beginning) -> str:
        """Store the beginning of a turn, after what it drops is taken back; its id."""
        record = self._record
        turn = f"t{record.summary.turns + 1}"
        await self._versions.keep_edits()
        dropped = await self._versions.go_back(beginning.dropping) if beginning.dropping else []
        chosen = [Draft("session.updated", {"model": model})] if model != record.summary.model else []
        await record.append(*dropped, *chosen, *beginning.drafts(turn, model))
        if dropped:
            self._runner.forget(record.stored)
            # Beside the agent: it can read and write meanwhile, and stopping the turn need not wait for packages.
            self._versions.renew_beside(dropped)
        return turn

    async def _carry_out(self, model: Model, turn: str, name: str, text: str) -> None:
        """Let an agent work on a turn that has begun, and store how it ends."""
        agent: Agent | None = None

        async def work() -> Outcome:
            nonlocal agent
            agent = agent or await self._agents.make(model)
            return await self._answer(agent, turn, name, text)

        try:
            self._ending = False
            self._listening = "" if model.recorded else turn
            while True:
                self._work = asyncio.create_task(work())
                if self._stopping:
                    self._work.cancel()
                outcome = await self._work
                end = Ending(turn, text, outcome.reason, outcome.message, outcome.hint, outcome.error)
                if end.reason != "done" or await self._close_inbox(turn):
                    break
        except asyncio.CancelledError:
            building = mode_of(self._record.stored, turn) == "build"
            hint = (
                "The work so far is kept. Continue, or restore an earlier version."
                if building
                else "Nothing was changed."
            )
            end = Ending(turn, text, "stopped", "Stopped.", hint)
            if self._runner.diagnostics:
                self._runner.diagnostics.stop()
        except Exception as error:
            end = self._failed(turn, text, error)
        self._work = None
        self._listening = ""
        await self._endings.finish_or_keep(end)

    def _failed(self, turn: str, text: str, error: Exception) -> Ending:
        """The end of a turn by an error. One that is not for people goes into the server's log."""
        if not isinstance(error, AppBuilderError):
            log.error("Turn %s of session %s failed", turn, self._record.id, exc_info=error)
            if not (isinstance(error, OSError) and _is_of_files(error)):
                hint = "The server's log has the details. Try again."
                return Ending(turn, text, "failed", "Something went wrong inside App Builder.", hint)
            refused = of_the_disk(error, self._workspace.folder)
            return Ending(turn, text, "failed", refused.message, refused.hint)
        return Ending(turn, text, "failed", error.message, error.hint, error.reason)

    async def _close_inbox(self, turn: str) -> bool:
        """Stop taking messages for the turn, unless one came that the agent has not seen."""
        from ..agents.progress import unheard

        async with self._speaking:
            if unheard(self._record.stored, turn):
                return False
            self._listening = ""
            self._ending = True
            return True

    async def _answer(self, agent: Agent, turn: str, model: str, text: str) -> Outcome:
        """Give a turn the files it begins with and its briefing, then let the agent work."""
        record = self._record
        known = without_dropped(record.stored)
        earlier = [e.data["text"] for e in known if e.type == "message.user" and e.data["turn"] != turn]
        calls = {e.type + e.data.get("call", "") for e in record.stored if e.type in ("tool.started", "tool.finished")}
        for number, (path, content) in enumerate(self._agents.seeds(model, text, earlier).items()):
            call = f"{turn}.seed.{number}"
            there = await asyncio.to_thread(self._workspace.resolve(path).exists)
            begun = f"tool.started{call}" in calls
            if f"tool.finished{call}" not in calls and (begun or not there):
                arguments = {"path": path, "content": content.decode()}
                await self._runner.run("write_file", arguments, call=call, by="loop", turn=turn, already_started=begun)
        if not agent.recorded:
            from ..agents.briefing import briefing

            if told := await briefing(self._workspace, record.stored, turn, record.summary.template):
                await record.append(told)
        return await agent.run(turn)


def _is_of_files(error: OSError) -> bool:
    """True if a file or its disk refused: a connection that broke and a time limit are errors of the system, too."""
    return error.filename is not None or error.errno in (*FULL, errno.EIO, errno.EROFS, errno.ESTALE)
