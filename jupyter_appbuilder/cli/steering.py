"""``retry``, ``continue`` and ``fork``: repeat the last request, resume it, or ask another in a copy of the app."""

from __future__ import annotations

import argparse
import contextlib
import json

from ..client.app import App
from ..client.requests import Ask
from ..client.requests import go_on as going_on
from ..client.requests import retry as retrying
from ..errors import InvalidInput
from .building import carry_out, show, start_engine
from .terminal import Terminal, read_input


def retry(options: argparse.Namespace, terminal: Terminal) -> int:
    return _ask(options, terminal, retrying, "The last request again")


def go_on(options: argparse.Namespace, terminal: Terminal) -> int:
    return _ask(options, terminal, going_on, "Continue")


def _ask(options: argparse.Namespace, terminal: Terminal, ask: Ask, title: str) -> int:
    with contextlib.closing(start_engine(options)) as running:
        app = App.open(options.session, model=options.model, root=running.root)
        return carry_out(app, [(title, ask)], "", options, running, terminal)


def fork(options: argparse.Namespace, terminal: Terminal) -> int:
    prompt = (read_input() if options.prompt == "-" else options.prompt).strip()
    turn = options.turn.strip().removeprefix("t")
    if turn and not (turn.isascii() and turn.isdigit()):
        raise InvalidInput(f"{options.turn!r} is no request's number.", hint="--turn 2 is the second request.")
    if turn and options.checkpoint:
        raise InvalidInput("--turn and --checkpoint both say where to begin.", hint="Give one of them.")
    with contextlib.closing(start_engine(options)) as running:
        source = App.open(options.session, root=running.root)
        app = source.fork(
            f"t{turn}" if turn else "", checkpoint=options.checkpoint, name=options.name, model=options.model
        )
        terminal.note(f"Forked from {options.session} as {app.name}.")
        if prompt:
            return carry_out(app, [prompt], "", options, running, terminal)
        result = {
            "session": app.id,
            "workspace": str(app.folder / "app"),
            "notebook": str(app.notebook),
            "tree": app.tree,
        }
        if options.json:
            print(json.dumps(result), flush=True)
        else:
            show(result, terminal)
    return 0
