"""Ends a turn: makes its checkpoint and stores its outcome."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import AppBuilderError, of_the_disk
from ..events import Draft, TurnReason
from ..turns.modes import mode_of
from ..turns.plans import left_by
from ..turns.requests import CONTINUE, first_request

if TYPE_CHECKING:
    from ..apps.network import SessionNetwork
    from ..workspace import Workspace
    from .record import Record
    from .versions import Versions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a turn: the data of its ``turn.finished``, and the title of its version."""

    turn: str
    title: str
    reason: TurnReason
    message: str = ""
    hint: str = ""
    error: str = ""  # the code of what made it fail


class Endings:
    """Ends the turns of one session. ``unstored``: the end of a turn that the log refused to take."""

    def __init__(self, record: Record, workspace: Workspace, versions: Versions, network: SessionNetwork) -> None:
        self._record = record
        self._workspace = workspace
        self._versions = versions
        self._network = network
        self.unstored: Ending | None = None

    async def finish(self, end: Ending) -> None:
        """Close a turn: checkpoint what it left, then say how it ended."""
        drafts: list[Draft] = []
        turn, events = end.turn, self._record.stored
        mode = mode_of(events, turn)
        title = end.title if end.title != CONTINUE else first_request(events, turn) or end.title
        if mode == "plan" and (plan := left_by(events, turn, done=end.reason == "done")):
            drafts.append(plan)
        try:
            await self._versions.take_outside_changes()
            # A turn that may change nothing leaves no version; what a person changed meanwhile goes into the next.
            if mode == "build" and (checkpoint := await self._workspace.checkpoint(title, of_known_tree=True)):
                drafts.append(await self._versions.draft(checkpoint, turn))
        except (AppBuilderError, OSError) as error:
            if end.reason == "done":
                refused = error if isinstance(error, AppBuilderError) else of_the_disk(error, self._workspace.folder)
                end = replace(end, reason="failed", message=refused.message, hint=refused.hint)
            log.warning("No checkpoint after turn %s of session %s: %s", turn, self._record.id, error)
        finished = {"turn": turn, "reason": end.reason, "message": end.message, "hint": end.hint}
        finished |= {"error": end.error} if end.error and end.reason == "failed" else {}
        await self._record.append(*drafts, Draft("turn.finished", finished))
        await self._network.settle()  # what was allowed for this turn only

    async def finish_or_keep(self, end: Ending) -> None:
        """Close a turn. What cannot be stored of that now is kept until it can (``Recovery.reconcile``)."""
        try:
            await self.finish(end)
        except AppBuilderError as error:
            log.error("The end of turn %s of session %s could not be stored: %s", end.turn, self._record.id, error)
            self.unstored = end
            self._record.cut_short = True
            self._record.channel.session()

    def reconciled(self) -> None:
        """The log has the end of every turn."""
        self.unstored = None
        self._record.cut_short = False
