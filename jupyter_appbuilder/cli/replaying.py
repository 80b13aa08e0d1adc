"""``replay``: rebuild an app from its notebook."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..client.rebuilding import SandboxDatabases
from ..notebook import replay as replaying
from .terminal import Terminal, say

if TYPE_CHECKING:
    from ..client.engine import Engine


def replay(options: argparse.Namespace, terminal: Terminal) -> int:
    into = Path(options.into).expanduser().absolute() if options.into else None
    notebook = Path(options.notebook).expanduser().absolute()
    terminal.status(f"◌ Rebuilding from {notebook.name}")
    begun: list[Engine] = []

    def engine() -> Engine:
        from ..client.engine import Engine

        begun.append(Engine(notebook.parent, label="jupyter appbuilder replay"))
        return begun[-1]

    try:
        found = asyncio.run(replaying.replay(notebook, into, SandboxDatabases(engine)))
    finally:
        for one in begun:
            one.close()
    result: dict[str, Any] = {
        "session": found.session,
        "workspace": str(found.workspace / "app"),
        "notebook": str(notebook),
        "tree": found.tree,
        "verified": found.verified,
        "cells": found.cells,
        "missing": found.missing,
        "data": found.data,
    }
    if not options.serve:
        if options.json:
            print(json.dumps(result), flush=True)
        else:
            _show(result, terminal)
        return 0
    from .serving import serve

    with serve(found, terminal) as url:
        result["preview_url"] = url
        if options.json:
            print(json.dumps(result), flush=True)
        else:
            _show(result, terminal)
        from .building import wait

        wait(terminal)
    return 0


def _show(result: dict[str, Any], terminal: Terminal) -> None:
    verdict = {
        True: "the same files, exactly",
        None: "the notebook has no cell that verifies it",
    }[result["verified"]]
    terminal.note("")
    say(f"App       {result['workspace']}")
    say(f"Tree      {result['tree']}  ({verdict})")
    say(f"Cells     {result['cells']}")
    if result["data"]:
        say("Database  the same schema and rows, as far as they can be compared")
    for line in result["missing"]:
        say(f"Data      {line}")
    if url := result.get("preview_url"):
        say(f"Preview   {url}")
