"""How large the rows of a Parquet file become when they are read, found out before they are.

A text that stands in a file once may be the value of every row: 47 kB that become 5 GB. So texts are read as what they
are in the file first, numbers of entries of a dictionary, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from .arrow import arrow

MOST_UNPACKED = 512 * 1024**2
"""Bytes of one column in one batch: no more is read, unless the file itself is about as large."""
MOST_TIMES = 20
"""As large as the file itself: what is less was written as it is read."""


def batches_within(path: Path, file: Any, batch: int) -> Iterator[Any]:
    """The rows of an open ``file`` in batches of so many rows.

    Raises ``InvalidInput``, which names the column, in place of a batch that would be out of all proportion.
    """
    most = max(MOST_UNPACKED, MOST_TIMES * path.stat().st_size)
    leaves = [file.schema.column(at) for at in range(len(file.schema))]
    _check_levels(path, file, leaves, batch, most)
    texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    if not texts:
        yield from file.iter_batches(batch)
        return
    parts = arrow("parquet").ParquetFile(path, read_dictionary=texts).iter_batches(batch, columns=texts)
    ahead = 0
    for at in range(0, file.metadata.num_rows, batch):
        # A part may be smaller than what is read below: dictionaries end where they do.
        sizes: dict[str, int] = {}
        while ahead < at + batch and (part := next(parts, None)) is not None:
            ahead += part.num_rows
            for name, column in zip(part.schema.names, part.columns, strict=True):
                sizes[name] = sizes.get(name, 0) + _unpacked(column)
                if sizes[name] > most:
                    raise _too_much(path, name, sizes[name])
    yield from file.iter_batches(batch)


def _check_levels(path: Path, file: Any, leaves: list[Any], batch: int, most: int) -> None:
    """The same for what is no text: values of one long length, and lists whose lengths stand in a file as runs."""
    for at, leaf in enumerate(leaves):
        name, rows = leaf.path.partition(".")[0], min(batch, file.metadata.num_rows)
        if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY" and leaf.length * rows > most:
            raise _too_much(path, name, leaf.length * rows)
        if leaf.max_repetition_level:
            groups = range(file.metadata.num_row_groups)
            size = 8 * max((file.metadata.row_group(group).column(at).num_values for group in groups), default=0)
            if size > most:
                raise _too_much(path, name, size)


def _unpacked(array: Any) -> int:
    """Bytes of the texts of an array, each written out."""
    pa, compute = arrow(), arrow("compute")
    kind = array.type
    if pa.types.is_dictionary(kind):
        types, value = pa.types, kind.value_type
        if not (types.is_string(value) or types.is_binary(value) or types.is_large_string(value)):
            return array.nbytes
        lengths = compute.binary_length(array.dictionary)
        return compute.sum(lengths.take(array.indices)).as_py() or 0
    if pa.types.is_struct(kind):
        return sum(map(_unpacked, array.flatten()))
    if pa.types.is_map(kind):
        return _unpacked(array.keys) + _unpacked(array.items)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _unpacked(array.flatten())
    return array.nbytes


def _too_much(path: Path, column: str, size: int) -> InvalidInput:
    mb = 1024**2
    return InvalidInput(
        f"The column {column[:80]!r} of {path.name} becomes {size / mb:,.0f} MB when it is read: the file has "
        f"{path.stat().st_size / mb:,.1f} MB, and repeats what it holds.",
        hint="Leave the column out, or hand over fewer rows.",
        reason="unpacks_to_too_much",
        field="source",
    )
