"""What an app that has to run keeps while its built form is tried: each scenario finds it as it was."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Collection
from pathlib import Path

from ..workspace.folder import DIRECTORY, open_root, opened_folder, remove_at
from .building import copied

MOST = 20_000  # files that are looked at


class TriedData:
    """The data folders of the app in ``files``, whose first state is kept in ``kept``, a new folder (``AppData``)."""

    def __init__(self, files: Path, folders: Collection[str], kept: Path) -> None:
        self.data_folders = folders
        self._files = files
        self._kept = kept

    async def begin(self) -> None:
        """Keep how they are. Call it before anything runs in the app, which could put a link in their place."""
        await asyncio.to_thread(self._kept.mkdir)
        for number, folder in enumerate(self.data_folders):
            if (source := self._files / folder).is_dir():
                await copied(source, self._kept / str(number), lambda _: False)

    async def data_tree(self) -> str:
        """Another value whenever a file of them was changed."""
        return await asyncio.to_thread(self._signature)

    async def put_back_data(self, tree: str) -> None:
        """Make them what they were at first. Nothing may run in the app meanwhile."""
        for number, folder in enumerate(self.data_folders):
            await asyncio.to_thread(self._empty, folder)
            if (source := self._kept / str(number)).is_dir():
                await copied(source, self._files / folder, lambda _: False)

    def _empty(self, folder: str) -> None:
        *above, name = folder.rstrip("/").split("/")
        with opened_folder(self._files, tuple(above), make=True) as parent:  # through no link
            remove_at(parent, name)
            os.mkdir(name, dir_fd=parent)

    def _signature(self) -> str:
        digest, left = hashlib.sha256(), MOST
        root = open_root(self._files)
        try:
            for folder in self.data_folders:
                try:
                    descriptor = os.open(folder.rstrip("/"), DIRECTORY, dir_fd=root)
                except OSError:
                    continue
                try:
                    for here, _, names, place in os.fwalk(dir_fd=descriptor, follow_symlinks=False):
                        for name in sorted(names):
                            left -= 1
                            if left < 0:
                                return os.urandom(16).hex()
                            status = os.stat(name, dir_fd=place, follow_symlinks=False)
                            digest.update(f"{here}/{name!a} {status.st_size} {status.st_mtime_ns}\n".encode())
                finally:
                    os.close(descriptor)
        except OSError:
            return os.urandom(16).hex()  # it changes at this moment
        finally:
            os.close(root)
        return digest.hexdigest()
