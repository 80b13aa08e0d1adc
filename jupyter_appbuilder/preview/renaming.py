"""Replaces one capability by another in whatever passes through the proxy.

A dev server knows its preview by one address only, and writes it into pages, modules and redirects; each visitor has an
address of their own. Both capabilities are of one length, so that no length anybody counted becomes wrong, and 256
random bits, so that nothing else is ever taken for one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

PIECE = 1 << 20  # characters or bytes of a message that are looked through at once


async def renamed(chunks: AsyncIterable[bytes], old: bytes, new: bytes) -> AsyncIterator[bytes]:
    """``chunks`` with ``old`` replaced, also where it lies across two of them."""
    held = b""
    async for chunk in chunks:
        held = (held + chunk).replace(old, new)
        keep = _begun(held, old)
        if keep < len(held):
            yield held[: len(held) - keep]
            held = held[len(held) - keep :]
    if held:
        yield held


async def renamed_message(message: str | bytes, old: str, new: str) -> str | bytes:
    """``message`` with ``old`` replaced; of a large one piece by piece, between which others have their turn."""
    if not old:
        return message
    word, other = (old, new) if isinstance(message, str) else (old.encode(), new.encode())
    text: Any = message
    pieces: list[Any] = []
    begin = 0
    while begin < len(text):
        if begin:
            await asyncio.sleep(0)
        end = begin + PIECE
        across = text.find(word, end - len(word) + 1, end + len(word) - 1)
        end = end if across < 0 else across
        pieces.append(text[begin:end].replace(word, other))
        begin = end
    return text[:0].join(pieces)


def _begun(text: bytes, word: bytes) -> int:
    """How many bytes at the end of ``text`` may be the beginning of ``word``."""
    end = text[-len(word) + 1 :]
    return next((len(end) - at for at in range(len(end)) if word.startswith(end[at:])), 0)
