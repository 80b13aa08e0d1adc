"""A picture of an app for a notebook: what is shown of it where no kernel runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ..errors import AppBuilderError

if TYPE_CHECKING:
    from ..session import Session

LARGEST = 300_000  # bytes
SECONDS = 15.0
SIZES = ((1000, 640), (500, 400))
"""CSS px, the first that is small enough."""
DESCRIBED = 60_000  # characters of what is on the page, looked through for secrets

log = logging.getLogger(__name__)


async def picture_of(session: Session) -> bytes | None:
    """The app's first page as a newcomer sees it, as a PNG; in the engine's loop.

    None where there is no browser, where the page does not come to rest, and where it may show what belongs in no
    notebook: rows of private data, or the value of a secret.
    """
    try:
        async with asyncio.timeout(SECONDS):
            return await _picture_of(session)
    except (AppBuilderError, TimeoutError):
        return None
    except Exception:  # a cell that is done does not fail for the sake of a picture
        log.exception("No picture of session %s could be taken", session.id)
        return None


async def _picture_of(session: Session) -> bytes | None:
    if session.app.eye is None or session.app.server.state != "ready":
        return None
    if any(dataset.private for dataset in session.data.all()):
        return None
    from ..eyes.base import Look

    eye = await session.app.eye.ready(pictures=True)
    if eye.name != "browser":  # a person's own preview takes none, and is not to be disturbed
        return None
    for width, height in SIZES:
        async with eye.open(Look(width=width, height=height)) as page:
            if page.state.hangs:
                return None
            said = await page.describe(DESCRIBED)
            if session.secrets.mask.text(said) != said:
                return None
            shot = await page.picture()
        if shot and len(shot.data) <= LARGEST:
            return shot.data
    return None
