"""Lists and stops the sandboxes of all of a person's processes, over one unix socket per process.

Each process with a sandbox listens on a unix socket in Jupyter's runtime folder. That works for servers of any kind
(with a password, behind a Hub, with another base URL) and for kernels and commands, which have no address at all.
``<runtime>/appbuilder/<pid>-….json`` says where the socket is and holds the secret that a request must bring: who can
read that file may ask. One JSON object a line, a request and its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from ..settings import socket_address

SECONDS = 10.0  # that a process has to answer
LONGEST = 4 * 1024 * 1024  # bytes of an answer

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def control_folder() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir()) / "appbuilder"


class ControlSocket:
    """Answers requests of other processes by ``answer``, from ``open`` until ``close`` or the end of this process."""

    def __init__(self, label: str, answer: Answer) -> None:
        self._label = label
        self._answer = answer
        self._token = secrets.token_urlsafe(32)
        self._server: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self._files: list[Path] = []

    @property
    def is_open(self) -> bool:
        return self._server is not None

    async def open(self) -> None:
        """May be called again. Raises ``OSError`` where the runtime folder cannot be written."""
        async with self._opening:
            if self._server is None:
                await self._open()

    async def _open(self) -> None:
        if sys.platform == "win32":
            raise OSError("this system has no unix sockets")
        folder = control_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        path, note = folder / f"{name}.sock", folder / f"{name}.json"
        with socket_address(path) as address:
            self._server = await asyncio.start_unix_server(self._serve, address)
        path.chmod(0o600)
        self._files = [path, note]
        _write(note, {"pid": os.getpid(), "owner": self._label, "token": self._token})

    async def close(self) -> None:
        """May be called twice."""
        server, self._server = self._server, None
        if server:
            server.close()
        for path in self._files:
            path.unlink(missing_ok=True)
        self._files = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(SECONDS):
                line = await reader.readline()
            request: Any = json.loads(line)
            if isinstance(request, dict) and secrets.compare_digest(str(request.get("token")), self._token):  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]
                found = await self._answer(cast("dict[str, Any]", request))
                writer.write(json.dumps(found).encode() + b"\n")
                await writer.drain()
        writer.close()


async def ask_all(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Put ``request`` to every process: their answers, each with ``pid`` and ``owner``.

    One that does not answer in time has ``silent`` instead. What dead ones left is removed.
    """
    folder = control_folder()
    notes = sorted(folder.glob("*.json")) if folder.is_dir() else []
    answers = await asyncio.gather(*(_ask(note, request) for note in notes))
    return [answer for answer in answers if answer is not None]


async def _ask(note: Path, request: dict[str, Any]) -> dict[str, Any] | None:
    try:
        told = _read(note)
        with socket_address(note.with_suffix(".sock")) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=LONGEST)
    except (FileNotFoundError, ConnectionRefusedError):
        _remove(note)  # it was killed
        return None
    except (OSError, ValueError):
        return None
    try:
        writer.write(json.dumps(request | {"token": told["token"]}).encode() + b"\n")
        async with asyncio.timeout(SECONDS):
            line = await reader.readline()
        answer: dict[str, Any] = json.loads(line)
        return answer | {"pid": told["pid"], "owner": told["owner"]}
    except (OSError, ValueError, TimeoutError):
        return {"pid": told["pid"], "owner": told["owner"], "silent": True}
    finally:
        writer.close()


def _write(note: Path, told: dict[str, Any]) -> None:
    descriptor = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(told, file)


def _read(note: Path) -> dict[str, Any]:
    if note.stat().st_uid != os.getuid():
        raise PermissionError(f"{note} is another person's")
    return json.loads(note.read_text(encoding="utf-8"))


def _remove(note: Path) -> None:
    note.unlink(missing_ok=True)
    note.with_suffix(".sock").unlink(missing_ok=True)
