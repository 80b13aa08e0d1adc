"""Result types of the Python API."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..datasets.base import Dataset
from ..datasets.description import in_bytes, size_of
from ..errors import AppBuilderError
from ..notebook.markdown import inert
from ..turns.plans import Plan as WrittenPlan
from ..turns.plans import name_of
from .feed import Feed
from .requests import Approve, Ask, acceptance

if TYPE_CHECKING:
    from ..tools.base import ToolResult

__all__ = ["Handed", "Plan", "Preview", "Turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """How a request ended. ``text`` is the agent's last words, ``files`` the paths it changed, ``suggestions`` what it
    thinks you may want to ask for next."""

    reason: str  # done, stopped, limit, budget, failed
    text: str
    files: tuple[str, ...]
    message: str = ""
    hint: str = ""
    recorded: bool = False  # a shipped recording answered, no model
    suggestions: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True if the agent came to its end."""
        return self.reason == "done"


@dataclass(frozen=True, slots=True)
class Preview:
    """The running app. ``url`` works on this machine as long as this process lives. Who has it can see the app, so it
    is neither in the ``repr`` nor in what a notebook stores of it: that is a picture, where there is a browser."""

    url: str = field(repr=False)
    state: str
    message: str = ""
    name: str = ""
    _picture: Callable[[], bytes | None] | None = field(default=None, repr=False, compare=False)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        from .preview_widget import PreviewWidget

        if self.state != "ready":
            return {"text/plain": f"The preview is {self.state}. {self.message}"}
        picture = self._picture() if self._picture else None
        widget: Any = PreviewWidget(self.url, picture, app=self.name, title=f"Preview of {self.name or 'the app'}")
        data, metadata = widget._repr_mimebundle_(**options)
        data["text/plain"] = f"The app {self.name} runs here while its kernel does. {comes_back(self.name)}"
        if picture:
            data["image/png"] = base64.b64encode(picture).decode()
            metadata = metadata | {"image/png": {"alt": f"The app {self.name}"}}
        return data, metadata


def comes_back(name: str) -> str:
    """How an app is shown again in a kernel that does not have it."""
    return f"To show it again: %load_ext jupyter_appbuilder, %appbuilder open {name}, %appbuilder preview."


@dataclass(frozen=True, slots=True, repr=False)
class Handed:
    """Data that was handed to the app. ``changes``: how its columns differ from those that the app had before;
    ``notes``: what else should be known of it."""

    dataset: Dataset
    seconds: float
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows the app has now."""
        return self.dataset.rows

    def __repr__(self) -> str:
        size = f"{size_of(self.rows, len(self.dataset.columns))}, {in_bytes(self.dataset.size)}"
        took = f"{self.seconds:.1f} s" if self.seconds >= 1 else f"{self.seconds * 1000:.0f} ms"
        head = f"{self.dataset.name}: {size}, in {took}"
        return "\n".join([head, *(f"  {line}" for line in (*self.changes, *self.notes))])


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of the agent's. Shows as what it says."""

    _written: WrittenPlan = field(repr=False)
    _build: Callable[[Ask, Approve | None], Turn] = field(repr=False)

    @property
    def id(self) -> str:
        """Its id in the session."""
        return self._written.id

    @property
    def text(self) -> str:
        """Markdown."""
        return self._written.text

    def accept(self, text: str | None = None, *, model: str = "", approve: Approve | None = None) -> Turn:
        """Have it built, as it is or as ``text`` has it, and wait until it is done; ``approve`` as in ``App.build``.

        Raises ``Conflict`` where it was accepted before, ``InvalidInput`` for an empty text.
        """
        return self._build(acceptance(self.id, text, model), approve)

    def _repr_markdown_(self) -> str:
        return inert(self.text)

    def __repr__(self) -> str:
        return f"Plan({self.id!r}, {name_of(self.text)!r})"


def plan_of(feed: Feed) -> WrittenPlan:
    """The plan a turn came to. Raises ``AppBuilderError`` where it came to none."""
    if not feed.plan:
        raise AppBuilderError(feed.message or "The agent wrote no plan.", hint=feed.hint or "Ask again.")
    return WrittenPlan(feed.plan, feed.turn, feed.text)


def turn_of(feed: Feed) -> Turn:
    return Turn(
        feed.reason or "failed", feed.text, tuple(feed.files), feed.message, feed.hint, feed.recorded, feed.suggestions
    )


def outcomes(result: ToolResult) -> list[str]:
    """Results of scenarios, in lines for people: which work, and why the others fail."""
    tried: list[dict[str, Any]] = result.detail.get("scenarios", {}).get("outcomes", [])
    if not tried:
        return [result.text]
    lines = [f"{result.summary}."]
    for one in tried:
        at = f" (step {one['step']})" if one.get("step") else ""
        lines.append(f"  ✓ {one['title']}" if one["ok"] else f"  ✗ {one['title']}{at}: {one['message']}")
    return lines
