"""What is known of a notebook that an app is to be made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["text", "table", "chart", "error"]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of an output. ``width`` and ``height`` in pixels."""

    data: bytes
    width: int
    height: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Output:
    """What stood below a cell: plain text, bounded, without control characters."""

    kind: Kind
    text: str
    image: Image | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    number: int  # from 1, of all cells
    is_code: bool
    source: str
    outputs: Sequence[Output] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """A notebook as it was read. ``folder`` is where it lies; None for one that is known from a kernel alone."""

    name: str  # sales.ipynb
    folder: Path | None
    hash: str  # SHA-256 of what was read
    python: bool  # whether its code is Python
    cells: Sequence[Cell]
    notes: Sequence[str] = ()
    """What people should know of the reading: what was left out, and why."""

    @property
    def title(self) -> str:
        """Its first heading, or its name."""
        for cell in self.cells:
            for line in () if cell.is_code else cell.source.splitlines():
                if line.startswith("#") and (said := line.strip("# \t").strip()):
                    return said[:100]
        return self.name.removesuffix(".ipynb").replace("_", " ").replace("-", " ").strip() or "Notebook"

    def count(self, kind: Kind) -> int:
        """How many outputs of a kind it has."""
        return sum(output.kind == kind for cell in self.cells for output in cell.outputs)

    @property
    def empty(self) -> bool:
        """True if there is nothing to make an app of."""
        return not any(cell.source.strip() for cell in self.cells)


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file that a cell reads by a name that stands in it."""

    variable: str  # what holds its rows; "" where nothing does
    named: str  # as the cell names it
    cell: int
    path: Path | None = None  # where it lies; None where it cannot be handed over
    why_not: str = ""

    @property
    def size(self) -> int:
        """In bytes; 0 for none."""
        return self.path.stat().st_size if self.path and self.path.is_file() else 0


@dataclass(frozen=True, slots=True)
class Used:
    """What the code of a notebook says of its data; nothing of it was run."""

    files: Sequence[DataFile] = ()
    shown: Sequence[str] = ()
    """Variables that cells with a chart or a table read, those of the most cells first."""
    made_in: dict[str, int] = field(default_factory=dict[str, int])
    """In which cell each variable was bound first."""
    functions: Sequence[str] = ()
    """Names of functions that it defines."""
    telling: frozenset[int] = frozenset()
    """Cells that draw, show or read data."""
