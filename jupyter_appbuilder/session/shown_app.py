"""The app for people who look at a session by a link: its newest version as it runs, one copy for all of them.

It has a copy of the app's files and data in a sandbox of its own, no secret, no host to reach, and nothing that the
owner's pages store. It ends when nobody looks any more, and as soon as a link is taken back that led to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import Conflict

if TYPE_CHECKING:
    from ..events import VersionStatus
    from .data import Handing
    from .earlier import EarlierVersion
    from .looks import Looks


class ShownApp:
    """That of one session."""

    def __init__(self, version: EarlierVersion, looks: Looks, session: str, data: Handing) -> None:
        self._version = version
        self._looks = looks
        self._session = session
        self._data = data
        self._opened: set[str] = set()

    async def open(self, look: str, checkpoint: str, *, again: bool = False) -> VersionStatus:
        """How it stands; it is started where it does not run, and after a failure only if it is tried ``again``. Raises
        ``Conflict`` for an app with private data, or whose database is on a server."""
        if names := [dataset.name for dataset in self._data.all() if dataset.private]:
            raise Conflict(
                f"The app has private data ({len(names)} tables), so that others cannot open it.",
                hint="See its pictures and what was asked, or ask for a link to a copy without them.",
                reason="private_data",
            )
        now = self._version.status
        if now and now["checkpoint"] == checkpoint and now["state"] == "failed" and not again:
            return now
        self._opened.add(look)
        return await self._version.show(checkpoint)

    async def look_after(self, unused: Callable[[str], float]) -> None:
        """End it once nobody looks, or a link is gone by which somebody came."""
        if self._version.status is None:
            self._opened.clear()
            return
        left = {look.id for look in await asyncio.to_thread(self._looks.all, self._session) if look.app}
        if not self._opened <= left:
            await self._version.stop()
        else:
            await self._version.look_after(unused, watched=False)

    async def close(self) -> None:
        await self._version.close()
