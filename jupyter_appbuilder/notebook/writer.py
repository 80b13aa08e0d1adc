"""Keeps a session's notebook file up to date.

It writes a moment after the last change, off the event loop, and at once (temporary file, then rename). What a person
added to the notebook stays in it (``merge.py``). A notebook in which a person changed our own cells is not touched:
then the whole record goes to ``<name>-2.ipynb``, which says so.

While a notebook is open in JupyterLab nothing is written (``hold``): without collaboration the change would never
appear and the next save would destroy it; with it, what the person typed would be lost. The labextension adds the cells
to the open document instead, from ``notebook``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import secrets
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import AppBuilderError
from ..events import Event
from ..log.untracked import untracked
from .document import LARGEST_PICTURE, Notebook, attached, document
from .merge import changed_since, merged

log = logging.getLogger(__name__)

QUIET_SECONDS = 0.4
"""A change is written once no other followed for this long …"""

MAX_WAIT_SECONDS = 3.0
"""… or when it is this old."""

RETRY_SECONDS = 10.0
"""How long until a notebook that could not be written is tried again."""

CELLS = re.compile(r'\s*\{\s*"cells"\s*:\s*\[\s*(?=\{)')
BETWEEN = re.compile(r"\s*(,\s*|\])")
"""How a notebook begins, and what stands behind a cell of it."""

PATIENCE = 10
"""How often, each tenth of a second, a file is read that has just changed and is no JSON."""


class NotebookWriter:
    """``path`` is where the notebook belongs, in the session's folder; ``events`` reads the session's log.

    ``archive`` gives the packed template the session began with; by default it is read from the folder's history.
    ``picture`` gives one by its SHA-256, None where it is no longer kept.
    After a write, ``path`` names the file that was written.
    """

    def __init__(
        self,
        path: Path,
        events: Callable[[], Awaitable[list[Event]]],
        archive: Callable[[], Awaitable[str]] | None = None,
        picture: Callable[[str], Awaitable[bytes | None]] | None = None,
    ) -> None:
        self.path = path
        self._home = path
        self._events = events
        self._read_archive = archive or (lambda: first_files(path.parent))
        self._read_picture = picture
        self._archive = ""
        self._note = ""
        self._task: asyncio.Task[None] | None = None
        self._stale = False
        self._closed = False
        self._holders: dict[str, asyncio.TimerHandle | None] = {}
        self._last_change = 0.0
        self._retry_at = 0.0
        self._failure = ""  # why it could not be written, as it was told
        self._writing = asyncio.Lock()

    def changed(self) -> None:
        """The log has grown. Cheap; call it from the event loop as often as you like."""
        self._stale = True
        self._last_change = asyncio.get_running_loop().time()
        if not self.held and not self._closed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._settle())

    @property
    def held(self) -> bool:
        return bool(self._holders)

    @property
    def clients(self) -> list[str]:
        """Who has the notebook open, the first to open it first."""
        return list(self._holders)

    def hold(self, client: str = "", seconds: float | None = None) -> None:
        """Write nothing until ``release``: ``client`` has the notebook open.

        With ``seconds`` the hold ends by itself, unless it is repeated: a browser that crashed does not say goodbye.
        """
        if timer := self._holders.get(client):
            timer.cancel()
        expiry = None
        if seconds is not None:
            expiry = asyncio.get_running_loop().call_later(seconds, self.release, client)
        self._holders[client] = expiry
        # What the file holds when it is closed is the person's decision: they may discard what was added.
        self._stale = True

    def release(self, client: str = "") -> None:
        """The client has closed the notebook. After the last one, what was held back is written."""
        if timer := self._holders.pop(client, None):
            timer.cancel()
        if self._stale and not self.held:
            self.changed()

    async def settled(self) -> None:
        """Wait for a write that has begun: after ``hold`` and this, the file stays as it is."""
        async with self._writing:
            pass

    async def notebook(self, after: int = 0) -> Notebook:
        """The session's notebook as the log has it now.

        With ``after``, only its cells that are not as they were after the event of that number. The metadata names all
        of them. Raises ``AppBuilderError`` when the first files cannot be read.
        """
        events = list(await self._events())
        self._archive = self._archive or await self._read_archive()
        pictures = await self._pictures(events)
        return await asyncio.to_thread(_render, events, self._archive, after, self._note, pictures)

    async def _pictures(self, events: list[Event]) -> dict[str, bytes]:
        """Those that the notebook holds, as far as they are kept and small enough."""
        if self._read_picture is None:
            return {}
        found = {sha256: await self._read_picture(sha256) for sha256 in attached(events)}
        return {sha256: data for sha256, data in found.items() if data and len(data) <= LARGEST_PICTURE}

    async def flush(self) -> None:
        """Write now what is not written yet, unless the notebook is held."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self.settled()
        if self._stale and not self.held:
            await self._write()
        if self._stale:
            self.changed()  # it could not be written, or more came meanwhile

    async def close(self, *, write: bool = True) -> None:
        """Write what is not written yet (unless held, or told not to); nothing is written afterwards."""
        if write:
            await self.flush()
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        await self.settled()
        for timer in self._holders.values():
            if timer is not None:
                timer.cancel()

    async def _settle(self) -> None:
        clock = asyncio.get_running_loop().time
        first = clock()
        while self._stale and not self.held:
            due = max(self._retry_at, min(self._last_change + QUIET_SECONDS, first + MAX_WAIT_SECONDS))
            if (wait := due - clock()) > 0:
                await asyncio.sleep(wait)
            else:
                # A write once begun is finished, also when flush() comes in between.
                await asyncio.shield(self._write())
                first = clock()

    async def _write(self) -> None:
        async with self._writing:
            if self._closed:
                return
            self._stale = False
            try:
                events = list(await self._events())
                if not any(event.type == "checkpoint.created" for event in events):
                    return  # the template is not in place yet
                self._archive = self._archive or await self._read_archive()
                pictures = await self._pictures(events)
                self.path, self._note = await asyncio.to_thread(save, self._home, events, self._archive, pictures)
                self._failure = ""
            except (OSError, AppBuilderError) as error:
                # The log has everything: it is written once that is possible.
                self._stale = True
                self._retry_at = asyncio.get_running_loop().time() + RETRY_SECONDS
                if self._failure != (failure := str(error)):
                    self._failure = failure
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


def save(
    home: Path, events: list[Event], archive: str, pictures: Mapping[str, bytes] | None = None
) -> tuple[Path, str]:
    """Bring the notebook at ``home`` up to date, or the first numbered file beside it that we may; its path and note.

    We may where nothing is, and where our own cells are as we wrote them. A file that is up to date is not touched.
    """
    note = ""
    for number in range(1, 1000):
        path = home if number == 1 else home.with_stem(f"{home.stem}-{number}")
        ours = document(events, archive, note=note, pictures=pictures)
        try:
            found = read(path)
        except FileNotFoundError:
            write(path, ours)
            return path, note
        if (whole := merged(found, ours)) is not None:
            if whole != found:
                write(path, whole)
            return path, note
        note = note or f"{path.name} was changed by hand, so it is left as it is. This notebook goes on in its place."
    raise OSError(f"{home.name} and 999 numbered files beside it were changed by hand")


def read(path: Path) -> Any:
    """The JSON in a file; None when it has none."""
    for _ in range(PATIENCE):
        try:
            return _parsed(path.read_bytes().decode())
        except ValueError:
            # Jupyter may be in the middle of saving: it does not always write at once.
            if time.time() - path.stat().st_mtime > 1:
                break
            time.sleep(0.1)
    return None


def _parsed(text: str) -> Any:
    """Parse the JSON in ``text``. A notebook's cells are read one by one: whatever else runs waits for the parser."""
    begin = CELLS.match(text)
    if not begin:
        return json.loads(text)
    cells: list[Any] = []
    place = begin.end()
    while text[place - 1] != "]":
        cell, place = json.JSONDecoder().raw_decode(text, place)
        cells.append(untracked(cell))
        if not (between := BETWEEN.match(text, place)):
            raise ValueError("The list of cells has no end.")
        place = between.end()
    return {"cells": cells} | json.loads("{" + text[place:].lstrip().removeprefix(","))


def _render(events: list[Event], archive: str, after: int, note: str, pictures: Mapping[str, bytes]) -> Notebook:
    ours = document(events, archive, note=note, pictures=pictures)
    if not after:
        return ours
    return changed_since(ours, document([event for event in events if event.seq <= after], archive, note=note))


def write(path: Path, notebook: Notebook) -> None:
    """Write a notebook file at once."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(_json(notebook).encode("utf-8", "replace"))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _json(notebook: Notebook) -> str:
    """Write a notebook as JSON, a line for each cell: Python's encoder is six times slower with indentation, and holds
    up other threads."""
    dump = json.JSONEncoder(ensure_ascii=False).encode
    cells = ",\n".join(map(dump, notebook["cells"]))
    rest = dump({key: value for key, value in notebook.items() if key != "cells"})
    return f'{{"cells": [\n{cells}\n],\n{rest[1:]}\n'
