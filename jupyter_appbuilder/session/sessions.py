"""The sessions of a process: opened, found, listed, released, deleted, recovered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator, Sequence
from logging import Logger
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..errors import AppBuilderError, InvalidInput, NotFound, Unavailable
from ..events import Draft, Event, Shelf
from ..formats import strict_json
from ..live.base import function_from
from ..log import EventStore, Summary
from ..log.summary import fold
from .places import VERSIONS
from .session import Session
from .sizes import Sizes

if TYPE_CHECKING:
    from ..apps.running import RunningApp
    from .assembly import Parts
    from .housekeeping import Housekeeping
    from .places import Places
    from .preparation import Preparation
    from .record import Record

LONG = 1000  # events from which on a history's end is shown before the whole is read
LONGEST_TAIL = 500  # events

MOST_TAGS = 12
LONGEST_TAG = 40  # characters

RECOVER_SECONDS = 30.0
"""How long until a session that could not be recovered is tried again."""


class _Told(NamedTuple):
    summary: Summary
    folder: Path | None  # of one that was made below another root: it may be below ours by now
    size: int | None
    text: str


class Sessions:
    """Every session that the log knows. Those of them that are open here are in ``opened``, by id: one object each."""

    def __init__(
        self,
        log_store: EventStore,
        places: Places,
        parts: Callable[[], Parts],
        housekeeping: Housekeeping,
        preparation: Preparation,
        log: Logger,
        *,
        resuming: bool,
    ) -> None:
        """``parts()`` is what sessions are put together from, asked for at the first one; ``resuming``: whether turns
        that a process which died left go on here."""
        self.opened: dict[str, Session] = {}
        self._sizes = Sizes(places.folder_of)
        self._told: dict[str, _Told] = {}  # what lists say of sessions that are not open, by id
        self._shelf: Path | None = None  # where those lie
        self._log_store = log_store
        self._places = places
        self._parts = parts
        self._housekeeping = housekeeping
        self._preparation = preparation
        self._log = log
        self._resuming = resuming
        self._leaving: dict[str, asyncio.Event] = {}  # sessions that are being closed or deleted
        self._opening = asyncio.Lock()

    # Opening

    async def open(self, session_id: str) -> Session:
        """A session by id. Taken over (and repaired, if its last owner died) when no other process owns it."""
        while True:
            await self._left(session_id)
            async with self._opening:
                if session_id not in self._leaving:
                    return await self._open(session_id)

    async def _open(self, session_id: str) -> Session:
        session = self.opened.get(session_id)
        if session is not None and (session.owned or await self._log_store.owner_of(session_id)):
            return session
        summary = await self._log_store.summary(session_id)
        owned = await self._log_store.claim(session_id)
        if session is not None and not owned:
            return session
        if session is not None:
            # It was only watched; its owner is gone.
            await session.close()
        events = await self._log_store.read(session_id)
        # Its owner may have stored more since the summary was read.
        summary = fold(summary, [event for event in events if event.seq > summary.last_seq])
        session = await self.assemble(summary, events, owned=owned)
        if owned:
            try:
                await session.recover(resume=self._resuming)
                # It may have been open, and so not written, when its last owner ended.
                session.notebook.changed()
            except BaseException:
                del self.opened[session_id]
                await self._log_store.release(session_id)
                raise
        return session

    async def tail(self, session_id: str, turns: int) -> list[Event]:
        """The last ``turns`` of a long history, as many as ``LONGEST_TAIL`` events hold, read without opening the
        session; empty where it is short, or its last turn too long. Raises ``NotFound``."""
        session = self.opened.get(session_id)
        last = (session.summary if session else await self._log_store.summary(session_id)).last_seq
        if not turns or last < LONG:
            return []
        after = last - LONGEST_TAIL
        events = session.stored[after:last] if session else await self._log_store.read(session_id, after, LONGEST_TAIL)
        begins = [at for at, event in enumerate(events) if event.type == "turn.started"][-turns:]
        return list(events[begins[0] :]) if begins else []

    async def assemble(
        self, summary: Summary, events: list[Event], *, owned: bool, base_path: str | None = None
    ) -> Session:
        """Put a session together, which is open from then on. ``base_path``: that of its preview, if it has one."""
        from .assembly import assemble

        session = await assemble(
            self._parts(), summary, events, describe=self.describe, owned=owned, base_path=base_path
        )
        self.opened[session.id] = session
        self._housekeeping.begin(self.opened)
        return session

    async def recover(self) -> None:
        """Close the turns that a process which died left open. Called once when a server starts; what cannot be stored
        now is tried again."""
        if self._places.known and (self._places.shelf / VERSIONS).exists():
            from .earlier import sweep

            await asyncio.to_thread(sweep, self._places.shelf)
        told: set[str] = set()
        while True:
            failed = False
            for summary in await self._log_store.summaries():
                if summary.state in ("busy", "waiting", "creating") and not await self._log_store.owner_of(summary.id):
                    try:
                        await self.open(summary.id)
                    except AppBuilderError as error:
                        failed = failed or isinstance(error, Unavailable)
                        if summary.id not in told:
                            told.add(summary.id)
                            self._log.warning("Session %s could not be recovered: %s", summary.id, error)
            if not failed:
                return
            await asyncio.sleep(RECOVER_SECONDS)

    # Finding

    async def find(self, name: str) -> Session:
        """A session by id or by its folder's name (the newest of that name)."""
        for summary in await self._log_store.summaries():
            if name in (summary.id, summary.name):
                return await self.open(summary.id)
        raise NotFound(
            f"There is no app {name!r}.", hint="List them: jupyter appbuilder list", reason="unknown_session"
        )

    async def named(self, name: str) -> Summary | None:
        """The session whose folder has that name below our root; None where there is none."""
        summaries = [summary for summary in await self._log_store.summaries() if summary.name == name]

        def find() -> Summary | None:
            folder = self._places.shelf / name
            return next((summary for summary in summaries if self._places.folder_of(summary) == folder), None)

        return await asyncio.to_thread(find)

    async def overview(
        self, search: str = "", shelf: Shelf | Literal["all"] = "apps", *, sizes: bool = False
    ) -> list[dict[str, Any]]:
        """The summaries of the sessions on a shelf as JSON, the latest first. With ``sizes``, those that are not known
        are found out for later requests."""
        return [strict_json.loads(text) for text in await self.listed(search, shelf, sizes=sizes)]

    async def listed(
        self, search: str = "", shelf: Shelf | Literal["all"] = "apps", *, sizes: bool = False
    ) -> list[str]:
        """As ``overview``, each as the text of its JSON: thousands are asked for every few seconds, and few change."""
        self._preparation.list_was_asked_for()
        folder = self._places.shelf if self._places.known else None
        if folder != self._shelf:
            self._shelf, self._told = folder, {}
        found = [summary for summary in await self._log_store.summaries(search) if shelf in ("all", summary.shelf)]
        texts: list[str] = []
        for at, summary in enumerate(found):
            texts.append(self._text(summary))
            if at % 100 == 99:
                await asyncio.sleep(0)  # the first list after a start takes its time
        if not search and shelf == "all":
            self._told = {summary.id: self._told[summary.id] for summary in found if summary.id in self._told}
        if sizes:
            self._sizes.look()
        return texts

    def _text(self, summary: Summary) -> str:
        """A summary as the API shows it, as JSON text. Of a session that is not open here it follows from the summary,
        its folder and that folder's size."""
        size = self._sizes.known(summary)
        elsewhere = self._shelf is None or summary.root != str(self._shelf.parent)
        folder = self._places.folder_of(summary) if elsewhere else None
        told = self._told.get(summary.id)
        if (
            told
            and summary.id not in self.opened
            and (told.folder, told.size) == (folder, size)
            and told.summary == summary
        ):
            return told.text
        text = strict_json.dumps(self.describe(summary), separators=(",", ":"))
        if summary.id not in self.opened:
            self._told[summary.id] = _Told(summary, folder, size, text)
        return text

    def describe(self, summary: Summary, record: Record | None = None, notebook: str = "") -> dict[str, Any]:
        """A summary as the API shows it. Paths are the file browser's, None where it does not show the folder.

        ``record`` and ``notebook`` (its file's name) are those of the session, where it is open.
        """
        session = self.opened.get(summary.id)
        if record is None and session:
            record, notebook = session.record, session.notebook.path.name
        path = self._places.browser_path(self._places.folder_of(summary))
        trouble = record.trouble if record else None
        # What ended is not busy, even while the log cannot be told so.
        state = {"state": "ready"} if record and record.cut_short else {}
        return (
            summary.to_json()
            | state
            | {
                "path": path,
                "app_path": path and f"{path}/app",
                "notebook": path and f"{path}/{notebook or summary.name + '.ipynb'}",
                "owned": record.owned if record else True,
                "app": session.app.server.state if session else "stopped",
                "trouble": trouble and {"message": trouble.message, "hint": trouble.hint},
                "size": self._sizes.known(summary),
            }
        )

    def apps(self) -> list[tuple[RunningApp, str]]:
        """The app of every open session, with its name."""
        return [(session.app, session.summary.name) for session in self.opened.values()]

    @property
    def busy(self) -> bool:
        """Whether a turn runs in any session, or a version is on its way to its readers."""
        return any(
            session.busy or session.publishing.runs or session.refreshing.busy for session in self.opened.values()
        )

    async def expose(self, request: dict[str, Any]) -> dict[str, Any]:
        """Another process of the person's has functions for a session that is ours: ``session`` names it, ``function``
        tells one, ``take_back`` names one. The error as JSON where it cannot be."""
        session = self.opened.get(str(request.get("session")))
        if session is None or not session.owned:
            return {}
        try:
            if "take_back" in request:
                await session.unexpose(str(request["take_back"]))
            else:
                await session.expose(function_from(request["function"]))
        except AppBuilderError as error:
            return {"done": False, "error": error.to_json()}
        return {"done": True}

    # In the list

    async def organize(
        self,
        session_id: str,
        *,
        pinned: bool | None = None,
        shelf: Shelf | None = None,
        tags: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Change how the list has an app; its summary as JSON. One that is not open here is not opened for it.

        What runs in an app ends when it goes into the trash. Raises ``InvalidInput`` for too many or too long tags,
        ``Conflict`` where another process owns the session.
        """
        changes: dict[str, Any] = {}
        if pinned is not None:
            changes["pinned"] = pinned
        if shelf is not None:
            changes["shelf"] = shelf
        if tags is not None:
            changes["tags"] = checked_tags(tags)
        await self._left(session_id)
        session = self.opened.get(session_id)
        if session is not None:
            session.require_owned()
            if shelf == "trash":
                await session.stop()
            await session.append(Draft("session.updated", changes))
            if shelf == "trash":
                await self.release(session_id)
        else:
            async with self._opening:  # nobody opens it while its lease is taken for this one event
                await self._log_store.summary(session_id)
                await self._log_store.claim(session_id)
                try:
                    await self._log_store.append(session_id, [Draft("session.updated", changes)])
                finally:
                    if session_id not in self.opened:
                        await self._log_store.release(session_id)
        return self.describe(await self._log_store.summary(session_id))

    # Leaving

    async def delete(self, session_id: str, *, files: bool = False) -> None:
        """Forget a session; with ``files``, delete its folder too. Stops whatever runs in it."""
        session = await self.open(session_id)
        session.require_owned()
        with self._leave(session_id):
            if not files and (elsewhere := session.workspace.data_elsewhere):
                await elsewhere.save()  # what goes with the database stays in the folder as a copy
            with contextlib.suppress(Unavailable):  # a full disk: deleting makes room
                await session.stop()
                await session.append(Draft("session.ended"))
            self.opened.pop(session_id, None)
            await session.shut(keep_notebook=not files)
            if files:
                from ..workspace.folder import remove_folder

                await asyncio.to_thread(remove_folder, session.workspace.folder)
            await asyncio.to_thread(session.app.storage.clear)
            await session.data.forget()
            await session.secrets.forget()
            await session.publishing.forget()
            await session.refreshing.forget()
            with contextlib.suppress(Unavailable):  # they open nothing without the session
                await asyncio.to_thread(self._parts().looks.remove, session_id)
            if session.record.engine == "postgresql":
                await self._drop_database(session_id)
            await self._log_store.delete(session_id)

    async def _drop_database(self, session_id: str) -> None:
        """The app goes all the same where its database cannot be dropped."""
        try:
            if server := self._parts().postgres:
                await server.drop(session_id)
            else:
                raise Unavailable("c.AppBuilder.database is not set.")
        except AppBuilderError as error:
            self._log.warning("The database of the deleted app %s is still on its server. %s", session_id, error)

    async def release(self, session_id: str) -> None:
        """Stop what runs in a session and let other processes have it. It can be opened again."""
        await self._left(session_id)
        if session := self.opened.pop(session_id, None):
            with self._leave(session_id):
                await session.close()

    async def close(self) -> None:
        """Stop everything that runs; sessions can be opened again."""
        self._housekeeping.close()
        self._sizes.close()
        sessions = list(self.opened.values())
        self.opened.clear()
        # Notebooks first: whoever ends this process may not wait until everything has stopped.
        written = (session.notebook.flush() for session in sessions if session.owned)
        await asyncio.gather(*written, return_exceptions=True)
        await asyncio.gather(*(session.close() for session in sessions), return_exceptions=True)

    @contextlib.contextmanager
    def _leave(self, session_id: str) -> Generator[None]:
        """While a session is closed or deleted, who wants to open it waits: two objects would write into one folder."""
        left = self._leaving[session_id] = asyncio.Event()
        try:
            yield
        finally:
            del self._leaving[session_id]
            left.set()

    async def _left(self, session_id: str) -> None:
        while leaving := self._leaving.get(session_id):
            await leaving.wait()


def checked_tags(tags: Sequence[str]) -> list[str]:
    """Tags without the blanks around them, each once whatever its case. Raises ``InvalidInput``."""
    kept: dict[str, str] = {}
    for tag in tags:
        text = " ".join(tag.split())
        if len(text) > LONGEST_TAG:
            raise InvalidInput(
                f"A tag has {len(text)} characters; the limit is {LONGEST_TAG}.",
                hint="Choose a shorter one.",
                field="tags",
            )
        if text:
            kept.setdefault(text.casefold(), text)
    if len(kept) > MOST_TAGS:
        raise InvalidInput(f"An app can have {MOST_TAGS} tags, not {len(kept)}.", hint="Remove some.", field="tags")
    return list(kept.values())
