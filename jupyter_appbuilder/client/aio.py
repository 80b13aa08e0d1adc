"""``App.aio``, the Python API as coroutines. ``App`` has the same methods, blocking.

Everything of a session is done in the engine's loop. ``in_engine`` takes a method there from whichever loop it is
awaited in, so that each is written as if there were one.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

from ..cancellation import in_thread
from ..datasets.base import Dataset, Keep
from ..errors import Conflict, InvalidInput, ToolFailed, Unavailable
from ..events import Mode
from ..turns.plans import Plan as WrittenPlan
from ..wire import WireMessage
from .attaching import Attached, given
from .data import FrameKind, Sources, hand_over, new_file, write_beside
from .engine import Engine
from .feed import Feed, questions
from .picture import picture_of
from .requests import Approve, Ask, acceptance, go_on, retry
from .results import Handed, Preview, Turn, plan_of, turn_of

if TYPE_CHECKING:
    from ..apps.component import Bundle
    from ..attachments.base import Given
    from ..databases.functions import AppFunction, Called
    from ..datasets.parquet import OnProgress
    from ..live.running import Exposed
    from ..session import Session
    from ..tools.base import ToolResult
    from ..workspace import Checkpoint
    from .publishing import Released

__all__ = ["AsyncApp"]

P = ParamSpec("P")
T = TypeVar("T")
Method = Callable[Concatenate["AsyncApp", P], Coroutine[Any, Any, T]]


def in_engine(method: Method[P, T]) -> Method[P, T]:
    """Run a coroutine method in the engine's loop, wherever it is awaited. Cancelling cancels it there."""

    @functools.wraps(method)
    async def reach(app: AsyncApp, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await app.engine.reach(method(app, *args, **kwargs))

    return reach


@contextlib.asynccontextmanager
async def _telling(
    session: Session, type: str, key: str, on_progress: Callable[[str], None] | None
) -> AsyncGenerator[None]:
    """Meanwhile ``on_progress`` is told what live messages of this type say."""

    async def tell(say: Callable[[str], None]) -> None:
        async for message in session.watch(session.summary.last_seq):
            if message["kind"] == "live" and message["type"] == type:
                say(str(cast("Mapping[str, object]", message["data"])[key]).strip())

    telling = asyncio.ensure_future(tell(on_progress)) if on_progress else None
    try:
        yield
    finally:
        if telling:
            telling.cancel()


class AsyncApp:
    """The methods of ``App`` as coroutines, for any event loop; get it as ``app.aio``."""

    def __init__(
        self,
        engine: Engine,
        settings: Mapping[str, str],
        session: str = "",
        hosts: Sequence[str] = (),
        exist_ok: bool = False,
    ) -> None:
        """``settings`` are those of ``AppBuilder.create``; ``session`` the id of one that exists already."""
        self.engine = engine
        self._settings = settings
        self._hosts = tuple(hosts)
        self._exist_ok = exist_ok
        self.existed = False  # whether the app of that name was there before
        self._id = session
        self.sources = Sources()
        self._creating = asyncio.Lock()  # of the engine's loop
        self._bundling = asyncio.Lock()
        self._bundles: dict[str, tuple[str, Bundle]] = {}  # by component, each with the tree of files that it is of

    @property
    def id(self) -> str:
        """The session's id; "" before the first request of an app without a name."""
        return self._id

    # In the engine's loop

    async def session(self, prompt: str = "") -> Session:
        """The session itself, made at first use. Only for coroutines that run in the engine's loop."""
        session = await self._session(prompt)
        await session.ready()
        return session

    async def _session(self, prompt: str = "") -> Session:
        builder = self.engine.builder
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
        """Open the session that has the name asked for. Raises ``taken`` with the next step where that will not do."""
        builder, name = self.engine.builder, self._settings["name"]
        summary = await builder.named(name)
        if summary is None:
            hint = f"That folder is no app's. Choose another name, or move it away: {builder.places.shelf / name}."
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

    async def session_stream(
        self,
        prompt: str | Ask,
        model: str,
        *,
        attended: bool = False,
        mode: Mode = "build",
        attach: Sequence[Given] = (),
    ) -> AsyncGenerator[WireMessage, None]:
        """Ask the agent, in the engine's loop; wire messages until the turn ends. Closing stops the turn.

        ``attended``: whoever reads the messages answers the agent's questions. Otherwise the answer is no.
        """
        session = await self.session(prompt if isinstance(prompt, str) else "")
        after = session.summary.last_seq
        messages = session.watch(after)
        if isinstance(prompt, str):
            turn = await session.send(prompt, model=model or None, mode=mode, attachments=attach)
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
        session = await self.session()
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
        session = await self.session()
        session.require_owned()
        change = await session.workspace.beside().write(path, data)
        await session.look_for_edits()
        said = f"{'Created' if change.change == 'created' else 'Wrote'} {path} ({len(data):,} bytes)"
        return ToolResult(f"{said}.", said, detail={"path": change.path, "change": change.change})

    # From any loop

    async def stream(
        self,
        prompt: str | Ask,
        *,
        model: str = "",
        attended: bool = False,
        mode: Mode = "build",
        attach: Sequence[Attached] = (),
    ) -> AsyncGenerator[WireMessage, None]:
        """Ask the agent; wire messages as they come, as ``App.stream`` has them."""
        files = await in_thread(given, attach)
        messages: asyncio.Queue[WireMessage | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def pump() -> None:
            try:
                messages_of = self.session_stream(prompt, model, attended=attended, mode=mode, attach=files)
                async with contextlib.aclosing(messages_of) as stream:
                    async for message in stream:
                        loop.call_soon_threadsafe(messages.put_nowait, message)
            finally:
                loop.call_soon_threadsafe(messages.put_nowait, None)

        pumping = asyncio.ensure_future(self.engine.reach(pump()))
        try:
            while (message := await messages.get()) is not None:
                yield message
            await pumping
        finally:
            if not pumping.done():
                pumping.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await pumping

    async def _talk(
        self,
        prompt: str | Ask,
        model: str,
        approve: Approve | None,
        mode: Mode = "build",
        attach: Sequence[Attached] = (),
    ) -> Feed:
        feed = Feed()
        stream = self.stream(prompt, model=model, attended=approve is not None, mode=mode, attach=attach)
        async with contextlib.aclosing(stream) as messages:
            async for message in messages:
                feed.take(message)
                for question in questions(message) if approve else ():
                    await self.answer(question["approval"], approve(question) if approve else False)
        return feed

    async def build(
        self, prompt: str, *, model: str = "", approve: Approve | None = None, attach: Sequence[Attached] = ()
    ) -> Turn:
        """Ask the agent, and wait until it is done. Cancelling stops it; what was done so far is kept.

        ``approve`` as in ``App.build``, called in the loop that this is awaited in; ``attach`` as there.
        """
        return turn_of(await self._talk(prompt, model, approve, attach=attach))

    async def retry(self, *, approve: Approve | None = None) -> Turn:
        """Drop what the last request changed, and ask for the same again. See ``App.retry``."""
        return turn_of(await self._talk(retry, "", approve))

    async def go_on(self, *, approve: Approve | None = None) -> Turn:
        """Go on from where the last request was cut short: it was stopped, reached a limit, or failed."""
        return turn_of(await self._talk(go_on, "", approve))

    async def ask(self, prompt: str, *, model: str = "", attach: Sequence[Attached] = ()) -> Turn:
        """Ask about the app; the answer is ``turn.text``. Nothing is changed. ``attach`` as in ``App.build``."""
        return turn_of(await self._talk(prompt, model, None, "ask", attach))

    async def plan(self, prompt: str, *, model: str = "", attach: Sequence[Attached] = ()) -> WrittenPlan:
        """Have a plan written; nothing is changed. ``accept`` has it built. ``attach`` as in ``App.build``."""
        return plan_of(await self._talk(prompt, model, None, "plan", attach))

    async def accept(
        self, plan: str, text: str | None = None, *, model: str = "", approve: Approve | None = None
    ) -> Turn:
        """Have the plan of that id built, as it is or as ``text`` has it."""
        return turn_of(await self._talk(acceptance(plan, text, model), "", approve))

    @in_engine
    async def plans(self) -> list[WrittenPlan]:
        """The plans there are, the oldest first."""
        return (await self.session()).plans()

    @in_engine
    async def fork(self, turn: str = "", *, checkpoint: str = "", name: str = "", model: str = "") -> str:
        """Make a new app as ``App.fork`` does; the id of its session."""
        source = await self.session()
        at = turn or ("" if checkpoint else str((source.summary.turn or {}).get("turn", "")))
        forked, _ = await self.engine.builder.fork(source.id, turn=at, checkpoint=checkpoint, name=name, model=model)
        await forked.ready()
        return forked.id

    @in_engine
    async def call(self, tool: str, /, **arguments: Any) -> ToolResult:
        """Run one tool, with its arguments by name; its result, also when it failed (``ok``)."""
        return await self._call(tool, arguments)

    @in_engine
    async def write(self, path: str, content: str | bytes) -> ToolResult:
        """Write a file of up to 50 MB. What is no text, or larger than 2 MB, is recorded as an edit by hand."""
        return await self._write(path, content)

    @in_engine
    async def edit(self, path: str, search: str, replace: str, *, replace_all: bool = False) -> ToolResult:
        """Replace text that occurs once in a file, or everywhere. Raises ``ToolFailed`` with the nearest text when it
        does not."""
        edit = {"search": search, "replace": replace} | ({"replace_all": True} if replace_all else {})
        return await self._do("edit_file", {"path": path, "edits": [edit]})

    @in_engine
    async def edits(self, path: str, edits: Sequence[Mapping[str, Any]]) -> ToolResult:
        """Several edits of a file at once, each with ``search``, ``replace``, maybe ``replace_all``: all or none."""
        return await self._do("edit_file", {"path": path, "edits": [dict(edit) for edit in edits]})

    @in_engine
    async def delete(self, path: str) -> ToolResult:
        """Delete a file. Raises ``ToolFailed`` when there is none."""
        return await self._do("delete_file", {"path": path})

    @in_engine
    async def rename(self, old: str, new: str) -> ToolResult:
        """Rename a file. Raises ``ToolFailed`` when there is none, or ``new`` exists."""
        return await self._do("rename_file", {"old": old, "new": new})

    @in_engine
    async def run(self, command: str) -> ToolResult:
        """Run a shell command in the app's sandbox; its output is ``result.text``."""
        return await self._call("run_command", {"command": command})

    @in_engine
    async def check(self) -> ToolResult:
        """Check the types, and that the running app shows no errors."""
        return await self._call("check_app", {})

    @in_engine
    async def try_(self, *names: str, on_progress: Callable[[str], None] | None = None) -> ToolResult:
        """Try the app's scenarios in a browser: all of them, or some by name. ``result.summary`` says how many work,
        ``result.detail["scenarios"]["outcomes"]`` which. ``on_progress`` is told of each that was tried, from another
        thread."""
        async with _telling(await self.session(), "tool.output", "text", on_progress):
            return await self._call("try_scenarios", {"names": list(names)})

    @in_engine
    async def picture(self, sha256: str) -> bytes | None:
        """A picture that a tool took of the app or that came with a message, as its event names it; None where it is
        no longer kept."""
        return await self.engine.builder.picture(sha256)

    async def data(
        self,
        name: str,
        source: Any,
        *,
        keep: Keep | None = None,
        private: bool | None = None,
        replace: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Handed:
        """Hand data to the app, or renew it: a pandas or polars frame, an Arrow table or reader, a DuckDB relation, an
        Ibis expression, a list of dicts, the path of a CSV, Parquet or Excel file, or a function that returns one.

        ``keep``: "latest" keeps the newest rows alone, and none in versions, log or notebook; "all" keeps each version
        of the rows beside the log. ``private``: the agent is told names and types of columns, and no value. Unless
        given, both stay as they were. ``on_progress`` is told how many rows are written.

        In an app with a database it becomes a table, and ``on_progress`` is told how many rows are in that, too. Rows
        that were changed in the app since then are replaced with ``replace`` alone.

        Interrupting leaves the app what it had. Raises ``InvalidInput`` for what is none of these, and for columns that
        no dataset can have; ``ToolFailed`` where rows were changed, or the app has a table of its own of that name.
        """
        began = time.monotonic()
        file = await self.engine.reach(new_file(self, name))
        written = await write_beside(name, source, file, on_progress)
        return await self.engine.reach(
            hand_over(self, name, source, written, file, keep, private, began, replace=replace, on_progress=on_progress)
        )

    async def refresh(self, name: str, *, replace: bool = False, on_progress: OnProgress | None = None) -> Handed:
        """Hand a dataset over anew: call its function, or read its file, again.

        ``replace`` as for ``data``. Raises ``InvalidInput`` for one that this process was not given as a function or
        file.
        """
        return await self.data(name, self.sources.again(name), replace=replace, on_progress=on_progress)

    async def expose(
        self,
        function: Callable[..., Any] | None = None,
        *,
        name: str = "",
        timeout: float | None = None,
        at_once: int | None = None,
    ) -> Any:
        """Let the app call a function of this process, by the name that it has or ``name``. Above a function:
        ``@app.expose``, or ``@app.expose(timeout=120)``. What is returned is the function itself.

        Arguments come by name, and are what the function's type hints say. It returns values that JSON has, dates, or a
        frame of at most 100,000 rows. It runs in a thread, a coroutine function in a loop, beside the cells; a call may
        take ``timeout`` seconds (30), and ``at_once`` of them run at a time (4). Of what it raises the page is told the
        class alone, unless that is a ``jupyter_appbuilder.AppError``, whose message it shows.

        Raises ``InvalidInput`` for what cannot be called by names.
        """
        from .live import expose

        if function is None:
            raise InvalidInput("There is no function to expose.", hint="await app.aio.expose(function)")
        return await expose(self, function, name, timeout, at_once)

    async def unexpose(self, name: str) -> None:
        """Take a function back: the app can no longer call it. Raises ``NotFound``."""
        from .live import unexpose

        await unexpose(self, name)

    @in_engine
    async def exposed(self) -> dict[str, Exposed]:
        """The functions of this process that the app may call, by name."""
        return dict(self.engine.live.functions.of((await self.session()).id))

    @in_engine
    async def datasets(self) -> list[Dataset]:
        """The data that the app has, without its rows: names, columns, how many rows, as of when."""
        return (await self.session()).data.all()

    @in_engine
    async def table(self, name: str, *, kind: FrameKind = "pandas") -> Any:
        """The rows of a table of the app's database as they are now, also what people did in the app; else those of a
        dataset, as they were handed over last: a frame of pandas or polars, or an Arrow table.

        Raises ``NotFound`` for what there is not, or whose rows are not on this machine.
        """
        from ..databases.frames import has_table, read_table
        from ..datasets.parquet import check_kind, read

        check_kind(kind)
        session = await self.session()
        if session.database.there and session.owned and await has_table(session.database, name):
            return await read_table(session.database, session.workspace.app, kind, name, session.data.kept(name))
        return await in_thread(read, session.data.file(name), kind)

    @in_engine
    async def query(self, sql: str, *, kind: FrameKind = "pandas") -> Any:
        """The rows of a statement that only reads the app's database: a frame of pandas or polars, or an Arrow table.

        Raises ``SqlError`` with what SQLite says, ``NotFound`` for an app without a database.
        """
        from ..databases.frames import read_rows
        from ..datasets.parquet import check_kind

        check_kind(kind)
        session = await self.session()
        session.require_owned()
        return await read_rows(session.database, session.workspace.app, kind, sql=sql)

    @in_engine
    async def read(self, path: str) -> str:
        """A file's text. Raises ``NotFound``, and ``InvalidInput`` for what is no text."""
        return await (await self.session()).workspace.read_text(path)

    @in_engine
    async def files(self) -> list[str]:
        """The app's files, sorted."""
        return [file.path for file in await (await self.session()).workspace.list()]

    @in_engine
    async def tree(self) -> str:
        """The git tree hash of the files as they are."""
        return await (await self.session()).workspace.snapshot()

    @in_engine
    async def checkpoint(self, title: str) -> str:
        """Keep the files, and what the app wrote, as a version; the files' tree hash."""
        return await (await self.session()).checkpoint(title)

    @in_engine
    async def checkpoints(self) -> list[Checkpoint]:
        """Every version, newest first."""
        return await (await self.session()).checkpoints()

    @in_engine
    async def name_version(self, checkpoint: str, name: str) -> None:
        """Call a version, by its id, something: ``checkpoints`` and the panel show it; ``""`` takes its name away."""
        await (await self.session()).name_version(checkpoint, name)

    @in_engine
    async def restore(self, checkpoint: str, *, data: bool = True) -> None:
        """Go back to a version, by its id, with what the app wrote by then as far as it is kept; with ``data=False`` to
        its files alone. It is itself a version, so it can be undone."""
        await (await self.session()).restore(checkpoint, data=data)

    @in_engine
    async def publish(
        self,
        target: str = "here",
        *,
        name: str = "",
        version: str = "",
        settings: Mapping[str, str] | None = None,
        accept: Mapping[str, str] | None = None,
        on_progress: Callable[[str], None] | None = None,
    ) -> Released:
        """Publish a version (by its id, tree or name; by default the newest whose checks passed), built, checked and
        passed through the gate: on this server (``here``), or at another ``target`` with its ``settings``.

        Where something is found it raises, with ``error.findings``; ``accept={id: reason}`` publishes it anyway. What
        readers get stays until all is well. ``on_progress`` is told how it goes, from another thread.
        """
        from .publishing import publish

        return await publish(
            await self.session(),
            target,
            name=name,
            version=version,
            settings=settings,
            accept=accept,
            on_progress=on_progress,
        )

    @in_engine
    async def publications(self) -> list[dict[str, Any]]:
        """What readers get of the app, by target: name, address, releases, and which of them is live."""
        session = await self.session()
        return [one.to_json() for one in await session.publishing.publications()]

    @in_engine
    async def roll_back(self, number: int, *, target: str = "here") -> None:
        """Give readers an earlier release again."""
        await (await self.session()).roll_back(target, number)

    @in_engine
    async def unpublish(self, target: str = "here") -> None:
        """Take the app down."""
        await (await self.session()).unpublish(target)

    @in_engine
    async def refreshing(self) -> dict[str, Any]:
        """When data of the published app are refreshed, from when readers' data are, and what came of the last runs."""
        return await (await self.session()).refreshing.overview()

    @in_engine
    async def schedule(
        self,
        cron: str,
        *,
        zone: str = "",
        notebook: str | Path = "",
        target: str = "",
        promise: str = "",
        minutes: int = 30,
        memory: int = 4096,
    ) -> None:
        """Have the data of the published app refreshed: at the times of ``cron`` (five fields) in ``zone``, the
        code of ``notebook`` (by default this kernel's) up to the last cell that hands data over is run in a fresh
        kernel, and readers get its rows, unless a cell, a check or the gate objects.

        ``promise``: how old readers' data are at most, as "12h" or "2d". ``minutes`` and ``memory`` (MB) bound the
        kernel.
        """
        from .refreshing import absolute

        await (await self.session()).refreshing.set(
            cron,
            zone=zone,
            notebook=absolute(notebook),
            target=target,
            promise=promise,
            minutes=minutes,
            memory=memory,
        )

    @in_engine
    async def pause_schedule(self, paused: bool = True) -> None:
        """Leave the schedule's times out; with ``False`` not any more."""
        await (await self.session()).refreshing.pause(paused)

    @in_engine
    async def remove_schedule(self) -> None:
        """Refresh the published app's data no more."""
        await (await self.session()).refreshing.drop()

    @in_engine
    async def refresh_published(self) -> dict[str, Any]:
        """Refresh the published app's data now, as its schedule does; what came of it. Raises nothing where that
        failed: ``state`` and ``message`` say so."""
        return (await (await self.session()).refreshing.refresh()).to_json()

    @in_engine
    async def refresh_run(self, number: int) -> dict[str, Any]:
        """What came of one run: its cells with what they printed, and what publishing said."""
        return (await (await self.session()).refreshing.run_of(number)).to_json()

    @in_engine
    async def look(
        self,
        users: Sequence[str] = (),
        groups: Sequence[str] = (),
        *,
        everybody: bool = False,
        days: int = 30,
        copies: bool = True,
        app: bool = True,
    ) -> dict[str, Any]:
        """Make a link by which other people of the JupyterHub look at this session, named or ``everybody`` with an
        account: what was asked, the versions, and how the app looked. Nothing else is open to them. ``copies``: they
        may make an app of their own of it; ``app``: they may open the app, as a copy of its newest version with its
        data. It is for ``days``; ``end_look`` takes it back."""
        from ..session.looks import add

        session = await self.session()
        readers = "everybody" if everybody else "people"
        made = await add(
            self.engine.builder.looks, session.id, readers, users, groups, days=days, copies=copies, app=app
        )
        return made.to_json()

    @in_engine
    async def looks(self) -> list[dict[str, Any]]:
        """The links by which other people look at this session: for whom, and until when."""
        session = await self.session()
        return [look.to_json() for look in await asyncio.to_thread(self.engine.builder.looks.all, session.id)]

    @in_engine
    async def end_look(self, id: str) -> None:
        """Take a link back: it opens nothing from then on."""
        session = await self.session()
        await asyncio.to_thread(self.engine.builder.looks.remove, session.id, id)

    @in_engine
    async def preview(self, *, restart: bool = False, on_progress: Callable[[str], None] | None = None) -> Preview:
        """Start the app and show it. ``on_progress`` is told what is being done meanwhile, from another thread."""
        session = await self.session()
        async with _telling(session, "preview", "message", on_progress):
            await session.start_preview(restart=restart)
        server = session.app.server
        return Preview(
            self.engine.origin + session.app.base_path,
            server.state,
            server.message,
            session.summary.name,
            lambda: self.engine.run(picture_of(session)),
        )

    @in_engine
    async def preview_version(self, checkpoint: str) -> Preview:
        """Run a version, by its id, beside the app and show it: a copy of its files and data that reaches nothing
        outside, until another one is shown or nobody has looked for ten minutes. The app stays as it is."""
        session = await self.session()
        await session.show_version(checkpoint)
        shown = await session.earlier.started()
        if shown is None:
            raise Conflict("The version was closed meanwhile.", hint="Show it again.")
        return Preview(self.engine.origin + (shown["url"] or ""), shown["state"], shown["message"])

    @in_engine
    async def bundle(self, component: str) -> Bundle:
        """One component of the app with all that it imports, as a script and a style sheet; ``App.widget`` shows it."""
        from ..apps.component import bundle

        session = await self.session()
        session.require_owned()
        async with self._bundling:  # of several widgets that show it, one does
            tree = await session.workspace.snapshot()
            known = self._bundles.get(component)
            if known is None or known[0] != tree:
                sandbox, template = await session.app.sandbox(), self.engine.builder.library.find(session.app.template)
                known = self._bundles[component] = tree, await bundle(sandbox, session.workspace, template, component)
        return known[1]

    @in_engine
    async def summary(self) -> dict[str, Any]:
        """The session at a glance: state, model, usage …"""
        return (await self.session()).to_json()

    @in_engine
    async def usage(self) -> dict[str, Any]:
        """The app's usage: tokens and US dollars by turn, step and model, and its budgets."""
        session = await self.session()
        return await self.engine.builder.usage.of_session(session.summary, await session.events())

    @in_engine
    async def answer(self, approval: str, granted: bool, *, remember: bool = False) -> None:
        """Answer a question of the agent's; ``remember``: for this app, not only this once."""
        await (await self.session()).answer(approval, granted, remember=remember)

    @in_engine
    async def hosts(self) -> list[str]:
        """The hosts that the app's code may reach."""
        return [str(host.to_json()["name"]) for host in await (await self.session()).network.hosts()]

    @in_engine
    async def allow(self, *hosts: str) -> None:
        """Let the app's code reach hosts from now on: ``api.example.org``, ``*.example.org``, also with a port."""
        session = await self.session()
        for host in hosts:
            await session.allow_host(host)

    @in_engine
    async def revoke(self, *hosts: str) -> None:
        """Take hosts back."""
        session = await self.session()
        for host in hosts:
            await session.revoke_host(host)

    @in_engine
    async def secrets(self) -> list[dict[str, Any]]:
        """The app's secrets, without values: those its code asks for and that are not set, then those that are."""
        return [one.to_json() for one in await (await self.session()).secrets.all()]

    @in_engine
    async def set_secret(self, name: str, value: str) -> None:
        """Keep a secret for the app's functions, which read it as ``env.NAME``."""
        await (await self.session()).set_secret(name, value)

    @in_engine
    async def remove_secret(self, name: str) -> None:
        """Forget a secret. Raises ``NotFound``."""
        await (await self.session()).remove_secret(name)

    @in_engine
    async def functions(self) -> list[AppFunction]:
        """The functions on the app's server."""
        return await (await self.session()).functions_of_app()

    @in_engine
    async def call_function(self, name: str, body: Any = None, *, method: str = "", query: str = "") -> Called:
        """Call a function as the app's page would; what it answered, logged and changed in the database.

        ``name`` is what follows ``api/``; ``body`` is sent as JSON, by POST unless ``method`` says otherwise.
        """
        session = await self.session()
        return await session.call_function(
            name, method=(method or ("GET" if body is None else "POST")).upper(), query=query, body=body
        )

    @in_engine
    async def choose_model(self, model: str) -> None:
        """Have requests answered by ``model`` (``provider:name``) from now on."""
        await (await self.session()).update(model=model)

    @in_engine
    async def notebook(self) -> Path:
        """The session's notebook, written up to now."""
        session = await self.session()
        await session.notebook.flush()
        return session.notebook.path

    @in_engine
    async def folder(self) -> Path:
        """The session's folder; the app lies in its ``app/``."""
        return (await self.session()).workspace.folder

    @in_engine
    async def export(self, path: str | Path = "", *, tests: bool = False) -> Path:
        """Write the app's files as a ZIP archive; its path. ``tests``: with its scenarios as tests for Playwright."""
        from ..session.export import zipped

        session, builder = await self.session(), self.engine.builder
        target = Path(path) if str(path) else Path.cwd() / f"{session.summary.name}.zip"
        if await asyncio.to_thread(target.is_dir):
            target /= f"{session.summary.name}.zip"
        content = await zipped(session, builder.library, builder.datasets, tests=tests)
        await asyncio.to_thread(target.write_bytes, content)
        return target

    @in_engine
    async def transcript(self, path: str | Path = "") -> Path:
        """Write what was asked and done as an HTML file to hand on; its path."""
        from .transcript import transcript_of

        session = await self.session()
        target = Path(path) if str(path) else Path.cwd() / f"{session.summary.name}.html"
        if await asyncio.to_thread(target.is_dir):
            target /= f"{session.summary.name}.html"
        page = await transcript_of(self.engine.builder, session.summary, await session.events())
        await asyncio.to_thread(target.write_text, page, encoding="utf-8")
        return target

    @in_engine
    async def save_picture(self, path: str | Path = "", *, on_progress: Callable[[str], None] | None = None) -> Path:
        """Write a picture of the app to hand on; its path. A file that ends in ``.webp`` (by default) or ``.gif``
        moves: it shows the app's scenarios; ``.png`` is a still picture. ``on_progress`` is told what is done, from
        another thread."""
        from ..session.showing import SHOWN_AS, ShownAs, shown

        session = await self.session()
        target = Path(path) if str(path) else Path.cwd() / f"{session.summary.name}.webp"
        if await asyncio.to_thread(target.is_dir):
            target /= f"{session.summary.name}.webp"
        kind: ShownAs | None = next((one for one in SHOWN_AS if target.suffix.lower() == f".{one}"), None)
        if kind is None:
            raise InvalidInput(f"{target.name} is no picture by its name.", hint="End it in .webp, .gif or .png.")
        async with _telling(session, "progress", "message", on_progress):
            _, data = await shown(session, kind)
        await asyncio.to_thread(target.write_bytes, data)
        return target

    @in_engine
    async def stop(self) -> None:
        """Stop the running turn and the preview."""
        if self._id:
            session = await self.session()
            await session.stop()
            await session.stop_preview()

    @in_engine
    async def close(self) -> None:
        """Stop, write the notebook and let other processes have the session. It can be opened again."""
        if self._id:
            await self.engine.builder.release(self._id)
