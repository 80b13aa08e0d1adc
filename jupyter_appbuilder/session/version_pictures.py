"""Pictures of versions: how the app looked, with the files of a tree.

The log names them by that tree (``preview.pictured``), so that a version that was gone back to has those of the one it
is a copy of; the bytes lie with all pictures (``log.pictures``), which lets go of those that nobody looked at for long.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..errors import AppBuilderError, Conflict, NotFound, of_the_disk
from ..events import Draft, Event, KeptPicture, PagePicture
from ..eyes.base import PICTURED, Portrait, Shot

if TYPE_CHECKING:
    from ..apps.running import RunningApp
    from ..workspace import Checkpoint, Workspace
    from .record import Record

log = logging.getLogger(__name__)


def pictured(events: Iterable[Event]) -> dict[str, dict[int, PagePicture]]:
    """The pictures that these events name, by tree and width; of several the last."""
    found: dict[str, dict[int, PagePicture]] = {}
    for event in events:
        if event.type == "preview.pictured":
            found.setdefault(event.data["tree"], {}).update({one["width"]: one for one in event.data["pictures"]})
    return found


class VersionPictures:
    """Of one session. ``keep`` and ``read`` are those of the pictures of all sessions."""

    def __init__(
        self,
        record: Record,
        workspace: Workspace,
        keep: Callable[[bytes], Awaitable[str]],
        read: Callable[[str], Awaitable[bytes | None]],
    ) -> None:
        self._record = record
        self._workspace = workspace
        self._keep = keep
        self._read = read
        self._taking = asyncio.Lock()

    def all(self) -> Mapping[str, Mapping[int, PagePicture]]:
        """Those that were taken, by tree and width."""
        return pictured(self._record.stored)

    async def find(self, checkpoint: str, width: int, *, thumbnail: bool = False) -> tuple[KeptPicture, bytes]:
        """A picture of a version. Raises ``NotFound`` (reason ``no_picture``) saying how to get one."""
        version = await self._version(checkpoint)
        told = self.all().get(version.tree, {}).get(width)
        if told is None:
            raise NotFound(
                f"Version {version.id[:7]} was never looked at.",
                hint="A picture of the present version is taken with POST, or when the agent checks the app.",
                reason="no_picture",
            )
        picture = told["thumbnail"] if thumbnail else told["picture"]
        if (data := await self._read(picture["sha256"])) is None:
            raise NotFound(
                f"The picture of version {version.id[:7]} is no longer kept.",
                hint="Of the present version another is taken with POST.",
                reason="no_picture",
            )
        return picture, data

    async def take(self, checkpoint: str, app: RunningApp) -> Sequence[PagePicture]:
        """The pictures of a version, which are taken now if there are none. Raises ``Conflict`` (reason
        ``not_present``) for a version that is not what the app is now, and as ``RunningApp.portraits``."""
        version = await self._version(checkpoint)
        async with self._taking:
            if lacking := await self._lacking(version.tree):
                await self._present(version)
                portraits = await app.portraits(lacking)
                await self._present(version)
                await self._store(version.tree, portraits)
            return [one for _, one in sorted(self.all().get(version.tree, {}).items())]

    async def tree(self) -> str:
        """The tree of the files as they are now; "" where that cannot be told."""
        try:
            return await self._workspace.snapshot()
        except (AppBuilderError, OSError):
            return ""

    async def seen(self, tree: str, portraits: Sequence[Portrait]) -> None:
        """Keep what was taken while the app was checked, if the files still are those of ``tree``. Nothing of a check
        fails for it."""
        try:
            if tree == await self._workspace.snapshot():
                await self._store(tree, portraits)
        except (AppBuilderError, OSError) as error:
            log.warning("Pictures of session %s could not be kept: %s", self._record.id, error)

    async def _version(self, checkpoint: str) -> Checkpoint:
        for version in await self._workspace.checkpoints():
            if version.id == checkpoint:
                return version
        raise NotFound(
            f"There is no checkpoint {checkpoint[:60]!r}.", hint="Choose one of the listed ones.", field="checkpoint"
        )

    async def _present(self, version: Checkpoint) -> None:
        """Raise ``Conflict`` unless the files are those of this version."""
        if await self._workspace.snapshot() != version.tree:
            raise Conflict(
                f"Version {version.id[:7]} is not what the app is now, so nobody can look at it.",
                hint="Restore it first; what was taken of it before stays.",
                reason="not_present",
            )

    async def _lacking(self, tree: str) -> list[int]:
        """The widths of which there is no picture any more."""
        told = self.all().get(tree, {})
        there = [
            width
            for width, one in told.items()
            if await self._read(one["picture"]["sha256"]) and await self._read(one["thumbnail"]["sha256"])
        ]
        return [width for width in PICTURED if width not in there]

    async def _store(self, tree: str, portraits: Sequence[Portrait]) -> None:
        """Keep pictures and tell the log of those that it does not know."""
        known = self.all().get(tree, {})
        fresh: list[PagePicture] = []
        try:
            for one in sorted(portraits, key=lambda one: one.width):
                told = await self._kept(one)
                if known.get(one.width) != told:
                    fresh.append(told)
        except OSError as error:
            raise of_the_disk(error, self._workspace.folder) from error
        if fresh:
            await self._record.append(Draft("preview.pictured", {"tree": tree, "pictures": fresh}))

    async def _kept(self, portrait: Portrait) -> PagePicture:
        alt = f"The app at {portrait.width} px"

        async def kept(shot: Shot) -> KeptPicture:
            sha256 = await self._keep(shot.data)
            return KeptPicture(sha256=sha256, width=shot.width, height=shot.height, alt=alt, media_type=shot.media_type)

        return PagePicture(
            width=portrait.width, picture=await kept(portrait.whole), thumbnail=await kept(portrait.thumbnail)
        )
