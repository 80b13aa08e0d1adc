"""A small app with a database: no packages, no page to speak of."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from building import app_builder
from plain_app import SERVER

from jupyter_appbuilder.session import Session
from jupyter_appbuilder.templates.templates import SOURCE
from jupyter_appbuilder.tools.base import ToolResult

TEMPLATE = """
title = "Kept"
summary = "A page and a database."
data = ["data/"]
[serve]
command = ["node", "server.mjs", "{port}"]
[database]
"""

FIRST = """CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, phone TEXT, joined TEXT);
INSERT INTO customers (name, phone) VALUES ('Ada', '01'), ('Bo', NULL);
"""

RUNTIME = [
    f"{name}.mjs"
    for name in ("accounts", "app", "changed", "csv", "data", "database", "handover", "kind", "nearest", "told")
]


def shelf(folder: Path, migrations: dict[str, str]) -> Path:
    """The shelf for ``AppBuilder.template_path``; the template's name is ``kept``."""
    template = folder / "templates" / "kept"
    (template / "files" / "migrations").mkdir(parents=True)
    (template / "template.toml").write_text(TEMPLATE)
    (template / "files" / "server.mjs").write_text(SERVER)
    (template / "files" / "index.html").write_text("<p>page</p>")
    for name, sql in migrations.items():
        (template / "files" / "migrations" / name).write_text(sql)
    (template / "runtime").mkdir()
    for name in RUNTIME:
        shutil.copy(SOURCE / "serverless" / "runtime" / name, template / "runtime")
    return template.parent


@contextlib.asynccontextmanager
async def database_session(folder: Path, migrations: dict[str, str] | None = None) -> AsyncGenerator[Session]:
    """A session whose app has the ``migrations``, none of which was applied."""
    place = shelf(folder, {"0001_first.sql": FIRST} if migrations is None else migrations)
    async with app_builder(folder, template_path=[str(place)]) as builder:
        yield await builder.create(name="kept", template="kept")


async def used(session: Session, tool: str, **arguments: Any) -> ToolResult:
    """A call of a tool, as an agent would make it outside any turn, whatever becomes of it."""
    return (await session.call(tool, arguments, by="person"))[1]
