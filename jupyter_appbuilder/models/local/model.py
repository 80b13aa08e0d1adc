"""A model in a GGUF file, as the agent uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ..base import Message, ModelError, ModelProgress, ModelSettings, ToolDefinition
from ..openai_compatible import Endpoint
from .servers import LOOK, PROVIDER, LocalModels

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..base import Answer


class Answers(Protocol):
    def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolDefinition], settings: ModelSettings
    ) -> AsyncIterator[Answer]: ...


OnReading = Callable[[int, int], None]
"""Told how many tokens of the request are read, and of how many."""

Connect = Callable[[Endpoint, str, int, OnReading], Answers]
"""What answers at an endpoint, given the model's name and its context window in tokens."""

TEMPERATURE = 0.2  # small models lose their way at what servers begin with (0.8)
ANSWER_SHARE = 2  # an answer gets half the context at most: a small model may repeat itself until all is full


class GGUFModel:
    """See ``base.Model``. The file is loaded when it is first asked; ``stream`` then says how far that is."""

    recorded = False
    images = False

    def __init__(self, models: LocalModels, file: str, connect: Connect) -> None:
        """Raises ``InvalidInput`` for a file that holds no model."""
        self.name = f"{PROVIDER}:{file}"
        self.context_window: int | None = models.context_window(file)
        self._models = models
        self._file = file
        self._connect = connect

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolDefinition], settings: ModelSettings
    ) -> AsyncIterator[Answer]:
        server = self._models.server(self._file)
        if settings.max_output_tokens is None:
            settings = replace(settings, max_output_tokens=server.context // ANSWER_SHARE)
        if settings.temperature is None:
            settings = replace(settings, temperature=TEMPERATURE)
        async with server.used():
            while server.busy:
                yield ModelProgress(f"{server.header.path.name} is busy with another request …", None)
                await asyncio.sleep(LOOK)
            async with server.turn():
                endpoint: Endpoint | None = None
                async for said in server.ready():
                    if isinstance(said, Endpoint):
                        endpoint = said
                    else:
                        yield said
                assert endpoint is not None
                yield ModelProgress("", 1)
                self._models.remember(self._file)
                try:
                    async with aclosing(
                        self._answers(endpoint, server.header.path, messages, tools, settings)
                    ) as answers:
                        async for answer in answers:
                            yield answer
                except ModelError as error:
                    raise await server.death() or error from None

    async def _answers(
        self,
        endpoint: Endpoint,
        file: Path,
        messages: Sequence[Message],
        tools: Sequence[ToolDefinition],
        settings: ModelSettings,
    ) -> AsyncGenerator[Answer]:
        """The answer, and before it how far the request is read: that takes a processor a minute or two."""
        items: asyncio.Queue[Answer | None] = asyncio.Queue()

        def read(done: int, total: int) -> None:
            if done < total:
                said = f"{endpoint.title} is reading the request … {done * 100 // total} %"
                items.put_nowait(ModelProgress(said, done / total))

        model = self._connect(endpoint, str(file), self.context_window or 0, read)

        async def pump() -> None:
            try:
                async with aclosing(cast("AsyncGenerator[Answer]", model.stream(messages, tools, settings))) as answers:
                    async for answer in answers:
                        items.put_nowait(answer)
            finally:
                items.put_nowait(None)

        pumping, reading = asyncio.ensure_future(pump()), False
        try:
            while (item := await items.get()) is not None:
                if reading and not isinstance(item, ModelProgress):
                    yield ModelProgress("", 1)
                reading = isinstance(item, ModelProgress)
                yield item
            await pumping
        finally:
            pumping.cancel()
            await asyncio.wait([pumping])
