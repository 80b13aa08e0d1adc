"""One running cloud sandbox: its files and commands."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import io
import json
import logging
import shlex
import tarfile
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ...errors import Unavailable
from ...workspace import ignore
from ..base import Address, Stats
from . import remote
from .base import Gone
from .sync import HELPER

log = logging.getLogger(__name__)

Take = Callable[[Literal["stdout", "stderr"], str], None]

HELPER_SECONDS = 120
REATTACH_SECONDS = 30  # how long a broken connection is tried again
KILL_SECONDS = 5
FOLDER = "/workspace"


class Machine(ABC):
    """Methods raise ``Gone`` when it does not run any more, else ``Unavailable``."""

    def __init__(self) -> None:
        self.awake = asyncio.Event()
        self.awake.set()
        self.gone = False
        self.why = ""  # it is gone, for people, where that is known
        self.home = "/home/user"

    @property
    @abstractmethod
    def id(self) -> str: ...

    @abstractmethod
    def explain(self, error: BaseException, what: str) -> Exception:
        """``error`` as ``Gone``, which is noted, or as ``Unavailable`` with the next step."""

    # Files and small commands

    @abstractmethod
    async def helper(self, command: str, *, user: str | None = None) -> str:
        """Run a command of ours; its output."""

    @abstractmethod
    async def upload(self, path: str, content: bytes) -> None:
        """Write a file below its home."""

    @abstractmethod
    def download(self, path: str) -> AsyncGenerator[bytes]:
        """Read a file below its home."""

    @abstractmethod
    async def install_helpers(self) -> str:
        """Bring in what runs there on our behalf; the key of the packages that are installed, empty if none are."""

    @staticmethod
    async def helpers() -> dict[str, bytes]:
        """What runs there on our behalf: files by name."""
        modules = {"remote.py": Path(remote.__file__), "ignore.py": Path(ignore.__file__)}
        return {name: await asyncio.to_thread(path.read_bytes) for name, path in modules.items()}

    async def send_programs(self, folder: Path, place: str) -> None:
        """Put programs of the template where its commands expect them."""

        def pack() -> bytes:
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
                archive.add(folder, ".")
            return buffer.getvalue()

        await self.upload(".appbuilder/runtime.tar.gz", await asyncio.to_thread(pack))
        archive = shlex.quote(f"{self.home}/.appbuilder/runtime.tar.gz")
        await self.helper(f"mkdir -p {place} && tar -xzf {archive} -C {place} --no-same-owner", user="root")

    @abstractmethod
    def address(self, port: int, inner: int, public: bool) -> Address:
        """The address at which the preview proxy reaches ``port``, behind which a server listens on ``inner``. Its
        access header is never sent to browsers."""

    def public_host(self, port: int) -> str:
        """Under which everybody reaches ``port``, where that is wanted (``CloudProvider.direct_preview``)."""
        return ""

    # Its life

    @abstractmethod
    async def pause(self) -> None: ...

    @abstractmethod
    async def set_timeout(self, seconds: int) -> None:
        """Let it run so much longer."""

    @abstractmethod
    async def kill(self) -> None:
        """End it. Where it cannot be reached it ends by its time."""

    @abstractmethod
    async def limit_network(self, hosts: Collection[str] | None) -> None:
        """Let it reach ``hosts`` (``host:port``) only; None: the whole internet."""

    async def stats(self) -> Stats:
        told = json.loads(await self.helper(f"{HELPER} stats"))
        return Stats(int(told["memory"]), int(told["processes"]), float(told["cpu"]))

    # Commands

    @abstractmethod
    async def start(
        self,
        argv: Sequence[str],
        take: Take,
        *,
        folder: str = FOLDER,
        environment: Mapping[str, str] | None = None,
        seconds: float = 0,
        ports: tuple[int, int] | None = None,
    ) -> Running:
        """Start ``argv``. ``seconds``: a limit that holds there even if we are gone. ``ports``: as a dev server that
        listens on the second and is reached from outside on the first."""

    async def _never_mind(self, token: str) -> None:
        """End a command of which nobody knows whether it has been started."""
        with contextlib.suppress(Gone, Unavailable):
            await self.helper(f"{HELPER} kill {token}")

    @abstractmethod
    async def attach(self, pid: int, take: Take) -> Any:
        """Listen to a process again."""

    @abstractmethod
    def exited(self, error: BaseException) -> int | None:
        """The exit code, if ``error`` is the word for one that is not 0."""

    @abstractmethod
    def unknown_process(self, error: BaseException) -> bool:
        """Whether ``error`` says that there is no such process any more."""


class Running:
    """A command in the cloud, with all that it starts. A connection that breaks is made anew."""

    def __init__(self, machine: Machine, token: str, take: Take) -> None:
        self.machine = machine
        self._token = token
        self._take = take
        self._pid = 0
        self._task: asyncio.Task[int] | None = None

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def follow(self, handle: Any) -> None:
        self._pid = int(handle.pid)
        self._task = asyncio.create_task(self._follow(handle))
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def wait(self) -> int:
        """Its exit code. Raises ``Gone`` or ``Unavailable`` when that will never be known."""
        assert self._task
        await asyncio.wait({self._task})
        return self._task.result()

    async def _follow(self, handle: Any) -> int:
        while True:
            try:
                return int((await handle.wait()).exit_code)
            except Exception as error:
                code = self.machine.exited(error)
                if code is not None:
                    return 137 if code < 0 else code
            self._take(
                "stderr", "\n[sandbox] The connection to the cloud was interrupted; some output may be missing.\n"
            )
            again = await self._reattach()
            if isinstance(again, int):
                return again
            handle = again

    async def _reattach(self) -> Any:
        """A new handle, or the exit code if it has ended meanwhile."""
        deadline = asyncio.get_running_loop().time() + REATTACH_SECONDS
        pause = 0.1
        while True:
            await self.machine.awake.wait()
            if self.machine.gone:
                raise Gone("The cloud sandbox has ended.")
            try:
                return await self.machine.attach(self._pid, self._take)
            except Exception as error:
                if self.machine.unknown_process(error):
                    told = await self.machine.helper(f"cat ~/.appbuilder/ends/{self._token} 2>/dev/null || echo 137")
                    return int(told.strip() or 137) if told.strip().isdigit() else 137
                explained = self.machine.explain(error, "The connection to the cloud sandbox broke")
                if isinstance(explained, Gone) or asyncio.get_running_loop().time() > deadline:
                    raise explained from None
            await asyncio.sleep(pause)
            pause = min(2 * pause, 3)

    async def kill(self) -> None:
        """End it and everything it started, there too: giving up listening would let it go on. May be called twice."""
        if not self.running or self._task is None:
            return
        with contextlib.suppress(Gone, Unavailable):
            await self.machine.helper(f"kill -TERM {self._pid} || true")
            await asyncio.wait({self._task}, timeout=KILL_SECONDS)
            if self.running:
                await self.machine.helper(f"{HELPER} kill {self._token}; kill -KILL {self._pid} || true")
                await asyncio.wait({self._task}, timeout=KILL_SECONDS)
        if self.running:
            self._task.cancel()

    def forget(self) -> None:
        """Stop listening; the machine is going to end."""
        if self._task is not None:
            self._task.cancel()


class Output:
    """A command's output: forwarded at once, kept up to ``limit`` bytes; ``full`` is set when there is more."""

    def __init__(self, limit: int, listener: Take | None) -> None:
        self._left = limit
        self._listener = listener
        self._texts: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self.full = asyncio.Event()

    def take(self, name: Literal["stdout", "stderr"], text: str) -> None:
        if not text:
            return
        if self._left <= 0:
            self.full.set()
            return
        content = text.encode()
        if len(content) > self._left:
            text = codecs.decode(content[: self._left], "utf-8", "ignore")
            self.full.set()
        self._left -= len(content)
        self._texts[name].append(text)
        self.forward(name, text)

    def forward(self, name: Literal["stdout", "stderr"], text: str) -> None:
        """Hand it on without keeping it. A listener that fails is the listener's affair."""
        if self._listener and text:
            try:
                self._listener(name, text)
            except Exception:
                log.exception("A listener of a command's output failed")

    @property
    def stdout(self) -> str:
        return "".join(self._texts["stdout"])

    @property
    def stderr(self) -> str:
        return "".join(self._texts["stderr"])
