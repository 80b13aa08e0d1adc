"""Where a served app's files and data lie: a folder of its own for each release, and one of them live.

    <place>/
        served.json          which publication's it is, and whether a run was live here
        lock                 held by the process that serves
        live.json            the run that readers have: {"run", "release"}; replaced whole
        runs/<run>/
            appbuilder.json  the bundle's manifest
            app/             a copy of the bundle's files, and the data that the app writes there
        others/<run>/        of an app that had this name before, and is another's: nothing here touches it

The app's code runs in ``app``: nothing there is opened but as a plain file, and no link is followed. A new release
starts on a copy of the live one's data; the run before stays as it was until the next one comes. What cannot be read is
refused, never taken for a first time: the data in it are readers'.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..errors import AppBuilderError, Conflict, InvalidInput, NotFound, Unavailable, of_the_disk
from ..publishing.base import APP, MANIFEST, Bundle
from ..publishing.bundles import read_bundle
from ..settings import private_folder, write_settings
from ..workspace.folder import DIRECTORY, copy_file, open_root, opened_folder, read_at, remove_folder

MOST_FILES = 50_000
LARGEST = 2 * 1024 * 1024 * 1024  # bytes, all files of a run
DEEPEST = 64
LARGEST_NOTE = 64 * 1024
OPEN_SECONDS = 24 * 3600.0
"""How long a page of the release before may be open and find its files."""
LARGEST_ASSET = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Run:
    """A release as it is served from ``folder``."""

    id: str
    release: str  # tells one release from another
    folder: Path
    bundle: Bundle

    @property
    def app(self) -> Path:
        return self.folder / APP


def release_of(bundle: Bundle) -> str:
    """Tells a release from all others."""
    return hashlib.sha256(json.dumps(bundle.manifest, sort_keys=True).encode()).hexdigest()[:32]


class Place:
    """Of one publication. Every method may block, and raises ``Unavailable`` where the disk refuses."""

    def __init__(self, folder: Path, publication: str) -> None:
        self.folder = folder
        self._publication = publication
        self._lock = -1

    def open(self) -> None:
        """Hold it for this process, and remove what killed ones left. Raises ``Conflict`` where another one serves, and
        for a folder of anything else: what is not ours is not tidied up. ``Unavailable`` where it is damaged."""
        try:
            if any(os.path.lexists(self.folder / name) for name in ("runs", "live.json", "served.json")):
                self._check_ours()
            private_folder(self.folder)
            (self.folder / "runs").mkdir(exist_ok=True)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise of_the_disk(error, self.folder) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise Conflict(
                f"The app's data in {self.folder} are in use: another process serves it.",
                hint="End that one, or give this one data of its own: --data DIR.",
                reason="in_use",
            ) from None
        self._lock = lock
        try:
            self._mark(begun=self.live() is not None)
        except OSError as error:
            self.close()
            raise of_the_disk(error, self.folder) from None
        except BaseException:
            self.close()
            raise
        self.tidy()

    def close(self) -> None:
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def live(self) -> Run | None:
        """The run that readers had last; None for the first time. Raises ``Unavailable`` where it is damaged."""
        note = self._note("live.json")
        if note is None:
            if (self._note("served.json") or {}).get("begun") is True:
                raise self._damaged(self.folder / "live.json", "it is missing")
            return None
        run, release = note.get("run"), note.get("release")
        if not isinstance(run, str) or not re.fullmatch(r"[0-9a-f]{16}", run) or not isinstance(release, str):
            raise self._damaged(self.folder / "live.json", "it names no run")
        folder = self.folder / "runs" / run
        try:
            return Run(run, release, folder, read_bundle(folder))
        except (InvalidInput, NotFound) as error:
            raise self._damaged(folder, error.message.rstrip(".")) from None

    def earlier(self) -> Run | None:
        """The run before the live one, as long as pages of it may still be open."""
        try:
            note = self._note("live.json") or {}
            run = note.get("before")
            if not isinstance(run, str) or not re.fullmatch(r"[0-9a-f]{16}", run):
                return None
            if time.time() - os.stat(self.folder / "live.json").st_mtime > OPEN_SECONDS:
                return None
            folder = self.folder / "runs" / run
            return Run(run, "", folder, read_bundle(folder))
        except (OSError, AppBuilderError):
            return None

    def lay(self, bundle: Bundle) -> Run:
        """A run of ``bundle`` that is not live yet: its files, with the data that it comes with. Raises
        ``InvalidInput`` for one that is too large."""
        run = secrets.token_hex(8)
        folder = self.folder / "runs" / run
        try:
            folder.mkdir(parents=True)
            _copied(bundle.content, folder / bundle.content.name)
            write_settings(folder / MANIFEST, bundle.manifest)
        except OSError as error:
            remove_folder(folder)
            raise of_the_disk(error, folder) from None
        except BaseException:
            remove_folder(folder)
            raise
        return Run(run, release_of(bundle), folder, Bundle(folder, bundle.manifest))

    def hand_over(self, before: Run, run: Run) -> None:
        """Give ``run`` the data of the run before it, in place of what it came with. Nothing may run in either."""
        try:
            for path in sorted({*before.bundle.manifest["data"], *run.bundle.manifest["data"]}):
                parts = tuple(path.strip("/").split("/"))
                source = before.app.joinpath(*parts)
                if not _is_folder(before.app, parts):
                    continue
                with opened_folder(run.app, parts[:-1], make=True):
                    target = run.app.joinpath(*parts)
                remove_folder(target)
                _copied(source, target)
        except OSError as error:
            raise of_the_disk(error, run.folder) from None

    def accept(self, run: Run) -> None:
        """Readers have this one from now on. The run of another app, whose name this one has, is put aside."""
        before = self.live()
        try:
            kept = "" if before is None or is_another(before.bundle, run.bundle) else before.id
            write_settings(self.folder / "live.json", {"run": run.id, "release": run.release, "before": kept})
            if before is None:
                self._mark(begun=True)
            elif not kept:
                (self.folder / "others").mkdir(exist_ok=True)
                os.rename(before.folder, self.folder / "others" / before.id)
        except OSError as error:
            raise of_the_disk(error, self.folder) from None
        self.tidy()

    def drop(self, run: Run) -> None:
        """Remove a run, unless readers have it: who was told to end may not know that it was accepted."""
        if (self._note("live.json") or {}).get("run") != run.id:
            remove_folder(run.folder)

    def tidy(self) -> None:
        """Remove all runs but the live one and the one before it."""
        note = self._note("live.json") or {}
        kept = {note.get("run"), note.get("before")}
        with suppress(OSError):
            for folder in (self.folder / "runs").iterdir():
                if folder.name not in kept:
                    remove_folder(folder)

    def _mark(self, *, begun: bool) -> None:
        write_settings(self.folder / "served.json", {"publication": self._publication, "begun": begun})

    def _check_ours(self) -> None:
        whose = (self._note("served.json") or {}).get("publication")
        if whose != self._publication:
            what = f"the data of {whose!r:.60}" if whose else "files that are not an app's data"
            raise Conflict(
                f"{self.folder} holds {what}.", hint="Name an empty folder: --data DIR.", reason="not_its_data"
            )

    def _note(self, name: str) -> dict[str, Any] | None:
        """What a file of ours says; None where there is none. Raises ``Unavailable`` where it cannot be read."""
        try:
            folder = open_root(self.folder)
            try:
                told: Any = json.loads(read_at(folder, name, LARGEST_NOTE)[0])
            finally:
                os.close(folder)
        except (FileNotFoundError, NotFound):
            return None
        except OSError as error:
            raise self._damaged(self.folder / name, error.strerror or str(error)) from None
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise self._damaged(self.folder / name, "it is no JSON object")
        return cast("dict[str, Any]", told)

    def _damaged(self, path: Path, why: str) -> Unavailable:
        return Unavailable(
            f"{self.folder} holds what readers of the app wrote, and {path} is damaged: {why}.",
            hint="Put it back from a backup. To begin without what readers wrote, move the folder away.",
            reason="damaged",
        )


def asset(run: Run, folder: str, inside: str) -> bytes | None:
    """A plain file ``inside`` a ``folder`` of what a run serves; None for anything else: the app's code may write
    there."""
    parts = tuple(part for part in f"{folder}/{inside}".split("/") if part)
    if not inside or any(part in (".", "..") or "\0" in part for part in parts) or parts[-1].endswith(".map"):
        return None
    try:
        with opened_folder(run.bundle.content, parts[:-1]) as descriptor:
            content, _ = read_at(descriptor, parts[-1], LARGEST_ASSET)
    except (OSError, AppBuilderError, ValueError):
        return None
    return content if len(content) <= LARGEST_ASSET else None


def is_another(before: Bundle, now: Bundle) -> bool:
    """Whether two releases are of different apps: one was deleted, and another has its name."""
    sessions = [one.manifest["session"] for one in (before, now)]
    return all(sessions) and sessions[0] != sessions[1]


def _is_folder(root: Path, parts: tuple[str, ...]) -> bool:
    try:
        with opened_folder(root, parts):
            return True
    except (OSError, InvalidInput):
        return False


def _copied(source: Path, target: Path) -> None:
    """A copy of the plain files and folders of ``source``; links and special files are passed over. Raises
    ``InvalidInput`` for too much."""
    left = [MOST_FILES, LARGEST]
    folder = os.open(source, DIRECTORY)
    try:
        _copy_folder(folder, target, left, 0)
    finally:
        os.close(folder)


def _copy_folder(folder: int, target: Path, left: list[int], depth: int) -> None:
    if depth > DEEPEST:
        raise _too_large()
    target.mkdir(exist_ok=True)
    with os.scandir(folder) as listing:
        for item in listing:
            left[0] -= 1
            if left[0] < 0:
                raise _too_large()
            status = item.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                below = os.open(item.name, DIRECTORY, dir_fd=folder)
                try:
                    _copy_folder(below, target / item.name, left, depth + 1)
                finally:
                    os.close(below)
            elif stat.S_ISREG(status.st_mode) and not item.name.endswith("-shm"):  # a database makes that one anew
                copied = copy_file(folder, item.name, target / item.name, left[1])
                if copied is None:
                    raise _too_large()
                left[1] -= copied


def _too_large() -> InvalidInput:
    return InvalidInput(
        f"The app has more than {MOST_FILES:,} files or {LARGEST >> 30} GB, or a file that is mostly holes.",
        hint="Make it smaller: leave out what readers do not need, or tidy up the app's data.",
        reason="too_large",
    )
