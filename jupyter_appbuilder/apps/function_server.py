"""What is asked of an app's server beside what its page asks: to take secrets, to call a function.

Secrets go through the connection alone: they stand in no command line, in no environment and in no file of the sandbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from ..sandbox.base import Address
from .control import Control


class FunctionServer(Control):
    """Of one session. ``values`` gives its secrets, by name; ``control`` is the path below the app's base. Without
    ``has_functions`` it takes secrets alone."""

    def __init__(
        self, control: str, values: Callable[[], Awaitable[Mapping[str, str]]], *, has_functions: bool = True
    ) -> None:
        super().__init__(control)
        self.has_functions = has_functions
        self._values = values
        self._giving = asyncio.Lock()
        self.expected = False
        """Whether there was a secret to be given when it was tried last."""

    async def give(self, address: Address, base_path: str) -> None:
        """Give the server its secrets, in place of those it has. Raises ``Unavailable``."""
        async with self._giving:
            values = dict(await self._values())
            self.expected = bool(values)
            await self.ask(address, base_path, "give", secrets=values)
