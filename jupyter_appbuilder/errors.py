"""Every error this package raises on purpose.

    AppBuilderError
    ├── InvalidInput          400  the request or argument is wrong; ``field`` names it
    ├── NotFound              404
    ├── Conflict              409
    │   ├── SessionBusy       409  a turn is running
    │   └── ToolFailed        409  a tool could not do what it was asked to
    ├── Unavailable           503  something outside us is missing or down (sandbox, model, database)
    └── Forbidden             403

Each says what happened (``message``), a stable code for programs (``reason``) and the next step (``hint``).
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, ClassVar


class AppBuilderError(Exception):
    status: ClassVar[int] = 500
    default_reason: ClassVar[str] = "internal"

    def __init__(self, message: str, *, hint: str = "", reason: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.reason = reason or self.default_reason
        self.field = field

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def to_json(self) -> dict[str, Any]:
        body = {"message": self.message, "reason": self.reason, "hint": self.hint}
        return body | {"field": self.field} if self.field else body


class InvalidInput(AppBuilderError):
    status = 400
    default_reason = "invalid_input"


class Forbidden(AppBuilderError):
    status = 403
    default_reason = "forbidden"


class NotFound(AppBuilderError):
    status = 404
    default_reason = "not_found"


class Conflict(AppBuilderError):
    status = 409
    default_reason = "conflict"


class SessionBusy(Conflict):
    default_reason = "session_busy"


class ToolFailed(Conflict):
    """A tool could not do what it was asked to; the message is what it said."""

    default_reason = "tool_failed"


class Unavailable(AppBuilderError):
    status = 503
    default_reason = "unavailable"


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""How the system says that a disk has no room."""


def of_the_disk(error: OSError, folder: Path) -> Unavailable:
    """An operation on the files in ``folder`` that the system refused, as an error for people."""
    if error.errno in FULL:
        return Unavailable(f"The disk of {folder} is full.", hint="Make room, then go on.", reason="disk_full")
    return Unavailable(
        f"The files in {folder} cannot be used: {error.strerror or error}.",
        hint="Check the folder's rights and its disk, then go on.",
        reason="files_unavailable",
    )
