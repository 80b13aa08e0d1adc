"""The interface between the agent and a model.

Messages and tool definitions use the OpenAI chat format (plain dicts): it is what most endpoints speak, and what the
others are translated from. A model yields deltas as they arrive and, last, the whole response.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict

from ..errors import AppBuilderError, Unavailable
from ..events import AddedData
from .additions import text_in

Message = dict[str, Any]
"""An answer in a history may also have ``given`` (see ``Given``), and a note ``pictures`` (``events.KeptPicture``, see
``agents.pictures``); no endpoint is sent either. The content of a note that shows pictures is a list of parts."""

ToolDefinition = dict[str, Any]

NOTE = "[Note from the app builder, not from the person]"
"""How every user-side message starts that the person did not write."""


PICTURE_TOKENS = 1_000
"""About what a picture takes: ``eyes/program/pages.mjs`` scales to it."""


def is_note(message: Message) -> bool:
    """True if a message was put in by us: it has the user's role, but is no prompt."""
    return message["role"] == "user" and text_in(message.get("content")).startswith(NOTE)


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of what a model thinks before it answers. For people: it is no part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call: ``id`` and ``name`` come with the first piece of each ``index``, empty afterwards."""

    index: int
    arguments: str
    id: str = ""
    name: str = ""


Delta = TextDelta | ReasoningDelta | ToolCallDelta


@dataclass(frozen=True, slots=True)
class ToolCallRequest:
    id: str
    name: str
    arguments: str  # JSON text as the model wrote it


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ModelResponse:
    text: str
    tool_calls: tuple[ToolCallRequest, ...]
    finish_reason: str  # "stop", "tool_calls", "length", "content_filter"
    usage: Usage
    added: AddedData | None = None  # who answered, and what has to be on the answer when it is shown it again


class Given(TypedDict):
    """Where an answer came from, for the endpoint and model that gave it (``added["by"]``)."""

    ids: list[str]  # its own ids of the calls
    added: AddedData


@dataclass(frozen=True, slots=True)
class ModelSettings:
    max_output_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class ModelProgress:
    """Why nothing comes yet, for people: a file is loaded, a long prompt is read. An empty message: it goes on."""

    message: str
    fraction: float | None  # 0 to 1, None where it cannot be told


Answer = Delta | ModelProgress | ModelResponse
"""What a model's stream is made of."""


class Model(Protocol):
    name: str  # "provider:name"
    recorded: bool  # True for answers that come from a shipped recording

    @property
    def context_window(self) -> int | None:
        """Tokens, where known."""
        ...

    @property
    def images(self) -> bool:
        """True if it is known to take images. Where they are refused all the same, it answers without, and this is
        False from then on."""
        ...

    def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolDefinition], settings: ModelSettings
    ) -> AsyncIterator[Answer]:
        """Ask the model. The last item is the ``ModelResponse``. Cancelling closes the connection.

        Raises ``ModelError`` (after the retries that make sense) with what to do next.
        """
        ...


class NoModel(AppBuilderError):
    """Nothing but the recorded demo could answer, which knows its own prompts only. On the command line ``build`` ends
    with code 3."""

    default_reason = "no_model"

    def __init__(self, usable: Sequence[str] = ()) -> None:
        if usable:
            named = " or ".join(f"--model {model}" for model in usable[:3])
            super().__init__("Which model?", hint=f"Name one that is set up: {named}; or set c.AppBuilder.model.")
            return
        super().__init__(
            "No model is set up, so nothing can be built from a description.",
            hint="Set it up in JupyterLab (App Builder, Model settings), or set a key, such as OPENAI_API_KEY (and "
            "OPENAI_BASE_URL for another endpoint), or start Ollama or LM Studio and name its model: --model "
            "ollama:NAME. To see what it is like without a model: jupyter appbuilder demo",
        )


class ModelError(Unavailable):
    """The model could not answer. Its message never holds a key."""

    default_reason = "model_error"
