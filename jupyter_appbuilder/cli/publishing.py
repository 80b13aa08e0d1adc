"""``publish``, ``publications``, ``rollback`` and ``unpublish``: what readers get of an app."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import sys
from typing import Any

from ..client.app import App
from ..client.publishing import newer, pairs
from ..errors import InvalidInput
from .building import start_engine
from .terminal import Terminal, shown


def publish(options: argparse.Namespace, terminal: Terminal) -> int:
    settings = pairs("\n".join(options.set), "setting")
    accept = pairs("\n".join(options.accept), "acceptance", "ID=REASON")
    with contextlib.closing(start_engine(options)) as running:
        app = App.open(options.session, root=running.root)
        settings |= _asked(app, options.to, settings, terminal)
        terminal.note(f"Publishing {app.name} …")
        release = app.publish(
            options.to,
            name=options.name,
            version=options.version,
            settings=settings,
            accept=accept,
            on_progress=lambda line: terminal.status(f"◌ {line}"),
        )
    told = {
        "target": release.target,
        "name": release.name,
        "number": release.number,
        "version": release.version,
        "url": release.url,
        "note": release.note,
        "file": str(release.file) if release.file else None,
    }
    if options.json:
        print(json.dumps(told), flush=True)
        return 0
    print(f"Release {release.number} of {shown(release.name)} is published.", flush=True)
    if release.target == "here":
        print(f"Readers find it below your Jupyter server's address: {release.url}", flush=True)
    elif release.url:
        print(shown(release.url), flush=True)
    for text in filter(None, (newer(release), release.note, str(release.file or ""))):
        print(shown(text), flush=True)
    return 0


def _asked(app: App, target: str, given: dict[str, str], terminal: Terminal) -> dict[str, str]:
    """Secrets of a target that are needed and not kept yet, typed by the person."""
    overview = app.aio.engine.run(_overview(app))
    found = next((one for one in overview["targets"] if one["name"] == target), None)
    lacking = [
        one
        for one in (found["settings"] if found else ())
        if one["secret"] and one["required"] and not one["stored"] and one["name"] not in given
    ]
    if lacking and not sys.stdin.isatty():
        names = ", ".join(one["name"] for one in lacking)
        raise InvalidInput(f"{names} is needed.", hint="Run it in a terminal, where it can be typed.", field="settings")
    return {one["name"]: getpass.getpass(f"{one['title']}: ") for one in lacking}


async def _overview(app: App) -> dict[str, Any]:
    session = await app.aio.session()
    await session.ready()
    return await session.publishing.overview()


def publications(options: argparse.Namespace, terminal: Terminal) -> int:
    with contextlib.closing(start_engine(options)) as running:
        id = App.open(options.session, root=running.root).id if options.session else ""
        found = [one for one in running.builder.published.all(id) if one.releases]
        if options.json:
            print(json.dumps([one.to_json() for one in found]), flush=True)
            return 0
        for one in found:
            live = one.entry(one.live)
            print(
                f"{shown(one.name)}  {one.target}  release {one.live or '-'}"
                + (f"  {live.at[:10]}  {shown(live.url)}" if live else "")
            )
            for release in one.releases if id else ():  # what rollback takes
                kept = "" if release.kept else "  its files are not kept"
                print(f"  {release.number:>4}  {release.at[:16].replace('T', ' ')}  {release.checkpoint[:8]}{kept}")
        if not found:
            terminal.note("Nothing is published. Publish an app: jupyter appbuilder publish NAME")
    return 0


def roll_back(options: argparse.Namespace, terminal: Terminal) -> int:
    with contextlib.closing(start_engine(options)) as running:
        app = App.open(options.session, root=running.root)
        app.roll_back(options.number, target=options.target)
        terminal.note(f"Readers get release {options.number} of {app.name} again.")
    return 0


def unpublish(options: argparse.Namespace, terminal: Terminal) -> int:
    with contextlib.closing(start_engine(options)) as running:
        app = App.open(options.session, root=running.root)
        app.unpublish(options.target)
        terminal.note(f"{app.name} is taken down.")
    return 0
