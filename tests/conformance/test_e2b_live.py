"""E2B's real cloud, with the key in ``E2B_API_KEY``: `pytest -m e2b_live`. It starts some hundred small sandboxes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.sandbox.e2b import E2BSandbox
from jupyter_appbuilder.testing.sandboxes import SandboxSuite, Subject


@pytest.mark.e2b_live
class TestE2BLive(SandboxSuite):
    @asynccontextmanager
    async def subject(self, folder: Path) -> AsyncGenerator[Subject]:
        """Without a key its tests fail and say so: whoever asks for them wants to know."""

        async def lose(sandbox: Any) -> None:
            if sandbox._machine is not None:
                await sandbox._machine.sandbox.kill()

        provider = E2BSandbox(folder / "cache", timeout=300)
        try:
            yield Subject(folder, provider, lose)
        finally:
            await provider.close()
