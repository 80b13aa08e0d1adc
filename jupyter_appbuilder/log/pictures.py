"""Pictures of pages: files beside the log, named by their SHA-256; which were not looked at for long go first.

They may be gone at any time: whoever shows one says so. What was seen in words stands in the log.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from ..cancellation import in_thread
from ..events import Event, KeptPicture, MessageUser
from ..settings import private_folder

FOLDER = "pictures"
MEDIA_TYPES = ("image/png", "image/jpeg", "image/webp")
LARGEST = 6 * 1024 * 1024  # bytes of one that is kept
LOOK_EVERY = 20  # pictures that are kept between two looks at how much there is
SOME = 0.9  # of the room is left when room was made
NAME = re.compile(r"[0-9a-f]{64}")


def pictures_of(event: Event) -> Sequence[KeptPicture]:
    """The pictures that a notebook shows of an event: of a tool's result, or handed in with a message."""
    if event.type == "tool.finished":
        return event.data.get("pictures", ())
    return pictures_with(event.data) if event.type == "message.user" else ()


def pictures_with(message: MessageUser) -> list[KeptPicture]:
    """The pictures that came with a message: of files, and of what was pointed at."""
    along = (*message.get("attachments", ()), *message.get("pointed", ()))
    return [one["picture"] for one in along if "picture" in one]


def shown_type(events: Sequence[Event], sha256: str) -> str:
    """The type of a picture that these events name; "" where none does, or it is of no type that is shown."""
    for event in reversed(events):
        for picture in (*pictures_of(event), *_of_page(event)):
            if picture["sha256"] == sha256 and picture["media_type"] in MEDIA_TYPES:
                return picture["media_type"]
    return ""


def _of_page(event: Event) -> list[KeptPicture]:
    """The pictures of the app's page that were kept for versions."""
    if event.type != "preview.pictured":
        return []
    return [one for told in event.data["pictures"] for one in (told["picture"], told["thumbnail"])]


class Pictures:
    """The pictures of all sessions below ``folder``, ``most`` bytes at most; other processes may keep some, too."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder / FOLDER
        self._most = most
        self._kept = 0

    async def keep(self, data: bytes) -> str:
        """Store a picture; its SHA-256. Raises ``OSError`` where there is no room on the disk."""
        return await in_thread(self._keep, data)

    async def read(self, sha256: str) -> bytes | None:
        """A picture; None where it is no longer kept."""
        return await in_thread(self._read, sha256) if NAME.fullmatch(sha256) else None

    def _keep(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        private_folder(self._folder)
        temporary = self._folder / f".{secrets.token_hex(8)}"
        try:
            temporary.write_bytes(data)
            temporary.replace(self._folder / sha256)
        finally:
            temporary.unlink(missing_ok=True)
        self._kept += 1
        if self._kept % LOOK_EVERY == 1:
            self._make_room()
        return sha256

    def _read(self, sha256: str) -> bytes | None:
        path = self._folder / sha256
        try:
            data = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # it was looked at
        return data

    def _make_room(self) -> None:
        found: list[tuple[float, int, Path]] = []
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_mtime, status.st_size, Path(entry.path)))
        size = sum(one for _, one, _ in found)
        if size <= self._most:
            return
        for _, one, path in sorted(found):
            if size <= self._most * SOME:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            size -= one
