"""``try``: runs an app's scenarios in a browser."""

from __future__ import annotations

import argparse
import contextlib
import json

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
