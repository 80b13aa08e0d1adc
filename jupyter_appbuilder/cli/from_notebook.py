"""``from-notebook``: an app of a notebook."""

from __future__ import annotations

import argparse
import contextlib

from ..client.app import App
from ..client.from_notebook import read, take_in
from ..session.notebooks import PROMPT
from .building import carry_out, start_engine
from .terminal import Terminal, read_input


def from_notebook(options: argparse.Namespace, terminal: Terminal) -> int:
    prompt = (read_input() if options.prompt == "-" else options.prompt).strip() or PROMPT
    analysis = read(options.notebook)
    with contextlib.closing(start_engine(options)) as running:
        if not options.model:
            running.run(running.builder.catalog.require_model())
        settings = {"template": options.template, "sandbox": options.sandbox, "model": options.model}
        app = App(options.name, root=running.root, title=analysis.title, **settings)
        if not (chosen := app.summary)["recorded"]:
            what = "Code and text" if options.private else "Code, text, outputs and charts"
            terminal.note(f"{what} of {analysis.name} go to {chosen['model']}. What looks like a key is masked.")
        take_in(app, analysis, {}, private=options.private, say=terminal.note)
        return carry_out(app, [prompt], "", options, running, terminal)
