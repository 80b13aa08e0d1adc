"""``list``, ``export`` and ``transcript``: the existing apps."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..builder import AppBuilder
from ..errors import InvalidInput, NotFound
from ..settings import configuration
from .terminal import Terminal, say

if TYPE_CHECKING:
    from ..log.summary import Summary


def builder_of(options: argparse.Namespace) -> AppBuilder:
    root = Path(options.root).expanduser() if options.root else Path.cwd()
    return AppBuilder(root_dir=str(root), label="jupyter appbuilder on the command line", config=configuration())


def list_sessions(options: argparse.Namespace, terminal: Terminal) -> int:
    """The apps below ``--root``; without it all that this person's log knows, with the folder of those elsewhere."""

    async def read() -> list[tuple[Path, dict[str, Any]]]:
        builder = builder_of(options)
        try:
            found = await builder.log_store.summaries(options.search)
            return [(Path(summary.root), builder.describe(summary)) for summary in found]
        finally:
            await builder.close()

    root = Path(options.root or "").expanduser().resolve()
    found = [(place, app) for place, app in asyncio.run(read()) if not options.root or place.resolve() == root]
    if options.json:
        print(json.dumps({"sessions": [app for _, app in found]}))
        return 0
    if not found:
        where = f" in {root}" if options.root else ""
        what = f"No app{where} matches {options.search!r}." if options.search else f"No apps yet{where}."
        terminal.note(f'{what} Make one: jupyter appbuilder build "A habit tracker"')
        return 0
    width = max(len(app["name"]) for _, app in found)
    for place, app in found:
        at = app["updated_at"][:16].replace("T", " ")
        elsewhere = "" if place.resolve() == root else f"  (in {place})"
        say(f"{app['name']:<{width}}  {app['state']:<8}  {at}  {app['id']}  {app['title']}{elsewhere}")
    return 0


def export(options: argparse.Namespace, terminal: Terminal) -> int:
    async def write() -> tuple[str, str, bytes]:
        from ..session.export import additions
        from ..session.secrets import AppSecrets
        from ..workspace import Workspace

        builder = builder_of(options)
        try:
            summary = await found(builder, options.session)
            workspace = Workspace(Path(summary.root, summary.path))
            events = await builder.log_store.read(summary.id)
            takes = builder.library.takes_secrets(summary.template)
            secrets = AppSecrets(summary.id, builder.vault, workspace, takes, lambda: events)
            shared = (builder.library, builder.datasets, secrets)
            more = await additions(workspace, summary.template, events, *shared, tests=options.tests)
            content = await workspace.zip(more)
        finally:
            await builder.close()
        return summary.id, summary.name, content

    session, name, content = asyncio.run(write())
    return _written(options, session, f"{name}.zip", content)


def transcript(options: argparse.Namespace, terminal: Terminal) -> int:
    async def write() -> tuple[str, str, bytes]:
        from ..client.transcript import transcript_of

        builder = builder_of(options)
        try:
            summary = await found(builder, options.session)
            page = await transcript_of(builder, summary, await builder.log_store.read(summary.id))
        finally:
            await builder.close()
        return summary.id, summary.name, page.encode()

    session, name, content = asyncio.run(write())
    return _written(options, session, f"{name}.html", content)


async def found(builder: AppBuilder, name: str) -> Summary:
    """Read without taking the session over: it may be open in a running server."""
    found = [summary for summary in await builder.log_store.summaries() if name in (summary.id, summary.name)]
    if not found:
        raise NotFound(f"There is no app {name!r}.", hint="List them: jupyter appbuilder list")
    return found[0]


def _written(options: argparse.Namespace, session: str, name: str, content: bytes) -> int:
    path = Path(options.output).expanduser().absolute()
    if path.is_dir():
        path /= name
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
