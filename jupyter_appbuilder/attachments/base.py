"""A file that is handed in, as it was read; how large, and how many."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..events import Attachment, KeptPicture

MOST = 10  # files with one message
LARGEST = 10_000_000  # bytes of one
LONGEST_TEXT = 20_000  # characters of one that a model is told
MOST_TEXT = 60_000  # characters of all with one message
MOST_PIXELS = 1_000_000  # of the picture that is shown: a larger one takes more tokens, and tells models no more
LARGEST_PICTURE = 3_500_000  # bytes of it: in Base64 it stays below the 5 MB that all providers take


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that people and models are shown."""

    data: bytes
    width: int  # px
    height: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Given:
    """A file that was read. ``text``: what a model is told of it, "" where it has none."""

    name: str
    media_type: str
    content: bytes
    text: str = ""
    picture: Shown | None = None

    async def kept(self, keep: Callable[[bytes], Awaitable[str]]) -> Attachment:
        """Keep it, by ``keep``, which gives the SHA-256 of what it keeps; what an event says of it."""
        sha256 = await keep(self.content)
        told = Attachment(sha256=sha256, name=self.name, media_type=self.media_type, size=len(self.content))
        if self.text:
            told["text"] = self.text
        if shown := self.picture:
            of_picture = sha256 if shown.data == self.content else await keep(shown.data)
            told["picture"] = KeptPicture(
                sha256=of_picture,
                width=shown.width,
                height=shown.height,
                alt=self.name,
                media_type=shown.media_type,
            )
        return told

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()
