"""Builds a version of an app into a bundle: in a sandbox of its own, without secrets and without a way out.

What lies in ``files`` is the version as we laid it out. The build runs generated code there, so nothing that it leaves
is believed: once its sandbox has ended, plain files alone are copied, so many and so large at most.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..cancellation import ended, in_thread
from ..errors import Conflict, InvalidInput
from ..workspace.folder import DIRECTORY, copy_file, open_root
from .base import APP, SITE, Tell

if TYPE_CHECKING:
    from ..sandbox.base import Progress, Sandbox
    from ..templates.templates import Publishing, Template

BUILD_SECONDS = 600.0
MOST_FILES = 20_000
LARGEST = 1024 * 1024 * 1024  # bytes, all files
DEEPEST = 64
LONGEST_LINE = 2000

NEVER = frozenset({"node_modules", "__pycache__", "scenarios", "APPBUILDER.md"})
"""Names that no reader has use for, and names that begin with a dot, but for those in ``DOTTED``."""
DOTTED = frozenset({".well-known", ".streamlit", ".env.example"})
"""Of these an app's server, or who finds the site, has some."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A command and its variables, for a base path."""

    command: tuple[str, ...]
    environment: Mapping[str, str]


def build_command(publish: Publishing, base: str) -> Filled:
    """What builds an app for ``base``, which begins and ends with a slash."""

    def filled(text: str) -> str:
        for name, value in {"{base}": base, "{prefix}": base.rstrip("/"), "{host}": "127.0.0.1"}.items():
            text = text.replace(name, value)
        return text

    command = tuple(map(filled, publish.build))
    return Filled(command, {name: filled(value) for name, value in publish.environment.items()})


def publishing_of(template: Template) -> Publishing:
    """Raises ``Conflict`` for a template whose apps cannot be published."""
    if template.publish is None:
        raise Conflict(
            f"Apps of the template {template.name} cannot be published: it does not say how they are built.",
            hint="Its author adds a table [publish] to template.toml; see docs/templates.md.",
            reason="not_publishable",
        )
    return template.publish


async def take_files(template: Template, files: Path, into: Path) -> None:
    """Begin a bundle with the app's own files: all of them of an app that has to run, or of a site that is not built.
    Call it before anything runs in ``files``."""
    publish = publishing_of(template)
    target = into / (SITE if publish.kind == "static" else APP)
    await in_thread(target.mkdir, parents=True)
    if publish.kind == "server" or not publish.output:
        await copied(files, target, lambda path: _is_left_out(path, publish, template))


async def run_build(sandbox: Sandbox, template: Template, base: str, tell: Tell) -> None:
    """Run the build in ``sandbox``, whose workspace ``files`` is. Raises ``Conflict`` (reason ``build_failed``) with
    the end of what it said."""
    filled = build_command(publishing_of(template), base)
    if not filled.command:
        return
    lines = Lines(tell)

    def on_progress(progress: Progress) -> None:
        lines.feed(progress.message + "\n")

    await sandbox.prepare(on_progress)
    tell(f"$ {' '.join(filled.command)}"[:LONGEST_LINE])
    result = await sandbox.exec(
        list(filled.command),
        timeout=BUILD_SECONDS,
        env=filled.environment,
        on_output=lambda _, text: lines.feed(text),
        max_output=1024 * 1024,
    )
    lines.end()
    if result.exit_code != 0 or result.ended != "exit":
        said = result.message or f"The build ended with code {result.exit_code}."
        raise Conflict(
            f"The app could not be built. {said}",
            hint="The log says why. Ask for it to be fixed, or choose another version.",
            reason="build_failed",
        )


async def take_output(template: Template, files: Path, into: Path, tell: Tell) -> None:
    """Add what was built to the bundle. Call it once nothing runs in ``files`` any more."""
    publish = publishing_of(template)
    for output in publish.output:
        name = output.rstrip("/")
        source = files / name
        if source.is_symlink() or not source.is_dir():
            raise Conflict(
                f"The build made no folder {output}.",
                hint="Ask for the build to write there again, as the template does.",
                reason="build_failed",
            )
        target = into / SITE if publish.kind == "static" else into / APP / name
        if publish.kind == "server" and target.exists():  # the version has one of its own, which is built anew
            shutil.rmtree(target)
        await copied(source, target, lambda path, name=name: f"{name}/{path}" in publish.leave)
    if publish.kind == "static" and not (into / SITE / "index.html").is_file():
        raise Conflict(
            "The built app has no page: there is no index.html.",
            hint="Ask for one, or choose another version.",
            reason="build_failed",
        )
    count, size = await in_thread(_weighed, into)
    tell(f"{count:,} files, {size / 1e6:,.1f} MB.")


class Lines:
    """Tells a stream of output line by line."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._rest = ""

    def feed(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).replace("\r\n", "\n").split("\n")
        for line in lines:
            self._say(line)
        if len(self._rest) > LONGEST_LINE:
            self._say(self._rest)
            self._rest = ""

    def end(self) -> None:
        if self._rest:
            self._say(self._rest)
        self._rest = ""

    def _say(self, line: str) -> None:
        shown = "".join(c if c.isprintable() or c == "\t" else " " for c in line.rpartition("\r")[2])
        if shown.strip():
            self._tell(shown[:LONGEST_LINE])


def _is_left_out(path: str, publish: Publishing, template: Template) -> bool:
    """Whether a file or folder (with a slash at its end) of the app stays out of a bundle."""
    name = path.rstrip("/").rpartition("/")[2]
    top = "/" not in path.rstrip("/")
    if name in NEVER and (top or name in ("node_modules", "__pycache__")):
        return True
    if name.startswith(".") and name not in DOTTED and not path.startswith(template.data):
        return True
    return path in publish.leave


async def copied(source: Path, target: Path, leave: Callable[[str], bool]) -> None:
    """Copy what generated code left in ``source``: plain files and folders, bounded. Raises ``InvalidInput``."""
    stop = threading.Event()
    work = asyncio.ensure_future(in_thread(_copy, source, target, leave, stop))
    try:
        await asyncio.shield(work)
    finally:
        stop.set()
        await ended([work])


def _copy(source: Path, target: Path, leave: Callable[[str], bool], stop: threading.Event) -> None:
    """Copy plain files and folders; links and special files are passed over. Raises ``InvalidInput`` for too much."""
    left = [MOST_FILES, LARGEST]
    root = open_root(source)
    try:
        target.mkdir(exist_ok=True)
        _copy_folder(root, "", target, leave, stop, left, 0)
    finally:
        os.close(root)


def _copy_folder(
    folder: int,
    base: str,
    target: Path,
    leave: Callable[[str], bool],
    stop: threading.Event,
    left: list[int],
    depth: int,
) -> None:
    if depth > DEEPEST:
        raise InvalidInput(f"The app has more than {DEEPEST} folders in one another.", reason="too_large")
    with os.scandir(folder) as listing:
        for item in listing:
            left[0] -= 1
            if stop.is_set() or left[0] < 0:
                raise _too_large()
            status = item.stat(follow_symlinks=False)
            directory = stat.S_ISDIR(status.st_mode)
            path = base + item.name + ("/" if directory else "")
            if leave(path) or not _is_name(item.name):
                continue
            if directory:
                below = os.open(item.name, DIRECTORY, dir_fd=folder)
                try:
                    (target / item.name).mkdir(exist_ok=True)
                    _copy_folder(below, path, target / item.name, leave, stop, left, depth + 1)
                finally:
                    os.close(below)
            elif stat.S_ISREG(status.st_mode):
                copied = copy_file(folder, item.name, target / item.name, left[1], stop.is_set)
                if copied is None:
                    raise _too_large()
                left[1] -= copied


def _is_name(name: str) -> bool:
    """Whether a name is one that can stand in addresses and archives."""
    try:
        return name.encode().isascii() or name.isprintable()
    except UnicodeEncodeError:
        return False


def _weighed(folder: Path) -> tuple[int, int]:
    count = size = 0
    for here, _, names in os.walk(folder):
        for name in names:
            count += 1
            size += os.lstat(os.path.join(here, name)).st_size
    return count, size


def _too_large() -> InvalidInput:
    return InvalidInput(
        f"The app has more than {MOST_FILES:,} files or {LARGEST >> 30} GB, or a file that is mostly holes.",
        hint="Leave out what readers do not need.",
        reason="too_large",
    )
