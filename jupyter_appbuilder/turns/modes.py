"""Turn modes: build, plan and ask.

A mode is told to the model in a note of its turn (``NOTES``) and enforced where tools run (``tools.modes``). The system
prompt and the list of tools stay the same whatever the mode: providers cache by prefix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast, get_args

from ..errors import InvalidInput
from ..events import Event, Mode
from .requests import start_of

MODES: tuple[str, ...] = get_args(Mode)

WRITE_PLAN = "write_plan"
TICK_PLAN = "tick_plan"

NOTES: Mapping[Mode, str] = {
    "plan": (
        "This turn is for planning: nothing of the app can be changed in it, and no command can run. Read what you "
        "need to know, then hand over the whole plan, in Markdown: call write_plan once, or, if you have no such tool, "
        "answer with the plan and nothing else. The person edits it, and accepts it or asks for another. Begin with a "
        "heading that names the result; say in a sentence or two what the person will be able to do; then the steps "
        "as a list of `- [ ]` items, each with the files it touches; then what you decided for them, and what you "
        "would ask. No code beyond a line or two."
    ),
    "ask": (
        "This turn is a question about the app: nothing can be changed in it, and no command can run. Read what you "
        "need to know, then answer in words, as briefly as the question allows, and name the files you speak of. If "
        "it calls for a change, say what you would change; the person can ask for it in build mode."
    ),
    "build": "From here on you may change the app again: this turn builds.",
}
"""What the model is told when a turn begins in a mode; in build mode only after a turn in another."""


def read_mode(text: str | None) -> Mode:
    """The mode of that name, build for none. Raises ``InvalidInput``."""
    if text and text not in MODES:
        raise InvalidInput(f"There is no mode {text[:40]!r}.", hint=f"Choose one of: {', '.join(MODES)}.", field="mode")
    return cast("Mode", text or "build")


def mode_of(events: Sequence[Event], turn: str | None) -> Mode:
    """The mode of a turn; build for what is done outside turns."""
    started = start_of(events, turn)
    return started.data.get("mode", "build") if started else "build"
