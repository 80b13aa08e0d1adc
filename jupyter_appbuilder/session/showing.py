"""A picture of an app for a message: still, or moving while its scenarios are done. Nothing of it is kept here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from ..errors import Conflict, Unavailable
from ..eyes.base import DESKTOP, HEIGHT, Look, Page, Theme

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .session import Session

    Tell = Callable[[str, float], None]
    Check = Callable[[Page], Awaitable[None]]

ShownAs = Literal["png", "webp", "gif"]
SHOWN_AS: tuple[ShownAs, ...] = ("png", "webp", "gif")
DESCRIBED = 60_000  # characters of what is on the page, looked through for secrets


async def shown(session: Session, kind: ShownAs, theme: Theme = "light") -> tuple[str, bytes]:
    """A picture's media type and its bytes. Watchers are told how far it is; who is cancelled leaves nothing running.

    Raises ``Conflict`` where it could show private data (reason ``private_data``) or a secret (``secret_on_page``), and
    where there is nothing that moves (``no_scenarios``); ``Unavailable`` where nobody can look.
    """
    if names := [dataset.name for dataset in session.data.all() if dataset.private]:
        raise Conflict(
            f"A picture could show private data: {', '.join(names[:5])}.",
            hint="Make one of a copy of the app without them.",
            reason="private_data",
        )

    async def check(page: Page) -> None:
        said = await page.describe(DESCRIBED)
        if session.secrets.mask.text(said) != said:
            raise Conflict(
                "The page shows a secret of the app's, so no picture of it is made.",
                hint="Have the agent take it off the page.",
                reason="secret_on_page",
            )

    def tell(message: str, fraction: float) -> None:
        session.record.live("progress", {"what": "showing", "message": message, "fraction": fraction})

    try:
        if kind == "png":
            tell("Taking a picture of the app …", 0.2)
            shot = await session.app.screenshot(Look("/", DESKTOP, HEIGHT, theme), check)
            return shot.media_type, shot.data
        return await _moving(session, kind, tell, check)
    finally:
        tell("", 1)


async def _moving(session: Session, kind: Literal["webp", "gif"], tell: Tell, check: Check) -> tuple[str, bytes]:
    from ..eyes.filming import MEDIA_TYPES, animation, why_not
    from ..eyes.scenarios import list_scenarios

    if missing := why_not():
        raise Unavailable(missing, reason="pillow_missing")
    tell("Starting the app …", 0)
    frames = await session.app.film(await list_scenarios(session.workspace), check, tell)
    tell("Making the animation …", 0.9)
    return MEDIA_TYPES[kind], await asyncio.to_thread(animation, frames, kind)
