"""The Python API: an app you build from a notebook or a script.

    from jupyter_appbuilder import App

    app = App("task-board")
    app.build("A task board that keeps its cards")     # waits; shows nothing
    await app.aio.build("Add a dark mode")             # the same, for code that must not block
    app.preview()                                      # the running app, below the cell

Each method waits until it is done. ``app.aio`` has the same methods as coroutines, for any event loop. Both can be
used on one app. Nothing but this process is needed: no Jupyter server.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..builder import FOLDER
from ..errors import AppBuilderError, Conflict, InvalidInput, Unavailable
from ..events import By, Mode
from ..notebook.markdown import inert
from ..turns.plans import Plan as WrittenPlan
from ..turns.plans import name_of
from .engine import Engine, engine
from .feed import Feed, questions

if TYPE_CHECKING:
    from ..session import Session
    from ..tools.base import ToolResult
    from ..workspace import Checkpoint
    from .widget import AppWidget

T = TypeVar("T")
Message = dict[str, Any]
Approve = Callable[[Mapping[str, Any]], bool]
Ask = Callable[["Session"], Awaitable[str]]
"""Has a session begin a turn, in the engine's loop; the turn."""


class ToolFailed(Conflict):
    """A tool could not do what it was asked to; the message is what it said."""

    default_reason = "tool_failed"


@dataclass(frozen=True, slots=True)
class Turn:
    """How a request ended. ``text`` is the agent's last words, ``files`` the paths it changed."""

    reason: str  # done, stopped, limit, budget, failed
    text: str
    files: tuple[str, ...]
    message: str = ""
    hint: str = ""
    recorded: bool = False  # a shipped recording answered, no model

    @property
    def ok(self) -> bool:
        return self.reason == "done"


@dataclass(frozen=True, slots=True)
class Preview:
    """The running app. ``url`` works on this machine as long as this process lives. Who has it can see the app, so it
    is neither in the ``repr`` nor in what a notebook stores of it."""

    url: str = field(repr=False)
    state: str
    message: str = ""

    def _repr_mimebundle_(self, **options: Any) -> Any:
        from .preview_widget import PreviewWidget

        if self.state != "ready":
            return {"text/plain": f"The preview is {self.state}. {self.message}"}
        widget: Any = PreviewWidget(self.url)
        return widget._repr_mimebundle_(**options)


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of the agent's. Shows as what it says."""

    _app: App = field(repr=False)
    _written: WrittenPlan = field(repr=False)

    @property
    def id(self) -> str:
        return self._written.id

    @property
    def text(self) -> str:
        """Markdown."""
        return self._written.text

    def accept(self, text: str | None = None, *, model: str = "", approve: Approve | None = None) -> Turn:
        """Have it built, as it is or as ``text`` has it, and wait until it is done; ``approve`` as in ``App.build``.

        Raises ``Conflict`` where it was accepted before, ``InvalidInput`` for an empty text.
        """
        return self._app._follow(acceptance(self.id, text, model), "", approve)  # pyright: ignore[reportPrivateUsage]

    def _repr_markdown_(self) -> str:
        return inert(self.text)

    def __repr__(self) -> str:
        return f"Plan({self.id!r}, {name_of(self.text)!r})"


def plan_of(feed: Feed) -> WrittenPlan:
    """The plan a turn came to. Raises ``AppBuilderError`` where it came to none."""
    if not feed.plan:
        raise AppBuilderError(feed.message or "The agent wrote no plan.", hint=feed.hint or "Ask again.")
    return WrittenPlan(feed.plan, feed.turn, feed.text)


def turn_of(feed: Feed) -> Turn:
    return Turn(feed.reason or "failed", feed.text, tuple(feed.files), feed.message, feed.hint, feed.recorded)


class AsyncApp:
    """The coroutines behind ``App``; get it as ``app.aio``. See ``App`` for what each does."""

    def __init__(
        self,
        engine: Engine,
        settings: Mapping[str, str],
        session: str = "",
        hosts: Sequence[str] = (),
        exist_ok: bool = False,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._hosts = tuple(hosts)
        self._exist_ok = exist_ok
        self.existed = False  # whether the app of that name was there before
        self._id = session
        self._creating = asyncio.Lock()  # of the engine's loop

    @property
    def id(self) -> str:
        return self._id

    # In the engine's loop

    async def session(self) -> Session:
        """The session itself. Only for coroutines that run in the engine's loop."""
        return await self._begin()

    async def _session(self, prompt: str = "") -> Session:
        builder = self._engine.builder
        async with self._creating:
            if self._id:
                return await builder.session(self._id)
            try:
                session = await builder.create(prompt=prompt, **self._settings)
            except Conflict as error:
                if error.reason != "name_taken":
                    raise
                session = await self._existing(error)
            self._id = session.id
        await session.ready()
        for host in self._hosts:
            await session.allow_host(host)
        return session

    async def _existing(self, taken: Conflict) -> Session:
        """The session that has the name we asked for, if that will do; else ``taken`` with what to do about it."""
        builder, name = self._engine.builder, self._settings["name"]
        summary = await builder.named(name)
        if summary is None:
            hint = f"That folder is no app's. Choose another name, or move it away: {builder.root_dir}/{FOLDER}/{name}."
            raise Conflict(taken.message, hint=hint, reason=taken.reason, field=taken.field)
        if not self._exist_ok:
            hint = (
                f"Go on with it (App.open({name!r}) or exist_ok=True in Python, %appbuilder open {name} in a cell, "
                f"--session {name} in a terminal), or choose another name."
            )
            raise Conflict(taken.message, hint=hint, reason=taken.reason, field=taken.field)
        self.existed = True
        session = await builder.session(summary.id)
        if (model := self._settings.get("model")) and model != summary.model:
            await session.update(model=model)
        return session

    async def _begin(self, prompt: str = "") -> Session:
        session = await self._session(prompt)
        await session.ready()
        return session

    async def session_stream(
        self, prompt: str | Ask, model: str, *, attended: bool = False, mode: Mode = "build"
    ) -> AsyncGenerator[Message, None]:
        """``attended``: whoever reads the messages answers the agent's questions. Otherwise the answer is no."""
        session = await self._begin(prompt if isinstance(prompt, str) else "")
        after = session.summary.last_seq
        messages = session.watch(after)
        if isinstance(prompt, str):
            turn = await session.send(prompt, model=model or None, mode=mode)
        else:
            turn = await prompt(session)
        try:
            async for message in messages:
                yield message
                if not attended:
                    for question in questions(message):
                        await session.approvals.give(question["approval"], False, cause="unattended")
                if message["kind"] == "events" and any(
                    event["type"] == "turn.finished" and event["data"]["turn"] == turn for event in message["events"]
                ):
                    return
                if message["kind"] == "session" and session.record.cut_short and (trouble := session.trouble):
                    raise Unavailable(trouble.message, hint=trouble.hint, reason=trouble.reason)
        finally:
            await messages.aclose()
            if session.busy:
                with contextlib.suppress(Unavailable):  # it has ended; whoever waits for it was told what is wrong
                    await session.stop()

    async def _call(self, tool: str, arguments: dict[str, Any]) -> ToolResult:
        session = await self._begin()
        _, result = await session.call(tool, arguments, by="notebook")
        return result

    async def _do(self, tool: str, arguments: dict[str, Any]) -> ToolResult:
        result = await self._call(tool, arguments)
        if not result.ok:
            raise ToolFailed(result.text or result.summary, hint="Nothing was changed.")
        return result

    async def _write(self, path: str, content: str | bytes) -> ToolResult:
        from ..workspace.workspace import LARGEST_TEXT

        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        if len(data) > LARGEST_TEXT:
            return await self._put(path, data)
        if isinstance(content, bytes):
            try:
                content = data.decode()
            except UnicodeDecodeError:
                return await self._put(path, data)
        return await self._do("write_file", {"path": path, "content": content})

    async def _put(self, path: str, data: bytes) -> ToolResult:
        """Write what is no text of a tool's, as an editor does: it is told as the person's edit, with its patch."""
        from ..tools.base import ToolResult
        from ..workspace.scan import LARGEST

        if len(data) > LARGEST:
            raise InvalidInput(
                f"{path} would have {len(data):,} bytes, and files above {LARGEST:,} are in no version of an app.",
                hint="Have a command in the app fetch or make it, or put it where the app can load it from.",
                field="content",
            )
        session = await self._begin()
        session.require_owned()
        change = await session.workspace.beside().write(path, data)
        await session.look_for_edits()
        said = f"{'Created' if change.change == 'created' else 'Wrote'} {path} ({len(data):,} bytes)"
        return ToolResult(f"{said}.", said, detail={"path": change.path, "change": change.change})

    # From any loop

    async def _reach(self, work: Coroutine[Any, Any, T]) -> T:
        return await self._engine.reach(work)

    async def stream(
        self, prompt: str | Ask, *, model: str = "", attended: bool = False, mode: Mode = "build"
    ) -> AsyncGenerator[Message, None]:
        messages: asyncio.Queue[Message | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def pump() -> None:
            try:
                messages_of = self.session_stream(prompt, model, attended=attended, mode=mode)
                async with contextlib.aclosing(messages_of) as stream:
                    async for message in stream:
                        loop.call_soon_threadsafe(messages.put_nowait, message)
            finally:
                loop.call_soon_threadsafe(messages.put_nowait, None)

        pumping = asyncio.ensure_future(self._reach(pump()))
        try:
            while (message := await messages.get()) is not None:
                yield message
            await pumping
        finally:
            if not pumping.done():
                pumping.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await pumping

    async def build(self, prompt: str | Ask, *, model: str = "") -> Turn:
        return turn_of(await self._talk(prompt, model))

    async def ask(self, prompt: str, *, model: str = "") -> Turn:
        return turn_of(await self._talk(prompt, model, "ask"))

    async def plan(self, prompt: str, *, model: str = "") -> WrittenPlan:
        """The plan; ``accept`` has it built."""
        return plan_of(await self._talk(prompt, model, "plan"))

    async def accept(self, plan: str, text: str | None = None, *, model: str = "") -> Turn:
        """Have the plan of that id built, as it is or as ``text`` has it."""
        return await self.build(acceptance(plan, text, model))

    async def plans(self) -> list[WrittenPlan]:
        async def plans() -> list[WrittenPlan]:
            return (await self._begin()).plans()

        return await self._reach(plans())

    async def _talk(self, prompt: str | Ask, model: str, mode: Mode = "build") -> Feed:
        feed = Feed()
        async with contextlib.aclosing(self.stream(prompt, model=model, mode=mode)) as messages:
            async for message in messages:
                feed.take(message)
        return feed

    async def retry(self) -> Turn:
        return await self.build(retry)

    async def go_on(self) -> Turn:
        return await self.build(go_on)

    async def fork(self, turn: str = "", *, checkpoint: str = "", name: str = "", model: str = "") -> str:
        """Returns the new session's id."""

        async def fork() -> str:
            source = await self._begin()
            at = turn or ("" if checkpoint else str((source.summary.turn or {}).get("turn", "")))
            forked, _ = await self._engine.builder.fork(
                source.id, turn=at, checkpoint=checkpoint, name=name, model=model
            )
            await forked.ready()
            return forked.id

        return await self._reach(fork())

    async def call(self, tool: str, /, **arguments: Any) -> ToolResult:
        return await self._reach(self._call(tool, arguments))

    async def write(self, path: str, content: str | bytes) -> ToolResult:
        return await self._reach(self._write(path, content))

    async def edit(self, path: str, search: str, replace: str) -> ToolResult:
        return await self.edits(path, [{"search": search, "replace": replace}])

    async def edits(self, path: str, edits: Sequence[Mapping[str, Any]]) -> ToolResult:
        return await self._reach(self._do("edit_file", {"path": path, "edits": [dict(edit) for edit in edits]}))

    async def delete(self, path: str) -> ToolResult:
        return await self._reach(self._do("delete_file", {"path": path}))

    async def rename(self, old: str, new: str) -> ToolResult:
        return await self._reach(self._do("rename_file", {"old": old, "new": new}))

    async def run(self, command: str) -> ToolResult:
        return await self._reach(self._call("run_command", {"command": command}))

    async def check(self) -> ToolResult:
        return await self._reach(self._call("check_app", {}))

    async def read(self, path: str) -> str:
        async def read() -> str:
            return await (await self._begin()).workspace.read_text(path)

        return await self._reach(read())

    async def files(self) -> list[str]:
        async def names() -> list[str]:
            return [file.path for file in await (await self._begin()).workspace.list()]

        return await self._reach(names())

    async def tree(self) -> str:
        async def snapshot() -> str:
            return await (await self._begin()).workspace.snapshot()

        return await self._reach(snapshot())

    async def checkpoint(self, title: str) -> str:
        """Returns the version's tree hash."""

        async def keep() -> str:
            from ..session import checkpoint_draft

            session = await self._begin()
            await session.look_for_edits()
            if made := await session.workspace.checkpoint(title):
                await session.append(checkpoint_draft(made, None))
            return await session.workspace.snapshot()

        return await self._reach(keep())

    async def checkpoints(self) -> list[Checkpoint]:
        async def versions() -> list[Checkpoint]:
            return await (await self._begin()).workspace.checkpoints()

        return await self._reach(versions())

    async def restore(self, checkpoint: str) -> None:
        async def restore() -> None:
            await (await self._begin()).restore(checkpoint)

        await self._reach(restore())

    async def preview(self, *, restart: bool = False, on_progress: Callable[[str], None] | None = None) -> Preview:
        async def tell(session: Session) -> None:
            async for message in session.watch(session.summary.last_seq):
                if on_progress and message["kind"] == "live" and message["type"] == "preview":
                    on_progress(message["data"]["message"])

        async def show() -> Preview:
            session = await self._begin()
            telling = asyncio.ensure_future(tell(session)) if on_progress else None
            try:
                await session.start_preview(restart=restart)
            finally:
                if telling:
                    telling.cancel()
            server = session.app.server
            return Preview(self._engine.origin + session.app.base_path, server.state, server.message)

        return await self._reach(show())

    async def summary(self) -> dict[str, Any]:
        async def describe() -> dict[str, Any]:
            return (await self._begin()).to_json()

        return await self._reach(describe())

    async def usage(self) -> dict[str, Any]:
        async def describe() -> dict[str, Any]:
            session = await self._begin()
            return await self._engine.builder.usage.of_session(session.summary, await session.events())

        return await self._reach(describe())

    async def answer(self, approval: str, granted: bool, *, remember: bool = False) -> None:
        async def answer() -> None:
            await (await self._begin()).answer(approval, granted, remember=remember)

        await self._reach(answer())

    async def hosts(self) -> list[str]:
        async def hosts() -> list[str]:
            return [str(host.to_json()["name"]) for host in await (await self._begin()).network.hosts()]

        return await self._reach(hosts())

    async def allow(self, *hosts: str) -> None:
        async def allow() -> None:
            session = await self._begin()
            for host in hosts:
                await session.allow_host(host)

        await self._reach(allow())

    async def revoke(self, *hosts: str) -> None:
        async def revoke() -> None:
            session = await self._begin()
            for host in hosts:
                await session.revoke_host(host)

        await self._reach(revoke())

    async def choose_model(self, model: str) -> None:
        async def choose() -> None:
            await (await self._begin()).update(model=model)

        await self._reach(choose())

    async def notebook(self) -> Path:
        """The session's notebook, written up to now."""

        async def write() -> Path:
            session = await self._begin()
            await session.notebook.flush()
            return session.notebook.path

        return await self._reach(write())

    async def folder(self) -> Path:
        async def folder() -> Path:
            return (await self._begin()).workspace.folder

        return await self._reach(folder())

    async def export(self, path: str | Path = "") -> Path:
        async def export() -> Path:
            session = await self._begin()
            target = Path(path) if str(path) else Path.cwd() / f"{session.summary.name}.zip"
            if await asyncio.to_thread(target.is_dir):
                target /= f"{session.summary.name}.zip"
            await asyncio.to_thread(target.write_bytes, await session.workspace.zip())
            return target

        return await self._reach(export())

    async def stop(self) -> None:
        async def stop() -> None:
            if self._id:
                session = await self._begin()
                await session.stop()
                await session.stop_preview()

        await self._reach(stop())

    async def close(self) -> None:
        async def close() -> None:
            if self._id:
                await self._engine.builder.release(self._id)

        await self._reach(close())


def acceptance(plan: str, text: str | None = None, model: str = "", by: By = "notebook") -> Ask:
    """Has a session build a plan, by its id; as ``text`` has it, if that is given."""

    async def accept(session: Session) -> str:
        return await session.accept(plan, text, model=model or None, by=by)

    return accept


async def retry(session: Session) -> str:
    return await session.retry()


async def go_on(session: Session) -> str:
    return await session.go_on()


class App:
    """An app that an agent builds, and you.

    ``App("name")`` starts a new one in ``<root>/appbuilder/<name>``; without a name the first request gives it one.
    ``App.open("name")`` goes on with one you have, and ``App("name", exist_ok=True)`` does either, so that a notebook
    can be run again; ``template``, ``sandbox`` and ``title`` are for a new one. ``model`` is ``provider:name``,
    ``template`` a template's name, folder or git address, ``sandbox`` where it runs (``local``, ``e2b``, …); all have
    defaults. ``hosts`` are those that the app's code may reach from the start. ``root`` is, in this order, the
    argument, ``APPBUILDER_ROOT``, the root of the Jupyter server this kernel belongs to, the current folder.

    Every method raises an ``errors.AppBuilderError`` that says what to do next. Interrupting ``build`` stops the turn.
    """

    def __init__(
        self,
        name: str = "",
        *,
        model: str = "",
        template: str = "",
        sandbox: str = "",
        title: str = "",
        root: str | Path | None = None,
        hosts: Sequence[str] = (),
        exist_ok: bool = False,
    ) -> None:
        settings = {"name": name, "model": model, "template": template, "sandbox": sandbox, "title": title}
        self._engine = engine(root)
        given = {key: value for key, value in settings.items() if value}
        self.aio = AsyncApp(self._engine, given, hosts=hosts, exist_ok=exist_ok)
        if name:
            self._engine.run(self.aio.summary())

    @classmethod
    def open(cls, name: str, *, model: str = "", root: str | Path | None = None) -> App:
        """Go on with a session, by its id or its folder's name; with ``model``, which it keeps, if that is given.

        Raises ``NotFound``.
        """
        app = cls.__new__(cls)
        app._engine = engine(root)

        async def find() -> str:
            return (await app._engine.builder.find(name)).id

        app.aio = AsyncApp(app._engine, {}, app._engine.run(find()))
        if model and model != app.summary["model"]:
            app.choose_model(model)
        return app

    @property
    def id(self) -> str:
        """The session's id; "" before the first request of an app without a name."""
        return self.aio.id

    @property
    def name(self) -> str:
        return str(self.summary["name"])

    @property
    def summary(self) -> dict[str, Any]:
        """The session at a glance: state, model, usage …"""
        return self._engine.run(self.aio.summary())

    @property
    def usage(self) -> dict[str, Any]:
        """What the app took: tokens and US dollars by turn, step and model, and its budgets."""
        return self._engine.run(self.aio.usage())

    @property
    def files(self) -> list[str]:
        """The app's files, sorted."""
        return self._engine.run(self.aio.files())

    @property
    def tree(self) -> str:
        """The git tree hash of the files as they are."""
        return self._engine.run(self.aio.tree())

    @property
    def folder(self) -> Path:
        """The session's folder; the app lies in its ``app/``."""
        return self._engine.run(self.aio.folder())

    @property
    def notebook(self) -> Path:
        """The session's notebook, written up to now."""
        return self._engine.run(self.aio.notebook())

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """Every version, newest first."""
        return self._engine.run(self.aio.checkpoints())

    def build(self, prompt: str, *, model: str = "", approve: Approve | None = None) -> Turn:
        """Ask the agent, and wait until it is done. An interrupt stops it; what was done so far is kept.

        ``approve`` is called with each question of the agent's (the data of an ``approval.requested`` event) and
        returns whether that may be. Without it nothing may; hosts can be allowed beforehand with ``allow``.
        """
        return self._follow(prompt, model, approve)

    def retry(self, *, approve: Approve | None = None) -> Turn:
        """Drop what the last request changed, and ask for the same again. The files go back to what they were before
        it; what was there until now is a version in ``checkpoints``."""
        return self._follow(retry, "", approve)

    def go_on(self, *, approve: Approve | None = None) -> Turn:
        """Go on from where the last request was cut short: it was stopped, reached a limit, or failed."""
        return self._follow(go_on, "", approve)

    def fork(self, turn: str = "", *, checkpoint: str = "", name: str = "", model: str = "") -> App:
        """A new app that begins where this one was before a turn (``t1``, ``t2`` …; by default the last), or at one of
        ``checkpoints``. This app stays as it is."""
        app = App.__new__(App)
        app._engine = self._engine
        made = self._engine.run(self.aio.fork(turn, checkpoint=checkpoint, name=name, model=model))
        app.aio = AsyncApp(self._engine, {}, made)
        return app

    def ask(self, prompt: str, *, model: str = "") -> Turn:
        """Ask about the app; the answer is ``turn.text``. Nothing is changed."""
        return turn_of(self._talk(prompt, model, None, "ask"))

    def plan(self, prompt: str, *, model: str = "") -> Plan:
        """Have a plan written; nothing is changed. ``plan.text`` is Markdown, ``plan.accept()`` has it built, and
        ``app.plan("…")`` again, with what should be different, makes another.

        Raises ``AppBuilderError`` where the agent came to none.
        """
        return Plan(self, plan_of(self._talk(prompt, model, None, "plan")))

    @property
    def plans(self) -> list[Plan]:
        """The plans there are, the oldest first."""
        return [Plan(self, plan) for plan in self._engine.run(self.aio.plans())]

    def _follow(self, prompt: str | Ask, model: str, approve: Approve | None) -> Turn:
        return turn_of(self._talk(prompt, model, approve))

    def _talk(self, prompt: str | Ask, model: str, approve: Approve | None, mode: Mode = "build") -> Feed:
        feed = Feed()
        for message in self.stream(prompt, model=model, attended=approve is not None, mode=mode):
            feed.take(message)
            for question in questions(message) if approve else ():
                self.answer(question["approval"], approve(question) if approve else False)
        return feed

    def stream(
        self, prompt: str | Ask, *, model: str = "", attended: bool = False, mode: Mode = "build"
    ) -> Iterator[Message]:
        """Ask the agent; wire messages as they come (docs/architecture.md, "Wire"). Closing the iterator stops it.

        ``attended``: you answer the agent's questions (``approval.requested`` events) with ``answer``; without it each
        is answered with no. ``mode``: build, plan or ask.
        """
        messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()

        async def pump() -> None:
            try:
                messages_of = self.aio.session_stream(prompt, model, attended=attended, mode=mode)
                async with contextlib.aclosing(messages_of) as stream:
                    async for message in stream:
                        messages.put(message)
            finally:
                messages.put(None)

        pumping = self._engine.post(pump())
        try:
            while (message := messages.get()) is not None:
                yield message
        finally:
            pumping.cancel()
            # Also when interrupted: the turn has ended before anything else begins.
            with contextlib.suppress(BaseException):
                pumping.exception(timeout=30)
        pumping.result()

    def call(self, tool: str, /, **arguments: Any) -> ToolResult:
        """Run one tool, with its arguments by name; its result, also when it failed (``ok``)."""
        return self._engine.run(self.aio.call(tool, **arguments))

    def write(self, path: str, content: str | bytes) -> ToolResult:
        """Write a file of up to 50 MB. What is no text, or larger than 2 MB, is recorded as an edit by hand."""
        return self._engine.run(self.aio.write(path, content))

    def edit(self, path: str, search: str, replace: str) -> ToolResult:
        """Replace text that occurs once in a file. Raises ``ToolFailed`` with the nearest text when it does not."""
        return self._engine.run(self.aio.edit(path, search, replace))

    def edits(self, path: str, edits: Sequence[Mapping[str, Any]]) -> ToolResult:
        """Several edits of a file at once, each with ``search`` and ``replace``: all or none."""
        return self._engine.run(self.aio.edits(path, edits))

    def delete(self, path: str) -> ToolResult:
        return self._engine.run(self.aio.delete(path))

    def rename(self, old: str, new: str) -> ToolResult:
        return self._engine.run(self.aio.rename(old, new))

    def run(self, command: str) -> ToolResult:
        """Run a shell command in the app's sandbox; its output is ``result.text``."""
        return self._engine.run(self.aio.run(command))

    def check(self) -> ToolResult:
        """Check the types, and that the running app shows no errors."""
        return self._engine.run(self.aio.check())

    def read(self, path: str) -> str:
        return self._engine.run(self.aio.read(path))

    def checkpoint(self, title: str) -> str:
        """Keep the files as a version; their tree hash."""
        return self._engine.run(self.aio.checkpoint(title))

    def restore(self, checkpoint: str) -> None:
        """Go back to a version, by its id. It is itself a version, so it can be undone."""
        self._engine.run(self.aio.restore(checkpoint))

    def preview(self, *, restart: bool = False, on_progress: Callable[[str], None] | None = None) -> Preview:
        """Start the app and show it. ``on_progress`` is told what is being done meanwhile, from another thread."""
        return self._engine.run(self.aio.preview(restart=restart, on_progress=on_progress))

    @property
    def hosts(self) -> list[str]:
        """The hosts that the app's code may reach."""
        return self._engine.run(self.aio.hosts())

    def allow(self, *hosts: str) -> None:
        """Let the app's code reach hosts from now on: ``api.example.org``, ``*.example.org``, also with a port."""
        self._engine.run(self.aio.allow(*hosts))

    def revoke(self, *hosts: str) -> None:
        """Take hosts back."""
        self._engine.run(self.aio.revoke(*hosts))

    def answer(self, approval: str, granted: bool, *, remember: bool = False) -> None:
        """Answer a question of the agent's; ``remember``: for this app, not only this once."""
        self._engine.run(self.aio.answer(approval, granted, remember=remember))

    def choose_model(self, model: str) -> None:
        self._engine.run(self.aio.choose_model(model))

    def widget(self) -> AppWidget:
        """Chat, feed and preview in a cell."""
        from .widget import AppWidget

        return AppWidget(self._engine, self.aio)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """``display(app)``, or ``app`` on a cell's last line, shows its widget."""
        widget: Any = self.widget()
        return widget._repr_mimebundle_(**options)

    def export(self, path: str | Path = "") -> Path:
        """Write the app's files as a ZIP archive; its path."""
        return self._engine.run(self.aio.export(path))

    def stop(self) -> None:
        """Stop the running turn and the preview."""
        self._engine.run(self.aio.stop())

    def close(self) -> None:
        """Stop, write the notebook and let other processes have the session. It can be opened again."""
        self._engine.run(self.aio.close())

    def __enter__(self) -> App:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"App.open({self.name!r})" if self.id else "App()"
