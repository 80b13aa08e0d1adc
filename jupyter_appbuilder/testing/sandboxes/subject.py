"""The provider under test, and how the suite creates it."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from ...sandbox.base import Sandbox, SandboxProvider
from ...templates.templates import Template
from .. import suite

APP = Path(__file__).parent / "app"
"""The app every sandbox of the suite starts from: a dev server without packages."""


@dataclass
class Subject:
    """A provider under test.

    ``lose`` makes a sandbox vanish as bad luck would: what runs in it is gone, without a word to the provider. It
    returns when that has happened; losing a sandbox that does not exist yet does nothing.
    """

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


Provided = Callable[[], AbstractAsyncContextManager[Subject]]


class Suite(suite.Suite):
    """Claims about sandboxes. Each test makes a provider of its own, on a folder of its own."""

    about: ClassVar[str] = "a sandbox provider"

    def subject(self, folder: Path) -> AbstractAsyncContextManager[Subject]:
        """A provider that keeps what it must below ``folder``; at the end it is closed, and nothing of it runs."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `subject`: see SandboxSuite.")

    @pytest.fixture
    def provided(self, tmp_path: Path) -> Provided:
        """``async with provided() as subject``."""
        return lambda: self.subject(tmp_path)
