"""Rows -> one Parquet file, in one pass: what is said of the columns is gathered on the way."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from ..errors import InvalidInput, of_the_disk
from ..events import timestamp
from .arrow import arrow, optional
from .base import AS_OF, MOST_VALUES, TYPES, Column, ColumnType
from .sources import BATCH, Rows
from .values import shown

OnProgress = Callable[[int], None]
"""Told how many rows are written. What it raises ends the work; nothing is left of it then."""

PANDAS = b"pandas"  # the key of what pandas says of its own types

SAFE = 2**53 - 1  # the largest integer that a double holds exactly, with all below it
EXAMPLES = 3
TOP = 5
LONGEST_DETAIL = 300  # characters


@dataclass(slots=True)
class Profile:
    """What the values of one column are like. ``examples`` and ``top`` are of its first ``sampled`` rows."""

    missing: int = 0
    low: Any = None  # Arrow scalars
    high: Any = None
    examples: list[Any] = field(default_factory=list[Any])
    top: list[tuple[Any, int]] = field(default_factory=list[tuple[Any, int]])
    distinct: int = 0
    sampled: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """A file of rows. ``profiles`` by column; ``notes`` as ``Rows`` has them."""

    columns: Sequence[Column]
    rows: int
    size: int  # bytes
    hash: str  # SHA-256
    as_of: str  # ISO 8601, UTC
    profiles: Mapping[str, Profile]
    notes: Sequence[str]


def write(rows: Rows, path: Path, *, on_progress: OnProgress | None = None) -> Written:
    """Write ``rows`` to the new file ``path``, readable by its owner alone. Where that fails, or is interrupted, no
    file is left.

    Raises ``InvalidInput`` for what no Parquet file can hold, ``Unavailable`` for a disk that is full.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            written = _write(rows, file, on_progress)
            file.flush()
            os.fsync(descriptor)
            return written
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, arrow().ArrowException):
            raise of_the_disk(error, path.parent) from None
        raise


def looked_at(rows: Rows) -> Written:
    """What would be written, without a file."""
    with open(os.devnull, "wb") as nowhere:
        return _write(rows, nowhere, None)


def _write(rows: Rows, file: BinaryIO, on_progress: OnProgress | None) -> Written:
    pa, pq = arrow(), arrow("parquet")
    as_of = timestamp()
    schema = _stored(rows.schema)
    metadata: dict[Any, Any] = {**(schema.metadata or {}), AS_OF.encode(): as_of.encode()}
    if any(map(pa.types.is_duration, schema.types)):  # whole numbers to any other reader
        told = [str(kind) if pa.types.is_duration(kind) else "" for kind in schema.types]
        metadata[TYPES.encode()] = json.dumps(told).encode()
    profiles = {name: Profile() for name in schema.names}
    sink = _Hashing(file)
    done = 0
    try:
        with pq.ParquetWriter(
            pa.PythonFile(sink, mode="w"), schema.with_metadata(metadata), compression="snappy"
        ) as to:
            for table in _grouped(rows, schema):
                for name, profile in profiles.items():
                    _look(table.column(name), profile, first=done == 0)
                to.write_table(table.replace_schema_metadata(metadata), row_group_size=BATCH)
                done += table.num_rows
                if on_progress:
                    on_progress(done)
    except pa.ArrowException as error:
        if isinstance(error, OSError):
            raise OSError(error.errno, os.strerror(error.errno or 0)) from None
        raise InvalidInput(
            f"The rows after row {done:,} cannot be written as Parquet ({type(error).__name__}).",
            hint="Hand over fewer columns to find the one that it is, and convert that.",
            field="source",
        ) from None
    columns = [_column(one, profiles[one.name], done) for one in schema]
    return Written(columns, done, sink.size, sink.hash.hexdigest(), as_of, profiles, rows.notes)


class _Hashing(io.RawIOBase):
    """A file that is written from its beginning to its end, and hashed meanwhile."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self.hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.hash.update(data)
        self._file.write(data)
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        return self.size


def _grouped(rows: Rows, schema: Any) -> Iterator[Any]:
    """The rows as tables of ``BATCH`` rows; the last has what is left."""
    pa = arrow()
    waiting: list[Any] = []
    count = 0
    for batch in rows.batches:
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, BATCH - count)
            start += part.num_rows
            count += part.num_rows
            waiting.append(part)
            if count == BATCH:
                yield _cast(pa.Table.from_batches(waiting), schema)
                waiting, count = [], 0
    if waiting:
        yield _cast(pa.Table.from_batches(waiting), schema)


def _cast(table: Any, schema: Any) -> Any:
    return table if table.schema.equals(schema) else table.cast(schema)


# Types


def _stored(schema: Any) -> Any:
    """The schema of the file. Raises ``InvalidInput`` that names the column which Parquet cannot hold."""
    pa = arrow()
    fields = [pa.field(one.name, _plain(one.type), one.nullable) for one in schema]
    known: dict[bytes, bytes] = schema.metadata or {}
    stored = pa.schema(fields, metadata={PANDAS: known[PANDAS]} if PANDAS in known else None)
    if not _can_hold(stored):
        for one in fields:
            if not _can_hold(pa.schema([one])):
                raise InvalidInput(
                    f"The column {shown(one.name)} has the type {str(one.type)[:100]}, which Parquet cannot hold.",
                    hint="Convert it to text, numbers or dates first, or leave it out.",
                    field="source",
                )
    return stored


def _can_hold(schema: Any) -> bool:
    pa, pq = arrow(), arrow("parquet")
    try:
        pq.write_table(schema.empty_table(), io.BytesIO())
    except pa.ArrowException:
        return False
    return True


def _plain(kind: Any) -> Any:
    """A type that every reader of Parquet knows for one that Arrow has in several forms."""
    pa = arrow()
    types = pa.types
    if types.is_string_view(kind):
        return pa.large_string()
    if types.is_binary_view(kind):
        return pa.large_binary()
    if types.is_dictionary(kind):
        values = _plain(kind.value_type)
        index = pa.int32() if kind.index_type in (pa.uint32(), pa.uint64(), pa.int64()) else kind.index_type
        return pa.dictionary(index, values, kind.ordered)
    if types.is_run_end_encoded(kind):
        return _plain(kind.value_type)
    if types.is_float16(kind):
        return pa.float32()
    if types.is_list(kind) or types.is_large_list(kind) or types.is_list_view(kind) or types.is_large_list_view(kind):
        return pa.list_(_plain(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([pa.field(one.name, _plain(one.type), one.nullable) for one in kind])
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(kind.storage_type)
    return kind


def _column(one: Any, profile: Profile, rows: int) -> Column:
    kind, detail = _type_of(one.type, profile)
    values: tuple[str, ...] = ()
    if kind == "category":
        found = [value for value, _ in profile.top]
        values = tuple(found) if 0 < len(found) <= MOST_VALUES else ()
    return Column(one.name, kind, profile.missing > 0 or (one.nullable and not rows), detail[:LONGEST_DETAIL], values)


def _type_of(kind: Any, profile: Profile | None = None) -> tuple[ColumnType, str]:
    """A column's type, and what its Arrow type says beyond that."""
    types = arrow().types
    if types.is_integer(kind):
        return ("integer" if kind.bit_width <= 32 or _is_safe(profile) else "bigint"), str(kind)
    if types.is_dictionary(kind):
        named, detail = _type_of(kind.value_type, profile)
        return ("category", "") if named == "text" else (named, detail)
    if types.is_decimal(kind):
        return "decimal", f"{kind.precision}, {kind.scale}"
    if types.is_timestamp(kind):
        return ("timestamp_tz", kind.tz) if kind.tz else ("timestamp", "")
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return "list", str(kind.value_type)
    plain: list[tuple[Callable[[Any], bool], ColumnType]] = [
        (types.is_boolean, "boolean"),
        (types.is_floating, "number"),
        (types.is_string, "text"),
        (types.is_large_string, "text"),
        (types.is_date, "date"),
        (types.is_time, "time"),
        (types.is_duration, "duration"),
        (types.is_binary, "bytes"),
        (types.is_large_binary, "bytes"),
        (types.is_fixed_size_binary, "bytes"),
    ]
    for holds, named in plain:
        if holds(kind):
            return named, ""
    return ("struct" if types.is_struct(kind) else "unknown"), str(kind)


def _is_safe(profile: Profile | None) -> bool:
    if profile is None or profile.low is None:
        return profile is not None
    return bool(profile.low.as_py() >= -SAFE and profile.high.as_py() <= SAFE)


# Values


def _look(column: Any, profile: Profile, *, first: bool) -> None:
    """Add what some rows of a column hold to its profile."""
    pa, pc = arrow(), arrow("compute")
    types = pa.types
    profile.missing += column.null_count
    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_temporal(kind):
        with suppress(pa.ArrowException):
            found = pc.min_max(column.cast(kind) if types.is_dictionary(column.type) else column)
            for name, value in (("low", found["min"]), ("high", found["max"])):
                if value.is_valid:
                    before = getattr(profile, name)
                    if before is not None:
                        value = pc.min_max(pa.array([before.as_py(), value.as_py()], value.type))[
                            "min" if name == "low" else "max"
                        ]
                    setattr(profile, name, value)
    in_words = types.is_boolean(kind) or types.is_string(kind) or types.is_large_string(kind)
    if types.is_dictionary(column.type) or (first and in_words):
        _count(column, profile)
    if first:
        profile.sampled = len(column)
        some = pc.drop_null(column.slice(0, 1000))
        for value in some:
            if len(profile.examples) == EXAMPLES:
                break
            if not any(value.equals(other) for other in profile.examples):
                profile.examples.append(value)


def _count(column: Any, profile: Profile) -> None:
    pa, pc = arrow(), arrow("compute")
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    counted = pc.value_counts(pc.drop_null(column)).flatten()
    found = dict(profile.top)
    names = counted[0].cast(kind) if pa.types.is_dictionary(counted[0].type) else counted[0]
    profile.distinct = max(profile.distinct, len(names))
    order = pc.array_sort_indices(counted[1], order="descending")[: MOST_VALUES + 1]
    for name, count in zip(names.take(order).to_pylist(), counted[1].take(order).to_pylist(), strict=True):
        found[name] = found.get(name, 0) + count
    profile.top = sorted(found.items(), key=lambda item: -item[1])[: MOST_VALUES + 1]


# Reading back

Kind = Literal["pandas", "polars", "arrow"]


def read(path: Path, kind: Kind = "pandas") -> Any:
    """The rows of a file as a frame of a library, types as they were. Raises ``Unavailable`` where that is not
    installed, ``InvalidInput`` for another ``kind``."""
    check_kind(kind)
    if kind == "polars":
        return optional("polars", "A polars frame", "polars").read_parquet(path)
    return as_frame(arrow("parquet").read_table(path), kind)


def check_kind(kind: str) -> None:
    """Raises ``InvalidInput`` for what is no kind of frame."""
    if kind not in ("pandas", "polars", "arrow"):
        raise InvalidInput(f"There is no frame {kind!r}.", hint="Choose pandas, polars or arrow.", field="kind")


def as_frame(table: Any, kind: Kind = "pandas") -> Any:
    """An Arrow table as a frame of a library. Raises as ``read`` does."""
    check_kind(kind)
    if kind == "arrow":
        return table
    if kind == "polars":
        return optional("polars", "A polars frame", "polars").from_arrow(table)
    pandas = optional("pandas", "A pandas frame", "pandas")
    if PANDAS in (table.schema.metadata or {}):
        return table.to_pandas()
    # Without a word of pandas in the file, an integer column that lacks some would become floating point.
    return table.to_pandas(types_mapper=_nullable(pandas).get if _has_gaps(table) else None)


def _has_gaps(table: Any) -> bool:
    types = arrow().types
    return any(one.null_count and (types.is_integer(one.type) or types.is_boolean(one.type)) for one in table.columns)


def _nullable(pandas: Any) -> dict[Any, Any]:
    pa = arrow()
    names = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
    mapped = {getattr(pa, name.lower())(): getattr(pandas, f"{name}Dtype")() for name in names}
    return mapped | {pa.bool_(): pandas.BooleanDtype()}
