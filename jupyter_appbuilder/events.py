"""The vocabulary of the event log: every event type, as data.

A session *is* its events. Everything the product shows about a session (chat, activity feed, the model's
message history, usage, checkpoints, the notebook) is a pure function of them. This module imports nothing of ours.

Durable events carry a dense sequence number and are stored. Live messages (``LIVE``) are sent to whoever is
watching and then forgotten: the durable event that follows says the same in full.
"""

# No `from __future__ import annotations` here: as strings, NotRequired would go unseen and every key be required.

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, Never, NotRequired, TypeAlias, TypedDict, TypeVar, cast

Type = TypeVar("Type", bound=str, covariant=True)
Data = TypeVar("Data", covariant=True)

DEMO = "demo:recorded"
"""The model whose answers come from recordings, as sessions and turns name it."""

By = Literal["agent", "person", "notebook", "loop", "command"]
"""Who did it: the model; the person in the panel or the editor; a notebook cell; our own agent loop; a process in
the sandbox."""

TurnReason = Literal["done", "stopped", "limit", "budget", "failed"]

Mode = Literal["build", "plan", "ask"]
"""What a turn is for: changing the app; reading it and writing a plan; answering about it."""

SessionState = Literal["creating", "ready", "busy", "waiting", "asleep", "failed", "ended"]

ApprovalCause = Literal["stopped", "interrupted", "unattended"]
"""Why no person answered: the turn was stopped, the server ended, or nobody was there to ask."""

RuleAction = Literal["allow", "ask", "deny"]

RuleSource = Literal["configuration", "person", "app", "default"]
"""Who wrote an approval rule: the administrator, the person (for all apps, or for one), or nobody: it is built in."""


class Person(TypedDict):
    """Who it was of several people: as the server knows them (Jupyter's identity provider), never as a page says."""

    id: str  # what they log in as
    name: str  # as they are shown to others


class SessionCreated(TypedDict):
    name: str  # the folder's name, unique below <root>/appbuilder
    title: str
    root: str  # the Jupyter root it was made in, absolute
    path: str  # the session's folder, relative to the root, with forward slashes
    template: str
    template_tree: str  # git tree hash of the template's files
    model: str  # "provider:name"
    sandbox: str  # provider name
    database: NotRequired[str]  # what its database is: "postgresql"; absent for SQLite, and for none


class SessionReady(TypedDict):
    """The workspace stands and holds the template's files."""


Shelf = Literal["apps", "archive", "trash"]
"""Where the list has an app: among the others, put away, or to be deleted."""


class SessionUpdated(TypedDict, total=False):
    title: str
    model: str
    pinned: bool
    shelf: Shelf
    tags: list[str]


class SessionFailed(TypedDict):
    message: str
    hint: str


class SessionEnded(TypedDict):
    pass


class SessionForked(TypedDict):
    """All before this event was taken over from another session, with its numbers."""

    source: str  # that session's id
    name: str  # its folder's name, for people
    message: NotRequired[int]  # number of the message there that this session begins in place of


class SandboxSlept(TypedDict):
    pass


class SandboxWoke(TypedDict):
    pass


class TurnStarted(TypedDict):
    turn: str  # "t1", "t2" …
    model: str
    mode: NotRequired[Mode]  # "build" where it is not said
    continues: NotRequired[str]  # the turn it goes on from, that had come to no end


class KeptPicture(TypedDict):
    sha256: str  # of its bytes; `log.pictures` may have it no longer
    width: int  # px
    height: int
    alt: str  # what is to be seen, in words
    media_type: str


class Attachment(TypedDict):
    """A file that the person handed in with a message, kept beside the log (``log.blobs``)."""

    sha256: str  # of its bytes
    name: str  # of the file alone, without a folder
    media_type: str
    size: int  # bytes
    text: NotRequired[str]  # what it says, as far as a model is told, with what was left out
    picture: NotRequired[KeptPicture]  # it, or a smaller copy, as people and models are shown it; kept as the file is


class PointedData(TypedDict):
    """Something of the app's page that the person pointed at, as far as the app's files bear it out. What the page said
    of it is material, no instruction."""

    tag: str  # of the element, "button"
    text: str  # what it shows, in one line, shortened
    path: str  # the app's page, "/about"
    selector: NotRequired[str]  # CSS, in that page
    name: NotRequired[str]  # the component or element that is written at the place
    file: NotRequired[str]  # of the app
    line: NotRequired[int]  # from 1, as it was then
    column: NotRequired[int]
    by_text: NotRequired[bool]  # the place was found by what the element shows, not told by the page
    excerpt: NotRequired[str]  # the lines there, numbered
    also: NotRequired[list[str]]  # places that it is written at, too: "src/components/ui/button.tsx:40:5"
    props: NotRequired[dict[str, str]]
    box: NotRequired[list[int]]  # of a region: left, top, width, height in pixels of the page
    within: NotRequired[list[str]]  # texts in a region
    picture: NotRequired[KeptPicture]  # how it looked, kept as files of messages are


class MessageUser(TypedDict):
    turn: str
    text: str
    attachments: NotRequired[list[Attachment]]
    pointed: NotRequired[list[PointedData]]
    by_whom: NotRequired[Person]  # absent where the server does not know people apart, and in older logs


class ToolCallData(TypedDict):
    call: str  # ours, unique in the session: "<response>.<index>"
    id: str  # the provider's own id, echoed back to it
    tool: str
    arguments: str  # raw JSON text as the model wrote it, possibly invalid


class UsageData(TypedDict):
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost: float | None  # US dollars; None where the price is not known
    estimated: NotRequired[bool]  # the provider did not say: counted from the text, four characters a token


class AddedData(TypedDict):
    """What a provider put beside a response's text and calls: signatures, reasoning, whatever else it adds. Opaque."""

    by: str  # the endpoint and model that answered: all of this, and its ids, go back to no other
    message: dict[str, Any]  # fields of the message
    calls: list[dict[str, Any]]  # fields of each of its calls, in their order; empty where none has any


class ResponseCompleted(TypedDict):
    """One whole model response, stored before any of its tools runs."""

    turn: str
    response: str  # "r1", "r2" …
    model: str
    recorded: bool  # True when the answer comes from a shipped recording (the demo model)
    text: str
    tool_calls: list[ToolCallData]
    # stop, tool_calls, length, content_filter; "unread_call": it holds a call as text that was not run; "stopped": it
    # broke off, and holds the words that came
    finish_reason: str
    usage: UsageData
    read: NotRequired[int]  # the last event that the model was shown
    reasoning: NotRequired[str]  # what it thought, as far as the provider tells: for people, never content
    reasoning_ms: NotRequired[int]  # how long it thought
    added: NotRequired[AddedData]  # never leaves the server
    suggestions: NotRequired[list[str]]  # what to ask for next: three at most, a short line each, no part of the text


class ToolStarted(TypedDict):
    turn: str | None  # None for a call made outside a turn
    call: str
    tool: str
    arguments: dict[str, Any]
    by: By


class ToolFinished(TypedDict):
    turn: str | None
    call: str
    tool: str
    ok: bool
    summary: str  # one line for the feed
    text: str  # the full result; what the model gets is a bounded view of it
    # JSON, by tool: path, added, removed, diff, exit_code, errors … For any tool, ``diagnostics``: new problems in the
    # code, which the end of ``text`` tells, too: {problems: [{path, line, column, code, message}], more, gone,
    # remaining, length}, with the length of what was added to the text in characters; and ``page_news``, what the
    # page reported meanwhile, told there as well: {findings: [a preview.error's data], more, length}.
    detail: dict[str, Any]
    duration_ms: int
    patch: NotRequired[str]  # `git diff --binary` of all a command changed on disk
    pictures: NotRequired[list[KeptPicture]]


class FileChanged(TypedDict):
    path: str
    change: Literal["created", "modified", "deleted"]
    by: By
    added: int  # lines
    removed: int
    call: NotRequired[str]  # the tool call that did it, if one did
    patch: NotRequired[str]  # for changes no tool call explains (by == "person"): `git diff --binary`
    tree: NotRequired[str]  # git tree hash of all the log accounts for, with the events stored beside this one


class TableHash(TypedDict):
    """See ``databases.contents.TableContent``."""

    table: str
    rows: int
    hash: str
    by: NotRequired[list[str]]
    varies: NotRequired[bool]
    unwatched: NotRequired[bool]


class DatabaseHash(TypedDict):
    """What an app's database holds, in hashes."""

    schema: str
    applied: list[str]  # migrations
    tables: list[TableHash]


class CheckpointCreated(TypedDict):
    checkpoint: str  # git commit hash
    tree: str  # git tree hash
    parent: str | None
    turn: str | None
    title: str
    files: int
    added: int
    removed: int
    note: NotRequired[str]  # for people: what of the app's own data is not kept with it, and why
    data: NotRequired[bool]  # whether it has a copy of what the app wrote
    database: NotRequired[DatabaseHash]
    database_later: NotRequired[bool]  # what its database held follows, as ``database.recorded``


class DatabaseRecorded(TypedDict):
    """What an app's database held in a version that was made before: worked out beside everything else."""

    checkpoint: str
    database: DatabaseHash


class VersionNamed(TypedDict):
    """The person gave a version a name, or took it away."""

    checkpoint: str
    name: str  # "" where it has none any more


class SessionRestored(TypedDict):
    checkpoint: str  # the checkpoint gone back to
    tree: str
    previous: str  # the checkpoint that held the state before, so that a restore can be undone
    patch: NotRequired[str]
    data: NotRequired[bool]  # False where what the app wrote stayed


class PreviewReady(TypedDict):
    duration_ms: int


class PagePicture(TypedDict):
    """How the app's page looked in a window of one width, from its top down."""

    width: int  # of the window, CSS px: one of `eyes.base.PICTURED`
    picture: KeptPicture
    thumbnail: KeptPicture  # of what is in view at first, small


class PreviewPictured(TypedDict):
    """How the app looked, with the files of one tree: any version with that tree looked so."""

    tree: str  # git tree hash
    pictures: list[PagePicture]


class PreviewError(TypedDict):
    kind: Literal["server", "build", "page", "network"]
    message: str
    stack: NotRequired[str]
    source: NotRequired[str]  # file:line:column where known


class AskingRule(TypedDict):
    """The approval rule that made a call ask."""

    pattern: str
    source: RuleSource
    what: str  # the part of the call that it fits; empty where that is the whole, or cannot be put in words


class ApprovalRequested(TypedDict):
    approval: str  # unique in the session
    turn: str | None  # None for a call made outside a turn
    call: str  # the tool call that asks
    question: str  # one sentence, for people
    kind: NotRequired[str]  # what it is about, for programs: "network" …
    subject: NotRequired[str]  # of that kind, e.g. "api.example.org:443"
    reason: NotRequired[str]  # why, in the words of whoever asks
    remember: NotRequired[bool]  # whether the answer can hold for this app, not only this once
    rule: NotRequired[AskingRule]
    allows: NotRequired[list[str]]  # the patterns that would be allowed for this app


class ApprovalGiven(TypedDict):
    approval: str
    granted: bool
    remember: NotRequired[bool]
    cause: NotRequired[ApprovalCause]
    by_whom: NotRequired[Person]  # as of a message


class NetworkChanged(TypedDict):
    """Which hosts the app's code may reach at run time."""

    host: str  # "api.example.org:443", "*.example.org:443"
    allowed: bool
    by: By
    turn: NotRequired[str]  # it holds until this turn ends


class NetworkRefused(TypedDict):
    """Code in the sandbox asked for a host that is not on the list."""

    host: str  # "api.example.org:443"
    reason: str  # for people


class RuleChanged(TypedDict):
    """What the person allows the agent, has it ask for or denies it, in this app."""

    tool: str
    pattern: str
    action: RuleAction
    holds: bool  # False: taken back
    by: By


class AcceptedFinding(TypedDict):
    """Something that the gate found, and that the person publishes anyway."""

    id: str
    kind: str  # "secret", "personal_data", "check" … (publishing.base.GateKind, or "check")
    message: str
    reason: str  # the person's


class AppPublished(TypedDict):
    """Readers get this version from now on."""

    target: str  # "here", "folder" …
    name: str  # of the publication
    number: int  # of the release, from 1
    checkpoint: str
    url: str  # "" where the target has none
    note: str  # for people: what is left to be done there
    data_as_of: str | None  # the oldest time at which data in it was handed over
    accepted: list[AcceptedFinding]


class AppUnpublished(TypedDict):
    """Readers get nothing there any more."""

    target: str
    name: str


class PublicationRolledBack(TypedDict):
    """Readers get an earlier release again."""

    target: str
    name: str
    number: int
    checkpoint: str
    url: str
    data_as_of: str | None


class DataRefreshed(TypedDict):
    """A notebook was run again for the app's data, by its schedule or because somebody asked."""

    run: int  # from 1
    by: str  # "schedule" or "person"
    state: str  # "done"; "failed" and "stopped": readers have what they had
    message: str  # why it failed, for people
    hint: str
    datasets: list[str]  # that the app has anew
    target: str
    release: int | None  # that readers got of it
    data_as_of: str | None  # of what readers have now


class UsageRecorded(TypedDict):
    turn: str
    model: str
    usage: UsageData
    response: NotRequired[str]  # the step it was for; absent where the answer was thrown away, and for our own requests


class BudgetRaised(TypedDict, total=False):
    """The person lets this session use more. A part that is absent stays as it was."""

    dollars: float  # US dollars
    tokens: int


class PlanWritten(TypedDict):
    """What a turn in plan mode came to. Stored with its end."""

    plan: str  # "p1", "p2" …
    turn: str
    text: str  # Markdown
    source: str  # the call or the response whose text it is


class PlanAccepted(TypedDict):
    """The person wants it built. The turn's message holds the plan, as edited."""

    plan: str
    turn: str  # the one that builds it
    edited: bool
    by: By
    by_whom: NotRequired[Person]  # as of a message


class TurnResumed(TypedDict):
    """The process that ran the turn died; another one took it up where the log ends."""

    turn: str


class TurnBriefed(TypedDict):
    """What the model is told of the app as a turn begins. Stored only where it differs from what it was told last."""

    turn: str
    project: str  # a map of the app: its files, what they export, its packages
    rules: str  # what APPBUILDER.md in the app's folder says; empty where there is none
    found: NotRequired[list[PreviewError]]  # what was reported since the agent worked last


class HistoryCompacted(TypedDict):
    """From here on the model's view of the events up to ``upto`` is this summary, and what the person asked."""

    turn: str
    upto: int  # sequence number
    summary: str
    written_by: Literal["model", "log"]  # log: the model could not; it was put together from the events
    tokens_before: int  # of the model's view, as reported or estimated
    tokens_after: int


class TurnDropped(TypedDict):
    """The person had a turn asked again: its files are gone back on (``session.restored`` follows where there were
    any), and the model is not shown it any more. The turn that follows is the new try."""

    turn: str
    checkpoint: str  # of the files before that turn


class TurnFinished(TypedDict):
    turn: str
    reason: TurnReason
    message: str  # for people; empty when all is well
    hint: str  # the next step, if any
    error: NotRequired[str]  # of a failed one: the error's code, such as "unauthorized"


PAYLOADS: Mapping[str, type] = {
    "session.created": SessionCreated,
    "session.ready": SessionReady,
    "session.updated": SessionUpdated,
    "session.failed": SessionFailed,
    "session.ended": SessionEnded,
    "session.restored": SessionRestored,
    "session.forked": SessionForked,
    "sandbox.slept": SandboxSlept,
    "sandbox.woke": SandboxWoke,
    "turn.started": TurnStarted,
    "turn.resumed": TurnResumed,
    "turn.briefed": TurnBriefed,
    "turn.dropped": TurnDropped,
    "turn.finished": TurnFinished,
    "message.user": MessageUser,
    "history.compacted": HistoryCompacted,
    "plan.written": PlanWritten,
    "plan.accepted": PlanAccepted,
    "response.completed": ResponseCompleted,
    "tool.started": ToolStarted,
    "tool.finished": ToolFinished,
    "file.changed": FileChanged,
    "checkpoint.created": CheckpointCreated,
    "database.recorded": DatabaseRecorded,
    "version.named": VersionNamed,
    "preview.ready": PreviewReady,
    "preview.error": PreviewError,
    "preview.pictured": PreviewPictured,
    "approval.requested": ApprovalRequested,
    "approval.given": ApprovalGiven,
    "network.changed": NetworkChanged,
    "network.refused": NetworkRefused,
    "rule.changed": RuleChanged,
    "app.published": AppPublished,
    "app.unpublished": AppUnpublished,
    "publication.rolled_back": PublicationRolledBack,
    "data.refreshed": DataRefreshed,
    "usage.recorded": UsageRecorded,
    "budget.raised": BudgetRaised,
}
"""Every durable event type and the shape of its data."""

VERSIONS: Mapping[str, int] = dict.fromkeys(PAYLOADS, 1)
"""The payload version written today, by type. Raise it with any change a reader could notice."""


class ReasoningDelta(TypedDict):
    """What the model thinks before it answers."""

    turn: str
    response: str
    text: str


class TextDelta(TypedDict):
    turn: str
    response: str
    text: str


class ToolDelta(TypedDict):
    """A piece of a tool call's JSON arguments."""

    turn: str
    response: str
    index: int
    call: str
    tool: str
    arguments: str


class ToolOutput(TypedDict):
    call: str
    stream: Literal["stdout", "stderr"]
    text: str


class Progress(TypedDict):
    """Long work outside a tool call."""

    what: str  # "dependencies" …
    message: str
    fraction: float | None


class PreviewStatus(TypedDict):
    state: Literal["stopped", "starting", "ready", "failed", "asleep"]
    url: str | None  # a capability: it opens the preview to whoever knows it, so it is never stored
    message: str
    fraction: float | None
    log: str  # the end of the dev server's output
    cause: NotRequired[Literal["sandbox"]]  # it failed since no sandbox can be made: nothing in the app is wrong


class VersionStatus(TypedDict):
    """An earlier version that runs beside the present one, to be looked at."""

    checkpoint: str
    state: Literal["stopped", "starting", "ready", "failed", "asleep"]
    url: str | None  # as that of ``PreviewStatus``
    message: str
    fraction: float | None
    log: str
    data: Literal["", "version", "present"]  # whose data it has a copy of; "" for an app that keeps none
    note: str  # for people: what of the data it lacks, and why


class PublishingStep(TypedDict):
    """One part of publishing."""

    step: Literal["build", "check", "scenarios", "gate", "hand_over"]
    state: Literal["waiting", "running", "done", "failed", "skipped"]
    message: str  # for people: what it does, or came to


class PublishingFinding(TypedDict):
    """What keeps a version from being published until the person says why it may be."""

    id: str  # the same for the same thing in the next version
    kind: str
    severity: Literal["high", "medium", "low"]
    message: str
    path: str
    line: int | None
    where: str  # "app", "bundle", "history", "data", "page"
    excerpt: str
    count: int | None
    hint: str
    fixable: bool  # the agent can be asked to
    hard: bool  # an administrator decided that no reason will do
    accepted: str | None  # the person's reason


class PublishingStatus(TypedDict):
    """A version on its way to its readers, or how that ended."""

    publish: str  # which try
    target: str
    name: str  # of the publication
    checkpoint: str
    number: int | None  # of the release, once it has one
    state: Literal["running", "waiting", "done", "failed", "stopped"]  # waiting: for answers to what was found
    steps: list[PublishingStep]
    findings: list[PublishingFinding]
    log: str  # the end of what the build and the target said
    message: str  # for people: why it failed
    hint: str
    url: str
    note: str  # for people: what is left to be done at the target
    file: bool  # there is an archive to take away


class LookRequest(TypedDict):
    """What an open preview is to do, in a frame of its own, for whoever looks at the app."""

    number: int  # of the answer that is waited for; 0 where none is
    viewer: str  # which of the open previews; "" for all of them
    act: Literal["offer", "open", "rest", "describe", "look", "findings", "step", "end", "outcome"]
    details: dict[str, Any]


LIVE: Mapping[str, type] = {
    "reasoning.delta": ReasoningDelta,
    "text.delta": TextDelta,
    "tool.delta": ToolDelta,
    "tool.output": ToolOutput,
    "progress": Progress,
    "preview": PreviewStatus,
    "version": VersionStatus,
    "publishing": PublishingStatus,
    "look": LookRequest,
}
"""Messages that are never stored, and the shape of their data."""

INTERNAL: Mapping[str, frozenset[str]] = {"response.completed": frozenset(["added"])}
"""Fields that no client is sent: only the next request to the same model needs them, and they may be large."""


class UnknownEvent(ValueError):
    """An event whose type or shape this version does not know."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event on its way into the log: it has no sequence number yet."""

    type: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        payload = PAYLOADS.get(self.type)
        if payload is None:
            raise UnknownEvent(f"No event type {self.type!r}. Add it to events.PAYLOADS.")
        required: frozenset[str] = getattr(payload, "__required_keys__")  # noqa: B009
        optional: frozenset[str] = getattr(payload, "__optional_keys__")  # noqa: B009
        missing = required - self.data.keys()
        extra = self.data.keys() - required - optional
        if missing or extra:
            raise UnknownEvent(
                f"Event {self.type!r} does not fit its shape: missing {sorted(missing)}, unknown {sorted(extra)}."
            )


@dataclass(frozen=True, slots=True)
class EventOf(Generic[Type, Data]):
    """A stored event. ``seq`` is dense from 1 within its session; ``at`` is Unix time in seconds (UTC)."""

    session: str
    seq: int
    at: float
    type: Type
    data: Data
    v: int = 1

    def to_json(self) -> dict[str, Any]:
        """The event as it goes over the wire; the session is known from the channel."""
        internal = INTERNAL.get(self.type, frozenset())
        whole = cast("Mapping[str, Any]", self.data)
        data = {key: value for key, value in whole.items() if key not in internal}
        return {"seq": self.seq, "at": timestamp(self.at), "type": self.type, "v": self.v, "data": data}


if TYPE_CHECKING:
    Event: TypeAlias = (
        EventOf[Literal["session.created"], SessionCreated]
        | EventOf[Literal["session.ready"], SessionReady]
        | EventOf[Literal["session.updated"], SessionUpdated]
        | EventOf[Literal["session.failed"], SessionFailed]
        | EventOf[Literal["session.ended"], SessionEnded]
        | EventOf[Literal["session.restored"], SessionRestored]
        | EventOf[Literal["session.forked"], SessionForked]
        | EventOf[Literal["sandbox.slept"], SandboxSlept]
        | EventOf[Literal["sandbox.woke"], SandboxWoke]
        | EventOf[Literal["turn.started"], TurnStarted]
        | EventOf[Literal["turn.resumed"], TurnResumed]
        | EventOf[Literal["turn.briefed"], TurnBriefed]
        | EventOf[Literal["turn.dropped"], TurnDropped]
        | EventOf[Literal["turn.finished"], TurnFinished]
        | EventOf[Literal["message.user"], MessageUser]
        | EventOf[Literal["history.compacted"], HistoryCompacted]
        | EventOf[Literal["plan.written"], PlanWritten]
        | EventOf[Literal["plan.accepted"], PlanAccepted]
        | EventOf[Literal["response.completed"], ResponseCompleted]
        | EventOf[Literal["tool.started"], ToolStarted]
        | EventOf[Literal["tool.finished"], ToolFinished]
        | EventOf[Literal["file.changed"], FileChanged]
        | EventOf[Literal["checkpoint.created"], CheckpointCreated]
        | EventOf[Literal["database.recorded"], DatabaseRecorded]
        | EventOf[Literal["version.named"], VersionNamed]
        | EventOf[Literal["preview.ready"], PreviewReady]
        | EventOf[Literal["preview.error"], PreviewError]
        | EventOf[Literal["preview.pictured"], PreviewPictured]
        | EventOf[Literal["approval.requested"], ApprovalRequested]
        | EventOf[Literal["approval.given"], ApprovalGiven]
        | EventOf[Literal["network.changed"], NetworkChanged]
        | EventOf[Literal["network.refused"], NetworkRefused]
        | EventOf[Literal["rule.changed"], RuleChanged]
        | EventOf[Literal["app.published"], AppPublished]
        | EventOf[Literal["app.unpublished"], AppUnpublished]
        | EventOf[Literal["publication.rolled_back"], PublicationRolledBack]
        | EventOf[Literal["data.refreshed"], DataRefreshed]
        | EventOf[Literal["usage.recorded"], UsageRecorded]
        | EventOf[Literal["budget.raised"], BudgetRaised]
    )
    """A stored event. Comparing or matching its ``type`` tells a type checker what its ``data`` holds."""
else:
    Event = EventOf


def stored(session: str, seq: int, at: float, type: str, data: Mapping[str, Any], v: int = 1) -> Event:
    """An event as the log has it. One of a newer version's type is handed on as it is; readers pass it over."""
    return cast("Event", EventOf(session, seq, at, type, data, v))


def of_newer_version(event: Never) -> None:
    """Pass over an event of a newer version's type. Where a reader forgot one of ours, a type checker names it."""


def timestamp(at: float | None = None) -> str:
    """Unix seconds (now by default) as an RFC 3339 UTC time with milliseconds."""
    moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
