"""E2B through the real SDK, its cloud on loopback. `test_e2b_live.py` is the same for real."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from e2b_cloud.cloud import cloud

from jupyter_appbuilder.sandbox.e2b import E2BSandbox
from jupyter_appbuilder.testing.sandboxes import SandboxSuite, Subject


class TestE2B(SandboxSuite):
    @asynccontextmanager
    async def subject(self, folder: Path) -> AsyncGenerator[Subject]:
        """Lost: E2B ends the sandbox, as it does with one whose time is over."""
        async with cloud(folder / "cloud", internet=True) as there:

            async def lose(sandbox: Any) -> None:
                for machine in list(there.sandboxes.values()):
                    if machine.metadata.get("appbuilder-session") == sandbox.session:
                        await there.kill(machine.id)

            provider = E2BSandbox(folder / "cache", api_key=there.key, api_url=there.url, sandbox_url=there.url)
            try:
                yield Subject(folder, provider, lose)
            finally:
                await provider.close()
                assert not there.sandboxes, "Something was left running that costs money."
