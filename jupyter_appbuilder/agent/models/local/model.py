"""A model in a GGUF file, as the agent uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, cast

from ..base import Message, ModelError, ModelProgress, ModelResponse, ModelSettings, ToolDefinition
from ..openai_compatible import Endpoint
from .servers import LOOK, PROVIDER, LocalModels

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..base import Answer


class Answers(Protocol):
    def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolDefinition], settings: ModelSettings
    ) -> AsyncIterator[Answer]: ...


Connect = Callable[[Endpoint, str, int], Answers]
"""What answers at an endpoint, given the model's name and its context window in tokens."""

TEMPERATURE = 0.2  # small models lose their way at what servers begin with (0.8)
ANSWER_SHARE = 2  # an answer gets half the context at most: a small model may repeat itself until all is full


class GGUFModel:
    """See ``base.Model``. The file is loaded when it is first asked; ``stream`` then says how far that is."""

    recorded = False

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
                yield ModelProgress(f"{server.header.path.name} is answering somebody else …", None)
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
                model = self._connect(endpoint, self._file, server.context)
                try:
                    answers = cast("AsyncGenerator[Answer]", model.stream(messages, tools, settings))
                    async with aclosing(answers):
                        async for answer in answers:
                            yield answer
                            if isinstance(answer, ModelResponse):
                                return
                except ModelError as error:
                    raise await server.death() or error from None
