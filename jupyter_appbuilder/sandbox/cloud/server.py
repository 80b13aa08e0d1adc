"""The dev server of one cloud sandbox: its process, state and connection."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import Unavailable
from ...templates.templates import Service, Serving, Template
from ..base import Address, DevServer, Progress, ServerState
from ..local.server import ANSI, LOG_LIMIT, explain
from .base import Gone
from .machine import Machine, Running

if TYPE_CHECKING:
    from .sandbox import CloudSandbox

START_SECONDS = 90
OUTSIDE = 8765  # the first port that E2B's edge is asked for; the servers listen on the machine's loopback only
CHECK_SECONDS = 5


class CloudServer:
    """One service. ``state`` is always how it stands now. ``lost``: it ended because its sandbox did."""

    def __init__(self, sandbox: CloudSandbox, service: Service, outside: int) -> None:
        self.service = service
        self._outside = outside
        self.state = DevServer("stopped")
        self.lost = False
        self._sandbox = sandbox
        self._running: Running | None = None
        self._watching: asyncio.Task[None] | None = None
        self._serving: Serving | None = None
        self._address: Address | None = None
        self._told = ""
        self._log = ""

    def now(self) -> DevServer:
        log = self._log[-LOG_LIMIT:].encode()[-LOG_LIMIT:].decode(errors="ignore")
        return replace(self.state, log=log, path=self.service.path)

    def report_progress(self, step: Progress) -> None:
        if self.state.state == "starting":
            self.state = replace(self.state, message=step.message, fraction=step.fraction)

    async def start(self, machine: Machine, template: Template, base_path: str) -> None:
        serving = self._serving = template.serving(base_path, service=self.service.name)
        environment = dict(serving.environment) | {"VITE_CACHE_DIR": "/workspace/node_modules/.vite"}
        self._log = self._told = ""
        self.lost = False
        if self._sandbox.direct:
            self._told = f"Anyone can open it at https://{machine.public_host(self._outside)}{serving.page}"
        self._address = replace(machine.address(self._outside, serving.port, self._sandbox.direct), strip=serving.strip)
        running = self._running = await machine.start(
            serving.command, self._take, environment=environment, ports=(self._outside, serving.port)
        )
        self._watching = asyncio.create_task(self._watch(running, machine))

    async def answered(self, began: float) -> DevServer:
        """Wait for its first answer; ``failed`` with a message if there is none."""
        watch, address, serving = self._watching, self._address, self._serving
        if watch is None or address is None or serving is None:  # stopped meanwhile
            return self.now()
        answer = asyncio.create_task(_answers(address, serving))
        try:
            await asyncio.wait({watch, answer}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if answer.done() and not watch.done() and self.state.state == "starting":
                elapsed = round((time.monotonic() - began) * 1000)
                self.state = DevServer("ready", address, message=self._told, started_ms=elapsed)
            elif not watch.done() and self.state.state == "starting":
                await self.end("failed", f"The dev server did not answer within {START_SECONDS} seconds.")
        finally:
            answer.cancel()
        return self.now()

    def _take(self, _: str, text: str) -> None:
        self._log = (self._log + ANSI.sub("", text))[-2 * LOG_LIMIT :]

    async def _watch(self, running: Running, machine: Machine) -> None:
        """Wait for the dev server's end; one that nobody asked for makes the state failed, with the reason."""
        try:
            code = await running.wait()
            if self._running is running:
                await _ask_whether_it_runs(machine)
            message, lost = explain(self._log, code), False
        except (Gone, Unavailable):
            message, lost = "The cloud sandbox ended, and the dev server with it.", True
            if machine.why:
                message = f"The cloud sandbox ended, and the dev server with it: {machine.why}."
            self._sandbox.lost(machine)
        except asyncio.CancelledError:
            return
        if self._running is running:
            self._running = None
            self._fail(message, lost)

    def _fail(self, message: str, lost: bool) -> None:
        was = self.state.state
        if was in ("stopped", "asleep"):
            return
        self.lost = lost
        if lost:
            message += " Restart the preview: a new one is made from the workspace."
        self.state = DevServer("failed", message=message)
        self._sandbox.server_ended(message, lost and was == "ready")

    def vanish(self) -> None:
        """Its sandbox is known to be gone."""
        running, self._running = self._running, None
        if running is not None:
            running.forget()
            self._fail("The cloud sandbox ended, and the dev server with it.", True)

    def sleep(self) -> None:
        self.state = DevServer("asleep", message="Asleep to give back memory")

    async def woken(self) -> bool:
        """Ready again, if it went on where it was stopped."""
        running, address, serving = self._running, self._address, self._serving
        if running is None or not running.running or address is None or serving is None:
            return False
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await _answers(address, serving)
        except TimeoutError:
            return False
        self.state = DevServer("ready", address, message=self._told)
        return True

    async def end(self, state: ServerState, message: str = "") -> None:
        """Kill it with all its processes, and call what is left ``state``."""
        self.state = DevServer(state, message=message)
        running, self._running = self._running, None
        if running is not None:
            await running.kill()
        watching, self._watching = self._watching, None
        if watching is not None and watching is not asyncio.current_task():
            watching.cancel()


async def _ask_whether_it_runs(machine: Machine) -> None:
    """Raise ``Gone`` if not: of a sandbox that ends, the end of its processes may be told first."""
    with contextlib.suppress(Unavailable):
        await machine.helper("true")


async def _answers(address: Address, serving: Serving) -> None:
    """Return when it has answered. The relay in front of it holds a request until the server listens."""
    import httpx

    base = address.url or "http://localhost"
    transport = httpx.AsyncHTTPTransport(uds=str(address.socket)) if address.socket else None
    headers = {"Accept": "text/html", **address.headers}
    async with httpx.AsyncClient(timeout=START_SECONDS, transport=transport) as http:
        while True:
            try:
                async with http.stream("GET", base + serving.ready, headers=headers) as answer:
                    # 502 with this header comes from E2B's edge: nothing listens there yet.
                    edge = answer.status_code in (502, 503) and "port" in (await answer.aread()).decode(
                        errors="replace"
                    )
                    if not edge and (answer.status_code < 500 or not serving.well):
                        return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
