"""A session's life: create, turn, stop, call a tool, restore, recover, delete.

A session is its events; this class is what appends them. It owns no other state that matters: whatever is held here can
be thrown away and built again from the log and the workspace.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..approvals import Approvals, closing, unanswered
from ..errors import FULL, AppBuilderError, Conflict, InvalidInput, NotFound, SessionBusy, of_the_disk
from ..events import By, Draft, Event, Mode, TurnReason
from ..log import EventLog, Summary
from ..log.summary import fold
from ..modes import mode_of
from ..plans import built_by, checklist, left_by, open_plan, plans, request
from ..tools.names import CHECK
from ..turns import (
    CONTINUE,
    Beginning,
    checkpoint_before,
    first_request,
    last_request,
    open_request,
    start_of,
    without_dropped,
)
from ..uncut import uncut
from .channel import Channel
from .recovery import MOST_RESUMED, take_back

if TYPE_CHECKING:
    from ..agent.loop import Agent, Outcome
    from ..agent.models.base import Model
    from ..approval_rules.rules import ApprovalRule
    from ..network import SessionNetwork
    from ..notebook.writer import NotebookWriter
    from ..plans import Checklist, Plan
    from ..running_app import RunningApp
    from ..tools.base import ToolResult
    from ..tools.runner import ToolRunner
    from ..workspace import Checkpoint, Workspace

OBSERVE_SECONDS = 0.5
"""How often a session that another process owns is read for news."""

MAX_MESSAGE = 100_000  # characters of one request
MAX_TITLE = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a turn ended: the data of its ``turn.finished``, and the title of the version it leaves."""

    turn: str
    title: str
    reason: TurnReason
    message: str = ""
    hint: str = ""
    error: str = ""  # the code of what made it fail


class Session:
    """One session, owned by this process (``owned``) or only watched. Implements ``journal.Journal``.

    Built by ``AppBuilder``; ``equip`` hands it its workers, which in turn need it as their journal.
    """

    workspace: Workspace
    app: RunningApp
    runner: ToolRunner
    notebook: NotebookWriter
    network: SessionNetwork

    def __init__(
        self,
        summary: Summary,
        events: list[Event],
        event_log: EventLog,
        *,
        owned: bool,
        describe: Callable[[Session], dict[str, Any]],
    ) -> None:
        self.id = summary.id
        self.summary = summary
        self.owned = owned
        self.owner = ""  # who else owns it, for people
        self._log = event_log
        self._events = events
        self._describe = describe
        self.channel = Channel(self._read, self.to_json)
        self.approvals = Approvals(self, sum(event.type == "approval.requested" for event in events))
        self._appending = asyncio.Lock()
        self._acting = asyncio.Lock()
        self._astray = False  # an append failed: the workspace may be ahead of the log, a turn or a call left open
        self._unstored: Ending | None = None  # the end of a turn that could not be stored
        self.trouble: AppBuilderError | None = None  # what keeps the session from being used, until it is over
        self._stopping = False
        self._start_again = False  # the app was stopped for files that were put back
        self._speaking = asyncio.Lock()
        self._ending = False  # the agent is done, the end of the turn is being stored
        self._listening = ""  # the turn whose agent takes further messages
        self._turn: asyncio.Task[None] | None = None
        self._work: asyncio.Task[Any] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._calls = 0
        self._observer: asyncio.Task[None] | None = None
        self._beginning: asyncio.Task[None] | None = None
        self.equipped = False
        self.placed = asyncio.Event()  # the files of a new session lie in place; their first checkpoint may follow

    def equip(
        self,
        workspace: Workspace,
        app: RunningApp,
        runner: ToolRunner,
        notebook: NotebookWriter,
        network: SessionNetwork,
        find_model: Callable[[str], Model],
        make_agent: Callable[[Session, Model], Awaitable[Agent]],
        seeds: Callable[[str, str, Sequence[str]], Mapping[str, bytes]],
    ) -> None:
        """``find_model`` gives the model of a name, at once; ``make_agent`` may have to wait for it.
        ``seeds(model, request, earlier requests)`` gives files a turn begins with: a recording's data."""
        self.workspace = workspace
        self.app = app
        self.runner = runner
        self.notebook = notebook
        self.network = network
        self._find_model = find_model
        self._make_agent = make_agent
        self._seeds = seeds
        self.equipped = True

    def begin(self, furnish: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let a new session get its files; ``ready`` waits for that."""
        self._beginning = asyncio.create_task(furnish)
        # Whoever calls ``ready`` gets the error; nobody has to.
        self._beginning.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._beginning

    async def ready(self) -> None:
        """Wait until the session's files stand. Raises what went wrong."""
        if self._beginning is not None:
            await asyncio.shield(self._beginning)

    def to_json(self) -> dict[str, Any]:
        """The session's summary as the API shows it."""
        return self._describe(self)

    # Journal

    async def append(self, *drafts: Draft) -> list[Event]:
        if not drafts:
            return []
        storing = asyncio.ensure_future(self._store(drafts))
        try:
            return await asyncio.shield(storing)
        except asyncio.CancelledError:
            # What the log has stored has to be here as well, before anything else is done.
            while not storing.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([storing])
            storing.exception()
            raise

    async def adopt(self, events: Sequence[Event], drafts: Sequence[Draft]) -> None:
        """Begin with another session's events, and ``drafts`` after them."""

        async def take() -> None:
            async with self._appending:
                taken = await self._log.adopt(self.id, events, drafts)
                self._take(taken, await self._log.summary(self.id))

        await uncut(take())
        await asyncio.to_thread(self.runner.forget, self._events)
        await self.network.settle()

    async def _store(self, drafts: Sequence[Draft]) -> list[Event]:
        from ..tools.secret_files import unrecorded

        async with self._appending:
            try:
                events = await self._log.append(self.id, [unrecorded(draft) for draft in drafts])
            except AppBuilderError as error:
                self._astray = True
                self.trouble_with(error)
                raise
            last = self.summary.last_seq
            # Numbers are places in our list: what somebody else of this process stored meanwhile must not be missing.
            fresh = await self._log.read(self.id, last) if events[0].seq > last + 1 else events
            # No await from here on: the events and the watchers' news of them are one step.
            self._take(fresh)
        return events

    def trouble_with(self, error: AppBuilderError | OSError | None) -> None:
        """Something keeps the session from being used, or (None) nothing does any more. Told once, to the watchers and
        in the server's log."""
        trouble = of_the_disk(error, self.workspace.folder) if isinstance(error, OSError) else error
        if str(trouble) != str(self.trouble):
            if trouble is None:
                log.info("Session %s can be used again.", self.id)
            else:
                log.warning("Session %s cannot be used for now: %s", self.id, trouble)
            self.trouble = trouble
            self.channel.session()

    @property
    def cut_short(self) -> bool:
        """Whether the last turn has ended, which could not be stored yet."""
        return self._unstored is not None

    def live(self, type: str, data: dict[str, Any]) -> None:
        self.channel.live(type, data)

    def _take(self, events: list[Event], summary: Summary | None = None) -> None:
        """Take in what was stored; ``summary``: of the session with it, where that is known."""
        before = self.summary
        self._events.extend(events)
        self.summary = summary or fold(before, events)
        self.channel.events(events)
        if (before.state, before.title, before.model) != (self.summary.state, self.summary.title, self.summary.model):
            self.channel.session()
        if any(event.type == "session.restored" for event in events):
            self.app.files_changed()
        elif changed := {event.data["path"] for event in events if event.type == "file.changed"}:
            self.app.files_changed(changed)
        if any(event.type == "turn.started" for event in events):
            self.app.turn_began()
        if self.owned:
            self.notebook.changed()

    # Reading

    async def events(self, after: int = 0) -> list[Event]:
        return self._events[after:]

    @property
    def stored(self) -> Sequence[Event]:
        """Every event so far, as it stands."""
        return self._events

    def watch(self, after: int = 0) -> AsyncGenerator[dict[str, Any], None]:
        """Wire messages (docs/architecture.md, "Wire") from the first event after ``after`` on."""
        if not self.owned and self._observer is None:
            self._observer = asyncio.create_task(self._observe())
        return self.channel.watch(after)

    async def _read(self, after: int, limit: int) -> list[Event]:
        return self._events[after : after + limit]

    async def _observe(self) -> None:
        """Follow a session that another process runs, by reading its log."""
        while not self.owned:
            await asyncio.sleep(OBSERVE_SECONDS)
            if self.channel.watched:
                await self.refresh()

    async def refresh(self) -> None:
        """Take in what another process stored."""
        async with self._appending:
            if fresh := await self._log.read(self.id, self.summary.last_seq):
                self._take(fresh)

    # Turns

    @property
    def busy(self) -> bool:
        return self._turn is not None and not self._turn.done()

    async def send(self, text: str, *, model: str | None = None, mode: Mode = "build") -> str:
        """Ask for something; a turn starts and its id is returned at once.

        While a turn runs, its agent sees the message at its next step; the id is that turn's, and so is the mode.

        Raises ``SessionBusy`` while a turn runs that cannot be talked to (a recording, or one that is being stopped),
        ``InvalidInput`` for an empty text, ``Conflict`` when another process owns the session.
        """
        text = text.strip()
        if not text:
            raise InvalidInput("The message is empty.", hint="Say what the app should do.", field="text")
        _check_length(text)
        await self.ready()
        if turn := await self._tell(text):
            return turn
        return await self._begin(Beginning(text, mode), model)

    async def accept(self, plan: str, text: str | None = None, *, model: str | None = None, by: By = "person") -> str:
        """Have a plan built, as it was written or as ``text`` has it now; the turn that does.

        Raises ``NotFound`` for a plan there is not, ``Conflict`` (reason ``plan_accepted``) for one that was accepted,
        ``InvalidInput`` for an empty text, ``SessionBusy`` while a turn runs.
        """
        await self.ready()
        self._may_act()
        await self._mended()
        written = open_plan(self._events, plan).text
        wanted = request(written if text is None else text)
        _check_length(wanted)
        edited = text is not None and text.strip() != written
        accepted = {"plan": plan, "edited": edited, "by": by}
        return await self._begin(Beginning(wanted, accepted=accepted), model)

    def mode_of(self, turn: str | None) -> Mode:
        """What a turn is for."""
        return mode_of(self._events, turn)

    def plans(self) -> list[Plan]:
        """What turns in plan mode came to, the oldest first."""
        return plans(self._events)

    def checklist(self) -> Checklist | None:
        """The items of the plan that was accepted last, for the agent to tick off; None where none was."""
        return checklist(self._events)

    async def _begin(self, beginning: Beginning, model: str | None = None) -> str:
        """Start a turn."""
        self._may_act()
        # The model is looked for before anything is stored: a wrong name is an error, not a failed turn.
        name = model or self.summary.model
        found = self._find_model(name)
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

    async def _tell(self, text: str) -> str:
        """Say something to the agent at work; its turn, or nothing when none listens any more."""
        async with self._speaking:
            turn = "" if self._stopping else self._listening
            if turn:
                self.require_owned()
                await self.append(Draft("message.user", {"turn": turn, "text": text}))
                return turn
        if self._turn is not None and self._ending:
            await asyncio.wait([self._turn])
        return ""

    async def _listen_no_more(self, turn: str) -> bool:
        """Stop taking messages for the turn, unless one came that the agent has not seen."""
        from ..agent.progress import unheard

        async with self._speaking:
            if unheard(self._events, turn):
                return False
            self._listening = ""
            self._ending = True
            return True

    async def retry(self) -> str:
        """Drop what the last turn changed, and ask for the same again, all of it. The new turn.

        The files go back to what they were before it; what they were until now is kept as a version, with what a person
        changed since. Raises ``Conflict`` (reason ``nothing_to_retry``), ``SessionBusy``.
        """
        await self.ready()
        self._may_act()
        await self._mended()
        last = last_request(self._events)
        accepted = built_by(self._events, last.turn)
        return await self._begin(Beginning(last.text, last.mode, accepted, last.turn, last.continues))

    async def go_on(self) -> str:
        """Go on from where the last turn was cut short: stopped, at a limit, failed. The new turn.

        Raises ``Conflict`` (reason ``nothing_to_continue``) after a turn that is done, ``SessionBusy``.
        """
        await self.ready()
        self._may_act()
        await self._mended()
        last = open_request(self._events)
        return await self._begin(Beginning(CONTINUE, last.mode, continues=last.turn))

    async def stop(self) -> None:
        """Stop the running turn or tool call, also in the middle of a command. Returns when it has ended; nothing to
        stop is no error. Raises ``Unavailable`` where that cannot be stored: it has ended all the same."""
        await self._halt()
        if self.owned:
            await self._mended()

    async def _halt(self) -> None:
        self._stopping = True
        if (work := self._work) is not None:
            work.cancel()
            await asyncio.wait([work])
        if self._turn is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(self._turn)

    async def wait(self) -> Mapping[str, Any]:
        """Wait for the running turn; the data of the last ``turn.finished``."""
        if self._turn is not None:
            await asyncio.shield(self._turn)
        if (end := self._unstored) and self.trouble:
            trouble = self.trouble
            return {"turn": end.turn, "reason": "failed", "message": trouble.message, "hint": trouble.hint}
        for event in reversed(self._events):
            if event.type == "turn.finished":
                return event.data
        raise Conflict("Nothing was asked yet.", hint="Send a message first.", reason="no_turn")

    async def _run(self, model: Model, name: str, beginning: Beginning, started: asyncio.Future[str]) -> None:
        async with self._acting:
            try:
                await self._mend()
                turn = f"t{self.summary.turns + 1}"
                await self._keep_edits()
                dropped = await self._go_back(beginning.dropping) if beginning.dropping else []
                chosen = [Draft("session.updated", {"model": name})] if name != self.summary.model else []
                await self.append(*dropped, *chosen, *beginning.drafts(turn, name))
            except BaseException as error:
                self._renew_beside()
                if isinstance(error, OSError):
                    error = of_the_disk(error, self.workspace.folder)
                started.set_exception(error)
                started.exception()
                return
            started.set_result(turn)
            if dropped:
                self.runner.forget(self._events)
                # Beside the agent: it can read and write meanwhile, and stopping the turn need not wait for packages.
                self._renew_beside(dropped)
            await self._carry_out(model, turn, name, beginning.text)

    async def _carry_out(self, model: Model, turn: str, name: str, text: str) -> None:
        """Let an agent work on a turn that has begun, and store how it ends."""
        end = Ending(turn, text, "done")
        agent: Agent | None = None

        async def work() -> Outcome:
            nonlocal agent
            agent = agent or await self._make_agent(self, model)
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
                if end.reason != "done" or await self._listen_no_more(turn):
                    break
        except asyncio.CancelledError:
            building = mode_of(self._events, turn) == "build"
            hint = "What was done so far is kept. Go on, or restore." if building else "Nothing was changed."
            end = Ending(turn, text, "stopped", "Stopped.", hint)
            if self.runner.diagnostics:
                self.runner.diagnostics.stop()
        except AppBuilderError as error:
            end = Ending(turn, text, "failed", error.message, error.hint, error.reason)
        except Exception as error:
            log.exception("Turn %s of session %s failed", turn, self.id)
            hint = "The server's log has the details. Try again."
            end = Ending(turn, text, "failed", "Something went wrong inside App Builder.", hint)
            if isinstance(error, OSError) and _is_of_files(error):
                refused = of_the_disk(error, self.workspace.folder)
                end = Ending(turn, text, "failed", refused.message, refused.hint)
        self._work = None
        self._listening = ""
        try:
            await self._finish(end)
        except AppBuilderError as error:
            log.error("The end of turn %s of session %s could not be stored: %s", turn, self.id, error)
            self._unstored = end
            self.channel.session()

    async def _answer(self, agent: Agent, turn: str, model: str, text: str) -> Outcome:
        known = without_dropped(self._events)
        earlier = [e.data["text"] for e in known if e.type == "message.user" and e.data["turn"] != turn]
        calls = {e.type + e.data["call"] for e in self._events if e.type in ("tool.started", "tool.finished")}
        for number, (path, content) in enumerate(self._seeds(model, text, earlier).items()):
            call = f"{turn}.seed.{number}"
            there = await asyncio.to_thread(self.workspace.resolve(path).exists)
            begun = f"tool.started{call}" in calls
            if f"tool.finished{call}" not in calls and (begun or not there):
                arguments = {"path": path, "content": content.decode()}
                await self.runner.run("write_file", arguments, call=call, by="loop", turn=turn, started=begun)
        if not agent.recorded:
            from ..agent.briefing import briefing

            if told := await briefing(self.workspace, self._events, turn, self.summary.template):
                await self.append(told)
        return await agent.run(turn)

    async def _finish(self, end: Ending) -> None:
        """Close a turn: checkpoint what it left, then say how it ended."""
        drafts: list[Draft] = []
        turn, title = end.turn, end.title
        mode = mode_of(self._events, turn)
        title = title if title != CONTINUE else first_request(self._events, turn) or title
        if mode == "plan" and (plan := left_by(self._events, turn, done=end.reason == "done")):
            drafts.append(plan)
        try:
            await self._take_outside_changes()
            # A turn that may change nothing leaves no version; what a person changed meanwhile goes into the next.
            if mode == "build" and (checkpoint := await self.workspace.checkpoint(title, known=True)):
                drafts.append(checkpoint_draft(checkpoint, turn))
        except (AppBuilderError, OSError) as error:
            if end.reason == "done":
                refused = error if isinstance(error, AppBuilderError) else of_the_disk(error, self.workspace.folder)
                end = replace(end, reason="failed", message=refused.message, hint=refused.hint)
            log.warning("No checkpoint after turn %s of session %s: %s", turn, self.id, error)
        finished = {"turn": turn, "reason": end.reason, "message": end.message, "hint": end.hint}
        finished |= {"error": end.error} if end.error and end.reason == "failed" else {}
        await self.append(*drafts, Draft("turn.finished", finished))
        await self.network.settle()  # what was allowed for this turn only

    # Acting outside turns

    async def call(self, tool: str, arguments: dict[str, Any], *, by: By) -> tuple[str, ToolResult]:
        """Run one tool for a person or a notebook; its call id and result.

        Raises ``SessionBusy`` during a turn, ``Conflict`` (reason ``stopped``) when ``stop`` ended it.
        """
        await self.ready()
        self._may_act()
        if tool not in self.runner.tools:
            known = ", ".join(sorted(self.runner.tools))
            raise NotFound(f"There is no tool {tool!r}.", hint=f"Choose one of: {known}.", reason="unknown_tool")
        async with self._acting:
            await self._mend()
            self._calls += 1
            call = f"{by}.{self.summary.last_seq + 1}.{self._calls}"
            self._work = asyncio.create_task(self.runner.run(tool, arguments, call=call, by=by))
            try:
                result = await self._work
            except asyncio.CancelledError:
                caller = asyncio.current_task()
                if caller is not None and caller.cancelling():
                    raise
                hint = "What it did so far is kept. Run it again, or restore."
                raise Conflict(f"{tool} was stopped.", hint=hint, reason="stopped") from None
            finally:
                self._work = None
            changing = self.runner.tools[tool].effect != "read"
            if changing and (kept := await self.workspace.checkpoint(result.summary, known=True)):
                await self.append(checkpoint_draft(kept, None))
        return call, result

    async def answer(self, approval: str, granted: bool, *, remember: bool = False) -> None:
        """Answer a question that waits for the person. Raises ``NotFound`` for one that is not open, ``Conflict`` for
        one that has its answer."""
        self.require_owned()
        await self.approvals.give(approval, granted, remember=remember)

    async def allow_host(self, host: str) -> None:
        """Let the app's code reach a host from now on, by the person's word. Raises ``InvalidInput``."""
        await self.ready()
        self._may_act(busy_is_fine=True)
        await self.network.allow(host, by="person")

    async def revoke_host(self, host: str) -> None:
        """Take that back. Raises ``NotFound``."""
        await self.ready()
        self._may_act(busy_is_fine=True)
        await self.network.revoke(host, by="person")

    async def raise_budget(self, amounts: Mapping[str, float]) -> None:
        """Let this session use more from now on: ``dollars``, ``tokens`` or both. ``usage.Accounts`` says how much."""
        await self.ready()
        self._may_act(busy_is_fine=True)
        await self.append(Draft("budget.raised", amounts))

    async def set_rule(self, rule: ApprovalRule) -> None:
        """Allow the agent something in this app, have it ask, or deny it; replaces what was said of the same before."""
        from ..approval_rules.rule_book import changed

        await self.ready()
        self._may_act(busy_is_fine=True)
        await self.append(changed(rule, holds=True, by="person"))

    async def forget_rule(self, id: str) -> None:
        """Take such a rule back. Raises ``NotFound``."""
        from ..approval_rules.rule_book import app_rules, changed, find_rule, unknown

        await self.ready()
        self._may_act(busy_is_fine=True)
        rule = find_rule(id, app_rules(self._events))
        if rule is None:
            raise unknown(id)
        await self.append(changed(rule, holds=False, by="person"))

    async def restore(self, checkpoint: str) -> Event:
        """Bring files and preview back to a checkpoint. The restore is itself an event and a checkpoint on top."""
        self._may_act()
        async with self._acting:
            await self.workspace.revive()
            await self._mend()
            await self._keep_edits()
            try:
                restored = await self._put_back(checkpoint)
                events = await self.append(*restored)
            except BaseException as error:
                self._renew_beside()
                if isinstance(error, OSError):
                    raise of_the_disk(error, self.workspace.folder) from error
                raise
            await self._renew_packages(restored)
            return next(event for event in events if event.type == "session.restored")

    async def _keep_edits(self) -> None:
        """Make a version of what a person changed since the last one."""
        await self._take_outside_changes()
        if kept := await self.workspace.checkpoint("Edits by hand", known=True):
            await self.append(checkpoint_draft(kept, None))

    async def _put_back(self, checkpoint: str) -> list[Draft]:
        """Bring the files back to a checkpoint; what to store about it."""
        if await self.workspace.data_differs(checkpoint) and self.app.server.state != "stopped":
            await self.app.stop()  # it would go on writing into files that are there no longer
            self._start_again = True
        made, patch = await self.workspace.restore(checkpoint)
        previous = next(kept for kept in await self.workspace.checkpoints() if kept.id == made.parent)
        told = {event.data["checkpoint"] for event in self._events if event.type == "checkpoint.created"}
        before = [] if previous.id in told else [checkpoint_draft(previous, None)]
        restored = {"checkpoint": checkpoint, "tree": made.tree, "previous": previous.id, "patch": patch}
        return [*before, Draft("session.restored", restored), checkpoint_draft(made, None)]

    async def _go_back(self, turn: str) -> list[Draft]:
        """Bring the files back to what they were before a turn that is asked again; what to store about it."""
        before = checkpoint_before(self._events, turn)
        dropped = Draft("turn.dropped", {"turn": turn, "checkpoint": before["checkpoint"]})
        if before["tree"] == await self.workspace.known():
            return [dropped]
        return [dropped, *await self._put_back(before["checkpoint"])]

    async def _renew_packages(self, restored: Sequence[Draft]) -> None:
        """Start the dev server anew if going back changed what it needs."""
        patches = [draft.data.get("patch", "") for draft in restored if draft.type == "session.restored"]
        stopped, self._start_again = self._start_again, False
        renewed = any("package" in patch for patch in patches) and self.app.server.state in ("ready", "failed")
        if stopped or renewed:
            await self.app.restart()

    def _renew_beside(self, restored: Sequence[Draft] = ()) -> None:
        """The same, without waiting for it; without ``restored`` for an app that was stopped, and going back failed."""
        if restored or self._start_again:
            self._renewing = asyncio.create_task(self._renew_packages(restored))
            self._renewing.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def update(self, *, title: str | None = None, model: str | None = None) -> None:
        """Rename the session, or choose its model for the next turns.

        Raises ``InvalidInput`` for a title that is too long, and for a model that there is not.
        """
        self._may_act(busy_is_fine=True)
        if title is not None and len(title := title.strip()) > MAX_TITLE:
            raise InvalidInput(
                f"The title has {len(title):,} characters; the limit is {MAX_TITLE}.",
                hint="Choose a shorter one.",
                field="title",
            )
        if model is not None:
            self._find_model(model)
        changes = {name: value for name, value in (("title", title), ("model", model)) if value is not None}
        if changes:
            await self.append(Draft("session.updated", changes))

    async def look_for_edits(self) -> None:
        """Take in what a person changed in an editor meanwhile. Does nothing while something of ours runs."""
        if not self.owned or self.busy or self._acting.locked():
            return
        if self.summary.state in ("ready", "asleep") or self._astray:
            async with self._acting:
                await self._mend()
                await self._take_outside_changes()
            self.trouble_with(None)

    async def _take_outside_changes(self, by: By = "person") -> None:
        from ..tools.runner import by_others

        if changes := await self.workspace.outside_changes():
            tree = await self.workspace.known()
            await self.append(*(by_others(change, patch, by, tree) for change, patch in changes))
            await self.workspace.settle()

    def require_owned(self) -> None:
        """Raise ``Conflict`` when another process owns the session."""
        if not self.owned:
            raise Conflict(
                f"The session is open in {self.owner or 'another process'}.",
                hint="Use it there, or stop that process and open the session again.",
                reason="owned_elsewhere",
            )

    def _may_act(self, *, busy_is_fine: bool = False) -> None:
        self.require_owned()
        if self.summary.state in ("creating", "failed", "ended"):
            raise Conflict(
                f"The session is {self.summary.state}.",
                hint="Start a new session." if self.summary.state != "creating" else "Wait a moment.",
                reason=f"session_{self.summary.state}",
            )
        if self.busy and not busy_is_fine:
            raise SessionBusy("A turn is running in this session.", hint="Wait for it, or stop it first.")

    # Preview

    async def start_preview(self, *, restart: bool = False) -> None:
        await self.ready()
        self._may_act(busy_is_fine=True)
        await (self.app.restart() if restart else self.app.ensure())

    async def stop_preview(self) -> None:
        self._may_act(busy_is_fine=True)
        await self.app.stop()

    # Beginning and end

    async def recover(self, *, resume: bool = False) -> None:
        """Close what a process that died left open, so that the session can be used. Nothing stored is changed.

        With ``resume``, a turn that was under way goes on where the log ends.
        """
        if self.summary.state == "creating":
            await self.append(
                Draft(
                    "session.failed",
                    {"message": "The server stopped while the session was made.", "hint": "Start a new session."},
                )
            )
            return
        turn = self._resumable() if resume else ""
        try:
            await self._catch_up(turn)
        except (AppBuilderError, OSError) as error:
            # Without its files a session can still be read and deleted.
            log.warning("The files of session %s cannot be read: %s", self.id, error)
            turn = ""
        await self._close_open(turn)
        if turn:
            await self._resume(turn)

    def _resumable(self) -> str:
        """The turn that was under way, if it can go on: one that took the server down again and again cannot."""
        turn = self.summary.turn
        if turn is None or turn["reason"] is not None:
            return ""
        in_vain = 0
        for event in reversed(self._events):
            if event.type in ("response.completed", "turn.started"):
                break
            in_vain += event.type == "turn.resumed"
        return turn["turn"] if in_vain < MOST_RESUMED else ""

    async def _resume(self, turn: str) -> None:
        started = start_of(self._events, turn)
        assert started is not None
        asked = [e.data["text"] for e in self._events if e.type == "message.user" and e.data["turn"] == turn]
        await self.append(Draft("turn.resumed", {"turn": turn}))
        try:
            model = self._find_model(started.data["model"])
        except AppBuilderError as error:
            await self._finish(Ending(turn, asked[0], "failed", error.message, error.hint, error.reason))
            return

        async def go_on() -> None:
            async with self._acting:
                await self._carry_out(model, turn, started.data["model"], asked[0])

        self._stopping = False
        self._turn = asyncio.create_task(go_on())

    async def _mend(self) -> None:
        """After the log refused to store something: take its word for what happened, and go on from there."""
        if not self._astray:
            return
        try:
            await self._catch_up()
            await self._close_open(unstored=self.trouble)
        except OSError as error:
            raise of_the_disk(error, self.workspace.folder) from error
        self._astray, self._unstored = False, None
        self.trouble_with(None)

    async def _mended(self) -> None:
        """What the log says of the last turn can be relied on. Raises ``Unavailable`` while it still refuses."""
        if self._astray and not self.busy:
            async with self._acting:
                await self._mend()

    async def _catch_up(self, resuming: str = "") -> None:
        """Record what a process that died, or could not store it, did to the files. What calls of the turn
        ``resuming`` had done that will be made again is undone first."""
        turn = self.summary.turn
        unfinished = turn["turn"] if turn and turn["reason"] is None else None
        for event in reversed(self._events):
            if event.type in ("file.changed", "checkpoint.created", "session.restored"):
                if tree := event.data.get("tree"):
                    await self.workspace.know(tree)
                break
        for started in self._to_repeat(resuming) if resuming else ():
            await take_back(self.workspace, started["tool"], started["arguments"])
        await self._take_outside_changes(by="command" if unfinished else "person")
        kept = {event.data["checkpoint"] for event in self._events if event.type == "checkpoint.created"}
        newest = (await self.workspace.checkpoints())[0]
        if newest.id not in kept and newest.tree == await self.workspace.known():
            await self.append(checkpoint_draft(newest, unfinished))

    def _open_calls(self) -> list[Mapping[str, Any]]:
        """Calls that started and have no end in the log."""
        finished = {event.data["call"] for event in self._events if event.type == "tool.finished"}
        return [e.data for e in self._events if e.type == "tool.started" and e.data["call"] not in finished]

    def _to_repeat(self, turn: str) -> list[Mapping[str, Any]]:
        """Open calls of a turn that can be made once more: what they do is the same each time."""
        return [
            started
            for started in self._open_calls()
            if started["turn"] == turn
            and (tool := self.runner.tools.get(started["tool"]))
            and (tool.effect in ("read", "write") or tool.name == CHECK)
        ]

    async def _close_open(self, resuming: str = "", unstored: AppBuilderError | None = None) -> None:
        """End the calls and the turn that have no end in the log, but for the turn ``resuming`` and its calls that
        will be made again. They were cut short by the end of the server, or could not be stored (``unstored``)."""
        again = {started["call"] for started in self._to_repeat(resuming)} if resuming else set[str]()
        turn = self.summary.turn
        for approval in unanswered(self._events):
            await self.append(closing(approval, "stopped" if unstored else "interrupted"))
        for started in self._open_calls():
            if started["call"] not in again:
                why = f"what came of it could not be stored: {unstored.message}" if unstored else ""
                await self.append(Draft("tool.finished", interrupted(started, why)))
        if turn and turn["reason"] is None and not resuming:
            end = self._unstored
            if end is None:
                title = next(e.data["text"] for e in reversed(self._events) if e.type == "message.user")
                message = unstored.message if unstored else "The server stopped while this turn was running."
                end = Ending(turn["turn"], title, "failed", message, "What was done is kept. Try again to go on.")
            elif end.reason == "failed":
                end = replace(end, hint="That is over. What was done is kept: continue, or try again.")
            await self._finish(end)

    async def close(self) -> None:
        """Stop whatever runs, write the notebook, release the session. It can be opened again."""
        await self.shut()
        if self.owned:
            await self._log.release(self.id)

    async def shut(self, *, keep_notebook: bool = True) -> None:
        """Stop whatever runs; nothing is written any more."""
        if self._beginning is not None and not self._beginning.done():
            self._beginning.cancel()
            await asyncio.wait([self._beginning])
        await self._halt()
        if self._observer is not None:
            self._observer.cancel()
        if self.runner.diagnostics:
            self.runner.diagnostics.stop()
        await self.app.close()
        async with self._acting:
            pass  # a look at the files that was under way has ended: the folder can go
        await self.notebook.close(write=self.owned and keep_notebook)
        self.channel.close()


def _check_length(text: str) -> None:
    if len(text) > MAX_MESSAGE:
        raise InvalidInput(
            f"The message has {len(text):,} characters; the limit is {MAX_MESSAGE:,}.",
            hint="Put long material into a file of the app and name it.",
            field="text",
        )


def checkpoint_draft(checkpoint: Checkpoint, turn: str | None) -> Draft:
    return Draft(
        "checkpoint.created",
        {
            "checkpoint": checkpoint.id,
            "tree": checkpoint.tree,
            "parent": checkpoint.parent,
            "turn": turn,
            "title": checkpoint.title,
            "files": checkpoint.files,
            "added": checkpoint.added,
            "removed": checkpoint.removed,
            **({"note": checkpoint.note} if checkpoint.note else {}),
        },
    )


def _is_of_files(error: OSError) -> bool:
    """Whether a file or its disk refused: a connection that broke and a time limit are errors of the system, too."""
    return error.filename is not None or error.errno in (*FULL, errno.EIO, errno.EROFS, errno.ESTALE)


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
