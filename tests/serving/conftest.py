"""A served app in a real sandbox, behind its real web server."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving.bundling import manifest_of

from jupyter_appbuilder.publishing.base import APP, MANIFEST
from jupyter_appbuilder.publishing.visits import Visits
from jupyter_appbuilder.sandbox.local.provider import LocalSandbox
from jupyter_appbuilder.serving.app import ServedApp
from jupyter_appbuilder.serving.door import Door, OpenDoor
from jupyter_appbuilder.serving.handlers import Service
from jupyter_appbuilder.serving.place import Place
from jupyter_appbuilder.serving.service import Serving, finder
from jupyter_appbuilder.templates.templates import Template, find_template

CACHE = Path(os.environ.get("APPBUILDER_TEST_CACHE", "~/.cache/appbuilder-tests")).expanduser()

TINY = """
title = "Tiny"
summary = "Plain Node."
data = ["data/"]
[serve]
command = ["node", "server.mjs", "{port}", "{base}"]
[publish]
kind = "server"
serve = ["node", "server.mjs", "{port}", "{base}"]
ready = "health"
environment = { BASE = "{prefix}" }
assets = { "assets/" = "built/" }
deep = ["media/"]
"""

SERVER = (Path(__file__).parent / "tiny_server.mjs").read_text()


def tiny_template(folder: Path) -> Template:
    (folder / "files").mkdir(parents=True)
    (folder / "template.toml").write_text(TINY)
    (folder / "files" / "server.mjs").write_text(SERVER)
    return Template.load(folder)


def tiny_bundle(template: Template, folder: Path, version: str = "1", **change: Any) -> Path:
    (folder / APP / "data").mkdir(parents=True, exist_ok=True)
    (folder / APP / "server.mjs").write_text(SERVER.replace("VERSION", version))
    at = f"2026-11-{version:0>2.2}T12:00:00Z"
    (folder / MANIFEST).write_text(json.dumps(manifest_of(template, built_at=at, **change)))
    return folder


@dataclass
class Served:
    serving: Serving
    url: str  # with a slash at its end
    bundle: Path
    client: httpx.AsyncClient
    secrets: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def app(self) -> ServedApp:
        return self.serving.app

    async def get(self, path: str = "", **options: Any) -> httpx.Response:
        return await self.client.get(self.url + path, **options)

    async def ready(self) -> None:
        server = await self.app.awake()
        assert server.state == "ready", (self.app.status, server)


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """``async with serve(bundle, base=…) as here``."""

    @asynccontextmanager
    async def serving(
        bundle: Path,
        base: str = "/apps/tried/",
        door: Door | None = None,
        secrets: Mapping[str, str] | None = None,
        templates: Callable[[str], Template] = find_template,
        idle: float = 0,
        **options: Any,
    ) -> AsyncGenerator[Served]:
        given = dict(secrets or {})

        async def values() -> Mapping[str, str]:
            return given

        provider = LocalSandbox(CACHE)
        place = Place(tmp_path / "place", "tried")
        app = ServedApp(place, base, make_sandbox=provider.create, find_template=templates, values=values)
        service = Service(app, door or OpenDoor(), **options)
        made = Serving(service, finder(bundle), Visits(tmp_path), idle_seconds=idle)
        try:
            port = await made.start("127.0.0.1", 0)
            async with httpx.AsyncClient(timeout=60) as client:
                yield Served(made, f"http://127.0.0.1:{port}{base}", bundle, client, given)
        finally:
            await made.close()
            await provider.close()

    return serving
