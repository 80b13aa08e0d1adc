"""Renders a session as a notebook: a pure function of its events.

What was asked and said are Markdown cells; what changed files are code cells (``cells.py``) that do the same again;
what changed nothing (reading, searching, checks, calls that failed) is a line in a Markdown cell, so that a replay is
quick and cannot fail where the session did. The result is nbformat 4.5 as plain JSON: 30 times quicker than through
``nbformat``. Cell ids are made of sequence numbers, so a cell keeps its id while the notebook grows.

The newest pictures of the app are attached to the cells that tell of them. What a cell says of them follows from the
events alone: where a picture is no longer kept, a notebook that was written before keeps its own.
"""

from __future__ import annotations

import base64
import logging
import re
import shlex
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..databases.contents import content_in
from ..datasets.description import in_bytes
from ..events import (
    ApprovalGiven,
    Attachment,
    CheckpointCreated,
    DatabaseRecorded,
    Event,
    EventOf,
    FileChanged,
    HistoryCompacted,
    KeptPicture,
    MessageUser,
    Mode,
    Person,
    PlanAccepted,
    PlanWritten,
    ResponseCompleted,
    SessionCreated,
    SessionFailed,
    SessionForked,
    SessionRestored,
    ToolFinished,
    ToolStarted,
    TurnDropped,
    TurnFinished,
    TurnStarted,
    VersionNamed,
    of_newer_version,
)
from ..formats.excerpts import bounded, fenced
from ..log.pictures import pictures_of, pictures_with
from ..log.untracked import untracked
from ..pointing import named
from ..tools.registry import load_tools
from ..turns.people import people_in
from ..turns.suggestions import whole
from . import cells
from .cells import UNRECORDED, Call
from .markdown import inert

if TYPE_CHECKING:
    from ..tools.base import CellLine

Cell = dict[str, Any]
Notebook = dict[str, Any]

log = logging.getLogger(__name__)

MAX_OUTPUT = 4000  # characters of a result shown below its cell; the whole is in the log
MOST_PICTURES = 24  # in a notebook; where there are more, the oldest go, half of them at a time: few cells change
LARGEST_PICTURE = 1_000_000  # bytes


def document(
    events: Iterable[Event], archive: str, *, note: str = "", pictures: Mapping[str, bytes] | None = None
) -> Notebook:
    """The notebook of a session.

    ``archive`` is the packed template (``workspace.archive.pack``) the session began with. ``note`` is shown at
    the top. ``pictures``: those of ``attached``, by SHA-256, as far as they are at hand.
    Raises ``ValueError`` for events without a ``session.created``.
    """
    return _Writer(archive, note, pictures or {}).write(list(events))


def attached(events: Iterable[Event]) -> list[str]:
    """The SHA-256 of each picture that the notebook of these events holds, the oldest first."""
    found = list(dict.fromkeys(picture["sha256"] for event in events for picture in pictures_of(event)))
    half = MOST_PICTURES // 2
    return found[max(0, -(-(len(found) - MOST_PICTURES) // half)) * half :]


def digest(cell: Mapping[str, Any]) -> str:
    """What a cell says, in short: bytes and CRC-32 of its type and source; the labextension computes the same.

    Outputs and metadata do not count: running or folding a cell leaves it as it was written.
    """
    said = f"{cell['cell_type']}\n{_joined(cell['source'])}".encode("utf-8", "replace")
    return f"{len(said)}-{zlib.crc32(said):08x}"


def written(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Which cells we wrote into a notebook, in their order: id to ``digest`` then. Raises KeyError without our mark."""
    entries: list[str] = notebook["metadata"]["appbuilder"]["cells"]
    return dict(entry.split(" ") for entry in entries)


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


class _Writer:
    def __init__(self, archive: str, note: str, pictures: Mapping[str, bytes]) -> None:
        self.archive = archive
        self.note = note
        self.pictures = pictures
        self.attached: frozenset[str] = frozenset()
        self.cells: list[Cell] = []
        self.notes: list[str] = []  # of the Markdown cell that is being filled
        self.notes_id = ""
        self.arguments: dict[str, Mapping[str, Any]] = {}  # of tool calls that started, by call
        self.changed: set[str] = set()  # tool calls that changed files
        self.questions: dict[str, str] = {}  # by approval
        self.mode: Mode = "build"  # of the turn
        self.people: Mapping[str, str] = {}  # who takes part, where that is more than one
        self.said: set[str] = set()  # responses with a cell of their own
        self.tree = ""
        self.versions: list[str] = []  # checkpoints in their order
        self.database: Mapping[str, Any] | None = None  # what it held where ``tree`` is known
        self.awaited = ""  # the checkpoint there, where what the database held follows
        self.verified = 0  # where in cells the verify cell belongs

    def write(self, events: list[Event]) -> Notebook:
        created = next((event for event in events if event.type == "session.created"), None)
        if created is None:
            raise ValueError("These events do not begin with session.created.")
        self.changed = {event.data["call"] for event in events if event.type == "file.changed" and "call" in event.data}
        self.attached = frozenset(attached(events))
        self.people = people_in(events)
        first = next((event.data["tree"] for event in events if event.type == "checkpoint.created"), "")
        self.head(created, first)
        for event in events:
            self.take(event)
        self.end_notes()
        if self.tree:
            holds = content_in(self.database) if self.database else None
            options = {UNRECORDED: ""} if self.awaited else {}
            self.code("verify", Call("verify", (self.tree,), options, holds.lines() if holds else ""), "")
            self.cells.insert(self.verified, self.cells.pop())
        notebook: Notebook = {
            "cells": self.cells,
            "metadata": {
                "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
                "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
                "appbuilder": {
                    "version": __version__,
                    "session": created.session,
                    "name": created.data["name"],
                    "template": created.data["template"],
                    "tree": self.tree,
                    "last_seq": events[-1].seq,
                },
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        # A list, because Jupyter sorts the keys of objects when it saves.
        notebook["metadata"]["appbuilder"]["cells"] = [f"{cell['id']} {digest(cell)}" for cell in self.cells]
        return notebook

    # The cells

    def markdown(self, id: str, text: str, pictures: Sequence[KeptPicture] = ()) -> Cell:
        self.end_notes()
        source = "\n\n".join([inert(text.rstrip("\n")), *map(_image, pictures)])
        cell: Cell = {"cell_type": "markdown", "id": id, "metadata": {}, "source": _split(source)}
        held = [picture for picture in pictures if picture["sha256"] in self.pictures]
        if held:
            cell["attachments"] = {_name(picture): self.bundle(picture) for picture in held}
        self.cells.append(untracked(cell))
        return cell

    def bundle(self, picture: KeptPicture) -> dict[str, str]:
        data = self.pictures[picture["sha256"]]
        return {picture["media_type"]: base64.b64encode(data).decode()}

    def code(self, id: str, call: Call | str, output: str, **metadata: Any) -> Cell:
        self.end_notes()
        source = call if isinstance(call, str) else call.source()
        outputs = [{"output_type": "stream", "name": "stdout", "text": _split(output)}] if output else []
        cell: Cell = {
            "cell_type": "code",
            "id": id,
            "metadata": metadata,
            "execution_count": None,
            "source": _split(source),
            "outputs": outputs,
        }
        self.cells.append(untracked(cell))
        return cell

    def say(self, event: EventOf[str, object], line: str) -> None:
        """Add a line to the Markdown cell of what changed nothing."""
        self.notes_id = self.notes_id or f"e{event.seq}"
        self.notes.append(f"- {line}")

    def end_notes(self, pictures: Sequence[KeptPicture] = ()) -> None:
        if self.notes:
            id, text = self.notes_id, "\n".join(self.notes)
            self.notes, self.notes_id = [], ""
            self.markdown(id, text, pictures)

    def head(self, created: EventOf[str, SessionCreated], tree: str) -> None:
        data = created.data
        title = data["title"] or data["name"]
        replay = f"jupyter appbuilder replay {shlex.quote(data['name'] + '.ipynb')}"
        self.markdown(
            "title",
            f"# {_plain(title)}\n\n"
            + (f"> {self.note}\n\n" if self.note else "")
            + "This notebook is the record of a Jupyter App Builder session: what was asked, what was answered, and "
            "each change to the app's files.\n"
            "**Run All** builds the same app again, in `replay/` beside this notebook, without a model and without a "
            f"network. So does `{replay}` in a terminal. The last cell proves it by the hash of the files.",
        )
        self.code("load", "%load_ext jupyter_appbuilder", "")
        options = {"template": data["template"]} | ({"tree": tree} if tree else {})
        options |= {"database": data["database"]} if "database" in data else {}
        call = Call("new", (data["name"],), options, self.archive)
        self.code("new", call, f"Started from the template {data['template']}.\n", jupyter={"source_hidden": True})

    # The events

    def take(self, event: Event) -> None:
        match event.type:
            case "message.user":
                self.on_message_user(event)
            case "turn.started":
                self.on_turn_started(event)
            case "approval.requested":
                self.questions[event.data["approval"]] = event.data["question"]
            case "approval.given":
                self.on_approval_given(event)
            case "plan.written":
                self.on_plan_written(event)
            case "plan.accepted":
                self.on_plan_accepted(event)
            case "response.completed":
                self.on_response_completed(event)
            case "tool.started":
                self.on_tool_started(event)
            case "tool.finished":
                self.on_tool_finished(event)
            case "file.changed":
                self.on_file_changed(event)
            case "session.restored":
                self.on_session_restored(event)
            case "checkpoint.created":
                self.on_checkpoint_created(event)
            case "database.recorded":
                self.on_database_recorded(event)
            case "version.named":
                self.on_version_named(event)
            case "history.compacted":
                self.on_history_compacted(event)
            case "turn.finished":
                self.on_turn_finished(event)
            case "turn.dropped":
                self.on_turn_dropped(event)
            case "session.forked":
                self.on_session_forked(event)
            case "session.failed":
                self.on_session_failed(event)
            case (
                "session.created"  # the first cells
                | "session.ready"
                | "session.updated"
                | "session.ended"
                | "sandbox.slept"
                | "sandbox.woke"
                | "turn.resumed"
                | "turn.briefed"
                | "preview.ready"
                | "preview.error"
                | "preview.pictured"
                | "network.changed"
                | "network.refused"
                | "rule.changed"
                | "app.published"
                | "app.unpublished"
                | "publication.rolled_back"
                | "data.refreshed"
                | "usage.recorded"
                | "budget.raised"
            ):
                pass
            case _:
                of_newer_version(event)

    def on_message_user(self, event: EventOf[str, MessageUser]) -> None:
        quoted = "\n".join(f"> {line}" if line else ">" for line in event.data["text"].strip().split("\n"))
        who = _plain(self.people.get(event.data.get("by_whom", {}).get("id", ""), "You"))
        how = who + {"plan": " asked for a plan", "ask": " asked about the app"}.get(self.mode, " asked")
        files = event.data.get("attachments", ())
        told = "".join(f"\n\n{_attached(one)}" for one in files)
        if pointed := event.data.get("pointed"):
            told = "\n\nPointed at:\n" + "".join(f"\n- {_plain(named(one))}" for one in pointed) + told
        held = [picture for picture in pictures_with(event.data) if picture["sha256"] in self.attached]
        self.markdown(f"e{event.seq}", f"**{how}**\n\n{quoted}{told}", held)

    def on_turn_started(self, event: EventOf[str, TurnStarted]) -> None:
        self.mode = event.data.get("mode", "build")

    def on_plan_written(self, event: EventOf[str, PlanWritten]) -> None:
        data = event.data
        if data["source"] in self.said:
            self.markdown(f"e{event.seq}", f"**Plan {data['plan']}** is the answer above.")
        else:
            self.markdown(f"e{event.seq}", f"**Plan {data['plan']}**\n\n{data['text'].strip()}")

    def on_plan_accepted(self, event: EventOf[str, PlanAccepted]) -> None:
        edited = ", edited" if event.data["edited"] else ""
        by = self.by(event.data.get("by_whom"))
        self.markdown(f"e{event.seq}", f"**Plan {event.data['plan']} was accepted{by}**{edited}.")

    def on_approval_given(self, event: EventOf[str, ApprovalGiven]) -> None:
        """Of several people, who answered: one who is alone is never named."""
        if by := self.by(event.data.get("by_whom")):
            question = self.questions.get(event.data["approval"], "")
            granted = "Allowed" if event.data["granted"] else "Not allowed"
            self.say(event, f"{_line(question)} **{granted}{by}.**".lstrip())

    def by(self, person: Person | None) -> str:
        name = self.people.get(person["id"]) if person else None
        return f" by {_plain(name)}" if name else ""

    def on_response_completed(self, event: EventOf[str, ResponseCompleted]) -> None:
        text = whole(event.data).strip()
        if text:
            self.said.add(event.data["response"])
            label = " · recorded answer" if event.data["recorded"] else ""
            self.markdown(f"e{event.seq}", f"**{_plain(event.data['model'])}**{label}\n\n{text}")

    def on_tool_started(self, event: EventOf[str, ToolStarted]) -> None:
        self.arguments[event.data["call"]] = event.data["arguments"]

    def on_tool_finished(self, event: EventOf[str, ToolFinished]) -> None:
        from ..tools.problems import without_news

        data = event.data
        arguments = self.arguments.pop(data["call"], {})
        patch = data.get("patch")
        # A write that was stopped may still have happened: what counts is whether a file changed.
        happened = data["ok"] or data["call"] in self.changed
        call = _call(data["tool"], arguments, patch) if happened or patch else None
        taken = data.get("pictures", ())
        held = [picture for picture in taken if picture["sha256"] in self.attached]
        line = f"{'' if data['ok'] else '✗ '}`{data['tool']}` {_line(data['summary'])}"
        if call is None:
            self.say(event, line)
            if taken:  # the last line of its cell, whether they are attached or not
                self.end_notes(held)
            return
        output = data["summary"]
        if UNRECORDED in call.options:
            output += "\nIts content is not recorded: by its name it holds secrets."
        if call.command in ("run", "install") and data["text"].strip():
            output = _tail(without_news(data["text"], data["detail"]).strip())
        self.code(f"e{event.seq}", call, output.rstrip() + "\n" if output.strip() else "")
        if taken:
            self.markdown(f"e{event.seq}-pictures", f"- {line}", held)

    def on_file_changed(self, event: EventOf[str, FileChanged]) -> None:
        data, patch = event.data, event.data.get("patch")
        if data.get("call") or not patch:
            return
        options, body = cells.pack(patch)
        who = {"person": "changed by hand", "command": "changed by a running process"}.get(data["by"], "changed")
        call = Call("patch", (), options | {"title": _line(f"{data['path']} {who}")}, body)
        self.code(f"e{event.seq}", call, f"{data['path']} {who}: +{data['added']} −{data['removed']}\n")

    def on_session_restored(self, event: EventOf[str, SessionRestored]) -> None:
        data = event.data
        patch = data.get("patch", "")
        title = f"Back to version {data['checkpoint'][:8]}"
        back: dict[str, str] = {}
        if data.get("data", True) and data["checkpoint"] in self.versions:
            back["data"] = str(self.versions.index(data["checkpoint"]))
        if patch:
            options, body = cells.pack(patch)
            call = Call("patch", (), options | {"title": title} | back, body)
        else:
            call = Call("restore", (data["tree"],), back)
        self.code(f"e{event.seq}", call, title + "\n")
        self.mark(data["tree"])

    def on_checkpoint_created(self, event: EventOf[str, CheckpointCreated]) -> None:
        data = event.data
        self.versions.append(data["checkpoint"])
        if data["parent"]:  # the first one is the template's, made by `new`
            call = Call("checkpoint", (_line(data["title"]),))
            size = f"{data['files']} file{'' if data['files'] == 1 else 's'}, +{data['added']} −{data['removed']}"
            note = f"{said}\n" if (said := data.get("note")) else ""
            self.code(f"e{event.seq}", call, f"Version {data['checkpoint'][:8]}: {size}\n{note}")
        self.mark(data["tree"])
        self.database = data.get("database")
        self.awaited = data["checkpoint"] if data.get("database_later") else ""

    def on_database_recorded(self, event: EventOf[str, DatabaseRecorded]) -> None:
        if event.data["checkpoint"] == self.awaited:
            self.database, self.awaited = event.data["database"], ""

    def on_version_named(self, event: EventOf[str, VersionNamed]) -> None:
        version, name = event.data["checkpoint"][:8], event.data["name"]
        self.say(
            event, f"Version {version} is called **{_plain(name)}**." if name else f"Version {version} has no name."
        )

    def on_history_compacted(self, event: EventOf[str, HistoryCompacted]) -> None:
        before, after = event.data["tokens_before"], event.data["tokens_after"]
        self.say(event, f"Shortened what the model remembers: {before:,} → {after:,} tokens.")

    def on_turn_finished(self, event: EventOf[str, TurnFinished]) -> None:
        data = event.data
        if data["reason"] != "done":
            self.say(event, f"**The turn ended: {data['reason']}.** {data['message']} {data['hint']}".rstrip())
        elif data["message"]:
            self.say(event, f"**{data['message']}** {data['hint']}".rstrip())

    def on_turn_dropped(self, event: EventOf[str, TurnDropped]) -> None:
        self.say(event, "**This try was dropped**, with what it changed. The same is asked again below.")

    def on_session_forked(self, event: EventOf[str, SessionForked]) -> None:
        self.say(event, f"Forked from **{_plain(event.data['name'])}**: all above was asked and answered there.")

    def on_session_failed(self, event: EventOf[str, SessionFailed]) -> None:
        self.say(event, f"**{event.data['message']}** {event.data['hint']}".rstrip())

    def mark(self, tree: str) -> None:
        """Note that the files are known to have this tree here: the proof stands behind the last such place."""
        self.end_notes()
        self.tree = tree
        self.database, self.awaited = None, ""
        self.verified = len(self.cells)


def _call(name: str, arguments: Mapping[str, Any], patch: str | None) -> Call | None:
    """Make the cell that does again what a call of this tool did; None for a call that changed nothing. With a patch,
    the arguments do not tell all: it began with a file that is in no version."""
    tool = load_tools().get(name)
    if tool and tool.cell and (tool.replay is None or patch is None):
        try:
            line = tool.cell(arguments)
            return cell_of(line, patch or "", recorded=tool.replay is None) if line else None
        except Exception as error:
            # Of a version of the tool that had other arguments, or broken: what it left is enough.
            log.warning("The cell of a call of %s cannot be made: %r", name, error)
    if not patch:
        return None
    options, body = cells.pack(patch)
    return Call("patch", (), options | {"title": _line(tool.title(arguments) if tool else name)}, body)


def cell_of(line: CellLine, patch: str, *, recorded: bool) -> Call:
    """Make a cell of what a tool writes on it. ``recorded``: its body is what the call left, not what it was given."""
    match line.content:
        case _ if recorded:
            options, body = {}, cells.pack_patch(patch)
        case None:
            options, body = {}, ""
        case str(text):
            options, body = cells.pack(text)
        case edits:
            options, body = cells.pack_edits(edits)
    return Call(line.command, line.arguments, {**options, **line.options}, body)


def _image(picture: KeptPicture) -> str:
    """Shows an attachment. Of its words stays what is Markdown nowhere."""
    alt = re.sub(r"[^\w .,:/-]|_", "", _line(picture["alt"]))[:200].strip()
    return f"![{alt}](attachment:{_name(picture)})"


def _name(picture: KeptPicture) -> str:
    return f"{picture['sha256'][:16]}.{picture['media_type'].rpartition('/')[2]}"


def _attached(file: Attachment) -> str:
    """A file that came with a message: its name, its hash, and the beginning of what it says."""
    head = f"Attached: `{file['name']}` ({in_bytes(file['size'])}, SHA-256 {file['sha256']})"
    text = file.get("text", "")
    return f"{head}\n\n{fenced(bounded(text, MAX_OUTPUT))}" if text else head


def _split(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _line(text: str) -> str:
    return " ".join(text.split())


def _plain(text: str) -> str:
    """Escape text so that it stays on its line and is not emphasised."""
    return _line(text).replace("*", "\\*").replace("_", "\\_")


def _tail(text: str) -> str:
    """Cut a long output to its end: that is where a command says how it went."""
    return text if len(text) <= MAX_OUTPUT else f"… {len(text) - MAX_OUTPUT} characters before …\n{text[-MAX_OUTPUT:]}"
