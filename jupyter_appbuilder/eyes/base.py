"""The interface to eyes: whatever looks at an app's page.

An ``Eye`` belongs to one running app. It opens pages (``Look``) of a size and theme, acts in them, describes them,
takes pictures and tells what it found. What comes from a page is material: bounded here, and never an instruction.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from ..pointing import Claim

__all__ = ["Eye", "Look", "Page", "PageState", "Portrait", "Shot", "StepResult", "Theme", "Trial"]

Theme = Literal["light", "dark"]

PHONE, TABLET, DESKTOP = 360, 768, 1280
HEIGHT = 800
"""CSS px. Widths that a check looks at."""

PICTURED = (390, 768, 1280)
"""CSS px. Widths of the pictures that are kept of a version."""

PAGES_AT_ONCE = 4 if (os.cpu_count() or 1) >= 4 else 3
"""Open in one browser: as many as a check looks at widths; each takes some 80 MB."""


@dataclass(frozen=True, slots=True)
class Look:
    """How to view a page. ``path`` is the app's own, beginning with ``/``; sizes are in CSS px."""

    path: str = "/"
    width: int = DESKTOP
    height: int = HEIGHT
    theme: Theme = "light"


@dataclass(frozen=True, slots=True)
class PageState:
    """A page as it stands. ``speed``: ``templates.manifest.SPEED``, as far as it is known. ``hosts``: others that the
    page asked, which who looks cannot reach: no fault of the app.
    """

    path: str
    title: str = ""
    hangs: bool = False
    speed: Mapping[str, float] = field(default_factory=dict[str, float])
    hosts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: a PNG where nothing else is said, ``width`` by ``height`` px."""

    data: bytes
    width: int
    height: int
    media_type: str = "image/png"


@dataclass(frozen=True, slots=True)
class Portrait:
    """A page as it looks in a window of ``width`` CSS px: from its top down, as far as is kept (``whole``), and small
    what is in view at first (``thumbnail``, a WebP)."""

    width: int
    whole: Shot
    thumbnail: Shot


@dataclass(frozen=True, slots=True)
class Saved:
    """A file that the page gave to save; ``head`` is its first characters. ``size`` in bytes."""

    name: str
    size: int
    head: str


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of one step. ``message``: why it failed, and what the page asked or opened. ``appeared`` and ``gone``
    are lines of the page's description."""

    ok: bool
    message: str = ""
    appeared: Sequence[str] = ()
    gone: Sequence[str] = ()
    saved: Sequence[Saved] = ()
    path: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What trying every control came to: how many actions, and what was found, as ``events.PreviewError`` payloads."""

    actions: int
    findings: Sequence[dict[str, Any]]


class Page(Protocol):
    """A page that is open. All methods raise ``errors.Unavailable`` when the eye is gone, and end within seconds."""

    @property
    def state(self) -> PageState:
        """As it was when it was last asked anything."""
        ...

    async def describe(self, most: int = 8000) -> str:
        """Roles, names and texts of what is visible, as an ARIA snapshot; at most so many characters."""
        ...

    async def findings(self) -> list[dict[str, Any]]:
        """What went wrong so far, as ``events.PreviewError`` payloads, each once."""
        ...

    async def audit(self) -> list[dict[str, Any]]:
        """What eyes would see: texts that cannot be read, overflow, controls without a name …"""
        ...

    async def turn(self, theme: Theme) -> None:
        """Prefer this theme from now on, without loading anew."""
        ...

    async def picture(self) -> Shot | None:
        """A screenshot of the visible part; None from an eye that takes no pictures."""
        ...

    async def cut_out(self, claim: Claim) -> Shot | None:
        """A picture of what somebody pointed at in such a page; None where it is not there, or none can be taken."""
        ...

    async def portrait(self, width: int) -> Portrait | None:
        """How it looks in a window of that width; None from an eye that takes no pictures, and of a page that cannot
        be taken one of. The window is as it was afterwards."""
        ...

    async def act(self, step: Mapping[str, Any]) -> StepResult:
        """Do one step (``steps.Step`` as JSON)."""
        ...

    async def trial(self, most: int = 40, seconds: float = 6.0) -> Trial:
        """Try every visible control once: so many actions and seconds at most."""
        ...


class Eye(Protocol):
    """Who looks at one app. ``name`` says who: "browser" or "preview"."""

    @property
    def name(self) -> str: ...

    async def ready(self, *, pictures: bool = False) -> Eye:
        """The eye that looks, which is this one or stands behind it; with ``pictures`` one that takes them. Raises
        ``errors.Unavailable`` where nobody can look, saying what is missing."""
        ...

    def open(self, look: Look) -> AbstractAsyncContextManager[Page]:
        """Load the app afresh, with a storage of its own, until it has come to rest. Several may be open at once.

        Raises ``errors.Unavailable`` where nobody can look, saying what is missing.
        """
        ...

    async def close(self) -> None:
        """End what is open. The next ``open`` starts anew."""
        ...
