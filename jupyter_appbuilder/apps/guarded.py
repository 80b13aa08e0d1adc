"""A sandbox whose outputs hold no secret, and whose server is given the app's whenever it has started."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from ..sandbox.base import (
    DevServer,
    ExecResult,
    OnProgress,
    OnRefused,
    Output,
    Process,
    Sandbox,
    Stats,
)
from ..templates.templates import APP, PackageKind
from ..vault.mask import Mask, Stream

Started = Callable[[DevServer], Awaitable[None]]


class GuardedSandbox:
    """``sandbox``, masked. ``started`` is awaited with the app's own server once it answers."""

    def __init__(self, sandbox: Sandbox, mask: Mask, started: Started) -> None:
        self.provider = sandbox.provider
        self.guarded = sandbox
        self._mask = mask
        self._started = started

    def __getattr__(self, name: str) -> Any:
        return getattr(self.guarded, name)

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
        with _Heard(self._mask, on_output) as heard:
            result = await self.guarded.exec(
                command, timeout=timeout, cwd=cwd, env=env, on_output=heard.take, max_output=max_output
            )
        return masked(result, self._mask)

    async def start(
        self,
        command: str | Sequence[str],
        *,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        on_output: Output | None = None,
        max_output: int = 4 * 1024 * 1024,
    ) -> Process:
        heard = _Heard(self._mask, on_output)
        process = await self.guarded.start(command, cwd=cwd, env=env, on_output=heard.take, max_output=max_output)
        return _GuardedProcess(process, self._mask, heard)

    async def install(
        self,
        packages: Sequence[str],
        *,
        kind: PackageKind | None = None,
        dev: bool = False,
        on_output: Output | None = None,
    ) -> ExecResult:
        with _Heard(self._mask, on_output) as heard:
            result = await self.guarded.install(packages, kind=kind, dev=dev, on_output=heard.take)
        return masked(result, self._mask)

    async def prepare(self, on_progress: OnProgress | None = None) -> None:
        await self.guarded.prepare(on_progress)

    async def serve(self, base_path: str, on_progress: OnProgress | None = None, *, service: str = APP) -> DevServer:
        server = await self.guarded.serve(base_path, on_progress, service=service)
        if service == APP and server.state == "ready":
            await self._started(server)
        return self._told(server)

    @property
    def server(self) -> DevServer:
        return self._told(self.guarded.server)

    @property
    def servers(self) -> Mapping[str, DevServer]:
        return {name: self._told(server) for name, server in self.guarded.servers.items()}

    async def allow(self, hosts: Collection[str], on_refused: OnRefused | None = None) -> bool:
        return await self.guarded.allow(hosts, on_refused)

    async def sleep(self) -> None:
        await self.guarded.sleep()

    async def wake(self) -> None:
        await self.guarded.wake()
        if (server := self.guarded.server).state == "ready":
            await self._started(server)

    async def stats(self) -> Stats:
        return await self.guarded.stats()

    async def stop(self) -> None:
        await self.guarded.stop()

    def _told(self, server: DevServer) -> DevServer:
        log, message = self._mask.text(server.log), self._mask.text(server.message)
        return server if (log, message) == (server.log, server.message) else replace(server, log=log, message=message)


class _GuardedProcess:
    def __init__(self, process: Process, mask: Mask, heard: _Heard) -> None:
        self._process = process
        self._mask = mask
        self._heard = heard

    @property
    def running(self) -> bool:
        return self._process.running

    async def wait(self) -> ExecResult:
        result = await self._process.wait()
        self._heard.end()
        return masked(result, self._mask)

    async def kill(self) -> None:
        await self._process.kill()


class _Heard:
    """Passes a command's output on, without secrets, also where a piece of it ends in the middle of one."""

    def __init__(self, mask: Mask, on_output: Output | None) -> None:
        self._on_output = on_output
        self._streams = {"stdout": Stream(mask), "stderr": Stream(mask)}
        self.take: Output | None = self._take if on_output else None

    def _take(self, stream: Literal["stdout", "stderr"], text: str) -> None:
        if self._on_output and (shown := self._streams[stream].feed(text)):
            self._on_output(stream, shown)

    def end(self) -> None:
        for stream in ("stdout", "stderr"):
            if self._on_output and (rest := self._streams[stream].rest()):
                self._on_output(stream, rest)

    def __enter__(self) -> _Heard:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def masked(result: ExecResult, mask: Mask) -> ExecResult:
    """A result whose texts hold no secret."""
    return replace(
        result, stdout=mask.text(result.stdout), stderr=mask.text(result.stderr), message=mask.text(result.message)
    )
