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

    async def open(self, template: str, app: Path) -> Database:
        engine = self._engine()

        async def reach(work: Coroutine[Any, Any, Any]) -> Any:
            return await engine.reach(work)

        return await reach(self._open(engine, template, app, reach))

    async def _open(
        self, engine: Engine, name: str, app: Path, reach: Callable[[Coroutine[Any, Any, Any]], Any]
    ) -> Database:
        from ..databases import DataProgram
        from ..notebook.database import Database

        builder = engine.builder
        template = builder.library.find(name or builder.template)
        if template.database is None:
            raise NotFound(
                f"The template {template.name} has no database here.",
                hint="Rebuild it with the version of the template that the notebook began with.",
                reason="no_database",
            )
        key = "replay-" + hashlib.sha256(str(app).encode()).hexdigest()[:16]
        # The database's program needs none of the app's packages: nothing is fetched for it.
        bare = replace(template, installs=False)
        sandbox = await (await builder.sandboxes.choose()).create(key, app, bare)

        async def made() -> Any:
            return sandbox

        return Database(DataProgram(made, template.database), app, template.data, reach, sandbox.stop)
