"""The dev server of one session: its process, state and connection."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ...errors import AppBuilderError
from ...templates.templates import Service, Serving
from ..base import Address, DevServer, ServerState
from ..metrics import kills
from .processes.limits import Ended
from .processes.runner import Process, Take

LONGEST_LINE = 400  # characters looked at for why a server ended
LOG_LIMIT = 16 * 1024
START_SECONDS = 60
PATIENT_SECONDS = 10  # what stands behind the server may start so slowly; then the page itself shall say what is wrong

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")

Spawn = Callable[[socket.socket, Serving, Take], Awaitable[Process]]
"""Starts the server's command: the socket whose connections go to the port inside, the command, where its output
goes."""


class ServerProcess:
    """Starts, watches and ends a dev server. ``state`` is always how it stands now."""

    def __init__(self, spawn: Spawn, path: Path, service: Service) -> None:
        self.service = service
        self.state = DevServer("stopped")
        self._spawn = spawn
        self._path = path
        self._process: Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._log = ""

    @property
    def log(self) -> str:
        return self._log[-LOG_LIMIT:]

    async def start(self, serving: Serving, began: float | None = None) -> DevServer:
        """Start it and wait for its first answer; ``failed`` with a message if there is none.

        ``began``: ``time.monotonic()`` of what ``started_ms`` counts from.
        """
        await self.end("starting", "Starting the dev server")
        began = time.monotonic() if began is None else began
        self._log = ""
        self._path.unlink(missing_ok=True)
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(self._path))
                self._path.chmod(0o600)
                listener.listen(128)
                process = self._process = await self._spawn(listener, serving, self._take)
        except BaseException as error:
            self._path.unlink(missing_ok=True)
            self.state = DevServer("stopped")
            if isinstance(error, AppBuilderError):
                self.state = DevServer("failed", message=str(error))
                return self.now()
            raise
        # Our own copy of the listener is closed now: once the sandbox ends, connections are refused, not left waiting.
        watch = self._watching = asyncio.create_task(self._watch(process))
        answer = asyncio.create_task(_answers(self._path, serving))
        try:
            await asyncio.wait({watch, answer}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if answer.done() and answer.exception() is None and not watch.done():
                elapsed = round((time.monotonic() - began) * 1000)
                address = Address(socket=self._path, strip=serving.strip)
                self.state = DevServer("ready", address, started_ms=elapsed)
            elif not watch.done():
                # It may have closed the connection because it is about to end: then its log says why.
                await asyncio.wait({watch}, timeout=1)
                if not watch.done():
                    await self.end("failed", f"The dev server did not answer within {START_SECONDS} seconds.")
        except BaseException:
            await asyncio.shield(self.end("stopped"))
            raise
        finally:
            answer.cancel()
        return self.now()

    def now(self) -> DevServer:
        return replace(self.state, log=self.log, path=self.service.path)

    async def end(self, state: ServerState, message: str = "") -> None:
        """Kill it with all its processes, and call what is left ``state``."""
        self.state = DevServer(state, message=message)
        process, self._process = self._process, None
        if process:
            process.kill()
            await process.wait()
        if self._watching:
            await asyncio.wait({self._watching})
            self._watching = None
        self._path.unlink(missing_ok=True)

    def _take(self, _: str, piece: bytes) -> None:
        self._log = (self._log + ANSI.sub("", piece.decode("utf-8", "replace")))[-2 * LOG_LIMIT :]

    async def _watch(self, process: Process) -> None:
        """Wait for the dev server's end; one that nobody asked for makes the state failed, with the reason."""
        code = await process.wait()
        if self._process is process:
            self._process = None
            ended, message = process.reason(code)
            if ended != "exit":
                kills(ended)
            self.state = DevServer("failed", message=explain(self.log, code, ended, message))


async def _answers(path: Path, serving: Serving) -> None:
    """Return when the server has answered. The bridge inside holds a request until the server listens."""
    if serving.well:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENT_SECONDS):
                pause = 0.05
                while await _status(path, serving.ready) >= 500:
                    await asyncio.sleep(pause)
                    pause = min(0.5, pause * 1.5)  # each try may leave some lines in the log
                return
    await _status(path, serving.page)


async def _status(path: Path, asked: str) -> int:
    while True:
        with suppress(ConnectionError):
            return await _ask(path, asked)
        # Vite first listens for a moment to see whether the port is free: a connection may fall into that.
        await asyncio.sleep(0.02)


async def _ask(path: Path, asked: str) -> int:
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        request = f"GET {asked} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        answer = (await reader.readline()).split()
        if len(answer) < 2 or not answer[0].startswith(b"HTTP/") or not answer[1].isdigit():
            raise ConnectionError("The dev server closed the connection.")
        return int(answer[1])
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def explain(log: str, code: int, ended: Ended = "exit", message: str = "") -> str:
    """Why a dev server ended, in a sentence or two: the limit, if it was one, or the tail of its output."""
    if ended not in ("exit", "memory"):
        return f"The dev server was ended by a limit. {message}"
    if ended == "memory" or (code == 137 and not log.strip()) or "heap out of memory" in log:
        told = "The dev server was ended because it used more memory than the sandbox may."
        return f"{told} {message}".strip()
    # The log is the app's own: the expressions below take time in proportion to the square of a line.
    lines = [line.strip()[:LONGEST_LINE] for line in log.splitlines() if line.strip()]
    log = "\n".join(lines)
    if lines and lines[0].startswith("bwrap: "):
        return f"The sandbox could not be made: {lines[0][:300]}"
    if "failed to load config" in log:
        reason = _after(lines, "failed to load config")
        return f"The configuration of the dev server cannot be read: {reason}"
    if missing := re.search(r"Cannot find (?:module|package) ['\"]([^'\"]+)['\"]", log):
        return f"The package or file {missing[1]!r} is missing. If it is a package, install it with install_packages."
    if missing := re.search(r"No module named '?([\w.]+)'?", log):
        name = missing[1].partition(".")[0]
        return f"The Python module {name!r} is missing. If a package brings it, install that with install_packages."
    if missing := re.search(r"(?:sh|exec|env|bwrap): .*?(?<![\w./@-])([\w./@-]+): (?:not found|No such file)", log):
        return f"The command {missing[1]!r} was not found. Is the package that brings it in package.json?"
    if missing := re.search(r"(?:sh|bash): .*?: ([\w./@-]+): not found", log):
        return f"The command {missing[1]!r} was not found. Is the package that brings it in package.json?"
    if port := re.search(r"[Pp]ort (\d+) is (?:already )?in use", log):
        return f"The app takes port {port[1]} itself, which the dev server needs. Let the app use another port."
    told = next((line for line in lines if re.search(r"\b\w*Error\b|\berror\b", line)), lines[-1] if lines else "")
    return f"The dev server ended with exit code {code}" + (f": {told[:300]}" if told else ".")


def _after(lines: list[str], words: str) -> str:
    at = next(index for index, line in enumerate(lines) if words in line)
    told = [line for line in lines[at + 1 :] if "Error" in line] or lines[at + 1 :] or [lines[at]]
    return told[0][:300]
