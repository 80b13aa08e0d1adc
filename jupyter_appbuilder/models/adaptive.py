"""A model at a custom endpoint: whether it can call tools is learned in use.

The first answer mostly tells. Where it is only words, a trial of some hundred tokens does; an endpoint that says what
its models can do is believed. What was found out is kept (``capabilities``), so each model is tried once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from .base import (
    Answer,
    Message,
    ModelError,
    ModelResponse,
    ModelSettings,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallRequest,
    ToolDefinition,
    Usage,
)
from .capabilities import Calling, Capabilities, CapabilityStore
from .constrained import ConstrainedModel, add
from .object_answer import Answer as Meant
from .object_answer import ObjectReader, Thoughts, without_thoughts
from .openai_compatible import Endpoint, OpenAICompatibleModel
from .server_facts import ask_server
from .written_calls import begun_call, ending_calls, may_begin_call

TRIAL_TOOL = "report_word"
TRIAL_TOKENS = 300  # at most, of a trial's answer: some models think first
TRIAL_WORDS = 200  # characters of plain text after which no call is to be expected any more
TRIAL_MESSAGES: list[Message] = [
    {"role": "user", "content": f'Call the tool {TRIAL_TOOL} with the word "ready". Do nothing else.'}
]
TRIAL_TOOLS: list[ToolDefinition] = [
    {
        "type": "function",
        "function": {
            "name": TRIAL_TOOL,
            "description": "Report a word.",
            "parameters": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
        },
    }
]
TRIAL_SETTINGS = ModelSettings(max_output_tokens=TRIAL_TOKENS)
CHARACTERS_A_TOKEN = 4  # for an estimate, where an answer was not read to its end

UNDECIDED = 400  # characters of an answer that may be a call written as text which are held back at most


class AdaptiveModel:
    """See ``base.Model``. ``trusted``: the endpoint is known to take tools for all its models, so nothing is tried."""

    recorded = False

    def __init__(
        self,
        backend: OpenAICompatibleModel,
        store: CapabilityStore,
        *,
        trusted: bool = False,
        place: Endpoint | None = None,
    ) -> None:
        """``place`` is what the model is remembered under: its endpoint, where that has an address that stays."""
        self._place = place or backend.endpoint
        self.name = backend.name
        self.backend = backend
        self._store = store
        self._trusted = trusted
        backend.mark = f"{self._place.place} {backend.model}"
        backend.recall = self._learned
        backend.remember = lambda found: self.learn(dialect={**self.capabilities.dialect, **found})
        self._owed = Usage()  # of requests that led to no answer: counted with the next

    @property
    def capabilities(self) -> Capabilities:
        return self._store.of(self._place, self.backend.model)

    @property
    def context_window(self) -> int | None:
        return self.capabilities.context_window or self.backend.context_window

    @property
    def images(self) -> bool:
        return self.backend.images

    def _learned(self) -> dict[str, Any]:
        """What is known of the dialect. A refusal of images counts more than what the server says of them."""
        known = self.capabilities
        told = {} if known.images is None else {"images": "all" if known.images else "none"}
        return {**told, **known.dialect}

    def learn(self, **found: object) -> Capabilities:
        return self._store.learn(self._place, self.backend.model, **found)

    def forget(self) -> None:
        """Find everything out anew."""
        self._store.forget(self._place, self.backend.model)

    async def prepare(self) -> None:
        """Ask the endpoint, once, what it tells of the model without being used: its context window above all.

        Never fails; takes a few seconds at most.
        """
        if self._trusted or self.capabilities.asked or self.capabilities.context_window:
            return
        told = await ask_server(self.backend.endpoint, self.backend.model)
        if not told.answered:
            return
        found: dict[str, object] = {"asked": True}
        if told.context_window:
            found["context_window"] = told.context_window
        if told.images is not None:
            found["images"] = told.images
        if told.tools is False and not self.capabilities.known:
            found["calling"] = "schema"
        self.learn(**found)

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolDefinition], settings: ModelSettings
    ) -> AsyncIterator[Answer]:
        """See ``base.Model``."""
        calling = self.capabilities.calling
        if calling in ("", "native"):
            asked = self._natively(messages, tools, settings)
        else:
            asked = self._constrained(messages, tools, settings, calling)
        async with aclosing(asked) as items:
            async for item in items:
                yield self._with_debts(item) if isinstance(item, ModelResponse) else item

    def _with_debts(self, answer: ModelResponse) -> ModelResponse:
        owed, self._owed = self._owed, Usage()
        return replace(answer, usage=add(answer.usage, owed)) if owed != Usage() else answer

    async def _constrained(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolDefinition],
        settings: ModelSettings,
        calling: Calling,
    ) -> AsyncGenerator[Answer]:
        model = ConstrainedModel(self.backend, calling, self._settle)
        async with aclosing(model.stream(messages, tools, settings)) as items:
            async for item in items:
                yield item

    def _settle(self, calling: Calling) -> None:
        self.learn(calling=calling)

    async def _natively(
        self, messages: Sequence[Message], tools: Sequence[ToolDefinition], settings: ModelSettings
    ) -> AsyncGenerator[Answer]:
        """Ask with the endpoint's own tools; change over where it turns out that they are not called."""
        watched = bool(tools) and not self._trusted and not self.capabilities.proven
        names = {tool["function"]["name"] for tool in tools}
        thoughts, opening = Thoughts(), Opening(names if watched else ())
        answer: ModelResponse | None = None
        called = False
        try:
            async with aclosing(self.backend.ask(messages, tools, settings)) as items:
                async for item in items:
                    match item:
                        case TextDelta(text):
                            said = text if self._trusted else thoughts.feed(text)
                            if thought := thoughts.taken():
                                yield ReasoningDelta(thought)
                            for delta in opening.feed(said):
                                yield delta
                        case ToolCallDelta():
                            for delta in opening.rest():
                                yield delta
                            called = True
                            yield item
                        case ReasoningDelta():
                            yield item
                        case _:
                            answer = item
        except ModelError as error:
            if error.reason != "no_tools" or not tools:
                raise
        if answer is None:  # the endpoint takes no tools
            self.learn(calling="schema", proven=False)
            async with aclosing(self._constrained(messages, tools, settings, "schema")) as items:
                async for item in items:
                    yield item
            return
        if not self._trusted:
            for delta in opening.feed(thoughts.rest()):
                yield delta
            answer = replace(answer, text=without_thoughts(answer.text))
        if called and watched:
            self.learn(calling="native", proven=True)
        elif watched and answer.text.strip() and answer.finish_reason in ("stop", "tool_calls", "length"):
            meant = await self._meant(answer.text, names, messages, opening)
            can_call = self.capabilities.known or await self.calls_tools()  # if not, the next are held to a schema
            if meant.calls:
                for delta in opening.calls(meant.calls):
                    yield delta
                yield replace(answer, text=meant.text, tool_calls=meant.calls, finish_reason="tool_calls")
                return
            if not can_call:
                if opening.shown or opening.calling:
                    raise ModelError(  # what was shown has to go: whoever asked counts it, and asks again
                        f"{self.name} does not call tools natively. From now on its calls are requested as JSON.",
                        hint="Try again.",
                        reason="interrupted",
                    )
                self._owed = add(self._owed, answer.usage)
                async with aclosing(self._constrained(messages, tools, settings, "schema")) as items:
                    async for item in items:
                        yield item
                return
        for delta in opening.rest():
            yield delta
        yield answer

    async def _meant(self, text: str, names: Collection[str], messages: Sequence[Message], opening: Opening) -> Meant:
        """The calls that an answer holds as text. An object among words that were shown is none: it may be quoted."""
        ending = await ending_calls(text, names, messages)
        if opening.shown:
            return Meant(ending.text, ending.calls) if ending and ending.calls else Meant()
        meant = await asyncio.to_thread(_read, text, names)
        return Meant(ending.text, ending.calls) if ending and ending.calls and not meant.calls else meant

    async def calls_tools(self) -> bool:
        """Try whether the model calls a tool that it is told to call, and remember it. A trial that fails tells
        nothing: the model is taken at its word then."""
        try:
            answer = await trial(self.backend.ask(TRIAL_MESSAGES, TRIAL_TOOLS, TRIAL_SETTINGS))
        except ModelError as error:
            if error.reason != "no_tools":
                return True
            called = False
        else:
            self._owed = add(self._owed, answer.usage)
            called = has_called(answer)
            if not called and not without_thoughts(answer.text).strip():
                return True  # it was still thinking
        self.learn(calling="native" if called else "schema")
        return called


def _read(text: str, names: Collection[str]) -> Meant:
    reader = ObjectReader(names)
    reader.feed(text)
    return reader.close()


class Opening:
    """Lets an answer through as it comes. Only its beginning is held back, where it may be a call written as text:
    until that is clear, and for ``UNDECIDED`` characters at most. What comes later is never held back."""

    def __init__(self, tools: Collection[str]) -> None:
        """Without ``tools`` nothing is held back."""
        self._tools = tools
        self._held = ""
        self._reader = ObjectReader(tools)
        self._read = False  # the answer is an object, shown as far as it can be read
        self._foreign = False  # an object in the call's arguments names another tool
        self.shown = False  # words of the answer
        self.calling = ""  # the tool that is being called, where the beginning tells it
        self._given: list[ToolCallDelta] = []

    def feed(self, text: str) -> list[TextDelta | ToolCallDelta]:
        if self._read:
            return self._object(text)
        if self.shown:
            return [TextDelta(text)] if text else []
        if self.calling:
            own = [delta for delta in self._reader.feed(text) if isinstance(delta, ToolCallDelta)]
            self._foreign = self._foreign or any(delta.name not in ("", self.calling) for delta in own)
            return [] if self._foreign else self._noted([*own])
        self._held += text
        begun = self._held.lstrip()
        if begun and not (self._tools and may_begin_call(begun)):
            return self.rest()
        deltas = self._object(text)
        if not deltas and (name := begun_call(begun, self._tools)):
            self.calling = name
            deltas = self._noted([ToolCallDelta(0, "", "call_0", name)])
        if deltas:
            self._held = ""
        elif len(self._held) > UNDECIDED:
            return self.rest()
        return deltas

    def rest(self) -> list[TextDelta | ToolCallDelta]:
        """What is still held back, which is no call."""
        held, self._held = self._held, ""
        self.shown = self.shown or bool(held)
        return [TextDelta(held)] if held else []

    def calls(self, calls: Sequence[ToolCallRequest]) -> list[TextDelta | ToolCallDelta]:
        """The calls that it turned out to be, as far as they were not shown while they came."""
        deltas: list[TextDelta | ToolCallDelta] = []
        for number, call in enumerate(calls):
            if number > 0 or not self._given:
                deltas.append(ToolCallDelta(number, call.arguments, call.id, call.name))
            elif not any(delta.arguments for delta in self._given):
                deltas.append(ToolCallDelta(number, call.arguments))
        return deltas

    def _object(self, text: str) -> list[TextDelta | ToolCallDelta]:
        deltas = self._reader.feed(text)
        self._read = self._read or bool(deltas)
        for delta in deltas:
            if isinstance(delta, TextDelta):
                self.shown = True
            elif delta.name:
                self.calling = delta.name
        return self._noted(deltas)

    def _noted(self, deltas: list[TextDelta | ToolCallDelta]) -> list[TextDelta | ToolCallDelta]:
        self._given += [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
        return deltas


async def trial(asked: AsyncGenerator[Answer]) -> ModelResponse:
    """The answer to a trial; not to its end where it has become clear that it is no call. Raises ``ModelError``."""
    thoughts, said = Thoughts(), ""
    async with aclosing(asked) as items:
        async for item in items:
            if isinstance(item, ModelResponse):
                return item
            if isinstance(item, TextDelta):
                said += thoughts.feed(item.text)
            if isinstance(item, ToolCallDelta):
                said = ""
            if len(said) > TRIAL_WORDS:
                break
    asked_for = sum(len(str(part)) for part in (TRIAL_MESSAGES, TRIAL_TOOLS))
    return ModelResponse(said, (), "stop", Usage(asked_for // CHARACTERS_A_TOKEN, len(said) // CHARACTERS_A_TOKEN))


def has_called(answer: ModelResponse) -> bool:
    """True if an answer to the trial is the call that was asked for."""
    return any(call.name == TRIAL_TOOL for call in answer.tool_calls)
