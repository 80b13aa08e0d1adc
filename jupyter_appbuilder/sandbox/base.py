"""The sandbox interface: where generated code runs.

A ``SandboxProvider`` makes sandboxes; a ``Sandbox`` runs commands and the dev server of one session. The workspace
(real files, elsewhere) outlives every sandbox: any sandbox can be thrown away and rebuilt from it.

Third parties register a provider under the entry-point group ``jupyter_appbuilder.sandboxes``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from ..templates.templates import APP, PackageKind, Template

__all__ = [
    "Address",
    "Check",
    "DevServer",
    "Door",
    "Doors",
    "ExecResult",
    "Isolation",
    "OnProgress",
    "OnRefused",
    "Output",
    "Process",
    "Program",
    "Progress",
    "Ready",
    "ReadyPool",
    "Sandbox",
    "SandboxProvider",
    "ServerState",
    "Stats",
    "Walls",
    "server_at",
]

Output = Callable[[Literal["stdout", "stderr"], str], None]
"""Called with each piece of a command's output as it comes. Must not block."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of long work. ``fraction`` is 0..1, or None if the end is not known."""

    message: str
    fraction: float | None = None


OnProgress = Callable[[Progress], None]


Door = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one connection from a sandbox, of which the first byte was read, until it ends. Raises ``OSError`` for what it
cannot make sense of."""

OnRefused = Callable[[str, str], None]
"""Called with ``host:port`` and the reason, for people, when code asks for a host that it may not reach."""


@dataclass(frozen=True, slots=True)
class ExecResult:
    """The result of a command.

    ``exit_code`` is 128 + N for death by signal N. ``ended`` tells why: by itself, or by which limit. ``message`` names
    the limit that ended it or made it fail, and how to have more, for people and models. ``stdout``/``stderr`` hold at
    most the limit's bytes, decoded with replacement.
    """

    exit_code: int
    stdout: str
    stderr: str
    duration: float  # seconds
    ended: Literal["exit", "timeout", "output", "memory", "disk", "processes"] = "exit"
    message: str = ""


class Process(Protocol):
    """A command that runs in the background until it ends, is killed, or its sandbox is stopped."""

    @property
    def running(self) -> bool:
        """True if it has not ended yet."""
        ...

    async def wait(self) -> ExecResult:
        """The result, once it has ended. Cancelling the wait leaves it running."""
        ...

    async def kill(self) -> None:
        """End it and everything it started. May be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a dev server for the preview proxy: a unix socket (local) or a URL (cloud).

    ``headers`` are added to each request and never shown to the browser. ``strip`` is taken off the front of each path,
    for a server that knows no base (``Serving.strip``); it is told as ``X-Forwarded-Prefix``.
    """

    socket: Path | None = None
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    strip: str = ""


ServerState = Literal["stopped", "starting", "ready", "failed", "asleep"]


@dataclass(frozen=True, slots=True)
class DevServer:
    """A dev server as it stands now."""

    state: ServerState
    address: Address | None = None
    message: str = ""  # for people: what it is doing, or why it failed
    log: str = ""  # the tail of its output, at most 16 KiB
    started_ms: int | None = None  # from serve() to its first answer
    fraction: float | None = None  # how far starting has come, 0..1, where known
    path: str = ""  # what it answers for, below the app's base path; the longest one counts


def server_at(servers: Mapping[str, DevServer], path: str) -> DevServer:
    """The server that answers for ``path``, below the app's base path."""
    fitting = (server for server in servers.values() if f"{path}/".startswith(server.path))
    return max(fitting, key=lambda server: len(server.path))


@dataclass(frozen=True, slots=True)
class Stats:
    """A sandbox's current resource usage."""

    memory: int  # bytes resident, all processes of the sandbox
    processes: int
    cpu: float  # seconds used


class Sandbox(Protocol):
    """One session's sandbox. All methods raise ``errors.Unavailable`` when the sandbox cannot do its work.

    Cancelling the task that awaits ``exec`` kills the command and everything it started.

    A sandbox can be lost at any moment (its processes killed, its machine gone). What is under way then raises
    ``errors.Unavailable`` (of a dev server: ``server.state`` becomes ``failed``, with a message) and never hangs; the
    next call makes the sandbox anew from the workspace. So does the first call after ``stop``.
    """

    provider: str

    async def exec(
        self,
        command: str | Sequence[str],
        *,
        timeout: float = 120,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        on_output: Output | None = None,
        max_output: int = 4 * 1024 * 1024,
    ) -> ExecResult:
        """Run a command (a string goes through ``bash -c``) in the workspace, below ``cwd``.

        What it left running ends with it. Output beyond ``max_output`` bytes of both streams together ends it.
        """
        ...

    async def start(
        self,
        command: str | Sequence[str],
        *,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        on_output: Output | None = None,
        max_output: int = 4 * 1024 * 1024,
    ) -> Process:
        """Start a command in the background. It outlives the task that started it, not the sandbox.

        Its output ends it as that of ``exec`` does.
        """
        ...

    async def install(
        self,
        packages: Sequence[str],
        *,
        kind: PackageKind | None = None,
        dev: bool = False,
        on_output: Output | None = None,
    ) -> ExecResult:
        """Add packages to the workspace's manifest and lock file, and make them importable.

        ``kind`` may be left out where the template has packages of one kind only (``Template.kind_of``).
        The dev server, if it runs, is restarted by the caller through ``serve``.
        """
        ...

    async def prepare(self, on_progress: OnProgress | None = None) -> None:
        """Make the dependencies of the workspace's lock file available. Quick when the cache is warm."""
        ...

    async def serve(self, base_path: str, on_progress: OnProgress | None = None, *, service: str = APP) -> DevServer:
        """Start (or restart) one of the template's services; wait for its first answer. The others stay as they are.

        ``base_path`` is the URL prefix of the app; a service answers below it at its own ``path``.

        What goes wrong is in the state that is returned: ``failed``, with a message for people.
        """
        ...

    @property
    def server(self) -> DevServer:
        """The app's own dev server, ``servers["app"]``; ``stopped`` before the first ``serve``."""
        ...

    @property
    def servers(self) -> Mapping[str, DevServer]:
        """Every service of the template, by its name, as it stands now. Cheap."""
        ...

    async def allow(self, hosts: Collection[str], on_refused: OnRefused | None = None) -> bool:
        """Let commands and the dev server reach ``hosts`` (``host:port``, ``*.host:port``) and no others, from now on;
        none by default. Connections to what is no longer allowed are cut.

        ``on_refused(host, reason)`` is called for each attempt to reach another; it must not block. Returns whether the
        dev server that runs only notices when it is started anew.
        """
        ...

    async def sleep(self) -> None:
        """Give back memory; keep what makes waking quick. Commands may still be run. Idempotent."""
        ...

    async def wake(self) -> None:
        """Bring those servers back as they were served that sleep. Idempotent."""
        ...

    async def stats(self) -> Stats:
        """What its processes use now. Starts nothing."""
        ...

    async def stop(self) -> None:
        """End every process. May be called twice."""
        ...


class Doors(Protocol):
    """Optional for a sandbox: its way out, where ``HTTP_PROXY`` says, also leads to something of ours. Its provider
    says so: ``doors = True``."""

    async def open_door(self, first: bytes, door: Door) -> None:
        """Let connections there that begin with the byte ``first``, which no request of HTTP does, be served by
        ``door``, as long as the sandbox lives. What runs already notices when it is started anew."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of ``SandboxProvider.check``; ``hint`` says what to install or change."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Isolation:
    """The isolation of generated code from this machine, as shown by ``doctor`` and in the panel."""

    kind: str  # "gvisor", "bubblewrap", "landlock", "none", "e2b" …
    detail: str  # one sentence for people
    warning: str = ""  # shown all the time while it is not empty


class Program(Protocol):
    """A program of ours behind the wall, with generated code in it: it reads lines and answers in lines."""

    @property
    def running(self) -> bool:
        """True if it has not ended yet."""
        ...

    async def send(self, line: bytes) -> None:
        """Give it a line. Raises ``errors.Unavailable`` when it has ended."""
        ...

    async def stop(self) -> None:
        """End it and everything it started. May be called twice."""
        ...

    async def wait(self) -> str:
        """Wait for its end. Why it ended, for people."""
        ...

    async def stats(self) -> Stats:
        """What it uses now."""
        ...


class Walls(Protocol):
    """Optional for a provider: it runs our programs in the isolation that apps have."""

    async def socket_path(self) -> Path:
        """A place for a unix socket, in a folder that is this process's alone."""
        ...

    async def describe_isolation(self) -> Isolation:
        """What isolates them. Raises ``errors.Unavailable`` if nothing does."""
        ...

    async def run_program(
        self,
        argv: Sequence[str],
        *,
        shown: Mapping[str, Path],
        way_out: Path,
        on_line: Callable[[bytes], None],
        longest: int,
    ) -> Program:
        """Start ``argv``. ``shown``: files and folders of this machine, read-only, by the path they have inside.
        ``way_out``: a unix socket, and all that it can reach: connections to what the variable ``WAY_OUT`` names,
        ``http://127.0.0.1:PORT``, end there. ``on_line`` gets each line it prints; one longer than ``longest`` bytes
        ends it.

        Raises ``errors.Unavailable`` where nothing isolates here, or not so.
        """
        ...


WAY_OUT = "APPBUILDER_WAY_OUT"


class SandboxProvider(Protocol):
    """Made as ``Provider(cache_dir, allow=hosts, parent=configurable)``: a folder for caches, more hosts that sandboxes
    may reach, and whose configuration applies (providers are traitlets ``Configurable``s).
    """

    name: str

    async def create(self, session: str, workspace: Path, template: Template) -> Sandbox:
        """A sandbox on ``workspace`` (the app folder). Starts no process yet.

        Raises ``errors.Unavailable`` naming what is missing and how to get it.
        """
        ...

    async def describe_isolation(self) -> Isolation:
        """The isolation of its sandboxes here. Raises ``errors.Unavailable`` if there is none."""
        ...

    async def check(self) -> list[Check]:
        """The checks of this provider that ``jupyter appbuilder doctor`` shows."""
        ...

    async def close(self) -> None:
        """Stop every sandbox this provider made."""
        ...


class Ready(Protocol):
    """A sandbox whose dev server already runs, below ``base_path``, on the untouched files of a template."""

    base_path: str
    settled: bool  # moved or discarded

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox, its dev server running."""
        ...

    async def move(self, session: str, app: Path) -> bool:
        """Put its files at ``app``, where nothing is yet, and make it ``session``'s sandbox.

        False where that cannot be; then it has been thrown away, and the session starts as usual.
        """
        ...

    async def discard(self) -> None:
        """Throw it away, with its files."""
        ...


class ReadyPool(Protocol):
    """Optional for a provider, as ``pool``: sandboxes that are started before they are needed."""

    def keep(self, template: Template, shelf: Path, base_path: Callable[[], str]) -> None:
        """Somebody is there who may want ``template`` soon. Files wait below ``shelf``, where sessions have their
        folders; ``base_path`` gives a fresh URL path each time. Returns at once."""
        ...

    def touch(self) -> None:
        """Keep ready sandboxes for another idle period: a person is still active."""
        ...

    def claim(self, template: Template) -> Ready | None:
        """Take one that is ready or about to be, if there is one. The caller moves it or discards it."""
        ...
