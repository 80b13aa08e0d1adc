"""Converts between notebook cells and the calls they stand for, exactly.

    %%appbuilder write src/App.tsx          <- header: command, arguments, options
    export default function App() {         <- body: the file's text
    …

A cell's source is the header, and the body below it. The last line break of a body may be left out, as notebooks do,
unless the body ends with an empty line. Content that a text cell cannot hold exactly says how it is written:
``--no-final-newline``, ``--crlf`` (every line ends with CR LF), ``--empty`` (said, so that a cell run by mistake
empties no file) and ``--encoding base64`` (anything else, binary files too). Edits whose text holds a marker line are
written as JSON (``--encoding json``).
"""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import InvalidInput
from ..formats.text import encodable

MAGIC = "appbuilder"
SEARCH, DIVIDER, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"
REPLACE_ALL = f"{REPLACE} ALL"

NOTHING = "# It changed no file.\n"
"""The body of a recorded command that left no patch: a body at all tells a replay not to run it."""

ENCODED = "# base64\n"
"""Begins the body of a recorded command whose patch a text cell cannot hold exactly."""


@dataclass(frozen=True, slots=True)
class Command:
    """The arguments of one magic command. ``options`` maps each option to its value's name, "" for a flag."""

    usage: str
    help: str
    arguments: tuple[int, int] = (0, 0)  # fewest and most
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Literal["no", "may", "must"] = "no"
    rest: bool = False  # the rest of the line is one argument, as it stands


UNRECORDED = "unrecorded"
"""The option of a file that was written, whose content is recorded nowhere."""

SEVERAL = frozenset(["attach", "accept"])
"""Options that can be given several times; each value has a line then."""

TEXT_OPTIONS = {"encoding": "NAME", "crlf": "", "no-final-newline": "", "empty": ""}

COMMANDS: Mapping[str, Command] = {
    "build": Command(
        "%%appbuilder [build] [--model PROVIDER:NAME] [--attach FILE …]   (body: what you want, in plain words)",
        "Ask the agent. The next such cell goes on in the same session. --attach shows it a file or a figure of the "
        "notebook, and can be given several times.",
        options={"model": "NAME", "attach": "FILE"},
        body="must",
    ),
    "retry": Command("%appbuilder retry", "Undo the changes of the last request, and run it again."),
    "continue": Command("%appbuilder continue", "Continue the last request after a stop or an error."),
    "fork": Command(
        "%appbuilder fork [TURN] [--name NAME] [--model PROVIDER:NAME]   (body, with %%: what to ask instead)",
        "Copy the app as it was before a request (t1, t2 …; the last by default) and go on in the copy.",
        (0, 1),
        {"name": "NAME", "model": "NAME"},
        "may",
    ),
    "plan": Command(
        "%%appbuilder plan [--model PROVIDER:NAME] [--attach FILE …]   (body: what should be planned)",
        "Write a plan; nothing is changed. Another such cell, with what should be different, makes a new one.",
        options={"model": "NAME", "attach": "FILE"},
        body="must",
    ),
    "accept": Command(
        "%appbuilder accept [PLAN] [--model PROVIDER:NAME]   (with %%: the body is the plan as you edited it)",
        "Build the last plan.",
        (0, 1),
        {"model": "NAME"},
        "may",
    ),
    "ask": Command(
        "%%appbuilder ask [--model PROVIDER:NAME] [--attach FILE …]   (body: a question about the app)",
        "Answer a question; nothing is changed.",
        options={"model": "NAME", "attach": "FILE"},
        body="must",
    ),
    "try": Command(
        "%appbuilder try [NAME …]", "Try the app's scenarios in a browser, all of them or some by name.", (0, 100)
    ),
    "new": Command(
        "%appbuilder new NAME [--template NAME|DIR|URL] [--model PROVIDER:NAME] [--sandbox NAME] [--database KIND] "
        "[--exist-ok]",
        "Start a new app; with --exist-ok, continue the one of that name if it exists.",
        (0, 1),
        {"template": "NAME", "tree": "HASH", "database": "KIND", "model": "NAME", "sandbox": "NAME", "exist-ok": ""},
        "may",
    ),
    "open": Command("%appbuilder open NAME", "Continue an existing app.", (1, 1)),
    "write": Command(
        "%%appbuilder write PATH   (body: the file)", "Write a file.", (1, 1), {**TEXT_OPTIONS, UNRECORDED: ""}, "must"
    ),
    "edit": Command(
        "%%appbuilder edit PATH   (body: <<<<<<< SEARCH / ======= / >>>>>>> REPLACE)",
        "Replace exact text in a file: once for each block, or everywhere with >>>>>>> REPLACE ALL.",
        (1, 1),
        {"encoding": "NAME"},
        "must",
    ),
    "data": Command(
        "%appbuilder data [VARIABLE|FILE] [--table NAME] [--keep latest|all] [--private] [--replace]",
        "Hand data to the app: a frame of the notebook, or a CSV, Parquet or Excel file; alone, list what the app has. "
        "In an app with a database, --replace also replaces rows that were changed in the app. "
        "With a body (a patch) the recorded result is applied instead.",
        (0, 1),
        {"table": "NAME", "keep": "NAME", "private": "", "replace": "", "path": "PATH", "hash": "HASH", "rows": "N"},
        "may",
    ),
    "from-notebook": Command(
        "%appbuilder from-notebook [FILE] [--name NAME] [--template NAME] [--model PROVIDER:NAME] [--private]",
        "Make an app of this notebook (or of FILE): its charts, tables and text, and the frames they show. What to "
        "make of it goes below a line with %%appbuilder from-notebook; alone, it becomes a dashboard.",
        (0, 1),
        {"name": "NAME", "template": "NAME", "model": "NAME", "private": ""},
        "may",
    ),
    "refresh": Command(
        "%appbuilder refresh NAME [--replace]",
        "Get a dataset anew, from its function or file; --replace as for data.",
        (1, 1),
        {"replace": ""},
    ),
    "expose": Command(
        "%appbuilder expose [NAME]",
        "Let the app call a function of the notebook; alone, list those that it may. With a body (a patch) the "
        "recorded result is applied instead.",
        (0, 1),
        body="may",
    ),
    "unexpose": Command(
        "%appbuilder unexpose NAME",
        "Take a function back. With a body (a patch) the recorded result is applied instead.",
        (1, 1),
        body="may",
    ),
    "run": Command(
        "%appbuilder run COMMAND",
        "Run a shell command in the app's sandbox. With a body (a patch) the recorded result is applied instead.",
        (1, 1),
        body="may",
        rest=True,
    ),
    "install": Command(
        "%appbuilder install PACKAGE … [--dev] [--kind npm|python]",
        "Add packages to the app. With a body (a patch) the recorded result is applied instead.",
        (1, 50),
        {"dev": "", "kind": "NAME"},
        "may",
    ),
    "patch": Command(
        "%%appbuilder patch   (body: git diff)",
        "Apply a patch.",
        options={**TEXT_OPTIONS, "title": "TEXT", "data": "N"},
        body="must",
    ),
    "sql": Command(
        "%%appbuilder sql   (body: INSERT, UPDATE, DELETE; several end with ;)",
        "Change rows of the app's database: all of the statements, or none.",
        options=TEXT_OPTIONS,
        body="must",
    ),
    "delete": Command("%appbuilder delete PATH", "Delete a file.", (1, 1)),
    "rename": Command("%appbuilder rename OLD NEW", "Rename a file.", (2, 2)),
    "checkpoint": Command("%appbuilder checkpoint TITLE", "Keep a version in the app's history.", (1, 1)),
    "publish": Command(
        '%appbuilder publish [TARGET] [--name NAME] [--version VERSION] [--accept "ID=REASON" …]   '
        "(with %%: settings, NAME=VALUE)",
        "Publish the app, built and checked: on this server (here, the default), or to a folder, a Hub … --accept "
        "publishes it though something was found, and can be given several times.",
        (0, 1),
        {"name": "NAME", "version": "VERSION", "accept": "ID=REASON"},
        "may",
    ),
    "schedule": Command(
        '%appbuilder schedule ["CRON"|run|pause|resume|off] [--zone ZONE] [--notebook FILE] [--promise TIME]',
        "Refresh the published app's data by running this notebook, at times like 0 6 * * 1-5; alone: how that stands.",
        (0, 1),
        {"zone": "ZONE", "notebook": "FILE", "promise": "TIME"},
    ),
    "name": Command(
        '%appbuilder name VERSION "NAME"',
        'Call a version something (its tree, id, the beginning of one, or the name that it has); "" takes that away.',
        (2, 2),
    ),
    "restore": Command(
        "%appbuilder restore VERSION [--files]",
        "Go back to an earlier version, with what the app wrote; with --files to its files alone.",
        (1, 1),
        {"files": "", "data": "N"},
    ),
    "verify": Command(
        "%appbuilder verify [TREE]   (with %%: the body says what the database holds)",
        "Compare the app's files with a git tree hash, and while an app is rebuilt its database, too.",
        (0, 1),
        {UNRECORDED: ""},
        body="may",
    ),
    "preview": Command("%appbuilder preview", "Show the running app below the cell."),
    "status": Command("%appbuilder status", "Show the session's status."),
    "model": Command("%appbuilder model [PROVIDER:NAME]", "Show or choose the model.", (0, 1)),
    "allow": Command("%appbuilder allow HOST …", "Let the app's code reach hosts on the Internet.", (1, 20)),
    "revoke": Command("%appbuilder revoke HOST …", "Take hosts back.", (1, 20)),
    "hosts": Command("%appbuilder hosts", "Show the hosts that the app's code may reach."),
    "secret": Command(
        "%appbuilder secret [NAME]",
        "Set a secret for the app's functions: the value is asked for below the cell, so that it is in no notebook. "
        "Without NAME, show which there are.",
        (0, 1),
    ),
    "stop": Command("%appbuilder stop", "Stop the running turn and the preview."),
    "help": Command("%appbuilder help", "This text.", (0, 1)),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One cell of the magic, parsed. ``body`` is "" where there is none, and ends with a line break where there is."""

    command: str
    arguments: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str = ""

    def source(self) -> str:
        """The cell's source, such that ``parse(call.source()) == call``."""
        words = [self.command]
        if self.command == "run":
            words.append(_command_line(self.arguments[0]))
        elif not all(map(_fits_a_line, (*self.arguments, *self.options.values()))):
            words.append(f"--json {json.dumps({'arguments': self.arguments, 'options': dict(self.options)})}")
        else:
            words += [shlex.quote(word) for word in self.arguments]
            for name, value in self.options.items():
                words += [f"--{name}", shlex.quote(value)] if value else [f"--{name}"]
        sign = "%%" if self.body else "%"
        return f"{sign}{MAGIC} {' '.join(words)}" + (f"\n{_shorten(self.body)}" if self.body else "")


def parse(source: str) -> Call | None:
    """The call a cell stands for; None for a cell that is not of this magic.

    Raises ``InvalidInput`` with the usage of the command for anything that does not fit.
    """
    text = source.lstrip() if source[:1].isspace() else source
    header, _, body = (text if text.endswith("\n") else text + "\n").partition("\n")
    for sign in (f"%%{MAGIC}", f"%{MAGIC}"):
        if header == sign or header.startswith((sign + " ", sign + "\t")):
            return read(header[len(sign) :].strip(), body if sign.startswith("%%") else "")
    return None


def read(line: str, body: str = "") -> Call:
    """The call of a magic's line and body. Raises ``InvalidInput`` with the usage."""
    name, _, rest = line.partition(" ")
    if not line or name.startswith("--"):
        name, rest = ("build" if body.strip() else "help"), line
    command = COMMANDS.get(name)
    if command is None:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        guess = f"Did you mean {near[0]!r}? " if near else ""
        raise InvalidInput(
            f"%appbuilder has no command {name!r}.",
            hint=f"{guess}A request in plain words goes below a line with %%appbuilder alone. See %appbuilder help.",
        )
    if rest.lstrip().startswith("--json ") and not command.rest:
        arguments, options = _read_json(name, command, rest)
    elif command.rest:
        arguments, options = ((_read_command_line(rest),) if rest.strip() else ()), {}
    else:
        arguments, options = _words(name, command, rest)
    fewest, most = command.arguments
    if not fewest <= len(arguments) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise _usage(name, f"{name} takes {wanted} argument{'' if wanted == '1' else 's'}, not {len(arguments)}")
    if command.body == "must" and not body.strip() and not options.keys() & {"empty", UNRECORDED}:
        raise _usage(name, f"{name} needs a body below its first line")
    if command.body == "no" and body.strip():
        raise _usage(name, f"{name} takes no body")
    return Call(name, arguments, options, body)


def _words(name: str, command: Command, rest: str) -> tuple[tuple[str, ...], dict[str, str]]:
    try:
        words = iter(shlex.split(rest))
    except ValueError as error:
        raise _usage(name, f"the quotes do not match ({error})") from None
    arguments: list[str] = []
    options: dict[str, str] = {}
    for word in words:
        if not word.startswith("--") or word == "--":
            if word != "--":
                arguments.append(word)
            continue
        option, equals, value = word[2:].partition("=")
        if option not in command.options:
            raise _usage(name, f"{name} has no option --{option}")
        if command.options[option] and not equals:
            value = next(words, "")
            if not value:
                raise _usage(name, f"--{option} needs a value")
        # A name in a line has no line break: of an option that is given several times, each value has a line.
        several = option in SEVERAL and option in options
        options[option] = f"{options[option]}\n{value}" if several else value
    return tuple(arguments), options


def _fits_a_line(word: str) -> bool:
    """True if a word stays whole in a cell's first line, and is not taken for an option."""
    return word.isprintable() and not word.startswith("--")


def _read_json(name: str, command: Command, rest: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Read arguments and options that a line of words cannot hold, written as JSON behind ``--json``."""
    try:
        told = json.loads(rest.strip()[7:])
        arguments, options = told["arguments"], told["options"]
        values = [*arguments, *options, *options.values()]
        if not isinstance(arguments, list) or not all(isinstance(value, str) for value in values):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _usage(name, 'the text after --json is not {"arguments": […], "options": {…}} with texts') from None
    for option, value in options.items():
        if option not in command.options or bool(value) != bool(command.options[option]):
            raise _usage(name, f"{name} has no option --{option}" + (" with a value" if value else ""))
    return tuple(arguments), options  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _usage(name: str, what: str) -> InvalidInput:
    return InvalidInput(f"{what[0].upper()}{what[1:]}.", hint=f"Usage: {COMMANDS[name].usage}")


def _command_line(command: str) -> str:
    """Write a shell command for the header line: as it is, or as JSON where a line cannot hold it."""
    plain = command == command.strip() and command and command.isprintable() and not command.startswith("--json ")
    return command if plain else f"--json {json.dumps(command)}"


def _read_command_line(rest: str) -> str:
    rest = rest.strip()
    if not rest.startswith("--json "):
        return rest
    try:
        command = json.loads(rest[7:])
    except (ValueError, RecursionError):
        command = None
    if not isinstance(command, str):
        raise _usage("run", "the text after --json is not a JSON text")
    return command


def _shorten(body: str) -> str:
    """Write a body as notebooks do: without its last line break, where that can be told apart."""
    return body[:-1] if len(body) > 1 and body.endswith("\n") and body[-2] != "\n" else body


def pack(content: bytes | str) -> tuple[dict[str, str], str]:
    """Options and body that hold ``content`` exactly; ``unpack`` is its inverse."""
    options: dict[str, str] = {}
    if not content:
        return {"empty": ""}, ""
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        data = content.encode("utf-8") if isinstance(content, str) else content
    except UnicodeError:
        text, data = "", content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        return {"encoding": "base64"}, _base64(data)
    if "\r" in text:
        if text.count("\r\n") != text.count("\r") or text.count("\n") != text.count("\r"):
            return {"encoding": "base64"}, _base64(data)
        options["crlf"] = ""
        text = text.replace("\r\n", "\n")
    if "\0" in text or not text.strip():  # a body of white space alone looks like none
        return {"encoding": "base64"}, _base64(data)
    if text and not text.endswith("\n"):
        options["no-final-newline"] = ""
        text += "\n"
    return options, text


def unpack(options: Mapping[str, str], body: str) -> bytes:
    """The content a body holds. Raises ``InvalidInput`` for an encoding that is not known or does not fit."""
    encoding = options.get("encoding", "")
    if encoding == "base64":
        try:
            return base64.b64decode("".join(body.split()), validate=True)
        except binascii.Error as error:
            raise InvalidInput(f"The body is not base64: {error}.", hint="Restore the cell as it was.") from None
    if encoding:
        raise InvalidInput(f"There is no encoding {encoding!r}.", hint="Use --encoding base64, or none.")
    if "no-final-newline" in options and body.endswith("\n"):
        body = body[:-1]
    if "crlf" in options:
        body = body.replace("\n", "\r\n")
    return body.encode("utf-8", "surrogatepass")


def unpack_text(options: Mapping[str, str], body: str) -> str:
    """The text a body holds. Raises ``InvalidInput`` also where it holds something else."""
    try:
        return unpack(options, body).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise InvalidInput("The body holds no text.", hint="Restore the cell as it was.") from None


def _base64(data: bytes) -> str:
    return base64.encodebytes(data).decode("ascii")


def pack_patch(patch: str) -> str:
    """The body of a recorded command: its patch, or that there is none; ``unpack_patch`` is its inverse."""
    if not patch:
        return NOTHING
    options, body = pack(patch)
    return body if not options else f"{ENCODED}{_base64(patch.encode('utf-8', 'surrogatepass'))}"


def unpack_patch(body: str) -> str:
    if body.strip() == NOTHING.strip():
        return ""
    if body.startswith(ENCODED):
        return unpack_text({"encoding": "base64"}, body.removeprefix(ENCODED))
    return body


def pack_edits(edits: Sequence[Mapping[str, Any]]) -> tuple[dict[str, str], str]:
    """Options and body of edits, each with the texts ``search`` and ``replace`` and, where it is meant for all places,
    ``replace_all``; ``unpack_edits`` is its inverse."""
    edits = [{name: value for name, value in edit.items() if name != "replace_all" or value} for edit in edits]
    texts = ("search", "replace")
    plain = all(
        set(edit) - {"replace_all"} == set(texts) and not any(_awkward(edit[key]) for key in texts) for edit in edits
    )
    if not plain or not edits:
        return {"encoding": "json"}, json.dumps(edits, indent=1, ensure_ascii=False) + "\n"
    lines: list[str] = []
    for edit in edits:
        end = REPLACE_ALL if "replace_all" in edit else REPLACE
        lines += [SEARCH, *_lines(edit["search"]), DIVIDER, *_lines(edit["replace"]), end]
    return {}, "\n".join(lines) + "\n"


def unpack_edits(options: Mapping[str, str], body: str) -> list[dict[str, Any]]:
    """The edits of a body. Raises ``InvalidInput`` naming the line that does not fit."""
    if options.get("encoding") == "json":
        try:
            edits = json.loads(body)
            if not all(isinstance(edit[key], str) for edit in edits for key in ("search", "replace")):
                raise TypeError
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"The body is not JSON: {error}.", hint="Restore the cell as it was.") from None
        except (TypeError, KeyError):
            raise InvalidInput("The body is not a list of edits.", hint="Restore the cell as it was.") from None
        return edits
    edits: list[dict[str, Any]] = []
    search: list[str] | None = None
    replace: list[str] | None = None
    for number, line in enumerate(body.removesuffix("\n").split("\n"), 2):
        mark = line.rstrip()
        if search is None:
            if mark == SEARCH:
                search = []
            elif mark:
                raise _usage("edit", f"line {number} of the cell should be {SEARCH!r}, not {line[:60]!r}")
        elif replace is None:
            if mark == DIVIDER:
                replace = []
            else:
                search.append(line)
        elif mark in (REPLACE, REPLACE_ALL):
            everywhere = {"replace_all": True} if mark == REPLACE_ALL else {}
            edits.append({"search": "\n".join(search), "replace": "\n".join(replace), **everywhere})
            search = replace = None
        else:
            replace.append(line)
    if search is not None:
        raise _usage("edit", f"the last block lacks its {DIVIDER if replace is None else REPLACE!r} line")
    return edits


def _lines(text: str) -> list[str]:
    return text.split("\n") if text else []


def _awkward(text: object) -> bool:
    """True if text cannot stand between marker lines."""
    if not isinstance(text, str) or "\r" in text or "\0" in text or not encodable(text):
        return True
    return any(line.rstrip() in (SEARCH, DIVIDER, REPLACE, REPLACE_ALL) for line in text.split("\n"))
