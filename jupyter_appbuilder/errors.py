"""Every error this package raises on purpose.

    AppBuilderError
    ├── InvalidInput          400  the request or argument is wrong; ``field`` names it
    │   ├── EditFailed        400  an edit that cannot be made                           tools.edits
    │   └── SqlError          400  what SQLite refuses                                   databases.program
    ├── Forbidden             403
    ├── NotFound              404
    ├── Conflict              409
    │   ├── SessionBusy       409  a turn is running
    │   ├── Unaccepted        409  something was found before publishing, and nobody took it  client.publishing
    │   ├── ToolFailed        409  a tool could not do what Python asked it to
    │   ├── RefreshFailed     409  a notebook did not run again for an app's data        refreshing.kernel
    │   └── Different         409  a notebook rebuilt other files than it says           notebook.replay
    ├── Unavailable           503  something outside us is missing or down (sandbox, model, database)
    │   └── ModelError        503  the model could not answer                            models.base
    ├── FileChanged           412  a file is not what the writer saw of it               server.files
    ├── OverBudget            409  a budget does not allow the next request              usage.budgets
    ├── OverQuota             402  a Hub's budget does not allow a request               hub.ledger
    ├── TooOften          429  more reports of a server than a Hub's service takes    hub.reporting
    ├── TooMany               429  more requests to models at once than one may have     hub.gateway
    ├── FileTooLarge          413  a file of data, or a part of it                       session.uploads
    ├── TooLarge              413  arguments of a function, or what it returned               live.base
    ├── Declined              422  a function of the notebook says what is wrong              live.base
    ├── FunctionFailed        500  a function of the notebook raised                          live.base
    ├── TooSlow               504  a function of the notebook took too long                   live.base
    ├── GitError              500  a git command failed                                  workspace.git
    ├── LeftOut           500  what has no place in a cell that is run for its data  client.collecting
    ├── CellFailed            500  another of these, shown below a cell without a trace  client.magics
    └── NoModel               500  nothing but the recorded demo could answer            models.base

Each says what happened (``message``), a stable code for programs (``reason``) and the next step (``hint``). The number
is the HTTP status; the module is named where an error is not defined here.
"""

from __future__ import annotations

import errno
import re
import traceback
from pathlib import Path
from typing import Any, ClassVar

__all__ = [
    "AppBuilderError",
    "Conflict",
    "Forbidden",
    "InvalidInput",
    "NotFound",
    "SessionBusy",
    "ToolFailed",
    "Unavailable",
]

CELL = re.compile(r"ipykernel_\d+|<ipython-input")
"""In the name that IPython gives to the code of a cell."""


class AppBuilderError(Exception):
    """An error for people, and for programs by its ``reason``."""

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

    def _render_traceback_(self) -> list[str]:
        """How IPython shows it below a cell: the sentence and the line of the cell, without what our own code did."""
        cells = [frame for frame in traceback.extract_tb(self.__traceback__) if CELL.search(frame.filename)]
        place = [f"Line {cells[-1].lineno} of the cell: {cells[-1].line}"] if cells and cells[-1].line else []
        return [*place, f"\x1b[31m{type(self).__name__}: {self.message}\x1b[0m", *([self.hint] if self.hint else [])]

    def to_json(self) -> dict[str, Any]:
        """The error as REST and the widget send it."""
        body = {"message": self.message, "reason": self.reason, "hint": self.hint}
        return body | {"field": self.field} if self.field else body


class InvalidInput(AppBuilderError):
    """The request or argument is wrong; ``field`` names it."""

    status = 400
    default_reason = "invalid_input"


class Forbidden(AppBuilderError):
    """This may not be done, by whoever asked."""

    status = 403
    default_reason = "forbidden"


class NotFound(AppBuilderError):
    """There is no such thing."""

    status = 404
    default_reason = "not_found"


class Conflict(AppBuilderError):
    """It does not go together with what there is."""

    status = 409
    default_reason = "conflict"


class SessionBusy(Conflict):
    """A turn is running."""

    default_reason = "session_busy"


class ToolFailed(Conflict):
    """A tool could not do what it was asked to; the message is what it said, ``summary`` that in a line."""

    default_reason = "tool_failed"

    def __init__(self, message: str, *, summary: str = "", hint: str = "", reason: str = "", field: str = "") -> None:
        super().__init__(message, hint=hint, reason=reason, field=field)
        self.summary = summary


class Unavailable(AppBuilderError):
    """Something outside us is missing or down: a sandbox, a model, a database, a disk."""

    status = 503
    default_reason = "unavailable"


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""How the system says that a disk has no room."""


def says_no_room(text: str) -> bool:
    """True if a program says that a disk has no room, in the system's words, Node's or ours."""
    return (
        re.search(
            r"no space left on device|disk quota exceeded|\bENOSPC\b|\bEDQUOT\b|disk( of \S+)? is full", text, re.I
        )
        is not None
    )


def of_the_disk(error: OSError, folder: Path) -> Unavailable:
    """An operation on the files in ``folder`` that the system refused, as an error for people."""
    if error.errno in FULL:
        return Unavailable(f"The disk of {folder} is full.", hint="Make room, then go on.", reason="disk_full")
    return Unavailable(
        f"The files in {folder} cannot be used: {error.strerror or error}.",
        hint="Check the folder's rights and its disk, then go on.",
        reason="files_unavailable",
    )
