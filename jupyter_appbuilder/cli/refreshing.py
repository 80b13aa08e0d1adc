"""``schedule``, ``refresh`` and ``runs``: fresh data for what readers have."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path
from typing import Any

from ..client.app import App
from ..client.engine import Engine
from ..client.refreshing import said_of_run, said_of_schedule
from ..errors import InvalidInput
from ..session.due import QUIET, Done
from .building import start_engine
from .terminal import Terminal, shown


def schedule(options: argparse.Namespace, terminal: Terminal) -> int:
    with contextlib.closing(start_engine(options)) as running:
        app = App.open(options.session, root=running.root)
        if options.remove:
            app.remove_schedule()
            terminal.note(f"The data of {app.name} are not refreshed any more.")
            return 0
        if options.pause or options.resume:
            app.pause_schedule(bool(options.pause))
        if options.cron:
            app.schedule(
                options.cron,
                zone=options.zone,
                notebook=Path(options.notebook).expanduser().resolve() if options.notebook else "",
                target=options.to,
                promise=options.promise,
                minutes=options.minutes,
                memory=options.memory,
            )
        told = app.refreshing
    if options.json:
        print(json.dumps(told), flush=True)
        return 0
    for line in said_of_schedule(told):
        print(shown(line), flush=True)
    return 0


def refresh(options: argparse.Namespace, terminal: Terminal) -> int:
    if bool(options.session) == options.due:
        raise InvalidInput(
            "Which app's data are to be refreshed?",
            hint="Name one: jupyter appbuilder refresh APP; --due refreshes all whose time has come.",
        )
    with contextlib.closing(start_engine(options)) as running:
        if options.due:
            return _due(running, options, terminal)
        app = App.open(options.session, root=running.root)
        terminal.note(f"Running the notebook of {app.name} …")
        run = app.refresh_published()
    if options.json:
        print(json.dumps(run), flush=True)
    else:
        print("\n".join(map(shown, said_of_run(run, whole=run["state"] != "done"))), flush=True)
    return 0 if run["state"] == "done" else 1


def _due(running: Engine, options: argparse.Namespace, terminal: Terminal) -> int:
    async def all() -> list[Done]:
        return [one async for one in running.builder.due.once()]

    failed = False
    for one in running.run(all()):
        name = one.name or one.session
        if one.run:
            failed = failed or one.run.state != "done"
            if options.json:
                print(json.dumps({"app": name, **one.run.to_json()}), flush=True)
            else:
                print(f"{shown(name)}: {shown(said_of_run(one.run.to_json(), whole=False)[0])}", flush=True)
        elif one.error and one.error.reason in QUIET:
            terminal.note(f"{shown(name)}: {shown(one.error.message)} It is left to that.")
        elif one.error:
            failed = True
            terminal.note(f"{shown(name)}: {shown(str(one.error))}")
    return 1 if failed else 0


def runs(options: argparse.Namespace, terminal: Terminal) -> int:
    with contextlib.closing(start_engine(options)) as running:
        app = App.open(options.session, root=running.root)
        told: Any = app.refresh_run(options.number) if options.number else app.refreshing["runs"]
    if options.json:
        print(json.dumps(told), flush=True)
        return 0
    lines = said_of_run(told) if options.number else [said_of_run(one, whole=False)[0] for one in told]
    for line in lines:
        print(shown(line), flush=True)
    if not lines:
        terminal.note("Nothing ran yet. Run it now: jupyter appbuilder refresh APP")
    return 0
