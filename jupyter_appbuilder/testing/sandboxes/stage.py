"""Shared test helpers: time limits, a heartbeat, a real preview proxy in front of a sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from tornado import httpclient, httpserver, netutil, web, websocket

from ...errors import Unavailable
from ...preview import PageStorage, Previews, preview_handlers
from ...preview.data_news import DataNews
from ...sandbox.base import DevServer, Sandbox, server_at

T = TypeVar("T")

BASE_URL = "/user/ada/"
"""Where Jupyter is served: on a Hub, below a prefix."""

PATIENCE = 30.0  # seconds: only how soon a hang is called one

BEAT = "while :; do date +%s%N > beat.tmp; mv beat.tmp beat; sleep 0.05; done"
"""A command that shows in the file ``beat`` that it lives."""


async def soon(work: Awaitable[T]) -> T:
    """``work``, which must not hang."""
    async with asyncio.timeout(PATIENCE):
        return await work


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.02)


async def beats(sandbox: Sandbox) -> bool:
    """True if something writes the heartbeat now. It must have been written at least once."""
    result = await soon(sandbox.exec("cat beat && sleep 0.4 && cat beat"))
    first, second = result.stdout.split()
    return first != second


def marked(words: str) -> tuple[asyncio.Event, Callable[[str, str], None]]:
    """An event that is set when a command has said ``words``, and the listener to hand to it."""
    said = ""
    event = asyncio.Event()

    def listen(_: str, text: str) -> None:
        nonlocal said
        said += text
        if words in said:
            event.set()

    return event, listen


@contextmanager
def clear() -> Generator[None]:
    """What is in here may be refused, with an error that helps."""
    try:
        yield
    except Unavailable as error:
        if not (error.message.endswith(".") and error.hint):
            raise AssertionError(f"This helps nobody: {error!r}") from error


@dataclass
class Target:
    """A sandbox as the preview sees it."""

    sandbox: Sandbox
    storage: PageStorage
    session: str = "conformance"
    findings: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    data_news: DataNews = field(default_factory=DataNews)
    changed_at: float = 0.0

    @property
    def server(self) -> DevServer:
        return self.sandbox.server

    def server_at(self, path: str) -> DevServer:
        return server_at(self.sandbox.servers, path)

    async def arrives(self) -> None: ...

    async def ensure(self) -> DevServer:
        await self.sandbox.wake()
        return self.sandbox.server

    async def report(self, finding: dict[str, Any]) -> None:
        self.findings.append(finding)


@dataclass
class Front:
    """The preview of a sandbox as a browser reaches it; ``path`` is the dev server's base path."""

    origin: str
    path: str
    http: httpx.AsyncClient

    async def get(self, path: str = "") -> str:
        answer = await soon(self.http.get(self.origin + self.path + path))
        assert answer.status_code == 200, f"{answer.status_code} {answer.text[:300]}"
        return answer.text

    async def socket(self, path: str = "socket") -> websocket.WebSocketClientConnection:
        request = httpclient.HTTPRequest(
            "ws" + self.origin.removeprefix("http") + self.path + path, headers={"Origin": "null"}
        )
        return await soon(websocket.websocket_connect(request))


@asynccontextmanager
async def served(previews: Previews, *more: Any) -> AsyncGenerator[str]:
    """A plain tornado server with the preview's routes, as the command line has it; its origin."""
    app = web.Application([*preview_handlers(BASE_URL, previews), *more])
    server = httpserver.HTTPServer(app)
    sockets = netutil.bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    finally:
        server.stop()
        await server.close_all_connections()


@asynccontextmanager
async def preview(sandbox: Sandbox, folder: Path) -> AsyncGenerator[Front]:
    """The real preview proxy in front of a sandbox, whose dev server is not started yet."""
    previews = Previews(BASE_URL)
    path = previews.open(Target(sandbox, PageStorage(folder / "storage.json")))
    async with served(previews) as origin, httpx.AsyncClient(timeout=PATIENCE, follow_redirects=True) as http:
        yield Front(origin, path, http)


def save(path: Path, content: str | bytes) -> None:
    """Write as the workspace does: whole, then renamed."""
    temporary = path.with_name(f".{path.name}.saving")
    temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    temporary.rename(path)
