"""Chooses the isolation: the configured one, or the strongest that works here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ....errors import Unavailable
from .base import Layer
from .bubblewrap import Bubblewrap
from .gvisor import GVisor
from .landlock import Landlock
from .seatbelt import Seatbelt
from .unisolated import Unisolated

KINDS = ("auto", "gvisor", "bubblewrap", "landlock", "seatbelt", "none")

Find = Callable[[], Awaitable[Layer]]


@dataclass(slots=True)
class Choice:
    """The isolation layers that were rejected, and why, in the order in which they were tried."""

    passed: dict[str, Unavailable] = field(default_factory=dict[str, Unavailable])

    @property
    def reasons(self) -> str:
        """Why nothing stronger was taken; empty where the strongest was."""
        return " ".join(f"Not {kind}: {error.message} {error.hint}" for kind, error in self.passed.items())

    def refusal(self) -> Unavailable:
        """When nothing works: the reason of the strongest, which is what to put right first."""
        first, *others = self.passed.values()
        hint = " ".join([first.hint, *(f"{error.message} {error.hint}" for error in others)])
        return Unavailable(first.message, hint=hint.strip(), reason=first.reason)


def candidates(wanted: str, folder: Path, bubblewrap: str = "bwrap") -> list[tuple[str, Find]]:
    """The ways to try for ``c.LocalSandbox.isolation = wanted``, strongest first.

    ``folder`` is private to this process and short-lived.
    """
    known: dict[str, Find] = {
        "bubblewrap": partial(Bubblewrap.find, folder, bubblewrap),
        "gvisor": partial(GVisor.find, folder),
        "landlock": partial(Landlock.find, folder),
        "seatbelt": partial(Seatbelt.find, folder),
        "none": partial(Unisolated.find, folder),
    }
    kinds = ["bubblewrap", "landlock"] if wanted == "auto" else [wanted]
    return [(kind, known[kind]) for kind in kinds]
