"""CSV files: what a column holds is found by reading all of it once; ``00070`` stays the text that it is.

pyarrow alone takes a column's type from its first block, and reads 00070 as 70.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from .arrow import arrow
from .values import check_names

BLOCK = 1024 * 1024  # bytes read at once: no row may be longer; with 4 MB a million rows took 47 MB more memory
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]
"""What stands for a missing number or date. In text only what is empty does."""

LEADING_ZERO = r"^[+-]?0[0-9]"
DELIMITERS = ",;\t|"


def csv_rows(path: Path, on_look: Callable[[], None]) -> tuple[Any, Iterator[Any]]:
    """The schema of a CSV file with a row of names, and its record batches. ``on_look`` is called with each block of
    the file that is read for its types. Raises ``InvalidInput``."""
    pa = arrow()
    delimiter = _delimiter(path)
    names = _names(path, delimiter)
    types = _types(path, delimiter, names, on_look)
    schema = pa.schema(list(types.items()))
    texts = [at for at, kind in enumerate(types.values()) if kind == pa.string()]
    return schema, (_without_empty(batch, texts) for batch in _read(path, delimiter, types))


def _without_empty(batch: Any, texts: list[int]) -> Any:
    """What is empty is missing in text, too, as pandas and DuckDB read it; ``NA`` is a text there."""
    pc = arrow("compute")
    for at in texts:
        column = batch.column(at)
        empty = pc.equal(column, "")
        if pc.any(empty).as_py():
            batch = batch.set_column(at, batch.schema.field(at), pc.if_else(empty, None, column))
    return batch


def _delimiter(path: Path) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    with path.open("rb") as file:
        head = file.readline(64 * 1024).decode("utf-8", "replace")
    outside = "".join(head.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _names(path: Path, delimiter: str) -> list[str]:
    import csv

    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            empty: list[str] = []
            lines = iter(lambda: file.readline(BLOCK), "")  # one without an end is never in memory whole
            names = next(csv.reader(lines, delimiter=delimiter), empty)
    except UnicodeDecodeError:
        raise _encoding(path) from None
    except csv.Error as error:
        raise InvalidInput(f"The first line of {path.name} cannot be read: {error}.", hint="Check the file.") from None
    if not names:
        raise InvalidInput(f"{path.name} is empty.", hint="Its first line has to name the columns.", field="source")
    check_names(names, path.name)
    return names


def _types(path: Path, delimiter: str, names: list[str], on_look: Callable[[], None]) -> dict[str, Any]:
    """The narrowest type that holds every value of each column."""
    pa, pc = arrow(), arrow("compute")
    wider = [pa.int64(), pa.float64(), pa.bool_(), pa.date32(), pa.timestamp("us"), pa.timestamp("us", tz="UTC")]
    candidates: dict[str, list[Any]] = {name: list(wider) for name in names}
    missing = pa.array(MISSING, pa.string())
    filled: set[str] = set()
    for batch in _read(path, delimiter, dict.fromkeys(names, pa.string())):
        on_look()
        for name in names:
            left = candidates[name]
            if not left:
                continue
            column = batch.column(name)
            values = pc.filter(column, pc.invert(pc.is_in(column, value_set=missing))).drop_null()
            if not len(values):
                continue
            filled.add(name)
            if left[0] in (pa.int64(), pa.float64()) and pc.any(pc.match_substring_regex(values, LEADING_ZERO)).as_py():
                left[:] = [kind for kind in left if kind not in (pa.int64(), pa.float64())]
            left[:] = [kind for kind in left if _fits(values, kind)]
    return {name: candidates[name][0] if name in filled and candidates[name] else pa.string() for name in names}


def _fits(values: Any, kind: Any) -> bool:
    pa, pc = arrow(), arrow("compute")
    try:
        if pa.types.is_boolean(kind):
            return bool(pc.all(pc.is_in(values, value_set=pa.array(["true", "false", "True", "False"]))).as_py())
        if pa.types.is_timestamp(kind):
            zoned = pc.match_substring_regex(values, r"(Z|[+-]\d\d:?\d\d)$")
            if not pc.all(zoned if kind.tz else pc.invert(zoned)).as_py():
                return False
        pc.cast(values, kind)
    except pa.ArrowException:
        return False
    return True


def _read(path: Path, delimiter: str, types: dict[str, Any]) -> Iterator[Any]:
    pa, csv = arrow(), arrow("csv")
    wrong: list[tuple[int, int, int]] = []

    def refuse(row: Any) -> str:
        wrong.append((row.number or 0, row.actual_columns, row.expected_columns))
        return "error"

    try:
        reader = csv.open_csv(
            path,
            read_options=csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=list(types), skip_rows=1),
            parse_options=csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse, ignore_empty_lines=True
            ),
            convert_options=csv.ConvertOptions(
                column_types=types,
                null_values=MISSING,
                strings_can_be_null=False,
            ),
        )
        yield from reader
    except pa.ArrowInvalid as error:
        if wrong:
            row, fields, expected = wrong[0]
            message = f"Row {row} of {path.name} has {fields} fields, and its first row {expected}."
        elif "UTF8" in str(error):
            raise _encoding(path) from None
        elif "straddling" in str(error):
            message = f"{path.name} has a row of more than {BLOCK:,} bytes, or a quote that does not end."
        elif "Empty CSV" in str(error):
            return
        else:
            message = f"{path.name} cannot be read as a CSV file."
        raise InvalidInput(message, hint="Correct the file, or read it with pandas and hand the frame over.") from None


def _encoding(path: Path) -> InvalidInput:
    return InvalidInput(
        f"{path.name} is not UTF-8.", hint="Save it as UTF-8, or read it with pandas.read_csv(…, encoding=…)."
    )
