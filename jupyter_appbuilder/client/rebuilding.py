"""Where a notebook that rebuilds an app makes the app's database: in a sandbox of this process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import NotFound

if TYPE_CHECKING:
    from ..notebook.database import Database
    from .engine import Engine


class SandboxDatabases:
    """``notebook.database.Databases`` of an engine, which is not begun before there is a database to make."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine

    async def open(self, template: str, app: Path, engine: str = "") -> Database:
        running = self._engine()

        async def reach(work: Coroutine[Any, Any, Any]) -> Any:
            return await running.reach(work)

        return await reach(self._open(running, template, app, engine, reach))

    async def _open(
        self, running: Engine, name: str, app: Path, engine: str, reach: Callable[[Coroutine[Any, Any, Any]], Any]
    ) -> Database:
        from ..databases import DataProgram
        from ..databases.postgres import connect_sandbox
        from ..notebook.database import Database

        builder = running.builder
        template = builder.library.find(name or builder.template)
        if template.database is None:
            raise NotFound(
                f"The template {template.name} has no database here.",
                hint="Rebuild it with the version of the template that the notebook began with.",
                reason="no_database",
            )
        template = template.on(engine or template.engine)
        key = hashlib.sha256(str(app).encode()).hexdigest()[:16]
        # The database's program needs none of the app's packages: nothing is fetched for it.
        bare = replace(template, installs=False)
        sandbox = await (await builder.sandboxes.choose()).create(f"replay-{key}", app, bare)
        server = builder.postgres if template.engine == "postgresql" else None
        if template.engine == "postgresql":
            await connect_sandbox(sandbox, server, key)
        if server:
            await server.drop(key)  # what a replay that was killed has left

        async def made() -> Any:
            return sandbox

        async def stop() -> None:
            await sandbox.stop()
            if server:
                await server.drop(key)

        return Database(DataProgram(made, template.database), app, template.data, reach, stop)
