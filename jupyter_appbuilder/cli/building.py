"""``build`` and ``demo``: a session from the command line, and its preview."""

from __future__ import annotations

import argparse
import contextlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..attachments.base import Given
from ..client.app import App
from ..client.attaching import given
from ..client.engine import Engine, engine
from ..client.feed import Feed, questions
from ..client.requests import Ask
from ..client.secrets import typed
from ..errors import AppBuilderError, Conflict, InvalidInput, NotFound
from ..events import DEMO, Mode
from ..sandbox.network.hosts import parse_host
from .terminal import Terminal, read_input, say

DEFAULT_DEMO = "task-board"
DOCTOR = "See what is missing: jupyter appbuilder doctor"


def start_engine(options: argparse.Namespace) -> Engine:
    root = Path(options.root).expanduser() if options.root else Path.cwd()
    if not root.is_dir():
        raise InvalidInput(f"There is no folder {root}.", hint="Make it first, or give another --root.")
    return engine(root, label="jupyter appbuilder on the command line")


def build(options: argparse.Namespace, terminal: Terminal) -> int:
    prompt = read_input() if options.prompt == "-" else options.prompt
    if not prompt.strip():
        raise InvalidInput("The prompt is empty.", hint='Say what you want: jupyter appbuilder build "A habit tracker"')
    if options.session and (options.name or options.template or options.sandbox or options.database):
        raise InvalidInput(
            "--session continues an app, which already has a name, a template, a sandbox and a database.",
            hint="Leave them out.",
        )
    attach = given(options.attach)
    hosts = [parse_host(host, field="--allow-host") for host in options.allow_host]
    with contextlib.closing(start_engine(options)) as running:
        if options.session:
            app = App.open(options.session, root=running.root)
            app.allow(*hosts)
        else:
            if not options.model:
                running.run(running.builder.catalog.require_model())
            settings = {"template": options.template, "sandbox": options.sandbox, "model": options.model}
            settings |= {"database": options.database}
            app = App(options.name, root=running.root, hosts=hosts, **settings)
        if options.plan:
            from .planning import plan

            return plan(app, prompt.strip(), options.model, options, running, terminal, attach)
        return carry_out(app, [prompt.strip()], options.model, options, running, terminal, attach)


def demo(options: argparse.Namespace, terminal: Terminal) -> int:
    from ..models.demo.recordings import find_recordings

    recordings = {name: recording for name, recording in find_recordings().items() if not recording.function}
    name = options.recording or DEFAULT_DEMO
    if name not in recordings:
        known = "; ".join(f"{recording.name} ({recording.title})" for recording in recordings.values())
        raise InvalidInput(f"There is no recording {name!r}.", hint=f"Choose one of: {known}.")
    wanted = recordings[name]
    chain = [wanted]
    while chain[0].after:
        chain.insert(0, recordings[chain[0].after])
    with contextlib.closing(start_engine(options)) as running:
        template = options.template or chain[0].template
        app = App(
            options.name,
            root=running.root,
            template=template,
            sandbox=options.sandbox,
            database=options.database,
            model=DEMO,
        )
        return carry_out(app, [recording.prompt for recording in chain], "", options, running, terminal)


def talk(
    app: App,
    title: str,
    prompt: str | Ask,
    model: str,
    terminal: Terminal,
    mode: Mode = "build",
    attach: Sequence[Given] = (),
) -> Feed:
    """Ask the agent, showing what comes of it as it comes."""
    terminal.heading(f"\n› {title}")
    feed = Feed()
    for message in app.stream(prompt, model=model, attended=terminal.can_ask, mode=mode, attach=attach):
        terminal.feed(feed, feed.take(message))
        for question in questions(message) if terminal.can_ask else ():
            try:
                app.answer(question["approval"], **(typed(app, question) or terminal.ask(question)))
            except (NotFound, Conflict):
                terminal.note("It was answered elsewhere or withdrawn.")
        match message:
            case {"kind": "live", "type": "progress", "data": data} if data["message"]:
                terminal.status(f"◌ {data['message']}")
            case {"kind": "live", "type": "preview", "data": data} if data["fraction"] is not None:
                terminal.aside(f"◌ {data['message']}")
            case _:
                pass
    return feed


def carry_out(
    app: App,
    prompts: Sequence[str | tuple[str, Ask]],
    model: str,
    options: argparse.Namespace,
    running: Engine,
    terminal: Terminal,
    attach: Sequence[Given] = (),
) -> int:
    """Ask each prompt in turn, or have something else asked under a title; say what came of it; serve it. ``attach``
    comes with the first."""
    feed = Feed()
    for wanted in prompts:
        title, prompt = (wanted, wanted) if isinstance(wanted, str) else wanted
        feed = talk(app, title, prompt, model, terminal, attach=attach)
        attach = ()
        if feed.recorded:
            terminal.note("These answers were recorded; no model was asked.")
        if feed.reason != "done":
            break
    result: dict[str, Any] = {
        "session": app.id,
        "workspace": str(app.folder / "app"),
        "notebook": str(app.notebook),
        "tree": app.tree,
        "turn": {"reason": feed.reason, "message": feed.message, "hint": feed.hint},
    }
    failed = feed.reason != "done"
    serve = (not options.json if options.serve is None else options.serve) and not failed
    if serve:
        terminal.status("◌ Starting the preview")
        preview = app.preview(on_progress=lambda doing: terminal.status(f"◌ {doing or 'Starting the preview'}"))
        if preview.state != "ready":
            raise AppBuilderError(f"The preview did not start: {preview.message}", hint=DOCTOR)
        result["preview_url"] = preview.url
    if options.json:
        print(json.dumps(result), flush=True)
    else:
        show(result, terminal)
    if serve:
        wait(terminal)
    return 1 if failed else 0


def show(result: dict[str, Any], terminal: Terminal) -> None:
    terminal.note("")
    say(f"App       {result['workspace']}")
    say(f"Notebook  {result['notebook']}")
    say(f"Tree      {result['tree']}")
    if url := result.get("preview_url"):
        say(f"Preview   {url}")


def wait(terminal: Terminal) -> None:
    """Serve until Ctrl-C."""
    terminal.note("Serving the preview; Ctrl-C ends it.")
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    terminal.note("")
