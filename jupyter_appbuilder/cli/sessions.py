"""``list`` and ``export``: the apps that are there."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from ..builder import AppBuilder
from ..errors import InvalidInput, NotFound
from ..settings import configuration
from .terminal import Terminal, say


def builder_of(options: argparse.Namespace) -> AppBuilder:
    root = Path(options.root).expanduser() if options.root else Path.cwd()
    return AppBuilder(root_dir=str(root), label="jupyter appbuilder on the command line", config=configuration())


def list_sessions(options: argparse.Namespace, terminal: Terminal) -> int:
    async def read() -> list[dict[str, object]]:
        builder = builder_of(options)
        try:
            return await builder.sessions(options.search)
        finally:
            await builder.close()

    found = asyncio.run(read())
    if options.json:
        print(json.dumps({"sessions": found}))
        return 0
    if not found:
        what = f"No app matches {options.search!r}." if options.search else "No apps yet."
        terminal.note(f'{what} Make one: jupyter appbuilder build "A habit tracker"')
        return 0
    width = max(len(str(session["name"])) for session in found)
    for session in found:
        at = str(session["updated_at"])[:16].replace("T", " ")
        say(f"{session['name']:<{width}}  {session['state']:<8}  {at}  {session['id']}  {session['title']}")
    return 0


def export(options: argparse.Namespace, terminal: Terminal) -> int:
    async def write() -> tuple[str, str, bytes]:
        from ..workspace import Workspace

        builder = builder_of(options)
        try:
            # Read without taking the session over: it may be open in a running server.
            found = [s for s in await builder.log_store.summaries() if options.session in (s.id, s.name)]
            if not found:
                raise NotFound(f"There is no app {options.session!r}.", hint="List them: jupyter appbuilder list")
            summary = found[0]
            content = await Workspace(Path(summary.root, summary.path)).zip()
        finally:
            await builder.close()
        return summary.id, summary.name, content

    session, name, content = asyncio.run(write())
    path = Path(options.output).expanduser().absolute()
    if path.is_dir():
        path /= f"{name}.zip"
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", hint="Name another with --output.") from None
    size = len(content)
    if options.json:
        print(json.dumps({"session": session, "file": str(path), "bytes": size}))
    else:
        say(f"{path}  ({size / 1024:,.0f} KB)")
    return 0
