"""The agent: ask the model, store its answer, run its tools, until it is done or a limit says stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from ..cancellation import uncut
from ..errors import AppBuilderError
from ..events import By, Draft, TurnReason
from ..log.journal import Journal
from ..models.base import (
    Answer,
    Message,
    Model,
    ModelError,
    ModelProgress,
    ModelResponse,
    ModelSettings,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallRequest,
    Usage,
)
from ..models.profile import FULL, Profile
from ..models.written_calls import ending_calls
from ..tools.names import CHECK, known_name
from ..turns.modes import mode_of
from ..turns.plans import is_handed_over
from ..turns.requests import since_start
from ..usage.budgets import OverBudget
from ..usage.spending import CHARACTERS_A_TOKEN, Spending, estimate
from .compaction import Compactor
from .history import History
from .progress import (
    BROKEN_OFF,
    CUT_OFFS,
    NOT_WHOLE,
    UNREAD,
    Left,
    TurnProgress,
    going_in_circles,
    left_over,
    turn_progress,
    unheard,
)
from .repetition import Repetition

if TYPE_CHECKING:
    from ..tools.base import ToolCall, ToolResult

CHECK_ROUNDS = 3  # how often the loop sends the model back to repair what a check found
BROKEN_STREAMS = 2  # how often a stream that broke is asked for again
LONGEST_ANSWER = 4_000_000  # characters of one answer, arguments of its tools included
REPEATED_WORDS = 8_000  # characters of an answer or of thinking that say the same over and over: it is stuck
REPEATED_ARGUMENTS = 40_000  # … of a call's arguments: files hold long tables of the same
LONGEST_REASONING = 30_000  # characters of a model's thinking that are shown and stored
UNKEPT = ("context_length", "endless")  # after these, what was said is not told the model again: it would be too long
RETRY_DELAY = 0.5  # seconds, longer each time


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one turn may go on; ``usage.budgets`` says what it may use."""

    max_steps: int = 60
    max_seconds: float = 1200


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended. ``message`` and ``hint`` are for people; both are empty when all is well."""

    reason: TurnReason
    message: str = ""
    hint: str = ""
    error: str = ""  # the code of what made it fail


class Runner(Protocol):
    """What the loop needs of ``tools.runner.ToolRunner``."""

    def definitions(self) -> list[dict[str, Any]]: ...

    async def run(
        self,
        name: str,
        arguments: dict[str, Any] | str,
        *,
        call: str,
        by: By,
        turn: str | None = None,
        started: bool = False,
    ) -> ToolResult: ...

    async def run_all(self, calls: Sequence[ToolCall], *, by: By, turn: str | None) -> list[ToolResult]: ...


class Waits(Protocol):
    """What the loop needs of ``approvals.Approvals``."""

    def pausing(self, clock: asyncio.Timeout) -> AbstractContextManager[None]:
        """A time limit that stands still while a person is asked something."""
        ...


@dataclass(slots=True)
class _Partial:
    """An answer as far as it has come: ``length`` characters."""

    length: int = 0
    reasoning: str = ""  # as far as it is shown
    thought_from: float = 0.0
    thought_ms: int = 0
    text: list[str] = field(default_factory=list[str])
    calls: dict[int, tuple[str, str, list[str]]] = field(default_factory=dict[int, tuple[str, str, list[str]]])
    ends: dict[str | int, Repetition] = field(default_factory=dict[str | int, Repetition])
    repeats: bool = False  # a part of it says the same over and over

    def take(self, delta: Answer) -> None:
        if isinstance(delta, TextDelta):
            self._grow("text", delta.text, REPEATED_WORDS)
            self.text.append(delta.text)
        elif isinstance(delta, ReasoningDelta):
            self._grow("reasoning", delta.text, REPEATED_WORDS)
        elif isinstance(delta, ToolCallDelta):
            self._grow(delta.index, delta.arguments, REPEATED_ARGUMENTS)
            id, name, pieces = self.calls.get(delta.index, ("", "", []))
            pieces.append(delta.arguments)
            self.calls[delta.index] = (id or delta.id, name or delta.name, pieces)

    def _grow(self, part: str | int, text: str, window: int) -> None:
        self.length += len(text)
        self.repeats |= self.ends.setdefault(part, Repetition(window)).take(text)

    def think(self, text: str) -> str:
        """What of a piece of thinking is shown."""
        now = time.monotonic()
        self.thought_from = self.thought_from or now
        self.thought_ms = round((now - self.thought_from) * 1000)
        shown = text[: LONGEST_REASONING - len(self.reasoning)]
        self.reasoning += shown
        return shown

    def response(self) -> ModelResponse:
        """The answer as one that was cut off here."""
        calls = tuple(ToolCallRequest(id, name, "".join(pieces)) for id, name, pieces in self.calls.values())
        return ModelResponse("".join(self.text), calls, "length", Usage())


class Agent:
    """One model at work on one session. Cancelling the task that runs ``run`` stops it at once."""

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
    ) -> None:
        self._model = model
        self._runner = runner
        self._journal = journal
        self._history = history
        self._limits = limits or Limits()
        self._settings = settings or ModelSettings()
        self._waits = waits
        self._spending = spending or Spending(model.name, recorded=model.recorded)
        self.recorded = model.recorded
        self._tools = profile.offered(runner.definitions())
        self._names = {tool["function"]["name"] for tool in self._tools}
        self._compactor = Compactor(model, journal, history, profile.compact_at, self._tools, self._spending)
        self._waits_shown = False  # a live message says what is being waited for
        self._last_response = 0  # highest number given out, also for answers that were thrown away

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
            if self._waits_shown:
                self._show_wait("", 1)

    async def _work(self, turn: str) -> Outcome:
        checks = 0
        await self._history.refresh()
        mode = mode_of(self._history.events, turn)
        left = left_over(self._history.events, turn)
        while True:
            progress = await self._progress(turn)
            events = self._history.events
            if mode == "plan" and not left and is_handed_over(events, turn) and not unheard(events, turn):
                return Outcome("done")
            over = self._over(progress)
            if over and not (left and left.calls):  # what was asked for has to have its results in the log
                return over
            if left is None:
                if await self._compactor.make_room(turn):
                    continue  # the limits are looked at again: that was a request too
                try:
                    response, answer = await self._answer(turn)
                except ModelError as error:
                    if error.reason != "context_length" or not await self._compactor.make_room(turn, refused=True):
                        raise
                    continue
                left = Left(response, _calls(response, answer), answer.finish_reason)
            last, left = left, None
            if last.calls:
                await self._runner.run_all(last.calls, by="agent", turn=turn)
                continue
            if last.finish_reason == BROKEN_OFF:  # and the process died before it could say so
                return Outcome("stopped", "Stopped.", "What was done so far is kept. Go on, or restore.")
            if last.finish_reason in NOT_WHOLE:
                continue  # the history tells the model
            if last.finish_reason == "content_filter":
                return Outcome("failed", "The model's provider withheld the answer.", "Put the request another way.")
            progress = await self._progress(turn)
            if unheard(self._history.events, turn):
                continue  # the person said something meanwhile
            if mode != "build" or not progress.needs_check or not self._can_check():
                return Outcome("done")
            checks += 1
            found = await self._runner.run(
                CHECK, {}, call=f"{last.response}.check", by="loop", turn=turn, started=last.check_started
            )
            if found.ok and not await self._has_news(turn):
                return Outcome("done")
            if (checks == CHECK_ROUNDS or self._model.recorded) and not await self._has_news(turn):
                return Outcome(
                    "done",
                    f"The work ended, but problems remain. {found.summary}.",
                    'Say "fix the problems", or restore an earlier version.',
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
                f"{circle} It was stopped so that it does not go on for nothing.",
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
                f"The model wrote its tool calls into its answer {CUT_OFFS} times in a row, and nothing of them ran.",
                "Choose another model, or test this one in the model settings.",
            )
        if progress.steps >= limits.max_steps:
            return Outcome(
                "limit",
                f"The turn reached its limit of {limits.max_steps} steps.",
                'Say "go on" to continue, or raise c.AppBuilder.max_steps.',
            )
        return None

    def _can_check(self) -> bool:
        return any(tool["function"]["name"] == CHECK for tool in self._tools)

    async def _answer(self, turn: str) -> tuple[str, ModelResponse]:
        """An answer with something in it, stored. An empty one is asked for once more, a broken stream twice."""
        empty = broken = 0
        while True:
            response = self._next_response()
            read = self._history.events[-1].seq if self._history.events else 0
            await self._history.prepare()
            messages = self._history.messages()
            asked = estimate(messages, self._tools)
            room = await self._spending.allow(self._history.events, turn, asked)
            partial = _Partial()
            try:
                answer = await self._listen(turn, response, messages, partial, room * CHARACTERS_A_TOKEN)
                answer = await self._understood(answer, messages)
            except (ModelError, asyncio.CancelledError) as error:
                broken += 1
                failure = error if isinstance(error, ModelError) else None
                again = failure is not None and failure.reason == "interrupted" and broken <= BROKEN_STREAMS
                keeping = not again and (failure is None or failure.reason not in UNKEPT)
                with suppress(AppBuilderError):  # a log that takes nothing is told where the turn ends
                    await uncut(self._leave(turn, response, partial, read, asked, keeping=keeping))
                if failure is None or not again:
                    raise
                self._show_wait(f"{failure.message} Asking again.", None)
                await asyncio.sleep(RETRY_DELAY * broken)
                await self._history.refresh()
                continue
            if broken:
                self._show_wait("", 1)
            if answer.text.strip() or answer.tool_calls or answer.finish_reason == "content_filter":
                await self._store(turn, response, answer, read, asked, partial)
                return response, answer
            await self._journal.append(self._usage(turn, answer, asked))
            await self._history.refresh()
            empty += 1
            if empty > 1:
                raise ModelError(
                    f"{self._model.name} gave an empty answer twice.",
                    hint="Try again, put the request another way, or choose another model.",
                    reason="empty",
                )

    def _show_wait(self, message: str, fraction: float | None) -> None:
        self._waits_shown = fraction != 1
        self._journal.live("progress", {"what": "model", "message": message, "fraction": fraction})

    def _next_response(self) -> str:
        numbers = (int(e.data["response"][1:]) for e in self._history.events if e.type == "response.completed")
        self._last_response = max(self._last_response, *numbers, 0) + 1
        return f"r{self._last_response}"

    async def _leave(
        self, turn: str, response: str, partial: _Partial, read: int, asked: int, *, keeping: bool
    ) -> None:
        """Store what there is of an answer that broke off: it is paid for too, and its words stay said if ``keeping``.
        What it was about to call is not kept, and never run."""
        words = "".join(partial.text)
        if keeping and (words.strip() or partial.reasoning.strip()):
            answer = ModelResponse(words, (), BROKEN_OFF, Usage())
            await self._store(turn, response, answer, read, asked, partial)
        elif partial.length and not self.recorded:
            usage = self._spending.usage(asked, partial.length, (0, 0, 0))
            data = {"turn": turn, "model": self._model.name, "usage": usage}
            await self._journal.append(Draft("usage.recorded", data))

    async def _listen(
        self, turn: str, response: str, messages: Sequence[Message], partial: _Partial, most: float
    ) -> ModelResponse:
        """Ask the model, showing what comes as it comes. ``partial`` takes it; an answer of more than ``most``
        characters is cut off there, by a budget."""
        stream = self._model.stream(messages, self._tools, self._settings)
        # Closed here and not by the garbage collector: a turn that is stopped must let go of the connection.
        async with aclosing(cast("AsyncGenerator[Answer]", stream)) as deltas:
            async for given in deltas:
                delta = self._named(given)
                partial.take(delta)
                if partial.repeats and not isinstance(delta, ModelResponse):
                    raise ModelError(
                        f"{self._model.name} did not come to an end: it wrote the same over and over.",
                        hint="Try again, put the request another way, or choose another model.",
                        reason="endless",
                    )
                if partial.length > LONGEST_ANSWER and not isinstance(delta, ModelResponse):
                    raise ModelError(
                        f"{self._model.name} did not come to an end: it wrote over {LONGEST_ANSWER:,} characters.",
                        hint="Ask for less at a time, or choose another model.",
                        reason="endless",
                    )
                match delta:
                    case ModelProgress(message, fraction):
                        self._show_wait(message, fraction)
                    case ReasoningDelta(text):
                        if shown := partial.think(text):
                            data = {"turn": turn, "response": response, "text": shown}
                            self._journal.live("reasoning.delta", data)
                    case TextDelta(text):
                        self._journal.live("text.delta", {"turn": turn, "response": response, "text": text})
                    case ToolCallDelta(index, arguments):
                        self._journal.live(
                            "tool.delta",
                            {
                                "turn": turn,
                                "response": response,
                                "index": index,
                                "call": f"{response}.{index}",
                                "tool": partial.calls[index][1],
                                "arguments": arguments,
                            },
                        )
                    case ModelResponse():
                        return delta
                if partial.length > most:
                    return partial.response()
        raise ModelError("The model ended its answer without finishing it.", hint="Try again.", reason="interrupted")

    async def _understood(self, answer: ModelResponse, messages: Sequence[Message]) -> ModelResponse:
        """An answer whose calls were written as text, with its calls; or as one whose calls could not be read."""
        if answer.tool_calls or self.recorded or not self._tools or answer.finish_reason not in ("stop", "tool_calls"):
            return answer
        written = await ending_calls(answer.text, self._names, messages)
        if written is None:
            return answer
        finish = "tool_calls" if written.calls else UNREAD
        return replace(answer, text=written.text, tool_calls=written.calls, finish_reason=finish)

    def _named(self, delta: Answer) -> Answer:
        """With its tools called as they are: endpoints refuse other names when they are sent back."""
        match delta:
            case ToolCallDelta() if delta.name:
                return replace(delta, name=known_name(delta.name, self._names))
            case ModelResponse() if delta.tool_calls:
                calls = tuple(replace(call, name=known_name(call.name, self._names)) for call in delta.tool_calls)
                return replace(delta, tool_calls=calls)
            case _:
                return delta

    async def _store(
        self, turn: str, response: str, answer: ModelResponse, read: int, asked: int, partial: _Partial
    ) -> None:
        heard = partial.length if answer.finish_reason == BROKEN_OFF else 0
        usage = self._usage(turn, answer, asked, response, heard)
        more: dict[str, Any] = {}
        if partial.reasoning.strip():
            more = {"reasoning": partial.reasoning, "reasoning_ms": partial.thought_ms}
        if answer.added:
            more["added"] = answer.added
        completed = Draft(
            "response.completed",
            more
            | {
                "turn": turn,
                "response": response,
                "model": self._model.name,
                "recorded": self._model.recorded,
                "text": answer.text,
                "tool_calls": [
                    {"call": f"{response}.{index}", "id": call.id, "tool": call.name, "arguments": call.arguments}
                    for index, call in enumerate(answer.tool_calls)
                ],
                "finish_reason": answer.finish_reason,
                "usage": usage.data["usage"],
                "read": read,
            },
        )
        await self._journal.append(completed, usage)

    def _usage(self, turn: str, answer: ModelResponse, asked: int, response: str = "", heard: int = 0) -> Draft:
        """What an answer used. ``asked`` is the request's estimate, in tokens; ``response`` its step, if it is one;
        ``heard``: characters that came of it, though it may hold fewer."""
        said = max(heard, len(answer.text) + sum(len(call.arguments) for call in answer.tool_calls))
        reported = (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cached_tokens)
        usage = self._spending.usage(asked, said, reported)
        data = {"turn": turn, "model": self._model.name, "usage": usage}
        return Draft("usage.recorded", data | {"response": response} if response else data)


def _calls(response: str, answer: ModelResponse) -> list[ToolCall]:
    from ..tools.base import ToolCall

    return [ToolCall(f"{response}.{i}", call.name, call.arguments) for i, call in enumerate(answer.tool_calls)]
