"""E2B through the real SDK, its cloud on loopback. `e2b_live_subject.py` is the same for real."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from e2b_cloud.cloud import cloud

from conformance.subjects import Subject
from jupyter_appbuilder.sandbox.e2b import E2BSandbox


@asynccontextmanager
async def subject(folder: Path, **traits: Any) -> AsyncGenerator[Subject]:
    """Lost: E2B ends the sandbox, as it does with one whose time is over."""
    async with cloud(folder / "cloud", internet=True) as there:

        async def lose(sandbox: Any) -> None:
            for machine in list(there.sandboxes.values()):
                if machine.metadata.get("appbuilder-session") == sandbox.session:
                    await there.kill(machine.id)

        settings = {"api_key": there.key, "api_url": there.url, "sandbox_url": there.url} | traits
        provider = E2BSandbox(folder / "cache", **settings)
        try:
            yield Subject("e2b", folder, provider, lose)
        finally:
            await provider.close()
            assert not there.sandboxes, "Something was left running that costs money."
