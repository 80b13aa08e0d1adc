"""Rows of a dataset as SQL, for an export: a new database begins with them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..datasets.arrow import arrow
from ..datasets.base import Dataset
from .rows import BATCH, quoted, table_of

if TYPE_CHECKING:
    from ..templates.templates import Engine

LARGEST = 20_000_000  # characters
AT_ONCE = 200  # rows of one statement
REALS = ("REAL", "double precision")


def seed(file: Path, dataset: Dataset, engine: Engine = "sqlite") -> str | None:
    """Statements that insert the rows of a Parquet file into the dataset's table; None for more than an export takes
    along."""
    table = table_of(file, dataset, (), engine)
    literal = _literal if engine == "sqlite" else _of_postgresql
    begin = f"INSERT INTO {quoted(dataset.name)} VALUES\n"
    texts: list[str] = []
    size = 0
    for batch in arrow("parquet").ParquetFile(file).iter_batches(batch_size=BATCH):
        columns = [
            (one.kind == "double" and one.type not in REALS, one.stored(array).to_pylist())
            for one, array in zip(table.columns, batch.columns, strict=True)
        ]
        rows = [f"({', '.join(literal(values[row], whole) for whole, values in columns)})" for row in range(len(batch))]
        for first in range(0, len(rows), AT_ONCE):
            text = begin + ",\n".join(rows[first : first + AT_ONCE]) + ";\n"
            size += len(text)
            if size > LARGEST:
                return None
            texts.append(text)
    return "".join(texts)


def _literal(value: Any, whole: bool) -> str:
    """A value in SQL, of the storage class that it has in the table. ``whole``: a number without a fraction."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, str):
        text = value.replace("'", "''")
        # SQLite ends a statement at a NUL.
        return f"'{text}'" if "\0" not in text else f"CAST(x'{value.encode().hex()}' AS TEXT)"
    if isinstance(value, float) and not whole:
        return repr(value) if math.isfinite(value) else "NULL" if math.isnan(value) else f"{'-' * (value < 0)}9e999"
    return str(int(value))


def _of_postgresql(value: Any, whole: bool) -> str:
    """The same for PostgreSQL, which takes a text for what the column is."""
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if isinstance(value, str):
        return "'" + value.replace("\0", "\ufffd").replace("'", "''") + "'"
    if isinstance(value, float) and not whole and math.isinf(value):
        return "'-Infinity'" if value < 0 else "'Infinity'"
    return f"'{int(value)}'" if whole and value is not None else _literal(value, whole)
