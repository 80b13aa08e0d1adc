"""Data types for files and checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Change = Literal["created", "modified", "deleted"]


@dataclass(frozen=True, slots=True)
class FileInfo:
    path: str  # relative to app/, with forward slashes
    size: int  # bytes
    modified: float  # Unix seconds
    binary: bool


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs. ``added`` and ``removed`` count lines; both are 0 for binary files."""

    path: str
    change: Change
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A version of the app. ``files``, ``added`` and ``removed`` compare it with its parent."""

    id: str  # git commit hash
    tree: str  # git tree hash
    parent: str | None
    title: str
    at: float  # Unix seconds
    files: int
    added: int  # lines
    removed: int
    data: bool = False  # whether it has a copy of what the app wrote; known of a new one
    note: str = ""  # for people: what of the app's own data is not kept with it, and why
    name: str = ""  # what the person called it; of those that a session lists


class LaidOut(NamedTuple):
    """A version that was put into a folder of its own. ``data``: whose copy of what the app wrote is with it, "" for an
    app that keeps none; ``note``: why it lacks one, for people."""

    data: Literal["", "version", "present"]
    note: str = ""


class Restored(NamedTuple):
    """``patch``: from the files as they were. ``data_stays``: what the app wrote was to come back, and did not."""

    made: Checkpoint
    patch: str
    data_stays: bool = False
