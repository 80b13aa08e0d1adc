"""What can be handed to an app: frames of any library that speaks Arrow, pandas, rows as dicts, files.

``opened`` gives rows in batches, none of them the whole. Everything else works on those.
"""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from ..errors import AppBuilderError, InvalidInput, NotFound
from .arrow import arrow, optional
from .unpacking import batches_within
from .values import array_of, check_names, rows_as_columns, shown, type_of

T = TypeVar("T")

BATCH = 100_000
"""Rows of one batch, and of one row group in the file."""

LARGEST_UNPACKED = 1024**3  # bytes of an Excel file's parts
OnLook = Callable[[], None]
FUNCTIONS = 3  # that return one another

TAKEN = (
    "Taken are: a pandas or polars frame, an Arrow table or record batch reader, a DuckDB relation, an Ibis "
    "expression, a list of dicts, the path of a CSV, Parquet or Excel file, or a function without arguments that "
    "returns one of these."
)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows on their way. ``batches`` are Arrow record batches of at most ``BATCH`` rows, all of ``schema``."""

    schema: Any
    batches: Iterator[Any]
    rows: int | None = None
    """How many there are, where that is known before."""
    notes: tuple[str, ...] = ()
    """What people should know of the conversion."""


def opened(source: Any, *, on_look: OnLook | None = None) -> Rows:
    """The rows of ``source``. A function is called. ``on_look`` is called again and again while a file is looked
    through before its first row is given; what it raises ends that.

    Raises ``InvalidInput`` for what is none of the things taken, for columns that no dataset can have, and for values
    of different types; what a function raises goes through.
    """
    for _ in range(FUNCTIONS):
        if not callable(source) or isinstance(source, type) or is_frame(source):
            break
        source = source()
    return _checked(_rows_of(source, on_look))


def is_frame(value: Any) -> bool:
    """True for what a variable of a notebook holds when it holds data: a frame, a table, a relation."""
    return not isinstance(value, type) and (
        hasattr(value, "__arrow_c_stream__") or _frame_of("pandas", value) or _is_lazy(value)
    )


def _rows_of(source: Any, on_look: OnLook | None = None) -> Rows:
    if isinstance(source, type):
        raise InvalidInput(f"{source.__qualname__} is a class, and holds no rows.", hint=TAKEN, field="source")
    if isinstance(source, str | os.PathLike):
        return _file_rows(Path(cast("str", source)).expanduser(), on_look or _nothing)
    if _frame_of("pandas", source):
        return _pandas_rows(source)
    if _is_lazy(source):
        source = source.collect()
    if hasattr(source, "to_frame") and not hasattr(source, "columns"):  # a series
        return _rows_of(source.to_frame())
    if hasattr(source, "__arrow_c_stream__"):
        return _stream_rows(source)
    if isinstance(source, Sequence) and not isinstance(source, bytes | bytearray):
        return _column_rows(rows_as_columns(cast("Sequence[Any]", source)), len(source))  # pyright: ignore[reportUnknownArgumentType]
    raise InvalidInput(f"{type(source).__qualname__} is nothing that holds rows.", hint=TAKEN, field="source")


def _frame_of(library: str, value: Any) -> bool:
    """True if ``value`` is a frame of a library that this process has imported: nobody has one of another."""
    module = sys.modules.get(library)
    return module is not None and isinstance(value, getattr(module, "DataFrame", ()))


def _is_lazy(value: Any) -> bool:
    module = sys.modules.get("polars")
    return module is not None and isinstance(value, getattr(module, "LazyFrame", ()))


# Arrow


def _stream_rows(source: Any) -> Rows:
    pa = arrow()
    try:
        reader = pa.RecordBatchReader.from_stream(source)
    except pa.ArrowException as error:
        raise InvalidInput(
            f"{type(source).__qualname__} gives no table: {_first_line(error)}.", hint=TAKEN, field="source"
        ) from None
    total = (
        len(source) if type(source).__module__.partition(".")[0] in ("pyarrow", "polars") and _sized(source) else None
    )
    return Rows(reader.schema, iter(reader), total)


def _sized(source: Any) -> bool:
    return hasattr(source, "__len__")


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200].rstrip(".")


# Python values


def _column_rows(columns: Mapping[str, Sequence[Any]], total: int) -> Rows:
    pa = arrow()
    check_names(list(columns))
    types = {name: type_of(name, values) for name, values in columns.items()}
    schema = pa.schema(list(types.items()))

    def batches() -> Iterator[Any]:
        for start in range(0, total, BATCH):
            arrays = [array_of(name, columns[name][start : start + BATCH], kind, start) for name, kind in types.items()]
            yield pa.record_batch(arrays, schema=schema)

    return Rows(schema, batches(), total)


def _pandas_rows(frame: Any) -> Rows:
    """A pandas frame, some rows at a time: the whole of it in Arrow would take its size in memory once more."""
    pa = arrow()
    frame, notes = _without_index(frame.copy(deep=False))
    names = [str(name) for name in frame.columns]
    check_names(names)
    frame.columns = names
    objects = {name: type_of(name, frame[name].array) for name, kind in frame.dtypes.items() if kind == object}  # noqa: E721
    try:
        # Its metadata says which types of its own pandas has to make of it again.
        schema = pa.Schema.from_pandas(frame.iloc[:0], preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidInput(
            f"The frame's columns cannot be told in Arrow: {_first_line(error)}.",
            hint="Convert the column that it names to text, numbers or dates first.",
            field="source",
        ) from None
    fields = [pa.field(name, objects.get(name, schema.field(name).type)) for name in names]
    for one in fields:
        if isinstance(one.type, pa.BaseExtensionType):
            raise InvalidInput(
                f"The column {shown(one.name)} ({frame[one.name].dtype}) is of a type that only pandas has.",
                hint="Convert it to text, numbers or dates first, e.g. df[column] = df[column].astype(str).",
                field="source",
            )
    schema = pa.schema(fields, metadata=schema.metadata)

    def batches() -> Iterator[Any]:
        for start in range(0, len(frame), BATCH):
            part = frame.iloc[start : start + BATCH]
            arrays = [_pandas_array(part[field.name], field, start) for field in fields]
            yield pa.record_batch(arrays, schema=schema)

    return Rows(schema, batches(), len(frame), notes)


def _pandas_array(series: Any, field: Any, first: int) -> Any:
    pa = arrow()
    if series.dtype == object:
        return array_of(field.name, series.array, field.type, first)
    try:
        made = pa.Array.from_pandas(series, type=field.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise InvalidInput(
            f"The column {shown(field.name)} ({series.dtype}) cannot be converted to {field.type}.",
            hint="Convert it to text, numbers or dates first.",
            field="source",
        ) from None
    return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made


def _without_index(frame: Any) -> tuple[Any, tuple[str, ...]]:
    """The frame with the index as columns, as far as it has names; what is said of the rest."""
    if frame.columns.nlevels > 1:
        raise InvalidInput(
            "The frame's columns have several levels.",
            hint='Give each one name first: df.columns = ["_".join(map(str, c)) for c in df.columns].',
            field="source",
        )
    named = [name for name in frame.index.names if name is not None]
    unnamed = len(frame.index.names) - len(named)
    plain = type(frame.index).__name__ == "RangeIndex"
    notes: tuple[str, ...] = ()
    if unnamed and not plain:
        notes = ("The frame's index has no name and was left out. To keep it: df.index.name = 'key'.",)
    if not named:
        return frame.reset_index(drop=True), notes
    for name in named:
        if name in frame.columns:
            raise InvalidInput(
                f"The index and a column are both called {shown(name)}.",
                hint="Rename one, or drop the index: df.reset_index(drop=True).",
                reason="duplicate_column",
                field="source",
            )
    dropped = [level for level, name in enumerate(frame.index.names) if name is None]
    frame = frame.reset_index(level=dropped, drop=True) if dropped else frame
    return frame.reset_index(), notes


# Files


def _nothing() -> None:
    pass


def _file_rows(path: Path, on_look: OnLook) -> Rows:
    if not path.is_file():
        raise NotFound(f"There is no file {path}.", hint=TAKEN, reason="no_such_file", field="source")
    readers: dict[str, Callable[[Path, OnLook], Rows]] = {
        ".csv": _csv_rows,
        ".tsv": _csv_rows,
        ".parquet": _parquet_rows,
        ".xlsx": _excel_rows,
        ".xlsm": _excel_rows,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InvalidInput(
            f"{path.name} is no file whose rows can be read: {', '.join(readers)} can.",
            hint="Read it with a library, and hand the frame over.",
            field="source",
        )
    return reader(path, on_look)


def _csv_rows(path: Path, on_look: OnLook) -> Rows:
    from .csv_files import csv_rows

    schema, batches = csv_rows(path, on_look)
    return Rows(schema, batches)


def _parquet_rows(path: Path, on_look: OnLook) -> Rows:
    pa, pq = arrow(), arrow("parquet")
    try:
        file = pq.ParquetFile(path)
        schema = file.schema_arrow
        check_names(schema.names)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{path.name} cannot be read as Parquet: {_first_line(error)}.", hint="Check the file.", field="source"
        ) from None
    return Rows(schema, batches_within(path, file, BATCH), file.metadata.num_rows)


def _excel_rows(path: Path, on_look: OnLook) -> Rows:
    """The first sheet: names in its first row."""
    openpyxl = optional("openpyxl", f"Reading {path.name}", "openpyxl")
    try:
        _check_unpacked(path)
        return _sheet_rows(openpyxl, path, on_look)
    except (AppBuilderError, InterruptedError):
        raise
    except Exception as error:  # whatever a damaged archive makes of it
        raise InvalidInput(
            f"{path.name} cannot be read as an Excel file: {type(error).__name__}.", hint="Check it.", field="source"
        ) from None


def _check_unpacked(path: Path) -> None:
    """Raise ``InvalidInput`` for an archive that is many times its size. No more is unpacked than it says."""
    with zipfile.ZipFile(path) as archive:
        size = sum(one.file_size for one in archive.infolist())
    if size > LARGEST_UNPACKED:
        mb = 1024**2
        raise InvalidInput(
            f"{path.name} has {size / mb:,.0f} MB when it is unpacked; {LARGEST_UNPACKED // mb:,} MB is the most.",
            hint="Save it as CSV or Parquet.",
            field="source",
        )


def _sheet_rows(openpyxl: Any, path: Path, on_look: OnLook) -> Rows:
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        sheet = book.worksheets[0]
        rows = sheet.iter_rows(values_only=True)
        head = list(next(rows, ()))
        while head and head[-1] is None:
            head.pop()
        for number, name in enumerate(head, 1):
            if name is None:
                raise InvalidInput(
                    f"The column {number} of the sheet {sheet.title!r} has no name in the first row.",
                    hint="Name it, or read the sheet with pandas.read_excel and hand the frame over.",
                    field="source",
                )
        names = [str(name) for name in head]
        check_names(names)
        columns: dict[str, list[Any]] = {name: [] for name in names}
        count = 0
        for number, row in enumerate(rows):
            if number % 1000 == 0:
                on_look()
            values = list(row[: len(names)])
            if all(value is None for value in values):
                continue
            count += 1
            for name, value in zip(names, values + [None] * (len(names) - len(values)), strict=True):
                columns[name].append(value)
    finally:
        book.close()
    return _column_rows(columns, count)


# What no dataset can have


def _checked(rows: Rows) -> Rows:
    names: list[str] = rows.schema.names
    if not names:
        raise InvalidInput("The data has no columns.", hint="Hand over a frame with at least one.", field="source")
    check_names(names)
    return rows
