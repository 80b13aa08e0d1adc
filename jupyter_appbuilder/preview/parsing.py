"""Parses JSON sent by a page: bounded in size, without blocking the server for long."""

from __future__ import annotations

import asyncio
import json
from json import scanner
from typing import Any, cast

from ..errors import InvalidInput

AT_ONCE = 128 * 1024
"""Bytes that the C parser reads in a moment. It lets nobody else run meanwhile, not even from a thread."""


class _Patient(json.JSONDecoder):
    """The parser in Python, which lets the event loop run between two values."""

    def __init__(self) -> None:
        super().__init__(parse_constant=_refuse)
        self.scan_once = scanner.py_make_scanner(self)  # pyright: ignore


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON.")


async def parse_object(body: bytes | bytearray) -> dict[str, Any]:
    """The JSON object in ``body``; InvalidInput for anything else, ``NaN`` and what nests too deep included."""
    try:
        if len(body) <= AT_ONCE:
            found: Any = json.loads(body, parse_constant=_refuse)
        else:
            found = await asyncio.to_thread(lambda: _Patient().decode(body.decode()))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidInput("The body must be a JSON object.")
    return cast("dict[str, Any]", found)
