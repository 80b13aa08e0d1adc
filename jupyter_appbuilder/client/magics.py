"""``%load_ext jupyter_appbuilder``: the ``%appbuilder`` and ``%%appbuilder`` magics.

A cell either asks the agent, is a tool call on the session at hand, or (in a notebook that App Builder wrote) rebuilds:
after a ``new`` cell that holds packed files, cells work on a fresh folder without a session, a sandbox or a model.
"""

from __future__ import annotations

import contextlib
import difflib
import getpass
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import IPython.display as rich
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from ..datasets.description import size_of
from ..datasets.sources import is_frame
from ..errors import AppBuilderError, Conflict, InvalidInput, NotFound
from ..events import ApprovalRequested, Mode
from ..notebook import cells
from ..notebook.cells import COMMANDS, MAGIC, Call
from ..notebook.replay import REPLAYED, Different, Rebuild, fresh_folder, name_of_app, without_secrets
from .attaching import Attached, given
from .background import background
from .data import mentioned, with_variables
from .feed import Feed, always, questions
from .publishing import newer, pairs, version_of
from .refreshing import said_of_run, said_of_schedule
from .results import Handed
from .secrets import typed

if TYPE_CHECKING:
    from ..tools.base import ToolResult
    from ..workspace import Checkpoint
    from .app import App
    from .requests import Ask

REPLAY_INTO = "APPBUILDER_REPLAY_INTO"
"""Environment variable: the folder in which a notebook's app is rebuilt. Default: ``replay/`` beside the notebook."""

RECORDED = "A recorded command only makes sense while its notebook rebuilds an app."

PROGRESS_SECONDS = 0.5
"""How often it is said how many rows are written."""

AFTER_RESTART = "After a restart of the kernel: `%appbuilder open {}`, then `%appbuilder preview`."
"""Beside an app that is shown: of a kernel that has ended a front end knows no widget, and says no more than that."""

REFRESH_SECONDS = 0.1
"""How often the feed below a running cell is drawn."""


def load_ipython_extension(ipython: Any) -> None:
    transforms: list[Any] = ipython.input_transformer_manager.cleanup_transforms
    if hand_over not in transforms:
        transforms.insert(0, hand_over)
    ipython.register_magics(AppBuilderMagics(ipython))


def unload_ipython_extension(ipython: Any) -> None:
    transforms: list[Any] = ipython.input_transformer_manager.cleanup_transforms
    if hand_over in transforms:
        transforms.remove(hand_over)


def hand_over(lines: list[str]) -> list[str]:
    """Take our cells before IPython cleans them up: it would blank lines that hold only white space and strip what
    looks like a Python prompt, and both belong to the files in them."""
    text = "".join(lines).lstrip()
    header, _, body = text.partition("\n")
    if header != f"%%{MAGIC}" and not header.startswith((f"%%{MAGIC} ", f"%%{MAGIC}\t")):
        return lines
    line = header[len(MAGIC) + 2 :].strip()
    if not body:
        return [f"get_ipython().run_line_magic({MAGIC!r}, {line!r})\n"]
    return [f"get_ipython().run_cell_magic({MAGIC!r}, {line!r}, {body!r})\n"]


def notebook_folders() -> list[Path]:
    """Where the notebook of this kernel may lie: where a Jupyter server says, and here, where its kernel began."""
    notebook = Path(os.environ.get("JPY_SESSION_NAME", ""))
    return list(dict.fromkeys([*([notebook.parent] if notebook.suffix == ".ipynb" else []), Path.cwd()]))


class CellFailed(AppBuilderError):
    """Fails the cell with a message instead of a stack trace, which would tell nothing here."""

    def __init__(self, error: AppBuilderError) -> None:
        super().__init__(error.message, hint=error.hint, reason=error.reason, field=error.field)

    def _render_traceback_(self) -> list[str]:
        return [f"\x1b[31m{self.message}\x1b[0m", *([self.hint] if self.hint else [])]


@magics_class
class AppBuilderMagics(Magics):
    """Holds what the notebook is working on: a session (``app``), or a rebuild of one."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.app: App | None = None
        self.rebuild: Rebuild | None = None

    @no_var_expand
    @line_cell_magic
    def appbuilder(self, line: str, cell: str = "") -> Any:
        """Build web apps from a notebook. %appbuilder help says how."""
        try:
            return self.carry_out(cells.read(line.strip(), cell))
        except AppBuilderError as error:
            raise CellFailed(error) from None

    def carry_out(self, call: Call) -> Any:
        if call.command == "new":
            return self.new(call)
        if call.command == "help":
            return print(help_text(call.arguments[0] if call.arguments else ""))
        if self.rebuild is not None and call.command in REPLAYED:
            return self.say(self.wait(self.rebuild.run(call)))
        handler = getattr(self, f"do_{call.command.replace('-', '_')}")
        return handler(call)

    # What a notebook works on

    def new(self, call: Call) -> None:
        from .app import App

        if not call.body:
            self.rebuild = None
            name = call.arguments[0] if call.arguments else ""
            options = {key: call.options.get(key, "") for key in ("template", "model", "sandbox", "database")}
            app = self.hold(App(name, exist_ok="exist-ok" in call.options, **options))
            if app.aio.existed:
                return self.going_on(app)
            where = f" in {app.folder}" if name else ""
            return self.say(f"A new app{where}. Say what it should do below a line with %%appbuilder.\n")
        from .engine import engine
        from .rebuilding import SandboxDatabases

        into = os.environ.get(REPLAY_INTO, "")
        shelf = Path(into).expanduser() if into else Path.cwd() / "replay"

        async def begin() -> tuple[Rebuild, str]:
            folder = await fresh_folder(shelf / name_of_app(call))
            return await Rebuild.begin(call, folder, *notebook_folders(), databases=SandboxDatabases(engine))

        if self.rebuild is not None:
            self.wait(self.rebuild.close())
        self.rebuild, text = self.wait(begin())
        return self.say(text)

    def session(self) -> App:
        from .app import App

        if self.app is None:
            return self.hold(App())
        return self.app

    def hold(self, app: App) -> App:
        """Work on ``app`` from now on; the notebook has it as ``app``, unless that name is taken."""
        names: dict[str, Any] = self.shell.user_ns  # pyright: ignore
        if names.get("app") in (None, self.app):
            names["app"] = app
        self.app = app
        return app

    def do_open(self, call: Call) -> None:
        from .app import App

        self.rebuild = None
        self.going_on(self.hold(App.open(call.arguments[0])))

    def going_on(self, app: App) -> None:
        self.say(f"Going on with {app.name} in {app.folder}\n")

    # Asking

    def do_build(self, call: Call) -> None:
        self.ask_agent(call.body.strip(), call.options.get("model", ""), attach=self.attached(call))

    def do_ask(self, call: Call) -> None:
        self.ask_agent(call.body.strip(), call.options.get("model", ""), "ask", self.attached(call))

    def do_plan(self, call: Call) -> None:
        attach = self.attached(call)
        if self.ask_agent(call.body.strip(), call.options.get("model", ""), "plan", attach).plan:
            self.say("Build it: %appbuilder accept. Or as you want it: %%appbuilder accept, and the plan below.\n")

    def attached(self, call: Call) -> list[Attached]:
        """What ``--attach`` names: files, or figures of the notebook."""
        names: dict[str, Any] = self.shell.user_ns  # pyright: ignore
        wanted = call.options.get("attach", "").split("\n")
        return [names[one] if one in names and not Path(one).is_file() else one for one in wanted if one]

    def do_accept(self, call: Call) -> None:
        from .requests import acceptance

        self.no_rebuild()
        plans = self.session().plans
        plan = call.arguments[0] if call.arguments else plans[-1].id if plans else "p1"
        self.ask_agent(acceptance(plan, call.body or None, call.options.get("model", "")))

    def do_retry(self, call: Call) -> None:
        from .requests import retry

        self.ask_agent(retry)

    def do_continue(self, call: Call) -> None:
        from .requests import go_on

        self.ask_agent(go_on)

    def do_try(self, call: Call) -> None:
        from .results import outcomes

        self.no_rebuild()
        result = self.session().try_(*call.arguments)
        self.say("\n".join(outcomes(result)) + "\n")

    def do_fork(self, call: Call) -> None:
        self.no_rebuild()
        options = {key: call.options.get(key, "") for key in ("name", "model")}
        app = self.hold(self.session().fork(call.arguments[0] if call.arguments else "", **options))
        self.say(f"A fork, {app.name}, in {app.folder}. Cells below go on with it.\n")
        if call.body.strip():
            self.ask_agent(call.body.strip())

    def no_rebuild(self) -> None:
        if self.rebuild is not None:
            raise InvalidInput(
                f"This notebook rebuilt {self.rebuild.name} as plain files, without a session.",
                hint=f"Go on with the session: %appbuilder open {self.rebuild.name}. Or begin: %appbuilder new NAME.",
            )

    def need_model(self, prompt: str, model: str) -> None:
        """Raise ``NoModel`` for what the recorded demo would have to answer and has no recording of: before an app is
        made of it."""
        from ..models.demo.recordings import find_recordings
        from .engine import engine

        if not any(recording.answers(prompt) for recording in find_recordings().values()):
            chosen = model or (self.app.summary["model"] if self.app and self.app.id else "")
            running = engine()
            running.run(running.builder.catalog.require_model(chosen))

    def ask_agent(
        self, prompt: str | Ask, model: str = "", mode: Mode = "build", attach: Sequence[Attached] = ()
    ) -> Feed:
        """Show below the cell what the agent does with a request, until it is done."""
        self.no_rebuild()
        files = given(attach)  # before an app is made of it
        if isinstance(prompt, str):
            self.need_model(prompt, model)
        app = self.session()
        if isinstance(prompt, str):
            names: dict[str, Any] = self.shell.user_ns  # pyright: ignore
            if next(mentioned(prompt, names), None):
                private = bool(app.id) and any(dataset.private for dataset in app.datasets)
                prompt = with_variables(prompt, names, app.aio.sources.dataset_of, private=private)
        feed = Feed()
        shown = rich.display(said("◌ Starting …"), display_id=True, raw=True)
        assert shown is not None

        def draw(more: str = "") -> None:
            shown.update(said(feed.markdown() + more), raw=True)

        drawn = 0.0
        try:
            attended = can_ask(self.shell)
            for message in app.stream(prompt, model=model, attended=attended, mode=mode, attach=files):
                feed.take(message)
                for question in questions(message) if attended else ():
                    draw()
                    with contextlib.suppress(NotFound, Conflict):  # it was answered in the widget
                        app.answer(question["approval"], **(typed(app, question) or ask(question)))
                if (now := time.monotonic()) - drawn > REFRESH_SECONDS and feed.begun:
                    drawn = now
                    draw()
        except KeyboardInterrupt:
            draw("\n\n✗ Stopped. What was done so far is kept.")
            raise AppBuilderError("Stopped.", hint="What was done so far is kept.") from None
        except BaseException:
            draw()
            raise
        if feed.reason != "done" or feed.mode != "build":
            draw()
        if feed.reason != "done":
            raise AppBuilderError(feed.message or "The turn did not finish.", hint=feed.hint)
        if feed.mode == "build":
            draw(f"\n\n*{AFTER_RESTART.format(app.name)}*")
            self.show_app(app)
        return feed

    def show_app(self, app: App) -> None:
        """The running app below the cell. A request that was carried out does not fail because its app does not run."""
        try:
            rich.display(app.preview())
        except AppBuilderError as error:
            self.say(f"The app cannot be shown: {error.message} {error.hint}".rstrip() + "\n")

    def do_allow(self, call: Call) -> None:
        self.session().allow(*call.arguments)
        self.do_hosts()

    def do_revoke(self, call: Call) -> None:
        self.session().revoke(*call.arguments)
        self.do_hosts()

    def do_hosts(self, call: Call | None = None) -> None:
        hosts = self.session().hosts
        self.say(f"The app's code may reach: {', '.join(hosts)}\n" if hosts else "The app's code has no network.\n")

    def do_secret(self, call: Call) -> None:
        secrets = self.session().secrets
        if not call.arguments:
            self.say(f"{secrets!r}\n")
            return
        name = call.arguments[0]
        if not can_ask(self.shell):
            raise InvalidInput(f"Nobody can type {name} here.", hint=f"In a program: app.secrets[{name!r}] = …")
        secrets[name] = getpass.getpass(f"{name}: ")
        self.say(f"{name} is set. Functions of the app read it as env.{name}.\n")

    # Tools on the session

    def do_write(self, call: Call) -> None:
        if cells.UNRECORDED in call.options:
            self.say(without_secrets(call.arguments[0]))
            return
        self.done(self.session().write(call.arguments[0], cells.unpack(call.options, call.body)))

    def do_edit(self, call: Call) -> None:
        self.done(self.session().edits(call.arguments[0], cells.unpack_edits(call.options, call.body)))

    def do_delete(self, call: Call) -> None:
        self.done(self.session().delete(call.arguments[0]))

    def do_rename(self, call: Call) -> None:
        self.done(self.session().rename(*call.arguments))

    def do_run(self, call: Call) -> None:
        if call.body:
            raise InvalidInput(
                RECORDED,
                hint="Run the notebook from its first cell, or use %appbuilder run COMMAND without a body.",
            )
        result = self.session().run(call.arguments[0])
        self.say(result.text.rstrip() + "\n")
        if not result.ok:
            raise AppBuilderError(result.summary)

    def do_install(self, call: Call) -> None:
        if call.body:
            raise InvalidInput(RECORDED, hint="Run the notebook from its first cell, or leave the body out.")
        kind, dev = call.options.get("kind"), "dev" in call.options
        result = self.session().call("install_packages", packages=list(call.arguments), kind=kind, dev=dev)
        self.say(result.text.rstrip() + "\n")
        if not result.ok:
            raise AppBuilderError(result.summary)

    def do_data(self, call: Call) -> None:
        if call.body or "hash" in call.options:
            raise InvalidInput(
                RECORDED, hint="Run the notebook from its first cell, or hand over a variable or a file."
            )
        if not call.arguments:
            self.list_data()
            return
        names: dict[str, Any] = self.shell.user_ns  # pyright: ignore
        source = source_in(names, call.arguments[0])
        name = call.options.get("table") or name_of_source(call.arguments[0])
        keep = call.options.get("keep")
        if keep not in (None, "latest", "all"):
            raise InvalidInput(f"--keep {keep} is none of: latest, all.", hint="latest keeps the newest rows alone.")
        private, replace = True if "private" in call.options else None, "replace" in call.options
        options = {"keep": keep, "private": private, "replace": replace}
        new = self.app is None
        self.handing_over(
            name,
            lambda progress: self.session().data(name, source, on_progress=progress, **options),  # pyright: ignore
        )
        if new and self.app:
            self.say(f"In a new app, {self.app.name}, in {self.app.folder}\n")

    def do_from_notebook(self, call: Call) -> None:
        from ..session.notebooks import PROMPT
        from .app import App
        from .from_notebook import own_notebook, read, take_in

        self.rebuild = None
        names: dict[str, Any] = self.shell.user_ns  # pyright: ignore
        analysis = read(call.arguments[0] if call.arguments else own_notebook(self.shell))
        prompt = call.body.strip() or PROMPT
        model = call.options.get("model", "")
        self.app = None
        self.need_model(prompt, model)
        template = call.options.get("template", "")
        app = self.hold(App(call.options.get("name", ""), template=template, model=model, title=analysis.title))
        variables = {} if call.arguments else names
        if not (chosen := app.summary)["recorded"]:
            self.say(f"What is in {analysis.name} goes to {chosen['model']}. What looks like a key is masked.\n")
        take_in(app, analysis, variables, private="private" in call.options, say=lambda said: self.say(f"{said}\n"))
        self.ask_agent(prompt)

    def do_refresh(self, call: Call) -> None:
        name, replace = call.arguments[0], "replace" in call.options
        self.no_rebuild()
        self.handing_over(name, lambda progress: self.session().refresh(name, replace=replace, on_progress=progress))

    def handing_over(self, name: str, act: Callable[[Callable[[int], None]], Handed]) -> None:
        """Say how far it is, below the cell, when it takes longer than a moment."""
        began, shown = time.monotonic(), None

        def progress(rows: int) -> None:
            nonlocal shown, began
            if time.monotonic() - began > PROGRESS_SECONDS:
                began = time.monotonic()
                text = rich.Markdown(f"◌ {name}: {rows:,} rows …")
                shown = rich.display(text, display_id=True) if shown is None else shown
                shown.update(text)  # pyright: ignore[reportOptionalMemberAccess]

        try:
            handed = act(progress)
        except KeyboardInterrupt:
            raise AppBuilderError("Stopped.", hint=f"The app has of {name} what it had before.") from None
        self.say(f"{handed}\n")

    def list_data(self) -> None:
        datasets = self.session().datasets
        if not datasets:
            self.say("The app has no data yet: %appbuilder data VARIABLE --table NAME hands some over.\n")
        for dataset in datasets:
            kept = " · every version kept" if dataset.keep == "all" else ""
            private = " · private" if dataset.private else ""
            size = size_of(dataset.rows, len(dataset.columns))
            self.say(f"{dataset.name}: {size}, as of {dataset.as_of}{kept}{private}\n")

    def do_expose(self, call: Call) -> None:
        if call.body:
            raise InvalidInput(RECORDED, hint="Run the notebook from its first cell, or leave the body out.")
        if not call.arguments:
            for one in self.session().exposed.values():
                self.say(f"{one!r}\n")
            return
        names: dict[str, Any] = self.shell.user_ns  # pyright: ignore
        word = call.arguments[0]
        if word not in names:
            raise NotFound(f"The notebook has no function {word}.", hint="Run the cell that defines it first.")
        self.session().expose(names[word], name=word)
        self.say(f"The app can call {self.session().exposed[word]!r}\n")

    def do_unexpose(self, call: Call) -> None:
        if call.body:
            raise InvalidInput(RECORDED, hint="Run the notebook from its first cell, or leave the body out.")
        self.session().unexpose(call.arguments[0])
        self.say(f"The app can no longer call {call.arguments[0]}.\n")

    def do_patch(self, call: Call) -> None:
        raise InvalidInput(
            "A patch only makes sense while a notebook rebuilds an app.", hint="Use %%appbuilder edit PATH."
        )

    def do_sql(self, call: Call) -> None:
        result = self.session().call("change_data", sql=cells.unpack_text(call.options, call.body))
        self.say(result.text.rstrip() + "\n")

    def do_checkpoint(self, call: Call) -> None:
        self.say(f"Version “{call.arguments[0]}”: tree {self.session().checkpoint(call.arguments[0])}\n")

    def do_restore(self, call: Call) -> None:
        version = self.version(call.arguments[0])
        self.session().restore(version.id, data="files" not in call.options)
        self.say(f"Back to “{version.name or version.title}”.\n")

    def do_name(self, call: Call) -> None:
        version, name = self.version(call.arguments[0]), call.arguments[1]
        self.session().name_version(version.id, name)
        self.say(
            f"Version {version.id[:8]} is called “{name}”.\n" if name else f"Version {version.id[:8]} has no name.\n"
        )

    def version(self, word: str) -> Checkpoint:
        """The version of that tree, id or name, or whose id begins so."""
        return version_of(self.session().checkpoints, word)

    def do_publish(self, call: Call) -> None:
        self.no_rebuild()
        target = call.arguments[0] if call.arguments else "here"
        release = self.session().publish(
            target,
            name=call.options.get("name", ""),
            version=call.options.get("version", ""),
            settings=pairs(call.body, "setting"),
            accept=pairs(call.options.get("accept", ""), "acceptance", "ID=REASON"),
        )
        where = f" at {release.url}" if release.url else ""
        below = " of this Jupyter server" if release.target == "here" else ""
        said = f"Release {release.number} of {release.name} is published{where}{below}. {newer(release)} {release.note}"
        self.say(f"{' '.join(said.split())}\n")

    def do_schedule(self, call: Call) -> None:
        app = self.session()
        match call.arguments:
            case ():
                pass
            case ("run",):
                self.say("\n".join(said_of_run(app.refresh_published())) + "\n")
                return
            case ("pause" | "resume" as how,):
                app.pause_schedule(how == "pause")
            case ("off",):
                app.remove_schedule()
            case _:
                zone, notebook, promise = (call.options.get(name, "") for name in ("zone", "notebook", "promise"))
                app.schedule(call.arguments[0], zone=zone, notebook=notebook, promise=promise)
        self.say("\n".join(said_of_schedule(app.refreshing)) + "\n")

    def do_verify(self, call: Call) -> None:
        tree = self.session().tree
        if call.arguments and call.arguments[0] != tree:
            raise Different(
                f"The files are not those that were expected: their tree is {tree}, not {call.arguments[0]}.",
                hint="A cell was changed, left out or run twice, or a file was edited.",
            )
        self.say(f"{'Verified: tree' if call.arguments else 'Tree'} {tree}\n")

    # Looking

    def do_preview(self, call: Call) -> None:
        if self.rebuild is not None:
            raise InvalidInput(
                f"This notebook rebuilt {self.rebuild.name} as plain files in {self.rebuild.workspace.app}.",
                hint="To run it: jupyter appbuilder replay NOTEBOOK --serve",
            )
        app = self.session()
        rich.display(app.preview())
        self.say(AFTER_RESTART.format(app.name).replace("`", "") + "\n")

    def do_status(self, call: Call) -> None:
        if self.rebuild is not None:
            return self.say(f"Rebuilding {self.rebuild.name} in {self.rebuild.workspace.folder}\n")
        if self.app is None or not self.app.id:
            return self.say("No app yet. Say what it should do below a line with %%appbuilder.\n")
        summary = self.app.summary
        usage = summary["usage"]
        rows = {
            "App": summary["title"],
            "State": summary["state"],
            "Model": summary["model"] + (" (recorded answers)" if summary["recorded"] else ""),
            "Folder": str(self.app.folder),
            "Tokens": f"{usage['input_tokens']:,} in, {usage['output_tokens']:,} out",
        }
        for name, value in rows.items():
            self.say(f"{name + ':':8}{value}\n")
        return None

    def do_model(self, call: Call) -> None:
        app = self.session()
        if call.arguments:
            app.choose_model(call.arguments[0])
        self.say(f"{app.summary['model']}\n")

    def do_stop(self, call: Call) -> None:
        if self.app is not None:
            self.app.stop()
        self.say("Stopped.\n")

    # Underneath

    def wait(self, work: Any) -> Any:
        return background().run(work)

    def done(self, result: ToolResult) -> None:
        self.say(result.summary.rstrip() + "\n")

    def say(self, text: str) -> None:
        print(text, end="")


def said(markdown: str) -> dict[str, str]:
    """What is shown below a cell, also where Markdown is not."""
    return {"text/markdown": markdown, "text/plain": markdown}


def source_in(names: Mapping[str, Any], word: str) -> Any:
    """What a variable of the notebook holds, or the path of a file. Raises ``InvalidInput``."""
    if word in names:
        return names[word]
    if Path(word).expanduser().is_file():
        return word
    near = difflib.get_close_matches(word, [name for name, value in names.items() if is_frame(value)], 1)
    guess = f"Did you mean {near[0]!r}? " if near else ""
    raise InvalidInput(f"There is no variable and no file {word!r}.", hint=f"{guess}Run the cell first that makes it.")


def name_of_source(word: str) -> str:
    """A dataset's name for a variable or a file: ``Sales 2026.csv`` -> ``sales_2026``."""
    stem = word if word.isidentifier() else Path(word).stem
    return re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_")


def can_ask(shell: Any) -> bool:
    """True if somebody can answer below the cell: not when a notebook is run by a program."""
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        return bool(getattr(kernel, "_allow_stdin", False))
    return sys.stdin is not None and sys.stdin.isatty()


def ask(question: ApprovalRequested) -> dict[str, bool]:
    """Put a question of the agent's to the person; the answer. Anything unclear is no."""
    for_app = ", a = always for this app" if question.get("remember") else ""
    told = f"{always(question)} " if for_app and always(question) else ""
    answer = input(f"{question['question']} {told}y = yes, once{for_app}, anything else = no: ").strip().casefold()[:1]
    return {"granted": answer in ("y", "a"), "remember": answer == "a" and bool(for_app)}


def help_text(name: str = "") -> str:
    """Help on the commands; for one command, with its usage."""
    if name:
        command = COMMANDS.get(name)
        if command is None:
            near = difflib.get_close_matches(name, COMMANDS, 1)
            raise InvalidInput(f"No command {name!r}.", hint=f"Did you mean {near[0]!r}?" if near else "")
        return f"{command.usage}\n    {command.help}"
    lines = ["Jupyter App Builder: say what you want below a line with %%appbuilder alone, and run the cell.", ""]
    for command in COMMANDS.values():
        lines += [command.usage, f"    {command.help}"]
    lines += ["", "The app at hand is the variable `app`: app.build(…), app.files, app.notebook, app.widget() …"]
    return "\n".join(lines)
