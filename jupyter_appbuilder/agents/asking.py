"""One model request: sends it, streams the answer, parses it and stores it with its usage."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ..cancellation import uncut
from ..errors import AppBuilderError
from ..events import Draft
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
    ToolDefinition,
    Usage,
)
from ..models.written_calls import ending_calls
from ..tools.names import known_name
from ..turns.suggestions import Words, apart
from ..usage.spending import CHARACTERS_A_TOKEN, Spending, estimate
from .history import History
from .pictures import ReadPicture, with_pictures
from .progress import BROKEN_OFF, UNREAD
from .repetition import Repetition

BROKEN_STREAMS = 2  # how often a stream that broke is asked for again
LONGEST_ANSWER = 4_000_000  # characters of one answer, arguments of its tools included
REPEATED_WORDS = 8_000  # characters of an answer or of thinking that say the same over and over: it is stuck
REPEATED_ARGUMENTS = 40_000  # … of a call's arguments: files hold long tables of the same
LONGEST_REASONING = 30_000  # characters of a model's thinking that are shown and stored
UNKEPT = ("context_length", "endless")  # after these, what was said is not told the model again: it would be too long
RETRY_DELAY = 0.5  # seconds, longer each time

log = logging.getLogger(__name__)


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


class Asking:
    """Asks one model on behalf of one session. ``tools`` are those it is offered."""

    def __init__(
        self,
        model: Model,
        journal: Journal,
        history: History,
        tools: Sequence[ToolDefinition],
        settings: ModelSettings,
        spending: Spending,
        read_picture: ReadPicture | None = None,
    ) -> None:
        self._model = model
        self._read_picture = read_picture
        self._journal = journal
        self._history = history
        self._tools = tools
        self._names = {tool["function"]["name"] for tool in tools}
        self._settings = settings
        self._spending = spending
        self._waits_shown = False  # a live message says what is being waited for
        self._last_response = 0  # highest number given out, also for answers that were thrown away

    def close(self) -> None:
        """What is being waited for is shown no longer."""
        if self._waits_shown:
            self._show_wait("", 1)

    async def answer(self, turn: str) -> tuple[str, ModelResponse]:
        """An answer with something in it, stored. An empty one is asked for once more, a broken stream twice."""
        empty = broken = 0
        self.close()
        while True:
            response = self._next_response()
            read = self._history.events[-1].seq if self._history.events else 0
            await self._history.prepare()
            messages = self._history.messages()
            asked = estimate(messages, self._tools)
            room = await self._spending.allow(self._history.events, turn, asked)
            partial = _Partial()
            shows = self._model.images and any(message.get("pictures") for message in messages)
            sent = await with_pictures(messages, self._read_picture if self._model.images else None)
            try:
                answer = await self._listen(turn, response, sent, partial, room * CHARACTERS_A_TOKEN)
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
            if shows and not self._model.images:
                log.info("%s takes no images: it is sent none any more.", self._model.name)
                self._show_wait(f"{self._model.name} takes no images: what is on a page it is told in words.", None)
            if answer.text.strip() or answer.tool_calls or answer.finish_reason == "content_filter":
                await self._store(turn, response, answer, read, asked, partial)
                return response, answer
            await self._journal.append(self._usage(turn, answer, asked))
            await self._history.refresh()
            empty += 1
            if empty > 1:
                raise ModelError(
                    f"{self._model.name} gave an empty answer twice.",
                    hint="Try again, rephrase the request, or choose another model.",
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
        elif partial.length and not self._model.recorded:
            usage = self._spending.usage(asked, partial.length, (0, 0, 0))
            data = {"turn": turn, "model": self._model.name, "usage": usage}
            await self._journal.append(Draft("usage.recorded", data))

    async def _listen(
        self, turn: str, response: str, messages: Sequence[Message], partial: _Partial, most: float
    ) -> ModelResponse:
        """Ask the model, showing what comes as it comes. ``partial`` takes it; an answer of more than ``most``
        characters is cut off there, by a budget."""
        stream = self._model.stream(messages, self._tools, self._settings)
        words = Words()
        # Closed here and not by the garbage collector: a turn that is stopped must let go of the connection.
        async with aclosing(cast("AsyncGenerator[Answer]", stream)) as deltas:
            async for given in deltas:
                delta = self._named(given)
                partial.take(delta)
                if partial.repeats and not isinstance(delta, ModelResponse):
                    raise ModelError(
                        f"{self._model.name} kept repeating itself and was stopped.",
                        hint="Try again, rephrase the request, or choose another model.",
                        reason="endless",
                    )
                if partial.length > LONGEST_ANSWER and not isinstance(delta, ModelResponse):
                    raise ModelError(
                        f"{self._model.name} was stopped after {LONGEST_ANSWER:,} characters without an end.",
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
                        self._show_words(turn, response, words.take(text))
                    case ToolCallDelta(index, arguments):
                        self._show_words(turn, response, words.rest())
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

    def _show_words(self, turn: str, response: str, words: str) -> None:
        if words:
            self._journal.live("text.delta", {"turn": turn, "response": response, "text": words})

    async def _understood(self, answer: ModelResponse, messages: Sequence[Message]) -> ModelResponse:
        """An answer whose calls were written as text, with its calls; or as one whose calls could not be read."""
        if (
            answer.tool_calls
            or self._model.recorded
            or not self._tools
            or answer.finish_reason not in ("stop", "tool_calls")
        ):
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
        text = answer.text
        if answer.finish_reason == "stop" and not answer.tool_calls:
            text, suggestions = apart(text)
            more |= {"suggestions": suggestions} if suggestions else {}
        if partial.reasoning.strip():
            more |= {"reasoning": partial.reasoning, "reasoning_ms": partial.thought_ms}
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
                "text": text,
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
