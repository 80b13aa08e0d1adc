"""Defines a tool once for the model, the notebook, Python, REST and the panel.

A tool is an async function of a ``ToolContext`` and a pydantic model of its arguments; its docstring is what the
model reads. Register it with ``@tool``:

    class ReadFile(Arguments):
        path: str = Field(description="Path inside the app, e.g. src/App.tsx")

    @tool(effect="read")
    async def read_file(context: ToolContext, arguments: ReadFile) -> ToolResult:
        \"\"\"Read a text file.\"\"\"

What others need to know of a tool stands beside it (``Facts``): how the feed names a call, what rules know it by, how
the notebook records it, how a half-done call is undone. Nobody else knows a tool by its name.

Third parties register a list of tools under the entry-point group ``jupyter_appbuilder.tools``.
"""

from __future__ import annotations

import inspect
import json
import posixpath
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypedDict, TypeVar, Unpack, get_type_hints, overload

from pydantic import BaseModel, ConfigDict

from ..sandbox.base import DevServer, Sandbox
from .services import Services

if TYPE_CHECKING:
    from ..approvals.questions import Answer
    from ..events import AskingRule, By, Mode
    from ..eyes.base import Eye
    from ..eyes.check import Report
    from ..workspace import Workspace
    from .seen import Seen

__all__ = [
    "AppServer",
    "Arguments",
    "Effect",
    "KeptFiles",
    "Network",
    "Picture",
    "Secrets",
    "Tool",
    "ToolCall",
    "ToolContext",
    "ToolResult",
    "tool",
]

S = TypeVar("S")
D = TypeVar("D")

Effect = Literal["read", "write", "command"]
"""read: changes nothing, may run beside others. write: changes whole files, safe to run again after a crash.
command: runs code; what it changed is found by comparing the workspace before and after."""


class Arguments(BaseModel):
    """The base of tool arguments: an unknown name is an error."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a result: encoded bytes, their size in pixels, and what is to be seen in words."""

    data: bytes
    width: int
    height: int
    alt: str
    media_type: str = "image/png"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool. ``text`` is the full result; the model gets a bounded view of it."""

    text: str
    summary: str  # one line for the feed, e.g. "Edited src/App.tsx (+4 −1)"
    ok: bool = True
    detail: dict[str, Any] = field(default_factory=dict[str, Any])
    """JSON, by tool. Some keys mean the same everywhere: ``path`` with ``sha``: a file and what it holds now
    (``seen.digest``); with ``old``: where it was before; with ``change`` "deleted": it is gone. ``diff``: shown on the
    card."""
    pictures: tuple[Picture, ...] = ()
    """Shown to people and to models that take images. ``text`` says all of it that others need."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """On a cell's last line: what it says, in its lines, instead of every field."""
        printer.text(self.text or self.summary)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call to run. ``arguments`` is the raw JSON text as the model wrote it, possibly invalid."""

    call: str  # unique in the session
    tool: str
    arguments: str | dict[str, Any]
    already_started: bool = False  # its start is in the log already: its process died before its end


class AppServer(Protocol):
    """The running app as tools see it: the dev server and the errors its page reported."""

    async def ensure(self) -> DevServer:
        """Start the dev server if it does not run; wait until it is ready or has failed."""
        ...

    async def restart(self) -> DevServer:
        """Start the dev server anew; wait as ``ensure`` does."""
        ...

    async def problems(self) -> list[dict[str, Any]]:
        """Errors of the dev server and the page, as ``events.PreviewError`` payloads; with ``earlier`` those
        that are from before the last file change, and may be mended by it."""
        ...

    @property
    def printed(self) -> str:
        """The dev server's output since the last turn began."""
        ...

    @property
    def looked(self) -> bool:
        """True if anybody saw the page since the last file change: without that, nobody knows what only eyes find."""
        ...

    @property
    def eye(self) -> Eye | None:
        """Who looks at its page; None where nobody does but the person."""
        ...

    def trying(self) -> AbstractAsyncContextManager[None]:
        """What is done in it to what the app itself keeps is put back afterwards."""
        ...

    async def ask_functions(self, act: str, **request: Any) -> dict[str, Any]:
        """Ask the server of the app's functions. Raises ``errors.Unavailable``, ``errors.NotFound``."""
        ...

    async def look_over(self) -> Report:
        """Look at the page at every width and try it. Raises ``errors.Unavailable`` where nobody can look."""
        ...


class KeptFiles(Protocol):
    """Contents that are kept beside the log."""

    async def blob(self, sha256: str) -> bytes | None:
        """A content; None where it is not kept."""
        ...


class Network(Protocol):
    """Which hosts the app's code may reach at run time, as tools see it: ``host:port``, ``*.host:port``."""

    def allowed(self, host: str) -> bool:
        """True if code may reach it now."""
        ...

    async def allow(self, host: str, *, by: By, turn: str | None = None) -> None:
        """Let code reach it; only until ``turn`` ends, if one is given. Restarts the dev server if need be."""
        ...

    def refused(self, since: float) -> Sequence[str]:
        """Requests blocked since ``time.monotonic()`` was ``since``."""
        ...


class Secrets(Protocol):
    """The secrets of the app, as tools see them: by name alone."""

    def ask(self, name: str) -> str:
        """The name, if a secret can have it. Raises ``errors.InvalidInput``, and ``errors.Conflict`` for an app that
        gives secrets to nothing."""
        ...

    async def is_set(self, name: str) -> bool:
        """True if the person has set it."""
        ...

    async def any(self) -> bool:
        """True if any is set."""
        ...


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What every tool needs; ``service`` has the rest, ``ask`` puts a question to the person. ``call`` and ``turn`` say
    which call it is made for."""

    workspace: Workspace
    sandbox: Callable[[], Awaitable[Sandbox]]  # starts it at first use
    app: AppServer
    output: Callable[[Literal["stdout", "stderr"], str], None]  # live output, shown while the tool runs
    services: Services = field(default_factory=Services)
    call: str = ""
    turn: str | None = None
    seen: Seen | None = None  # what an agent knows of the files; None where a person asks

    @overload
    def service(self, kind: type[S], /) -> S: ...

    @overload
    def service(self, kind: type[S], default: D, /) -> S | D: ...

    def service(self, kind: type[Any], /, *default: Any) -> Any:
        """What else the session offers, by its type: ``Network``, ``approvals.questions.Approvals``,
        ``log.journal.StoredEvents``, ``templates.templates.Template``. Raises ``Unavailable``, which names it, where
        there is none and no ``default`` is given."""
        return self.services.get(kind, *default)

    async def ask(
        self,
        text: str,
        *,
        kind: str,
        subject: str,
        reason: str = "",
        remember: bool = False,
        rule: AskingRule | None = None,
        allows: Sequence[str] = (),
    ) -> Answer:
        """Ask the person and wait. Without anybody to ask, the answer is no. ``rule`` and ``allows``: see
        ``events.ApprovalRequested``."""
        from ..approvals.questions import Answer, Approvals, Question

        approvals = self.service(Approvals, None)
        if approvals is None:
            return Answer(False, cause="unattended")
        question = Question(text, kind, subject, self.call, self.turn, reason, remember, rule, allows)
        return await approvals.ask(question)


A = TypeVar("A", bound=BaseModel)

Icon = Literal[
    "box",
    "check",
    "download",
    "eye",
    "file",
    "filePlus",
    "folder",
    "globe",
    "key",
    "list",
    "pencil",
    "person",
    "plan",
    "search",
    "shield",
    "spark",
    "terminal",
    "trash",
    "wrench",
]
"""The panel's icons that a tool can have."""

Need = Literal["database", "functions", "secrets"]
"""What only some templates have."""

NAME = re.compile("[a-zA-Z][a-zA-Z0-9_]{0,63}")
PATHS = ("path", "old", "new")
SUBJECTS = (*PATHS, "packages", "host", "query", "pattern")
"""Names of arguments that say what a call works on, where the tool does not say which of its own do."""


@dataclass(frozen=True, slots=True)
class CellLine:
    """How the notebook records a call: ``%%appbuilder COMMAND ARGUMENTS`` (``notebook.cells.COMMANDS``).

    Of a tool with ``Facts.replay``, ``content`` is the cell's body: a file's text, or edits. Of others, the body is the
    patch that the call left, and the command one that takes it: run, install or data.
    """

    command: str
    arguments: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    content: str | Sequence[Mapping[str, str]] | None = None


class Facts(TypedDict, total=False):
    """Facts that a tool may state about itself; each has a default."""

    acts: bool
    """Though it only reads, it runs code, asks or tells of work: nothing for a turn that only looks."""
    for_people: bool
    """A person's act alone: no model is offered it, nor may call it."""
    needs: Need
    """What an app's template has to have for it: elsewhere the tool is not there."""
    modes: Sequence[Mode]
    """The modes whose turns it is for; otherwise what it does decides."""
    asks: bool
    """It asks the person itself: no rule has to."""
    verb: tuple[str, str]
    """What a call does, while it runs and once it has ended: ("Writing", "Wrote")."""
    icon: Icon
    subject: Sequence[str]
    """The arguments that say what a call works on, by which the feed and rules know it."""
    files: Sequence[str]
    """The arguments that are paths inside the app."""
    opens: str
    """The argument that names the file a call shows or writes: the card links to it."""
    atomic: bool
    """A call that failed did nothing at all."""
    finds: bool
    """A call that failed has found what it looked for."""
    cell: Callable[[Mapping[str, Any]], CellLine | None]
    """Arguments -> the notebook's cell; None for a call that leaves nothing to do again. Without it, a call that
    changed files is recorded as the patch it left."""
    replay: Sequence[str]
    """Its ``cell`` does the same again, given the files that these arguments name, and changes none but its ``files``.
    Without it, what the call changed is kept as a patch."""
    undo: Callable[[Workspace, Mapping[str, Any]], Awaitable[None]]
    """Take back what a call did whose process died, so that it can be made again: only where the files are exactly as
    the call leaves them. Anything else is somebody's work and stays."""
    stub: Callable[[Mapping[str, Any]], str]
    """``tool.finished`` -> how the model gets an old result again, beside its summary."""


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """A tool as the registry has it, with its ``Facts``; ``description`` is what the model reads. Made by ``@tool``."""

    name: str
    description: str
    effect: Effect
    arguments: type[A]
    run: Callable[[ToolContext, A], Awaitable[ToolResult]]
    acts: bool = False
    for_people: bool = False
    needs: Need | None = None
    modes: Sequence[Mode] | None = None
    asks: bool = False
    verb: tuple[str, str] | None = None
    icon: Icon = "wrench"
    subject: Sequence[str] = ()
    files: Sequence[str] = ()
    opens: str = ""
    atomic: bool = False
    finds: bool = False
    cell: Callable[[Mapping[str, Any]], CellLine | None] | None = None
    replay: Sequence[str] | None = None
    undo: Callable[[Workspace, Mapping[str, Any]], Awaitable[None]] | None = None
    stub: Callable[[Mapping[str, Any]], str] | None = None

    def subjects(self, arguments: Mapping[str, Any]) -> list[str]:
        """The subjects of a call, in words that a rule's pattern can match."""
        found = [
            posixpath.normpath(item).removeprefix("/") if name in self.files else item
            for name in self.subject
            for item in texts(arguments.get(name))
        ]
        return found or [json.dumps(arguments, sort_keys=True, ensure_ascii=False)]

    def title(self, arguments: Mapping[str, Any]) -> str:
        """A short description of a call."""
        about = " ".join(item for name in self.subject for item in texts(arguments.get(name)))
        return f"{self.verb[1] if self.verb else self.name} {about}".rstrip()

    def to_json(self) -> dict[str, Any]:
        """The facts that the panel needs to show its calls."""
        return {
            "name": self.name,
            "effect": self.effect,
            "doing": self.verb and self.verb[0],
            "did": self.verb and self.verb[1],
            "icon": self.icon,
            "subject": self.subject,
            "opens": self.opens or None,
            "asks": self.asks,
            "atomic": self.atomic,
            "finds": self.finds,
        }

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of its arguments, without references."""
        return _schema(self.arguments)

    def definition(self) -> dict[str, Any]:
        """The tool in the OpenAI function-calling format."""
        function = {"name": self.name, "description": self.description, "parameters": self.schema}
        return {"type": "function", "function": function}


@cache
def _schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """The schema of a tool's arguments. Pydantic works it out anew each time, in 2 ms for all tools of one request."""
    schema = arguments.model_json_schema()
    return _inlined(schema, schema.pop("$defs", {}))


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """A JSON schema without references and generated titles: not every endpoint follows references."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(schema, dict):
        return schema
    fields: dict[str, Any] = schema  # pyright: ignore[reportUnknownVariableType]
    if "$ref" in fields:
        named = definitions[fields["$ref"].rpartition("/")[2]]
        fields = named | {key: value for key, value in fields.items() if key != "$ref"}
    return {
        key: _inlined(value, definitions)
        for key, value in fields.items()
        if not (key == "title" and isinstance(value, str))
    }


def tool(
    *, effect: Effect, **facts: Unpack[Facts]
) -> Callable[[Callable[[ToolContext, A], Awaitable[ToolResult]]], Tool[A]]:
    """Make a tool of an async function; its name is the function's, its description the docstring.

    Raises ``TypeError`` for a function that no model could call.
    """

    def decorate(run: Callable[[ToolContext, A], Awaitable[ToolResult]]) -> Tool[A]:
        if not NAME.fullmatch(run.__name__):
            raise TypeError(f"{run.__name__!r} cannot be a tool's name: models take up to 64 of a-z, 0-9 and _")
        if not inspect.iscoroutinefunction(run):
            raise TypeError(f"the tool {run.__name__} has to be an async function")
        if not inspect.getdoc(run):
            raise TypeError(f"the tool {run.__name__} needs a docstring: models choose by it")
        arguments: type[A] = get_type_hints(run)["arguments"]
        known: Facts = {
            "subject": [name for name in SUBJECTS if name in arguments.model_fields],
            "files": [name for name in PATHS if name in arguments.model_fields],
        }
        return Tool(run.__name__, inspect.getdoc(run) or "", effect, arguments, run, **(known | facts))

    return decorate


def texts(value: object) -> list[str]:
    """The texts of an argument: itself, or those of a list."""
    items: list[object] = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
    return [item for item in items if isinstance(item, str)]
