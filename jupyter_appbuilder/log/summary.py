"""A session's summary for lists: a fold over its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ..events import DEMO, Event, SessionState, Shelf, timestamp

PROJECTION = 7
"""Raise this when the fold changes: stored summaries are then rebuilt from the events."""

ORGANISING = frozenset({"pinned", "shelf", "tags"})
"""What only says how the list has an app: the app did not change by it."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One session at a glance. ``turn`` is the running or last turn, as JSON: turn, mode, reason, message, hint,
    started_at."""

    id: str
    name: str = ""
    title: str = ""
    root: str = ""
    path: str = ""
    template: str = ""
    model: str = ""
    sandbox: str = ""
    state: SessionState = "creating"
    created_at: float = 0.0
    updated_at: float = 0.0
    last_seq: int = 0
    turns: int = 0
    turn: Mapping[str, Any] | None = None
    asked: int = 0  # questions to the person that are open
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: float | None = 0.0  # None once any part of it is not known
    forked: Mapping[str, Any] | None = None  # {source, name} of the session it was forked from
    pinned: bool = False
    shelf: Shelf = "apps"
    tags: Sequence[str] = ()
    checkpoint: str = ""  # the last version, a git commit
    picture: Mapping[str, Any] | None = None  # the last one of its page: a ``KeptPicture``
    published: Sequence[Mapping[str, Any]] = ()  # what readers get of it, one a target, as JSON

    @property
    def recorded(self) -> bool:
        return self.model == DEMO

    def to_json(self) -> dict[str, Any]:
        """As the API shows it, less what only the server knows (``path`` under its root, ``owned``)."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title,
            "state": self.state,
            "template": self.template,
            "model": self.model,
            "recorded": self.recorded,
            "sandbox": self.sandbox,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
            "last_seq": self.last_seq,
            "turn": dict(self.turn) if self.turn else None,
            "usage": {
                "input_tokens": self.input_tokens,
                "output_tokens": self.output_tokens,
                "cached_tokens": self.cached_tokens,
                "cost": self.cost,
            },
            "forked": dict(self.forked) if self.forked else None,
            "pinned": self.pinned,
            "shelf": self.shelf,
            "tags": list(self.tags),
            "checkpoint": self.checkpoint or None,
            "picture": dict(self.picture) if self.picture else None,
            "published": [dict(one) for one in self.published],
        }

    def to_row(self) -> dict[str, Any]:
        return asdict(self) | {"projection": PROJECTION}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Summary | None:
        """None when the row was written by another fold and must be rebuilt."""
        if row.get("projection") != PROJECTION:
            return None
        return cls(**{name: value for name, value in row.items() if name in _NAMES})


_NAMES = frozenset(field.name for field in fields(Summary))


def fold(summary: Summary, events: Iterable[Event]) -> Summary:
    """The summary after these events."""
    for event in events:
        at = summary.updated_at if _organises(event) else event.at
        summary = replace(_step(summary, event), last_seq=event.seq, updated_at=at)
    return summary


def _organises(event: Event) -> bool:
    return event.type == "session.updated" and ORGANISING.issuperset(event.data)


def _step(summary: Summary, event: Event) -> Summary:
    match event.type:
        case "session.created":
            data = event.data
            return replace(
                summary,
                created_at=event.at,
                name=data["name"],
                title=data["title"],
                root=data["root"],
                path=data["path"],
                template=data["template"],
                model=data["model"],
                sandbox=data["sandbox"],
            )
        case "session.ready":
            return replace(summary, state="ready")
        case "session.updated":
            return replace(summary, **event.data)
        case "session.forked":
            # What was used up to here was the other session's.
            forked = {"source": event.data["source"], "name": event.data["name"]}
            unused = {"input_tokens": 0, "output_tokens": 0, "cached_tokens": 0, "cost": 0.0}
            anew = {"pinned": False, "shelf": "apps", "published": ()}
            return replace(summary, state="ready", forked=forked, **anew, **unused)
        case "session.failed":
            return replace(summary, state="failed")
        case "session.ended":
            return replace(summary, state="ended")
        case "sandbox.slept":
            return replace(summary, state="asleep") if summary.state == "ready" else summary
        case "sandbox.woke":
            return replace(summary, state="ready") if summary.state == "asleep" else summary
        case "turn.started":
            data = event.data
            begun = {"turn": data["turn"], "mode": data.get("mode", "build"), "started_at": timestamp(event.at)}
            turn = {**begun, "reason": None, "message": "", "hint": ""}
            return replace(summary, state="busy", turns=summary.turns + 1, turn=turn)
        case "turn.finished":
            turn = {**(summary.turn or {}), **event.data}
            return replace(summary, state="ready", turn=turn, asked=0)
        case "approval.requested":
            return replace(summary, state="waiting", asked=summary.asked + 1)
        case "approval.given":
            left = max(0, summary.asked - 1)
            running = summary.turn is not None and summary.turn["reason"] is None
            return replace(summary, state="waiting" if left else "busy" if running else "ready", asked=left)
        case "usage.recorded":
            usage = event.data["usage"]
            cost = None if summary.cost is None or usage["cost"] is None else summary.cost + usage["cost"]
            return replace(
                summary,
                input_tokens=summary.input_tokens + usage["input_tokens"],
                output_tokens=summary.output_tokens + usage["output_tokens"],
                cached_tokens=summary.cached_tokens + usage["cached_tokens"],
                cost=cost,
            )
        case "checkpoint.created":
            return replace(summary, checkpoint=event.data["checkpoint"])
        case "tool.finished":
            pictures = event.data.get("pictures")
            if not pictures or event.data["tool"] == "take_notebook":  # its pictures are the notebook's charts
                return summary
            return replace(summary, picture=dict(max(pictures, key=lambda picture: picture["width"])))
        case "app.published" | "publication.rolled_back":
            told = {key: event.data[key] for key in ("target", "name", "number", "url", "checkpoint", "data_as_of")}
            return replace(
                summary,
                published=(
                    *_published_elsewhere(summary, event.data["target"]),
                    told | {"at": timestamp(event.at), "refresh_failed": ""},
                ),
            )
        case "data.refreshed" if event.data["state"] != "stopped":
            why, target = event.data["message"], event.data["target"]
            return replace(
                summary,
                published=tuple(
                    {**one, "refresh_failed": why} if one["target"] == target else one for one in summary.published
                ),
            )
        case "app.unpublished":
            return replace(summary, published=tuple(_published_elsewhere(summary, event.data["target"])))
        case "preview.pictured":
            widest = max(event.data["pictures"], key=lambda one: one["width"], default=None)
            return replace(summary, picture=dict(widest["thumbnail"])) if widest else summary
        case _:
            return summary


def _published_elsewhere(summary: Summary, target: str) -> list[Mapping[str, Any]]:
    return [one for one in summary.published if one["target"] != target]
