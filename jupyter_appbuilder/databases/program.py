"""Asks the program that opens an app's database: one command in the sandbox for each question.

The answer comes from where generated code runs: it is bounded here, and whoever shows it takes it for anything.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from ..errors import Conflict, InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from ..sandbox.base import ExecResult, Output, Sandbox
    from ..templates.templates import Database, Engine

SECONDS = 15.0
"""How long a question may take, unless its asker says."""

LONGEST_REQUEST = 100_000
"""Bytes of a request: it is one argument of a command, of which Linux takes 128 KiB."""

MOST_PRINTED = 8 * 1024 * 1024
LONGEST_ERROR = 2000

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Names that we give: of tables, of migrations."""


class SqlError(InvalidInput):
    """What SQLite says of a statement, which stands in the message. ``sql`` is the statement itself, shortened."""

    default_reason = "sql"

    def __init__(self, message: str, *, sql: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint, field="sql")
        self.sql = sql


class DataProgram:
    """Of one session. Every method raises ``Unavailable`` where the sandbox cannot do its work."""

    def __init__(self, sandbox: Callable[[], Awaitable[Sandbox]], database: Database | None) -> None:
        self._sandbox = sandbox
        self._database = database

    @property
    def there(self) -> bool:
        """True if the app's template has a database."""
        return self._database is not None

    @property
    def engine(self) -> Engine:
        """What the database is. Raises ``NotFound`` for an app that has none."""
        return self._known().engine

    @property
    def file(self) -> str:
        """The database's path in the app. Raises ``NotFound`` for an app that has none."""
        return self._known().file

    async def ask(
        self, op: str, *, seconds: float = SECONDS, on_output: Output | None = None, **request: Any
    ) -> dict[str, Any]:
        """The program's answer to one request (``data.mjs``: ``operations``). ``on_output`` is told what it prints
        meanwhile.

        Raises ``SqlError`` for what SQLite refuses, ``InvalidInput`` for a request that is too long, ``Conflict`` for
        one that takes too long or too much memory, ``NotFound`` where the app has no database.
        """
        database = self._known()
        mark = secrets.token_hex(8)
        told = {name: value for name, value in request.items() if value is not None}
        # Escaped: an argument of a command holds no NUL and no lone surrogate.
        text = json.dumps({"op": op, "mark": mark, "file": database.file, **told}, allow_nan=False)
        # Where nothing is mounted, paths in a command become this machine's: those in a text of SQL must not.
        text = text.replace("/", "\\u002f")
        if len(text) > LONGEST_REQUEST:
            raise InvalidInput(
                f"This is too long for one step: {len(text):,} bytes, and {LONGEST_REQUEST:,} is the most.",
                hint="Make several steps of it.",
                field="sql",
            )
        sandbox = await self._sandbox()
        result = await sandbox.exec(
            ["node", database.program, text], timeout=seconds, on_output=on_output, max_output=MOST_PRINTED
        )
        return _answer(result, mark, seconds)

    def _known(self) -> Database:
        if self._database is None:
            raise NotFound(
                "This app has no database.",
                hint="Apps of the templates serverless, fastapi-react and nextjs have one.",
                reason="no_database",
            )
        return self._database


def _answer(result: ExecResult, mark: str, seconds: float) -> dict[str, Any]:
    # JSON escapes no more than line feeds: a name may hold what else ends a line.
    line = next((line for line in reversed(result.stdout.split("\n")) if line.startswith(mark)), "")
    if not line:
        raise _unanswered(result, seconds)
    try:
        found: Any = json.loads(line.removeprefix(mark))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unavailable("The database's program answered what cannot be read.", reason="database_failed")
    answer = cast("dict[str, Any]", found)
    if isinstance(error := answer.get("error"), Mapping):
        said = cast("Mapping[str, Any]", error)
        message = str(said.get("message"))[:LONGEST_ERROR]
        raise SqlError(message, sql=str(said.get("sql") or ""))
    told = answer.get("ok")
    if not isinstance(told, dict):
        raise Unavailable("The database's program answered nothing.", reason="database_failed")
    return cast("dict[str, Any]", told)


def _unanswered(result: ExecResult, seconds: float) -> Exception:
    if result.ended == "timeout":
        return Conflict(
            f"The database did not answer within {seconds:.0f} seconds, and was stopped.",
            hint="Ask for less: a condition, a LIMIT, an index on what is compared.",
            reason="too_slow",
        )
    if result.ended in ("memory", "output"):
        return Conflict(
            f"The answer of the database was too large. {result.message}".strip(),
            hint="Ask for fewer rows, or for less of each value: substr(column, 1, 200).",
            reason="too_large",
        )
    said = (result.message or result.stderr.strip()[-LONGEST_ERROR:]) or f"exit code {result.exit_code}"
    return Unavailable(f"The database's program failed: {said}", reason="database_failed")
