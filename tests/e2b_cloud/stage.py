"""What several tests of the E2B sandbox need: a provider on loopback, a template, waiting."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_appbuilder.sandbox.cloud.sandbox import CloudSandbox
from jupyter_appbuilder.sandbox.e2b import E2BSandbox
from jupyter_appbuilder.templates.templates import Template

from .cloud import BuiltTemplate, Cloud, cloud
from .cloud import CloudSandbox as There

SERVER = """
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
const [port, base] = process.argv.slice(2)
createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html')
  response.end(request.url === base + 'pid' ? String(process.pid) : readFileSync('index.html'))
}).listen(Number(port), '127.0.0.1')
"""


def plain(folder: Path, *, warm: list[str] | None = None, dependencies: dict[str, str] | None = None) -> Template:
    """A template with a dev server, and packages if any are named."""
    files = folder / "shelf" / "plain" / "files"
    files.mkdir(parents=True, exist_ok=True)
    (files / "index.html").write_text("<!doctype html><p>first</p>\n")
    (files / "server.mjs").write_text(SERVER)
    if dependencies:
        (files / "package.json").write_text(json.dumps({"private": True, "dependencies": dependencies}))
    lines = ['title = "Plain"', 'summary = "One page."', "[serve]"]
    lines += ['command = ["node", "server.mjs", "{port}", "{base}"]', "[check]", 'command = ["true"]']
    if warm:
        lines += ["[install]", f"warm = {json.dumps(warm)}"]
    (files.parent / "template.toml").write_text("\n".join(lines) + "\n")
    return Template.load(files.parent)


@dataclass
class Place:
    there: Cloud
    provider: E2BSandbox
    folder: Path
    template: Template
    log: list[str] = field(default_factory=list[str])

    @property
    def app(self) -> Path:
        return self.folder / "app"

    async def create(self, session: str = "session") -> CloudSandbox:
        if not self.app.exists():
            self.app.mkdir()
            for file in self.template.files.iterdir():
                (self.app / file.name).write_bytes(file.read_bytes())
        return await self.provider.create(session, self.app, self.template)

    def another_provider(self, **traits: Any) -> E2BSandbox:
        """As a server that was started anew would make it."""
        urls = {"api_key": self.there.key, "api_url": self.there.url, "sandbox_url": self.there.url}
        return E2BSandbox(self.folder / "cache", **(urls | traits))

    @property
    def machine(self) -> There:
        """The only sandbox in the cloud."""
        (found,) = self.there.sandboxes.values()
        return found

    @property
    def copy(self) -> Path:
        """The workspace's copy in the cloud."""
        return self.machine.machine.root / "workspace"


@asynccontextmanager
async def place(folder: Path, *, there: dict[str, Any] | None = None, **traits: Any) -> AsyncGenerator[Place]:
    """A provider, and a cloud that has its template; everything is ended afterwards, and nothing may be left there."""
    async with cloud(folder / "cloud", **(there or {})) as loopback:
        loopback.templates["appbuilder-plain"] = BuiltTemplate("tplain", "appbuilder-plain", "b1")
        here = Place(loopback, None, folder, plain(folder))  # type: ignore[arg-type]
        here.provider = here.another_provider(**traits)
        try:
            yield here
        finally:
            await here.provider.close()


async def until(true: Callable[[], object], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)
