"""One capability in place of another in whatever passes.

A dev server knows its preview by one address only, and writes it into pages, modules and redirects; each visitor has an
address of their own. Both capabilities are of one length, so that no length anybody counted becomes wrong, and 256
random bits, so that nothing else is ever taken for one.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator


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


def _begun(text: bytes, word: bytes) -> int:
    """How many bytes at the end of ``text`` may be the beginning of ``word``."""
    end = text[-len(word) + 1 :]
    return next((len(end) - at for at in range(len(end)) if word.startswith(end[at:])), 0)
