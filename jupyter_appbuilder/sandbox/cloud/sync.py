"""Synchronises the workspace and its copy in the cloud, both ways.

The workspace is what counts. What a person or a tool changes here goes up; what commands change there comes back. A
file that both changed keeps the version made here, and the cloud's lies beside it as ``<name>.sandbox``.

Nothing that comes from the cloud is trusted: paths, links, kinds and sizes are checked, and files are put in place
without following any link.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import shlex
import shutil
import tarfile
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, cast

from ...errors import InvalidInput, Unavailable
from ...workspace.folder import link_at, opened_folder, remove, write_at
from ...workspace.ignore import never_tracked
from . import remote

HELPER = "python3 -E -s -B ~/.appbuilder/remote.py"
INLINE = 60 * 1024  # bytes of an archive that travels in the command itself: one request instead of two
SETTLE_MS = 40  # an editor's save is several events


class Link(Protocol):
    """The part of a cloud sandbox that the synchronisation needs. Raises ``Gone`` or ``Unavailable``."""

    async def helper(self, command: str) -> str: ...

    async def upload(self, path: str, content: bytes) -> None:
        """``path``: below the home, as in ``download``."""
        ...

    def download(self, path: str) -> AsyncIterator[bytes]: ...


class Sync:
    """One workspace and one cloud sandbox. ``push`` and ``pull`` exclude each other."""

    def __init__(self, app: Path, link: Link) -> None:
        self.app = app
        self._link = link
        self._agreed: dict[str, Any] = {}  # path -> (mode, hash), as the cloud has it
        self._seen: dict[str, Any] = {}  # entries of the last look, which save hashing again
        self._have = 0
        self._turn = asyncio.Lock()

    async def push_all(self) -> list[str]:
        """Make the cloud's copy what the workspace is; notes for people."""
        async with self._turn:
            self._seen = await asyncio.to_thread(remote.scan, self.app, self._seen, ignoring=False)
            content = await asyncio.to_thread(self._packed, list(self._seen))
            await self._link.upload(".appbuilder/in.tar.gz", content)
            answer = _parsed(await self._link.helper(f"{HELPER} apply ~/.appbuilder/in.tar.gz --all"))
            self._agreed = {path: entry[:2] for path, entry in self._seen.items()}
            return _kept(answer)

    async def push(self) -> list[str]:
        """Send what changed here; notes for people. Quick when nothing did: one look at each file."""
        async with self._turn:
            return await self._push()

    async def _push(self) -> list[str]:
        now = await asyncio.to_thread(remote.scan, self.app, self._seen, ignoring=False)
        self._seen = now
        changed = [path for path, entry in now.items() if not remote.same(entry, self._agreed.get(path))]
        gone = [path for path in self._agreed if path not in now and not remote.is_file(self.app / path)]
        if not changed and not gone:
            return []
        content = await asyncio.to_thread(self._packed, [*gone, *changed])
        encoded = base64.b64encode(content).decode()
        if len(encoded) <= INLINE:
            answer = _parsed(await self._link.helper(f"printf %s {shlex.quote(encoded)} | {HELPER} apply -"))
        else:
            await self._link.upload(".appbuilder/in.tar.gz", content)
            answer = _parsed(await self._link.helper(f"{HELPER} apply ~/.appbuilder/in.tar.gz"))
        for path in gone:
            self._agreed.pop(path, None)
        self._agreed |= {path: now[path][:2] for path in changed}
        return _kept(answer)

    def _packed(self, paths: list[str]) -> bytes:
        buffer = io.BytesIO()
        remote.pack(self.app, paths, buffer)
        return buffer.getvalue()

    async def pull(self) -> list[str]:
        """Fetch what changed in the cloud; notes for people."""
        async with self._turn:
            answer = _parsed(await self._link.helper(f"{HELPER} collect {self._have}"))
            notes: list[str] = []
            if left_out := answer.get("left_out"):
                notes.append(f"{left_out} files are too much to bring back at once and stay in the cloud sandbox.")
            archive = answer.get("archive")
            if archive is not None or answer.get("file") is not None:
                with tempfile.TemporaryFile() as file:
                    if archive is not None:
                        file.write(base64.b64decode(str(archive)))
                    else:
                        await self._fetch(file)
                    file.seek(0)
                    notes += await asyncio.to_thread(self._receive, file)
            self._have += 1
            return notes

    async def _fetch(self, file: Any) -> None:
        size = 0
        async for piece in self._link.download(".appbuilder/out.tar.gz"):
            size += len(piece)
            if size > remote.MOST_BYTES:
                raise Unavailable(
                    "What changed in the cloud sandbox is too large to bring back.",
                    hint="Delete what the app does not need there, or name it in .gitignore.",
                    reason="cloud_too_large",
                )
            file.write(piece)

    def _receive(self, source: Any) -> list[str]:
        """Put in place what the cloud sends, unless a person changed the same file meanwhile."""
        notes: list[str] = []
        staging = Path(tempfile.mkdtemp(prefix=".sync-", dir=self.app.parent))
        try:
            with tarfile.open(fileobj=source, mode="r|gz") as archive:
                size = 0
                for number, info in enumerate(archive):
                    size += info.size
                    if size > remote.MOST_BYTES or number > remote.MOST_FILES + 1:
                        notes.append("More came from the cloud sandbox than may: the rest stays there.")
                        break
                    if info.name == "note" and info.isreg():
                        file = archive.extractfile(info)
                        named = cast("dict[str, Any]", json.load(file)) if file else {}
                        for path in cast("list[Any]", named.get("deleted") or []):
                            self._delete(str(path), notes)
                    elif info.name.startswith("files/"):
                        self._take(info.name.removeprefix("files/"), info, archive, staging, notes)
        except (tarfile.TarError, EOFError, ValueError, OSError) as error:
            raise Unavailable(
                f"What the cloud sandbox sent could not be read: {error}.",
                hint="Run the command again.",
                reason="cloud_bad_answer",
            ) from None
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return notes

    def _delete(self, path: str, notes: list[str]) -> None:
        try:
            parts = _parts(path)
            if self._unchanged(path):
                remove(self.app, parts)
                self._seen.pop(path, None)
        except FileNotFoundError:
            pass
        except (InvalidInput, OSError) as error:
            notes.append(f"{path[:200]!r} could not be deleted: {error}")
        self._agreed.pop(path, None)  # one that was changed here goes up again

    def _take(
        self, path: str, info: tarfile.TarInfo, archive: tarfile.TarFile, staging: Path, notes: list[str]
    ) -> None:
        try:
            parts = _parts(path)
            mode = remote.LINK if info.issym() else remote.EXECUTABLE if info.mode & 0o100 else remote.FILE
            if info.issym():
                content = os.fsencode(info.linkname)  # kept as a link, wherever it leads: nothing of ours follows it
            elif info.isreg() and info.size <= remote.LARGEST:
                file = archive.extractfile(info)
                content = file.read() if file else b""
            else:
                raise InvalidInput(f"{path!r} is not an ordinary file.")
            entry = remote.entry_of(mode, content)
            here = remote.look(self.app / path, self._seen.get(path))
            if not remote.same(here, entry):
                if not self._unchanged(path):
                    parts = (*parts[:-1], parts[-1] + remote.SUFFIX)
                    notes.append(
                        f"{path} was changed here while the cloud sandbox changed it too. Yours was kept; the other "
                        f"version is {'/'.join(parts)}."
                    )
                self._write(parts, mode, content, staging)
            self._agreed[path] = entry[:2]
        except (InvalidInput, OSError) as error:
            notes.append(f"{path[:200]!r} stays in the cloud sandbox: {error}")

    def _unchanged(self, path: str) -> bool:
        """True if the file here is what the cloud was last told."""
        return remote.same(remote.look(self.app / path, self._seen.get(path)), self._agreed.get(path))

    def _write(self, parts: tuple[str, ...], mode: str, content: bytes, staging: Path) -> None:
        with opened_folder(self.app, parts[:-1], make=True) as folder:
            if mode == remote.LINK:
                link_at(folder, parts[-1], os.fsdecode(content))
            else:
                write_at(folder, parts[-1], content, staging=staging, executable=mode == remote.EXECUTABLE)

    # A person's edits

    async def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Call ``changed`` after each change of a file here, until cancelled."""
        from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]

        def wanted(_: Any, path: str) -> bool:
            inside = os.path.relpath(path, self.app).split(os.sep)
            return not any(never_tracked(part) for part in inside)

        with contextlib.suppress(FileNotFoundError):  # the workspace was deleted
            async for _ in awatch(self.app, debounce=200, step=SETTLE_MS, watch_filter=wanted, rust_timeout=1000):
                await changed()


def _parts(path: str) -> tuple[str, ...]:
    """The names of a path that came from the cloud. Raises ``InvalidInput`` for any that is not plainly inside."""
    parts = tuple(path.split("/"))
    plain = all(part not in ("", ".", "..") and "\0" not in part and not never_tracked(part) for part in parts)
    if not plain or len(path) > 4000:
        raise InvalidInput(f"{path[:200]!r} is not a file of the app.")
    return parts


def _parsed(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
        if isinstance(answer, dict):
            return cast("dict[str, Any]", answer)
    except ValueError:
        pass
    raise Unavailable(
        f"The cloud sandbox sent an unreadable answer: {text[-200:]!r}.",
        hint="Restart the preview: a new sandbox is made from the workspace.",
        reason="cloud_bad_answer",
    )


def _kept(answer: dict[str, Any]) -> list[str]:
    kept = answer.get("kept")
    names = [str(name) for name in cast("list[Any]", kept)] if isinstance(kept, list) else []
    return [
        f"{name.removesuffix(remote.SUFFIX)} was changed here and in the cloud sandbox at once. Yours was kept; the "
        f"other version is {name}."
        for name in names
    ]
