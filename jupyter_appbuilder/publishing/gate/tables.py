"""Personal data in what goes along with an app: tables in Parquet, CSV, JSON, SQLite and SQL, and lists in its code."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from .base import Found, Where
from .files import Content, Left
from .personal import CARD, EMAIL, IBAN, Column, digits_of, is_card, is_iban, is_real_host

SQLITE = b"SQLite format 3\0"
PARQUET = b"PAR1"
MOST_COLUMNS = 500
MOST_TABLES = 300
LONGEST_CELL = 1 << 16
IN_CODE = {
    *(".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".vue", ".svelte", ".py", ".html", ".htm", ".svg", ".map"),
    *(".ipynb", ".md", ".txt", ".yaml", ".yml", ".xml"),
}
OF_MAKERS = re.compile(
    r"(?:\A|/)(?:package(?:-lock)?\.json|composer\.json|CODEOWNERS|(?:(?:UN)?LICEN[CS]ES?|COPYING|NOTICES?|AUTHORS|CONTRIBUTORS|MAINTAINERS|"
    r"CHANGELOG|CHANGES|HISTORY|CREDITS|THIRD[-_]?PARTY[\w-]*)(?:\.\w+){0,2})\Z",
    re.I,
)
"""Files that name who made the packages."""

COPYRIGHT = re.compile(r"copyright|\(c\)|\u00a9|@author|@license|licensed|maintainer|contributor", re.I)

QUOTES = ('"', "'", "`")
GROUPED = re.compile(r"\d{4}([ -])\d{4}\1\d{4}\1\d{3,4}|\d{4}([ -])\d{6}\2\d{5}")
"""A card's number as it is printed; without groups it counts in quotes alone: code has long numbers of all kinds."""

LEAST_IN_CODE = 5
"""Different addresses in one file of code from which they are a list of people, not whom to write to."""

SECONDS = 15.0  # for one database
MEND = "Leave the rows out, or put what the app shows in place of these columns."


@dataclass(frozen=True, slots=True)
class Private:
    """Datasets that a person handed over as private: their names, and the contents of their files."""

    names: frozenset[str] = frozenset()
    contents: Mapping[tuple[int, str], str] = field(default_factory=dict[tuple[int, str], str])  # size, SHA-256: name

    def of(self, content: Content) -> str:
        """The name of the private dataset that a file is; "" for none."""
        size = len(content.data)
        if any(known == size for known, _ in self.contents):
            digest = hashlib.sha256(content.data).hexdigest()
            if name := self.contents.get((size, digest)):
                return name
        stem, _, suffix = content.name.rpartition(".")
        stem = stem.lower()
        if (
            suffix.lower() in ("parquet", "csv", "tsv", "json", "jsonl", "arrow", "feather", "sql")
            and stem in self.names
        ):
            return stem if content.data.strip() else ""
        return ""


def find_personal(content: Content, private: Private, left: Left) -> Iterator[Found]:
    """What of a file looks like people's data."""
    if name := private.of(content):
        yield _private(content, name, None)
        return
    data = content.data
    suffix = content.suffix
    if data.startswith(SQLITE):
        yield from _of_sqlite(content, private, left)
    elif data.startswith(PARQUET):
        yield from _told(content, {"": _parquet(content, left)}, left)
    elif content.path.endswith("-wal") and data[:3] == b"\x37\x7f\x06":
        left.leave(content.path, "rows that were written last lie in a database's log, which is not read")
    elif data.startswith(b"%PDF-"):
        left.leave(content.path, "what is in a PDF is not read")
    elif suffix in (".arrow", ".feather"):
        left.leave(content.path, "what is in an Arrow file is not read")
    elif data.startswith(b"PK\x03\x04") and suffix in (".xlsx", ".ods", ".docx", ".pptx"):
        left.leave(content.path, "what is in a document of an office program is not read")
    elif suffix == ".duckdb" or data[8:12] == b"DUCK":
        left.leave(content.path, "what is in a database of DuckDB is not read")
    elif content.binary:
        return
    elif suffix in (".csv", ".tsv", ".psv"):
        yield from _told(content, {"": _csv(content, left)}, left)
    elif OF_MAKERS.search(content.path):
        return
    elif suffix in (".json", ".jsonl", ".ndjson", ".geojson"):
        yield from _told(content, {"": _json(content, left)}, left)
    elif suffix == ".sql":
        yield from _told(content, _sql(content, left), left)
    elif suffix in IN_CODE and not OF_MAKERS.search(content.path):
        yield from _in_text(content)


Rows = Iterable[tuple[int, Sequence[str], Sequence[object]]]
"""Of a table: the line of each row (0 where there is none), the names of its columns, its values."""


def _bound(content: Content, left: Left, columns: int) -> None:
    if columns > MOST_COLUMNS:
        left.leave(content.path, f"of its columns only the first {MOST_COLUMNS} were read")


def _private(content: Content, name: str, rows: int | None) -> Found:
    return Found(
        "personal_data",
        "private-dataset",
        f"{content.path} holds the dataset {name}, which was handed over as private.",
        path=content.path,
        line=1,
        where="data" if content.where == "app" else content.where,
        hint="Leave its rows out, or hand over a dataset without what is private in it.",
        count=rows,
        key=f"private\0{name}",
    )


def _told(content: Content, tables: Mapping[str, Rows], left: Left) -> Iterator[Found]:
    for table, rows in tables.items():
        columns: dict[str, Column] = {}
        first: dict[str, int] = {}
        more = False
        for line, names, values in rows:
            for name, value in zip(names, values, strict=False):
                column = columns.get(name)
                if column is None:
                    if len(columns) >= MOST_COLUMNS:
                        more = True
                        continue
                    column = columns[name] = Column(name)
                    first[name] = line
                column.add(value)
        if more:
            _bound(content, left, MOST_COLUMNS + 1)
        for name, column in columns.items():
            for rule, title, count in column.found():
                of = f" of the table {table}" if table else ""
                where = f"the column {_short(name)}{of}" if name else "a list"
                line = first[name]
                if content.suffix.endswith("json") and (at := content.text.find(json.dumps(name))) >= 0:
                    line = content.line(at)
                yield _column(content, rule, title, count, where, f"{table}\0{name}", line)


def _column(content: Content, rule: str, title: str, count: int, where: str, key: str, line: int) -> Found:
    return Found(
        "personal_data",
        f"column-{rule}",
        f"{content.path}: {where} holds {count:,} {title}.",
        path=content.path,
        line=line or 1,
        where="data" if content.where == "app" else content.where,
        excerpt="",
        hint=MEND,
        severity="medium" if rule in ("birth", "address", "phone") else "high",
        count=count,
        key=f"{rule}\0{content.path}\0{key}",
    )


def _short(name: str) -> str:
    text = "".join(sign if sign.isprintable() else "?" for sign in name)
    return text if len(text) <= 60 else text[:59] + "…"


def _csv(content: Content, left: Left) -> Rows:
    text = content.data.decode("utf-8-sig", "replace")
    head = text[:64_000]
    delimiter = {".tsv": "\t", ".psv": "|"}.get(content.suffix) or max(",;\t|", key=head.partition("\n")[0].count)
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names: list[str] = []
    try:
        for number, row in enumerate(reader):
            if number == 0:
                if any(re.search(r"\d{5}|@", cell) for cell in row):  # it has no names
                    names = [f"{at + 1}" for at in range(len(row))]
                else:
                    names = row[:MOST_COLUMNS]
                    _bound(content, left, len(row))
                    continue
            if number > left.bounds.rows:
                left.leave(content.path, f"of its rows only the first {left.bounds.rows:,} were read")
                return
            yield 1, names, row
    except csv.Error as error:
        left.leave(content.path, f"it cannot be read to its end: {error}")


def _json(content: Content, left: Left) -> Rows:
    """The objects of lists, wherever they stand; of a file with an object in each line, these."""
    text = content.data.decode("utf-8-sig", "replace")
    try:
        if content.suffix in (".jsonl", ".ndjson"):
            for number, line in enumerate(text.split("\n")):
                if number > left.bounds.rows:
                    left.leave(content.path, f"of its rows only the first {left.bounds.rows:,} were read")
                    return
                if line.strip():
                    yield from _objects([json.loads(line)], number + 1)
            return
        yield from _objects(json.loads(text), 1)
    except (ValueError, RecursionError):
        left.leave(content.path, "it is no JSON")


def _objects(value: Any, line: int) -> Rows:
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        name, one = waiting.pop()
        if isinstance(one, dict):
            for key, inner in cast("dict[str, object]", one).items():
                if isinstance(inner, dict | list):
                    waiting.append((key, cast("object", inner)))
                else:
                    yield line, (key,), (inner,)
        elif isinstance(one, list):
            for inner in reversed(cast("list[object]", one)):
                if isinstance(inner, dict | list):
                    waiting.append((name, cast("object", inner)))
                else:
                    yield line, (name,), (inner,)


INSERT = re.compile(
    r"INSERT\s{1,9}(?:OR\s{1,9}\w{1,12}\s{1,9})?INTO\s{1,9}[\"`\[]?(?P<table>\w{1,64})[\"`\]]?\s{0,9}(?:\((?P<columns>[^()]{1,4000})\))?\s{0,9}VALUES",
    re.I,
)
VALUE = re.compile(r"'((?:[^']|''){0,400})'|(-?\d[\d.]{0,30})|(NULL|TRUE|FALSE)|(\))|(\()|(;)", re.I)


def _sql(content: Content, left: Left) -> Mapping[str, Rows]:
    tables: dict[str, list[tuple[int, Sequence[str], Sequence[object]]]] = {}
    text = content.text
    count = 0
    for insert in INSERT.finditer(text):
        names = [name.strip(' "`[]\r\n\t') for name in (insert["columns"] or "").split(",") if name.strip()]
        rows = tables.setdefault(insert["table"], [])
        values: list[object] = []
        at = insert.end()
        while match := VALUE.search(text, at, at + 20_000):
            at = match.end()
            quoted, number, word, closes, opens, ends = match.groups()
            if ends:
                break
            if opens:
                values = []
            elif closes:
                rows.append((content.line(match.start()), names or [str(n + 1) for n in range(len(values))], values))
                values = []
                count += 1
                if count > left.bounds.rows:
                    left.leave(content.path, f"of its rows only the first {left.bounds.rows:,} were read")
                    return tables
            elif word:
                values.append(None)
            else:
                values.append(number if number is not None else quoted.replace("''", "'"))
    return tables


def _parquet(content: Content, left: Left) -> Rows:
    try:
        import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs]
        import pyarrow.parquet as pq  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:
        left.leave(content.path, "pyarrow, which reads Parquet, is not installed")
        return
    try:
        file: Any = cast("Any", pq).ParquetFile(pa.BufferReader(content.data), memory_map=False)
        done = 0
        for batch in file.iter_batches(batch_size=2000, use_threads=False):
            columns: list[list[object]] = []
            if done == 0:
                _bound(content, left, len(batch.columns))
            for column in list(batch.columns)[:MOST_COLUMNS]:
                kind = column.type
                telling = not (pa.types.is_floating(kind) or pa.types.is_temporal(kind) or pa.types.is_boolean(kind))
                columns.append([_plain(value) for value in column.to_pylist()] if telling else [None] * len(column))
            names = [str(name) for name in batch.schema.names[:MOST_COLUMNS]]
            for values in zip(*columns, strict=True):
                yield 1, names, values
            done += batch.num_rows
            if done >= left.bounds.rows and done < file.metadata.num_rows:
                left.leave(content.path, f"of its rows only the first {done:,} were read")
                return
    except MemoryError:
        left.leave(content.path, "it takes more memory than there is for it")
    except Exception as error:  # pyarrow's own, and what hostile lengths make of others
        left.leave(content.path, f"it cannot be read as Parquet: {str(error)[:80]}")


def _plain(value: Any) -> object:
    if isinstance(value, list | dict):
        return json.dumps(value, default=str)[:200]
    return value


def _of_sqlite(content: Content, private: Private, left: Left) -> Iterator[Found]:
    """Rows of a database, read from a copy of its file that nothing else has open. Its schema is as hostile as its
    rows: nothing that it names is called, and what takes long is stopped."""
    with tempfile.TemporaryDirectory(prefix="appbuilder-gate-") as folder:
        path = Path(folder) / "copy.db"
        path.write_bytes(content.data)
        try:
            yield from _of_copy(path, content, private, left)
        except (sqlite3.Error, ValueError, OverflowError, MemoryError) as error:
            left.leave(content.path, f"it cannot be read as a database: {str(error)[:80]}")


READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}


def _as_text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _only_reads(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY


def _of_copy(path: Path, content: Content, private: Private, left: Left) -> Iterator[Found]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA cell_size_check=ON")
        connection.text_factory = _as_text
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 64 << 20)
        ends = time.monotonic() + SECONDS
        connection.set_progress_handler(lambda: 1 if time.monotonic() > ends else 0, 10_000)
        connection.set_authorizer(_only_reads)
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchmany(
            MOST_TABLES + 1
        )
        if len(found) > MOST_TABLES:
            left.leave(content.path, f"of its tables only the first {MOST_TABLES} were read")
        for name, sql in found[:MOST_TABLES]:
            if not isinstance(name, str) or name.startswith("sqlite_") or "virtual" in str(sql).lower()[:40]:
                continue
            quoted = '"' + name.replace('"', '""') + '"'
            cursor = connection.execute(f"SELECT * FROM {quoted}")
            names = [str(one[0]) for one in cursor.description][:MOST_COLUMNS]
            _bound(content, left, len(cursor.description))
            rows: list[tuple[object, ...]] = []
            columns = [Column(one) for one in names]
            count = 0
            while rows := cast("list[tuple[object, ...]]", cursor.fetchmany(500)):
                for row in rows:
                    for column, value in zip(columns, row, strict=False):
                        column.add(value)
                count += len(rows)
                if count >= left.bounds.rows:
                    left.leave(content.path, f"of the rows of {_short(name)} only the first {count:,} were read")
                    break
            if count and name.lower() in private.names:
                yield _private(content, name, count)
                continue
            if name == "_users" and count:
                yield _column(content, "accounts", "accounts of people", count, "the table _users", "_users", 1)
                continue
            for column in columns:
                for rule, title, many in column.found():
                    where = f"the column {_short(column.name)} of the table {_short(name)}"
                    yield _column(content, rule, title, many, where, f"{name}\0{column.name}", 1)
    finally:
        connection.close()


def _in_text(content: Content) -> Iterator[Found]:
    """Lists of people in code: so many different addresses that they are no imprint, numbers of cards and accounts."""
    emails: dict[str, int] = {}
    text = content.text
    if "@" in text:
        for match in EMAIL.finditer(text):
            before = text[max(0, match.start() - 120) : match.start()]
            if is_real_host(match["host"]) and not COPYRIGHT.search(before):
                emails.setdefault(match[0].lower(), match.start())
    if len(emails) >= LEAST_IN_CODE:
        yield _list(content, "email", "e-mail addresses", len(emails), min(emails.values()))
    cards = {
        digits_of(match[0]): match.start()
        for match in CARD.finditer(text)
        if (_is_quoted(text, match.start(), match.end()) or GROUPED.fullmatch(match[0])) and is_card(match[0])
    }
    if len(cards) >= 2:
        yield _list(content, "card", "payment card numbers", len(cards), min(cards.values()))
    ibans = {
        match[0].replace(" ", ""): match.start()
        for match in IBAN.finditer(text)
        if _stands_alone(text, match.start(), match.end()) and is_iban(match[0])
    }
    if len(ibans) >= 2:
        yield _list(content, "iban", "bank account numbers (IBAN)", len(ibans), min(ibans.values()))


def _is_quoted(text: str, start: int, end: int) -> bool:
    return text[start - 1 : start] in QUOTES and text[end : end + 1] == text[start - 1 : start]


def _stands_alone(text: str, start: int, end: int) -> bool:
    return text[start - 1 : start] in ('"', "'", "`", ">", " ", ",") and text[end : end + 1] in (
        '"',
        "'",
        "`",
        "<",
        " ",
        ",",
        "",
    )


def _list(content: Content, rule: str, title: str, count: int, at: int) -> Found:
    where: Where = content.where
    return Found(
        "personal_data",
        f"text-{rule}",
        f"{content.path} holds {count:,} {title}.",
        path=content.path,
        line=content.line(at),
        where=where,
        hint=MEND,
        severity="medium" if rule == "email" else "high",
        count=count,
        key=f"{rule}\0{content.path if where != 'bundle' else count}",
    )
