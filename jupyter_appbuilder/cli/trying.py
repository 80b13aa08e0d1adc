"""``try`` and ``picture``: an app in a browser, its scenarios run or filmed."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path

from ..client.app import App
from ..client.results import outcomes
from .building import start_engine
from .terminal import Terminal, shown

FAILED = 1
"""The exit code where something does not work, or nobody could try it."""


def try_scenarios(options: argparse.Namespace, terminal: Terminal) -> int:
    with contextlib.closing(start_engine(options)) as running:
        app = App.open(options.session, root=running.root)
        terminal.note(f"Trying {app.name} …")
        result = app.try_(*options.names, on_progress=lambda line: terminal.status(f"◌ {line}"))
        if options.json:
            print(json.dumps({"ok": result.ok, "summary": result.summary} | result.detail), flush=True)
        else:
            print("\n".join(map(shown, outcomes(result))), flush=True)
    return 0 if result.ok else FAILED


def save_picture(options: argparse.Namespace, terminal: Terminal) -> int:
    with contextlib.closing(start_engine(options)) as running:
        app = App.open(options.session, root=running.root)

        def told(line: str) -> None:
            if line:
                terminal.status(f"◌ {line}")

        wanted = Path(options.output).expanduser().absolute() if options.output else ""
        path = app.save_picture(wanted, on_progress=told)
        size = path.stat().st_size
        if options.json:
            print(json.dumps({"session": app.id, "file": str(path), "bytes": size}), flush=True)
        else:
            print(f"{path}  ({size / 1024:,.0f} KB)", flush=True)
    return 0
