"""Our agent: ask the model, run the tools it calls, until it is done or a limit says stop.

It reads top-down: ``run`` a turn, ``_step`` by step; each step ``_ask``s and ``_act``s, and ``_end`` says whether the
turn is over where the model calls nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import AppBuilderError
from ..events import By, Mode
from ..log.journal import Journal
from ..models.base import Model, ModelError, ModelResponse, ModelSettings
from ..models.profile import FULL, Profile
from ..tools.names import CHECK
from ..turns.modes import mode_of
from ..turns.plans import is_handed_over
from ..turns.requests import since_start
from ..usage.budgets import OverBudget
from ..usage.spending import Spending
from .asking import Asking
from .base import Outcome
from .compaction import Compactor
from .history import History
from .pictures import ReadPicture
from .progress import (
    BROKEN_OFF,
    CUT_OFFS,
    NOT_WHOLE,
    Left,
    TurnProgress,
    going_in_circles,
    left_over,
    turn_progress,
    unheard,
)

if TYPE_CHECKING:
    from ..tools.base import ToolCall, ToolResult

NOT_SEEN = Outcome(
    "done",
    "Done, not seen: nobody has looked at the page.",
    "Open the preview and try it; or let the agent look by itself: jupyter appbuilder doctor says what is missing.",
)
NOT_TRIED = Outcome(
    "done",
    "Done, not tried: what worked before was not tried again.",
    "Try it in the list of what works, or with jupyter appbuilder try.",
)
CHECK_ROUNDS = 3  # how often the loop sends the model back to repair what a check found


@dataclass(frozen=True, slots=True)
class Limits:
    """The step and time limits of one turn; ``usage.budgets`` limits tokens and cost."""

    max_steps: int = 60
    max_seconds: float = 1200


class Runner(Protocol):
    """The part of ``tools.runner.ToolRunner`` that the loop uses."""

    def definitions(self) -> list[dict[str, Any]]: ...

    async def run(
        self,
        name: str,
        arguments: dict[str, Any] | str,
        *,
        call: str,
        by: By,
        turn: str | None = None,
        already_started: bool = False,
    ) -> ToolResult: ...

    async def run_all(self, calls: Sequence[ToolCall], *, by: By, turn: str | None) -> list[ToolResult]: ...


class Waits(Protocol):
    """The part of ``approvals.Approvals`` that the loop uses."""

    def pausing(self, clock: asyncio.Timeout) -> AbstractContextManager[None]:
        """A time limit that stands still while a person is asked something."""
        ...


@dataclass(slots=True)
class _Turn:
    """A turn as far as this loop has come with it."""

    id: str
    mode: Mode
    left: Left | None  # an answer of which something is still to be done, by a process that died
    checks: int = 0


class AgentLoop:
    """One model at work on one session; an ``agents.base.Agent``."""

    def __init__(
        self,
        model: Model,
        runner: Runner,
        journal: Journal,
        history: History,
        limits: Limits | None = None,
        settings: ModelSettings | None = None,
        waits: Waits | None = None,
        spending: Spending | None = None,
        profile: Profile = FULL,
        read_picture: ReadPicture | None = None,
    ) -> None:
        spending = spending or Spending(model.name, recorded=model.recorded)
        tools = profile.offered(runner.definitions())
        self._runner = runner
        self._history = history
        self._limits = limits or Limits()
        self._waits = waits
        self._recorded = model.recorded
        self._can_check = any(tool["function"]["name"] == CHECK for tool in tools)
        self._compactor = Compactor(model, journal, history, profile.compact_at, tools, spending)
        self._asking = Asking(model, journal, history, tools, settings or ModelSettings(), spending, read_picture)

    @property
    def recorded(self) -> bool:
        return self._recorded

    async def run(self, turn: str) -> Outcome:
        """Work on a turn whose ``turn.started`` and ``message.user`` are in the log already.

        Where the log holds more of it, another process began it and died: this goes on where the log ends. A response
        that was stored is not asked for again.
        """
        clock = asyncio.timeout(self._limits.max_seconds)
        try:
            async with clock:
                with self._waits.pausing(clock) if self._waits else nullcontext():
                    return await self._work(turn)
        except TimeoutError:
            if not clock.expired():
                raise
            minutes = self._limits.max_seconds / 60
            return Outcome(
                "limit",
                f"The turn reached its time limit of {minutes:.3g} minutes.",
                'Say "go on" to continue, or raise c.AppBuilder.max_seconds.',
            )
        except OverBudget as error:
            return Outcome("budget", error.message, error.hint)
        except AppBuilderError as error:
            return Outcome("failed", error.message, error.hint, error.reason)
        finally:
            self._asking.close()

    async def _work(self, turn: str) -> Outcome:
        await self._history.refresh()
        events = self._history.events
        work = _Turn(turn, mode_of(events, turn), left_over(events, turn))
        while True:
            if outcome := await self._step(work):
                return outcome

    async def _step(self, work: _Turn) -> Outcome | None:
        """Have one answer, and do what it calls for. How the turn ends, if it does."""
        progress = await self._progress(work.id)
        if self._is_handed_over(work):
            return Outcome("done")
        over = self._over(progress)
        if over and not (work.left and work.left.calls):  # what was asked for has to have its results in the log
            return over
        answer, work.left = work.left or await self._ask(work.id), None
        if answer is None:
            return None  # the limits are looked at again: making room was a request too
        if answer.calls:
            await self._act(work.id, answer)
            return None
        return await self._end(work, answer)

    async def _ask(self, turn: str) -> Left | None:
        """An answer of the model; None where the history had to be made shorter first."""
        if await self._compactor.make_room(turn):
            return None
        try:
            response, answer = await self._asking.answer(turn)
        except ModelError as error:
            if error.reason != "context_length" or not await self._compactor.make_room(turn, refused=True):
                raise
            return None
        return Left(response, _calls(response, answer), answer.finish_reason)

    async def _act(self, turn: str, answer: Left) -> None:
        await self._runner.run_all(answer.calls, by="agent", turn=turn)

    async def _end(self, work: _Turn, answer: Left) -> Outcome | None:
        """How a turn ends with an answer that calls nothing; None where it goes on."""
        if answer.finish_reason == BROKEN_OFF:  # and the process died before it could say so
            return Outcome("stopped", "Stopped.", "The work so far is kept. Continue, or restore an earlier version.")
        if answer.finish_reason in NOT_WHOLE:
            return None  # the history tells the model
        if answer.finish_reason == "content_filter":
            return Outcome("failed", "The model's provider withheld the answer.", "Rephrase the request.")
        progress = await self._progress(work.id)
        if unheard(self._history.events, work.id):
            return None  # the person said something meanwhile
        if work.mode != "build" or not self._can_check:
            return Outcome("done")
        return await self._check(work, answer) if progress.needs_check else _as_checked(progress.checked)

    async def _check(self, work: _Turn, answer: Left) -> Outcome | None:
        """Look at the app before a turn counts as done; None where the model is sent back to what was found."""
        work.checks += 1
        call = f"{answer.response}.check"
        begun = answer.check_started
        found = await self._runner.run(CHECK, {}, call=call, by="loop", turn=work.id, already_started=begun)
        last = found.ok or work.checks == CHECK_ROUNDS or self._recorded
        if not last or await self._has_news(work.id):
            return None
        if found.ok:
            return _as_checked(found.detail)
        return Outcome(
            "done",
            f"The work ended, but problems remain. {found.summary}.",
            'Say "fix the problems", or restore an earlier version.',
        )

    def _is_handed_over(self, work: _Turn) -> bool:
        """True if a turn in plan mode has its plan, and the person said nothing since."""
        events = self._history.events
        return (
            work.mode == "plan" and not work.left and is_handed_over(events, work.id) and not unheard(events, work.id)
        )

    async def _progress(self, turn: str) -> TurnProgress:
        await self._history.refresh()
        return turn_progress(since_start(self._history.events, turn), turn)

    async def _has_news(self, turn: str) -> bool:
        await self._history.refresh()
        return unheard(self._history.events, turn)

    def _over(self, progress: TurnProgress) -> Outcome | None:
        limits = self._limits
        circle = going_in_circles(progress.actions)
        if circle:
            return Outcome(
                "limit",
                f"{circle} The turn was stopped.",
                "Say what to do differently, or restore the version from before this turn.",
            )
        if progress.cut_offs >= CUT_OFFS:
            return Outcome(
                "limit",
                f"The model's answers were cut off at its output limit {CUT_OFFS} times in a row.",
                "Ask for less at a time, or choose a model with a larger output limit.",
            )
        if progress.unread >= CUT_OFFS:
            return Outcome(
                "limit",
                f"The model wrote its tool calls into its answer {CUT_OFFS} times in a row, so none of them ran.",
                "Choose another model, or test this one in the model settings.",
            )
        if progress.steps >= limits.max_steps:
            return Outcome(
                "limit",
                f"The turn reached its limit of {limits.max_steps} steps.",
                'Say "go on" to continue, or raise c.AppBuilder.max_steps.',
            )
        return None


def _calls(response: str, answer: ModelResponse) -> list[ToolCall]:
    from ..tools.base import ToolCall

    return [ToolCall(f"{response}.{i}", call.name, call.arguments) for i, call in enumerate(answer.tool_calls)]


def _as_checked(detail: Mapping[str, Any]) -> Outcome:
    """How a turn ends whose last check found nothing: ``detail`` says what of it was not looked at, or not tried."""
    if detail.get("untried"):
        return NOT_TRIED
    return Outcome("done") if detail.get("looked", True) else NOT_SEEN
