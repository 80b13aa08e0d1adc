"""Keeps a session's notebook file up to date.

It writes a moment after the last change, off the event loop, and at once (temporary file, then rename). It never
touches a notebook that a person changed: then the whole record goes to ``<name>-2.ipynb``, which says so. While a
notebook is open in JupyterLab nothing is written (``hold``): without collaboration the change would never appear and
the next save would destroy it; with it, what the person typed would be lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ..errors import AppBuilderError
from ..events import Event
from .document import Notebook, digest, document

log = logging.getLogger(__name__)

QUIET_SECONDS = 0.4
"""A change is written once no other followed for this long …"""

MAX_WAIT_SECONDS = 3.0
"""… or when it is this old."""


class NotebookWriter:
    """``path`` is where the notebook belongs, in the session's folder; ``events`` reads the session's log.

    ``archive`` gives the packed template the session began with; by default it is read from the folder's history.
    After a write, ``path`` names the file that was written.
    """

    def __init__(
        self,
        path: Path,
        events: Callable[[], Awaitable[list[Event]]],
        archive: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self.path = path
        self._home = path
        self._events = events
        self._read_archive = archive or (lambda: first_files(path.parent))
        self._archive = ""
        self._task: asyncio.Task[None] | None = None
        self._stale = False
        self._held = False
        self._last_change = 0.0
        self._writing = asyncio.Lock()

    def changed(self) -> None:
        """The log has grown. Cheap; call it from the event loop as often as you like."""
        self._stale = True
        self._last_change = asyncio.get_running_loop().time()
        if not self._held and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._settle())

    def hold(self) -> None:
        """Write nothing until ``release``: somebody has the notebook open."""
        self._held = True

    def release(self) -> None:
        """The notebook is closed: write what was held back."""
        self._held = False
        if self._stale:
            self.changed()

    async def flush(self) -> None:
        """Write now what is not written yet, unless the notebook is held."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._stale and not self._held:
            await self._write()

    async def _settle(self) -> None:
        clock = asyncio.get_running_loop().time
        first = clock()
        while self._stale and not self._held:
            due = min(self._last_change + QUIET_SECONDS, first + MAX_WAIT_SECONDS)
            if (wait := due - clock()) > 0:
                await asyncio.sleep(wait)
            else:
                # A write once begun is finished, also when flush() comes in between.
                await asyncio.shield(self._write())
                first = clock()

    async def _write(self) -> None:
        async with self._writing:
            self._stale = False
            try:
                events = list(await self._events())
                if not any(event.type == "checkpoint.created" for event in events):
                    return  # the template is not in place yet
                self._archive = self._archive or await self._read_archive()
                self.path = await asyncio.to_thread(save, self._home, events, self._archive)
            except (OSError, AppBuilderError) as error:
                # The log has everything; the next change tries again.
                self._stale = False
                log.warning("The notebook %s could not be written: %s", self._home, error)


async def first_files(folder: Path) -> str:
    """The packed files of the first checkpoint in a session's folder: they may long be others in the app."""
    from ..workspace import Workspace
    from ..workspace.archive import pack
    from ..workspace.git import Git

    git = Git(folder)
    first = (await Workspace(folder).checkpoints())[-1]
    listing = (await git.run("ls-tree", "-r", "-z", "--full-tree", first.tree)).decode(errors="surrogateescape")
    entries = [line.split("\t", 1) for line in listing.split("\0")[:-1]]
    keys = [description.split()[2] for description, _ in entries]
    output = await git.run("cat-file", "--batch", stdin="".join(key + "\n" for key in keys).encode())

    def packed() -> str:
        position = 0
        with tempfile.TemporaryDirectory(prefix="appbuilder-") as files:
            for description, path in entries:
                end = output.index(b"\n", position)
                size = int(output[position:end].split()[2])
                content, position = output[end + 1 : end + 1 + size], end + size + 2
                place = Path(files, path)
                place.parent.mkdir(parents=True, exist_ok=True)
                mode = description.split()[0]
                if mode == "120000":
                    place.symlink_to(os.fsdecode(content))
                else:
                    place.write_bytes(content)
                    place.chmod(0o755 if mode == "100755" else 0o644)
            return pack(Path(files))

    return await asyncio.to_thread(packed)


def save(home: Path, events: list[Event], archive: str) -> Path:
    """Write the notebook to ``home``, or to the first numbered file beside it that no person changed; its path."""
    kept: Path | None = None
    for number in range(1, 1000):
        path = home if number == 1 else home.with_stem(f"{home.stem}-{number}")
        if _is_ours(path, events[0].session):
            break
        kept = kept or path
    else:
        raise OSError(f"{home.name} and 999 numbered files beside it were changed by hand")
    note = _instead_of(kept) if kept else ""
    write(path, document(events, archive, note=note))
    return path


def _instead_of(kept: Path) -> str:
    return f"{kept.name} was changed by hand, so it is left as it is. This notebook goes on in its place."


def _is_ours(path: Path, session: str) -> bool:
    """Whether we may write there: nothing is there, or what we wrote for this session, untouched."""
    try:
        found: Any = json.loads(path.read_bytes())
        mark = found["metadata"]["appbuilder"]
        return mark["session"] == session and mark["digest"] == digest(found)
    except FileNotFoundError:
        return True
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def write(path: Path, notebook: Notebook) -> None:
    """Write a notebook file at once."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        temporary.write_bytes(text.encode("utf-8", "replace"))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
