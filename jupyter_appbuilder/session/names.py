"""Titles and folder names of new apps."""

from __future__ import annotations

import re
import unicodedata

from ..errors import InvalidInput

STOP_WORDS = frozenset(
    ["a", "an", "and", "build", "create", "for", "i", "in", "make", "me", "my", "of", "please", "the"]
)


def check_name(name: str) -> None:
    """Raise ``InvalidInput`` for what cannot be an app's name; "" is none yet."""
    if name and not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
        raise InvalidInput(
            f"{name!r} is not a name for an app.",
            hint="Use lower-case letters, digits, '-', '_' and '.', beginning with a letter or digit, at most 64.",
            field="name",
        )


def title_of(prompt: str) -> str:
    """A title from a request: its first line, up to where that goes into details."""
    line = prompt.strip().partition("\n")[0].strip().rstrip(".")
    what = re.split(r"(?<=\w)(?:[.!?:;]\s|\s[–—-]\s|[。！？：；])", line, maxsplit=1)[0].strip()
    line = what if len(what.split()) > 1 or len(what) >= 10 else line
    return line if len(line) <= 60 else line[:57].rsplit(" ", 1)[0] + " …"


def slug(title: str) -> str:
    """A folder's name from a title, in whatever script it is written: letters, their marks, digits and "-"."""
    spaced = (char if unicodedata.category(char)[0] in "LMN" else " " for char in unicodedata.normalize("NFKC", title))
    words = "".join(spaced).casefold().split()
    telling = [word for word in words if word not in STOP_WORDS] or words
    slug = unicodedata.normalize("NFC", "-".join(telling[:4]))[:40]
    # A file system counts bytes, and "-2" may follow.
    return slug.encode()[:200].decode(errors="ignore").strip("-") or "app"
