"""What a new app is called: its title, and its folder."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from ..errors import Conflict, InvalidInput, Unavailable

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


def reserve(shelf: Path, name: str, wanted: str) -> Path:
    """Make the folder of a new session in ``shelf``: called ``name``, taken as it is, or ``wanted``, made unique."""
    try:
        shelf.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"Apps cannot be made in {shelf}: {error.strerror}.",
            hint="Check the folder's rights and its disk, or set c.AppBuilder.root_dir to another.",
            reason="no_folder",
        ) from None
    wanted = name or wanted
    for number in range(1, 10_000):
        folder = shelf / (wanted if number == 1 else f"{wanted}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            if name:
                raise Conflict(
                    f"{shelf.name}/{name} exists already.",
                    hint="Choose another name.",
                    reason="name_taken",
                    field="name",
                ) from None
            continue
        return folder
    raise Conflict(f"Too many apps are called {wanted!r}.", hint="Choose a name.", reason="name_taken", field="name")


def title_of(prompt: str) -> str:
    """A title from a request: its first line."""
    line = prompt.strip().partition("\n")[0].strip().rstrip(".")
    return line if len(line) <= 60 else line[:57].rsplit(" ", 1)[0] + " …"


def slug(title: str) -> str:
    """A folder's name from a title, in whatever script it is written: letters, their marks, digits and "-"."""
    spaced = (char if unicodedata.category(char)[0] in "LMN" else " " for char in unicodedata.normalize("NFKC", title))
    words = "".join(spaced).casefold().split()
    telling = [word for word in words if word not in STOP_WORDS] or words
    slug = unicodedata.normalize("NFC", "-".join(telling[:4]))[:40]
    # A file system counts bytes, and "-2" may follow.
    return slug.encode()[:200].decode(errors="ignore").strip("-") or "app"
