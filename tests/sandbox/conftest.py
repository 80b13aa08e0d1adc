"""Real sandboxes for tests: bubblewrap, a Node dev server, no packages unless a test asks for them."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.sandbox.local.isolation.landlock import LEAST, landlock_version
from jupyter_appbuilder.sandbox.local.sandbox import AppSandbox
from jupyter_appbuilder.templates.templates import Template

SERVER = """
import http from 'node:http';
const [port, base] = process.argv.slice(2);
console.log('listening below', base);
http.createServer((request, response) => {
  if (request.url === base + 'crash') { console.error('TypeError: it broke'); process.exit(3); }
  response.end(`path ${request.url} by ${process.pid}`);
}).listen(Number(port), '127.0.0.1');
"""


@dataclass
class Place:
    provider: LocalSandbox
    sandbox: AppSandbox
    app: Path


MakePlace = Callable[..., AbstractAsyncContextManager[Place]]


def isolations(*, slow: bool = False) -> list[str]:
    """The ways of isolating that work on this machine, for ``pytest.mark.parametrize("isolation", isolations())``.

    ``slow``: gVisor, too, which takes half a second for each command.
    """
    kinds = {
        "gvisor": shutil.which("runsc"),
        "bubblewrap": shutil.which("bwrap"),
        "landlock": landlock_version() >= LEAST,
    }
    return [kind for kind, there in kinds.items() if there and (slow or kind != "gvisor")]


@pytest.fixture
def place(tmp_path: Path) -> MakePlace:
    """``async with place(limits=…) as here``: a provider, a sandbox and its app folder; all ended afterwards.

    ``APPBUILDER_TEST_ISOLATION=landlock pytest tests/sandbox`` runs what does not ask for an isolation on that one.
    """

    @asynccontextmanager
    async def make(serve: tuple[str, ...] | None = None, **options: Any) -> AsyncGenerator[Place]:
        app = tmp_path / "app"
        app.mkdir(exist_ok=True)
        (app / "server.mjs").write_text(SERVER)
        command = serve or ("node", "server.mjs", "{port}", "{base}")
        template = Template("tiny", "Tiny", "One file.", tmp_path, command, ("true",))
        options.setdefault("isolation", os.environ.get("APPBUILDER_TEST_ISOLATION", "auto"))
        provider = LocalSandbox(options.pop("cache_dir", tmp_path / "cache"), **options)
        try:
            yield Place(provider, await provider.create("session", app, template), app)
        finally:
            await provider.close()

    return make
