"""One pod: its files and commands, its way out and the way to its servers, all through the cluster's API server.

The pod itself has no network and no port. What its code asks for leaves it as the output of a command of ours and goes
through this server's own proxy, which knows what was allowed.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import logging
import secrets
import shlex
import tempfile
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...cancellation import uncut
from ...errors import AppBuilderError, Unavailable
from ..base import Address
from ..cloud.base import Gone
from ..cloud.machine import FOLDER, HELPER_SECONDS, Machine, Running, Take
from ..cloud.sync import HELPER
from ..local.processes.layout import EGRESS_PORT
from .cluster import STDOUT, Cluster, Exec
from .pod import ALIVE

log = logging.getLogger(__name__)

READ_SCRIPT = 'IFS= read -r size; eval "$(head -c "$size")"'
"""Commands come through their input: what stands in an address is bounded, and lands in the API server's audit log."""

LARGEST_ANSWER = 64 * 1024 * 1024  # bytes of a helper's output
LARGEST_ERRORS = 64 * 1024
WAITING = 3  # ways out that wait for a connection
MOST_WAYS = 40  # at once, waiting or in use: each is a stream of the API server
UPLOAD_SECONDS = 600
CERTIFICATES = ".appbuilder/ca.pem"


class Failed(Exception):
    def __init__(self, code: int, told: str) -> None:
        super().__init__(told)
        self.exit_code = code


class PodMachine(Machine):
    """``route`` tells which proxy connections from the pod go to now; None: none."""

    def __init__(
        self, cluster: Cluster, name: str, route: Callable[[], Path | None], files: Mapping[str, bytes]
    ) -> None:
        super().__init__()
        self._cluster = cluster
        self._name = name
        self._route = route
        self._files = files
        self._ways: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._over = False
        self._fronts: dict[int, tuple[Path, asyncio.Server]] = {}
        self._connections: set[asyncio.Task[Any]] = set()
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def id(self) -> str:
        return self._name

    async def _explained(self, error: BaseException, what: str) -> Exception:
        """As ``explain``, having asked the cluster whether the pod is still there."""
        if isinstance(error, Gone):
            self.gone, self.why = True, self.why or str(error)
            return error
        if not isinstance(error, AppBuilderError):
            with contextlib.suppress(AppBuilderError):
                if trouble := await self._cluster.why(self._name):
                    self.gone, self.why = True, trouble.message
                    return Gone(trouble.message)
        return self._cluster.explain(error, what)

    # Files and small commands

    async def _ask(self, script: str, content: bytes = b"") -> bytes:
        """Run ``script``, which may read ``content``; its output. Raises ``Failed`` where its exit code is not 0."""
        found = bytearray()
        async with contextlib.aclosing(self._output(script, content)) as pieces:
            async for piece in pieces:
                if len(found) < LARGEST_ANSWER:
                    found += piece
        return bytes(found)

    async def _output(self, script: str, content: bytes = b"") -> AsyncGenerator[bytes]:
        """The same piece by piece: no more is read of it than is taken."""
        running: Exec | None = None
        errors = bytearray()
        try:
            running = await self._cluster.exec(self._name, ["sh", "-c", READ_SCRIPT])
            encoded = script.encode()
            writing = asyncio.ensure_future(running.write(b"%d\n" % len(encoded) + encoded + content))
            try:
                while (piece := await running.read()) is not None:
                    channel, data = piece
                    if channel == STDOUT:
                        yield data
                    elif len(errors) < LARGEST_ERRORS:
                        errors += data
            finally:
                writing.cancel()
            if running.code is None:
                raise ConnectionError("The connection to the cluster broke")
            if running.code:
                raise Failed(running.code, errors.decode(errors="replace").strip().rpartition("\n")[2][:300])
        finally:
            if running:
                running.close()

    async def helper(self, command: str, *, user: str | None = None) -> str:
        try:
            async with asyncio.timeout(HELPER_SECONDS):
                return (await self._ask(command)).decode(errors="replace")
        except Failed as error:
            raise Unavailable(
                f"The helper in the sandbox failed: {error}.",
                hint="Its image needs python3 and bash (docs/sandboxes.md), or: restart the preview.",
                reason="cloud_helper_failed",
            ) from None
        except Exception as error:
            raise await self._explained(error, "The sandbox does not answer") from None

    async def upload(self, path: str, content: bytes) -> None:
        goal = shlex.quote(f"{self.home}/{path}")
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):  # what is there may be a pipe that nobody reads
                await self._ask(f'mkdir -p "$(dirname {goal})" && head -c {len(content)} > {goal}', content)
        except Exception as error:
            raise await self._explained(error, "Files could not be sent to the sandbox") from None

    async def download(self, path: str) -> AsyncGenerator[bytes]:
        try:
            async with contextlib.aclosing(self._output(f"cat {shlex.quote(f'{self.home}/{path}')}")) as pieces:
                while True:
                    async with asyncio.timeout(HELPER_SECONDS):  # what is there may be a pipe that nobody writes to
                        piece = await anext(pieces, None)
                    if piece is None:
                        break
                    yield piece
        except Exception as error:
            raise await self._explained(error, "Files could not be fetched from the sandbox") from None

    async def install_helpers(self) -> str:
        told = await self.helper(
            f"mkdir -p ~/.appbuilder && touch {ALIVE}; cat ~/.appbuilder/packages 2>/dev/null || true"
        )
        for name, content in (await self.helpers()).items():
            await self.upload(f".appbuilder/{name}", content)
        for name, content in self._files.items():
            await self.upload(name, content)
        await self.helper(f"setsid {HELPER} doors {EGRESS_PORT} >/dev/null 2>&1 </dev/null & sleep 0.1")
        self._top_up()
        return told.strip()

    # Its life

    async def pause(self) -> None:
        """A pod cannot be stopped in its tracks: what runs in it ends, the pod waits to be used again."""
        await self.helper(f"{HELPER} end")

    async def set_timeout(self, seconds: int) -> None:
        await self.helper(f"touch {ALIVE}")

    async def kill(self) -> None:
        await self._let_go()
        with contextlib.suppress(Exception):
            await self._cluster.delete(self._name, self._cluster.made_as.get(self._name, ""))

    async def _let_go(self) -> None:
        self._over = True
        fronts, self._fronts = list(self._fronts.values()), {}
        for _, server in fronts:
            server.close()
        for task in [*self._ways, *self._connections]:
            task.cancel()
        await asyncio.gather(*self._ways, *self._connections, return_exceptions=True)
        if self._folder:
            self._folder.cleanup()
            self._folder = None

    async def limit_network(self, hosts: Collection[str] | None) -> None:
        """Nothing is done here: ``route`` says it, connection by connection."""

    # Its way out

    def _top_up(self) -> None:
        """Have some wait, as long as there are not too many: code in the pod asks as often as it likes."""
        while self._waiting < WAITING and len(self._ways) < MOST_WAYS and not self.gone:
            self._waiting += 1
            task = asyncio.create_task(self._way_out())
            self._ways.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._ways.discard(task)
        if not self._over and not self.gone:
            self._top_up()

    async def _way_out(self) -> None:
        """One connection from the pod, from before it is made until it ends."""
        pause = 0.5
        while not self.gone:
            try:
                await self.awake.wait()
                way = await self._cluster.exec(self._name, ["sh", "-c", READ_SCRIPT])
                script = f"exec {HELPER} out".encode()
                await way.write(b"%d\n" % len(script) + script)
                first = await way.read()
                if first is None:
                    way.close()
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, 10)
                    continue
            except (Gone, AppBuilderError, OSError, ValueError):
                await asyncio.sleep(pause)
                pause = min(2 * pause, 10)
                continue
            break
        else:
            return
        self._waiting -= 1
        self._top_up()
        try:
            await self._through(way, first[1])
        finally:
            way.close()

    async def _through(self, way: Exec, first: bytes) -> None:
        route = self._route()
        if route is None:
            return
        try:
            reader, writer = await asyncio.open_unix_connection(str(route))
        except OSError:
            return

        async def back() -> None:
            while piece := await reader.read(65536):
                await way.write(piece)

        answering = asyncio.create_task(back())
        answering.add_done_callback(lambda _: way.close())  # which ends the reading below
        try:
            writer.write(first)
            while piece := await way.read():
                if piece[0] == STDOUT:
                    writer.write(piece[1])
                    await writer.drain()
        except (OSError, ValueError):
            pass
        finally:
            writer.close()
            answering.cancel()

    # The way to its servers

    def address(self, port: int, inner: int, public: bool) -> Address:
        """A socket of this machine, whose connections end at the server in the pod."""
        if inner not in self._fronts:
            self._folder = self._folder or tempfile.TemporaryDirectory(prefix="appbuilder-pod-")
            path = Path(self._folder.name, str(inner))
            self._fronts[inner] = path, None  # type: ignore[assignment]
            self._spawn(self._listen(path, inner))
        return Address(socket=self._fronts[inner][0])

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _listen(self, path: Path, inner: int) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
            try:
                with contextlib.suppress(Gone, AppBuilderError, OSError):
                    await self._forward(reader, writer, inner)
            finally:
                writer.close()

        server = await asyncio.start_unix_server(accept, str(path))  # in a folder that is ours alone
        self._fronts[inner] = path, server

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, inner: int) -> None:
        async with self._cluster.port(self._name, inner) as port:

            async def there() -> None:
                while piece := await reader.read(65536):
                    await port.write(piece)

            sending = asyncio.create_task(there())
            try:
                while piece := await port.read():
                    writer.write(piece)
                    await writer.drain()
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    # Commands

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
        token = secrets.token_hex(8)
        values = shlex.join(f"{name}={value}" for name, value in (environment or {}).items())
        line = f"{HELPER} run {token} {seconds:g} {shlex.quote(folder)} -- {shlex.join(argv)}"
        script = f"echo $$; exec env {values} {line} </dev/null".encode()
        running = Running(self, token, take)
        try:
            handle = await self._begin(script, take)
        except asyncio.CancelledError:
            await uncut(self._never_mind(token))
            raise
        except Exception as error:
            raise await self._explained(error, "The command could not be started in the sandbox") from None
        running.follow(handle)
        return running

    async def _begin(self, script: bytes, take: Take) -> Attached:
        running = await self._cluster.exec(self._name, ["sh", "-c", READ_SCRIPT])
        try:
            await running.write(b"%d\n" % len(script) + script)
            pid, rest = b"", b""
            async with asyncio.timeout(HELPER_SECONDS):
                while b"\n" not in pid:
                    piece = await running.read()
                    if piece is None:
                        raise ConnectionError("The command did not start")
                    pid += piece[1] if piece[0] == STDOUT else b""
            pid, _, rest = pid.partition(b"\n")
            return Attached(running, int(pid), take, rest)
        except BaseException:
            running.close()
            raise

    async def helper_until_gone(self, pid: int) -> None:
        """Wait for the end of a process, in steps that are no longer than a helper may take."""
        step = f"for i in $(seq 60); do kill -0 {pid} 2>/dev/null || exit 0; sleep 1; done; echo runs"
        while (await self.helper(step)).strip() == "runs":
            pass

    async def attach(self, pid: int, take: Take) -> Any:
        """A connection that broke cannot be taken up again: only the end is waited for, the output is lost."""
        try:
            told = await self.helper(f"kill -0 {pid} 2>/dev/null && echo runs || true")
        except Exception as error:
            raise await self._explained(error, "The connection to the sandbox broke") from None
        if told.strip() != "runs":
            raise Unknown()
        return Watched(self, pid)

    def exited(self, error: BaseException) -> int | None:
        return error.exit_code if isinstance(error, Failed) else None

    def unknown_process(self, error: BaseException) -> bool:
        return isinstance(error, Unknown)

    def explain(self, error: BaseException, what: str) -> Exception:
        if isinstance(error, Gone):
            self.gone = True
            self.why = self.why or str(error)
        return self._cluster.explain(error, what)


class Unknown(Exception):
    """There is no such process any more."""


class Watched:
    """A command whose output is no longer heard."""

    def __init__(self, machine: PodMachine, pid: int) -> None:
        self.pid = pid
        self._machine = machine

    async def wait(self) -> Any:
        await self._machine.helper_until_gone(self.pid)
        raise ConnectionError("It ended")  # how, its own note tells


class Attached:
    """A command that is listened to."""

    def __init__(self, running: Exec, pid: int, take: Take, first: bytes) -> None:
        self.pid = pid
        self.exit_code = 0
        self._running = running
        self._take = take
        self._first = first

    async def wait(self) -> Attached:
        decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("stdout", "stderr")}
        if self._first:
            self._take("stdout", decoders["stdout"].decode(self._first))
        try:
            while (piece := await self._running.read()) is not None:
                name = "stdout" if piece[0] == STDOUT else "stderr"
                self._take(name, decoders[name].decode(piece[1]))
            for name in ("stdout", "stderr"):
                self._take(name, decoders[name].decode(b"", True))
            if self._running.code is None:
                raise ConnectionError("The connection to the cluster broke")
            if self._running.code:
                raise Failed(self._running.code, "")
            return self
        finally:
            self._running.close()
