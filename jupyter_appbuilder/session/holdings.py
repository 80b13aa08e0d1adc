"""What an app's database held in each version: asked at once where it is small; where that takes seconds beside
everything else, of the version's own copy, and stored as an event of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..cancellation import ended, in_thread
from ..databases.contents import AT_ONCE, AT_ONCE_THERE, LARGEST, content_of
from ..databases.copies import NAME
from ..errors import AppBuilderError, InvalidInput
from ..events import Draft, Event
from ..workspace.folder import opened_folder
from ..workspace.ignore import is_passing

if TYPE_CHECKING:
    from ..databases import DataProgram
    from ..workspace import Checkpoint, Workspace
    from .record import Record

DESCRIBING = ("migrations/", "datasets/")
"""Folders whose files say what is still to be done to a database, and how its rows came."""

CLOSING_SECONDS = 20.0
"""How long the end of a session waits for what a version held."""

log = logging.getLogger(__name__)


class Holdings:
    """Of one session's database. One version is worked on at a time, the newest: a replay compares the last one."""

    def __init__(self, record: Record, workspace: Workspace, database: DataProgram) -> None:
        self._record = record
        self._workspace = workspace
        self._database = database
        self._asking: asyncio.Task[None] | None = None
        record.listen(self._stored)

    async def of(self, checkpoint: Checkpoint, *like: str | None) -> Mapping[str, Any]:
        """What ``checkpoint.created`` of the version that was made just now says of the database. ``like``: versions
        that may hold the same, which is not asked again then."""
        if not self._database.there:
            return {}
        for other in dict.fromkeys(like):
            known = held_in(self._record.stored, other) if other else None
            if known and other and await self._workspace.agree(checkpoint.id, other, DESCRIBING):
                return {"database": known}
        size = await self._workspace.kept_size(checkpoint.id, *self._files())
        if self._database.engine == "postgresql":
            # A copy is a text there, which nobody can ask: all that is asked is asked now.
            holds = await content_of(self._database) if size is not None and size <= AT_ONCE_THERE else None
            return {"database": holds.to_json()} if holds else {}
        kept = size is not None
        if size is None:
            size = await in_thread(self._size)
        if size <= AT_ONCE:
            holds = await content_of(self._database)
            return {"database": holds.to_json()} if holds else {}
        return {"database_later": True} if kept and size <= LARGEST else {}

    async def later(self, checkpoint: Checkpoint) -> Mapping[str, Any]:
        """The same of a version that a process made which then ended: nothing is asked now."""
        size = None
        if self._database.there and self._database.engine == "sqlite":
            size = await self._workspace.kept_size(checkpoint.id, *self._files())
        return {"database_later": True} if size and size <= LARGEST else {}

    def resume(self) -> None:
        """Go on with the newest version, if a process that ended did not come to what it held."""
        made = next((event for event in reversed(self._record.stored) if event.type == "checkpoint.created"), None)
        if made and made.data.get("database_later") and not held_in(self._record.stored, made.data["checkpoint"]):
            self._begin(made.data["checkpoint"])

    async def close(self, seconds: float) -> None:
        """Wait for the version that is worked on, but no longer than that."""
        if self._asking is not None:
            await asyncio.wait([self._asking], timeout=seconds)
            await ended([self._asking])

    def _stored(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.type == "checkpoint.created" and self._record.owned:
                self._begin(event.data["checkpoint"] if event.data.get("database_later") else "")

    def _begin(self, checkpoint: str) -> None:
        """Work on this version in place of an older one; "" for one of which all is known."""
        before = self._asking
        if before is not None:
            before.cancel()
        if checkpoint:
            self._asking = asyncio.create_task(self._ask(checkpoint, before))

    async def _ask(self, checkpoint: str, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await ended([before])  # it removes its copy
        folder = self._database.file.rpartition("/")[0]
        place = f"{folder}/.version-{secrets.token_hex(8)}.db"
        try:
            await in_thread(self._clear)  # also what a process left that was killed
            database, *journals = self._files()
            suffixes = [journal.removeprefix(database) for journal in journals]
            await self._workspace.lay_beside(
                checkpoint, {database: place, **{database + one: place + one for one in suffixes}}
            )
            if holds := await content_of(self._database, place):
                told = {"checkpoint": checkpoint, "database": holds.to_json()}
                await self._record.append(Draft("database.recorded", told))
        except (AppBuilderError, OSError) as error:
            log.warning("What the database held in version %s is not recorded: %s", checkpoint[:8], error)
        finally:
            await in_thread(self._clear)

    def _files(self) -> list[str]:
        """The database's file and those of its journals, the app's paths; where it is on a server, its copy's."""
        if self._database.engine == "postgresql":
            return [f"{self._database.file.rpartition('/')[0]}/{NAME}"]
        return [self._database.file + suffix for suffix in ("", "-wal", "-journal")]

    def _size(self) -> int:
        """Bytes that the database has now."""
        folder, _, name = self._database.file.rpartition("/")
        size = 0
        with contextlib.suppress(OSError, InvalidInput), opened_folder(self._workspace.app, (folder,)) as opened:
            for suffix in ("", "-wal"):
                with contextlib.suppress(OSError):
                    size += os.stat(name + suffix, dir_fd=opened, follow_symlinks=False).st_size
        return size

    def _clear(self) -> None:
        """Remove the copies that were asked."""
        folder = self._database.file.rpartition("/")[0]
        with contextlib.suppress(OSError, InvalidInput), opened_folder(self._workspace.app, (folder,)) as opened:
            for name in os.listdir(opened):
                if name.startswith(".version-") and is_passing(name):
                    with contextlib.suppress(OSError):
                        os.unlink(name, dir_fd=opened)


def held_in(events: Sequence[Event], checkpoint: str) -> Mapping[str, Any] | None:
    """What the database held in a version, as far as the log has it."""
    for event in reversed(events):
        if event.type == "database.recorded" and event.data["checkpoint"] == checkpoint:
            return event.data["database"]
        if event.type == "checkpoint.created" and event.data["checkpoint"] == checkpoint:
            return event.data.get("database")
    return None
