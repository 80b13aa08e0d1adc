"""``build --plan``, ``accept`` and ``ask``: write a plan, build it, ask questions."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..attachments.base import Given
from ..client.app import App
from ..client.attaching import given
from ..client.engine import Engine
from ..client.feed import Feed
from ..client.requests import acceptance
from ..errors import InvalidInput, NotFound
from .building import carry_out, start_engine, talk
from .terminal import Terminal, read_input, say

CHOICES = "  Build this plan? [y]es, [e]dit it first, [c]hange: say what should be different, [N]ot now: "


def plan(
    app: App,
    prompt: str,
    model: str,
    options: argparse.Namespace,
    running: Engine,
    terminal: Terminal,
    attach: Sequence[Given] = (),
) -> int:
    """Have a plan written; where somebody is there, let them edit it, have it built, or ask for another."""
    while True:
        feed = talk(app, prompt, prompt, model, terminal, "plan", attach)
        attach = ()
        if feed.reason != "done" or not feed.plan or not terminal.can_ask:
            break
        text: str | None = None
        while True:
            answer = terminal.reply(CHOICES).casefold()[:1]
            if answer == "e":
                text = edited(feed.text if text is None else text, terminal)
                terminal.note(f"\n{text}\n")
                continue
            break
        if answer == "y":
            build = acceptance(feed.plan, text, model, by="person")
            return carry_out(app, [("Build this plan", build)], model, options, running, terminal)
        prompt = terminal.reply("  What should be different? ").strip() if answer == "c" else ""
        if not prompt:
            if text is not None:
                terminal.note("Your edits are not kept.")
            break
    if feed.reason == "done" and feed.plan and not options.json:
        terminal.note(f"To build it: jupyter appbuilder accept {shlex.quote(app.name)}")
    return _end(app, feed, options, {"plan": {"plan": feed.plan, "text": feed.text} if feed.plan else None})


def accept(options: argparse.Namespace, terminal: Terminal) -> int:
    """Have a session's plan built, the last one by default."""
    text = None
    if options.edited:
        text = read_input() if options.edited == "-" else _read(Path(options.edited).expanduser())
    with contextlib.closing(start_engine(options)) as running:
        app = App.open(options.session, root=running.root)
        plans = app.plans
        if not plans:
            hint = f'Ask for one: jupyter appbuilder build --plan --session {options.session} "…"'
            raise NotFound(f"{app.name} has no plan.", hint=hint, reason="unknown_plan")
        build = acceptance(options.plan or plans[-1].id, text, options.model, by="person")
        return carry_out(app, [("Build this plan", build)], options.model, options, running, terminal)


def ask(options: argparse.Namespace, terminal: Terminal) -> int:
    """Have a question about an app answered."""
    prompt = read_input() if options.prompt == "-" else options.prompt
    if not prompt.strip():
        raise InvalidInput("The question is empty.", hint='jupyter appbuilder ask --session NAME "What does it keep?"')
    attach = given(options.attach)
    with contextlib.closing(start_engine(options)) as running:
        app = App.open(options.session, root=running.root)
        feed = talk(app, prompt.strip(), prompt.strip(), options.model, terminal, "ask", attach)
        return _end(app, feed, options, {"answer": feed.text})


def edited(text: str, terminal: Terminal) -> str:
    """The text as the person left it in their editor; as it was where the editor did not work or left nothing."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="appbuilder-") as folder:
        file = Path(folder) / "plan.md"
        file.write_text(text + "\n", encoding="utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)
            changed = file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            terminal.error(f"The editor {editor!r} did not work: {error}.", "Set EDITOR to one that does.")
            return text
    return changed or text


def _end(app: App, feed: Feed, options: argparse.Namespace, found: dict[str, Any]) -> int:
    if options.json:
        ended = {"reason": feed.reason, "message": feed.message, "hint": feed.hint}
        print(json.dumps({"session": app.id, "name": app.name, "turn": ended} | found), flush=True)
    elif not sys.stdout.isatty():
        say(feed.text)  # on a terminal it was shown as it came
    return 0 if feed.reason == "done" else 1


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidInput(f"{path} cannot be read: {why}.", hint="Name a Markdown file, or - for stdin.") from None
