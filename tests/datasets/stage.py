"""A dataset of every type, as it is handed over, and what an app shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from jupyter_appbuilder.datasets.base import Dataset, Place
from jupyter_appbuilder.datasets.parquet import write
from jupyter_appbuilder.datasets.sources import opened
from jupyter_appbuilder.session import Session

HOSTILE = (
    '"',
    "'",
    "a\nb",
    "*/",
    "</script><script>alert(1)</script>",
    "`${alert(1)}`",
    "__proto__",
    "constructor",
    "🐧",
    "a.b",
    "",
    "\\",
    "\u2028",
    "\u202e",
    "@ts-nocheck",
    "});alert(1);({",
)
"""Names that columns can have."""

PLACES = [{"x": 1, "__proto__": "p"}, None, {"x": None, "__proto__": None}]

TYPES: dict[str, tuple[pa.DataType, Sequence[Any], Sequence[Any]]] = {
    "code": (pa.string(), ["00070", None, "ünï 🐧"], ["00070", None, "ünï 🐧"]),
    "open": (pa.bool_(), [True, None, False], [True, None, False]),
    "count": (pa.int64(), [1, None, -5], [1, None, -5]),
    "id": (pa.int64(), [2**60 + 1, 0, -(2**62)], ["1152921504606846977n", "0n", "-4611686018427387904n"]),
    "ratio": (pa.float64(), [0.1, None, 2.5], [0.1, None, 2.5]),
    "price": (
        pa.decimal128(38, 2),
        [Decimal("12345678901234567890.12"), None, Decimal("-0.05")],
        ["12345678901234567890.12", None, "-0.05"],
    ),
    "day": (pa.date32(), [date(2024, 2, 29), None, date(1969, 12, 31)], ["2024-02-29", None, "1969-12-31"]),
    "at": (
        pa.timestamp("us", "Europe/Berlin"),
        [datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), None, datetime(1969, 12, 31, tzinfo=UTC)],
        ["2024-01-02T03:04:05.000Z", None, "1969-12-31T00:00:00.000Z"],
    ),
    "clock": (pa.timestamp("us"), [datetime(2024, 1, 2, 3, 4, 5, 678000)] * 3, ["2024-01-02T03:04:05.678Z"] * 3),
    "time": (pa.time64("us"), [time(23, 59, 59, 500000), None, time(0)], ["23:59:59.500000", None, "00:00:00"]),
    "took": (pa.duration("us"), [timedelta(seconds=1.5), None, -timedelta(days=1)], [1500, None, -86_400_000]),
    "raw": (pa.binary(), [b"\x00\xff", None, b""], ["bytes 0,255", None, "bytes "]),
    "city": (pa.dictionary(pa.int32(), pa.string()), ["Oslo", "Rome", "Oslo"], ["Oslo", "Rome", "Oslo"]),
    "tags": (pa.list_(pa.int64()), [[1, None], None, []], [[1, None], None, []]),
    "where": (pa.struct([("x", pa.int64()), ("__proto__", pa.string())]), PLACES, PLACES),
}
"""By name: the Arrow type, values, and what a page shows of them."""


def every_type() -> tuple[pa.Table, list[dict[str, Any]]]:
    """Three rows with a column of each type, and what a page that is right shows of them as JSON."""
    table = pa.table({name: pa.array(values, kind) for name, (kind, values, _) in TYPES.items()})
    return table, [{name: shown[row] for name, (*_, shown) in TYPES.items()} for row in range(3)]


def write_rows(app: Path, place: Place, name: str, table: pa.Table) -> Dataset:
    """Put the file of a dataset into an app that no session has."""
    file = app / place.path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = app.parent / f"{name}.new"
    written = write(opened(table), fresh)
    fresh.rename(file)
    return Dataset(name, written.columns, written.rows, written.size, written.hash, written.as_of)


async def hand_over(session: Session, name: str, table: pa.Table) -> Dataset:
    """Hand data to a running app; its open pages are told."""
    file = session.data.new_file()
    written = write(opened(table), file)
    return (await session.hand_over(name, written, file, keep="latest", private=False))[0].dataset
