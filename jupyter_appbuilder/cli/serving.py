"""Serves a preview of rebuilt files that belong to no session."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

from ..client.engine import Engine
from ..errors import AppBuilderError
from ..events import Draft, Event
from ..notebook.replay import ReplayResult
from .building import DOCTOR
from .terminal import Terminal


class Unrecorded:
    """A journal for an app without a log: what happens is only shown."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    async def append(self, *drafts: Draft) -> list[Event]:
        return []

    def live(self, type: str, data: dict[str, Any]) -> None:
        if type == "preview" and data.get("message"):
            self._terminal.status(f"◌ {data['message']}")


@contextlib.contextmanager
def serve(found: ReplayResult, terminal: Terminal) -> Generator[str]:
    """Run the app of a replay in a sandbox; its preview's URL, which works inside the ``with``."""
    from ..apps.running import RunningApp
    from ..preview.storage import PageStorage

    with contextlib.closing(Engine(found.workspace.parent, label="jupyter appbuilder replay")) as engine:
        builder = engine.builder
        folder = str(found.workspace)
        key = "replay-" + hashlib.sha256(folder.encode()).hexdigest()[:16]

        async def make_sandbox() -> Any:
            template = builder.library.find(found.template or builder.template)
            return await (await builder.sandboxes.choose()).create(key, found.workspace / "app", template)

        async def start() -> RunningApp:
            storage = PageStorage(Path(builder.data, "storage", f"{key}.json"))
            app = RunningApp(
                key,
                Unrecorded(terminal),
                make_sandbox,
                builder.previews,
                storage,
                provider=(await builder.sandboxes.choose()).name,
                template=found.template or builder.template,
            )
            await builder.sandboxes.track(app, found.workspace.name)
            server = await app.ensure()
            if server.state != "ready":
                await app.close()
                raise AppBuilderError(f"The preview did not start: {server.message}", hint=DOCTOR)
            return app

        app = engine.run(start())
        try:
            yield engine.origin + app.base_path
        finally:
            engine.run(app.close())
