"""The providers that the conformance suite runs against, one ``Subject`` each, made as ``SUBJECTS[name](folder)``.

A provider kept elsewhere joins by a module of this folder that is called ``<name>_subject.py`` and has a function
``subject(folder: Path) -> AbstractAsyncContextManager[Subject]``. It is found by its file: nothing here names it.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from sandbox.conftest import isolations

from jupyter_appbuilder.sandbox.base import Sandbox, SandboxProvider
from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.sandbox.local.processes.limits import descendants
from jupyter_appbuilder.templates.templates import Template

APP = Path(__file__).parent / "app"
"""The app every sandbox of the suite starts from: a dev server without packages."""


@dataclass
class Subject:
    """A provider under test.

    ``lose`` makes a sandbox vanish as bad luck would: what runs in it is gone, without a word to the provider. It
    returns when that has happened; losing a sandbox that does not exist yet does nothing.
    """

    name: str
    folder: Path
    provider: SandboxProvider
    lose: Callable[[Sandbox], Awaitable[None]]
    made: list[Sandbox] = field(default_factory=list[Sandbox])

    def workspace(self, name: str = "app") -> Path:
        """A workspace with the suite's app in it."""
        workspace = self.folder / name
        if not workspace.exists():
            shutil.copytree(APP, workspace)
        return workspace

    def template(self, *serve: str) -> Template:
        """The suite's template, with another ``serve`` command if one is given."""
        command = serve or ("node", "server.mjs", "{port}", "{base}")
        return Template("plain", "Plain", "No packages.", self.folder, command, ("true",))

    async def create(self, workspace: Path | None = None, template: Template | None = None) -> Sandbox:
        """A sandbox on ``workspace`` (default: ``self.workspace()``); its session is named like the folder."""
        workspace = workspace or self.workspace()
        sandbox = await self.provider.create(workspace.name, workspace, template or self.template())
        self.made.append(sandbox)
        return sandbox


MakeSubject = Callable[[Path], AbstractAsyncContextManager[Subject]]


@asynccontextmanager
async def local(folder: Path, **traits: Any) -> AsyncGenerator[Subject]:
    """The sandbox on this machine. Lost: every process of it is killed from outside."""

    async def lose(sandbox: Any) -> None:
        # Walls before what is in them, as when a whole sandbox is killed; installations run in a share of their own.
        spared = {pid for other in subject.made if other is not sandbox for pid in _pids(other)}
        for _ in range(2):  # what starts meanwhile, too
            for pid in descendants([os.getpid()])[1:]:
                if pid not in spared:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    provider = LocalSandbox(folder / "cache", **traits)
    subject = Subject("local", folder, provider, lose)
    try:
        yield subject
    finally:
        await provider.close()


def _pids(sandbox: Any) -> list[int]:
    return sandbox._share.pids() if sandbox._share else []


def _found() -> dict[str, MakeSubject]:
    kinds = isolations(slow=True)
    subjects: dict[str, MakeSubject] = {f"local-{kind}": partial(local, isolation=kind) for kind in kinds}
    for file in sorted(Path(__file__).parent.glob("*_subject.py")):
        subjects[file.stem.removesuffix("_subject")] = import_module(f"conformance.{file.stem}").subject
    return subjects


SUBJECTS: dict[str, MakeSubject] = _found()
