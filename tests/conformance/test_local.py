"""The sandbox on this machine, isolated in each way that works here."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sandbox.conftest import isolations

from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.sandbox.local.processes.limits import descendants
from jupyter_appbuilder.testing.sandboxes import SandboxSuite, Subject


class Local(SandboxSuite):
    isolation: str

    @asynccontextmanager
    async def subject(self, folder: Path) -> AsyncGenerator[Subject]:
        """Lost: every process of it is killed from outside."""

        async def lose(sandbox: Any) -> None:
            # Walls before what is in them, as when a whole sandbox is killed; installations run in a share of their
            # own.
            spared = {pid for other in subject.made if other is not sandbox for pid in _pids(other)}
            for _ in range(2):  # what starts meanwhile, too
                for pid in descendants([os.getpid()])[1:]:
                    if pid not in spared:
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)

        provider = LocalSandbox(folder / "cache", isolation=self.isolation)
        subject = Subject(folder, provider, lose)
        try:
            yield subject
        finally:
            await provider.close()


def _pids(sandbox: Any) -> list[int]:
    return sandbox._share.pids() if sandbox._share else []


def here(isolation: str) -> pytest.MarkDecorator:
    there = isolation in isolations(slow=True)
    return pytest.mark.skipif(not there, reason=f"{isolation} does not work on this machine")


@here("bubblewrap")
class TestBubblewrap(Local):
    isolation = "bubblewrap"


@here("landlock")
class TestLandlock(Local):
    isolation = "landlock"


@here("gvisor")
class TestGVisor(Local):
    isolation = "gvisor"
