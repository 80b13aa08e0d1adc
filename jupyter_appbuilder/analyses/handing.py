"""Which data of a notebook an app is given: files that it reads, frames that its kernel holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .base import Analysis, DataFile, Used

MOST_DATASETS = 8
GENERAL = frozenset({"df", "data", "frame", "d", "tbl", "table", "raw"})
"""Variables whose names say nothing: the file's name is the better one."""

BRING = "Run %appbuilder from-notebook in the notebook itself: that hands over what its kernel holds."


@dataclass(frozen=True, slots=True)
class Wanted:
    """Data to hand over as ``dataset``: a file's path, or a frame. ``named`` is what the notebook calls it."""

    dataset: str
    named: str
    source: Any


def wanted(used: Used, variables: Mapping[str, Any], is_frame: Callable[[Any], bool]) -> list[Wanted]:
    """Frames among ``variables`` that are read from files or shown, then files that no such frame stands for."""
    found: list[Wanted] = []
    seen: set[int] = set()  # frames, whatever their names
    taken: set[str] = set()  # datasets
    stems = {file.variable: PurePosixPath(file.named).stem for file in used.files if file.variable and file.path}
    for name in dict.fromkeys([*stems, *used.shown]):
        value = variables.get(name)
        if value is not None and id(value) not in seen and is_frame(value):
            seen.add(id(value))
            found.append(Wanted(dataset_name(stems.get(name, name) if name in GENERAL else name, taken), name, value))
    paths: set[Path] = set()
    for file in used.files:
        live = file.variable and variables.get(file.variable)
        if file.path and file.path not in paths and not (live is not None and live != "" and is_frame(live)):
            paths.add(file.path)
            found.append(Wanted(dataset_name(_name_of(file), taken), file.variable or file.named, file.path))
    return found[:MOST_DATASETS]


def missing(analysis: Analysis, used: Used, handed: Collection[str]) -> Sequence[str]:
    """What the notebook reads and shows that was not handed over, in words. ``handed``: variables and files."""
    said = list(_missing(used, handed))
    if not handed and not said and (analysis.count("chart") or analysis.count("table")):
        names = ", ".join(used.shown[:5])
        said.append(f"its charts and tables draw on {names or 'data'} that no file of its folder holds")
    return said[:20]


def _missing(used: Used, handed: Collection[str]) -> Iterator[str]:
    for file in used.files:
        if file.why_not and file.variable not in handed and file.named not in handed:
            name = f"{file.variable} ({file.named})" if file.variable else file.named
            yield f"{name}, read in cell {file.cell}: {file.why_not}"


def _name_of(file: DataFile) -> str:
    stem = PurePosixPath(file.named).stem
    return stem if not file.variable or file.variable in GENERAL else file.variable


def dataset_name(wish: str, taken: set[str]) -> str:
    """A name that a dataset can have and none of ``taken`` has, which learns it."""
    plain = re.sub(r"[^a-z0-9]+", "_", wish.lower()).strip("_")
    plain = (plain if plain[:1].isalpha() else f"data_{plain}".rstrip("_"))[:55]
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    taken.add(name)
    return name
