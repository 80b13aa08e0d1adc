"""The messages that a session's watchers are sent, as data (docs/architecture.md, "Wire").

WebSocket, server-sent events, a widget's comm and ``App.stream`` carry them alike. openapi.yaml describes the same;
tests/server/test_contract.py compares the two. Comparing or matching ``kind``, and then ``type``, tells a type checker
what else a message holds.
"""

# No `from __future__ import annotations` here, for the reason that events.py gives.

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypedDict, TypeVar

from .events import (
    AppPublished,
    ApprovalGiven,
    ApprovalRequested,
    AppUnpublished,
    BudgetRaised,
    CheckpointCreated,
    DatabaseRecorded,
    DataRefreshed,
    FileChanged,
    HistoryCompacted,
    LookRequest,
    MessageUser,
    NetworkChanged,
    NetworkRefused,
    PlanAccepted,
    PlanWritten,
    PreviewError,
    PreviewPictured,
    PreviewReady,
    PreviewStatus,
    Progress,
    PublicationRolledBack,
    PublishingStatus,
    ReasoningDelta,
    ResponseCompleted,
    RuleChanged,
    SandboxSlept,
    SandboxWoke,
    SessionCreated,
    SessionEnded,
    SessionFailed,
    SessionForked,
    SessionReady,
    SessionRestored,
    SessionUpdated,
    TextDelta,
    ToolDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
    TurnBriefed,
    TurnDropped,
    TurnFinished,
    TurnResumed,
    TurnStarted,
    UsageRecorded,
    VersionNamed,
    VersionStatus,
)

Type = TypeVar("Type", bound=str)
Data = TypeVar("Data")


class EventJsonOf(TypedDict, Generic[Type, Data]):
    """A stored event as ``EventOf.to_json`` writes it."""

    seq: int
    at: str  # RFC 3339, UTC
    type: Type
    v: int
    data: Data


class LiveOf(TypedDict, Generic[Type, Data]):
    """Something that is not stored."""

    kind: Literal["live"]
    n: int  # counts up within one process
    type: Type
    data: Data


class PartialCall(TypedDict):
    """A tool call of a response on its way."""

    index: int
    call: str
    tool: str
    arguments: str  # JSON so far


class PartialResponse(TypedDict):
    """A model response on its way: what has arrived of it so far."""

    turn: str
    response: str
    reasoning: str
    text: str
    tool_calls: list[PartialCall]


class SnapshotMessage(TypedDict):
    """Sent once after catching up: it replaces what the watcher held of all that is not stored."""

    kind: Literal["snapshot"]
    n: int  # of the last live message
    session: dict[str, Any]  # the summary, as REST has it
    response: PartialResponse | None
    outputs: dict[str, str]  # of the running tools so far, by call
    preview: PreviewStatus
    version: VersionStatus | None  # the earlier version that is shown, if one is
    publishing: PublishingStatus | None  # what is being published, or was last
    progress: list[Progress]


class SessionMessage(TypedDict):
    """The summary changed."""

    kind: Literal["session"]
    session: dict[str, Any]  # as REST has it


if TYPE_CHECKING:
    EventJson: TypeAlias = (
        EventJsonOf[Literal["session.created"], SessionCreated]
        | EventJsonOf[Literal["session.ready"], SessionReady]
        | EventJsonOf[Literal["session.updated"], SessionUpdated]
        | EventJsonOf[Literal["session.failed"], SessionFailed]
        | EventJsonOf[Literal["session.ended"], SessionEnded]
        | EventJsonOf[Literal["session.restored"], SessionRestored]
        | EventJsonOf[Literal["session.forked"], SessionForked]
        | EventJsonOf[Literal["sandbox.slept"], SandboxSlept]
        | EventJsonOf[Literal["sandbox.woke"], SandboxWoke]
        | EventJsonOf[Literal["turn.started"], TurnStarted]
        | EventJsonOf[Literal["turn.resumed"], TurnResumed]
        | EventJsonOf[Literal["turn.briefed"], TurnBriefed]
        | EventJsonOf[Literal["turn.dropped"], TurnDropped]
        | EventJsonOf[Literal["turn.finished"], TurnFinished]
        | EventJsonOf[Literal["message.user"], MessageUser]
        | EventJsonOf[Literal["history.compacted"], HistoryCompacted]
        | EventJsonOf[Literal["plan.written"], PlanWritten]
        | EventJsonOf[Literal["plan.accepted"], PlanAccepted]
        | EventJsonOf[Literal["response.completed"], ResponseCompleted]
        | EventJsonOf[Literal["tool.started"], ToolStarted]
        | EventJsonOf[Literal["tool.finished"], ToolFinished]
        | EventJsonOf[Literal["file.changed"], FileChanged]
        | EventJsonOf[Literal["checkpoint.created"], CheckpointCreated]
        | EventJsonOf[Literal["database.recorded"], DatabaseRecorded]
        | EventJsonOf[Literal["version.named"], VersionNamed]
        | EventJsonOf[Literal["preview.ready"], PreviewReady]
        | EventJsonOf[Literal["preview.error"], PreviewError]
        | EventJsonOf[Literal["preview.pictured"], PreviewPictured]
        | EventJsonOf[Literal["approval.requested"], ApprovalRequested]
        | EventJsonOf[Literal["approval.given"], ApprovalGiven]
        | EventJsonOf[Literal["network.changed"], NetworkChanged]
        | EventJsonOf[Literal["network.refused"], NetworkRefused]
        | EventJsonOf[Literal["rule.changed"], RuleChanged]
        | EventJsonOf[Literal["app.published"], AppPublished]
        | EventJsonOf[Literal["app.unpublished"], AppUnpublished]
        | EventJsonOf[Literal["publication.rolled_back"], PublicationRolledBack]
        | EventJsonOf[Literal["data.refreshed"], DataRefreshed]
        | EventJsonOf[Literal["usage.recorded"], UsageRecorded]
        | EventJsonOf[Literal["budget.raised"], BudgetRaised]
    )
    """A stored event as JSON, less what ``events.INTERNAL`` keeps from clients."""

    LiveMessage: TypeAlias = (
        LiveOf[Literal["reasoning.delta"], ReasoningDelta]
        | LiveOf[Literal["text.delta"], TextDelta]
        | LiveOf[Literal["tool.delta"], ToolDelta]
        | LiveOf[Literal["tool.output"], ToolOutput]
        | LiveOf[Literal["progress"], Progress]
        | LiveOf[Literal["preview"], PreviewStatus]
        | LiveOf[Literal["version"], VersionStatus]
        | LiveOf[Literal["publishing"], PublishingStatus]
        | LiveOf[Literal["look"], LookRequest]
    )
else:
    EventJson, LiveMessage = EventJsonOf, LiveOf


class EventsMessage(TypedDict):
    """Stored events in order."""

    kind: Literal["events"]
    events: list[EventJson]


class TailMessage(TypedDict):
    """The last turns of a long history, before the whole of it: to show them while the rest is on its way."""

    kind: Literal["tail"]
    events: list[EventJson]


WireMessage: TypeAlias = TailMessage | EventsMessage | SnapshotMessage | LiveMessage | SessionMessage
