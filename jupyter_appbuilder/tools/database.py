"""The database of an app: what is in it, questions, changes of rows and of the schema, and a call of a function."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from pydantic import Field

from ..databases.functions import called_in
from ..databases.program import IDENTIFIER, DataProgram
from ..databases.words import changes_of, described, items, rows_of, said, table_of
from ..errors import InvalidInput
from ..events import timestamp
from ..log.journal import StoredEvents
from .base import Arguments, CellLine, Secrets, Tool, ToolContext, ToolResult, tool

MOST_SQL = 40_000  # characters
MOST_SHOWN = 8_000  # characters of a function's answer
MIGRATE_SECONDS = 60.0
CALL_SECONDS = 45.0
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


class DescribeDatabase(Arguments):
    pass


@tool(effect="read", needs="database", verb=("Looking at the database", "Looked at the database"), icon="list")
async def describe_database(context: ToolContext, arguments: DescribeDatabase) -> ToolResult:
    """Show the app's database: tables with columns, keys, indexes and how many rows; views; triggers; what functions
    changed since the last version."""
    program = context.service(DataProgram)
    versions = [event for event in context.service(StoredEvents).stored if event.type == "checkpoint.created"]
    since = timestamp(versions[-1].at) if versions else ""
    answer = await program.ask("describe", since=since, apply=True)
    changed = items(answer, "changes")
    text = described(answer)
    lines = [f"  {entry.get('function')}: {changes_of([entry])}" for entry in changed[:50]]
    if lines:
        text += "\nChanged since the last version, by:\n" + "\n".join(lines)
    count = len(items(answer, "tables"))
    return ToolResult(text, f"The database has {count} table{'' if count == 1 else 's'}", detail={"tables": count})


class QueryDatabase(Arguments):
    sql: str = Field(min_length=1, max_length=MOST_SQL, description="One statement: SELECT, or WITH … SELECT.")
    rows: int = Field(default=50, ge=1, le=500, description="How many rows to show at most.")


@tool(
    effect="read", needs="database", verb=("Asking the database", "Asked the database"), icon="search", subject=["sql"]
)
async def query_database(context: ToolContext, arguments: QueryDatabase) -> ToolResult:
    """Read rows of the app's database with one statement of SQL that changes nothing."""
    program = context.service(DataProgram)
    answer = await program.ask("query", apply=True, sql=arguments.sql, rows=arguments.rows, bytes=60_000)
    count = len(rows_of(answer))
    more = "more than " if answer.get("more") else ""
    summary = f"Found {more}{count} row{'' if count == 1 else 's'}"
    return ToolResult(table_of(answer), summary, detail={"rows": count, "more": bool(more)})


class ChangeData(Arguments):
    sql: str = Field(min_length=1, max_length=MOST_SQL, description="INSERT, UPDATE, DELETE; several end with `;`.")


def _statements(arguments: Mapping[str, Any]) -> CellLine:
    return CellLine("sql", content=arguments["sql"])


@tool(
    effect="command",
    needs="database",
    atomic=True,
    verb=("Changing", "Changed"),
    icon="pencil",
    subject=["sql"],
    cell=_statements,
    replay=(),
)
async def change_data(context: ToolContext, arguments: ChangeData) -> ToolResult:
    """Change rows of the app's database: all of the statements, or none if one fails. Rows that each new app should
    begin with belong into a migration instead."""
    program = context.service(DataProgram)
    answer = await program.ask("change", apply=True, sql=arguments.sql)
    changes, total = items(answer, "changes"), answer.get("total")
    changed = changes_of(changes) or f"{total} rows changed"
    returned = _object(answer, "returned")
    text = changed + (f"\n{table_of(returned)}" if returned else "")
    return ToolResult(text, changed[:200], detail={"changes": changes, "total": total})


class UpdateDatabaseSchema(Arguments):
    name: str = Field(description="What it does, as the file's name has it: add_due_dates.")
    sql: str = Field(min_length=1, max_length=MOST_SQL, description="DDL, and rows to begin with. No BEGIN or COMMIT.")
    loses_data: str = Field(
        default="",
        max_length=1000,
        description="Only where rows or values are lost: why that is right. Asks the person.",
    )


@tool(
    effect="command",
    needs="database",
    asks=True,
    atomic=True,
    verb=("Changing the schema", "Changed the schema"),
    icon="wrench",
    subject=["name"],
)
async def update_database_schema(context: ToolContext, arguments: UpdateDatabaseSchema) -> ToolResult:
    """Add a migration: SQL that is tried on a copy of the database, kept as the next file in migrations/, and applied.
    A file that was applied is never changed; the next one changes what it made."""
    if not IDENTIFIER.fullmatch(arguments.name):
        raise InvalidInput(
            f"{arguments.name[:100]!r} is no name of a migration.",
            hint="Use small letters, digits and _, beginning with a letter: add_due_dates.",
            field="name",
        )
    program = context.service(DataProgram)
    tried = await program.ask("migrate_try", seconds=MIGRATE_SECONDS, name=arguments.name, sql=arguments.sql)
    if failed := _object(tried, "failed"):
        return _failed(failed, "It was tried on a copy: nothing was changed.")
    path = str(tried.get("file"))
    if posixpath.dirname(path) != "migrations" or not path.endswith(f"_{arguments.name}.sql"):
        raise InvalidInput("The database's program named a file that is no migration.", reason="database_failed")
    told: list[Any] = tried.get("losses") or []
    losses = [str(loss)[:300] for loss in told[:50]]
    if losses and (refused := await _losing(context, arguments, losses)):
        return refused
    await context.workspace.write(path, arguments.sql.rstrip() + "\n")
    applied = await program.ask("migrate", seconds=MIGRATE_SECONDS)
    if failed := _object(applied, "failed"):
        return _failed(failed, f"{path} is there, and waits: correct it with edit_file.")
    tried.pop("pending", None)
    text = f"Applied {path}. The schema now:\n{described(tried)}"
    if losses:
        text += "\nLost, as the person allowed: " + " ".join(losses)
    return ToolResult(text, f"Applied {path}", detail={"path": path, "losses": losses})


async def _losing(context: ToolContext, arguments: UpdateDatabaseSchema, losses: list[str]) -> ToolResult | None:
    """Why a migration that loses data is not applied; None where it may be."""
    lost = " ".join(losses)
    detail = {"losses": losses, "reason": "loses_data"}
    if not arguments.loses_data.strip():
        text = (
            f"Nothing was changed: data would be lost. {lost}\nFind a way that keeps it. If losing it is what the "
            "person wants, say why in loses_data; they are asked."
        )
        return ToolResult(text, f"It would lose data: {lost}"[:200], ok=False, detail=detail)
    answer = await context.ask(
        f"May the agent change the database so that data is lost? {lost}"[:1000],
        kind="data",
        subject=arguments.sql.strip()[:4000],
        reason=arguments.loses_data.strip(),
    )
    if answer.granted:
        return None
    if answer.cause == "unattended":
        text = f"Nothing was changed: nobody could be asked whether this data may be lost. {lost}"
    else:
        text = f"Nothing was changed: the person does not want to lose this data. {lost} Do not ask again."
    return ToolResult(text, "Not allowed: it would lose data", ok=False, detail=detail | {"granted": False})


def _failed(failed: Mapping[str, Any], then: str) -> ToolResult:
    message = str(failed.get("message"))[:1000]
    statement = str(failed.get("statement") or "").strip()
    place = f"{failed.get('file')}, line {failed.get('line')}: {message}"
    text = "\n".join(filter(None, [place, statement and f"Statement: {statement}", then]))
    return ToolResult(text, message[:200], ok=False, detail={"reason": "sql"})


class CallFunction(Arguments):
    name: str = Field(min_length=1, max_length=1000, description="What follows /api/: tasks, tasks/done?day=1.")
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(default="GET", description="The HTTP method.")
    headers: list[str] = Field(default=[], description="Headers beside those of JSON, each as `Name: value`.")
    body: str = Field(default="", description='JSON, e.g. {"title": "Milk"}.')
    as_user: str = Field(default="", max_length=254, description="Logged in as who has this name in _users.")


@tool(effect="command", needs="functions", verb=("Calling", "Called"), icon="terminal", subject=["name"])
async def call_function(context: ToolContext, arguments: CallFunction) -> ToolResult:
    """Call one of the app's functions as the page would: its answer, what it logged, what it changed in the database,
    and where it failed."""
    program = context.service(DataProgram)
    name, _, query = arguments.name.removeprefix("/").removeprefix("api/").partition("?")
    headers = dict(_header(line) for line in arguments.headers)
    request: dict[str, Any] = {"method": arguments.method, "query": query, "headers": headers}
    if arguments.body.strip():
        try:
            request["body"] = json.loads(arguments.body)
        except ValueError as error:
            raise InvalidInput(f"The body is no JSON: {error}.", hint="Correct it.", field="body") from None
    if arguments.as_user:
        request["as"] = arguments.as_user
    secrets = context.service(Secrets, None)
    if secrets is not None and await secrets.any():
        # Secrets are with the running server alone; without any, none has to run.
        answer = await context.app.ask_functions("call", name=name, request=request)
    else:
        answer = await program.ask("call", seconds=CALL_SECONDS, name=name, request=request)
    status = answer.get("status")
    error, changes = _object(answer, "error"), items(answer, "changes")
    ok = isinstance(status, int) and status < 400 and not error
    took = f"{answer['ms']:.0f} ms" if isinstance(answer.get("ms"), int | float) else ""
    parts = [f"Status {status}" + (f" after {took}" if took else ""), _body(answer.get("body"))]
    if error:
        parts.append(f"Error: {error.get('message')}\n{error.get('stack') or ''}".rstrip()[:MOST_SHOWN])
    if lacking := called_in(answer).missing:
        parts.append(f"It read {', '.join(f'env.{one}' for one in lacking)}, which is not set: see request_secret.")
    if changed := changes_of(changes):
        parts.append(f"Changed in the database: {changed}")
    logs = [f"  {entry.get('level')}: {said(entry.get('text'))}" for entry in items(answer, "logs")[:100]]
    if logs:
        parts.append("Logged:\n" + "\n".join(logs))
    detail = {"status": status, "ms": answer.get("ms"), "changes": changes}
    summary = f"{arguments.method} {name}: {status}" + (f", {took}" if took else "")
    return ToolResult("\n".join(filter(None, parts)), summary, ok=ok, detail=detail)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not HEADER.fullmatch(name.strip()):
        raise InvalidInput(f"{line[:100]!r} is no header.", hint="Write it as Name: value.", field="headers")
    return name.strip(), value.strip()


def _object(answer: Mapping[str, Any], key: str) -> dict[str, Any]:
    found: Any = answer.get(key)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _body(body: Any) -> str:
    if body is None:
        return "(No body.)"
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}… ({len(text):,} characters)"


DATABASE_TOOLS: list[Tool[Any]] = [
    describe_database,
    query_database,
    change_data,
    update_database_schema,
    call_function,
]
