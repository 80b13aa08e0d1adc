"""Rows of a dataset as SQL, for an export: a new database begins with them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ..datasets.arrow import arrow
from ..datasets.base import Dataset
from .rows import BATCH, quoted, table_of

LARGEST = 20_000_000  # characters
AT_ONCE = 200  # rows of one statement


def seed(file: Path, dataset: Dataset) -> str | None:
    """Statements that insert the rows of a Parquet file into the dataset's table; None for more than an export takes
    along."""
    table = table_of(file, dataset, ())
    begin = f"INSERT INTO {quoted(dataset.name)} VALUES\n"
    texts: list[str] = []
    size = 0
    for batch in arrow("parquet").ParquetFile(file).iter_batches(batch_size=BATCH):
        columns = [
            (one.kind == "double" and one.type != "REAL", one.stored(array).to_pylist())
            for one, array in zip(table.columns, batch.columns, strict=True)
        ]
        rows = [
            f"({', '.join(_literal(values[row], whole) for whole, values in columns)})" for row in range(len(batch))
        ]
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
