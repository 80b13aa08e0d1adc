"""Files too large for a patch: the patch names their content by hash; the content is stored separately."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from ..errors import InvalidInput
from ..formats.text import encodable
from .ignore import never_tracked
from .objects import EXECUTABLE, FILE, LINK

Key = tuple[str, str]  # git mode, blob hash
Keep = Callable[[bytes], Awaitable[str]]
"""Keeps a content and returns its SHA-256."""

Find = Callable[[str, str], Awaitable[bytes | None]]
"""The content of a SHA-256 (and the hash of its git blob); None where it is not to be had."""

LARGEST_PATCHED = 1024 * 1024
"""Bytes, before and after together. Of a file above it only a small edit is told as a patch."""

MOST_PATCHED = 8 * 1024 * 1024
"""Bytes of all files that one patch tells of."""

MARK = "appbuilder-blob "


@dataclass(frozen=True, slots=True)
class Apart:
    """A change of one large file. ``sha256`` and ``size`` (bytes) are those of its new content."""

    path: str
    before: Key | None
    after: Key | None
    sha256: str
    size: int

    def section(self) -> str:
        """The file's part of a patch."""
        data = {"path": self.path, "before": self.before, "after": self.after, "sha256": self.sha256, "size": self.size}
        name = self.path if self.path.isprintable() else json.dumps(self.path)
        what = f"Kept apart: {self.size / 1e6:.1f} MB" if self.after else "Deleted, a large file"
        mode = ""
        if self.before is None and self.after:
            mode = f"new file mode {self.after[0]}\n"
        elif self.after is None and self.before:
            mode = f"deleted file mode {self.before[0]}\n"
        return f"diff --git a/{name} b/{name}\n{mode}{what}\n{MARK}{json.dumps(data)}\n"


def split(patch: str) -> tuple[str, list[Apart]]:
    """The part of a patch that git applies, and the files whose content is kept apart.

    Raises ``InvalidInput`` for a section that is damaged.
    """
    if MARK not in patch:
        return patch, []
    plain: list[str] = []
    apart: list[Apart] = []
    for section in re.split(r"^(?=diff --git )", patch, flags=re.MULTILINE):
        # A line of a patch that git makes begins with another character.
        found = re.search(rf"^{MARK}(\{{.*\}})$", section, re.MULTILINE)
        if found:
            apart.append(_read(found.group(1)))
        else:
            plain.append(section)
    return "".join(plain), apart


def _read(text: str) -> Apart:
    try:
        data = cast("dict[str, Any]", json.loads(text))
        parts: list[str] = data["path"].split("/")
        keys = [_key(data[name]) for name in ("before", "after")]
        sha256, size = data["sha256"], data["size"]
        if (
            not encodable(data["path"])
            or "\0" in data["path"]
            or any(part in ("", ".", "..") or never_tracked(part) for part in parts)
        ):
            raise ValueError("its path is no file of an app")
        if not isinstance(size, int) or not re.fullmatch(r"[0-9a-f]{64}" if keys[1] else "", sha256):
            raise ValueError("its hash is none")
        return Apart(data["path"], keys[0], keys[1], sha256, size)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidInput) as error:
        raise InvalidInput(
            f"The patch names a file that is kept apart in a way that cannot be read: {error}.",
            hint="Restore the cell as it was.",
            reason="damaged_patch",
        ) from None


def _key(value: Any) -> Key | None:
    if value is None:
        return None
    mode, key = value
    if mode not in (FILE, EXECUTABLE, LINK) or not re.fullmatch(r"[0-9a-f]{40}", key):
        raise ValueError("its modes and hashes are none of git's")
    return (mode, key)
