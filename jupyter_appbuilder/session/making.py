"""Makes new sessions: from a template, or as forks of others."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AppBuilderError, InvalidInput, Unavailable
from ..events import Draft, Event
from ..log import EventStore, Summary
from .names import slug, title_of
from .places import FOLDER
from .session import Session
from .versions import checkpoint_draft

if TYPE_CHECKING:
    from ..apps.sandboxes import Sandboxes
    from ..models.catalog import Catalog
    from ..sandbox.base import Ready, SandboxProvider
    from ..templates.library import TemplateLibrary
    from ..templates.templates import Template
    from .background import Background
    from .forking import ForkPoint
    from .places import Places
    from .preparation import Preparation
    from .sessions import Sessions


class Maker:
    """Makes sessions, which are then among the open ones of ``sessions``."""

    def __init__(
        self,
        sessions: Sessions,
        log_store: EventStore,
        places: Places,
        library: TemplateLibrary,
        sandboxes: Sandboxes,
        catalog: Callable[[], Catalog],
        storage: Callable[[], Path],
        preparation: Preparation,
        background: Background,
        *,
        on_server: bool = False,
    ) -> None:
        """``storage()`` is the folder of what apps keep in their pages' storage. ``on_server``: databases of new apps
        are on a server, where their template can have them there."""
        self._sessions = sessions
        self._log_store = log_store
        self._places = places
        self._library = library
        self._sandboxes = sandboxes
        self._catalog = catalog
        self._storage = storage
        self._preparation = preparation
        self._background = background
        self._on_server = on_server

    async def create(
        self,
        *,
        prompt: str = "",
        name: str = "",
        title: str = "",
        template: str = "",
        model: str = "",
        sandbox: str = "",
        database: str = "",
    ) -> Session:
        """A new session, with its folder, in state *creating*; what is called on it waits until it is *ready*.

        ``prompt`` only serves to find a title and a name; send it with ``Session.send``.
        ``template`` is a name, or where one is: a folder, or a git address (``https://…/repo.git#subfolder``).
        ``sandbox`` is a provider's name, or ``auto``. ``database`` is ``sqlite`` or ``postgresql``, for a template that
        has one; by default, what is configured.
        Raises ``InvalidInput`` for a bad name or an unknown sandbox, ``NotFound`` for an unknown template, ``Conflict``
        for a taken name, ``Unavailable`` where ``auto`` finds no sandbox that can be used.
        """
        from ..models.demo.recordings import recording_of

        catalog = self._catalog()
        model = model or catalog.default()
        recording = recording_of(model, prompt)
        # A recording fits no template but the one it was made on.
        found = await self._library.obtain(template or (recording.template if recording else self._library.default))
        catalog.resolve(model)
        provider = await self._sandboxes.choose(sandbox)
        title = title.strip() or (recording.app_title if recording else title_of(prompt)) or name.strip() or found.title
        tree = await self._library.tree_of(found)
        made_of = {"template": found.name, "template_tree": tree, "model": model, "sandbox": provider.name}
        # What was recorded is written for SQLite.
        if self._goes_on_server(database or ("sqlite" if recording else ""), found, provider):
            found = found.on("postgresql")
            made_of["database"] = found.engine
        summary, events = await self._register(self._places.reserve(name, slug(title)), title, made_of)
        pool = self._sandboxes.pool(provider)
        ready = pool.claim(found) if pool and found.engine == "sqlite" else None
        try:
            base_path = ready.base_path if ready else None
            session = await self._sessions.assemble(summary, events, owned=True, base_path=base_path)
        except BaseException:
            if ready:
                await ready.discard()
            raise
        begun = session.creation.begin(self._furnish(session, found, ready))
        if ready:
            # A session that is deleted at once may be cancelled before it has begun.
            begun.add_done_callback(lambda _: None if ready.settled else self._background.run(ready.discard()))
        self._preparation.expect(found, provider)
        return session

    async def fork(
        self,
        source: str,
        *,
        message: int | None = None,
        turn: str = "",
        checkpoint: str = "",
        name: str = "",
        model: str = "",
    ) -> tuple[Session, ForkPoint]:
        """A new session that begins where the session ``source`` (its id) was: before the turn of a message (its
        event's number), before a turn, or after a checkpoint; and what was found there. Give one of the three.

        Its state is *creating* until its files stand; a process that dies meanwhile leaves it *failed*. The source is
        only read: it may be working, or belong to another process. Raises as ``forking.fork_point`` and ``create``.
        """
        from .forking import fork_point, fork_title, inherited, names

        origin = await self._log_store.summary(source)
        events = await self._log_store.read(source)
        point = await asyncio.to_thread(fork_point, events, message=message, turn=turn, checkpoint=checkpoint)
        model = model or origin.model
        self._catalog().resolve(model)
        wanted, title = names(origin.name, origin.title)
        folder = self._places.reserve(name, wanted)
        summary, first = await self._register(folder, fork_title(title, folder.name), point.events[0].data)
        drafts = await asyncio.to_thread(inherited, point, events, first[0].data, model)
        session = await self._sessions.assemble(summary, first, owned=True)
        session.creation.begin(self._branch_off(session, origin, point, drafts))
        return session, point

    def _goes_on_server(self, wanted: str, template: Template, provider: SandboxProvider) -> bool:
        """Whether a new app's database is on the server. Raises ``InvalidInput`` for no such kind of database,
        ``Unavailable`` where the kind that is ``wanted`` cannot be had."""
        if wanted not in ("", "sqlite", "postgresql"):
            raise InvalidInput(
                f"There is no database {wanted[:40]!r}.", hint="Choose sqlite or postgresql.", field="database"
            )
        possible = template.can_be_on_server and getattr(provider, "doors", False)
        if wanted == "postgresql" and not (self._on_server and possible):
            why = "No PostgreSQL server is configured."
            if self._on_server:
                why = f"An app of {template.name} in a sandbox of {provider.name} cannot have PostgreSQL."
            raise Unavailable(
                why,
                hint="See c.AppBuilder.database. Apps of the template serverless can have it, on this machine.",
                reason="no_database_server",
            )
        return self._on_server and possible and wanted != "sqlite"

    async def _register(self, folder: Path, title: str, made_of: Mapping[str, Any]) -> tuple[Summary, list[Event]]:
        """Store that a session was made, in its new ``folder``. Where that fails, the folder goes."""
        session_id = secrets.token_hex(8)
        place = {"name": folder.name, "title": title, "root": str(folder.parent.parent)}
        created = {**made_of, **place, "path": f"{FOLDER}/{folder.name}"}
        with contextlib.ExitStack() as undoing:
            undoing.callback(folder.rmdir)
            await self._log_store.claim(session_id)
            events = await self._log_store.append(session_id, [Draft("session.created", created)])
            undoing.pop_all()
        return await self._log_store.summary(session_id), events

    async def _furnish(self, session: Session, template: Template, ready: Ready | None) -> None:
        """Give a new session its files, then its running preview."""
        app = session.app
        async with self._creating(session) as placed:
            moved = ready is not None and await ready.move(session.id, session.workspace.app)
            if ready and moved:
                await app.take(ready.sandbox)
                await ready.sandbox.allow(session.network.now, session.network.refuse)
            await session.workspace.create(template.files, over=template.over, files_in_place=moved, on_files=placed)
            first = (await session.workspace.checkpoints())[0]
            await session.append(checkpoint_draft(first, None), Draft("session.ready"))

    async def _branch_off(self, session: Session, origin: Summary, point: ForkPoint, drafts: Sequence[Draft]) -> None:
        """Give a fork its files, what its pages keep, and its log."""
        from ..workspace import Workspace
        from .forking import copy_storage

        async with self._creating(session) as placed:
            files = Workspace(self._places.folder_of(origin))
            await session.workspace.branch(files, point.checkpoint, point.tree)
            storage = self._storage()
            await asyncio.to_thread(copy_storage, storage / f"{origin.id}.json", storage / f"{session.id}.json")
            await session.adopt(point.events[1:], drafts)
            await session.data.share(origin.id)
            placed()  # last: what the app may reach is in the log
        if session.database.there:
            with contextlib.suppress(AppBuilderError):  # its tables are empty then: the person hands the data over
                await session.data.fill_tables(session.database, session.workspace.app)

    @contextlib.asynccontextmanager
    async def _creating(self, session: Session) -> AsyncGenerator[Callable[[], None]]:
        """Make a new session's folder in this block. It gets what to call when the app's files lie in place. What goes
        wrong ends the session's making."""

        def placed() -> None:
            session.creation.files_ready.set()
            self._background.run(session.app.ensure())

        try:
            yield placed
        except AppBuilderError as error:
            await session.append(Draft("session.failed", {"message": error.message, "hint": error.hint}))
            raise
        except Exception as error:
            message = f"The session's folder could not be made: {error}"
            await session.append(Draft("session.failed", {"message": message, "hint": "See the server's log."}))
            raise
        finally:
            session.creation.files_ready.set()
