"""Written by App Builder with the data. It is written anew with it: change nothing here."""

from datetime import datetime
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).parent / "@FOLDER@"
NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def load_table(name: str) -> pd.DataFrame:
    """A dataset as a frame, with the types it was handed over with. Read anew when its file changed."""
    file = file_of(name)
    return _frame(file, file.stat().st_mtime_ns).copy(deep=False)


def as_of(name: str) -> datetime | None:
    """When the data was handed over: show it as "Data as of …"."""
    text = (pq.read_metadata(file_of(name)).metadata or {}).get(b"appbuilder.as_of")
    return datetime.fromisoformat(text.decode()) if text else None


def file_of(name: str) -> Path:
    file = FOLDER / f"{name}.parquet"
    if not name.isidentifier() or not file.is_file():
        missing = f"{FOLDER.name}/{name}.parquet"
        raise FileNotFoundError(f"There is no data {name!r}: {missing} is missing. Hand it over again.")
    return file


@lru_cache(maxsize=20)
def _frame(file: Path, changed: int) -> pd.DataFrame:
    return frame_of(pq.read_table(file))


def frame_of(table: pa.Table) -> pd.DataFrame:
    """A table as a frame, with its types."""
    frame = table.to_pandas()
    for place, field in enumerate(table.schema):
        # With a gap in it pandas would make numbers with a point of a column of whole ones.
        if field.type in NULLABLE and table.column(place).null_count:
            frame.isetitem(frame.columns.get_loc(field.name), table.column(place).to_pandas(types_mapper=NULLABLE.get))
    return frame
