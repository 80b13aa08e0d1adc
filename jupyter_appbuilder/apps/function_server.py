"""What is asked of an app's server beside what its page asks: to take secrets, to call a function.

The server takes it from whoever asks first with a token (``control.mjs``, ``keeper.mjs``): that is us, as soon as it
answers and before anybody is shown the app. So secrets go through the connection alone: they stand in no command line,
in no environment and in no file of the sandbox.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from ..errors import AppBuilderError, Unavailable
from ..preview.upstream import origin_of, target_of, upstreams
from ..sandbox.base import Address

SECONDS = 20.0
CALL_SECONDS = 60.0  # a function may take 30, and wait for a worker before
LARGEST = 8 * 1024 * 1024  # bytes of an answer


class FunctionServer:
    """Of one session. ``values`` gives its secrets, by name; ``control`` is the path below the app's base. Without
    ``has_functions`` it takes secrets alone."""

    def __init__(
        self, control: str, values: Callable[[], Awaitable[Mapping[str, str]]], *, has_functions: bool = True
    ) -> None:
        self._control = control
        self.has_functions = has_functions
        self._values = values
        self._token = secrets.token_urlsafe(32)
        self._giving = asyncio.Lock()
        self.expected = False
        """Whether there was a secret to be given when it was tried last."""

    async def give(self, address: Address, base_path: str) -> None:
        """Give the server its secrets, in place of those it has. Raises ``Unavailable``."""
        async with self._giving:
            values = dict(await self._values())
            self.expected = bool(values)
            await self.ask(address, base_path, "give", secrets=values)

    async def ask(self, address: Address, base_path: str, act: str, **request: Any) -> dict[str, Any]:
        """What the server answers. It comes from where generated code runs: whoever shows it takes it for anything.

        Raises ``Unavailable``.
        """
        body = json.dumps({"act": act, **request}).encode()
        seconds = CALL_SECONDS if act == "call" else SECONDS
        try:
            async with asyncio.timeout(seconds):
                status, told = await self._post(address, base_path + self._control, body)
        except AppBuilderError:
            raise
        except Exception as error:  # of a connection; its message may hold nothing of ours
            raise Unavailable(
                f"The server of the app's functions does not answer ({type(error).__name__}).",
                hint="Restart the preview.",
                reason="functions_unavailable",
            ) from None
        if status != 200 or not isinstance(answer := told.get("ok"), dict):
            said = str(told.get("error") or f"HTTP {status}")[:500]
            raise Unavailable(
                f"The server of the app's functions refused: {said}",
                hint="Restart the preview.",
                reason="functions_unavailable",
            )
        return cast("dict[str, Any]", answer)

    async def _post(self, address: Address, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        url = origin_of(address) + path
        headers = {
            "Host": urlsplit(url).netloc,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "X-AppBuilder-Control": self._token,
        } | dict(address.headers)
        timeout = {"connect": 5.0, "read": CALL_SECONDS, "write": 20.0, "pool": 5.0}
        extensions = {"timeout": timeout, "target": target_of(path, address).encode()}
        async with upstreams.pool(address).stream(
            "POST", url, headers=list(headers.items()), content=body, extensions=extensions
        ) as response:
            told = bytearray()
            async for piece in response.aiter_stream():
                told += piece
                if len(told) > LARGEST:
                    raise Unavailable("The answer of the function is too large.", reason="too_large")
            try:
                found: Any = json.loads(told)
            except (ValueError, RecursionError):
                found = None
            return response.status, cast("dict[str, Any]", found) if isinstance(found, dict) else {}
