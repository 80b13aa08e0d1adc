"""The files of a static bundle, as targets hand them on: plain files alone, and as many as a target takes."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ...errors import InvalidInput
from ..base import Bundle

MOST_FILES = 20_000
LARGEST = 1024 * 1024 * 1024  # bytes, all files
DEEPEST = 64
LARGEST_PAGE = 8 * 1024 * 1024  # bytes of a page or style sheet that is looked into

FROM_THE_ROOT = re.compile(
    rb"""<(?:script|link|img|source|video|audio|iframe)\b[^<>]{0,2000}?\s(?:src|href)\s{0,9}=\s{0,9}["']?(/(?!/)[^"'\s<>]{0,200})"""
    rb"""|\burl\(\s{0,9}["']?(/(?!/)[^"')\s]{0,200})""",
    re.I,
)


@dataclass(frozen=True, slots=True)
class SiteFile:
    path: str
    """Below the site, with ``/``."""
    size: int


@dataclass(frozen=True, slots=True)
class Site:
    folder: Path
    files: tuple[SiteFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def open(self, path: str) -> BinaryIO:
        """A file of it. Raises ``InvalidInput`` for what is none any more."""
        try:
            descriptor = os.open(self.folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            raise _not_plain(path) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _not_plain(path)
        return os.fdopen(descriptor, "rb")

    def read(self, path: str, most: int = LARGEST) -> bytes:
        with self.open(path) as file:
            return file.read(most)

    def has(self, path: str) -> bool:
        return any(file.path == path for file in self.files)


def site_of(bundle: Bundle) -> Site:
    """Blocks. Raises ``InvalidInput`` for a bundle that has to run, and for a site with links, with special files or
    without a first page."""
    if bundle.manifest["kind"] != "static":
        raise InvalidInput(
            f"{bundle.manifest['title']} has a part that runs on a server, and a static host runs none.",
            hint="Publish it here, on the Hub or as a container.",
            reason="not_static",
        )
    site = files_of(bundle.content)
    if not site.has("index.html"):
        raise InvalidInput("The built app has no index.html.", hint="Build it again.", reason="no_page")
    return site


def files_of(folder: Path) -> Site:
    """The files below ``folder``. Blocks. Raises ``InvalidInput`` where there are too many, links or special files."""
    return Site(folder, tuple(sorted(_walk(folder), key=lambda file: file.path)))


def _walk(folder: Path) -> Iterator[SiteFile]:
    files, left = 0, LARGEST
    for here, names_of_folders, names, place in os.fwalk(folder, follow_symlinks=False):
        below = Path(here).relative_to(folder)
        if len(below.parts) > DEEPEST:
            raise InvalidInput("The built app has too many folders in one another.", hint="Build it again.")
        for name in [*names_of_folders, *names]:
            path = (below / name).as_posix()
            try:
                path.encode()
            except UnicodeEncodeError:
                raise InvalidInput(f"The built app has a file whose name is no text: {path!a}.") from None
            status = os.stat(name, dir_fd=place, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                continue
            if not stat.S_ISREG(status.st_mode):
                raise _not_plain(path)
            files, left = files + 1, left - status.st_size
            if files > MOST_FILES or left < 0:
                raise InvalidInput(
                    f"The built app has more than {MOST_FILES:,} files or {LARGEST >> 30} GiB.",
                    hint="Leave out what readers do not need.",
                    reason="too_large",
                )
            yield SiteFile(path, status.st_size)


def from_the_root(site: Site, most: int = 5) -> list[str]:
    """Where pages and style sheets ask for something by a path from the host's root, as ``file: line``; such a page
    works at the root of a host alone. Blocks."""
    found: list[str] = []
    for file in site.files:
        if not file.path.endswith((".html", ".htm", ".css")):
            continue
        content = site.read(file.path, LARGEST_PAGE)
        for match in FROM_THE_ROOT.finditer(content):
            if len(found) == most:
                return found
            asked = (match[1] or match[2]).decode(errors="replace")
            found.append(f"{file.path}, line {content.count(bytes([10]), 0, match.start()) + 1}: {asked}")
    return found


def said_from_the_root(places: list[str]) -> str:
    """For people; "" where there is none."""
    if not places:
        return ""
    return f"It asks for files by paths from the host's root, so it works nowhere else ({'; '.join(places)})."


def _not_plain(path: str) -> InvalidInput:
    return InvalidInput(
        f"{path[:200]} in the built app is a link or a special file.",
        hint="Put the file itself there, and publish again.",
        reason="not_plain",
    )
