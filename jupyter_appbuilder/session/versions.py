"""Versions of an app: the person's edits, checkpoints, and restoring one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import Conflict, InvalidInput
from ..events import By, Draft, Event
from ..formats.text import showable
from ..turns.requests import checkpoint_before

if TYPE_CHECKING:
    from ..apps.running import RunningApp
    from ..workspace import Checkpoint, Workspace
    from .holdings import Holdings
    from .record import Record


LONGEST_NAME = 80  # characters


def names_of(events: Iterable[Event]) -> dict[str, str]:
    """What the person calls versions, by their ids."""
    names = {event.data["checkpoint"]: event.data["name"] for event in events if event.type == "version.named"}
    return {checkpoint: name for checkpoint, name in names.items() if name}


def checked_name(name: str, checkpoint: str, names: Mapping[str, str]) -> str:
    """A name for a version, without the blanks around its words. Raises ``InvalidInput``, and ``Conflict`` for that of
    another of ``names``."""
    name = " ".join(name.split())
    if len(name) > LONGEST_NAME or not showable(name):
        raise InvalidInput(
            f"The name has {len(name):,} characters; the limit is {LONGEST_NAME}."
            if len(name) > LONGEST_NAME
            else "The name holds characters that cannot be shown.",
            hint="Choose a shorter one." if len(name) > LONGEST_NAME else "Leave them out.",
            field="name",
        )
    for other, known in names.items():
        if name and other != checkpoint and known.casefold() == name.casefold():
            raise Conflict(
                f"Version {other[:8]} is called “{known}” already.",
                hint="Choose another name, or rename that version first.",
                reason="name_taken",
            )
    return name


class Versions:
    """Of one session. Called by whoever acts on it, one at a time."""

    def __init__(self, record: Record, workspace: Workspace, app: RunningApp, holdings: Holdings) -> None:
        self._record = record
        self._holdings = holdings
        self._workspace = workspace
        self._app = app
        self._start_again = False  # the app was stopped for files that were put back
        self._renewing: asyncio.Task[None] | None = None

    async def take_outside_changes(self, by: By = "person") -> None:
        """Store what others than a tool changed in the files since they were looked at last."""
        from ..tools.runner import by_others

        if changes := await self._workspace.outside_changes():
            tree = await self._workspace.known()
            await self._record.append(*(by_others(change, patch, by, tree) for change, patch in changes))
            await self._workspace.commit_known()

    async def keep_edits(self) -> None:
        """Make a version of what a person changed since the last one."""
        await self.take_outside_changes()
        await self.keep("Edits by hand")

    async def keep(self, title: str, *, for_data: bool = False) -> None:
        """Make a version of the files as they are known, if they changed since the last one; ``for_data``: or what the
        app wrote did. Raises ``Conflict`` where only that may have changed, and it cannot be copied."""
        self._workspace.data_note = ""
        if kept := await self._workspace.checkpoint(title, of_known_tree=True, for_data=for_data):
            await self._record.append(await self.draft(kept, None))
        elif for_data and (why := self._workspace.data_note):
            raise Conflict(f"No version was made: no file changed since the last one. {why}", reason="data_not_kept")

    async def draft(self, checkpoint: Checkpoint, turn: str | None, like: str | None = None) -> Draft:
        """``checkpoint.created`` of the version that was made just now, with what the app's database holds. ``like``:
        the version whose data it has, where that is known."""
        made = checkpoint_draft(checkpoint, turn)
        return Draft(made.type, {**made.data, **await self._holdings.of(checkpoint, like, checkpoint.parent)})

    async def draft_of_left(self, checkpoint: Checkpoint, turn: str | None) -> Draft:
        """The same of a version that was made by a process which then ended."""
        made = checkpoint_draft(checkpoint, turn)
        return Draft(made.type, {**made.data, **await self._holdings.later(checkpoint)})

    async def put_back(self, checkpoint: str, *, data: bool = True) -> list[Draft]:
        """Bring the files back to a checkpoint, with ``data`` what the app wrote, too; what to store about it."""
        if data and await self._workspace.data_differs(checkpoint) and self._app.server.state != "stopped":
            await self._app.stop()  # it would go on writing into files that are there no longer
            self._start_again = True
        made, patch, data_stays = await self._workspace.restore(checkpoint, data=data)
        previous = next(kept for kept in await self._workspace.checkpoints() if kept.id == made.parent)
        told = {event.data["checkpoint"] for event in self._record.stored if event.type == "checkpoint.created"}
        before = [] if previous.id in told else [checkpoint_draft(previous, None)]
        restored = {"checkpoint": checkpoint, "tree": made.tree, "previous": previous.id, "patch": patch}
        restored |= {} if data and not data_stays else {"data": False}
        return [*before, Draft("session.restored", restored), await self.draft(made, None, checkpoint)]

    async def go_back(self, turn: str) -> list[Draft]:
        """Bring the files back to what they were before a turn that is asked again; what to store about it."""
        before = checkpoint_before(self._record.stored, turn)
        dropped = Draft("turn.dropped", {"turn": turn, "checkpoint": before["checkpoint"]})
        if before["tree"] == await self._workspace.known():
            return [dropped]
        return [dropped, *await self.put_back(before["checkpoint"])]

    async def renew_packages(self, restored: Sequence[Draft]) -> None:
        """Start the dev server anew if going back changed what it needs."""
        patches = [draft.data.get("patch", "") for draft in restored if draft.type == "session.restored"]
        stopped, self._start_again = self._start_again, False
        renewed = any("package" in patch for patch in patches) and self._app.server.state in ("ready", "failed")
        if stopped or renewed:
            await self._app.restart()

    def renew_beside(self, restored: Sequence[Draft] = ()) -> None:
        """The same, without waiting for it; without ``restored`` for an app that was stopped, and going back failed."""
        if restored or self._start_again:
            self._renewing = asyncio.create_task(self.renew_packages(restored))
            self._renewing.add_done_callback(lambda task: task.cancelled() or task.exception())


def checkpoint_draft(checkpoint: Checkpoint, turn: str | None) -> Draft:
    """``checkpoint.created`` of a version; ``turn``: the one that made it."""
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
            **({"data": True} if checkpoint.data else {}),
        },
    )
