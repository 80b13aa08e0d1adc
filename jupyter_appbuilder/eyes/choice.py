"""The first eye that can look: a browser behind the wall, else the person's own preview."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ..errors import Unavailable
from .base import Eye, Look, Page


class FirstEye:
    """An ``Eye`` that is whichever of two can look; the second only where the first cannot."""

    def __init__(self, first: Eye, second: Eye) -> None:
        self._first = first
        self._second = second
        self.name = first.name

    async def ready(self, *, pictures: bool = False) -> Eye:
        if pictures:
            return await self._first.ready(pictures=True)
        try:
            return await self._first.ready()
        except Unavailable as error:
            try:
                return await self._second.ready()
            except Unavailable as other:
                message = f"{error.message} {other.message}"
                hint = f"{error.hint} Or open the app's preview.".lstrip()
                raise Unavailable(message, hint=hint, reason=error.reason) from None

    @asynccontextmanager
    async def open(self, look: Look) -> AsyncGenerator[Page]:
        eye = await self.ready()
        async with eye.open(look) as page:
            yield page

    async def close(self) -> None:
        await self._first.close()
        await self._second.close()
