"""Files of rows beside the log, by session and SHA-256: what was handed over, whatever becomes of the copy in the app.

Code in the sandbox reaches the copy in the app alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import NotFound, of_the_disk
from ..settings import private_folder
from ..workspace import Workspace
from .base import Dataset

FOLDER = "datasets"
HASH = re.compile(r"[0-9a-f]{64}")
TOKEN = re.compile(r"[0-9a-f]{32}")
DROPS = ".drops"
MOST_WAITING = 20  # that were brought, and may be taken
ABANDONED = 24 * 3600.0  # seconds after which a file that nobody finished is taken for left by a process that died


class DatasetStore:
    """The files of all sessions, below the data folder."""

    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER

    def of(self, session: str) -> Path:
        return self.folder / session

    def path(self, session: str, sha256: str) -> Path:
        return self.of(session) / f"{sha256}.parquet"

    def find(self, sha256: str) -> Path | None:
        """A file of that content, whichever session has it."""
        if not HASH.fullmatch(sha256):
            return None
        return next((path for path in self.folder.glob(f"*/{sha256}.parquet") if path.is_file()), None)

    def share(self, source: str, session: str) -> None:
        """Give a fork what its source has, without a second copy where the disk allows it."""
        for path in self._files(source):
            private_folder(self.of(session))
            target = self.of(session) / path.name
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                try:
                    os.link(path, target)
                except OSError:
                    shutil.copyfile(path, target)

    def keep_only(self, session: str, hashes: Collection[str]) -> None:
        """Remove files of other contents, and what a process that died left half written."""
        for path in self._files(session):
            with contextlib.suppress(OSError):
                if HASH.fullmatch(path.stem) and path.suffix == ".parquet":
                    if path.stem not in hashes:
                        path.unlink()
                elif time.time() - path.stat().st_mtime > ABANDONED:
                    path.unlink()

    def forget(self, session: str) -> None:
        """Remove all that a session has."""
        shutil.rmtree(self.of(session), ignore_errors=True)

    def new_drop(self) -> tuple[str, Path]:
        """A folder of its own into which another process of the person's writes frames, and its token. Those that
        nobody fetched go after a day. Raises ``Unavailable``."""
        for path in self._files(DROPS):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > ABANDONED:
                    shutil.rmtree(path)
        token = secrets.token_hex(16)
        folder = self.of(DROPS) / token
        try:
            private_folder(folder)
        except OSError as error:
            raise of_the_disk(error, self.folder) from None
        return token, folder

    def dropped(self, token: str) -> dict[str, Path]:
        """The files that were written there, by variable."""
        if not TOKEN.fullmatch(token):
            return {}
        found = self._files(f"{DROPS}/{token}")
        return {path.stem: path for path in found if path.suffix == ".parquet" and not path.is_symlink()}

    def drop(self, token: str) -> None:
        """Remove such a folder."""
        if TOKEN.fullmatch(token):
            shutil.rmtree(self.of(DROPS) / token, ignore_errors=True)

    def _files(self, session: str) -> Iterator[Path]:
        with contextlib.suppress(FileNotFoundError), os.scandir(self.of(session)) as entries:
            yield from [Path(entry.path) for entry in entries]


@dataclass(frozen=True, slots=True)
class Handover:
    """A dataset on its way into the app; its file lies beside the log. ``text`` describes it to the agent."""

    dataset: Dataset
    path: str  # in the app; "" where the rows become a table of its database
    text: str
    replace: bool = False
    """Whether rows of a table that were changed in the app may go."""
    on_rows: Callable[[int], None] | None = None
    """Told how many rows are in the table."""


class SessionDatasets:
    """The files of one session, and how they come into its app."""

    def __init__(self, store: DatasetStore, session: str, workspace: Workspace) -> None:
        self.store = store
        self._session = session
        self._workspace = workspace
        self._waiting: dict[str, Handover] = {}

    def new_file(self) -> Path:
        """A path for a file that is to be written, in a folder that is its owner's alone. Raises ``Unavailable``."""
        folder = self.store.of(self._session)
        try:
            private_folder(folder)
        except OSError as error:
            raise of_the_disk(error, folder.parent) from None
        return folder / f".{secrets.token_hex(8)}"

    def bring(self, written: Path, handover: Handover) -> None:
        """Take a file that was written at ``new_file`` for the content of ``handover``."""
        os.replace(written, self.store.path(self._session, handover.dataset.hash))
        self._waiting[handover.dataset.hash] = handover
        while len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def taken(self, sha256: str) -> Handover:
        """What was brought with that content. Raises ``NotFound``."""
        if found := self._waiting.get(sha256):
            return found
        raise NotFound(
            "No data of that hash was handed over here.",
            hint='Hand it over from Python: app.data("sales", df), or %appbuilder data df --table sales.',
            reason="no_such_data",
        )

    def share(self, source: str) -> None:
        """Take what another session has."""
        self.store.share(source, self._session)

    def keep_only(self, hashes: Collection[str]) -> None:
        self.store.keep_only(self._session, hashes)

    def forget(self) -> None:
        self.store.forget(self._session)

    async def restore(self, dataset: Dataset, path: str) -> None:
        """Put a dataset's file into the app of a fork, if its rows are kept."""
        file = self.store.path(self._session, dataset.hash)
        if file.is_file():
            await self._put(dataset, path, file)

    async def put(self, handover: Handover) -> None:
        """Put a file into the app, in place of an earlier one. Raises ``Conflict`` where the app has a file of its own
        there, ``Unavailable`` for a full disk: what was there stays."""
        dataset = handover.dataset
        await self._put(dataset, handover.path, self.store.path(self._session, dataset.hash))

    async def _put(self, dataset: Dataset, path: str, file: Path) -> None:
        content = (dataset.size, dataset.hash)
        await self._workspace.put_dataset(path, file, content, private=dataset.private)

    def file(self, dataset: Dataset) -> Path:
        """Where a dataset's rows lie. Raises ``NotFound`` where they are no longer kept."""
        path = self.store.path(self._session, dataset.hash)
        if path.is_file():
            return path
        raise NotFound(
            f"The rows of {dataset.name} ({dataset.rows:,}, SHA-256 {dataset.hash[:12]}…) are not on this machine.",
            hint=f'Hand them over again: app.data("{dataset.name}", df).',
            reason="data_gone",
        )
