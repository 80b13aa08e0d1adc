"""Files of a folder that generated code may have made, read within bounds: no link is followed, nothing that is not a
file is opened, and what is left out is told."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ...workspace.folder import DIRECTORY, is_mostly_holes, open_root, read_at
from .base import Bounds, Found, Where, masked

PACKAGES = {"node_modules", ".venv", "site-packages", "__pycache__", ".git"}
"""Folders of installed packages, and what Python and git keep beside: not the app's own."""

HOLES_FROM = 1 << 20  # bytes
ARCHIVES = (".zip", ".whl", ".jar")
COMPRESSED = (".gz", ".tgz")
OPAQUE = (".br", ".zst", ".7z", ".rar", ".xz", ".bz2", ".tar")
MOST_MEMBERS = 2_000
DEEPEST_ARCHIVE = 2


@dataclass(slots=True)
class Left:
    """What remains of the bounds, and what was left out, by reason."""

    bounds: Bounds
    total: int
    files: int
    out: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @classmethod
    def of(cls, bounds: Bounds) -> Left:
        return cls(bounds, bounds.total, bounds.files)

    def leave(self, path: str, why: str) -> None:
        self.out.setdefault(why, []).append(path)

    def found(self) -> list[Found]:
        findings: list[Found] = []
        for why, paths in self.out.items():
            many = f"{len(paths):,} files" if len(paths) > 1 else paths[0]
            findings.append(
                Found(
                    "not_looked_at",
                    "bounds",
                    f"Not looked at: {many} ({why}).",
                    path=paths[0],
                    where="bundle",
                    excerpt=", ".join(paths[:5]) if len(paths) > 1 else "",
                    hint="See for yourself whether it may be published, or leave it out of the app.",
                    severity="medium",
                    count=len(paths),
                    key=f"{why}\0{paths[0]}",
                    fixable=False,
                )
            )
        return findings


@dataclass
class Content:
    """A file's bytes, and its place. ``text`` has one character for each byte: positions are the same in both, and
    letters change to small ones without moving what follows."""

    path: str
    where: Where
    data: bytes = field(repr=False)
    blob: str = ""  # git's hash, of an earlier version's

    @cached_property
    def binary(self) -> bool:
        return b"\0" in self.data[:8000]

    @cached_property
    def text(self) -> str:
        return self.data.decode("latin-1")

    @cached_property
    def lower(self) -> str:
        return self.text.lower()

    @cached_property
    def _lines(self) -> list[int]:
        starts = [0]
        at = self.data.find(b"\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.data.find(b"\n", at + 1)
        return starts

    def line(self, at: int) -> int:
        """The line of a position, from 1."""
        return bisect_right(self._lines, at)

    def around(self, start: int, end: int, *, hide: bool = True) -> str:
        """The line at ``start`` as an excerpt, with what stands from there to ``end`` masked."""
        begin = self._lines[self.line(start) - 1]
        stop = self.data.find(b"\n", end)
        stop = len(self.data) if stop < 0 else stop
        before, after = self.text[max(begin, start - 40) : start], self.text[end : min(stop, end + 20)]
        found = self.text[start:end]
        return as_written(before) + (masked(as_written(found)) if hide else as_written(found[:100])) + as_written(after)

    @property
    def suffix(self) -> str:
        return os.path.splitext(self.path)[1].lower()

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def as_written(text: str) -> str:
    """A part of ``Content.text`` as people read it."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")


def walk(root: Path, where: Where, left: Left) -> Iterator[Content]:
    """Every file below ``root``, in the order of their names, and what is packed in archives."""
    top = open_root(root)
    try:
        yield from _walk(top, "", where, left, 0)
    finally:
        os.close(top)


def _walk(folder: int, base: str, where: Where, left: Left, depth: int) -> Iterator[Content]:
    with os.scandir(folder) as listing:
        names = sorted(entry.name for entry in listing)
    for name in names:
        path = base + name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        if name in PACKAGES:
            continue
        left.files -= 1
        if left.files < 0:
            left.leave(path, f"there are more than {left.bounds.files:,} files and folders")
            return
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                if depth >= left.bounds.depth:
                    left.leave(path, f"it lies more than {left.bounds.depth} folders deep")
                    continue
                below = os.open(name, DIRECTORY, dir_fd=folder)
                try:
                    yield from _walk(below, path + "/", where, left, depth + 1)
                finally:
                    os.close(below)
            elif stat.S_ISLNK(status.st_mode):
                if _leads_out(os.readlink(name, dir_fd=folder), depth):
                    left.leave(path, "it is a link that leads out of the app")
            elif not stat.S_ISREG(status.st_mode):
                left.leave(path, "it is no file: a pipe, socket or device")
            elif status.st_size > left.bounds.file:
                left.leave(path, f"it is larger than {left.bounds.file >> 20} MB")
            elif status.st_size > HOLES_FROM and is_mostly_holes(folder, name):
                left.leave(path, "it is made of holes")
            elif status.st_size > left.total:
                left.leave(path, f"all files together are more than {left.bounds.total >> 20} MB")
            else:
                data, _ = read_at(folder, name, left.bounds.file)
                left.total -= len(data)
                if len(data) > left.bounds.file:
                    left.leave(path, "it grew while it was read")
                    continue
                yield from _unpacked(Content(path, where, data), left, 0)
        except OSError as error:
            left.leave(path, f"it cannot be read: {error.strerror or error}")


def _leads_out(target: str, depth: int) -> bool:
    if target.startswith("/"):
        return True
    level = depth
    for part in target.split("/"):
        level += -1 if part == ".." else 0 if part in ("", ".") else 1
        if level < 0:
            return True
    return False


def _unpacked(content: Content, left: Left, depth: int) -> Iterator[Content]:
    """A file, and what is packed in it: told as ``archive.zip!/name``."""
    data = content.data
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) and len(data) % 2 == 0:  # as Windows' editors write
        content.data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    yield content
    if content.suffix in OPAQUE:
        left.leave(content.path, f"it is packed as {content.suffix}")
    elif data.startswith(b"PK\x03\x04") and content.suffix not in (".xlsx", ".docx", ".pptx"):
        if depth >= DEEPEST_ARCHIVE:
            left.leave(content.path, "it is an archive in an archive in an archive")
        else:
            yield from _of_zip(content, left, depth)
    elif data.startswith(b"\x1f\x8b"):
        inside = _gunzipped(data, min(left.bounds.file, left.total))
        if inside is None:
            left.leave(content.path, "what is packed in it is broken, or too large")
        elif inside[257:262] == b"ustar":
            left.leave(content.path, "it is packed as .tar")
        else:
            left.total -= len(inside)
            yield from _unpacked(Content(f"{content.path}!", content.where, inside), left, depth + 1)


def _of_zip(content: Content, left: Left, depth: int) -> Iterator[Content]:
    try:
        with zipfile.ZipFile(io.BytesIO(content.data)) as archive:
            for number, member in enumerate(archive.infolist()):
                path = f"{content.path}!/{member.filename}"
                if member.is_dir():
                    continue
                if number >= MOST_MEMBERS:
                    left.leave(path, f"its archive has more than {MOST_MEMBERS:,} members")
                    return
                room = min(left.bounds.file, left.total)
                with archive.open(member) as file:
                    data = file.read(room + 1)
                if len(data) > room:
                    left.leave(path, "unpacked it is too large")
                    return
                left.total -= len(data)
                yield from _unpacked(Content(path, content.where, data), left, depth + 1)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, ValueError, EOFError) as error:
        left.leave(content.path, f"its archive cannot be read: {error}"[:120])


def _gunzipped(data: bytes, room: int) -> bytes | None:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            inside = file.read(room + 1)
    except (OSError, EOFError, zlib.error):
        return None
    return inside if len(inside) <= room else None
