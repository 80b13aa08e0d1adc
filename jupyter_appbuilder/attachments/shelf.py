"""Files that were handed in and are not sent yet: on the disk, for a day at most.

A message names them by what ``put`` answered. So a file is sent once, while the message is still being written, and
what is wrong with it is told then.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..cancellation import in_thread
from ..errors import InvalidInput, NotFound, of_the_disk
from ..settings import private_folder
from .base import MOST, Given, Shown
from .reading import read

FOLDER = "attachments"
ROOM = 300_000_000  # bytes of all of them; the oldest go
KEPT_SECONDS = 24 * 3600.0
NAME = re.compile(r"[0-9a-f]{32}")


class Shelf:
    """What lies in ``folder``; processes that share a data folder share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    async def receive(self, name: str, content: bytes, picture: bytes | None = None) -> dict[str, Any]:
        """Read a file that a front end sends, and keep it: what is told of it there. Raises as ``reading.read``."""
        given = await in_thread(read, name, content, picture)
        try:
            id = await self.put(given)
        except OSError as error:
            raise of_the_disk(error, self._folder) from None
        told = {"attachment": id, "name": given.name, "media_type": given.media_type, "size": len(given.content)}
        return told | {"text": bool(given.text), "picture": given.picture is not None}

    async def put(self, given: Given) -> str:
        """Keep a file until it is sent; the name to send it by. Raises ``OSError``."""
        return await in_thread(self._put, given)

    async def take(self, ids: Sequence[str]) -> list[Given]:
        """The files of these names, which stay. Raises ``InvalidInput`` for too many, ``NotFound`` for one that is not
        there."""
        if len(ids) > MOST:
            raise InvalidInput(
                f"{len(ids)} files are too many for one message.", hint=f"At most {MOST}.", field="attachments"
            )
        return [await in_thread(self._take, id) for id in ids]

    def _put(self, given: Given) -> str:
        private_folder(self._folder)
        self._make_room(len(given.content))
        id = secrets.token_hex(16)
        picture = given.picture
        head: dict[str, Any] = {"name": given.name, "media_type": given.media_type, "text": given.text}
        head["size"] = len(given.content)
        if picture:
            told = asdict(picture)
            del told["data"]
            head["picture"] = told
            head["same"] = picture.data == given.content
        temporary = self._folder / f".{id}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(json.dumps(head).encode() + b"\n" + given.content)
                if picture and not head["same"]:
                    file.write(picture.data)
            temporary.replace(self._folder / id)
        finally:
            temporary.unlink(missing_ok=True)
        return id

    def _take(self, id: str) -> Given:
        try:
            if not NAME.fullmatch(id):
                raise FileNotFoundError
            data = (self._folder / id).read_bytes()
        except OSError:
            raise NotFound(
                "A file that was attached is no longer there.",
                hint="Attach it again.",
                reason="no_attachment",
                field="attachments",
            ) from None
        line, _, rest = data.partition(b"\n")
        head: dict[str, Any] = json.loads(line)
        content = rest[: head["size"]]
        shown = head.get("picture")
        picture = Shown(content if head["same"] else rest[head["size"] :], **shown) if shown else None
        return Given(head["name"], head["media_type"], content, head["text"], picture)

    def _make_room(self, size: int) -> None:
        found: list[tuple[float, int, Path]] = []
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_mtime, status.st_size, Path(entry.path)))
        total = size + sum(one for _, one, _ in found)
        for at, one, path in sorted(found):
            if total <= ROOM and time.time() - at < KEPT_SECONDS:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            total -= one
