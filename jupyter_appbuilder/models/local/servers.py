"""Model processes of this server: one per file in use, started on demand, stopped when idle."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import logging
import re
import secrets
import signal
import sys
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from ...settings import write_settings
from ..base import ModelError, ModelProgress
from ..openai_compatible import Endpoint
from . import machine
from .gguf import GGUFHeader, read_header
from .machine import LEAST_CONTEXT, fitting_context, memory_needed, spare_memory

PROVIDER = "gguf"
INSTALL = 'Install it: pip install "jupyter-appbuilder[local]"'
LOOK = 0.25  # seconds between two words on how far loading is
READ_SHARE = 0.9  # of the way is reading the file
KEPT_NAMES = 20  # of files used before
KEPT_LINES = 60  # of a process's log
SHOWN_LINES = 4
LONGEST_LINE = 2**20  # bytes
SUFFIX = ".gguf"
ERROR = re.compile(r"[\d.]+ E (.+)")
MOST_FILES = 200  # listed of one folder

log = logging.getLogger(__name__)


class LocalModels:
    """Models in files. ``root`` is what relative paths begin from; ``folders`` are looked through for files to offer;
    ``context`` is the most tokens one gets (0: a sensible number), ``threads`` how many cores it uses (0: all); one
    that nobody asked for ``idle_seconds`` is stopped. ``used`` is where the names of those used before are kept.
    """

    def __init__(
        self,
        root: Path,
        *,
        folders: Sequence[str] = (),
        context: int = 0,
        idle_seconds: float = 900.0,
        threads: int = 0,
        used: Path | None = None,
    ) -> None:
        self._root = root
        self._used = used
        self._threads = threads or machine.threads()
        self._folders = [Path(folder).expanduser() for folder in folders]
        self._context = context
        self._idle_seconds = idle_seconds
        self._servers: dict[Path, ModelServer] = {}
        self._windows: dict[GGUFHeader, int] = {}

    def path_of(self, name: str) -> Path:
        """The file that is meant by what stands after ``gguf:``."""
        return Path(self._root, Path(name.strip()).expanduser()).resolve()

    def header(self, name: str) -> GGUFHeader:
        """The header of the file. Raises ``InvalidInput``."""
        return read_header(self.path_of(name))

    def context_window(self, name: str) -> int:
        """Tokens the model gets here. The same for as long as this process lives, whatever else needs memory later."""
        header = self.header(name)
        if header not in self._windows:
            self._windows[header] = fitting_context(header, self._context, spare_memory())
        return self._windows[header]

    def offers(self) -> list[str]:
        """The files to choose from, as names: those used before, the last first, then what the folders hold."""
        used = {name: self.path_of(name) for name in self._used_before()}
        there = [name for name, path in used.items() if path.is_file()]
        return [*there, *(str(path) for path in self._listed() if path not in used.values())]

    def offer(self, name: str) -> None:
        """Offer a file from now on. Raises ``InvalidInput`` for one that holds no model, ``ModelError`` where none can
        be run."""
        self.header(name)
        require_package()
        self.remember(name.strip())

    def remember(self, name: str) -> None:
        """Offer a file from now on."""
        names = [name, *(other for other in self._used_before() if other != name)][:KEPT_NAMES]
        if self._used is None or names == self._used_before():
            return
        with contextlib.suppress(OSError):  # it is a convenience
            write_settings(self._used, names)

    def forget(self) -> None:
        """Offer none of those used before any more."""
        if self._used is not None:
            self._used.unlink(missing_ok=True)

    def _used_before(self) -> list[str]:
        if self._used is None:
            return []
        try:
            names: Any = json.loads(self._used.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        listed = cast("list[Any]", names) if isinstance(names, list) else []
        return [name for name in listed if isinstance(name, str)]

    def _listed(self) -> list[Path]:
        """The models in the configured folders: of one that was split its first part."""
        found: list[Path] = []
        for folder in self._folders:
            with contextlib.suppress(OSError):
                listed = sorted(path for path in Path(self._root, folder).glob(f"**/*{SUFFIX}") if path.is_file())
                found += [path for path in listed if _is_model(path)][:MOST_FILES]
        return found

    def server(self, name: str) -> ModelServer:
        """The process that runs a model, begun or not. Raises ``InvalidInput`` for the file, ``ModelError`` without the
        package."""
        header, window = self.header(name), self.context_window(name)
        server = self._servers.get(header.path)
        if server is None or not server.runs(header):
            require_package()
            server = ModelServer(header, window, self._threads, self._idle_seconds, self._make_room)
            self._servers[header.path] = server
        return server

    async def _make_room(self, wanted: ModelServer) -> None:
        """Stop what nobody uses at the moment where there is not enough memory. Raises ``ModelError`` if there still is
        not."""
        needed = memory_needed(wanted.header, wanted.context)
        for other in list(self._servers.values()):
            if spare_memory() >= needed:
                return
            if other is not wanted and not other.users:
                await other.stop()
        spare = spare_memory()
        if spare < needed:
            smaller = wanted.context > LEAST_CONTEXT and memory_needed(wanted.header, LEAST_CONTEXT) < spare
            raise ModelError(
                f"There is not enough memory for {wanted.header.path.name}: it needs about {_gigabytes(needed)} with "
                f"{wanted.context:,} tokens of context, and {_gigabytes(spare)} is free.",
                hint=f"Set c.AppBuilder.local_context = {LEAST_CONTEXT}, or close other programs."
                if smaller
                else "Choose a smaller model, or one quantized to fewer bits; or close other programs.",
                reason="no_memory",
            )

    async def close(self) -> None:
        servers, self._servers = list(self._servers.values()), {}
        await asyncio.gather(*(server.stop() for server in servers))


class ModelServer:
    """One model's process. It answers one request at a time; who asks meanwhile waits."""

    def __init__(
        self,
        header: GGUFHeader,
        context: int,
        threads: int,
        idle_seconds: float,
        make_room: Callable[[ModelServer], Awaitable[None]],
    ) -> None:
        self.header = header
        self.context = context
        self.users = 0
        self.pid: int | None = None  # of the outer process, while there is one
        self._threads = threads
        self._idle_seconds = idle_seconds
        self._make_room = make_room
        self._busy = asyncio.Lock()
        self._starting: asyncio.Task[Endpoint] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._log: deque[str] = deque(maxlen=KEPT_LINES)
        self._key = ""
        self._read = 0.0
        self._idle: asyncio.TimerHandle | None = None
        self._expiring: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def runs(self, header: GGUFHeader) -> bool:
        """True if this is the process for that file as it is now; one that is idle makes way for another."""
        return self.header == header or bool(self.users)

    @contextlib.asynccontextmanager
    async def used(self) -> AsyncGenerator[None]:
        """While somebody asks it, it is not stopped for being idle. Whoever was last to want it while it was loading
        ends that."""
        self.users += 1
        if self._idle:
            self._idle.cancel()
            self._idle = None
        try:
            yield
        finally:
            self.users -= 1
            if not self.users:
                if self._starting and not self._starting.done():
                    self._starting.cancel()
                self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._expire)

    async def ready(self) -> AsyncIterator[ModelProgress | Endpoint]:
        """How far loading is, and last where it answers. Raises ``ModelError``."""
        if self._starting is None or (self._starting.done() and not self.running):
            self._starting = asyncio.ensure_future(self._start())
        starting = self._starting
        said: ModelProgress | None = None
        while not starting.done():
            if (progress := self._progress()) != said:
                yield (said := progress)
            await asyncio.wait([starting], timeout=LOOK)
        yield await starting

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        async with self._busy:
            yield

    @property
    def busy(self) -> bool:
        return self._busy.locked()

    async def death(self) -> ModelError | None:
        """Why it does not answer any more, if its process has ended."""
        if self._process is None:
            return None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self._process.wait()
        return None if self._process.returncode is None else await self._crashed("while it answered")

    async def stop(self) -> None:
        """End the process, whatever it does. It can be started again."""
        if self._idle:
            self._idle.cancel()
            self._idle = None
        if self._starting and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])
        self._starting = None
        await self._end()

    def _expire(self) -> None:
        if not self.users:
            self._expiring = asyncio.ensure_future(self.stop())

    def _progress(self) -> ModelProgress:
        title = self.header.path.name
        if self._read >= 1:
            return ModelProgress(f"Preparing {title} …", READ_SHARE)
        return ModelProgress(f"Loading {title} … {self._read * 100:.0f} %", self._read * READ_SHARE)

    async def _start(self) -> Endpoint:
        self._read = 0.0
        await self._end()
        await self._make_room(self)
        self._log.clear()
        self._key = secrets.token_urlsafe(32)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # what lies in Jupyter's folder is not imported
                "-m",
                f"{__package__}.process",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl+C in Jupyter's terminal is for Jupyter
            )
        except OSError as error:
            raise ModelError(f"The model's process could not be started: {error}.", hint="Try again.") from None
        self.pid = self._process.pid
        try:
            return await self._attend(self._process)
        except BaseException:
            await asyncio.shield(self._end())
            raise

    async def _attend(self, process: asyncio.subprocess.Process) -> Endpoint:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        path: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        order = {
            "paths": [str(path) for path in self.header.parts],
            "context": self.context,
            "threads": self._threads,
            "key": self._key,
            "name": str(self.header.path),
        }
        with contextlib.suppress(OSError):
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
        self._readers = [
            asyncio.ensure_future(self._listen(process.stdout, path)),
            asyncio.ensure_future(self._note(process.stderr)),
        ]
        ended = asyncio.ensure_future(process.wait())
        try:
            await asyncio.wait([path, ended], return_when=asyncio.FIRST_COMPLETED)
            if not path.done():
                raise await self._crashed("while it was loaded")
        finally:
            ended.cancel()
        return Endpoint(PROVIDER, self.header.path.name, "http://localhost/v1", self._key, socket=await path)

    async def _listen(self, output: asyncio.StreamReader, path: asyncio.Future[str]) -> None:
        async for line in _lines(output):
            with contextlib.suppress(ValueError):
                said: dict[str, Any] = json.loads(line)
                self._read = said.get("read", self._read)
                if "failed" in said:
                    self._log.append(str(said["failed"]))
                if "socket" in said and not path.done():
                    path.set_result(str(said["socket"]))

    async def _note(self, output: asyncio.StreamReader) -> None:
        async for line in _lines(output):
            self._log.append(line.decode(errors="replace").rstrip())

    async def _crashed(self, when: str) -> ModelError:
        process = self._process
        assert process is not None
        if self._readers:
            await asyncio.wait(self._readers, timeout=1)
        code = process.returncode or 0
        number = -code if code < 0 else code - 128
        name = signal.Signals(number).name if number in [entry.value for entry in signal.Signals] else ""
        lines = "\n".join(telling(self._log))
        said = f" It said:\n{lines}" if lines else ""
        ending = f"was ended by {name}" if name else f"ended with code {code}"
        hint = "Send the request again to restart it. If this continues, try another file, or a smaller context."
        if name == "SIGKILL":
            hint = "That is what happens when memory runs out: choose a smaller model or c.AppBuilder.local_context."
        return ModelError(
            f"The process of {self.header.path.name} {ending} {when}.{said}", hint=hint, reason="model_crashed"
        )

    async def _end(self) -> None:
        process, self._process, self.pid = self._process, None, None
        readers, self._readers = self._readers, []
        if process is not None and process.returncode is None:
            assert process.stdin
            process.stdin.close()  # its guard kills it
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        for reader in readers:
            reader.cancel()


async def _lines(output: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """What a process writes, to its end: one that nobody reads from would stand still. Endless lines are left out."""
    while True:
        try:
            line = await output.readline()
        except ValueError:
            continue
        if not line:
            return
        yield line


def telling(log: Iterable[str]) -> list[str]:
    """Of llama.cpp's log the lines that tell what went wrong: its errors, the first of which is the cause, or the last
    that there are."""
    lines = [line for line in log if line]
    errors = dict.fromkeys(match[1] for line in lines if (match := ERROR.match(line)))
    return list(errors)[:SHOWN_LINES] or lines[-SHOWN_LINES:]


def is_installed() -> bool:
    """True if the package that runs them is there."""
    return importlib.util.find_spec("xllamacpp") is not None


def require_package() -> None:
    """Raises ``ModelError`` without it."""
    if not is_installed():
        raise ModelError(
            "Running a GGUF file needs the package xllamacpp, which is not installed.",
            hint=INSTALL,
            reason="not_installed",
        )


def _is_model(path: Path) -> bool:
    """True if to offer a file: not the later parts of a model that was split, nor what goes with one."""
    name = path.name
    return "mmproj" not in name and not ("-of-" in name and "-00001-of-" not in name)


def _gigabytes(size: int) -> str:
    return f"{max(size, 0) / 1024**3:.1f} GiB"
