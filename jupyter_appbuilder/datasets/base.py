"""What is known of a dataset without reading its rows: its columns, how many rows, which file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import InvalidInput

__all__ = [
    "AS_OF",
    "COLUMN_TYPES",
    "LOADERS",
    "TYPES",
    "Column",
    "ColumnType",
    "Dataset",
    "Keep",
    "Place",
    "check_name",
]

ColumnType = Literal[
    "boolean",
    "integer",  # every value fits a double exactly; the file may hold it in 64 bits all the same
    "bigint",  # some value does not
    "number",  # binary floating point
    "decimal",
    "text",
    "date",
    "timestamp",
    "timestamp_tz",
    "time",
    "duration",
    "bytes",
    "category",
    "list",
    "struct",
    "unknown",
]
COLUMN_TYPES: tuple[str, ...] = get_args(ColumnType)

Keep = Literal["latest", "all"]
"""latest: only the newest rows are kept, and nowhere but in the app's folder and beside the log. all: each version of
the rows is kept beside the log, so that a replay has exactly those."""

AS_OF = "appbuilder.as_of"
"""The key of the Parquet file's metadata that says when its rows were handed over (ISO 8601, UTC)."""

TYPES = "appbuilder.types"
"""The key of what Parquet does not say of its columns: a JSON list of their Arrow types, "" for those that it does."""

NAME = re.compile("[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a dataset."""

    name: str  # as in the frame: any text, also an empty one
    type: ColumnType
    nullable: bool
    detail: str = ""
    """What the Arrow type says beyond ``type``: precision and scale, zone, the type of values."""
    values: Sequence[str] = ()
    """All values of a category, where there are few and they may be told."""


MOST_VALUES = 20
"""A category of so many values at most has them told, and is a union of them where a language has such types."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as it was handed over."""

    name: str  # [a-z][a-z0-9_]{0,62}
    columns: Sequence[Column]
    rows: int
    size: int  # bytes of the Parquet file
    hash: str  # SHA-256 of the file
    as_of: str  # ISO 8601, UTC
    private: bool = False
    keep: Keep = "latest"


def check_name(name: str) -> str:
    """``name``, if a dataset can have it. Raises ``InvalidInput``."""
    if NAME.fullmatch(name):
        return name
    raise InvalidInput(
        f"{name[:80]!r} is no name for a dataset.",
        hint="Use small letters, digits and _, beginning with a letter, 63 at most: sales, sales_2026.",
        field="name",
    )


LOADERS = ("none", "react", "vue", "next", "components", "module", "python", "panel")
"""What reads datasets in an app: files that are written beside them. none: whoever writes the app's code."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the datasets of a template's apps lie, and what reads them there. ``hints`` tell the agent how to use
    that: once the app has one."""

    folder: str = "data"  # below the app's, without a slash at its end
    loader: str = LOADERS[0]
    hints: str = ""

    def path(self, name: str) -> str:
        """The path of a dataset's file in the app."""
        return f"{self.folder}/{name}.parquet"
