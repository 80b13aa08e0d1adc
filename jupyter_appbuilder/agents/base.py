"""The agent protocol: what a session needs from whatever works on its turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..events import TurnReason


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended. ``message`` and ``hint`` are for people; both are empty when all is well."""

    reason: TurnReason
    message: str = ""
    hint: str = ""
    error: str = ""  # the code of what made it fail


class Agent(Protocol):
    """Works on the turns of one session. What it says and does goes into the log through the session's journal and its
    tool runner; it changes nothing in another way."""

    @property
    def recorded(self) -> bool:
        """True for a recording: it is told nothing of the app, and takes no messages while it works."""
        ...

    async def run(self, turn: str) -> Outcome:
        """Work on a turn whose ``turn.started`` and ``message.user`` are in the log already, to its end.

        Where the log holds more of it, another process began it and died: this goes on where the log ends. Called again
        when a message came after it ended. Cancelling stops it at once.
        """
        ...
