"""``doctor --model``: probes what a model and its endpoint can do, and reports how it will be used.

Each check costs a few tokens; ``TOKENS`` says about how many in all, to be told before.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import time
import zlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from ..errors import InvalidInput
from .adaptive import (
    TRIAL_MESSAGES,
    TRIAL_SETTINGS,
    TRIAL_TOKENS,
    TRIAL_TOOL,
    TRIAL_TOOLS,
    AdaptiveModel,
    has_called,
    trial,
)
from .base import (
    Answer,
    Message,
    Model,
    ModelError,
    ModelProgress,
    ModelResponse,
    ModelSettings,
    TextDelta,
    ToolCallDelta,
    ToolDefinition,
)
from .capabilities import Calling
from .constrained import LADDER, held_to
from .object_answer import ObjectReader, without_thoughts
from .profile import SMALL_WINDOW, profile_of
from .server_facts import ask_server

if TYPE_CHECKING:
    from .catalog import Catalog
    from .local.servers import LocalModels
    from .openai_compatible import Endpoint
    from .profile import Choice

GGUF = "gguf"

TOKENS = 1200
"""About how many tokens a probe uses, input and output; models that think first use more."""

CHECK_SECONDS = 120.0  # for each check: a model may be loaded from disk first
SPEED_TOKENS = 80
SPEED: list[Message] = [
    {
        "role": "user",
        "content": "Write the numbers from one to twenty as words, with commas between. Write nothing else.",
    }
]

Outcome = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried. ``detail`` says what was found, ``hint`` what can be done where it is not so."""

    name: str
    title: str
    outcome: Outcome
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ModelReport:
    """``usable``: the model can build apps. ``verdict`` says in one sentence how it will be used, or why not."""

    model: str
    usable: bool
    verdict: str
    calling: Calling
    profile: str
    context_window: int | None  # tokens
    first_token_seconds: float | None
    tokens_per_second: float | None
    tokens_used: int
    checks: tuple[Check, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


async def probe_model(
    catalog: Catalog, model: str, *, profile: Choice = "auto", told: Callable[[str], None] | None = None
) -> ModelReport:
    """Try everything and remember what was found. ``told`` hears what is being tried.

    Raises ``InvalidInput`` for a model that is none, ``ModelError`` for one that is not set up; what the endpoint
    refuses is in the report.
    """
    found = catalog.resolve(model)
    if found.recorded:
        raise InvalidInput(
            "The recorded demo answers from recordings: there is nothing to test.",
            hint="Name a model, for example ollama:qwen3-coder.",
            reason="recorded",
            field="model",
        )
    hear = told or _ignore
    if found.name.startswith(f"{GGUF}:") and catalog.local:
        return await _probe_file(catalog, found, profile, hear)
    return await _Probe(found, hear).run(profile)


def _ignore(what: str) -> None:
    """Takes progress where nobody follows it."""


async def _probe_file(catalog: Catalog, found: Model, profile: Choice, told: Callable[[str], None]) -> ModelReport:
    """A model in a file: its server is started first, and nobody else uses it meanwhile."""
    file = found.name.partition(":")[2]
    server = cast("LocalModels", catalog.local).server(file)
    async with server.used(), server.turn():
        endpoint: Endpoint | None = None
        async for said in server.ready():
            if isinstance(said, ModelProgress):
                told(said.message)
            else:
                endpoint = said
        if endpoint is None:
            raise ModelError(f"{file} could not be loaded.", hint="Try again.", reason="not_loaded")
        model = catalog.model_in_file(endpoint, str(server.header.path), server.context)
        probe = _Probe(model, told)
        probe.always_schema = server.context <= SMALL_WINDOW
        return await probe.run(profile)


@dataclass(slots=True)
class _Reply:
    response: ModelResponse
    pieces: int  # deltas that came
    first: float  # seconds until the first of them
    whole: float  # seconds in all


class _Probe:
    always_schema = False  # it is never asked for tool calls, whether it can make them or not

    def __init__(self, model: Model, told: Callable[[str], None]) -> None:
        self.model = model
        self.adaptive = model if isinstance(model, AdaptiveModel) else None
        self.told = told
        self.checks: list[Check] = []
        self.used = 0
        self.calling: Calling = ""
        self.first: float | None = None
        self.speed: float | None = None

    async def run(self, profile: Choice) -> ModelReport:
        failure = await self._reach() or await self._stream()
        if failure is None:
            if self.adaptive:
                self.adaptive.forget()
            await self._tools()
            await self._schema()
            await self._images()
            await self._context()
        window = self.model.context_window
        chosen = profile_of(window, profile).name
        usable = failure is None
        if usable and self.adaptive:
            self.adaptive.learn(calling=self.calling, proven=False)
        verdict = self._verdict(chosen, window) if failure is None else f"{failure.message} {failure.hint}".strip()
        return ModelReport(
            self.model.name,
            usable,
            verdict,
            self.calling,
            chosen,
            window,
            self.first,
            self.speed,
            self.used,
            tuple(self.checks),
        )

    def _note(self, name: str, title: str, outcome: Outcome, detail: str, hint: str = "") -> None:
        self.checks.append(Check(name, title, outcome, detail, hint))

    async def _reach(self) -> ModelError | None:
        """True if it answers, takes the key and lists the model."""
        if self.adaptive is None:
            return None
        self.told("Reaching the endpoint")
        backend = self.adaptive.backend
        try:
            async with asyncio.timeout(15):
                names = await backend.names()
        except (ModelError, TimeoutError) as error:
            if isinstance(error, ModelError) and error.reason == "unauthorized":
                self._note("reachable", "Reachable", "yes", "it answers")
                self._note("key", "Key", "no", error.message, error.hint)
                return error
            if isinstance(error, ModelError) and error.reason != "unreachable":
                # Some list nothing and answer all the same.
                self._note("reachable", "Reachable", "unknown", f"it lists no models: {error.message}")
                return None
            failure = error if isinstance(error, ModelError) else _silent(self.model.name)
            self._note("reachable", "Reachable", "no", failure.message, failure.hint)
            return failure
        self._note("reachable", "Reachable", "yes", f"lists {len(names)} model{'' if len(names) == 1 else 's'}")
        wanted = backend.model
        if wanted in names:
            self._note("model", "Model", "yes", "listed")
        elif names:
            others = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
            self._note("model", "Model", "unknown", f"not listed; it lists {others}", "Check the model's name.")
        return None

    async def _stream(self) -> ModelError | None:
        """True if it answers at all, piece by piece, and how fast."""
        self.told("Asking for a short text")
        try:
            reply = await self._ask(SPEED, (), SPEED_TOKENS)
        except ModelError as error:
            self._note("answers", "Answers", "no", error.message, error.hint)
            return error
        usage, text = reply.response.usage, reply.response.text
        self._note("answers", "Answers", "yes", f"{_quoted(text)}")
        streams = reply.pieces > 1
        self._note(
            "streaming",
            "Streaming",
            "yes" if streams else "no",
            f"{reply.pieces} pieces" if streams else "the whole answer came at once",
            "" if streams else "It works all the same; you see answers only when they are finished.",
        )
        tokens = usage.output_tokens or reply.pieces
        self.first = round(reply.first, 2)
        writing = reply.whole - reply.first
        if streams and tokens > 5 and writing > 0:
            self.speed = round((tokens - 1) / writing, 1)
        speed = f", {self.speed:.3g} tokens a second" if self.speed else ""
        self._note("speed", "Speed", "yes", f"first word after {reply.first:.2f} s{speed}")
        reported = bool(usage.input_tokens or usage.output_tokens)
        self._note(
            "usage",
            "Usage",
            "yes" if reported else "no",
            "reported" if reported else "not reported",
            "" if reported else "Tokens are estimated, and budgets hold by the estimate.",
        )
        return None

    async def _tools(self) -> None:
        self.told("Trying a tool call")
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                answer = await trial(self._asked(TRIAL_MESSAGES, TRIAL_TOOLS, TRIAL_SETTINGS))
        except TimeoutError:
            self._note("tools", "Tool calls", "unknown", "it did not answer in time", "Try again.")
            return
        except ModelError as error:
            refused = error.reason == "no_tools"
            self._note("tools", "Tool calls", "no", "refused" if refused else error.message, _BY_OBJECT)
            return
        self.used += answer.usage.input_tokens + answer.usage.output_tokens
        if has_called(answer):
            self.calling = "native"
            self._note("tools", "Tool calls", "yes", "natively")
        else:
            self._note("tools", "Tool calls", "no", f"it answered {_quoted(answer.text)}", _BY_OBJECT)

    async def _schema(self) -> None:
        """True if answers can be held to a schema: the strictest way that the endpoint takes and keeps to."""
        if self.adaptive is None:
            return
        self.told("Trying an answer under a schema")
        asked = [{"role": "user", "content": 'Report the word "ready".'}]
        kept: Calling = ""
        taken: Calling = "text"
        for calling in LADDER[:-1]:
            try:
                reply = await self._ask(asked, (), TRIAL_TOKENS, held_to(calling, TRIAL_TOOLS))
            except ModelError as error:
                if error.reason == "no_format":
                    continue
                self._note("schema", "JSON schema", "unknown", f"could not be tried: {error.message}", error.hint)
                self.calling = self.calling or calling  # the first answers will tell
                return
            taken = calling
            if calling == "object":
                kept = calling if _is_object(reply.response.text) else ""
                break
            reader = ObjectReader({TRIAL_TOOL})
            reader.feed(without_thoughts(reply.response.text))
            answer = reader.close()
            if answer.understood and (answer.calls or answer.text):
                kept = calling
                break
            break  # it takes the schema and does not keep to it: a laxer way is not kept either
        details = {"schema": "kept", "loose_schema": "kept, in the older spelling", "object": "JSON, but no schema"}
        if kept:
            self._note("schema", "JSON schema", "no" if kept == "object" else "yes", details[kept])
        else:
            self._note(
                "schema", "JSON schema", "no", "not kept", "Its answers are read as text, and sent back if need be."
            )
        if self.calling != "native" or self.always_schema:
            self.calling = kept or taken

    async def _images(self) -> None:
        if self.adaptive is None:
            return
        self.told("Showing it an image")
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_red_square()}"}}
        question = {"type": "text", "text": "Which colour is this image? Answer with one word."}
        try:
            reply = await self._ask([{"role": "user", "content": [question, picture]}], (), TRIAL_TOKENS)
        except ModelError:
            self._note("images", "Images", "no", "refused", "It is told in words what is on a page.")
            self.adaptive.learn(images=False)
            return
        sees = "red" in without_thoughts(reply.response.text).lower()
        self.adaptive.learn(images=sees)
        if sees:
            self._note("images", "Images", "yes", "it sees them")
        else:
            self._note("images", "Images", "no", f"it took a red square for {_quoted(reply.response.text)}")

    async def _context(self) -> None:
        if self.adaptive:
            self.told("Asking for the context length")
            told = await ask_server(self.adaptive.backend.endpoint, self.adaptive.backend.model)
            self.adaptive.learn(asked=told.answered)
            if told.context_window:
                self.adaptive.learn(context_window=told.context_window)
        window = self.model.context_window
        if window:
            self._note("context", "Context", "yes", f"{window:,} tokens")
        else:
            self._note("context", "Context", "unknown", "not told", "It is taken for large.")

    def _asked(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolDefinition],
        settings: ModelSettings,
        more: dict[str, Any] | None = None,
    ) -> AsyncGenerator[Answer]:
        """A request without any of the detours that a session would take."""
        if self.adaptive:
            return self.adaptive.backend.ask(messages, tools, settings, more)
        return cast("AsyncGenerator[Answer]", self.model.stream(messages, tools, settings))

    async def _ask(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolDefinition],
        most: int,
        more: dict[str, Any] | None = None,
    ) -> _Reply:
        asked = self._asked(messages, tools, ModelSettings(max_output_tokens=most), more)
        began, pieces, first = time.monotonic(), 0, 0.0
        try:
            async with asyncio.timeout(CHECK_SECONDS), aclosing(asked) as items:
                async for item in items:
                    if isinstance(item, (TextDelta, ToolCallDelta)):
                        pieces += 1
                        first = first or time.monotonic() - began
                    elif isinstance(item, ModelResponse):
                        self.used += item.usage.input_tokens + item.usage.output_tokens
                        whole = time.monotonic() - began
                        return _Reply(item, pieces, first or whole, whole)
        except TimeoutError:
            raise _silent(self.model.name) from None
        raise ModelError("The answer did not finish.", hint="Try again.", reason="interrupted")

    def _verdict(self, profile: str, window: int | None) -> str:
        how = {
            "native": "It is used with its own tool calls",
            "schema": "Its answers are held to a JSON schema, since a small model does that best"
            if self.always_schema
            else "It does not call tools by itself, so its answers are held to a JSON schema",
            "loose_schema": "It does not call tools by itself, so its answers are held to a JSON schema",
            "object": "It does not call tools by itself, so it is asked for JSON",
            "text": "It neither calls tools nor keeps to a schema, so its answers are read as text: expect mistakes",
        }[self.calling or "text"]
        size = f"a context of {window:,} tokens" if window else "a context of unknown length, taken for large"
        return f"{how}, with the {profile} profile ({size})."


_BY_OBJECT = "It is asked for JSON objects instead; nothing to do."


def _silent(model: str) -> ModelError:
    return ModelError(
        f"{model} did not answer in time.", hint="Is the server busy, or still loading the model? Try again.", reason=""
    )


def _quoted(text: str) -> str:
    words = " ".join(without_thoughts(text).split())
    return f"“{words[:60]}{' …' if len(words) > 60 else ''}”" if words else "nothing"


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(without_thoughts(text)), dict)
    except ValueError:
        return False


def _red_square(size: int = 32) -> str:
    """A PNG in base64. Smaller ones are refused by some."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xff\0\0" * size) * size
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(png).decode()
