"""``demo:recorded``: a model that plays recordings. Its answers depend on the messages alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ...events import DEMO
from ..base import (
    Message,
    ModelResponse,
    ModelSettings,
    TextDelta,
    ToolCallDelta,
    ToolCallRequest,
    ToolDefinition,
    Usage,
    is_note,
)
from .recordings import GO_ON, Recording, Step, find_recordings, match, normalised

PACE = 0.02  # seconds a chunk: a recording with 20 kB of files and a page of text plays in about ten seconds
THINKING = 15  # chunks' time before the first one
ARGUMENT_CHUNK = 96  # characters

THE_END = (
    "This recording ends here. A recorded answer cannot react to what the check found: to go on from this point, "
    "choose a live model in the model menu."
)


class DemoModel:
    """Plays the recordings of ``folders`` and the shipped ones. ``pace`` is in seconds a chunk, 0 for tests."""

    name = DEMO
    recorded = True
    context_window: int | None = None
    images = False

    def __init__(self, folders: Iterable[Path] = (), *, pace: float | None = None) -> None:
        self._recordings = find_recordings(tuple(folders))
        self._pace = PACE if pace is None else pace

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolDefinition], settings: ModelSettings
    ) -> AsyncIterator[TextDelta | ToolCallDelta | ModelResponse]:
        step = answer(messages, self._recordings)
        await asyncio.sleep(self._pace * THINKING)
        for piece in _words(step.text):
            yield TextDelta(piece)
            await asyncio.sleep(self._pace)
        calls: list[ToolCallRequest] = []
        turn = sum(message["role"] == "assistant" for message in messages)
        for index, (tool, arguments) in enumerate(step.tool_calls):
            id = f"recorded_{turn}_{index}"
            calls.append(ToolCallRequest(id, tool, arguments))
            yield ToolCallDelta(index, "", id, tool)
            for start in range(0, len(arguments), ARGUMENT_CHUNK):
                await asyncio.sleep(self._pace)
                yield ToolCallDelta(index, arguments[start : start + ARGUMENT_CHUNK])
        yield ModelResponse(step.text, tuple(calls), "tool_calls" if calls else "stop", Usage())


def answer(messages: Sequence[Message], recordings: Mapping[str, Recording]) -> Step:
    """The step that comes next: which recording follows from the prompts, which step from the answers given since."""
    prompts = [i for i, message in enumerate(messages) if message["role"] == "user" and not is_note(message)]
    while len(prompts) > 1 and normalised(str(messages[prompts[-1]]["content"])) in GO_ON:
        prompts.pop()
    if not prompts:
        return Step(explanation(recordings), ())
    texts = [str(messages[i]["content"]) for i in prompts]
    recording = match(texts[-1], texts[:-1], recordings)
    if recording is None:
        return Step(explanation(recordings, texts[-1]), ())
    given, steps = 0, _suggesting(recording, recordings)
    for message in messages[prompts[-1] :]:
        if message["role"] == "assistant" and given < len(steps):
            given += _is_whole(message, steps[given])
    return steps[given] if given < len(steps) else Step(THE_END, ())


def _suggesting(recording: Recording, recordings: Mapping[str, Recording]) -> tuple[Step, ...]:
    """Its steps, of which the last suggests those recordings that go on from this one."""
    later = [
        f"Next: {other.prompt}" for other in recordings.values() if other.offered and other.after == recording.name
    ]
    if not later or not recording.steps:
        return recording.steps
    *before, last = recording.steps
    return (*before, Step("\n\n".join(filter(None, [last.text, "\n".join(later)])), last.tool_calls))


def _is_whole(message: Message, step: Step) -> bool:
    """True if an answer is the whole step: one that was stopped has words only, and is given again."""
    if message.get("tool_calls") or step.tool_calls:
        return bool(message.get("tool_calls"))
    return str(message.get("content") or "").strip() == step.text.strip()


def explanation(recordings: Mapping[str, Recording], prompt: str = "") -> str:
    """What the demo says to a prompt it has no recording for: what it is, and how to get a live model."""
    waiting = next((r for r in recordings.values() if prompt and r.after and r.answers(prompt)), None)
    if waiting and (before := recordings.get(waiting.after or "")):
        first = before.prompt
        return (
            f"I play recordings, and this one goes on from another. Ask for this first:\n\n> {first}\n\nThen ask again."
        )
    samples = "\n".join(f"- **{r.title}**{_after(r, recordings)}: {r.prompt}" for r in recordings.values() if r.offered)
    shown = f"I can play these:\n\n{samples}\n\n" if samples else ""
    return (
        "I am the **recorded demo**, not a live model: I only play back recorded answers, and I have none for this. "
        f"{shown}"
        "To build anything you like, choose a live model:\n\n"
        "- **With a key.** Open *Model settings* in this panel and enter it, or set an environment variable before you "
        "start Jupyter: `OPENAI_API_KEY` (and `OPENAI_BASE_URL` for any other endpoint that speaks its format), "
        "`ZAI_API_KEY`, `OPENROUTER_API_KEY`, `ANTHROPIC_API_KEY` and others.\n"
        "- **On your own machine, without a key.** Install Ollama or LM Studio and load a model that can call tools, "
        "for example `ollama pull qwen3-coder`. While it runs, it is offered in the model menu by itself.\n"
        "- **For everyone on this server.** Set `c.AppBuilder.model` and `c.AppBuilder.providers` in "
        "`jupyter_server_config.py`.\n\n"
        "Then choose the model and send your request again."
    )


def _after(recording: Recording, recordings: Mapping[str, Recording]) -> str:
    before = recordings.get(recording.after or "")
    return f" (after “{before.title}”)" if before else ""


def _words(text: str) -> Iterator[str]:
    yield from re.findall(r"\s*\S+\s*?", text) if text.strip() else ()
    rest = re.search(r"\s+$", text)
    if rest and text.strip():
        yield rest.group()
