"""The arguments of ``jupyter appbuilder``, and where each command goes. Imports nothing heavy: ``--help`` is quick."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from .._version import __version__

if TYPE_CHECKING:
    from ..errors import AppBuilderError
    from .terminal import Terminal

EXAMPLES = """\
examples:
  jupyter appbuilder demo                          a task board, built from a recording: no key, no network
  jupyter appbuilder build "A habit tracker"       with the model of your settings
  jupyter appbuilder fork tasks --turn 2 "Make it a calendar instead"
  jupyter appbuilder build --plan "A habit tracker"
                                                   a plan first: read it, edit it, have it built
  jupyter appbuilder from-notebook sales.ipynb "A dashboard for my team"
                                                   with the data files that the notebook reads
  jupyter appbuilder replay appbuilder/tasks/tasks.ipynb --into /tmp/tasks
  jupyter appbuilder sandboxes stop --all          whichever server, notebook or command runs them
  jupyter appbuilder rules deny 'git push *'       what the agent may not do
  jupyter appbuilder try board                     try what the app can do, in a browser
  jupyter appbuilder publish board                 for whoever may reach your Jupyter server
  jupyter appbuilder doctor                        what is missing on this machine, and how to get it
"""


def parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--root", metavar="DIR", help="the folder that holds appbuilder/ (default: the current folder)")
    shared.add_argument("--json", action="store_true", help="print one JSON object on stdout, for programs")

    serving = argparse.ArgumentParser(add_help=False)
    group = serving.add_mutually_exclusive_group()
    group.add_argument(
        "--serve",
        action="store_true",
        default=None,
        help="keep the preview running until Ctrl-C (the default without --json)",
    )
    group.add_argument("--no-serve", dest="serve", action="store_false", help="end when the app is built")

    making = argparse.ArgumentParser(add_help=False)
    making.add_argument("--name", default="", help="the app's folder below appbuilder/ (default: from the prompt)")
    making.add_argument(
        "--template",
        default="",
        metavar="NAME|DIR|URL",
        help="what the app starts from: a template's name, its folder, or the address of a git repository, "
        "with #FOLDER if it lies deeper (default: react-vite)",
    )

    making.add_argument(
        "--sandbox", default="", metavar="NAME", help="where it runs: auto, local, e2b … (default: auto)"
    )

    making.add_argument(
        "--database",
        default="",
        metavar="KIND",
        help="what its database is: sqlite or postgresql (default: configured)",
    )

    attaching = argparse.ArgumentParser(add_help=False)
    attaching.add_argument(
        "--attach",
        action="append",
        default=[],
        metavar="FILE",
        help="show the agent a picture, text, CSV, notebook or PDF; can be given several times",
    )

    main = argparse.ArgumentParser(
        prog="jupyter appbuilder",
        description="Describe a web app in plain words; an agent builds it in a sandbox.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    main.add_argument("--version", action="version", version=__version__)
    commands = main.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, goes: str, says: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        """``goes``: module and function that carry it out, below this package."""
        described = f"{says[0].upper()}{says[1:]}."
        made = commands.add_parser(name, parents=[shared, *parents], help=says, description=described)
        made.set_defaults(goes=goes)
        return made

    build = command("build", "building.build", "build an app from a description", serving, making, attaching)
    build.add_argument("prompt", metavar="PROMPT", help="what you want; - reads it from stdin")
    build.add_argument("--model", default="", metavar="PROVIDER:NAME", help="the model to ask")
    build.add_argument("--session", default="", metavar="ID|NAME", help="continue with an existing app")
    build.add_argument("--plan", action="store_true", help="write a plan first; edit it, then build it")
    build.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a host that the app's code may reach, such as api.example.org; can be given several times",
    )

    for name, goes, says in (
        ("retry", "steering.retry", "undo the changes of an app's last request, and run it again"),
        ("continue", "steering.go_on", "continue an app's last request after a stop or an error"),
    ):
        again = command(name, goes, says, serving)
        again.add_argument("session", metavar="ID|NAME", help="the app")
        again.add_argument("--model", default="", metavar="PROVIDER:NAME", help="the model to ask (default: the app's)")

    fork = command("fork", "steering.fork", "copy an app as it was before a request, and go on in the copy", serving)
    fork.add_argument("session", metavar="ID|NAME", help="the app")
    fork.add_argument(
        "prompt", nargs="?", default="", metavar="PROMPT", help="what to ask instead; - reads it from stdin"
    )
    fork.add_argument("--turn", default="", metavar="N", help="before which request: 2, 3 … (default: the last)")
    fork.add_argument("--checkpoint", default="", metavar="ID", help="begin at this version instead")
    fork.add_argument("--name", default="", help="the new app's folder (default: NAME-fork)")
    fork.add_argument("--model", default="", metavar="PROVIDER:NAME", help="the model to ask (default: the app's)")

    accept = command("accept", "planning.accept", "build a plan", serving)
    accept.add_argument("session", metavar="ID|NAME", help="the app")
    accept.add_argument("--plan", default="", metavar="ID", help="which (p1, p2 …; default: the last)")
    accept.add_argument("--edited", default="", metavar="FILE", help="the plan as you want it, Markdown; - for stdin")
    accept.add_argument("--model", default="", metavar="PROVIDER:NAME", help="the model to ask")

    ask = command("ask", "planning.ask", "ask about an app; nothing is changed", attaching)
    ask.add_argument("prompt", metavar="QUESTION", help="what you want to know; - reads it from stdin")
    ask.add_argument("--session", required=True, metavar="ID|NAME", help="the app")
    ask.add_argument("--model", default="", metavar="PROVIDER:NAME", help="the model to ask")

    trying = command("try", "trying.try_scenarios", "try an app's scenarios in a browser")
    trying.add_argument("session", metavar="ID|NAME", help="the app")
    trying.add_argument("names", nargs="*", metavar="SCENARIO", help="files below scenarios/ (default: all)")

    demo = command("demo", "building.demo", "watch a recorded session being built", serving, making)
    demo.add_argument(
        "recording", nargs="?", default="", metavar="NAME", help="which recording; a wrong name lists them"
    )

    of_notebook = command("from-notebook", "from_notebook.from_notebook", "make an app of a notebook", serving, making)
    of_notebook.add_argument("notebook", metavar="NOTEBOOK", help="an .ipynb file; nothing of it is run")
    of_notebook.add_argument(
        "prompt",
        nargs="?",
        default="",
        metavar="PROMPT",
        help="what to make of it; - reads it from stdin (default: a dashboard of its charts and tables)",
    )
    of_notebook.add_argument("--model", default="", metavar="PROVIDER:NAME", help="the model to ask")
    of_notebook.add_argument(
        "--private", action="store_true", help="tell the agent names and types of columns, and no value or output"
    )

    replay = command("replay", "replaying.replay", "rebuild an app from its notebook", serving)
    replay.add_argument("notebook", metavar="NOTEBOOK", help="the .ipynb file of an app")
    replay.add_argument("--into", metavar="DIR", help="where to (default: replay/NAME beside the notebook)")

    listing = command("list", "sessions.list_sessions", "list the apps")
    listing.add_argument(
        "search", nargs="?", default="", metavar="WORDS", help="only apps that match all of these words"
    )

    export = command("export", "sessions.export", "write an app's files as a ZIP archive")
    export.add_argument("session", metavar="ID|NAME", help="the app")
    export.add_argument(
        "-o", "--output", default="", metavar="FILE", help="a file or a folder (default: NAME.zip here)"
    )
    export.add_argument("--tests", action="store_true", help="with the app's scenarios as Playwright tests")

    served = command("serve", "serving_apps.serve", "serve a published app that has to run, in the sandbox")
    served.add_argument(
        "bundle",
        metavar="BUNDLE",
        nargs="?",
        default="",
        help="the folder of a bundle, or of a publication, whose live release is followed",
    )
    served.add_argument(
        "--publication",
        default="",
        metavar="NAME",
        help="instead: what is published as NAME on the JupyterHub that starts this, for whom it is shared with",
    )
    served.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen (default: 127.0.0.1)")
    served.add_argument("--port", type=int, default=8000, metavar="N", help="default: 8000; 0: a free one")
    served.add_argument("--base-url", default="/", metavar="PATH", help="the path that it answers below (default: /)")
    served.add_argument(
        "--data", default="", metavar="DIR", help="where its data lie (default: serving/NAME in the data folder)"
    )
    served.add_argument(
        "--secrets-file",
        default="",
        metavar="FILE",
        help="lines NAME=value, or JSON; beside the variables APPBUILDER_SECRET_NAME",
    )
    served.add_argument(
        "--hostname",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which it is asked for; can be given several times (default: localhost on a loopback, else any)",
    )
    served.add_argument(
        "--trust-proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="a proxy in front, whose X-Forwarded headers say who asks; several times (on a loopback: this machine's)",
    )
    served.add_argument(
        "--idle", type=float, default=900.0, metavar="SECONDS", help="sleep when unused for so long; 0: never (900)"
    )
    served.add_argument("--sandbox", default="", metavar="NAME", help="where it runs: auto, local … (default: auto)")

    share = command("share", "sharing.share", "who may open a published app on the Hub; let people in, or not any more")
    share.add_argument("session", metavar="APP")
    for name, what in (
        ("user", "let a user in"),
        ("group", "let a group in"),
        ("revoke", "let a user or group in no more"),
    ):
        share.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=f"{what}; several times")
    share.add_argument("--everybody", action="store_true", help="let everybody with an account in")
    share.add_argument("--nobody", action="store_true", help="let nobody in but you")
    share.add_argument("--to", default="hub", metavar="TARGET", help="where it is published (default: hub)")

    look = command("look", "looking.look", "links by which other people look at a session: list, make, take back")
    look.add_argument("session", metavar="ID|NAME", help="the app")
    look.add_argument("--user", action="append", default=[], metavar="NAME", help="make one for a user; several times")
    look.add_argument("--group", action="append", default=[], metavar="NAME", help="for a group; several times")
    look.add_argument("--everybody", action="store_true", help="for everybody with an account")
    look.add_argument("--days", type=int, default=30, metavar="N", help="how long it is good for (default: 30)")
    look.add_argument("--no-copies", action="store_true", help="who looks may not make an app of their own of it")
    look.add_argument("--no-app", action="store_true", help="who looks may not open the app, as a copy with its data")
    look.add_argument("--end", action="append", default=[], metavar="LINK", help="take one back; several times")

    transcript = command("transcript", "sessions.transcript", "write what was asked and done as an HTML file")
    transcript.add_argument("session", metavar="ID|NAME", help="the app")
    transcript.add_argument(
        "-o", "--output", default="", metavar="FILE", help="a file or a folder (default: NAME.html here)"
    )

    picture = command("picture", "trying.save_picture", "write a picture of an app, moving or still", serving)
    picture.add_argument("session", metavar="ID|NAME", help="the app")
    picture.add_argument(
        "-o",
        "--output",
        default="",
        metavar="FILE",
        help="a file that ends in .webp or .gif, which show the app's scenarios, or in .png (default: NAME.webp here)",
    )

    publish = command("publish", "publishing.publish", "publish an app: built, checked, passed through the gate")
    publish.add_argument("session", metavar="ID|NAME", help="the app")
    publish.add_argument(
        "--to", default="here", metavar="TARGET", help="here (this Jupyter server), folder, hub … (default: here)"
    )
    publish.add_argument("--name", default="", help="what it is published as (default: the app's name)")
    publish.add_argument(
        "--version", default="", metavar="ID|NAME", help="which version (default: the newest whose checks passed)"
    )
    publish.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the target; a secret is asked for where none is kept",
    )
    publish.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="ID=REASON",
        help="publish it anyway, though this was found; the reason is logged",
    )

    command("publications", "publishing.publications", "list what readers get of apps").add_argument(
        "session", nargs="?", default="", metavar="ID|NAME", help="of one app (default: of all)"
    )
    for name, goes, says in (
        ("rollback", "publishing.roll_back", "give readers an earlier release of an app again"),
        ("unpublish", "publishing.unpublish", "take a published app down"),
    ):
        changed = command(name, goes, says)
        changed.add_argument("session", metavar="ID|NAME", help="the app")
        if name == "rollback":
            changed.add_argument("number", type=int, metavar="N", help="the release's number")
        changed.add_argument("--from", dest="target", default="here", metavar="TARGET", help="where (default: here)")

    schedule = command("schedule", "refreshing.schedule", "when a published app's data are refreshed; change it")
    schedule.add_argument("session", metavar="ID|NAME", help="the app")
    schedule.add_argument(
        "cron", nargs="?", default="", metavar="CRON", help='five fields, such as "0 6 * * 1-5" (default: show it)'
    )
    schedule.add_argument("--zone", default="", help="its time zone, such as Europe/Berlin (default: this machine's)")
    schedule.add_argument("--notebook", default="", metavar="FILE", help="the notebook that hands the data over")
    schedule.add_argument("--to", default="", metavar="TARGET", help="where it is published (default: where it is)")
    schedule.add_argument("--promise", default="", metavar="TIME", help="how old readers' data are at most: 12h, 2d")
    schedule.add_argument(
        "--minutes", type=int, default=30, metavar="N", help="how long its cells may take (default: 30)"
    )
    schedule.add_argument(
        "--memory", type=int, default=4096, metavar="MB", help="how much memory they may hold (default: 4096)"
    )
    how = schedule.add_mutually_exclusive_group()
    how.add_argument("--pause", action="store_true", help="leave its times out")
    how.add_argument("--resume", action="store_true", help="not any more")
    how.add_argument("--remove", action="store_true", help="no schedule any more; what ran stays to be seen")

    refresh = command("refresh", "refreshing.refresh", "run the notebook of an app's data, and publish it with them")
    refresh.add_argument("session", nargs="?", default="", metavar="ID|NAME", help="the app, now")
    refresh.add_argument("--due", action="store_true", help="instead: all apps whose time has come; for cron, systemd")

    runs = command("runs", "refreshing.runs", "what came of refreshing an app's data")
    runs.add_argument("session", metavar="ID|NAME", help="the app")
    runs.add_argument("number", nargs="?", type=int, default=0, metavar="N", help="one of them, with all that it said")

    usage = command("usage", "usage.usage", "tokens and cost by day, model and app; the budgets")
    usage.add_argument(
        "--days", type=int, default=30, metavar="N", help="number of days, including today (default: 30)"
    )

    sandboxes = command("sandboxes", "sandboxes.sandboxes", "list the sandboxes that run, and stop them")
    sandboxes.add_argument("action", nargs="?", choices=["list", "stop"], default="list", help="default: list")
    sandboxes.add_argument("names", nargs="*", metavar="NAME", help="an app's name or id, to stop its sandboxes")
    sandboxes.add_argument("--all", action="store_true", help="with stop: all of them")

    templates = command("templates", "templates.templates", "list the templates; build them at E2B")
    templates.add_argument("action", nargs="?", choices=["list", "build"], default="list", help="default: list")
    templates.add_argument("names", nargs="*", metavar="NAME", help="which to build (default: all)")
    templates.add_argument(
        "--alias-prefix", default="", metavar="PREFIX", help="prefix of template names at E2B (default: as configured)"
    )
    templates.add_argument("--fresh", action="store_true", help="build without E2B's cache of earlier builds")

    rules = command("rules", "rules.rules", "approval rules: what the agent may do, must ask for, or may not do")
    actions = ["list", "allow", "ask", "deny", "remove", "check"]
    rules.add_argument("action", nargs="?", choices=actions, default="list", help="default: list; check: try a command")
    rules.add_argument(
        "pattern", nargs="?", default="", metavar="PATTERN", help="such as 'git push *'; see docs/approvals.md"
    )
    rules.add_argument(
        "--tool", default="run_command", metavar="NAME", help="the tool it is about (default: run_command)"
    )

    secret = command("secret", "secrets.secret", "secrets of an app: set one (typed, or piped), list or remove them")
    secret.add_argument("session", metavar="ID|NAME")
    secret.add_argument("name", nargs="?", default="", metavar="NAME", help="such as API_KEY; without it, list them")
    secret.add_argument("--remove", action="store_true", help="forget it")

    hub = command("hub", "hub.serve", "the service for everybody on a JupyterHub: models, keys, budgets (docs/hub.md)")
    hub.add_argument(
        "--config", default="", metavar="FILE", help="its configuration (default: appbuilder_hub_config.py, if there)"
    )

    doctor = command("doctor", "doctor.doctor", "check sandbox, git, Node.js, models and browser")
    doctor.add_argument(
        "--install-browser",
        action="store_true",
        help="install a headless Chromium for looking at apps into the data folder (68 MB, no root needed)",
    )
    doctor.add_argument(
        "--model",
        nargs="?",
        const="",
        metavar="PROVIDER:NAME",
        help="test a model instead (default: the one of new sessions): tool calls, JSON schema, images, context and "
        "speed; uses about 1,200 of its tokens",
    )
    return main


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    commands = parser()
    options, rest = commands.parse_known_args(arguments)
    if not options.command and not rest:
        commands.print_help(sys.stderr)
        sys.exit(2)
    # An optional last argument is lost on argparse where an option comes before it: `fork tasks --turn 2 "A calendar"`.
    if options.command == "fork" and not options.prompt and len(rest) == 1 and (rest == ["-"] or rest[0][:1] != "-"):
        options.prompt, rest = rest[0], []
    if rest:
        commands.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The ``jupyter-appbuilder`` command. Exits with its code."""
    options = parse(arguments)
    # Ending politely is what stops the sandboxes.
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(run(options))


def run(options: argparse.Namespace) -> int:
    from traitlets import TraitError

    from ..errors import AppBuilderError, InvalidInput
    from .terminal import Terminal, speak_plainly

    speak_plainly()
    terminal = Terminal(sys.stderr)
    try:
        return function_of(options.goes)(options, terminal)
    except KeyboardInterrupt:
        terminal.note("Stopped.")
        return 130
    except BrokenPipeError:
        return 1
    except (AppBuilderError, OSError, TraitError) as raised:
        error = raised if isinstance(raised, AppBuilderError) else _explained(raised)
        if options.json:
            print(json.dumps({"error": error.to_json()}), flush=True)
        terminal.error(error.message, error.hint)
        return 2 if isinstance(error, InvalidInput) else 3 if error.reason == "no_model" else 1


def function_of(goes: str) -> Callable[[argparse.Namespace, Terminal], int]:
    """What carries a command out; imported only now, so that ``--help`` stays quick."""
    module, function = goes.split(".")
    return getattr(import_module(f".{module}", __package__), function)


def _explained(error: Exception) -> AppBuilderError:
    """Turn what the machine or the configuration refused into an error for people."""
    from ..errors import InvalidInput, Unavailable

    if not isinstance(error, OSError):
        return InvalidInput(str(error), hint="Correct it in the configuration: `jupyter --paths` lists its folders.")
    if error.filename is None:
        return Unavailable(f"The system refused: {error.strerror or error}.")
    return Unavailable(
        f"{error.filename} cannot be used: {error.strerror}.", hint="Check that it is there, its rights and the disk."
    )


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
