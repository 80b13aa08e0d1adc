"""A workbench for tools: a real workspace, a real sandbox, a template that needs no packages, and a log in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.events import Draft, Event
from jupyter_appbuilder.eyes.check import Report
from jupyter_appbuilder.sandbox.base import DevServer, Sandbox
from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.templates.templates import Template
from jupyter_appbuilder.tools.base import Tool, ToolContext, ToolResult
from jupyter_appbuilder.tools.registry import load_tools
from jupyter_appbuilder.tools.runner import ToolRunner
from jupyter_appbuilder.tools.services import Services
from jupyter_appbuilder.workspace import Workspace

APP = """\
export function greet(name: string) {
  return `Hello, ${name}`;
}
"""
SERVER = """\
import { createServer } from "node:http";
import { existsSync } from "node:fs";
if (existsSync("broken")) { console.error("boom: broken"); process.exit(3); }
createServer((request, response) => response.end("ok")).listen(Number(process.argv[2]), "127.0.0.1");
"""
CHECK = """\
import { readFileSync } from "node:fs";
if (readFileSync("src/greet.ts", "utf8").includes("wrong")) {
  console.log("src/greet.ts(2,3): error TS2322: Type 'number' is not assignable to type 'string'.");
  process.exit(2);
}
"""


class MemoryJournal:
    """A session's log that lives as long as the test."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lives: list[tuple[str, dict[str, Any]]] = []
        self.batches: list[list[str]] = []

    async def append(self, *drafts: Draft) -> list[Event]:
        await asyncio.sleep(0.001)  # as a real one, it gives way to others
        made = [Event("s", len(self.events) + n, 0.0, draft.type, draft.data) for n, draft in enumerate(drafts, 1)]
        self.events += made
        self.batches.append([draft.type for draft in drafts])
        return made

    def live(self, type: str, data: dict[str, Any]) -> None:
        self.lives.append((type, data))

    def of(self, type: str) -> list[dict[str, Any]]:
        return [dict(event.data) for event in self.events if event.type == type]


@dataclass
class SandboxedServer:
    """The app as tools see it, straight on a sandbox; errors of the page are put in by the test."""

    sandbox: Sandbox
    page: list[dict[str, Any]] = field(default_factory=list)
    restarts: int = 0
    looked: bool = True
    eye: None = None
    printed: str = ""

    async def ensure(self) -> DevServer:
        if self.sandbox.server.state == "ready":
            return self.sandbox.server
        return await self.sandbox.serve("/preview/x/")

    async def restart(self) -> DevServer:
        self.restarts += 1
        return await self.sandbox.serve("/preview/x/")

    @contextlib.asynccontextmanager
    async def trying(self) -> AsyncIterator[None]:
        yield

    async def look_over(self) -> Report:
        raise Unavailable("There is no browser.")

    async def problems(self) -> list[dict[str, Any]]:
        return self.page


@dataclass
class Bench:
    workspace: Workspace
    runner: ToolRunner
    journal: MemoryJournal
    app: SandboxedServer
    calls: int = 0

    async def call(self, tool: str, arguments: dict[str, Any] | str | None = None, **options: Any) -> ToolResult:
        self.calls += 1
        given = {"by": "agent", "turn": "t1"} | options
        return await self.runner.run(tool, {} if arguments is None else arguments, call=f"r1.{self.calls}", **given)


def template_in(folder: Path) -> Template:
    files = folder / "plain" / "files"
    (files / "src").mkdir(parents=True)
    (files / "src" / "greet.ts").write_text(APP)
    (files / "server.mjs").write_text(SERVER)
    (files / "check.mjs").write_text(CHECK)
    (files / ".gitignore").write_text("dist/\n")
    (files / "package.json").write_text('{\n  "name": "plain",\n  "private": true,\n  "type": "module"\n}\n')
    return Template(
        "plain", "Plain", "For tests.", files.parent, ("node", "server.mjs", "{port}"), ("node", "check.mjs")
    )


@asynccontextmanager
async def bench(folder: Path, tools: Mapping[str, Tool[Any]] | None = None) -> AsyncIterator[Bench]:
    template = template_in(folder)
    workspace = Workspace(folder / "root" / "plain")
    await workspace.create(template.files)
    provider = LocalSandbox(folder / "cache")
    sandbox = await provider.create("s", workspace.app, template)
    app = SandboxedServer(sandbox)
    journal = MemoryJournal()

    async def get() -> Sandbox:
        return sandbox

    services = Services()
    services.offer(Template, lambda: template)
    runner = ToolRunner(
        tools or load_tools(), lambda output: ToolContext(workspace, get, app, output, services), journal
    )
    try:
        yield Bench(workspace, runner, journal, app)
    finally:
        await provider.close()
