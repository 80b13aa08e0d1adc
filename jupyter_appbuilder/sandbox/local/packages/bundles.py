"""Prebundled packages: what a dev server builds before its first page, built once for all sessions.

Bundling the packages of a template takes seconds, most of the time from a new session to its first page. A folder
``bundles/<key>/`` holds what the template's ``warm`` command wrote below ``node_modules``. It is made in a sandbox from
the template's own files, never from a session's: what generated code wrote must not reach another session. For the
same reason sessions get copies.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from ....cancellation import uncut
from ....templates.templates import Template
from ....workspace.folder import opened_folder
from ....workspace.holds import hold
from ...base import OnProgress, Progress
from ..processes.layout import WORKSPACE, Bind
from ..processes.runner import Runner, Setting
from .dependencies import WRITABLE, read_manifest

SECONDS = 60

log = logging.getLogger(__name__)


class Bundles:
    """The cache below ``folder`` (``<cache>/bundles``)."""

    def __init__(self, folder: Path, runner: Runner) -> None:
        self.folder = folder
        self._runner = runner
        self._keys: dict[tuple[Path, str], str] = {}
        self._failed: set[str] = set()
        self._making = asyncio.Lock()

    async def fill(self, scratch: Path, template: Template, modules: Path, on_progress: OnProgress | None) -> None:
        """Put what belongs to ``modules`` into ``scratch``, a session's writable folders, unless they hold something.

        Does nothing for other packages than the template's. Never raises: without it the dev server starts all the
        same, only later.
        """
        if not template.warm or await asyncio.to_thread(_used, scratch):
            return
        try:
            entry = await self._entry(template, modules, on_progress)
            if entry is not None:
                with hold(entry):  # nobody evicts it meanwhile
                    os.utime(entry)
                    # To its end: a copy that goes on would fill the folder again after it was removed.
                    await uncut(asyncio.to_thread(put_in_place, entry, scratch))
        except Exception as error:
            log.warning("The packages of template %s could not be prepared: %s", template.name, error)

    async def _entry(self, template: Template, modules: Path, on_progress: OnProgress | None) -> Path | None:
        key = await self._key(template, modules)
        if not key or key in self._failed:
            return None
        entry = self.folder / key
        if entry.is_dir():
            return entry
        async with self._making:
            if entry.is_dir() or key in self._failed:
                return entry if entry.is_dir() else None
            if on_progress:
                on_progress(Progress("Preparing packages for the first page"))
            if await self._make(template, modules, entry):
                return entry
            self._failed.add(key)
            return None

    async def _key(self, template: Template, modules: Path) -> str:
        """Empty when ``modules`` are not the template's own packages."""
        known = self._keys.get((template.files, modules.parent.name))
        if known is None:
            known = await asyncio.to_thread(_key_of, template, modules.parent.name)
            self._keys[template.files, modules.parent.name] = known
        return known

    async def _make(self, template: Template, modules: Path, entry: Path) -> bool:
        work = self.folder / f".{entry.name}-{secrets.token_hex(4)}"
        app, scratch = work / "app", work / "scratch"
        cell = self._runner.cell("bundle", self._runner.limits.dependency_memory)
        try:
            await asyncio.to_thread(shutil.copytree, template.files, app)
            (app / "node_modules").mkdir(exist_ok=True)
            binds = [Bind(app, WORKSPACE, writable=True), Bind(modules, f"{WORKSPACE}/node_modules")]
            binds += [Bind(folder, place) for place, folder in template.mounted.items()]
            for name in WRITABLE:
                (scratch / name).mkdir(parents=True)
                binds.append(Bind(scratch / name, f"{WORKSPACE}/node_modules/{name}", writable=True))
            environment = dict(template.environment) | {"VITE_CACHE_DIR": f"{WORKSPACE}/node_modules/.vite"}
            result = await self._runner.run(cell, list(template.warm), Setting(binds, environment), timeout=SECONDS)
            if result.exit_code:
                said = (result.stderr or result.stdout).strip()[-500:]
                log.warning("The packages of template %s could not be prepared: %s", template.name, said)
                return False
            with suppress(OSError):  # another process made the same
                scratch.rename(entry)
            return await asyncio.to_thread(entry.is_dir)
        finally:
            await self._runner.leave(cell)
            await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)


def put_in_place(entry: Path, scratch: Path) -> None:
    """Copy what ``entry`` holds into ``scratch``, where code of the session may be making links at this moment: none
    is followed, nothing that is there is written over. Raises ``OSError`` or ``InvalidInput``."""
    scratch.mkdir(parents=True, exist_ok=True)
    for place, _, names in os.walk(entry):
        parts = Path(place).relative_to(entry).parts
        with opened_folder(scratch, parts, make=True) as folder:
            for name in names:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                with open(Path(place, name), "rb") as source, suppress(FileExistsError):
                    with os.fdopen(os.open(name, flags, 0o644, dir_fd=folder), "wb") as target:
                        shutil.copyfileobj(source, target)


def _used(scratch: Path) -> bool:
    # Of what a dev server writes. A command before it (a check) may have left caches of its own beside that.
    return (scratch / ".vite").is_dir() and any((scratch / ".vite").iterdir())


def _key_of(template: Template, packages: str) -> str:
    manifest = read_manifest(template.files, template.lock)
    if manifest is None or manifest.key != packages:
        return ""
    digest = hashlib.sha256(packages.encode())
    digest.update(json.dumps([template.warm, dict(template.environment)], sort_keys=True).encode())
    for folder in (template.files, *([template.runtime] if template.runtime else [])):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(f"\n{path.relative_to(folder).as_posix()}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]
