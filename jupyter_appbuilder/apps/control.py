"""The connection to an app's server that is ours alone: what is asked of it beside what its page asks.

The server takes it from whoever asks first with a token (``control.mjs``, ``keeper.mjs``): that is us, as soon as it
answers and before anybody is shown the app. What is answered comes from where generated code runs.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from ..errors import AppBuilderError, Unavailable
from ..preview.upstream import origin_of, target_of, upstreams

if TYPE_CHECKING:
    from ..live.sockets import Reply
    from ..sandbox.base import Address

SECONDS = 20.0
LONG_SECONDS = 60.0
"""A function may take 30, and wait for a worker before; who has nothing to tell keeps us waiting."""
LONG = ("call", "python")
LARGEST = 8 * 1024 * 1024  # bytes of an answer


class Control:
    """Of one session. ``control`` is the path below the app's base."""

    def __init__(self, control: str) -> None:
        self._control = control
        self._token = secrets.token_urlsafe(32)

    async def ask(self, address: Address, base_path: str, act: str, **request: Any) -> dict[str, Any]:
        """What the server answers. It comes from where generated code runs: whoever shows it takes it for anything.

        Raises ``Unavailable``.
        """
        body = json.dumps({"act": act, **request}).encode()
        seconds = LONG_SECONDS if act in LONG else SECONDS
        return await self._asked(address, base_path, body, {"Content-Type": "application/json"}, seconds)

    async def answer(self, address: Address, base_path: str, call: str, reply: Reply) -> None:
        """Tell the server what came of a call of the notebook that it asked for. Raises ``Unavailable``."""
        head = json.dumps({"id": call, "status": reply.status, "form": reply.form})
        headers = {"Content-Type": "application/octet-stream", "X-AppBuilder-Answer": head}
        await self._asked(address, base_path, reply.body, headers, LONG_SECONDS)

    async def _asked(
        self, address: Address, base_path: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds):
                status, told = await self._post(address, base_path + self._control, body, headers)
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

    async def _post(
        self, address: Address, path: str, body: bytes, more: Mapping[str, str]
    ) -> tuple[int, dict[str, Any]]:
        url = origin_of(address) + path
        headers = {
            "Host": urlsplit(url).netloc,
            **more,
            "Content-Length": str(len(body)),
            "X-AppBuilder-Control": self._token,
        } | dict(address.headers)
        timeout = {"connect": 5.0, "read": LONG_SECONDS, "write": 20.0, "pool": 5.0}
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
