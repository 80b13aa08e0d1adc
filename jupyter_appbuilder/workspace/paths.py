"""Checks that a path names a file inside the app."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InvalidInput
from ..formats.text import encodable

HINT = "Give a path relative to the app's folder, such as src/App.tsx."


def parts_of(path: str) -> tuple[str, ...]:
    """The path's names, without the empty ones and dots. Raises ``InvalidInput`` for anything that is not relative,
    climbs with `..`, holds control characters or names a `.git`."""

    def refuse(why: str, hint: str = HINT) -> InvalidInput:
        return InvalidInput(f"Path {path[:200]!r} {why}.", hint=hint, reason="invalid_path", field="path")

    if path.startswith("/"):
        raise refuse("is absolute", f"Leave out the leading slash. {HINT}")
    if "\\" in path:
        raise refuse("holds a backslash", "Separate folders with forward slashes.")
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        raise refuse("holds a control character")
    if not encodable(path):
        raise refuse("is not valid Unicode")
    if len(path.encode()) > 4000:
        raise refuse("is too long")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    for part in parts:
        if part == "..":
            raise refuse("leaves the app's folder with '..'")
        if part.casefold() == ".git":
            raise refuse("names a git repository, which is not part of the app")
        if len(part.encode()) > 255:
            raise refuse("holds a name that is too long")
    return parts


def inside(root: Path, path: str, *, follow: bool = True) -> tuple[str, ...]:
    """The names below ``root`` that ``path`` leads to once its links are followed (with ``follow=False`` all but the
    last). Raises ``InvalidInput`` when that is outside."""
    parts = parts_of(path)
    top = os.path.realpath(root)
    try:
        if follow or not parts:
            real = os.path.realpath(os.path.join(top, *parts))
        else:
            real = os.path.join(os.path.realpath(os.path.join(top, *parts[:-1])), parts[-1])
    except OSError as error:  # a link that somebody is changing at this moment
        raise InvalidInput(
            f"Path {path!r} cannot be followed: {error.strerror}.",
            hint="Try again, or use a path that does not go through a symbolic link.",
            reason="invalid_path",
            field="path",
        ) from None
    if real == top:
        return ()
    if not real.startswith(top + os.sep):
        raise InvalidInput(
            f"Path {path!r} leads outside the app through a symbolic link.",
            hint="Delete the link, or use a path inside the app.",
            reason="invalid_path",
            field="path",
        )
    return parts_of(real[len(top) + 1 :])
