"""Rows of a dataset on their way into a table of the app's database, and back with their types.

SQLite knows integers, numbers, texts and bytes. What a frame knows beyond these is text of a form that sorts and
compares (times in UTC with a Z, dates, exact decimals, JSON for what is nested), and becomes the frame's own again on
the way back. The file of rows is read by ``handover.mjs`` alone: batches, and in each the columns one after the other.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from ..datasets.arrow import arrow
from ..datasets.base import Dataset
from ..datasets.parquet import PANDAS
from ..errors import InvalidInput

if TYPE_CHECKING:
    from ..templates.templates import Engine

BATCH = 20_000
"""Rows of one batch: some megabytes."""

MOST_COLUMNS: Mapping[Engine, int] = {"sqlite": 2000, "postgresql": 1600}
LONGEST_NAME = 63
"""Bytes of a column's name that PostgreSQL tells apart."""

POSTGRESQL = {"BOOLEAN": "boolean", "INTEGER": "bigint", "REAL": "double precision", "TEXT": "text", "BLOB": "bytea"}
"""Its types for those of SQLite."""

MOST_INDEXES = 3
EXACT = 2**53
"""Up to which a double holds every integer."""

LARGE = 200_000
"""Rows. Larger tables have an index less: each takes a fifth as long as the rows themselves."""

FEW = 100
"""A text of so many different values at most is what people filter by."""

Kind = Literal["double", "integer", "text", "bytes"]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table: its name there, its declared type, how its values travel, and how they come to be."""

    name: str
    type: str
    kind: Kind
    stored: Callable[[Any], Any]  # an Arrow array -> one of doubles, 64-bit integers, texts or bytes


@dataclass(frozen=True, slots=True)
class Table:
    """What a dataset is as a table. ``indexes`` are the columns that get one."""

    columns: Sequence[TableColumn]
    indexes: Sequence[str]
    notes: Sequence[str]  # what people should know

    def statement(self, name: str) -> str:
        """The table in SQL. Its name is one that datasets have."""
        lines = ",\n".join(f"  {quoted(column.name)} {column.type}" for column in self.columns)
        made = [f'CREATE TABLE "{name}" (\n{lines}\n);']
        made += [
            f'CREATE INDEX {quoted(f"{name}_by_{column}")} ON "{name}" ({quoted(column)});' for column in self.indexes
        ]
        return "\n".join(made) + "\n"


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def table_of(file: Path, dataset: Dataset, indexes: Sequence[str] | None = None, engine: Engine = "sqlite") -> Table:
    """How the rows of a Parquet file are stored as a table. ``indexes``: the columns that get one, where they are known
    already. Raises ``InvalidInput`` for more columns than a table has."""
    source = arrow("parquet").ParquetFile(file)
    schema = source.schema_arrow
    most = MOST_COLUMNS[engine]
    if len(schema) > most:
        raise InvalidInput(
            f"The data has {len(schema):,} columns, and a table of the app's database {most:,} at most.",
            hint="Hand over fewer columns, or the rows in another shape: one column for the name, one for the value.",
            field="source",
        )
    names = table_names(schema.names, engine)
    columns = [_column(file, name, one) for name, one in zip(names, schema, strict=True)]
    if engine == "postgresql":
        columns = [replace(column, type=POSTGRESQL[column.type]) for column in columns]
    renamed = [f"{old!r} is {new!r}" for old, new in zip(schema.names, names, strict=True) if old != new]
    notes: list[str] = []
    if renamed:
        more = f", and {len(renamed) - 5} more" if len(renamed) > 5 else ""
        notes.append(f"In the table, names differ by more than case: {', '.join(renamed[:5])}{more}.")
    indexes = _indexes(file, dataset, names) if indexes is None else indexes
    if indexes:
        notes.append(f"Indexed: {', '.join(indexes)}.")
    return Table(columns, indexes, notes)


def table_names(names: Sequence[str], engine: Engine = "sqlite") -> list[str]:
    """The columns' names as SQLite can tell them apart: it takes ``A`` and ``a`` for one, and ends a name at a NUL.
    PostgreSQL has no empty name, and shortens long ones."""
    found: list[str] = []
    seen: set[str] = set()
    for name in names:
        plain = name.replace("\0", "\ufffd")
        if engine == "postgresql":
            plain = plain.encode()[: LONGEST_NAME - 5].decode(errors="ignore") or "column"
        number, free = 2, plain
        while _folded(free) in seen:
            number, free = number + 1, f"{plain}_{number}"
        seen.add(_folded(free))
        found.append(free)
    return found


def _folded(name: str) -> str:
    return "".join(one.lower() if one.isascii() else one for one in name)


# Into the table


def write_rows(file: Path, table: Table, to: BinaryIO, alive: Callable[[], bool] = lambda: True) -> None:
    """Write the rows of a Parquet file as ``handover.mjs`` reads them. Ends early, with what cannot be read, once it is
    not ``alive`` any more."""
    source = arrow("parquet").ParquetFile(file)
    for batch in source.iter_batches(batch_size=BATCH):
        if not alive():
            return
        parts = [part for one, array in zip(table.columns, batch.columns, strict=True) for part in _parts(one, array)]
        size = sum(map(len, parts))
        to.write(struct.pack("<II", size, batch.num_rows))
        to.writelines(parts)


def _parts(column: TableColumn, array: Any) -> Iterator[bytes | memoryview]:
    pa, pc = arrow(), arrow("compute")
    values = column.stored(array)
    gaps = values.null_count
    plain = False  # texts that are ASCII, integers that a double holds: both are read faster
    if column.kind == "text":
        plain = bool(pc.all(pc.string_is_ascii(values), min_count=0).as_py())
    elif column.kind == "integer":
        ends = pc.min_max(values).as_py()
        if plain := ends["min"] is None or (ends["min"] >= -EXACT and ends["max"] <= EXACT):
            values = values.cast(pa.float64())
    yield struct.pack("<II", 1 if gaps else 0, 1 if plain else 0)
    if gaps:
        yield from _padded(pc.is_valid(values).cast(pa.uint8()).buffers()[1], len(values))
    if column.kind in ("double", "integer"):
        yield from _padded(values.buffers()[1], 8 * len(values), 8 * values.offset)
        return
    offsets, data = values.buffers()[1:3]
    first, last = struct.unpack_from("<i", offsets, 4 * values.offset)[0], 0
    last = struct.unpack_from("<i", offsets, 4 * (values.offset + len(values)))[0]
    shifted = pa.Array.from_buffers(pa.int32(), len(values) + 1, [None, offsets], offset=values.offset)
    if first:
        shifted = pc.subtract(shifted, pa.scalar(first, pa.int32()))
    yield from _padded(shifted.buffers()[1], 4 * (len(values) + 1), 4 * shifted.offset)
    if last > first:
        yield from _padded(data, last - first, first)


def _padded(buffer: Any, size: int, start: int = 0) -> Iterator[bytes | memoryview]:
    yield memoryview(buffer)[start : start + size]
    if rest := -size % 8:
        yield bytes(rest)


def _column(file: Path, name: str, field: Any) -> TableColumn:
    pa = arrow()
    types, kind = pa.types, field.type
    if types.is_dictionary(kind):
        inner = _column(file, name, pa.field(field.name, kind.value_type))
        return TableColumn(name, inner.type, inner.kind, lambda array: inner.stored(array.dictionary_decode()))
    if types.is_boolean(kind):
        return TableColumn(name, "BOOLEAN", "double", lambda array: array.cast(pa.uint8()).cast(pa.float64()))
    if types.is_integer(kind):
        if kind.bit_width <= 32:
            return TableColumn(name, "INTEGER", "double", lambda array: array.cast(pa.float64()))
        if types.is_uint64(kind) and not _casts(file, field.name, pa.int64()):
            return TableColumn(name, "TEXT", "text", lambda array: array.cast(pa.string()))
        return TableColumn(name, "INTEGER", "integer", lambda array: array.cast(pa.int64()))
    if types.is_floating(kind):
        return TableColumn(name, "REAL", "double", lambda array: array.cast(pa.float64()))
    if types.is_timestamp(kind):
        return TableColumn(name, "TEXT", "text", _times(file, field))
    if types.is_duration(kind):
        return TableColumn(name, "INTEGER", "integer", lambda array: array.cast(pa.int64()))
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return TableColumn(name, "BLOB", "bytes", lambda array: array.cast(pa.binary()))
    if types.is_nested(kind):
        return TableColumn(name, "TEXT", "text", _json)
    return TableColumn(name, "TEXT", "text", lambda array: array.cast(pa.string()))


UNITS = ("s", "ms", "us", "ns")


def _times(file: Path, field: Any) -> Callable[[Any], Any]:
    """Times as text: in the coarsest unit that holds all of them, so that they sort as they are."""
    pa, pc = arrow(), arrow("compute")
    zone = field.type.tz
    finest = UNITS.index(field.type.unit)
    unit = next(one for one in UNITS[: finest + 1] if _casts(file, field.name, pa.timestamp(one, zone)))

    def stored(array: Any) -> Any:
        plain = array.cast(pa.timestamp(unit, zone)).cast(pa.int64()).cast(pa.timestamp(unit))
        text = pc.replace_substring(plain.cast(pa.string()), " ", "T", max_replacements=1)
        return pc.binary_join_element_wise(text, "Z", "") if zone else text

    return stored


def _casts(file: Path, name: str, kind: Any) -> bool:
    """Whether every value of a column fits another type."""
    pa, source = arrow(), arrow("parquet").ParquetFile(file)
    at = source.schema_arrow.names.index(name)
    try:
        for group in range(source.num_row_groups):
            source.read_row_group(group, columns=[source.schema_arrow.names[at]]).column(0).cast(kind)
    except pa.ArrowException:
        return False
    return True


def _json(array: Any) -> Any:
    told = (
        None if value is None else json.dumps(value, ensure_ascii=False, default=_plain) for value in array.to_pylist()
    )
    return arrow().array(told, arrow().string())


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _indexes(file: Path, dataset: Dataset, names: Sequence[str]) -> list[str]:
    """What people look things up by: keys, then times, then texts of few values."""
    keys: list[str] = []
    times: list[str] = []
    few: list[str] = []
    for name, column in zip(names, dataset.columns, strict=True):
        plain = name.lower()
        if column.type in ("integer", "bigint", "text") and (plain in ("id", "key") or plain.endswith(("_id", " id"))):
            keys.append(name)
        elif column.type in ("date", "timestamp", "timestamp_tz"):
            times.append(name)
        elif column.type == "category" or (column.type == "text" and _is_few(file, column.name, dataset.rows)):
            few.append(name)
    most = MOST_INDEXES if dataset.rows <= LARGE else MOST_INDEXES - 1
    return [*keys, *times, *few][:most]


def _is_few(file: Path, name: str, rows: int) -> bool:
    if rows < 1000:
        return False
    source = arrow("parquet").ParquetFile(file)
    some = next(source.iter_batches(batch_size=10_000, columns=[name])).column(0)
    return arrow("compute").count_distinct(some).as_py() <= FEW


# And back


def as_handed_over(found: Any, file: Path, engine: Engine = "sqlite") -> Any:
    """The rows of a table (an Arrow table as ``frames`` reads it) with the types of the Parquet file that it came from.

    A column whose values are no longer of its type keeps those of SQLite. A table whose columns are others is left.
    """
    schema = arrow("parquet").read_schema(file)
    if found.schema.names != table_names(schema.names, engine):
        return found
    columns = [_back(column, one, file) for column, one in zip(found.columns, schema, strict=True)]
    known: Mapping[bytes, bytes] = schema.metadata or {}
    table = arrow().table(columns, names=schema.names)
    return table.replace_schema_metadata({PANDAS: known[PANDAS]} if PANDAS in known else None)


def _back(column: Any, field: Any, file: Path) -> Any:
    pa = arrow()
    with suppress(pa.ArrowException, ValueError, TypeError, OverflowError):
        if pa.types.is_dictionary(field.type):
            return _categories(_of_type(column, field.type.value_type), field, file)
        return _of_type(column, field.type)
    return column


def _categories(column: Any, field: Any, file: Path) -> Any:
    """Values as a category, with its values in the order that they had, those that the app added behind them."""
    pa, pc = arrow(), arrow("compute")
    whole = column.combine_chunks()
    before = arrow("parquet").read_table(file, columns=[field.name]).column(0).unify_dictionaries()
    values = before.chunk(0).dictionary if before.num_chunks else pa.array([], field.type.value_type)
    more = [value for value in pc.unique(whole) if value.is_valid and not pc.index(values, value).as_py() >= 0]
    if more:
        values = pa.concat_arrays([values, pa.array([value.as_py() for value in more], values.type)])
    indices = pc.index_in(whole, value_set=values).cast(field.type.index_type)
    return pa.DictionaryArray.from_arrays(indices, values, ordered=field.type.ordered)


def _of_type(column: Any, kind: Any) -> Any:
    pa, pc = arrow(), arrow("compute")
    types = pa.types
    if column.type == kind:
        return column
    if column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(column), kind)])
    if types.is_timestamp(kind):
        if not types.is_string(column.type):
            raise TypeError
        text = pc.replace_substring_regex(column, r"Z$", "") if kind.tz else column
        return text.cast(pa.timestamp(kind.unit)).cast(pa.int64()).cast(kind)
    if types.is_duration(kind):
        return column.cast(pa.int64()).cast(kind)
    if types.is_nested(kind):
        told = [None if text is None else json.loads(text) for text in column.to_pylist()]
        return pa.chunked_array([pa.array(told, kind)])
    if types.is_time(kind):
        on_a_day = pc.binary_join_element_wise("1970-01-01", column, "T")
        return on_a_day.cast(pa.timestamp("ns")).cast(pa.time64("ns")).cast(kind)
    if types.is_boolean(kind) and types.is_integer(column.type):
        raise TypeError
    return column.cast(kind)
